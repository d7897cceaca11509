/* SPDX-License-Identifier: MIT
 * A worker's tokens: taking them, claims for as many as there are, and overrides. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/minmax.h"
#include "fleet/limits_core.h"

/* --- which limit ---------------------------------------------------------------------------- */

static struct limit *egress_limit(const struct limits *f)
{
    return &f->v[0];
}

/* A type that is none of the known ones is counted as ALL of them. */
static struct limit *audience_limit(struct limits *f, size_t app, const char *device_type)
{
    size_t t = 0;
    while (t < LIMIT_TYPES - 1 && strcmp(limit_types[t], device_type) != 0)
        t++;
    return &f->v[1 + f->naccounts * LIMIT_ACTIONS + app * LIMIT_TYPES + t];
}

/* --- taking ---------------------------------------------------------------------------------- */

static bool limit_has_token(const struct limit *l, int64_t now)
{
    return now >= l->cooled_ms && (l->rate <= 0 || l->tokens > 0);
}

static void take_token(struct limit *l, int64_t now)
{
    if (l->rate <= 0)
        return;
    l->tokens--;
    l->used++;
    l->moved_ms = now;
}

/* Pushes to ALL get one turn each, so that they do not all come back for the same one. */
static int64_t next_turn_ms(struct limit *l, int64_t now)
{
    int64_t at = l->blocked_ms, gap = (int64_t)(1000 / l->rate);
    if (l->promised_ms + gap > at)
        at = l->promised_ms + gap;
    l->promised_ms = at;
    return at - now;
}

static enum limit_token miss_token(struct limits *f, struct limit *l, int64_t now, int64_t *wait_ms)
{
    int64_t till = max_int(l->cooled_ms, l->blocked_ms);
    if (till <= now || (l->asked && now >= l->cooled_ms)) {
        l->missed++;
        l->hungry = true;
        limits_want(f, l);
        return LIMIT_WAIT;
    }
    *wait_ms = l->fleeting ? next_turn_ms(l, now) : till - now;
    return LIMIT_NONE;
}

enum limit_token limits_take(struct limits *f, size_t app, enum limit_action action,
                             const char *device_type, int64_t *wait_ms)
{
    struct limit *need[3] = {limits_account(f, f->app_account[app], action), egress_limit(f)};
    size_t n = 2;
    int64_t now = clock_mono_ms();
    /* Last, because its token must be used as soon as it is there. */
    if (device_type)
        need[n++] = audience_limit(f, app, device_type);
    for (size_t i = 0; i < n; i++)
        if (!limit_has_token(need[i], now))
            return miss_token(f, need[i], now, wait_ms);
    for (size_t i = 0; i < n; i++)
        take_token(need[i], now);
    return LIMIT_GO;
}

/* --- showing --------------------------------------------------------------------------------- */

static void show_tokens(const struct limits *f, unsigned label, size_t first, size_t n, size_t step)
{
    int64_t tokens = METRIC_ABSENT;
    for (size_t i = 0; i < n; i++) {
        const struct limit *l = &f->v[first + i * step];
        if (l->rate > 0)
            tokens = (tokens == METRIC_ABSENT ? 0 : tokens) + l->tokens;
    }
    metrics_set_at(METRIC_FLOW_STOCK, label, tokens);
}

void limits_show(const struct limits *f)
{
    static const char *const actions[LIMIT_ACTIONS] = {
        [LIMIT_PUSH] = "Push", [LIMIT_MASSPUSH] = "MassPush"};
    show_tokens(f, metrics_find(SET_LIMIT, "egress"), 0, 1, 1);
    for (size_t a = 0; a < LIMIT_ACTIONS; a++)
        show_tokens(f, metrics_find(SET_LIMIT, actions[a]), 1 + a, f->naccounts, LIMIT_ACTIONS);
}

/* --- claiming -------------------------------------------------------------------------------- */

static size_t calls_within(const struct limit *l, int64_t now, size_t n)
{
    if (now < l->cooled_ms)
        return 0;
    return l->rate > 0 ? min_size(n, (size_t)max_int(0, l->tokens)) : n;
}

