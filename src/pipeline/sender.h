/* SPDX-License-Identifier: MIT
 * Sends one call: parameters, token, signature, HTTP, and the reply as plain data. */
#ifndef PB_PIPELINE_SENDER_H
#define PB_PIPELINE_SENDER_H

#include "config/config.h"
#include "http/http.h"
#include "pipeline/call.h"

struct sender;

/* config (borrowed) says how to connect, for good; what a call looks like is its job's
 * configuration's to say. NULL with e when HTTP cannot be set up. */
struct sender *sender_new(struct event_base *base, const struct config *config, struct err *e);
void sender_free(struct sender *s); /* open calls are answered UNANSWERED first */

/* Exactly once per sender_send that returned true, never before it returned. */
typedef void (*sender_done_fn)(struct call *call, const struct reply *reply);

/* Starts the call, signed with keys (borrowed for the call); its time counts from
 * call->checked_boot_ms. False with e when it cannot be made (invalid_job): then no callback comes.
 */
MUST_USE bool sender_send(struct sender *s, struct call *call, const struct credentials *keys,
                          sender_done_fn fn, struct err *e);
size_t sender_in_flight(const struct sender *s);

#endif
