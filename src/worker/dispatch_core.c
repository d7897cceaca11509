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
