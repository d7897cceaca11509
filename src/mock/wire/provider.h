/* SPDX-License-Identifier: MIT
 * The provider: takes calls, checks them, pushes (that is: records), answers, or does what a
 * fault rule says. Everything runs on one event loop. */
#ifndef PB_MOCK_WIRE_PROVIDER_H
#define PB_MOCK_WIRE_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>

#include "mock/check/auth.h"
#include "mock/check/mass.h"
#include "mock/check/push.h"
#include "mock/wire/faults.h"
#include "mock/world/handout.h"
#include "mock/world/inbox.h"
#include "mock/world/rate.h"
#include "mock/world/record.h"
#include "mock/world/replay.h"

struct event_base;
struct evhttp;
struct ssl_ctx_st;
struct call;

struct provider {
    struct event_base *base;
    struct evhttp *http;
    struct ssl_ctx_st *tls; /* NULL: plain HTTP */
    struct auth auth;
    struct handout handout;
    struct push_rules rules;
    struct replay replay;
    struct record record;
    struct faults faults;
    struct world world;
    struct inbox inbox;
    bool token_per_account; /* else per AppKey */
    int64_t clock_skew_ms;  /* the provider's clock against this machine's */
    enum mass_ids mass_ids;
    const char *certificate;     /* Status that CheckCertificate answers */
    struct rate rate, mass_rate; /* of all calls, and of MassPush alone */
    bool rate_hints;             /* a throttled call is told how long to wait */
    size_t url_max;
    uint64_t next_message_id;
    struct call *calls; /* in flight */
    struct call *spare; /* one that has ended, for the next */
    uint64_t in_flight, held;
};

void provider_init(struct provider *p, struct event_base *base, size_t record_calls);
void provider_free(struct provider *p);

/* Opens the port (0: any free one); the result is the port, 0 when it cannot be opened. */
int provider_listen(struct provider *p, const char *host, int port);

#endif
