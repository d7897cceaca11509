/* SPDX-License-Identifier: MIT
 * Asking Redis for tokens, and giving back what lies unused. */
#include "base/clock.h"
#include "base/metrics.h"
#include "fleet/limits_core.h"

enum {
    UNUSED_MS = 500,  /* tokens that lay for so long go back */
    SILENCE_MS = 250, /* before asking again when Redis did not answer */
    WINDOW_MAX = 2048,
    WINDOW_PER_S = 20, /* a worker has at most a twentieth of a second of the whole rate */
};

static int64_t window_max(const struct limit *l)
{
    double most = l->rate / (double)WINDOW_PER_S;
    return most < 1 ? 1 : most < (double)WINDOW_MAX ? (int64_t)most : WINDOW_MAX;
}

/* The window follows the demand: four times as much when the last grant was used up. */
static int64_t amount_to_ask(struct limit *l)
{
    bool hungry = l->hungry && (!l->back || l->missed);
    l->hungry = false;
    if (l->rate <= 0 || !hungry || clock_mono_ms() < l->cooled_ms)
        return 0;
    int64_t most = l->fleeting ? 1 : window_max(l);
    if (l->used)
        l->window *= 4;
    if (l->window < l->missed)
        l->window = l->missed;
    if (l->window > most)
        l->window = most;
    l->used = l->missed = 0;
    return l->window > l->tokens ? l->window - l->tokens : 0;
}

/* What is to be told goes out; the ages are as of now. */
static void take_report(struct limit *l)
{
    l->told = l->report;
    l->told.age_ms = l->told.throttled ? clock_mono_ms() - l->sent_ms : 0;
    l->report = (struct limit_report){0};
}

static void on_limit_grants(void *arg, const struct limit_grant *grants);

static void send_asks(struct limits *f)
{
    struct limit_ask asks[LIMIT_ASKS_MAX];
    size_t n = 0;
    f->nasked = 0;
    for (size_t i = 0; i < f->n && n < LIMIT_ASKS_MAX; i++) {
        struct limit *l = &f->v[i];
        if (!l->wanted)
            continue;
        f->asked[f->nasked++] = i;
        take_report(l);
        l->amount = amount_to_ask(l);
        asks[n++] = (struct limit_ask){.name = l->name,
                                       .rate = l->rate,
                                       .burst = l->burst,
                                       .want = l->amount,
                                       .back = l->back,
                                       .report = l->told};
        l->wanted = false;
        l->asked = true;
        l->back = 0;
    }
    if (!n)
        return;
    f->asking = true;
    fleet_store_ask(f->store, asks, n, on_limit_grants, f);
}

void limits_on_send(void *arg)
{
    struct limits *f = arg;
    if (!f->asking)
        send_asks(f);
}

void limits_on_wake(void *arg)
{
    struct limits *f = arg;
    limits_set_wake(f, clock_mono_ms());
    f->fn(f->arg);
}

/* Workers that wait for one limit should not all come back at once. */
static void take_grant(struct limit *l, const struct limit_grant *g, int64_t now)
{
    l->asked = false;
    l->tokens += g->granted;
    l->moved_ms = now;
    metrics_add(METRIC_FLOW_TOKENS, g->granted);
    if (l->amount)
        l->blocked_ms = g->wait_ms ? now + g->wait_ms : 0;
    if ((g->wait_ms || g->rest_ms) && !l->report.throttled)
        l->wanted = false; /* who missed one meanwhile has this answer too */
    int64_t for_token_ms = g->wait_ms - g->rest_ms;
    if (l->amount && for_token_ms > 0 && !l->fleeting)
        l->blocked_ms += (int64_t)clock_random_below((uint64_t)for_token_ms / 2 + 1);
    limits_hear(l, g, now);
}

static void not_answered(const struct limits *f, struct limit *l, int64_t now)
{
    if (l->rate > 0 && now >= l->cooled_ms)
        l->tokens +=
            limit_alone_grant(&l->alone, l->rate, f->workers, window_max(l) - l->tokens, now);
    l->asked = false;
    l->blocked_ms = now + SILENCE_MS;
    limits_merge_report(&l->report, &l->told);
    l->wanted |= l->report.throttled > 0;
}

static void on_limit_grants(void *arg, const struct limit_grant *grants)
{
    struct limits *f = arg;
    int64_t now = clock_mono_ms();
    bool news = !grants; /* tokens that only went back are none */
    f->asking = false;
    for (size_t k = 0; k < f->nasked; k++) {
        if (f->asked[k] == LIMIT_GONE)
            continue; /* its tokens are lost, as those of a worker that dies */
        struct limit *l = &f->v[f->asked[k]];
        if (!grants) {
            not_answered(f, l, now);
            continue;
        }
        news |= grants[k].granted || grants[k].wait_ms || l->missed;
        take_grant(l, &grants[k], now);
    }
    limits_set_wake(f, now);
    if (news)
        f->fn(f->arg);
    for (size_t i = 0; i < f->n; i++) {
        struct limit *l = &f->v[i];
        if (l->fleeting)
            l->tokens = 0;
        if (l->wanted && grants)
            timer_now(f->send);
    }
}

void limits_set_workers(struct limits *f, int64_t n)
{
    f->workers = n;
}

bool limits_asking(const struct limits *f)
{
    return f->asking || timer_is_set(f->send);
}

void limits_tick(struct limits *f)
{
    int64_t now = clock_mono_ms();
    for (size_t i = 0; i < f->n; i++) {
        struct limit *l = &f->v[i];
        l->wanted |= l->report.through && now < l->watched_ms;
        if (l->tokens <= 0 || l->asked || now - l->moved_ms < UNUSED_MS)
            continue;
        l->back += l->tokens;
        l->tokens = l->used = 0;
        l->window = 1;
        l->wanted = true;
    }
    for (size_t i = 0; i < f->n; i++)
        if (f->v[i].wanted)
            limits_want(f, &f->v[i]);
}
