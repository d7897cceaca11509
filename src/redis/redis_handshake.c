/* SPDX-License-Identifier: MIT
 * The first words on a connection. All steps are sent at once; the first one that fails loses the
 * connection, and the others then see NULL. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/metrics.h"
#include "base/said.h"
#include "base/text.h"
#include "redis/redis_core.h"

enum {
    VERSION_MIN = 50000,
    UNSUPPORTED_RETRY_FACTOR = 5, /* times backoff_cap_ms */
};

/* right: what an ACL must grant for the step. */
static bool step_ok(struct redis *r, const redisReply *reply, const char *step, const char *right)
{
    if (!reply)
        return false;
    if (reply->type != REDIS_REPLY_ERROR)
        return true;
    char why[REDIS_WHY_SIZE];
    if (text_starts(reply->str, "NOPERM"))
        snprintf(why, sizeof why, "the ACL user \"%s\" lacks %s (%s)",
                 r->opts.user[0] ? r->opts.user : "default", right, reply->str);
    else
        snprintf(why, sizeof why, "%s: %s", step, reply->str);
    redis_lose_and_retry(r, why);
    return false;
}

static void on_auth(void *arg, redisReply *reply)
{
    step_ok(arg, reply, "AUTH", "+auth");
}

static void on_select(void *arg, redisReply *reply)
{
    step_ok(arg, reply, "SELECT", "+select");
}

/* {"master", …}, {"slave", …} or {"sentinel", …}: whoever named the address may be behind. */
static void on_role_reply(void *arg, redisReply *reply)
{
    struct redis *r = arg;
    char why[REDIS_WHY_SIZE];
    if (!step_ok(r, reply, "ROLE", "+role"))
        return;
    const redisReply *role =
        reply->type == REDIS_REPLY_ARRAY && reply->elements ? reply->element[0] : NULL;
    if (!role || role->type != REDIS_REPLY_STRING) {
        redis_lose_and_retry(r, "ROLE: not an answer");
    } else if (strcmp(role->str, "master") != 0) {
        char said[32];
        snprintf(why, sizeof why, "the server is a %s, not a master",
                 strcmp(role->str, "slave") == 0 ? "replica"
                                                 : said_copy(said, sizeof said, role->str));
        redis_lose_and_retry(r, why);
    }
}

static void on_info_reply(void *arg, redisReply *reply)
{
    struct redis *r = arg;
    struct redis_info info;
    if (!step_ok(r, reply, "INFO", "+info"))
        return;
    if (reply->type != REDIS_REPLY_STRING || !redis_info_read(reply->str, &info)) {
        redis_lose_and_retry(r, "INFO: no version or run id");
        return;
    }
    r->version = info.version;
    memcpy(r->run_id, info.run_id, sizeof r->run_id);
    if (r->version >= VERSION_MIN)
        return;
    char why[REDIS_WHY_SIZE];
    snprintf(why, sizeof why, "server version %s is older than 5.0", info.version_text);
    redis_lose(r, REDIS_UNSUPPORTED, why,
               (int64_t)r->opts.backoff_cap_ms * UNSUPPORTED_RETRY_FACTOR);
}

/* The last step. A refused name is no obstacle: it only helps whoever reads CLIENT LIST. */
static void on_named(void *arg, redisReply *reply)
{
    struct redis *r = arg;
    if (!reply)
        return;
    r->state = r->reported = REDIS_UP;
    r->why[0] = r->logged[0] = '\0';
    metrics_add(METRIC_REDIS_CONNECTS, r->was_up);
    r->was_up = true;
    log_info("event=redis_up name=%s server=%s port=%d version=%u", log_value(r->name),
             log_value(r->opts.unix_path[0] ? r->opts.unix_path : r->where.host), r->where.port,
             r->version);
    r->fn(r->arg, REDIS_UP, "");
}

static void step(struct redis *r, int argc, const char **argv, redis_reply_fn fn)
{
    redis_send(r, argc, argv, NULL, 0, fn, r);
}

void redis_handshake(struct redis *r)
{
    const char *user = r->opts.user, *password = r->opts.password;
    char db[16];
    snprintf(db, sizeof db, "%d", r->opts.db);
    if (user[0])
        step(r, 3, (const char *[]){"AUTH", user, password}, on_auth);
    else if (password[0])
        step(r, 2, (const char *[]){"AUTH", password}, on_auth);
    if (r->opts.db)
        step(r, 2, (const char *[]){"SELECT", db}, on_select);
    step(r, 1, (const char *[]){"ROLE"}, on_role_reply);
    step(r, 2, (const char *[]){"INFO", "server"}, on_info_reply);
    step(r, 3, (const char *[]){"CLIENT", "SETNAME", "pushbridge"}, on_named);
}
