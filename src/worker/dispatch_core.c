/* SPDX-License-Identifier: MIT */
#include "worker/dispatch_core.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

void dispatch_pump_soon(struct dispatch *d)
{
    timer_now(d->pump);
}

void dispatch_pump_in(struct dispatch *d, int64_t ms)
{
    timer_once(d->pump, ms);
}

/* timer_now() would have it run in this turn of the loop, before any other's input is seen. */
static void read_soon(struct dispatch *d)
{
    timer_once(d->read, 0);
}

void dispatch_take(struct lane *lane, const struct queue_claim *claim)
{
    pipeline_take(lane->d->pipeline, claim, lane->queue, lane->asked_under);
    read_soon(lane->d);
}

void dispatch_on_read(void *arg)
{
    struct dispatch *d = arg;
    if (pipeline_read(d->pipeline))
        read_soon(d);
    dispatch_pump_soon(d);
}

void dispatch_name_worker(struct dispatch *d)
{
    char host[64] = "";
    unsigned char random[6];
    char suffix[9];
    gethostname(host, sizeof host - 1);
    for (char *p = host; *p; p++)
        if (*p <= ' ' || *p == ':' || *p >= 0x7F)
            *p = '_';
    clock_random(random, sizeof random);
    text_base64url(random, sizeof random, suffix);
    snprintf(d->worker, sizeof d->worker, "%s-%d-%s", host[0] ? host : "host", (int)getpid(),
             suffix);
}
