/* SPDX-License-Identifier: MIT */
#include "fleet/fleet.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/number.h"
#include "base/text.h"
#include "base/timer.h"

enum { TICK_MS = 250, SYNC_MS = 500, UNKNOWN_MAX_MS = 5000 };

/* A pause: until when on the monotonic clock; 0 none. */
#define FOR_EVER INT64_MAX

struct fleet {
    const struct config *config;
    struct fleet_store *store;
    struct limits *limits;
    struct circuits *circuits;
    struct own_trouble *own;
    struct others others;
    int64_t *paused; /* per app, and one more for all */
    int64_t seen;    /* version of what was agreed on */
    int64_t synced_ms;
    bool syncing, known; /* known: somebody said whether there are pauses */
    int64_t asked_ms;    /* since when a queue waits for that; 0: none does */
    bool guessed;        /* nobody said it in time: known is a guess */
    struct timer *tick;
    fleet_fn fn;
    void *arg;
};

/* --- pauses ---------------------------------------------------------------------------------- */

static const char *pause_name(const struct fleet *f, size_t i)
{
    return i < f->config->napps ? f->config->apps[i].app.name : "*";
}

static void count_pauses(const struct fleet *f)
{
    int64_t n = 0;
    for (size_t i = 0; i <= f->config->napps; i++)
        n += f->paused[i] != 0;
    metrics_set(METRIC_PAUSES, n);
}

static void set_pause(struct fleet *f, size_t i, int64_t till_ms)
{
    bool was = f->paused[i] != 0;
    f->paused[i] = till_ms;
    if (was == (till_ms != 0))
        return;
    if (was)
        log_warn("event=resumed app=%s", log_value(pause_name(f, i)));
    else
        log_warn("event=paused app=%s for_ms=%lld", log_value(pause_name(f, i)),
                 till_ms == FOR_EVER ? -1LL : (long long)(till_ms - clock_mono_ms()));
    count_pauses(f);
}

/* A pause whose time is over ends without a word from Redis. */
static bool end_pauses(struct fleet *f)
{
    int64_t now = clock_mono_ms();
    bool ended = false;
    for (size_t i = 0; i <= f->config->napps; i++)
        if (f->paused[i] && f->paused[i] <= now) {
            set_pause(f, i, 0);
            ended = true;
        }
    return ended;
}

bool fleet_paused(const struct fleet *f)
{
    return !f->known || f->paused[f->config->napps] != 0;
}

bool fleet_app_paused(const struct fleet *f, size_t app)
{
    return f->paused[app] != 0;
}

/* --- what was agreed on ---------------------------------------------------------------------- */

/* The value of "<kind><name>", NULL when it is not there. */
static const char *value_of(const struct fleet_state *c, const char *kind, const char *name)
{
    size_t len = strlen(kind);
    for (size_t i = 0; i < c->n; i++) {
        const char *field = c->pairs[2 * i]->str;
        if (strncmp(field, kind, len) == 0 && strcmp(field + len, name) == 0)
            return c->pairs[2 * i + 1]->str;
    }
    return NULL;
}

static int64_t state_left_ms(const char *till, int64_t now_ms)
{
    int64_t ms;
    return text_int(till, 0, NUMBER_MAX, &ms) ? ms - now_ms : 0;
}

static void read_pauses(struct fleet *f, const struct fleet_state *c)
{
    for (size_t i = 0; i <= f->config->napps; i++) {
        const char *text = value_of(c, "pause:", pause_name(f, i));
        int64_t left = text ? state_left_ms(text, c->now_ms) : 0;
        if (text && strcmp(text, "0") == 0)
            set_pause(f, i, FOR_EVER);
        else
            set_pause(f, i, left > 0 ? clock_mono_ms() + left : 0);
    }
}

static void read_circuits(struct fleet *f, const struct fleet_state *c)
{
    for (size_t i = 0; i < f->config->napps; i++) {
        struct circuit_view share;
        const char *text = value_of(c, "circuit:", f->config->apps[i].app.name);
        const char *failed = value_of(c, "failed:", f->config->apps[i].app.name);
        fleet_store_read_circuit(f->store, text ? text : "", failed ? failed : "", c->now_ms,
                                 &share);
        circuits_adopt(f->circuits, i, &share);
    }
}

static void read_limits(struct fleet *f, const struct fleet_state *c)
{
    limits_rates_begin(f->limits);
    for (size_t i = 0; i < c->n; i++) {
        const char *field = c->pairs[2 * i]->str, *value = c->pairs[2 * i + 1]->str;
        if (text_starts(field, "rate:"))
            limits_rate(f->limits, field + 5, value);
        else if (text_starts(field, "cool:"))
            limits_adopt_cool(f->limits, field + 5, state_left_ms(value, c->now_ms));
    }
    limits_rates_end(f->limits);
}

static void on_fleet_state(void *arg, const struct fleet_state *c)
{
    struct fleet *f = arg;
    f->syncing = false;
    if (!c && !f->known && fleet_store_refused(f->store)) {
        f->known = true; /* not allowed to know: then as if nothing was said */
        f->fn(f->arg);
    }
    if (!c || !c->changed)
        return;
    if (f->guessed)
        log_warn("event=fleet_known");
    f->known = true;
    f->guessed = false;
    f->seen = c->version;
    read_pauses(f, c);
    read_circuits(f, c);
    read_limits(f, c);
    f->fn(f->arg);
}

