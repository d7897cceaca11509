/* SPDX-License-Identifier: MIT
 * Does a fleet find a quota that nobody told it? The real flow.lua inside a real redis-server, on a
 * clock of our own, and the real modules of the workers' side (limits_ask, limits_core,
 * limits_cool), against quotas as a provider might keep them. Usage: throttle [all]: a selection,
 * or all rows; writes a table and fails where a fleet gets less than it should. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "fleet/limits_core.h"
#include "queue/scripts.h"
#include "sim/quota.h"
#include "sim/virtual.h"
#include "support/redis_server.h"

enum {
    WORKERS_MAX = 20,
    REDIS_US = 1000, /* a question and its answer */
    TICK_US = 250000,
    WARM_S = 60,
    MEASURED_S = 60,
    OURS_PER_S = 16666,
    LATENCY_MIN_US = 50000,
    LATENCY_MAX_US = 300000,
    LEAST_PERCENT = 80,
    REST_MAX_MS = 2000,
};

/* What is tried. */
struct trial {
    enum quota_kind kind;
    double quota; /* per s */
    int workers;
    bool hints;
    double others; /* part of the quota that somebody else uses */
    double later;  /* the quota is multiplied by so much half way; 0: it stays */
};

struct tally {
    int64_t sent, throttled;
    int64_t rest_ms;           /* the longest that no hint asked for */
    int64_t still_us, last_us; /* the longest time without a call going through, but for hints */
};

struct worker {
    struct limits *flow;
    int64_t out, room;
};

static struct redis_server server;
static redisContext *redis;
static char *script;
static struct config config;
static struct config_app app;
static struct worker workers[WORKERS_MAX];
static struct trial trial;
static struct quota quota;
static struct tally tally;
static int64_t hinted_till_us;
static uint32_t calls;

/* --- Redis ----------------------------------------------------------------------------------- */

static void stop(const char *what)
{
    fprintf(stderr, "throttle: %s\n", what);
    redis_server_stop(&server);
    exit(1);
}

/* Redis' clock is the only thing that a script cannot be given: two keys stand for it here. */
static char *on_our_clock(const char *source)
{
    static const char asked[] = "call('TIME')", given[] = "{KEYS[3], KEYS[4]}";
    const char *at = strstr(source, asked);
    struct buf b;
    if (!at)
        stop("flow.lua does not ask for the time");
    buf_init(&b, 64 * 1024);
    buf_printf(&b, "%.*s%s%s", (int)(at - source), source, given, at + strlen(asked));
    return buf_take(&b);
}

static void load_script(void)
{
    char *source = on_our_clock(script_get(SCRIPT_FLOW)->source);
    redisReply *r = redisCommand(redis, "SCRIPT LOAD %s", source);
    if (!r || r->type != REDIS_REPLY_STRING)
        stop(r ? r->str : "no answer");
    script = mem_strdup(r->str);
    freeReplyObject(r);
    mem_free(source);
}

struct asking {
    limit_grants_fn fn;
    void *arg;
    size_t n;
    bool hinted;
    struct limit_grant grants[LIMIT_ASKS_MAX];
};

static void on_answer(void *arg, int64_t unused)
{
    (void)unused;
    struct asking *a = arg;
    a->fn(a->arg, a->grants);
    free(a);
}

static int add(char (*words)[64], const char **v, int n, double x)
{
    snprintf(words[n], sizeof words[n], "%.12g", x);
    v[n] = words[n];
    return n + 1;
}

static redisReply *evaluate(const struct limit_ask *asks, size_t n)
{
    static char words[8 + 11 * LIMIT_ASKS_MAX][64];
    const char *v[8 + 11 * LIMIT_ASKS_MAX] = {"EVALSHA", script, "4", "flow", "control"};
    int k = 5;
    k = add(words, v, k, (double)(virtual_us() / 1000000));
    k = add(words, v, k, (double)(virtual_us() % 1000000));
    for (size_t i = 0; i < n; i++) {
        const struct limit_report *r = &asks[i].report;
        v[k++] = asks[i].name;
        const double numbers[] = {asks[i].rate,
                                  asks[i].burst,
                                  (double)asks[i].want,
                                  (double)asks[i].back,
                                  (double)r->through,
                                  (double)r->throttled,
                                  r->first,
                                  r->last};
        for (size_t j = 0; j < sizeof numbers / sizeof *numbers; j++)
            k = add(words, v, k, numbers[j]);
        k = add(words, v, k, (double)r->hint_ms);
        if (r->hint_ms <= 0)
            v[k - 1] = "";
        k = add(words, v, k, (double)r->age_ms);
    }
    return redisCommandArgv(redis, k, v, NULL);
}

