/* SPDX-License-Identifier: MIT
 * What a reply means where several jobs share its call; for settle_reply(). */
#ifndef PB_PIPELINE_SHARED_SHARED_SETTLE_H
#define PB_PIPELINE_SHARED_SHARED_SETTLE_H

#include "pipeline/admit.h"
#include "pipeline/call.h"

/* verdict_input.alone of any call. One job of a shared call may be the cause: that is enough to
 * take the call apart, unless it may be out and has to stay whole. */
int64_t shared_throttled_alone(const struct call *c);

/* One task may have sunk the others: the provider refuses a call as a whole (API reference §4.2),
 * or throttles it alone. A call that may be out stays whole (I3e). */
bool shared_is_ones_fault(const struct call *c, const struct verdict *v);
struct decision shared_split(struct call *c); /* then */

/* MassPush itself is refused: each of its jobs goes by itself, at once. */
struct decision shared_dissolve(struct call *c);

/* The n MessageIds of a reply: kept as far as there are tasks. */
void shared_keep_ids(struct call *c, char (*ids)[32], size_t n);
/* It was sent, and nobody can tell whose push is whose, or which there are (API reference §4.2). */
bool shared_lacks_ids(const struct call *c);
void shared_note_ids(struct call *c); /* says so */

#endif
