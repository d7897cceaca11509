/* SPDX-License-Identifier: MIT
 * Runs a test's event loop until a condition holds; fails the test after a deadline. */
#ifndef TEST_PUMP_H
#define TEST_PUMP_H

#include <event2/event.h>

#include "base/clock.h"

enum { PUMP_MAX_MS = 120000 }; /* what takes so long hangs, on a machine however busy */

static inline void pump_wake(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
}

/* A timer wakes the loop, so that conditions which change without an event are seen too. */
#define pump_until(base, condition)                                                                \
    do {                                                                                           \
        const struct timeval pump_tv = {.tv_usec = 20000};                                         \
        struct event *pump_timer = event_new((base), -1, EV_PERSIST, pump_wake, NULL);             \
        int64_t pump_end = clock_mono_ms() + PUMP_MAX_MS;                                          \
        event_add(pump_timer, &pump_tv);                                                           \
        while (!(condition)) {                                                                     \
            if (clock_mono_ms() > pump_end)                                                        \
                fail_msg("not within %d ms: %s", PUMP_MAX_MS, #condition);                         \
            if (event_base_loop((base), EVLOOP_ONCE) < 0) /* a test that failed left it */         \
                fail_msg("no loop for: %s", #condition);                                           \
        }                                                                                          \
        event_free(pump_timer);                                                                    \
    } while (0)

#endif
