/* SPDX-License-Identifier: MIT */
#include "fleet/circuits.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/said.h"

/* A worker's idea of Redis' clock is late by as much as answers are, and others saw it sooner. */
enum { SLACK_MS = 1000 };
/* What was let through is told this often; asked for after a refusal, until a job's next is due. */
enum { TELL_SENT_MS = 500, CURIOUS_MS = 2 * CIRCUIT_PROBE_CAP_MS };

/* One app's circuit and its business with the fleet. */
struct shared {
    struct circuits *all;
    struct shared *next; /* while removed */
    struct circuit circuit;
    const char *app; /* NULL: removed by a reload, or nobody's */
    size_t out;      /* calls that are not answered yet: until then what others say is older */
    bool probing;    /* … one of them asks for the lease */
    bool unheard;    /* the last change did not reach the fleet */
    bool telling;    /* what was let through is being told */
    int64_t since_ms, until_ms; /* of the last trouble, Redis clock; since 0: none */
    int64_t sent_ms;            /* when a job was let through last, Redis clock; 0: not known … */
    int64_t told_ms;            /* … of which the fleet has heard */
    int64_t curious_till_ms;    /* so long it matters what others sent */
};
static_assert((int)CIRCUIT_JOBS_MAX == (int)CIRCUIT_FAILED_MAX,
              "what is shared is what is remembered");

struct circuits {
    const struct config *config;
    struct fleet_store *store;
    struct shared **v;      /* per app, and one past them for what belongs to none any more */
    struct shared *removed; /* whose last calls are not answered yet */
    bool telling;
    int64_t tell_at_ms; /* what was let through, next */
    circuits_fn fn;
    void *arg;
};

static struct shared *shared_new(struct circuits *c, const char *app)
{
    struct shared *s = mem_zalloc(sizeof *s);
    s->all = c;
    s->app = app;
    circuit_init(&s->circuit, c->config->circuit_failures, c->config->circuit_probe_ms);
    s->circuit.shared = c->store != NULL && app;
    return s;
}

/* The app's entry as it was, or a new one. */
static struct shared *take_circuit_over(struct circuits *c, struct shared **old, size_t n,
                                        const char *app)
{
    for (size_t i = 0; i < n; i++) {
        struct shared *s = old[i];
        if (!s || strcmp(s->app, app) != 0)
            continue;
        old[i] = NULL;
        s->app = app;
        s->circuit.failures_max = c->config->circuit_failures;
        s->circuit.probe_base_ms = c->config->circuit_probe_ms;
        return s;
    }
    return shared_new(c, app);
}

static void make_circuits(struct circuits *c, struct shared **old, size_t n)
{
    size_t napps = c->config->napps;
    c->v = mem_zalloc((napps + 1) * sizeof(struct shared *));
    for (size_t i = 0; i < napps; i++)
        c->v[i] = take_circuit_over(c, old, n, c->config->apps[i].app.name);
    c->v[napps] = shared_new(c, NULL);
}

struct circuits *circuits_new(const struct config *config, struct fleet_store *store,
                              circuits_fn fn, void *arg)
{
    struct circuits *c = mem_zalloc(sizeof *c);
    *c = (struct circuits){.config = config, .store = store, .fn = fn, .arg = arg};
    make_circuits(c, NULL, 0);
    return c;
}

static bool is_awaited(const struct shared *s)
{
    return s->out || s->telling;
}

/* Frees it, or leaves that to the last answer to its calls. */
static void retire(struct shared *s)
{
    s->app = NULL;
    if (!is_awaited(s)) {
        mem_free(s);
        return;
    }
    s->next = s->all->removed;
    s->all->removed = s;
}

static void bury(struct shared *s)
{
    struct shared **at = &s->all->removed;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    mem_free(s);
}

void circuits_set_config(struct circuits *c, const struct config *config)
{
    struct shared **old = c->v;
    size_t n = c->config->napps;
    c->config = config;
    make_circuits(c, old, n);
    for (size_t i = 0; i < n; i++)
        if (old[i])
            retire(old[i]);
    mem_free(old[n]);
    mem_free(old);
}

void circuits_free(struct circuits *c)
{
    if (!c)
        return;
    for (size_t i = 0; i <= c->config->napps; i++)
        mem_free(c->v[i]);
    while (c->removed)
        bury(c->removed);
    mem_free(c->v);
    mem_free(c);
}

