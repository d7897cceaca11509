/* SPDX-License-Identifier: MIT
 * One call from "request read" to "answer sent or dropped". */
#ifndef PB_MOCK_CALL_H
#define PB_MOCK_CALL_H

struct evhttp_request;
struct provider;
struct call;

void call_start(struct provider *p, struct evhttp_request *http);

/* Forgets all calls in flight; their connections must be freed next. */
void call_abandon_all(struct provider *p);

#endif
