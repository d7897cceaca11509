/* SPDX-License-Identifier: MIT */
#include "worker/leftover_look.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

enum { LOOK_MS = 5000, LOOK_SOON_MS = 500 };

static void tell_leftovers(struct lane *lane, struct leftover *f, int64_t now_ms)
{
    int64_t left = f->since_ms + f->wait_ms - now_ms;
    if (f->jobs <= 0 || f->told || f->ours)
        return;
    f->told = true;
    log_error("event=app_unserved queue=%s app=%s jobs=%lld wait_ms=%lld",
              log_value(queue_name(lane->queue)), log_value(f->app), (long long)f->jobs,
              (long long)(left > 0 ? left : 0));
}

/* A name that is new is counted soon. */
static int64_t leftover_pause_ms(const struct leftovers *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->v[i].jobs < 0)
            return LOOK_SOON_MS;
    return LOOK_MS;
}

static void tell_groups_apart(void *arg, const char *group, const char *own, const char *theirs)
{
    const struct lane *lane = arg;
    log_warn("event=group_differs queue=%s group=%s apps=%s elsewhere=%s",
             log_value(queue_name(lane->queue)), log_value(group), log_value(own),
             log_value(theirs));
}

static void on_leftovers_found(void *arg, const struct queue_leftovers *found)
{
    struct lane *lane = arg;
    struct leftovers *l = &lane->leftovers;
    int64_t now = clock_mono_ms();
    l->asking = false;
    if (!found)
        return;
    leftovers_see(l, lane->d->config, found, now);
    for (size_t i = 0; i < found->nwords; i++)
        others_see(fleet_others(lane->d->fleet), lane->d->config, found->words[i], now);
    groups_apart_see(&lane->groups_apart, lane->d->config, found->words, found->nwords,
                     tell_groups_apart, lane);
    others_looked(fleet_others(lane->d->fleet), l->asked_ms);
    l->next_ms = now + leftover_pause_ms(l);
    for (size_t i = 0; i < l->n; i++)
        tell_leftovers(lane, &l->v[i], now);
    metrics_set_at(METRIC_QUEUE_UNSERVED, metrics_find(SET_QUEUE, queue_name(lane->queue)),
                   leftovers_jobs(l));
}

void leftover_look(struct lane *lane)
{
    struct leftovers *l = &lane->leftovers;
    int64_t now = clock_mono_ms();
    const char *apps[QUEUE_LEFTOVERS_MAX];
    bool wanted = now < fleet_others(lane->d->fleet)->wanted_till_ms;
    if (!lane->open || l->asking || (now < l->next_ms && !wanted))
        return;
    l->asking = true;
    l->asked_ms = now;
    l->next_ms = now + LOOK_MS;
    for (size_t i = 0; i < l->n; i++)
        apps[i] = l->v[i].app;
    queue_leftovers(lane->queue, apps, l->n, on_leftovers_found, lane);
}

size_t leftover_unparks(const struct lane *lane, unsigned n, struct queue_unpark *out)
{
    size_t found = leftovers_due(&lane->leftovers, lane->d->config, clock_mono_ms(), out);
    for (size_t i = 0; i < found; i++)
        out[i].limit = n / (unsigned)found;
    return found;
}
