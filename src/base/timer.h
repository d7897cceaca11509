/* SPDX-License-Identifier: MIT
 * A timer in a loop of libevent. Its callback gets no more than its argument, and may set, stop or
 * free the timer. Milliseconds below 0 count as 0. */
#ifndef PB_BASE_TIMER_H
#define PB_BASE_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct timer;

typedef void (*timer_fn)(void *arg);

/* Not set yet. To be freed before its loop. */
struct timer *timer_new(struct event_base *base, timer_fn fn, void *arg);
void timer_free(struct timer *t); /* NULL: nothing */

/* What was set before is forgotten by each of these. */
void timer_once(struct timer *t, int64_t ms); /* 0: in the next turn of the loop */
void timer_each(struct timer *t, int64_t ms); /* again and again, first after ms; ms ≥ 1 */
void timer_stop(struct timer *t);

/* In this turn of the loop, before it looks for any input: for what a callback leaves to be done as
 * soon as it has returned. Of a timer_each() the next time comes ms after that. */
void timer_now(struct timer *t);

bool timer_is_set(const struct timer *t); /* it will fire */

#endif
