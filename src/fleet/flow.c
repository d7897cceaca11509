/* SPDX-License-Identifier: MIT
 * A worker's stock of tokens: taking them, offering them to claims, and overrides. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/minmax.h"
#include "fleet/flow_core.h"

/* --- which bucket ---------------------------------------------------------------------------- */

static struct flow_bucket *egress(struct flow *f)
{
    return &f->v[0];
}

/* A type that is none of the known ones is counted as ALL of them. */
static struct flow_bucket *audience(struct flow *f, size_t app, const char *device_type)
{
    size_t t = 0;
    while (t < FLOW_TYPES - 1 && strcmp(flow_types[t], device_type) != 0)
        t++;
    return &f->v[1 + f->naccounts * FLOW_ACTIONS + app * FLOW_TYPES + t];
}

/* --- taking ---------------------------------------------------------------------------------- */

static bool has_token(const struct flow_bucket *b, int64_t now)
{
    return now >= b->cooled_ms && (b->rate <= 0 || b->stock > 0);
}

static void take(struct flow_bucket *b, int64_t now)
{
    if (b->rate <= 0)
        return;
    b->stock--;
    b->used++;
    b->moved_ms = now;
}

/* Pushes to ALL get one turn each, so that they do not all come back for the same one. */
static int64_t turn_ms(struct flow_bucket *b, int64_t now)
{
    int64_t at = b->blocked_ms, gap = (int64_t)(1000 / b->rate);
    if (b->promised_ms + gap > at)
        at = b->promised_ms + gap;
    b->promised_ms = at;
    return at - now;
}

static enum flow_token miss(struct flow *f, struct flow_bucket *b, int64_t now, int64_t *wait_ms)
{
    int64_t till = max_int(b->cooled_ms, b->blocked_ms);
    if (till <= now || (b->asked && now >= b->cooled_ms)) {
        b->missed++;
        b->hungry = true;
        flow_want(f, b);
        return FLOW_WAIT;
    }
    *wait_ms = b->fleeting ? turn_ms(b, now) : till - now;
    return FLOW_NONE;
}

enum flow_token flow_take(struct flow *f, size_t app, enum flow_action action,
                          const char *device_type, int64_t *wait_ms)
{
    struct flow_bucket *need[3] = {flow_account(f, f->app_account[app], action), egress(f)};
    size_t n = 2;
    int64_t now = clock_mono_ms();
    /* Last, because its token must be used as soon as it is there. */
    if (device_type)
        need[n++] = audience(f, app, device_type);
    for (size_t i = 0; i < n; i++)
        if (!has_token(need[i], now))
            return miss(f, need[i], now, wait_ms);
    for (size_t i = 0; i < n; i++)
        take(need[i], now);
    return FLOW_GO;
}

/* --- showing --------------------------------------------------------------------------------- */

static void show(const struct flow *f, unsigned label, size_t first, size_t n, size_t step)
{
    int64_t stock = METRIC_ABSENT;
    for (size_t i = 0; i < n; i++) {
        const struct flow_bucket *b = &f->v[first + i * step];
        if (b->rate > 0)
            stock = (stock == METRIC_ABSENT ? 0 : stock) + b->stock;
    }
    metrics_set_at(METRIC_FLOW_STOCK, label, stock);
}

void flow_show(const struct flow *f)
{
    static const char *const actions[FLOW_ACTIONS] = {
        [FLOW_PUSH] = "Push", [FLOW_MASSPUSH] = "MassPush"};
    show(f, metrics_find(SET_LIMIT, "egress"), 0, 1, 1);
    for (size_t a = 0; a < FLOW_ACTIONS; a++)
        show(f, metrics_find(SET_LIMIT, actions[a]), 1 + a, f->naccounts, FLOW_ACTIONS);
}

/* --- offering -------------------------------------------------------------------------------- */

static size_t offer(struct flow *f, struct flow_bucket *b, int64_t now, size_t n)
{
    if (now < b->cooled_ms)
        return 0;
    if (b->rate <= 0)
        return n;
    if ((b->stock == 0 || 2 * b->stock < b->window) && now >= b->blocked_ms && !b->asked) {
        b->hungry = true;
        flow_want(f, b);
    }
    return b->stock < (int64_t)n ? (size_t)b->stock : n;
}

/* Until when nobody needs to try for a token that calls have missed. */
static int64_t spent_till(const struct flow_bucket *b, int64_t now)
{
    if (b->rate <= 0 || b->stock > 0)
        return b->cooled_ms;
    int64_t till = b->missed && (b->wanted || b->asked) ? now + 1 : b->blocked_ms;
    return max_int(till, b->cooled_ms);
}

/* MassPush tokens are asked for by the call itself: no claim knows yet what it will become. When
 * the last calls have used them up, the next come in a moment; jobs claimed now would only wait.
 * During a cool-down others may go on. */
static bool is_short_of_mass(const struct flow_bucket *b, int64_t now)
{
    int64_t till = spent_till(b, now);
    return till > now && till <= now + FLOW_MOMENT_MS;
}

size_t flow_offer(struct flow *f, size_t n)
{
    int64_t now = clock_mono_ms();
    size_t sum = 0, any = offer(f, egress(f), now, n);
    if (!n)
        return 0;
    for (size_t i = 0; i < f->naccounts; i++)
        if (!is_short_of_mass(flow_account(f, i, FLOW_MASSPUSH), now))
            sum += offer(f, flow_account(f, i, FLOW_PUSH), now, n);
    return min_size(sum, any);
}

