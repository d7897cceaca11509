/* SPDX-License-Identifier: MIT
 * The provider's actions: what each checks, and what it does when a call is accepted. */
#ifndef PB_MOCK_WORLD_ACTIONS_H
#define PB_MOCK_WORLD_ACTIONS_H

#include <jansson.h>

#include "mock/wire/provider.h"

/* An accepted call, and what came of it. */
struct deed {
    struct provider *provider;
    const struct request *request;
    const struct replay_stay *stay;
    enum mass_ids mass_ids;
    int64_t now_ms; /* the provider's clock */
    /* results */
    struct refusal *refusal; /* filled with RECORD_REFUSED */
    struct replay_ids ids;   /* of what was pushed or is repeated */
    json_t *answer;          /* members beside RequestId, the caller's; NULL: none */
};

struct action {
    const char *name;
    bool (*check)(const struct push_rules *rules, const struct request *q, int64_t now_ms,
                  struct refusal *r);
    enum record_outcome (*act)(struct deed *d);
};

const struct action *actions_row(const struct request *q); /* NULL: unknown name or version */

#endif
