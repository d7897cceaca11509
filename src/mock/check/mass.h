/* SPDX-License-Identifier: MIT
 * The action MassPush: its checks, and how its ids are answered. */
#ifndef PB_MOCK_CHECK_MASS_H
#define PB_MOCK_CHECK_MASS_H

#include <jansson.h>

#include "mock/check/push.h"
#include "mock/world/replay.h"

/* No source says how ids answer to tasks. */
enum mass_ids {
    MASS_IDS_ALL,      /* one for each task, in their order */
    MASS_IDS_REVERSED, /* one for each, in another order */
    MASS_IDS_SHORT,    /* the last one is absent */
    MASS_IDS_EXTRA,    /* one too many */
    MASS_IDS_EMPTY,
    MASS_IDS_ARRAY /* all, but as a bare array, like MassPushV2 */
};

bool mass_parse_ids(const char *name, enum mass_ids *out);

/* One bad task refuses the whole call, and only the text may say what is wrong with it. */
bool mass_check(const struct push_rules *rules, const struct request *q, int64_t now_ms,
                struct refusal *r);

/* {"MessageIds":…}; the caller owns it. */
json_t *mass_answer(struct replay_ids ids, enum mass_ids how);

#endif
