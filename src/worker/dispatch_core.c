/* SPDX-License-Identifier: MIT */
#include "worker/dispatch_core.h"

void dispatch_pump_soon(struct dispatch *d)
{
    event_active(d->pump, EV_TIMEOUT, 0);
}

void dispatch_pump_in(struct dispatch *d, int64_t ms)
{
    const struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    event_add(d->pump, &tv);
}

/* event_active() would have it run in this turn of the loop, before any other's input is seen. */
static void read_soon(struct dispatch *d)
{
    event_add(d->read, &(const struct timeval){0});
}

void dispatch_take(struct lane *lane, const struct queue_claim *claim)
{
    pipeline_take(lane->d->pipeline, claim, lane->queue, lane->asked_under);
    read_soon(lane->d);
}

void dispatch_on_read(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct dispatch *d = arg;
    if (pipeline_read(d->pipeline))
        read_soon(d);
    dispatch_pump_soon(d);
}