struct circuit *circuits_at(struct circuits *c, size_t app)
{
    return &c->v[app]->circuit;
}

bool circuits_trouble(const struct circuits *c, size_t app, int64_t *since_ms, int64_t *until_ms)
{
    *since_ms = c->v[app]->since_ms;
    *until_ms = c->v[app]->until_ms;
    return *since_ms > 0;
}

void circuits_note_sent(struct circuits *c, size_t app, int64_t now_redis_ms)
{
    c->v[app]->sent_ms = now_redis_ms;
}

int64_t circuits_last_sent_ms(const struct circuits *c, size_t app)
{
    return c->v[app]->sent_ms;
}

/* --- adopting -------------------------------------------------------------------------------- */

static void adopt_closed(struct shared *s, int64_t now_redis_ms)
{
    if (s->circuit.state == CIRCUIT_CLOSED)
        return;
    circuit_close(&s->circuit, clock_mono_ms());
    s->until_ms = s->sent_ms = now_redis_ms;
    log_warn("event=circuit_closed app=%s by=fleet", log_value(s->app));
    s->all->fn(s->all->arg);
}

/* On this worker's clock. */
static void ask_failed(const struct circuit_view *share, struct circuit_failed *out)
{
    *out = (struct circuit_failed){.n = share->nfailed,
                                   .wait_ms = share->again_ms,
                                   .at_ms = clock_mono_ms() + share->again_at_ms - share->now_ms};
    memcpy(out->jobs, share->failed, sizeof out->jobs);
}

static void adopt_circuit(struct shared *s, const struct circuit_view *share)
{
    if (!share->open) {
        adopt_closed(s, share->now_ms);
        return;
    }
    bool was_closed = s->circuit.state == CIRCUIT_CLOSED;
    int64_t at = clock_mono_ms() + share->probe_at_ms - share->now_ms;
    struct circuit_failed failed;
    ask_failed(share, &failed);
    circuit_adopt(&s->circuit, share->wait_ms, at, share->why, &failed);
    s->since_ms = share->since_ms;
    s->until_ms = INT64_MAX;
    if (was_closed)
        log_error("event=circuit_open app=%s why=%s by=fleet", log_value(s->app),
                  log_value(share->why));
}

void circuits_adopt(struct circuits *c, size_t app, const struct circuit_view *share)
{
    struct shared *s = c->v[app];
    if (!s->out && !s->unheard)
        adopt_circuit(s, share);
}

/* --- telling --------------------------------------------------------------------------------- */

static void answered_removed(struct shared *s)
{
    if (!is_awaited(s))
        bury(s);
}

static void on_circuit_told(void *arg, const struct circuit_view *share)
{
    struct shared *s = arg;
    s->out--;
    if (!s->app)
        answered_removed(s);
    else if (!share)
        s->unheard = true;
    else if (!s->out && !s->unheard)
        adopt_circuit(s, share);
}

static void on_lease(void *arg, const struct circuit_view *share)
{
    struct shared *s = arg;
    s->out--;
    s->probing = false;
    if (!s->app) {
        answered_removed(s);
        return;
    }
    if (share && share->open && !share->mine) {
        if (!s->out && !s->unheard)
            adopt_circuit(s, share);
        return;
    }
    if (share && !share->open && !s->unheard) {
        if (!s->out)
            adopt_closed(s, share->now_ms);
        return;
    }
    /* Ours; and without an answer each worker looks after itself. */
    if (share && share->open)
        ask_failed(share, &s->circuit.failed);
    s->circuit.leased_till_ms = clock_mono_ms() + s->all->config->lease_ms;
    s->all->fn(s->all->arg);
}

static void tell_circuit(struct shared *s, enum circuit_op op)
{
    const struct config *config = s->all->config;
    const struct circuit_ask ask = {.app = s->app,
                                    .op = op,
                                    .base_ms = config->circuit_probe_ms,
                                    .cap_ms = CIRCUIT_PROBE_CAP_MS,
                                    .lease_ms = config->lease_ms,
                                    .since_ms = s->since_ms,
                                    .why = s->circuit.why,
                                    .job = s->circuit.failed_job,
                                    .patience_ms = CIRCUIT_PATIENCE_MS};
    if (!s->all->store)
        return;
    s->out++;
    fleet_store_circuit(s->all->store, &ask, op == CIRCUIT_OP_PROBE ? on_lease : on_circuit_told,
                        s);
}

