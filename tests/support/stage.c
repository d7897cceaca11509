/* SPDX-License-Identifier: MIT */
#include "support/stage.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "support/cmocka.h"
#include "support/mono_shift.h"
#include "support/pump.h"
#include "support/queue_fixture.h"
#include "support/redis_server.h"
#include "support/worker_config.h"

const char *const quick[] = {"PUSHBRIDGE_RETRY_BASE_MS=1",    "PUSHBRIDGE_RETRY_CAP_MS=1",
                             "PUSHBRIDGE_ALIYUN_SETTLE_MS=0", "PUSHBRIDGE_LIMITS_ACCOUNTS=1",
                             "PUSHBRIDGE_QUEUE_NAMES=" QUEUE, NULL};

static void on_freed_credit(void *arg)
{
    ((struct stage *)arg)->freed++;
}

/* As the dispatcher does. */
static void on_fleet(void *arg)
{
    struct stage *s = arg;
    if (!s->closing)
        pipeline_tick(s->p);
}

void open_stage_with(struct stage *s, const char *const *vars, const char *file, int64_t lease_ms)
{
    struct err e;
    struct queue_opts opts = fixture_opts("w1");
    memset(s, 0, sizeof *s);
    provider_open(&s->provider, base);
    worker_config_load(&s->config, s->provider.port, server.port, vars, file);
    opts.lease_ms = lease_ms;
    opts.digest = s->config.digest;
    opts.crash_limit = s->config.crash_limit;
    s->sender = sender_new(base, &s->config, &e);
    assert_non_null(s->sender);
    s->w = worker_new(&opts);
    s->fleet = fleet_new(base, &s->config, s->w->cmd, "w1", on_fleet, s);
    others_looked(fleet_others(s->fleet), INT64_MAX); /* there are none */
    s->router = router_new(base, NULL, &s->config.redis, s->w->cmd);
    s->credentials = app_credentials_new(base, &s->config, on_fleet, s);
    s->p = pipeline_new(&s->config, s->sender, s->credentials, s->fleet, s->router, "w1",
                        on_freed_credit, s);
    fleet_connected(s->fleet);
    pump_until(base, !fleet_paused(s->fleet));
}

void open_stage(struct stage *s)
{
    open_stage_with(s, quick, NULL, 9000);
}

void close_stage(struct stage *s)
{
    s->closing = true;
    sender_free(s->sender);
    router_free(s->router);
    worker_free(s->w);
    pipeline_free(s->p);
    app_credentials_free(s->credentials);
    fleet_free(s->fleet);
    provider_close(&s->provider);
    config_free(&s->config);
    mono_shift_ms = mono_step_ms = 0;
}

static void on_claimed(void *arg, const struct queue_claim *claim, enum claim_end end,
                       unsigned ready)
{
    (void)end, (void)ready;
    struct stage *s = arg;
    struct queue_member members[STAGE_CLAIM_MAX];
    if (!claim) {
        s->claiming = false;
        return;
    }
    assert_true(claim->n <= STAGE_CLAIM_MAX);
    for (size_t i = 0; i < claim->n; i++) {
        members[i] = claim->members[i];
        members[i].crashes += s->crashes;
        members[i].taken_over |= s->taken_over;
        if (s->envelope) {
            members[i].envelope = s->envelope;
            members[i].envelope_len = strlen(s->envelope);
        }
    }
    struct queue_claim told = *claim;
    told.members = members;
    told.digest = s->digest ? s->digest : claim->digest;
    pipeline_take(s->p, &told, s->w->q, &s->config);
    while (!s->reads_later && pipeline_read(s->p))
        ;
}

/* A claim as the dispatcher makes it. */
static void start_claim(struct stage *s, unsigned n)
{
    struct queue_unpark unparks[CONFIG_APPS_MAX];
    size_t nunparks = pipeline_probes(s->p, 64, unparks);
    if (!nunparks)
        nunparks = pipeline_drainable(s->p, n, unparks);
    const struct queue_ask ask = {.n = n,
                                  .unparks = unparks,
                                  .nunparks = nunparks,
                                  .order = QUEUE_PARKED_FIRST,
                                  .parked_max = s->config.parked_max,
                                  .alone = pipeline_flights(s->p) == 0};
    s->claiming = true;
    queue_claim(s->w->q, &ask, on_claimed, s);
}

void take(struct stage *s, unsigned n)
{
    start_claim(s, n);
    pump_until(base, !s->claiming);
}

bool sweep(struct stage *s, unsigned n, bool room)
{
    struct queue_unpark unparks[CONFIG_APPS_MAX];
    size_t nunparks = pipeline_sweepable(s->p, n, room, unparks);
    if (!nunparks)
        return false;
    s->claiming = true;
    const struct queue_ask ask = {.unparks = unparks, .nunparks = nunparks, .order = QUEUE_BESIDE};
    queue_claim(s->w->q, &ask, on_claimed, s);
    pump_until(base, !s->claiming);
    return true;
}

bool claims_on(struct stage *s)
{
    if (!s->claiming)
        start_claim(s, 8);
    return true;
}

long long ended(void)
{
    return cli_int("LLEN " LIST_RESULTS) + cli_int("LLEN " LIST_DEAD);
}

bool idle(const struct stage *s)
{
    return pipeline_flights(s->p) == 0 && queue_unconfirmed(s->w->q) == 0 && !s->claiming;
}

void settle(struct stage *s)
{
    pump_until(base, idle(s));
    assert_int_equal(pipeline_busy(s->p), 0);
}

/* Takes and sends until n jobs have come to their end. */
void run_until_ended(struct stage *s, long long n)
{
    pump_until(base, claims_on(s) && ended() == n);
    settle(s);
}

void enqueue(const char *job)
{
    freeReplyObject(cli("RPUSH " QUEUE " %s", job));
}

void enqueue_accounts(const char *id, int n, const char *more)
{
    char job[512];
    int len = snprintf(job, sizeof job,
                       "{\"id\":\"%s\",\"message\":\"m\"%s,\"target\":{\"account\":[", id, more);
    for (int i = 0; i < n; i++)
        len += snprintf(job + len, sizeof job - (size_t)len, "%s\"u%d\"", i ? "," : "", i);
    snprintf(job + len, sizeof job - (size_t)len, "]}}");
    enqueue(job);
}

json_t *pop(const char *list)
{
    char *text = cli_text("LPOP %s", list);
    if (!text)
        fail_msg("%s is empty", list);
    json_t *root = json_loads(text, 0, NULL);
    assert_non_null(root);
    mem_free(text);
    return root;
}

const char *text_of(const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));
    return text ? text : "";
}

int64_t int_of(const json_t *o, const char *name)
{
    return json_integer_value(json_object_get(o, name));
}

void script(struct stage *s, int status, const char *code)
{
    provider_script(&s->provider, (struct provider_step){.status = status, .code = code});
}
