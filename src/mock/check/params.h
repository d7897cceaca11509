/* SPDX-License-Identifier: MIT
 * The parameters of the actions other than Push and MassPush: which there are, which must be given,
 * and what their values look like. */
#ifndef PB_MOCK_CHECK_PARAMS_H
#define PB_MOCK_CHECK_PARAMS_H

#include "mock/check/push.h"

/* Checks a call of any of these actions by its table. */
bool params_check_request(const struct push_rules *rules, const struct request *q, int64_t now_ms,
                          struct refusal *r);

/* Calls visit for each element of a comma list, which is not empty; true when all of them did. */
typedef bool params_visit(const char *item, void *arg);
bool params_each(const char *list, params_visit *visit, void *arg);

enum {
    PARAMS_ITEM_SIZE = 1024
}; /* of an element, with its NUL: 128 characters of UTF-8 and more */

/* For tests: how many actions there are, and the table's row of one: "Name! Name …". */
size_t params_action_count(void);
const char *params_row(const char *action);

#endif