static void sync(struct fleet *f)
{
    if (f->syncing)
        return;
    f->syncing = true;
    f->synced_ms = clock_mono_ms();
    fleet_store_sync(f->store, f->seen, on_fleet_state, f);
}

void fleet_connected(struct fleet *f)
{
    sync(f);
}

void fleet_shut(struct fleet *f, bool shut)
{
    fleet_store_shut(f->store, shut);
}

void fleet_serve(struct fleet *f, int64_t workers)
{
    int64_t now = clock_mono_ms();
    limits_set_workers(f->limits, workers);
    if (f->known || !f->asked_ms) {
        f->asked_ms = f->known ? 0 : now;
        return;
    }
    if (now - f->asked_ms < UNKNOWN_MAX_MS)
        return;
    log_error("event=fleet_unknown why=%s",
              "\"no answer from the first queue's server: pauses, overrides and circuits are not "
              "known\"");
    f->known = f->guessed = true;
    f->fn(f->arg);
}

const char *fleet_trouble(const struct fleet *f)
{
    if (fleet_store_refused(f->store))
        return "refused: each worker keeps to its part of the limits";
    return f->guessed ? "no answer: pauses, overrides and circuits are not known" : NULL;
}

static void on_part_changed(void *arg)
{
    struct fleet *f = arg;
    if (fleet_store_version(f->store) != f->seen)
        sync(f);
    f->fn(f->arg);
}

/* --- whose trouble? -------------------------------------------------------------------------- */

static void on_everybodys(void *arg, size_t app, const struct own_trip *trip, int64_t now_redis_ms)
{
    const struct fleet *f = arg;
    circuits_open(f->circuits, app, trip->why, trip->job, trip->row_began_ms, trip->message,
                  now_redis_ms);
}

/* What another worker opened is everybody's. */
static void adopt_circuits(const struct fleet *f)
{
    for (size_t i = 0; i < f->config->napps; i++)
        if (circuits_at(f->circuits, i)->state != CIRCUIT_CLOSED)
            own_adopt(f->own, i);
}

static void on_fleet_tick(void *arg)
{
    struct fleet *f = arg;
    limits_tick(f->limits);
    circuits_tick(f->circuits);
    adopt_circuits(f);
    if (clock_mono_ms() - f->synced_ms >= SYNC_MS || fleet_store_version(f->store) != f->seen)
        sync(f);
    if (end_pauses(f))
        f->fn(f->arg);
}

/* --- life ------------------------------------------------------------------------------------ */

struct fleet *fleet_new(struct event_base *base, const struct config *config, struct redis *redis,
                        const char *worker, fleet_fn fn, void *arg)
{
    struct fleet *f = mem_zalloc(sizeof *f);
    *f = (struct fleet){.config = config, .fn = fn, .arg = arg, .seen = -1};
    f->paused = mem_zalloc((config->napps + 1) * sizeof *f->paused);
    f->store = fleet_store_new(redis, config->queue_names[0], worker);
    f->limits = limits_new(base, config, f->store, on_part_changed, f);
    f->circuits = circuits_new(config, f->store, on_part_changed, f);
    f->own = own_new(config, f->store, on_everybodys, on_part_changed, f);
    f->tick = timer_new(base, on_fleet_tick, f);
    timer_each(f->tick, TICK_MS);
    return f;
}

static int64_t pause_of(const struct fleet *f, const char *app)
{
    const struct config_app *a = config_app_find(f->config, app);
    return a ? f->paused[a - f->config->apps] : 0;
}

void fleet_set_config(struct fleet *f, const struct config *config)
{
    int64_t *paused = mem_zalloc((config->napps + 1) * sizeof *paused);
    for (size_t i = 0; i < config->napps; i++)
        paused[i] = pause_of(f, config->apps[i].app.name);
    paused[config->napps] = f->paused[f->config->napps];
    mem_free(f->paused);
    f->paused = paused;
    f->config = config;
    circuits_set_config(f->circuits, config);
    own_set_config(f->own, config);
    limits_set_config(f->limits, config);
    count_pauses(f);
    f->known = f->guessed = false;
    f->asked_ms = 0;
    f->seen = -1;
    sync(f);
}

void fleet_free(struct fleet *f)
{
    if (!f)
        return;
    timer_free(f->tick);
    limits_free(f->limits);
    circuits_free(f->circuits);
    own_free(f->own);
    fleet_store_free(f->store);
    mem_free(f->paused);
    mem_free(f);
}

struct limits *fleet_limits(struct fleet *f)
{
    return f->limits;
}

struct circuits *fleet_circuits(struct fleet *f)
{
    return f->circuits;
}

struct own_trouble *fleet_own(struct fleet *f)
{
    return f->own;
}

struct others *fleet_others(struct fleet *f)
{
    return &f->others;
}

void fleet_tell(struct fleet *f, const char *what, int64_t ttl_ms, fleet_told_fn fn, void *arg)
{
    fleet_store_tell(f->store, what, ttl_ms, fn, arg);
}

void fleet_untell(struct fleet *f, const char *what)
{
    fleet_store_untell(f->store, what);
}
