/* SPDX-License-Identifier: MIT */
#include "mock/check/mass.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "mock/check/names.h"

bool mass_parse_ids(const char *name, enum mass_ids *out)
{
    static const char *const names[] = {"all", "reversed", "short", "extra", "empty", "array"};
    for (int i = 0; i < (int)(sizeof(names) / sizeof(*names)); i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (enum mass_ids)i;
            return true;
        }
    return false;
}

/* Besides the tasks there are AppKey and IdempotentToken, and the common ones. */
static bool mass_names_ok(const struct request *q, struct refusal *r)
{
    const char *rest, *twice = fields_repeated(&q->fields);
    if (twice)
        return refusal_set(r, 400, "InvalidParameter", "%.80s is given twice.", twice);
    for (size_t i = 0; i < q->fields.count; i++) {
        const char *name = q->fields.items[i].name;
        if (!tasks_number(name, &rest) && !request_name_is_common(q, name) &&
            strcmp(name, "AppKey") != 0 && strcmp(name, "IdempotentToken") != 0)
            return refusal_set(r, 400, "InvalidParameter", "%.80s is not a parameter of MassPush.",
                               name);
    }
    return true;
}

static bool app_key_ok(const struct push_rules *rules, const char *app_key, struct refusal *r)
{
    if (!app_key)
        return refusal_named(r, "Missing", "AppKey", "",
                             "The parameter is mandatory for this action.");
    if (!names_value_fits(names_find("AppKey"), app_key))
        return refusal_named(r, "Invalid", "AppKey", ".Format",
                             "The value of the parameter is not valid.");
    return push_app_known(rules, app_key, r);
}

bool mass_check(const struct push_rules *rules, const struct request *q, int64_t now_ms,
                struct refusal *r)
{
    if (!tasks_check(&q->tasks, r) || !mass_names_ok(q, r) ||
        !app_key_ok(rules, fields_get(&q->fields, "AppKey"), r) || !push_token_ok(&q->fields, r))
        return false;
    for (int i = 0; i < q->tasks.count; i++)
        if (!push_check_task(rules, &q->tasks.list[i], now_ms, r))
            return false;
    return true;
}

static int answered_count(int count, enum mass_ids how)
{
    switch (how) {
    case MASS_IDS_SHORT:
        return count - 1;
    case MASS_IDS_EXTRA:
        return count + 1;
    case MASS_IDS_EMPTY:
        return 0;
    default:
        return count;
    }
}

json_t *mass_answer(struct replay_ids ids, enum mass_ids how)
{
    char text[24];
    json_t *list = json_array();
    int count = answered_count(ids.count, how);
    for (int i = 0; i < count; i++) {
        int at = how == MASS_IDS_REVERSED ? count - 1 - i : i;
        snprintf(text, sizeof(text), "%" PRIu64, ids.first + (uint64_t)at);
        json_array_append_new(list, json_string(text));
    }
    return how == MASS_IDS_ARRAY ? json_pack("{s:o}", "MessageIds", list)
                                 : json_pack("{s:{s:o}}", "MessageIds", "MessageId", list);
}
