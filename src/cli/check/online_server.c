/* SPDX-License-Identifier: MIT */
#include "cli/check/online_server.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/number.h"
#include "redis/redis_info.h"

enum { FIELD_SIZE = 64, WHY_SIZE = 128 };

struct server {
    struct link *link;
    const struct config *config;
    struct report *report;
    char *info; /* NULL: not answered */
};

/* "" where INFO does not say. */
struct field {
    char text[FIELD_SIZE];
};
static struct field read_field(const struct server *s, const char *key)
{
    struct field f = {""};
    redis_info_field(s->info, key, f.text, sizeof f.text);
    return f;
}

static bool info_field_is(const struct server *s, const char *key, const char *value)
{
    return strcmp(read_field(s, key).text, value) == 0;
}

/* --- settings -------------------------------------------------------------------------------- */

struct setting {
    bool known;
    char value[FIELD_SIZE], why[WHY_SIZE]; /* why it is not known */
};

static void on_setting(void *arg, redisReply *reply)
{
    struct setting *s = arg;
    if (!reply)
        snprintf(s->why, sizeof s->why, "no answer");
    else if (reply->type == REDIS_REPLY_ERROR)
        snprintf(s->why, sizeof s->why, "not allowed to look: %s", reply->str);
    else if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || !reply->element[1]->str)
        snprintf(s->why, sizeof s->why, "the server does not have it");
    else {
        s->known = true;
        snprintf(s->value, sizeof s->value, "%s", reply->element[1]->str);
    }
}

static struct setting read_setting(const struct server *s, const char *name)
{
    struct setting out = {.known = false};
    link_command(s->link, 3, (const char *[]){"CONFIG", "GET", name}, NULL, 0, on_setting, &out);
    return out;
}

/* --- persistence ----------------------------------------------------------------------------- */

static void check_snapshots(const struct server *s)
{
    static const char advice[] = "appendonly yes";
    struct setting save = read_setting(s, "save");
    if (!save.known)
        report_add(s->report, FINDING_WARNING, "redis.persistence", advice,
                   "AOF off: a crash of Redis loses jobs and outcomes since the last snapshot, all "
                   "where there is none (save: %s)",
                   save.why);
    else if (*save.value)
        report_add(s->report, FINDING_WARNING, "redis.persistence", advice,
                   "AOF off, save \"%s\": a crash of Redis loses jobs and outcomes since the last "
                   "snapshot",
                   save.value);
    else
        report_add(s->report, FINDING_WARNING, "redis.persistence", advice,
                   "AOF off, no snapshots: a restart of Redis loses all jobs and outcomes");
}

static void check_fsync(const struct server *s)
{
    static const char what[] = "redis.persistence";
    const char *advice = "appendfsync always, or redis.may_forget = true against the second send";
    struct setting sync = read_setting(s, "appendfsync");
    bool may_forget = s->config->may_forget;
    enum finding level = may_forget ? FINDING_OK : FINDING_WARNING;
    if (!sync.known)
        report_add(s->report, level, what, may_forget ? NULL : advice,
                   "AOF on, appendfsync not known (%s): unless it is \"always\", a power cut loses "
                   "the last jobs and outcomes, and claims, so that jobs may be sent twice",
                   sync.why);
    else if (strcmp(sync.value, "always") == 0)
        report_add(s->report, FINDING_OK, what, NULL, "AOF on, appendfsync always");
    else if (strcmp(sync.value, "no") == 0)
        report_add(s->report, FINDING_WARNING, what, "appendfsync always",
                   "AOF on, appendfsync no: a power cut loses jobs, outcomes and claims that the "
                   "system had not written yet");
    else
        report_add(
            s->report, level, what, may_forget ? NULL : advice,
            "AOF on, appendfsync %s: a power cut loses the last second's jobs and outcomes%s",
            sync.value,
            may_forget ? "; redis.may_forget is set"
                       : ", and claims, so that jobs may be sent twice");
}

static void check_persistence(const struct server *s)
{
    if (info_field_is(s, "aof_last_write_status:", "err"))
        report_add(s->report, FINDING_ERROR, "redis.persistence", "see Redis' log, disk full?",
                   "the last write of the AOF failed");
    if (info_field_is(s, "rdb_last_bgsave_status:", "err"))
        report_add(s->report, FINDING_ERROR, "redis.persistence", "see Redis' log, disk full?",
                   "the last snapshot failed");
    if (info_field_is(s, "aof_enabled:", "1"))
        check_fsync(s);
    else if (info_field_is(s, "aof_enabled:", "0"))
        check_snapshots(s);
    else
        report_add(s->report, FINDING_WARNING, "redis.persistence", NULL,
                   "not known: INFO does not say");
}

