/* SPDX-License-Identifier: MIT */
#include "worker/dispatch_core.h"

void dispatch_pump_soon(struct dispatch *d)
{
    event_active(d->pump, EV_TIMEOUT, 0);
}