/* Redis has not said that there are none until later. */
static bool may_ask(const struct limit *l, int64_t now)
{
    return now >= l->cooled_ms && now >= l->blocked_ms && l->rate > 0 && !l->asked;
}

static void ask_when_few(struct limits *f, struct limit *l, int64_t now)
{
    if (may_ask(l, now) && (l->tokens == 0 || 2 * l->tokens < l->window)) {
        l->hungry = true;
        limits_want(f, l);
    }
}

static bool is_unknown(const struct limit *l, int64_t now)
{
    return l->tokens == 0 && may_ask(l, now);
}

bool limits_unknown(const struct limits *f)
{
    int64_t now = clock_mono_ms();
    bool unknown = limits_asking(f) || is_unknown(egress_limit(f), now);
    for (size_t i = 0; i < f->naccounts; i++)
        unknown |= is_unknown(limits_account(f, i, LIMIT_PUSH), now);
    return unknown;
}

/* Until when nobody needs to try for a token that calls have missed. */
static int64_t spent_till(const struct limit *l, int64_t now)
{
    if (l->rate <= 0 || l->tokens > 0)
        return l->cooled_ms;
    int64_t till = l->missed && (l->wanted || l->asked) ? now + 1 : l->blocked_ms;
    return max_int(till, l->cooled_ms);
}

/* MassPush tokens are asked for by the call itself: no claim knows yet what it will become. When
 * the last calls have used them up, the next come in a moment; jobs claimed now would only wait.
 * During a cool-down others may go on. */
static bool is_short_of_mass(const struct limit *l, int64_t now)
{
    int64_t till = spent_till(l, now);
    return till > now && till <= now + LIMIT_MOMENT_MS;
}

size_t limits_calls(const struct limits *f, size_t n)
{
    int64_t now = clock_mono_ms();
    size_t sum = 0;
    for (size_t i = 0; i < f->naccounts; i++)
        if (!is_short_of_mass(limits_account(f, i, LIMIT_MASSPUSH), now))
            sum += calls_within(limits_account(f, i, LIMIT_PUSH), now, n);
    return min_size(sum, calls_within(egress_limit(f), now, n));
}

void limits_ask_for(struct limits *f, size_t n)
{
    int64_t now = clock_mono_ms();
    ask_when_few(f, egress_limit(f), now);
    for (size_t i = 0; n && i < f->naccounts; i++)
        if (!is_short_of_mass(limits_account(f, i, LIMIT_MASSPUSH), now))
            ask_when_few(f, limits_account(f, i, LIMIT_PUSH), now);
}

size_t limits_calls_of_app(struct limits *f, size_t app, size_t n)
{
    int64_t now = clock_mono_ms();
    struct limit *own = limits_account(f, f->app_account[app], LIMIT_PUSH);
    ask_when_few(f, egress_limit(f), now);
    ask_when_few(f, own, now);
    /* Parked jobs would be taken out and parked again, round and round; while MassPush rests, each
     * goes out by itself. */
    const struct limit *mass = limits_account(f, f->app_account[app], LIMIT_MASSPUSH);
    if (spent_till(mass, now) > now && !limits_mass_rests(f, app))
        return 0;
    return min_size(calls_within(own, now, n), calls_within(egress_limit(f), now, n));
}

bool limits_rests(const struct limits *f, size_t app)
{
    const struct limit *need[] = {egress_limit(f),
                                  limits_account(f, f->app_account[app], LIMIT_PUSH),
                                  limits_account(f, f->app_account[app], LIMIT_MASSPUSH)};
    int64_t soon = clock_mono_ms() + 1000;
    for (size_t i = 0; i < sizeof need / sizeof need[0]; i++)
        if (need[i]->cooled_ms > soon)
            return true;
    return false;
}

/* --- overrides ------------------------------------------------------------------------------- */

void limits_rates_begin(struct limits *f)
{
    for (size_t i = 0; i < f->n; i++)
        f->v[i].override = -1;
    for (size_t i = 0; i < f->n; i++)
        f->v[i].cool_named = false;
}