void __wrap_fleet_store_ask(struct fleet_store *s, const struct limit_ask *asks, size_t n,
                            limit_grants_fn fn, void *arg);
void __wrap_fleet_store_ask(struct fleet_store *s, const struct limit_ask *asks, size_t n,
                            limit_grants_fn fn, void *arg)
{
    (void)s;
    redisReply *r = evaluate(asks, n);
    if (!r || r->type != REDIS_REPLY_ARRAY || r->elements != 3 + 6 * n)
        stop(r && r->str ? r->str : "a reply of another length");
    struct asking *a = calloc(1, sizeof *a);
    a->fn = fn;
    a->arg = arg;
    for (size_t i = 0; i < n; i++) {
        const redisReply *const *e = (const redisReply *const *)r->element + 2 + 6 * i;
        a->grants[i] = (struct limit_grant){e[0]->integer, e[1]->integer, e[2]->integer,
                                            e[3]->integer, e[4]->integer, e[5]->integer};
        if (!trial.hints && e[2]->integer > tally.rest_ms)
            tally.rest_ms = e[2]->integer;
    }
    freeReplyObject(r);
    virtual_at(virtual_us() + REDIS_US, on_answer, a, 0);
}

/* --- provider -------------------------------------------------------------------------------- */

static void send_what_may_go(struct worker *w);

/* The first call of a minute whose predecessor's quota was used up. */
static bool spent_window(void)
{
    return quota.kind == QUOTA_MINUTE && quota.tokens >= quota.per_s * 60 - 2;
}

static void note_sent(void)
{
    int64_t now = virtual_us(),
            since = tally.last_us > hinted_till_us ? tally.last_us : hinted_till_us;
    if (now - since > tally.still_us && !spent_window())
        tally.still_us = now - since;
    tally.last_us = now;
    tally.sent++;
}

struct flying {
    struct worker *worker;
    uint32_t number;
    int64_t sent_us, wait_us;
    bool let_through;
};

static void on_reply(void *arg, int64_t unused)
{
    (void)unused;
    struct flying *c = arg;
    c->worker->out--;
    if (c->let_through)
        limits_passed(c->worker->flow, 0, LIMIT_PUSH);
    else
        limits_throttled(
            c->worker->flow, 0, LIMIT_PUSH,
            &(struct limit_throttle){.call = c->number,
                                     .hint_ms = trial.hints ? c->wait_us / 1000 + 1 : 0,
                                     .age_ms = (virtual_us() - c->sent_us) / 1000});
    send_what_may_go(c->worker);
    free(c);
}

static void on_arrival(void *arg, int64_t back_us)
{
    struct flying *c = arg;
    c->let_through = quota_take(&quota, virtual_us(), &c->wait_us);
    if (c->let_through)
        note_sent();
    else
        tally.throttled++;
    if (!c->let_through && trial.hints && virtual_us() + c->wait_us > hinted_till_us)
        hinted_till_us = virtual_us() + c->wait_us;
    virtual_at(virtual_us() + back_us, on_reply, c, 0);
}

/* Another party of the account, which takes its part evenly and does not care. */
static void on_other(void *arg, int64_t gap_us)
{
    int64_t wait_us;
    quota_take(&quota, virtual_us(), &wait_us);
    virtual_at(virtual_us() + gap_us, on_other, arg, gap_us);
}

/* --- workers --------------------------------------------------------------------------------- */

static void send_one(struct worker *w)
{
    int64_t latency = LATENCY_MIN_US + (int64_t)virtual_random(LATENCY_MAX_US - LATENCY_MIN_US);
    struct flying *c = calloc(1, sizeof *c);
    *c = (struct flying){.worker = w, .number = ++calls, .sent_us = virtual_us()};
    w->out++;
    virtual_at(virtual_us() + latency / 2, on_arrival, c, latency / 2);
}

