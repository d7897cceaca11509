/* SPDX-License-Identifier: MIT
 * A getaddrinfo() of the test's own, which answers when it is let. none.example: no such name.
 * far.example: an address without a route. many.example: 40 addresses. Any other name: 127.0.0.1
 * and 127.0.0.2. */
#ifndef TEST_FAKE_NAMES_H
#define TEST_FAKE_NAMES_H

#include <event2/event.h>
#include <stdatomic.h>
#include <stdbool.h>

/* Questions for addresses of any family, and for IPv4 alone, may be answered from now on. */
void names_let(bool any, bool v4);
/* Until no thread is left that asks: of one test, none must ask in the next. */
void names_end(struct event_base *base);

extern atomic_int asked_any, asked_v4, inside; /* inside: the threads that ask now */
extern atomic_int asked_none_v4;               /* for none.example */
extern atomic_int asked_by_others;             /* with a port: libcurl */
extern const char *names_first;                /* address; set before a question */

#endif
