/* SPDX-License-Identifier: MIT */
#include "admin/gauges.h"

#include <jansson.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/number.h"
#include "job/job.h"
#include "job/written/numbers.h"

enum { READ_EVERY_MS = 5000, WANTED_MS = 150 * 1000, OLD_MS = 30 * 1000, ANSWERS = 3 };

struct gauge_lane {
    struct dispatch *dispatch;
    size_t index;
    unsigned label, awaited; /* answers on their way */
    int64_t asked_ms, counted_ms;
    uint64_t head;        /* hash of the first element … */
    int64_t head_seen_ms; /* … and when it was first seen, Redis clock */
};

struct gauges {
    int64_t wanted_until_ms;
    size_t n;
    struct gauge_lane lanes[];
};

static const enum metric shown[] = {
    METRIC_QUEUE_READY,   METRIC_QUEUE_OLDEST, METRIC_QUEUE_INBOX, METRIC_QUEUE_LEASED,
    METRIC_QUEUE_DELAYED, METRIC_QUEUE_PARKED, METRIC_QUEUE_DEAD,  METRIC_QUEUE_RESULTS,
    METRIC_WORKERS_ALIVE, METRIC_REDIS_MEMORY,
};

struct gauges *gauges_new(struct dispatch *d)
{
    struct dispatch_status s;
    dispatch_status(d, &s);
    struct gauges *g = mem_zalloc(sizeof *g + s.lanes * sizeof g->lanes[0]);
    g->n = s.lanes;
    for (size_t i = 0; i < g->n; i++) {
        struct dispatch_lane lane;
        dispatch_lane(d, i, &lane);
        g->lanes[i] = (struct gauge_lane){
            .dispatch = d, .index = i, .label = metrics_find(SET_QUEUE, queue_name(lane.queue))};
    }
    gauges_want(g, clock_mono_ms()); /* the first scrape finds something */
    return g;
}

void gauges_free(struct gauges *g)
{
    mem_free(g);
}

void gauges_want(struct gauges *g, int64_t now_ms)
{
    g->wanted_until_ms = now_ms + WANTED_MS;
}

/* --- answers --------------------------------------------------------------------------------- */

static void on_gauge_counts(void *arg, const struct queue_counts *c)
{
    struct gauge_lane *lane = arg;
    lane->awaited--;
    if (!c->ok)
        return;
    lane->counted_ms = clock_mono_ms();
    metrics_set_at(METRIC_QUEUE_READY, lane->label, c->ready);
    metrics_set_at(METRIC_QUEUE_INBOX, lane->label, c->inbox);
    metrics_set_at(METRIC_QUEUE_LEASED, lane->label, c->leased);
    metrics_set_at(METRIC_QUEUE_DELAYED, lane->label, c->delayed);
    metrics_set_at(METRIC_QUEUE_PARKED, lane->label, c->parked);
    metrics_set_at(METRIC_QUEUE_DEAD, lane->label, c->dead_list);
    metrics_set_at(METRIC_QUEUE_RESULTS, lane->label, c->results);
}

int64_t gauges_head_age_ms(const char *job, size_t len, int64_t seen_ms, int64_t now_ms)
{
    json_t *root = numbers_load(job, len, 0, NULL);
    int64_t since = number_bounded(job_enqueued_at_ms(json_object_get(root, "enqueued_at")));
    json_decref(root);
    if (since <= 0 || since > now_ms)
        since = seen_ms;
    return now_ms - since;
}

static int64_t head_age_ms(struct gauge_lane *lane, const struct queue_view *v)
{
    uint64_t head = hash_add(HASH_START, v->head, v->head_len);
    if (head != lane->head || !lane->head_seen_ms)
        lane->head_seen_ms = v->now_ms;
    lane->head = head;
    return gauges_head_age_ms(v->head, v->head_len, lane->head_seen_ms, v->now_ms);
}

static void on_view(void *arg, const struct queue_view *v)
{
    struct gauge_lane *lane = arg;
    lane->awaited--;
    if (!v->ok)
        return;
    if (!v->any)
        lane->head_seen_ms = 0;
    metrics_set_at(METRIC_QUEUE_OLDEST, lane->label, v->any ? head_age_ms(lane, v) : 0);
    metrics_set_at(METRIC_WORKERS_ALIVE, lane->label, v->workers);
}

static void on_gauge_memory(void *arg, int64_t used, int64_t limit)
{
    struct gauge_lane *lane = arg;
    lane->awaited--;
    int64_t ratio = limit > 0 ? (int64_t)((double)used / (double)limit * 10000) : METRIC_ABSENT;
    metrics_set_at(METRIC_REDIS_MEMORY, lane->label, ratio);
}

/* --- the clockwork --------------------------------------------------------------------------- */

static void forget(struct gauge_lane *lane)
{
    lane->counted_ms = 0;
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
        metrics_set_at(shown[i], lane->label, METRIC_ABSENT);
}

static void ask_gauges(struct gauge_lane *lane, int64_t now_ms)
{
    struct dispatch_lane at;
    dispatch_lane(lane->dispatch, lane->index, &at);
    if (!at.open || lane->awaited)
        return;
    lane->asked_ms = now_ms;
    lane->awaited = ANSWERS;
    struct queue *queue = dispatch_queue(lane->dispatch, lane->index);
    queue_count(queue, on_gauge_counts, lane);
    queue_peek_head(queue, on_view, lane);
    queue_memory(queue, on_gauge_memory, lane);
}

void gauges_tick(struct gauges *g, int64_t now_ms)
{
    for (size_t i = 0; i < g->n; i++) {
        struct gauge_lane *lane = &g->lanes[i];
        if (lane->counted_ms && now_ms - lane->counted_ms > OLD_MS)
            forget(lane);
        if (now_ms < g->wanted_until_ms &&
            (!lane->asked_ms || now_ms - lane->asked_ms >= READ_EVERY_MS))
            ask_gauges(lane, now_ms);
    }
}