/* As claims do: jobs are taken as far as there are tokens. There are always more jobs. */
static size_t tokens_for(struct limits *l, size_t n)
{
    limits_ask_for(l, n);
    return limits_calls(l, n);
}

static void send_what_may_go(struct worker *w)
{
    int64_t wait_ms;
    size_t n = w->room > w->out ? tokens_for(w->flow, (size_t)(w->room - w->out)) : 0;
    for (; n && limits_take(w->flow, 0, LIMIT_PUSH, NULL, &wait_ms) == LIMIT_GO; n--)
        send_one(w);
}

static void on_tokens(void *arg)
{
    send_what_may_go(arg);
}

/* Each half second what the fleet agreed on. */
static void read_control(struct worker *w)
{
    redisReply *r = redisCommand(redis, "HGET control cool:Push@acme");
    if (r && r->type == REDIS_REPLY_STRING)
        limits_adopt_cool(w->flow, "Push@acme", strtoll(r->str, NULL, 10) - virtual_us() / 1000);
    freeReplyObject(r);
}

static void on_tick(void *arg, int64_t turn)
{
    struct worker *w = arg;
    limits_tick(w->flow);
    if (turn % 2)
        read_control(w);
    send_what_may_go(w);
    virtual_at(virtual_us() + TICK_US, on_tick, w, turn + 1);
}

static void start_workers(void)
{
    /* As many calls at once as the quota needs at this latency, and half as many more. */
    double need = trial.quota * fmax(1, trial.later) * 0.3 * 1.5 / trial.workers;
    for (int i = 0; i < trial.workers; i++) {
        struct worker *w = &workers[i];
        *w = (struct worker){.room = need > 64 ? (int64_t)need : 64};
        w->flow = limits_new(NULL, &config, NULL, on_tokens, w);
        virtual_at(virtual_us() + (int64_t)virtual_random(TICK_US), on_tick, w, 0);
    }
}

/* --- trials ---------------------------------------------------------------------------------- */

static void set_up(const struct trial *t)
{
    freeReplyObject(redisCommand(redis, "DEL flow control"));
    virtual_reset(42);
    trial = *t;
    quota =
        (struct quota){.kind = t->kind, .per_s = t->quota, .tokens = 0, .stamp_us = virtual_us()};
    tally = (struct tally){.last_us = virtual_us()};
    hinted_till_us = 0;
    calls = 0;
    start_workers();
    if (t->others > 0) {
        int64_t gap_us = (int64_t)(1e6 / (t->quota * t->others));
        virtual_at(virtual_us(), on_other, NULL, gap_us);
    }
}

static struct tally run_for(int64_t seconds)
{
    int64_t rest_ms = tally.rest_ms;
    tally = (struct tally){.last_us = virtual_us(), .rest_ms = rest_ms};
    virtual_run(virtual_us() + seconds * 1000000);
    return tally;
}

static void print_head(void)
{
    puts("| quota per s | kept as | workers | hints | others use | first minute | next minute | "
         "throttled | longest still | longest rest |");
    puts("|---:|---|---:|---|---:|---:|---:|---:|---:|---:|");
}

static bool print_row(const struct trial *t, const struct tally *first, const struct tally *next)
{
    static const char *const kinds[] = {"bucket", "second", "minute"};
    double ours = t->quota * (1 - t->others) * MEASURED_S, later = t->later > 0 ? t->later : 1;
    double got = 100 * (double)next->sent / (ours * later);
    char change[32] = "", rest[320] = "";
    if (!t->hints)
        snprintf(rest, sizeof rest, "%.1f s", (double)next->rest_ms / 1000);
    if (t->later > 0)
        snprintf(change, sizeof change, ", then %g", t->quota * t->later);
    printf("| %g%s | %s | %d | %s | %.0f %% | %.0f %% | %.0f %% | %.1f %% | %.1f s | %s |\n",
           t->quota, change, kinds[t->kind], t->workers, t->hints ? "yes" : "no", 100 * t->others,
           100 * (double)first->sent / ours, got,
           100.0 * (double)next->throttled / (double)(next->sent + next->throttled + 1),
           (double)next->still_us / 1e6, rest);
    fflush(stdout);
    bool ok = got >= LEAST_PERCENT && next->rest_ms <= REST_MAX_MS;
    if (!ok)
        fprintf(stderr, "throttle: the row above: %.1f %%, longest rest without a hint %lld ms\n",
                got, (long long)next->rest_ms);
    return ok;
}

