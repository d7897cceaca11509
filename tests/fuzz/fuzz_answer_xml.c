/* SPDX-License-Identifier: MIT
 * An XML answer of the provider, made JSON for the management commands. */
#include "fuzz/fuzz.h"

#include <jansson.h>

#include "aliyun/answer_xml.h"

enum { DEPTH_MAX = 8 };

static void check_value(const json_t *value, int depth)
{
    const char *name;
    json_t *member;
    size_t i;
    must(depth <= DEPTH_MAX);
    must(json_is_object(value) || json_is_array(value) || json_is_string(value));
    json_object_foreach((json_t *)(uintptr_t)value, name, member)
    {
        check_value(member, depth + 1);
    }
    json_array_foreach(value, i, member)
    {
        must(!json_is_array(member));
        check_value(member, depth);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *answer = answer_from_xml(size ? (const char *)data : "", size);
    if (answer) {
        must(json_is_object(answer) && json_object_size(answer) > 0);
        check_value(answer, 1);
        char *text = json_dumps(answer, JSON_COMPACT);
        must(text != NULL);
        free(text);
    }
    json_decref(answer);
    return 0;
}
