/* SPDX-License-Identifier: MIT
 * A worker: all that serves jobs, made in one order and freed in reverse. */
#ifndef PB_WORKER_WORKER_H
#define PB_WORKER_WORKER_H

#include "worker/dispatch.h"

struct worker;

/* config and base are borrowed. until_empty: drain by itself when every queue is empty. NULL with
 * e when HTTP cannot be set up; Redis may be down. */
MUST_USE struct worker *worker_open(struct event_base *base, const struct config *config,
                                    bool until_empty, dispatch_end_fn fn, void *arg, struct err *e);
void worker_close(struct worker *w); /* NULL is allowed. fn is not called any more */

struct dispatch *worker_dispatch(struct worker *w); /* until it is closed */

#endif