size_t flow_offer_app(struct flow *f, size_t app, size_t n)
{
    int64_t now = clock_mono_ms();
    size_t any = offer(f, egress(f), now, n);
    size_t own = offer(f, flow_account(f, f->app_account[app], FLOW_PUSH), now, n);
    /* Parked jobs would be taken out and parked again, round and round; while MassPush rests, each
     * goes out by itself. */
    const struct flow_bucket *mass = flow_account(f, f->app_account[app], FLOW_MASSPUSH);
    if (spent_till(mass, now) > now && !flow_mass_rests(f, app))
        return 0;
    return min_size(own, any);
}

bool flow_rests(struct flow *f, size_t app)
{
    const struct flow_bucket *need[] = {egress(f), flow_account(f, f->app_account[app], FLOW_PUSH),
                                        flow_account(f, f->app_account[app], FLOW_MASSPUSH)};
    int64_t soon = clock_mono_ms() + 1000;
    for (size_t i = 0; i < sizeof need / sizeof need[0]; i++)
        if (need[i]->cooled_ms > soon)
            return true;
    return false;
}

/* --- overrides ------------------------------------------------------------------------------- */

void flow_rates_begin(struct flow *f)
{
    for (size_t i = 0; i < f->n; i++)
        f->v[i].override = -1;
    for (size_t i = 0; i < f->n; i++)
        f->v[i].cool_named = false;
}

/* What a person wrote there and is no rate is as if it was not there. */
void flow_rate(struct flow *f, const char *bucket, const char *per_s)
{
    struct flow_bucket *b = flow_find(f, bucket);
    double rate;
    if (!b)
        return;
    if (flow_rate_read(per_s, &rate))
        b->override = rate;
    else
        log_error("event=limit_unreadable limit=%s value=%s", log_value(bucket), log_value(per_s));
}

/* False when that is the rate already. */
static bool set_rate(const struct config *c, struct flow_bucket *b)
{
    double rate = b->override >= 0 ? b->override : b->configured;
    if (fabs(rate - b->rate) < 1e-4)
        return false;
    log_warn("event=limit_changed limit=%s from=%.3f to=%.3f configured=%.3f", log_value(b->name),
             b->rate, rate, b->configured);
    b->rate = rate;
    if (!b->fleeting)
        b->burst = fmax(1, rate * (double)c->limit_burst_ms / 1000);
    b->stock = 0;
    b->window = 1;
    b->blocked_ms = 0;
    return true;
}

void flow_rates_end(struct flow *f)
{
    for (size_t i = 0; i < f->n; i++) {
        flow_end_cool(&f->v[i], clock_mono_ms());
        set_rate(f->config, &f->v[i]);
    }
    f->fn(f->arg);
}

/* --- life ------------------------------------------------------------------------------------ */

static void bucket_init(struct flow_bucket *b, const struct flow_limit *l)
{
    memcpy(b->name, l->name, sizeof b->name);
    b->configured = b->rate = l->per_s;
    b->override = -1;
    b->burst = l->burst;
    b->window = 1;
}

/* The buckets of f->config, as new. */
static void make(struct flow *f)
{
    size_t napps = f->config->napps;
    struct flow_limit *limits = mem_zalloc(FLOW_BUCKETS_MAX * sizeof *limits);
    f->app_account = mem_zalloc((napps + 1) * sizeof *f->app_account);
    f->n = flow_limits(f->config, limits, f->app_account);
    f->naccounts = (f->n - 1 - napps * FLOW_TYPES) / FLOW_ACTIONS;
    f->v = mem_zalloc(f->n * sizeof *f->v);
    for (size_t i = 0; i < f->n; i++)
        bucket_init(&f->v[i], &limits[i]);
    for (size_t i = f->n - napps * FLOW_TYPES; i < f->n; i++)
        f->v[i].fleeting = true;
    mem_free(limits);
}

struct flow *flow_new(struct event_base *base, const struct config *config,
                      struct flow_store *store, flow_fn fn, void *arg)
{
    struct flow *f = mem_zalloc(sizeof *f);
    *f = (struct flow){.config = config, .store = store, .fn = fn, .arg = arg};
    make(f);
    f->send = timer_new(base, flow_on_send, f);
    f->wake = timer_new(base, flow_on_wake, f);
    return f;
}

/* Tokens in hand and cool-downs stay; the rate is the configured one unless it is overridden. */
static void carry_over(struct flow *f, struct flow_bucket *b, const struct flow_bucket *was)
{
    struct flow_bucket fresh = *b;
    *b = *was;
    b->configured = fresh.configured;
    if (!set_rate(f->config, b) && !b->fleeting)
        b->burst = b->override >= 0 ? fmax(1, b->rate * (double)f->config->limit_burst_ms / 1000)
                                    : fresh.burst;
}

void flow_set_config(struct flow *f, const struct config *config)
{
    struct flow_bucket *old = f->v;
    size_t n = f->n;
    mem_free(f->app_account);
    f->config = config;
    make(f);
    for (size_t k = 0; k < f->nasked; k++) {
        const struct flow_bucket *b =
            f->asking && f->asked[k] != FLOW_GONE ? flow_find(f, old[f->asked[k]].name) : NULL;
        f->asked[k] = b ? (size_t)(b - f->v) : FLOW_GONE;
    }
    for (size_t i = 0; i < n; i++) {
        struct flow_bucket *b = flow_find(f, old[i].name);
        if (b)
            carry_over(f, b, &old[i]);
    }
    mem_free(old);
}

void flow_free(struct flow *f)
{
    if (!f)
        return;
    timer_free(f->send);
    timer_free(f->wake);
    mem_free(f->app_account);
    mem_free(f->v);
    mem_free(f);
}
