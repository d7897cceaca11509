/* SPDX-License-Identifier: MIT
 * Runs a test's event loop until a condition holds; fails the test after a deadline. */
#ifndef TEST_PUMP_H
#define TEST_PUMP_H

#include <event2/event.h>
#include <stdint.h>

enum { PUMP_MAX_MS = 120000 }; /* what takes so long hangs, on a machine however busy */

/* A loop that is being run: a timer wakes it, so that conditions which change without an event are
 * seen too. */
struct pump {
    struct event_base *base;
    struct event *timer;
    int64_t end_ms;
};

struct pump pump_begin(struct event_base *base);
/* One turn of the loop. Fails the test, at this place, when the time is up or the loop cannot run.
 */
void pump_turn(const struct pump *pump, const char *condition, const char *file, int line);
void pump_end(struct pump *pump);

#define pump_until(loop, condition)                                                                \
    do {                                                                                           \
        struct pump pump_of_it = pump_begin(loop);                                                 \
        while (!(condition))                                                                       \
            pump_turn(&pump_of_it, #condition, __FILE__, __LINE__);                                \
        pump_end(&pump_of_it);                                                                     \
    } while (0)

#endif
