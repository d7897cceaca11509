/* SPDX-License-Identifier: MIT
 * Whom a tag expression means: the provider's evaluation on one device, written for the tests. */
#ifndef TEST_EXPRESSION_MATCH_H
#define TEST_EXPRESSION_MATCH_H

#include <jansson.h>
#include <stdbool.h>

typedef bool (*expression_carries_fn)(const void *device, const char *tag);

bool expression_matches(const json_t *node, expression_carries_fn carries, const void *device);
/* A TargetValue of TAG: an expression, or a bare name, which becomes one. To be freed. */
json_t *expression_of(const char *value);

#endif