static void opened(struct shared *s, const char *message, int64_t now_redis_ms)
{
    const struct circuit *c = &s->circuit;
    char said[201];
    metrics_add_at(METRIC_CIRCUIT_OPENED, metrics_find(SET_APP, s->app), 1);
    log_error("event=circuit_open app=%s why=%s message=%s", log_value(s->app), log_value(c->why),
              log_value(said_copy(said, sizeof said, message)));
    s->since_ms =
        now_redis_ms - (c->row_began_ms ? clock_mono_ms() - c->row_began_ms : 0) - SLACK_MS;
    if (s->since_ms < 0)
        s->since_ms = 0; /* unknown */
    s->until_ms = INT64_MAX;
    tell_circuit(s, CIRCUIT_OP_OPEN);
}

void circuits_report(struct circuits *c, size_t app, enum circuit_state before, bool lost,
                     const char *message, int64_t now_redis_ms)
{
    struct shared *s = c->v[app];
    enum circuit_state now = s->circuit.state;
    if (before == now || !s->app)
        return;
    if (now == CIRCUIT_CLOSED) {
        log_warn("event=circuit_closed app=%s", log_value(s->app));
        s->until_ms = now_redis_ms;
        tell_circuit(s, CIRCUIT_OP_CLOSE);
    } else if (before == CIRCUIT_CLOSED) {
        opened(s, message, now_redis_ms);
    } else if (before == CIRCUIT_PROBING) {
        tell_circuit(s, lost ? CIRCUIT_OP_LOST : CIRCUIT_OP_FAILED);
    }
}

void circuits_open(struct circuits *c, size_t app, const char *why, uint64_t job,
                   int64_t row_began_ms, const char *message, int64_t now_redis_ms)
{
    struct circuit *circuit = circuits_at(c, app);
    enum circuit_state before = circuit->state;
    if (before == CIRCUIT_CLOSED)
        circuit->row_began_ms = row_began_ms;
    circuit_trip(circuit, why, job, clock_mono_ms());
    circuits_report(c, app, before, false, message, now_redis_ms);
}

/* --- what was let through -------------------------------------------------------------------- */

void circuits_note_refused(struct circuits *c, size_t app)
{
    c->v[app]->curious_till_ms = clock_mono_ms() + CURIOUS_MS;
}

struct tellings {
    struct circuits *all;
    size_t n;
    struct shared *v[CONFIG_APPS_MAX];
};

static void on_last_sent(void *arg, const int64_t *last)
{
    struct tellings *t = arg;
    t->all->telling = false;
    for (size_t i = 0; i < t->n; i++) {
        struct shared *s = t->v[i];
        s->telling = false;
        if (!s->app) {
            answered_removed(s);
            continue;
        }
        if (last && last[i] > s->told_ms)
            s->told_ms = last[i];
        if (last && last[i] > s->sent_ms)
            s->sent_ms = last[i];
    }
    mem_free(t);
}

static void tell_sent(struct circuits *c, int64_t now_ms)
{
    struct fleet_sent asked[CONFIG_APPS_MAX];
    struct tellings *t = mem_alloc(sizeof *t);
    *t = (struct tellings){.all = c};
    for (size_t i = 0; i < c->config->napps; i++) {
        struct shared *s = c->v[i];
        if (s->sent_ms <= s->told_ms && now_ms >= s->curious_till_ms)
            continue;
        asked[t->n] = (struct fleet_sent){s->app, s->sent_ms};
        t->v[t->n++] = s;
        s->telling = true;
    }
    c->tell_at_ms = now_ms + TELL_SENT_MS;
    c->telling = t->n > 0;
    if (t->n)
        fleet_store_sent(c->store, asked, t->n, on_last_sent, t);
    else
        mem_free(t);
}

void circuits_tick(struct circuits *c)
{
    int64_t now = clock_mono_ms();
    if (c->store && !c->telling && now >= c->tell_at_ms)
        tell_sent(c, now);
    for (size_t i = 0; i < c->config->napps; i++) {
        struct shared *s = c->v[i];
        if (s->unheard && !s->out) {
            s->unheard = false;
            tell_circuit(s,
                         s->circuit.state == CIRCUIT_CLOSED ? CIRCUIT_OP_CLOSE : CIRCUIT_OP_OPEN);
        }
        if (!s->probing && circuit_wants_lease(&s->circuit, now)) {
            s->probing = true;
            tell_circuit(s, CIRCUIT_OP_PROBE);
        }
    }
}
