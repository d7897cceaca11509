/* SPDX-License-Identifier: MIT */
#include "fleet/flow_store.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/minmax.h"
#include "base/number.h"
#include "fleet/script_args.h"
#include "queue/queue.h"
#include "queue/scripts.h"

enum {
    GRANT_VALUES = 6,
    KEY_MAX = 8192,
    CIRCUIT_WAIT_MAX_MS = 60 * 1000 /* the longest that a worker writes */
};

struct flow_store {
    struct redis *redis;
    char *flow, *control, *workers, *told, *worker;
    int64_t version;
    bool trouble, shut;
};

/* The first nkeys of them are keys. */
static void eval(struct flow_store *s, enum script which, int nkeys, struct script_args *a,
                 redis_reply_fn fn, void *arg)
{
    if (s->shut)
        redis_unsent(s->redis, fn, arg);
    else
        redis_eval(s->redis, script_get(which), nkeys, a->n, a->v, NULL, fn, arg);
}

/* --- life ------------------------------------------------------------------------------------ */

char *flow_store_key(const char *queue, const char *kind)
{
    struct buf b;
    char *prefix = queue_prefix(queue);
    buf_init(&b, KEY_MAX);
    buf_printf(&b, "%s:%s", prefix, kind);
    mem_free(prefix);
    return buf_take(&b);
}

struct flow_store *flow_store_new(struct redis *r, const char *queue, const char *worker)
{
    struct flow_store *s = mem_zalloc(sizeof *s);
    s->redis = r;
    s->flow = flow_store_key(queue, "flow");
    s->control = flow_store_key(queue, "control");
    s->workers = flow_store_key(queue, "workers");
    s->told = flow_store_key(queue, "told:");
    s->worker = mem_strdup(worker);
    s->version = -1;
    return s;
}

void flow_store_free(struct flow_store *s)
{
    if (!s)
        return;
    mem_free(s->flow);
    mem_free(s->control);
    mem_free(s->workers);
    mem_free(s->told);
    mem_free(s->worker);
    mem_free(s);
}

int64_t flow_store_version(const struct flow_store *s)
{
    return s->version;
}

void flow_store_shut(struct flow_store *s, bool shut)
{
    s->shut = shut;
}

bool flow_store_refused(const struct flow_store *s)
{
    return s->trouble;
}

/* --- replies --------------------------------------------------------------------------------- */

static int64_t number(const redisReply *array, size_t i)
{
    const redisReply *e = array->element[i];
    return e->type == REDIS_REPLY_INTEGER ? number_bounded(e->integer) : 0;
}

static void note_trouble(struct flow_store *s, const char *what, const char *error)
{
    metrics_add(METRIC_FLOW_ERRORS, 1);
    if (!s->trouble)
        log_error("event=flow_refused step=%s error=%s", what, log_value(error));
    s->trouble = true;
}

/* An array of now, version, and at least n elements; keeps the version. */
static bool answered(struct flow_store *s, const char *what, const redisReply *reply, size_t n)
{
    if (!reply)
        return false;
    if (reply->type == REDIS_REPLY_ERROR) {
        note_trouble(s, what, reply->str);
        return false;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < n || number(reply, 0) <= 0) {
        note_trouble(s, what, "unexpected shape of the reply");
        return false;
    }
    if (s->trouble)
        log_info("event=flow_accepted step=%s", what);
    s->trouble = false;
    s->version = number(reply, 1);
    return true;
}

/* --- tokens ---------------------------------------------------------------------------------- */

struct asking {
    struct flow_store *store;
    size_t n;
    flow_grants_fn fn;
    void *arg;
};

/* The script has put them right: it is told once. */
static void note_repaired(int64_t n)
{
    if (!n)
        return;
    metrics_add(METRIC_FLOW_REPAIRED, n);
    log_error("event=limit_repaired values=%lld", (long long)n);
}

