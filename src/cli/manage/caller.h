/* SPDX-License-Identifier: MIT
 * Calls of one app to the provider, one after another: paced under the action's quota, repeated
 * with a back-off where that is safe and may help. A refused temporary key is exchanged once where
 * its source has another. Needs no Redis. */
#ifndef PB_CLI_MANAGE_CALLER_H
#define PB_CLI_MANAGE_CALLER_H

#include "aliyun/actions.h"
#include "config/config.h"

enum caller_state {
    CALLER_DONE,
    CALLER_REFUSED,     /* answered: no */
    CALLER_UNAVAILABLE, /* no usable answer in all attempts */
};
struct caller_result {
    enum caller_state state;
    struct reply reply;
    json_t *answer; /* DONE: an object, also made from an XML answer */
    bool maybe;     /* UNAVAILABLE: it may have been done nevertheless */
};
void caller_result_free(struct caller_result *r);
/* "CODE: message (request …)", or what went wrong on the way. */
void caller_explain(const struct caller_result *r, struct err *e);

struct caller;
/* NULL with e when the app lacks credentials or TLS cannot be set up. Both are borrowed. */
struct caller *caller_open(const struct config *config, const struct config_app *app,
                           struct err *e);
void caller_close(struct caller *c);
/* Blocks until it is answered or given up. params as in actions_check(); AppKey is set here. */
void caller_call(struct caller *c, const struct action_row *a, struct params *params,
                 struct caller_result *out);

/* --- the decision, pure --- */

struct caller_policy {
    int64_t max_attempts, base_ms, cap_ms, settle_ms, timeout_ms;
};
struct caller_tries {
    int64_t attempts;  /* that failed before this one, throttled ones not counted */
    int64_t throttled; /* answers in a row before this one */
};
enum { CALLER_THROTTLES_MAX = 10, CALLER_THROTTLE_CAP_MS = 60000 };
/* Milliseconds to wait before the next attempt; −1: there is none. */
int64_t caller_wait_ms(const struct caller_policy *p, enum action_repeat repeat,
                       const struct reply *reply, const struct caller_tries *tries,
                       uint64_t random);

#endif
