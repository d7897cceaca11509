/* SPDX-License-Identifier: MIT
 * Answers of the provider, as a table or as JSON. Text of the provider cannot disturb a terminal.
 */
#ifndef PB_CLI_MANAGE_SHOW_H
#define PB_CLI_MANAGE_SHOW_H

#include <stdio.h>

#include "aliyun/actions.h"

/* The elements of an answer's list, in any shape that the provider has been seen to use: wrapper
 * and elements, a bare array, one element alone. An array (new reference), empty where there is
 * none. */
json_t *show_list(const struct action_answer *shape, const json_t *answer);

struct show {
    FILE *out;
    const struct action_row *action;
    bool json;
    const char *key_name; /* of the question, when there are several; else NULL */
    bool headed;          /* the head of the table is out */
};
/* key: what was asked about, NULL: the call was not about one thing. An answer that holds nothing
 * but a RequestId prints nothing (as JSON: the whole answer, one line). */
void show_answer(struct show *s, const char *key, const json_t *answer);

#endif