static void on_grants(void *arg, redisReply *reply)
{
    struct asking a = *(struct asking *)arg;
    struct flow_grant grants[FLOW_ASKS_MAX];
    mem_free(arg);
    if (!answered(a.store, "tokens", reply, 3 + GRANT_VALUES * a.n)) {
        a.fn(a.arg, NULL);
        return;
    }
    note_repaired(number(reply, 2 + GRANT_VALUES * a.n));
    for (size_t i = 0; i < a.n; i++) {
        size_t at = 2 + GRANT_VALUES * i;
        grants[i] = (struct flow_grant){.granted = number(reply, at),
                                        .wait_ms = number(reply, at + 1),
                                        .rest_ms = number(reply, at + 2),
                                        .passed = number(reply, at + 3),
                                        .turns = number(reply, at + 4),
                                        .who = number(reply, at + 5)};
    }
    a.fn(a.arg, grants);
}

static void add_report(struct script_args *a, const struct flow_report *r)
{
    script_args_add_int(a, r->through);
    script_args_add_int(a, r->throttled);
    script_args_add_int(a, r->first);
    script_args_add_int(a, r->last);
    if (r->hint_ms > 0)
        script_args_add_int(a, r->hint_ms);
    else
        script_args_add(a, "");
    script_args_add_int(a, r->age_ms);
}

void flow_store_ask(struct flow_store *s, const struct flow_ask *asks, size_t n, flow_grants_fn fn,
                    void *arg)
{
    struct script_args a = {.n = 0};
    assert(n && n <= FLOW_ASKS_MAX);
    script_args_add(&a, s->flow);
    script_args_add(&a, s->control);
    for (size_t i = 0; i < n; i++) {
        script_args_add(&a, asks[i].name);
        script_args_add_real(&a, asks[i].rate);
        script_args_add_real(&a, asks[i].burst);
        script_args_add_int(&a, asks[i].want);
        script_args_add_int(&a, asks[i].back);
        add_report(&a, &asks[i].report);
    }
    struct asking *asking = mem_alloc(sizeof *asking);
    *asking = (struct asking){s, n, fn, arg};
    metrics_add(METRIC_FLOW_ASKS, 1);
    eval(s, SCRIPT_FLOW, 2, &a, on_grants, asking);
}

/* --- control --------------------------------------------------------------------------------- */

struct syncing {
    struct flow_store *store;
    int64_t seen;
    flow_control_fn fn;
    void *arg;
};

enum { CONTROL_HEAD = 3 };

static bool all_texts(const redisReply *reply, size_t from)
{
    for (size_t i = from; i < reply->elements; i++)
        if (reply->element[i]->type != REDIS_REPLY_STRING)
            return false;
    return true;
}

static void on_control(void *arg, redisReply *reply)
{
    struct syncing x = *(struct syncing *)arg;
    mem_free(arg);
    if (!answered(x.store, "control", reply, CONTROL_HEAD) || !all_texts(reply, CONTROL_HEAD)) {
        x.fn(x.arg, NULL);
        return;
    }
    const struct flow_control control = {
        .now_ms = number(reply, 0),
        .version = number(reply, 1),
        .changed = number(reply, 1) != x.seen,
        .n = (reply->elements - CONTROL_HEAD) / 2,
        .pairs = (const redisReply *const *)reply->element + CONTROL_HEAD,
    };
    x.fn(x.arg, &control);
}

void flow_store_sync(struct flow_store *s, int64_t seen, flow_control_fn fn, void *arg)
{
    struct script_args a = {.n = 0};
    script_args_add(&a, s->control);
    script_args_add_int(&a, seen);
    struct syncing *x = mem_alloc(sizeof *x);
    *x = (struct syncing){s, seen, fn, arg};
    eval(s, SCRIPT_CONTROL, 1, &a, on_control, x);
}

/* --- circuits -------------------------------------------------------------------------------- */

struct circuit_call {
    struct flow_store *store;
    circuit_share_fn fn;
    void *arg;
};

/* Times that lie beyond all that a worker writes are cut to that. */
static void read_failed(const char *text, int64_t now_ms, struct circuit_share *out)
{
    char wait[NUMBER_SIZE], at[NUMBER_SIZE], job[17];
    int used = 0;
    if (sscanf(text, "%31[0-9] %31[0-9]%n", wait, at, &used) < 2)
        return;
    out->again_ms = min_int(number_read(wait), CIRCUIT_WAIT_MAX_MS);
    out->again_at_ms = min_int(number_read(at), now_ms + CIRCUIT_WAIT_MAX_MS);
    for (text += used;
         out->nfailed < CIRCUIT_JOBS_MAX && sscanf(text, " %16[0-9a-f]%n", job, &used) == 1;
         text += used)
        out->failed[out->nfailed++] = strtoull(job, NULL, 16);
}

