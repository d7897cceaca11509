/* SPDX-License-Identifier: MIT
 * Calls to the provider from the command line. */
#ifndef PB_CLI_PROVIDER_H
#define PB_CLI_PROVIDER_H

#include "cli/link.h"
#include "http/http.h"

/* The app's keys, fetched where they have to be: to be freed. left_ms: how long they live, 0: no
 * end. False with e when there are none. */
MUST_USE bool provider_keys(struct event_base *base, const struct config *config,
                            const struct config_app *app, struct credentials_owned *keys,
                            int64_t *left_ms, struct err *e);

/* One call, waited for, not repeated. params: the action's own, without AppKey. False with e when
 * no call can be made (credentials, TLS); else *reply says what came of it, class SENT: it was
 * done. */
MUST_USE bool provider_call(struct link *l, const struct config *config,
                            const struct config_app *app, const char *action, struct params *params,
                            struct reply *reply, struct err *e);
/* False with e when the app lacks AppKey or credentials. */
MUST_USE bool provider_ready(const struct config_app *app, struct err *e);
/* A connection for one call at a time; http_free(). */
struct http *provider_open(struct event_base *base, const struct config *config, struct err *e);
/* Signs with keys and starts one attempt; params gets its AppKey. fn comes once, later. */
void provider_start(struct http *http, const struct config *config, const struct config_app *app,
                    const struct credentials_owned *keys, const char *action, struct params *params,
                    http_done_fn fn, void *arg);

/* What came of an unsigned request that asks for no action. Any HTTP answer will do. */
struct touch {
    enum http_state state;
    int status;
    int64_t sent_wall_ms, answered_wall_ms;
    bool dated; /* the answer has a Date that can be read: */
    int64_t date_ms;
};
/* False with e when none came. */
MUST_USE bool provider_touch(struct event_base *base, const struct config *config,
                             struct touch *out, struct err *e);

#endif
