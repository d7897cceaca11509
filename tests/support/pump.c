/* SPDX-License-Identifier: MIT */
#include "support/pump.h"

#include "base/clock.h"
#include "support/cmocka.h"

static void pump_wake(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
}

struct pump pump_begin(struct event_base *base)
{
    const struct timeval tick = {.tv_usec = 20000};
    struct pump pump = {.base = base,
                        .timer = event_new(base, -1, EV_PERSIST, pump_wake, NULL),
                        .end_ms = clock_mono_ms() + PUMP_MAX_MS};
    event_add(pump.timer, &tick);
    return pump;
}

void pump_turn(const struct pump *pump, const char *condition, const char *file, int line)
{
    if (clock_mono_ms() > pump->end_ms) {
        print_error("not within %d ms: %s\n", PUMP_MAX_MS, condition);
        _fail(file, line);
    }
    if (event_base_loop(pump->base, EVLOOP_ONCE) < 0) { /* a test that failed left it */
        print_error("no loop for: %s\n", condition);
        _fail(file, line);
    }
}

void pump_end(struct pump *pump)
{
    event_free(pump->timer);
}