/* What a person wrote there and is no rate is as if it was not there. */
void limits_rate(struct limits *f, const char *name, const char *per_s)
{
    struct limit *l = limits_find(f, name);
    double rate;
    if (!l)
        return;
    if (limit_rate_read(per_s, &rate))
        l->override = rate;
    else
        log_error("event=limit_unreadable limit=%s value=%s", log_value(name), log_value(per_s));
}

/* False when that is the rate already. */
static bool set_limit_rate(const struct config *c, struct limit *l)
{
    double rate = l->override >= 0 ? l->override : l->configured;
    if (fabs(rate - l->rate) < 1e-4)
        return false;
    log_warn("event=limit_changed limit=%s from=%.3f to=%.3f configured=%.3f", log_value(l->name),
             l->rate, rate, l->configured);
    l->rate = rate;
    if (!l->fleeting)
        l->burst = fmax(1, rate * (double)c->limit_burst_ms / 1000);
    l->tokens = 0;
    l->window = 1;
    l->blocked_ms = 0;
    return true;
}

void limits_rates_end(struct limits *f)
{
    for (size_t i = 0; i < f->n; i++) {
        limits_end_cool(&f->v[i], clock_mono_ms());
        set_limit_rate(f->config, &f->v[i]);
    }
    f->fn(f->arg);
}

/* --- life ------------------------------------------------------------------------------------ */

static void limit_init(struct limit *l, const struct limit_setting *setting)
{
    memcpy(l->name, setting->name, sizeof l->name);
    l->configured = l->rate = setting->per_s;
    l->override = -1;
    l->burst = setting->burst;
    l->window = 1;
}

/* The limits of f->config, as new. */
static void make_limits(struct limits *f)
{
    size_t napps = f->config->napps;
    struct limit_setting *limits = mem_zalloc(FLEET_LIMITS_MAX * sizeof *limits);
    f->app_account = mem_zalloc((napps + 1) * sizeof *f->app_account);
    f->n = limits_of_config(f->config, limits, f->app_account);
    f->naccounts = (f->n - 1 - napps * LIMIT_TYPES) / LIMIT_ACTIONS;
    f->v = mem_zalloc(f->n * sizeof *f->v);
    for (size_t i = 0; i < f->n; i++)
        limit_init(&f->v[i], &limits[i]);
    for (size_t i = f->n - napps * LIMIT_TYPES; i < f->n; i++)
        f->v[i].fleeting = true;
    mem_free(limits);
}

struct limits *limits_new(struct event_base *base, const struct config *config,
                          struct fleet_store *store, limits_fn fn, void *arg)
{
    struct limits *f = mem_zalloc(sizeof *f);
    *f = (struct limits){.config = config, .store = store, .fn = fn, .arg = arg};
    make_limits(f);
    f->send = timer_new(base, limits_on_send, f);
    f->wake = timer_new(base, limits_on_wake, f);
    return f;
}

/* Tokens in hand and cool-downs stay; the rate is the configured one unless it is overridden. */
static void carry_limit_over(struct limits *f, struct limit *l, const struct limit *was)
{
    struct limit fresh = *l;
    *l = *was;
    l->configured = fresh.configured;
    if (!set_limit_rate(f->config, l) && !l->fleeting)
        l->burst = l->override >= 0 ? fmax(1, l->rate * (double)f->config->limit_burst_ms / 1000)
                                    : fresh.burst;
}

void limits_set_config(struct limits *f, const struct config *config)
{
    struct limit *old = f->v;
    size_t n = f->n;
    mem_free(f->app_account);
    f->config = config;
    make_limits(f);
    for (size_t k = 0; k < f->nasked; k++) {
        const struct limit *l =
            f->asking && f->asked[k] != LIMIT_GONE ? limits_find(f, old[f->asked[k]].name) : NULL;
        f->asked[k] = l ? (size_t)(l - f->v) : LIMIT_GONE;
    }
    for (size_t i = 0; i < n; i++) {
        struct limit *l = limits_find(f, old[i].name);
        if (l)
            carry_limit_over(f, l, &old[i]);
    }
    mem_free(old);
}

void limits_free(struct limits *f)
{
    if (!f)
        return;
    timer_free(f->send);
    timer_free(f->wake);
    mem_free(f->app_account);
    mem_free(f->v);
    mem_free(f);
}