void flow_store_read_circuit(const struct flow_store *s, const char *text, const char *failed,
                             int64_t now_ms, struct circuit_share *out)
{
    char word[4][NUMBER_SIZE], holder[160];
    int why = 0;
    *out = (struct circuit_share){.now_ms = now_ms};
    if (sscanf(text, "%31[0-9] %31[0-9] %159s %31[0-9] %31[0-9] %n", word[0], word[1], holder,
               word[2], word[3], &why) < 5 ||
        !why)
        return;
    int64_t wait = min_int(number_read(word[0]), CIRCUIT_WAIT_MAX_MS);
    int64_t at = min_int(number_read(word[1]), now_ms + wait);
    int64_t till = min_int(number_read(word[2]), now_ms + CIRCUIT_WAIT_MAX_MS);
    /* While another worker probes, its lease is what we wait for. */
    bool others = strcmp(holder, "-") != 0 && (!s || strcmp(holder, s->worker) != 0);
    *out = (struct circuit_share){.now_ms = now_ms,
                                  .open = true,
                                  .probed = others && till > now_ms,
                                  .wait_ms = wait,
                                  .probe_at_ms = others && till > at ? till : at,
                                  .since_ms = min_int(number_read(word[3]), now_ms),
                                  .why = text + why};
    read_failed(failed, now_ms, out);
}

static void on_circuit(void *arg, redisReply *reply)
{
    struct circuit_call x = *(struct circuit_call *)arg;
    struct circuit_share share;
    mem_free(arg);
    if (!answered(x.store, "circuit", reply, 5) || !all_texts(reply, 3)) {
        x.fn(x.arg, NULL);
        return;
    }
    flow_store_read_circuit(x.store, reply->element[3]->str, reply->element[4]->str,
                            number(reply, 0), &share);
    share.mine = number(reply, 2) == 1;
    x.fn(x.arg, &share);
}

void flow_store_circuit(struct flow_store *s, const struct circuit_ask *ask, circuit_share_fn fn,
                        void *arg)
{
    static const char *const names[] = {[CIRCUIT_OP_OPEN] = "open",
                                        [CIRCUIT_OP_PROBE] = "probe",
                                        [CIRCUIT_OP_FAILED] = "failed",
                                        [CIRCUIT_OP_LOST] = "lost",
                                        [CIRCUIT_OP_CLOSE] = "close"};
    struct script_args a = {.n = 0};
    char job[20];
    snprintf(job, sizeof job, "%" PRIx64, ask->job);
    script_args_add(&a, s->control);
    script_args_add(&a, ask->app);
    script_args_add(&a, s->worker);
    script_args_add(&a, names[ask->op]);
    script_args_add_int(&a, ask->base_ms);
    script_args_add_int(&a, ask->cap_ms);
    script_args_add_int(&a, ask->lease_ms);
    script_args_add_int(&a, ask->since_ms);
    script_args_add(&a, ask->why && *ask->why ? ask->why : "-");
    script_args_add(&a, job);
    script_args_add_int(&a, ask->patience_ms);
    script_args_add_int(&a, CIRCUIT_JOBS_MAX);
    struct circuit_call *x = mem_alloc(sizeof *x);
    *x = (struct circuit_call){s, fn, arg};
    eval(s, SCRIPT_CIRCUIT, 1, &a, on_circuit, x);
}

/* --- votes ----------------------------------------------------------------------------------- */

struct voting {
    struct flow_store *store;
    flow_vote_fn fn; /* NULL: nobody waits for it */
    void *arg;
};

