/* SPDX-License-Identifier: MIT
 * Whom a tag expression means: the provider's evaluation on one device, written for the tests. */
#ifndef TEST_EXPRESSION_MATCH_H
#define TEST_EXPRESSION_MATCH_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <jansson.h>

typedef bool (*expression_carries_fn)(const void *device, const char *tag);

static bool expression_matches(const json_t *node, expression_carries_fn carries,
                               const void *device)
{
    const json_t *value;
    if ((value = json_object_get(node, "tag")))
        return carries(device, json_string_value(value));
    if ((value = json_object_get(node, "not")))
        return !expression_matches(value, carries, device);
    const bool and = (value = json_object_get(node, "and")) != NULL;
    if (!and)
        value = json_object_get(node, "or");
    assert_true(json_is_array(value));
    for (size_t i = 0; i < json_array_size(value); i++)
        if (expression_matches(json_array_get(value, i), carries, device) != and)
            return !and;
    return and;
}

/* A TargetValue of TAG: an expression, or a bare name, which becomes one. To be freed. */
static json_t *expression_of(const char *value)
{
    json_t *root = value[0] == '{' ? json_loads(value, JSON_REJECT_DUPLICATES, NULL)
                                   : json_pack("{s:s}", "tag", value);
    if (!root)
        fail_msg("no expression: %s", value);
    return root;
}

#endif
