/* SPDX-License-Identifier: MIT
 * A call between its request and its answer: shared by call.c, which decides, and reply.c, which
 * answers. */
#ifndef PB_MOCK_WIRE_CALL_CORE_H
#define PB_MOCK_WIRE_CALL_CORE_H

#include "base/timer.h"
#include "mock/wire/answer.h"
#include "mock/world/actions.h"

struct event;
struct evhttp_request;

/* A call goes through these steps; a delay may stand before PUSH or before FINISH. */
enum step { STEP_PUSH, STEP_FINISH };

struct call {
    struct provider *provider;
    struct evhttp_request *http; /* evhttp keeps it until we reply, even if the client leaves */
    struct request request;
    struct replay_stay stay;
    struct fault_plan plan;
    struct timer *timer;
    struct event *gone; /* watches its client */
    bool held;
    enum step next_step;
    uint64_t seq;
    char request_id[ANSWER_ID_SIZE];
    struct refusal refusal; /* status 0: none */
    json_t *answer;         /* of an accepted call; NULL: RequestId alone */
    int64_t retry_after_ms; /* of a throttled call */
    bool throttled;
    struct call *newer, *older;
};

void call_free(struct call *c); /* and takes it off the provider's list */
int64_t call_provider_now_ms(const struct provider *p);
void call_set_held(struct call *c,
                   bool held); /* by a fault, until it is released: counted and shown */

/* Waits for the client to leave, and frees the call then. False: it has left, and the call is
 * freed. */
bool call_watch_client(struct call *c);

/* Answers, or does instead what the call's fault says; frees the call, unless it hangs. */
void call_reply(struct call *c);

#endif