static bool try(const struct trial *t)
{
    set_up(t);
    struct tally first = run_for(WARM_S), next;
    if (t->later > 0) {
        quota.per_s *= t->later;
        run_for(WARM_S);
    }
    next = run_for(MEASURED_S);
    bool ok = print_row(t, &first, &next);
    for (int i = 0; i < t->workers; i++)
        limits_free(workers[i].flow);
    return ok;
}

static bool try_all(void)
{
    static const double quotas[] = {1, 10, 100, 1000, 16666};
    static const int fleets[] = {1, 5, 20};
    bool ok = true;
    for (size_t q = 0; q < 5; q++)
        for (int kind = QUOTA_BUCKET; kind <= QUOTA_MINUTE; kind++)
            for (size_t w = 0; w < 3; w++)
                for (int hints = 1; hints >= 0; hints--)
                    ok &= try(
                        &(struct trial){(enum quota_kind)kind, quotas[q], fleets[w], hints, 0, 0});
    return ok;
}

static const struct trial selection[] = {
    {QUOTA_BUCKET, 1, 5, false, 0, 0},     {QUOTA_SECOND, 10, 2, true, 0, 0},
    {QUOTA_SECOND, 100, 2, true, 0, 0},    {QUOTA_SECOND, 100, 2, false, 0, 0},
    {QUOTA_BUCKET, 100, 20, false, 0, 0},  {QUOTA_MINUTE, 100, 2, false, 0, 0},
    {QUOTA_BUCKET, 100, 5, false, 0.4, 0}, {QUOTA_SECOND, 200, 5, true, 0, 0.1},
    {QUOTA_BUCKET, 20, 5, false, 0, 10},
};

static const struct trial changes[] = {
    {QUOTA_BUCKET, 100, 5, true, 0.3, 0},   {QUOTA_BUCKET, 100, 5, false, 0.5, 0},
    {QUOTA_SECOND, 100, 5, true, 0.3, 0},   {QUOTA_SECOND, 1000, 20, false, 0.5, 0},
    {QUOTA_MINUTE, 100, 5, true, 0.3, 0},   {QUOTA_MINUTE, 100, 5, false, 0.3, 0},
    {QUOTA_BUCKET, 1000, 5, true, 0, 0.02}, {QUOTA_BUCKET, 1000, 20, false, 0, 0.02},
    {QUOTA_SECOND, 20, 5, true, 0, 50},     {QUOTA_SECOND, 20, 20, false, 0, 50},
    {QUOTA_BUCKET, 10, 1, false, 0, 10},    {QUOTA_MINUTE, 200, 5, false, 0, 0.1},
};

static bool try_these(const struct trial *v, size_t n)
{
    bool ok = true;
    for (size_t i = 0; i < n; i++)
        ok &= try(&v[i]);
    return ok;
}

int main(int argc, char **argv)
{
    static char name[] = "shop", egress[] = "here";
    bool all = argc > 1 && strcmp(argv[1], "all") == 0;
    app = (struct config_app){.app = {.name = name}, .account_label = "acme"};
    config = (struct config){.apps = &app,
                             .napps = 1,
                             .limit_push_per_s = OURS_PER_S,
                             .limit_masspush_per_s = 500,
                             .limit_burst_ms = 1000,
                             .limit_all_gap_ms = 1000,
                             .limit_egress = egress};
    log_threshold = LOG_ERROR;
    redis_server_start(&server, NULL);
    redis = redisConnectUnix(server.socket);
    load_script();
    print_head();
    bool ok = all ? try_all() & try_these(changes, sizeof changes / sizeof *changes)
                  : try_these(selection, sizeof selection / sizeof *selection);
    redisFree(redis);
    redis_server_stop(&server);
    mem_free(script);
    return ok ? 0 : 1;
}
