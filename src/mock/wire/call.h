/* SPDX-License-Identifier: MIT
 * One call from "request read" to "answer sent or dropped". */
#ifndef PB_MOCK_WIRE_CALL_H
#define PB_MOCK_WIRE_CALL_H

#include <stdint.h>

struct evhttp_request;
struct provider;
struct call;

void call_begin(struct provider *p, struct evhttp_request *http);

/* What a hold rule held goes on: of the rule with that id, or with 0 of every rule. */
void call_release(struct provider *p, uint64_t hold_id);

/* Forgets all calls in flight; their connections must be freed next. */
void call_abandon_all(struct provider *p);

#endif
