/* SPDX-License-Identifier: MIT
 * Asking Redis for tokens, and giving back what lies unused. */
#include "base/clock.h"
#include "base/metrics.h"
#include "fleet/flow_core.h"

enum {
    UNUSED_MS = 500,  /* stock that lay for so long goes back */
    SILENCE_MS = 250, /* before asking again when Redis did not answer */
    WINDOW_MAX = 2048,
    WINDOW_PER_S = 20, /* a worker's stock is at most a twentieth of a second of the whole rate */
};

static int64_t window_max(const struct flow_bucket *b)
{
    double most = b->rate / (double)WINDOW_PER_S;
    return most < 1 ? 1 : most < (double)WINDOW_MAX ? (int64_t)most : WINDOW_MAX;
}

/* The window follows the demand: four times as much when the last grant was used up. */
static int64_t amount(struct flow_bucket *b)
{
    bool hungry = b->hungry && (!b->back || b->missed);
    b->hungry = false;
    if (b->rate <= 0 || !hungry || clock_mono_ms() < b->cooled_ms)
        return 0;
    int64_t most = b->fleeting ? 1 : window_max(b);
    if (b->used)
        b->window *= 4;
    if (b->window < b->missed)
        b->window = b->missed;
    if (b->window > most)
        b->window = most;
    b->used = b->missed = 0;
    return b->window > b->stock ? b->window - b->stock : 0;
}

/* What is to be told goes out; the ages are as of now. */
static void take_report(struct flow_bucket *b)
{
    b->told = b->report;
    b->told.age_ms = b->told.throttled ? clock_mono_ms() - b->sent_ms : 0;
    b->report = (struct flow_report){0};
}

static void on_grants(void *arg, const struct flow_grant *grants);

static void send_asks(struct flow *f)
{
    struct flow_ask asks[FLOW_ASKS_MAX];
    size_t n = 0;
    f->nasked = 0;
    for (size_t i = 0; i < f->n && n < FLOW_ASKS_MAX; i++) {
        struct flow_bucket *b = &f->v[i];
        if (!b->wanted)
            continue;
        f->asked[f->nasked++] = i;
        take_report(b);
        b->amount = amount(b);
        asks[n++] = (struct flow_ask){.name = b->name,
                                      .rate = b->rate,
                                      .burst = b->burst,
                                      .want = b->amount,
                                      .back = b->back,
                                      .report = b->told};
        b->wanted = false;
        b->asked = true;
        b->back = 0;
    }
    if (!n)
        return;
    f->asking = true;
    flow_store_ask(f->store, asks, n, on_grants, f);
}

void flow_on_send(void *arg)
{
    struct flow *f = arg;
    if (!f->asking)
        send_asks(f);
}

void flow_on_wake(void *arg)
{
    struct flow *f = arg;
    flow_set_wake(f, clock_mono_ms());
    f->fn(f->arg);
}

/* Workers that wait for one bucket should not all come back at once. */
static void granted(struct flow_bucket *b, const struct flow_grant *g, int64_t now)
{
    b->asked = false;
    b->stock += g->granted;
    b->moved_ms = now;
    metrics_add(METRIC_FLOW_TOKENS, g->granted);
    if (b->amount)
        b->blocked_ms = g->wait_ms ? now + g->wait_ms : 0;
    if ((g->wait_ms || g->rest_ms) && !b->report.throttled)
        b->wanted = false; /* who missed one meanwhile has this answer too */
    int64_t for_token_ms = g->wait_ms - g->rest_ms;
    if (b->amount && for_token_ms > 0 && !b->fleeting)
        b->blocked_ms += (int64_t)clock_random_below((uint64_t)for_token_ms / 2 + 1);
    flow_hear(b, g, now);
}

static void not_answered(const struct flow *f, struct flow_bucket *b, int64_t now)
{
    if (b->rate > 0 && now >= b->cooled_ms)
        b->stock += flow_alone_grant(&b->alone, b->rate, f->workers, window_max(b) - b->stock, now);
    b->asked = false;
    b->blocked_ms = now + SILENCE_MS;
    flow_merge_report(&b->report, &b->told);
    b->wanted |= b->report.throttled > 0;
}

static void on_grants(void *arg, const struct flow_grant *grants)
{
    struct flow *f = arg;
    int64_t now = clock_mono_ms();
    bool news = !grants; /* tokens that only went back are none */
    f->asking = false;
    for (size_t k = 0; k < f->nasked; k++) {
        if (f->asked[k] == FLOW_GONE)
            continue; /* its tokens are lost, as those of a worker that dies */
        struct flow_bucket *b = &f->v[f->asked[k]];
        if (!grants) {
            not_answered(f, b, now);
            continue;
        }
        news |= grants[k].granted || grants[k].wait_ms || b->missed;
        granted(b, &grants[k], now);
    }
    flow_set_wake(f, now);
    if (news)
        f->fn(f->arg);
    for (size_t i = 0; i < f->n; i++) {
        struct flow_bucket *b = &f->v[i];
        if (b->fleeting)
            b->stock = 0;
        if (b->wanted && grants)
            timer_now(f->send);
    }
}

void flow_set_workers(struct flow *f, int64_t n)
{
    f->workers = n;
}

bool flow_asking(const struct flow *f)
{
    return f->asking || timer_is_set(f->send);
}

void flow_tick(struct flow *f)
{
    int64_t now = clock_mono_ms();
    for (size_t i = 0; i < f->n; i++) {
        struct flow_bucket *b = &f->v[i];
        b->wanted |= b->report.through && now < b->watched_ms;
        if (b->stock <= 0 || b->asked || now - b->moved_ms < UNUSED_MS)
            continue;
        b->back += b->stock;
        b->stock = b->used = 0;
        b->window = 1;
        b->wanted = true;
    }
    for (size_t i = 0; i < f->n; i++)
        if (f->v[i].wanted)
            flow_want(f, &f->v[i]);
}