/* --- replicas -------------------------------------------------------------------------------- */

static int64_t count_online(const char *info)
{
    int64_t n = 0;
    for (const char *at = info; (at = strstr(at, ",state=online")); at++)
        n++;
    return n;
}

static void check_replicas(const struct server *s)
{
    const struct config *c = s->config;
    int64_t listed = number_read(read_field(s, "connected_slaves:").text),
            n = count_online(s->info);
    bool fails_over = c->redis.topology != TOPOLOGY_SINGLE;
    enum finding level = FINDING_OK;
    const char *advice = NULL;
    if (n < c->wait_replicas) {
        level = FINDING_ERROR;
        advice = "nothing is sent with fewer: start replicas, or lower redis.wait_replicas";
    } else if (fails_over && !n) {
        level = FINDING_WARNING;
        advice = "there is nothing to fail over to: start a replica";
    } else if (fails_over && !c->wait_replicas && !c->may_forget) {
        level = FINDING_WARNING;
        advice = "a failover may lose claims, so that jobs are sent twice: redis.may_forget = true "
                 "or redis.wait_replicas";
    }
    report_add(s->report, level, "redis.replicas", advice,
               "%" PRId64 " online of %" PRId64 ", redis.wait_replicas = %" PRId64, n, listed,
               c->wait_replicas);
}

/* --- eviction, clock ------------------------------------------------------------------------- */

static void check_eviction(const struct server *s)
{
    static const char what[] = "redis.maxmemory-policy", advice[] = "maxmemory-policy noeviction";
    struct field policy = read_field(s, "maxmemory_policy:"), max = read_field(s, "maxmemory:");
    if (!*policy.text)
        report_add(s->report, FINDING_WARNING, what, advice, "not known: INFO does not say");
    else if (strcmp(policy.text, "noeviction") == 0)
        report_add(s->report, FINDING_OK, what, NULL, "noeviction (maxmemory %s)", max.text);
    else
        report_add(s->report, report_strictly(s->report), what, advice,
                   "%s (maxmemory %s): when memory is full, Redis drops jobs", policy.text,
                   max.text);
}

/* 0: none. */
static void on_time(void *arg, redisReply *reply)
{
    int64_t *ms = arg;
    if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
        reply->element[0]->str && reply->element[1]->str)
        *ms =
            number_read(reply->element[0]->str) * 1000 + number_read(reply->element[1]->str) / 1000;
}

static void check_clock(const struct server *s)
{
    int64_t theirs_ms = 0, before_ms = clock_wall_ms();
    link_command(s->link, 1, (const char *[]){"TIME"}, NULL, 0, on_time, &theirs_ms);
    if (theirs_ms)
        report_clock(s->report, "redis.clock", theirs_ms - clock_wall_ms(), theirs_ms - before_ms,
                     INT64_MAX);
    else
        report_add(s->report, FINDING_WARNING, "redis.clock", NULL,
                   "not known: TIME was not answered");
}

/* --- all of it ------------------------------------------------------------------------------- */

static void on_server_info(void *arg, redisReply *reply)
{
    struct server *s = arg;
    if (reply && reply->type == REDIS_REPLY_STRING)
        s->info = mem_strdup(reply->str);
}

void online_server(struct link *l, const struct config *config, struct report *r)
{
    char at[512];
    unsigned version = link_version(l);
    struct server s = {.link = l, .config = config, .report = r};
    redis_opts_describe(&config->redis, at, sizeof at);
    report_add(r, FINDING_OK, "redis.connection", NULL, "%s%s", at,
               config->redis.tls ? ", TLS" : "");
    report_add(r, FINDING_OK, "redis.role", NULL, "master");
    report_add(r, FINDING_OK, "redis.version", NULL, "%u.%u.%u", version / 10000,
               version / 100 % 100, version % 100);
    check_clock(&s);
    link_command(l, 1, (const char *[]){"INFO"}, NULL, 0, on_server_info, &s);
    if (!s.info) {
        report_add(r, FINDING_ERROR, "redis.info", NULL, "INFO was not answered");
        return;
    }
    check_eviction(&s);
    check_persistence(&s);
    check_replicas(&s);
    mem_free(s.info);
}
