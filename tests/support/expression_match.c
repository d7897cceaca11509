/* SPDX-License-Identifier: MIT */
#include "support/expression_match.h"

#include "support/cmocka.h"

bool expression_matches(const json_t *node, expression_carries_fn carries, const void *device)
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

json_t *expression_of(const char *value)
{
    json_t *root = value[0] == '{' ? json_loads(value, JSON_REJECT_DUPLICATES, NULL)
                                   : json_pack("{s:s}", "tag", value);
    if (!root)
        fail_msg("no expression: %s", value);
    return root;
}
