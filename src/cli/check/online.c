/* SPDX-License-Identifier: MIT */
#include "cli/check/online.h"

#include <string.h>

#include "base/mem.h"
#include "cli/check/online_server.h"
#include "cli/check/rights.h"
#include "cli/provider.h"

enum {
    /* The provider accepts stamps of 15 minutes at most. */
    STAMP_MAX_MS = 15 * 60 * 1000,
    DATE_STEP_MS = 1000,
};

/* --- Redis ----------------------------------------------------------------------------------- */

static void report_unreachable(struct report *r, const char *why)
{
    static const struct {
        const char *word, *what, *advice;
    } known[] = {
        {"not a master", "redis.role",
         "redis.url must lead to the master; redis+sentinel:// finds it by itself"},
        {"lacks +", "redis.rights", "grant it: conf/redis-acl.conf is what is needed"},
        {"AUTH", "redis.connection", "see redis.username and redis.password"},
        {"older than", "redis.version", "Redis 5.0 or newer"},
        {"certificate", "redis.connection", "see redis.ca_file, redis.cert_file, redis.tls_name"},
        {"", "redis.connection", "does it run, and is redis.url right?"},
    };
    size_t i = 0;
    while (!strstr(why, known[i].word))
        i++;
    report_add(r, FINDING_ERROR, known[i].what, known[i].advice, "%s", why);
}

/* The queues from first up to end, all behind one connection. */
static int check_place(const struct config *config, size_t first, size_t end, struct report *r)
{
    int code = CLI_OK;
    struct err e;
    struct link *l = link_try(config, &code, &e);
    if (!l) {
        report_unreachable(r, e.text);
        return code;
    }
    online_server(l, config, r);
    rights_try(l, config, first, end, r);
    link_close(l);
    return CLI_OK;
}

static int check_cluster(const struct config *config, struct report *r)
{
    int code = CLI_OK;
    for (size_t i = 0; i < config->nqueues; i++) {
        struct config owner = *config;
        const char *queue = config->queue_names[i];
        owner.redis.slot = cluster_slot(queue, strlen(queue));
        r->queue = queue;
        int found = check_place(&owner, i, i + 1, r);
        mem_wipe(&owner, sizeof owner);
        code = found ? found : code;
    }
    r->queue = NULL;
    return code;
}

/* --- the provider ---------------------------------------------------------------------------- */

static const char *advice_of(enum http_state state)
{
    switch (state) {
    case HTTP_CERTIFICATE:
        return "see aliyun.ca_file";
    case HTTP_NOT_SENT:
        return "see aliyun.endpoint, aliyun.proxy, aliyun.ca_file, name service and firewall";
    case HTTP_ANSWERED:
    case HTTP_UNANSWERED:
        break;
    }
    return "see aliyun.endpoint and aliyun.timeout_ms";
}

static void report_touch(struct report *r, const struct config *config, const struct touch *t)
{
    report_add(r, FINDING_OK, "aliyun.endpoint", NULL, "%s answers (status %d)", config->endpoint,
               t->status);
    if (t->dated)
        report_clock(r, "aliyun.clock", t->date_ms - t->answered_wall_ms,
                     t->date_ms + DATE_STEP_MS - t->sent_wall_ms, STAMP_MAX_MS);
    else
        report_add(r, FINDING_WARNING, "aliyun.clock", NULL,
                   "not known: the answer has no Date that can be read");
}

/* Temporary keys are fetched once; permanent ones were printed with the rest. */
static void check_keys(struct event_base *base, const struct config *config,
                       const struct config_app *app, struct report *r)
{
    static const char what[] = "credentials";
    const char *name = app->app.name, *kind = credentials_kind_name(app->source.kind);
    char shown[CREDENTIALS_MASKED_SIZE];
    struct credentials_owned keys;
    struct err e;
    int64_t left_ms;
    if (app->source.kind == CREDENTIALS_STATIC)
        return;
    if (!provider_keys(base, config, app, &keys, &left_ms, &e)) {
        report_add(r, FINDING_ERROR, what, "docs/credentials.md", "app %s: %s: %s", name, kind,
                   e.text);
        return;
    }
    credentials_mask(keys.id, shown);
    if (left_ms)
        report_add(r, FINDING_OK, what, NULL, "app %s: %s, key %s, for %lld s", name, kind, shown,
                   (long long)left_ms / 1000);
    else
        report_add(r, FINDING_OK, what, NULL, "app %s: %s, key %s", name, kind, shown);
    credentials_free(&keys);
}

static void check_provider(const struct config *config, struct report *r)
{
    struct touch t;
    struct err e;
    struct event_base *base = event_base_new();
    for (size_t i = 0; base && i < config->napps; i++)
        check_keys(base, config, &config->apps[i], r);
    if (!base)
        report_add(r, FINDING_ERROR, "aliyun.endpoint", NULL, "no event loop");
    else if (provider_touch(base, config, &t, &e))
        report_touch(r, config, &t);
    else
        report_add(r, FINDING_ERROR, "aliyun.endpoint", advice_of(t.state), "%s: %s",
                   config->endpoint, e.text);
    if (base)
        event_base_free(base);
}

/* --- all of it ------------------------------------------------------------------------------- */

int online_check(const struct config *config, bool strict)
{
    struct report r = {.strict = strict};
    int code = config->redis.topology == TOPOLOGY_CLUSTER
                   ? check_cluster(config, &r)
                   : check_place(config, 0, config->nqueues, &r);
    check_provider(config, &r);
    return code ? code : r.errors ? CLI_FAILED : CLI_OK;
}