static void on_vote(void *arg, redisReply *reply)
{
    struct voting x = *(struct voting *)arg;
    mem_free(arg);
    bool ok = answered(x.store, "vote", reply, 3);
    if (!x.fn)
        return;
    enum flow_vote vote = !ok                     ? FLOW_VOTE_UNANSWERED
                          : number(reply, 2) == 1 ? FLOW_VOTE_AGREED
                                                  : FLOW_VOTE_ALONE;
    x.fn(x.arg, vote, ok ? number(reply, 0) : 0);
}

static void send_vote(struct flow_store *s, const char *app, const char *op, int64_t ttl_ms,
                      flow_vote_fn fn, void *arg)
{
    struct script_args a = {.n = 0};
    script_args_add(&a, s->control);
    script_args_add(&a, s->workers);
    script_args_add(&a, app);
    script_args_add(&a, s->worker);
    script_args_add(&a, op);
    script_args_add_int(&a, ttl_ms);
    struct voting *x = mem_alloc(sizeof *x);
    *x = (struct voting){s, fn, arg};
    eval(s, SCRIPT_VOTE, 2, &a, on_vote, x);
}

void flow_store_vote(struct flow_store *s, const char *app, int64_t ttl_ms, flow_vote_fn fn,
                     void *arg)
{
    send_vote(s, app, "vote", ttl_ms, fn, arg);
}

void flow_store_well(struct flow_store *s, const char *app)
{
    send_vote(s, app, "well", 0, NULL, NULL);
}

/* --- what was let through -------------------------------------------------------------------- */

struct telling {
    struct flow_store *store;
    size_t n;
    flow_sent_fn fn;
    void *arg;
};

static void on_sent(void *arg, redisReply *reply)
{
    struct telling x = *(struct telling *)arg;
    int64_t last[FLOW_SENT_MAX];
    mem_free(arg);
    bool ok = answered(x.store, "sent", reply, 2 + x.n);
    for (size_t i = 0; ok && i < x.n; i++)
        last[i] = number(reply, 2 + i);
    x.fn(x.arg, ok ? last : NULL);
}

void flow_store_sent(struct flow_store *s, const struct flow_sent *apps, size_t n, flow_sent_fn fn,
                     void *arg)
{
    struct script_args a = {.n = 0};
    assert(n && n <= FLOW_SENT_MAX);
    script_args_add(&a, s->control);
    for (size_t i = 0; i < n; i++) {
        script_args_add(&a, apps[i].app);
        script_args_add_int(&a, apps[i].ms);
    }
    struct telling *x = mem_alloc(sizeof *x);
    *x = (struct telling){s, n, fn, arg};
    eval(s, SCRIPT_SENT, 1, &a, on_sent, x);
}

/* --- what is said once ----------------------------------------------------------------------- */

struct told {
    flow_told_fn fn; /* NULL: nobody waits for it */
    void *arg;
};

static void on_told(void *arg, redisReply *reply)
{
    struct told x = *(struct told *)arg;
    mem_free(arg);
    if (x.fn)
        x.fn(x.arg, !reply || reply->type != REDIS_REPLY_NIL);
}

static void send_told(struct flow_store *s, const char *what, int64_t ttl_ms, const char *unless,
                      const struct told *told)
{
    struct script_args a = {.n = 0};
    struct buf key;
    buf_init(&key, KEY_MAX);
    buf_printf(&key, "%s%s", s->told, what);
    script_args_add(&a, "SET");
    script_args_add(&a, buf_text(&key));
    script_args_add(&a, s->worker);
    script_args_add(&a, "PX");
    script_args_add_int(&a, ttl_ms);
    if (unless)
        script_args_add(&a, unless);
    struct told *x = mem_alloc(sizeof *x);
    *x = *told;
    if (s->shut)
        redis_unsent(s->redis, on_told, x);
    else
        redis_command(s->redis, a.n, a.v, NULL, on_told, x);
    buf_free(&key);
}

void flow_store_tell(struct flow_store *s, const char *what, int64_t ttl_ms, flow_told_fn fn,
                     void *arg)
{
    send_told(s, what, ttl_ms, "NX", &(struct told){fn, arg});
}

/* There is no right to remove keys, so it ends at once. */
void flow_store_untell(struct flow_store *s, const char *what)
{
    send_told(s, what, 1, NULL, &(struct told){NULL, NULL});
}
