/* SPDX-License-Identifier: MIT */
#include "aliyun/actions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "job/target.h"

enum { ACCOUNT_BYTES = 64, ALIAS_BYTES = 128, TAG_CHARS = 128 };
enum { TASKS_MAX = 100, TARGETS_MAX = 1000 };

static int compare_action_name(const void *name, const void *row)
{
    return strcmp(name, ((const struct action_row *)row)->name);
}

const struct action_row *actions_find(const char *name)
{
    return bsearch(name, actions_table, actions_count, sizeof actions_table[0],
                   compare_action_name);
}

const struct action_param *actions_param(const struct action_row *a, const char *name)
{
    for (size_t i = 0; i < ACTION_PARAMS_MAX && a->params[i].row.name; i++)
        if (strcmp(a->params[i].row.name, name) == 0)
            return &a->params[i];
    return NULL;
}

bool actions_takes_app_key(const struct action_row *a)
{
    return a->push_params || actions_param(a, "AppKey");
}

/* --- ids ------------------------------------------------------------------------------------- */

static bool check_device(const char *text, struct err *e)
{
    size_t len = strlen(text);
    if (target_is_device_id(text, len))
        return true;
    if (len != TARGET_DEVICE_CHARS)
        return err_set(e, "%zu bytes: a device id has %d", len, TARGET_DEVICE_CHARS);
    return err_set(e, "a device id has digits and lower-case letters only");
}

static bool check_size(size_t n, size_t max, const char *unit, const char *what, struct err *e)
{
    return n <= max || err_set(e, "%zu %s: %s has at most %zu", n, unit, what, max);
}

static bool has_control(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7F)
            return true;
    return false;
}

bool actions_check_id(enum action_id id, const char *text, struct err *e)
{
    if (!*text)
        return err_set(e, "empty");
    if (!text_is_utf8(text, strlen(text)))
        return err_set(e, "not UTF-8");
    if (has_control(text))
        return err_set(e, "holds a control character");
    if (strchr(text, ','))
        return err_set(e, "holds a comma, which separates ids");
    switch (id) {
    case ID_DEVICE:
        return check_device(text, e);
    case ID_ACCOUNT:
        return check_size(strlen(text), ACCOUNT_BYTES, "bytes", "an account", e);
    case ID_ALIAS:
        return check_size(strlen(text), ALIAS_BYTES, "bytes", "an alias", e);
    case ID_TAG:
        return check_size(text_utf8_chars(text), TAG_CHARS, "characters", "a tag", e);
    case ID_NONE:
    case ID_KEY:
    case ID_TARGET:
        break;
    }
    return true;
}

enum action_id actions_id_of(const char *key_type)
{
    if (strcmp(key_type, "DEVICE") == 0)
        return ID_DEVICE;
    if (strcmp(key_type, "ACCOUNT") == 0)
        return ID_ACCOUNT;
    return strcmp(key_type, "ALIAS") == 0 ? ID_ALIAS : ID_NONE;
}

static enum action_id id_in(enum action_id id, const struct params *p)
{
    const char *type = NULL;
    if (id == ID_KEY || id == ID_TARGET)
        type = params_get(p, id == ID_KEY ? "KeyType" : "Target");
    return type ? actions_id_of(type) : id;
}

/* One element of a comma list. */
static bool check_list_element(enum action_id id, const char *p, size_t len, struct err *e)
{
    char text[1024];
    if (len >= sizeof text)
        return err_set(e, "%zu bytes: too long", len);
    memcpy(text, p, len);
    text[len] = '\0';
    return actions_check_id(id, text, e);
}

static bool check_list(enum action_id id, size_t max, const char *text, struct err *e)
{
    size_t n = 0;
    for (;; text++) {
        size_t len = strcspn(text, ",");
        if (++n > max)
            return err_set(e, "more than %zu", max);
        if (!check_list_element(id, text, len, e))
            return false;
        text += len;
        if (!*text)
            return true;
    }
}

/* --- one call -------------------------------------------------------------------------------- */

static bool check_value(const struct action_param *row, const struct params *p, const char *text,
                        struct err *e)
{
    if (!params_check_text(&row->row, text, e))
        return false;
    if (!*text && row->row.required)
        return err_set(e, "%s: must not be empty", row->row.name);
    if (row->id == ID_NONE || !*text)
        return true;
    enum action_id id = id_in(row->id, p);
    if (row->list_max ? check_list(id, row->list_max, text, e) : actions_check_id(id, text, e))
        return true;
    return err_prefix(e, row->row.name);
}

static bool check_unknown(const struct action_row *a, const char *name, struct err *e)
{
    if (strlen(name) > 64)
        return err_set(e, "a name of %zu bytes: not a parameter of %s", strlen(name), a->name);
    return err_set(e, "%s: not a parameter of %s", name, a->name);
}

static bool check_action_required(const struct action_row *a, const struct params *p, struct err *e)
{
    for (size_t i = 0; i < ACTION_PARAMS_MAX && a->params[i].row.name; i++)
        if (a->params[i].row.required && !params_get(p, a->params[i].row.name))
            return err_set(e, "%s: required by %s", a->params[i].row.name, a->name);
    return true;
}

/* UnbindAlias: names, or all of them (§7.2). */
static bool check_unbind(const struct action_row *a, const struct params *p, struct err *e)
{
    const char *all = params_get(p, "UnbindAll");
    if (strcmp(a->name, "UnbindAlias") != 0 || (all && strcmp(all, "true") == 0))
        return true;
    return params_get(p, "AliasName") || err_set(e, "AliasName: required unless UnbindAll=true");
}

static bool check_plain(const struct action_row *a, const struct params *p, struct err *e)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct action_param *row = actions_param(a, p->v[i].name);
        if (!row)
            return check_unknown(a, p->v[i].name, e);
        if (!check_value(row, p, p->v[i].value, e))
            return false;
    }
    return check_action_required(a, p, e) && check_unbind(a, p, e);
}

/* --- pushes ---------------------------------------------------------------------------------- */

static bool check_targets(const struct params *p, struct err *e)
{
    const char *target = params_get(p, "Target"), *value = params_get(p, "TargetValue");
    enum action_id id = target ? actions_id_of(target) : ID_NONE;
    if (id == ID_NONE || !value || check_list(id, TARGETS_MAX, value, e))
        return true;
    return err_prefix(e, "TargetValue");
}

static bool check_push_action(const struct action_row *a, const struct params *p,
                              size_t payload_max, struct err *e)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct param_row *row = params_find(p->v[i].name);
        if (!row)
            return check_unknown(a, p->v[i].name, e);
        if (!params_check_text(row, p->v[i].value, e))
            return false;
    }
    return check_targets(p, e) && params_check(p, payload_max, e);
}

/* "Title" of "PushTask.3.Title", and the 3; NULL: no such name. */
static const char *task_field(const char *name, size_t *number)
{
    static const char prefix[] = "PushTask.";
    char digits[4];
    int64_t n;
    if (!text_starts(name, prefix))
        return NULL;
    name += strlen(prefix);
    size_t len = strcspn(name, ".");
    if (!name[len] || !len || len >= sizeof digits || *name == '0')
        return NULL;
    snprintf(digits, sizeof digits, "%.*s", (int)len, name);
    if (!text_int(digits, 1, TASKS_MAX, &n))
        return NULL;
    *number = (size_t)n;
    return name + len + 1;
}

/* Map parameters of a task are PushTask.1.Name.key=value on the wire (§4.1). */
static bool is_map_entry(const char *field)
{
    static const char *const maps[] = {"AndroidOppoPrivateTitleParameters.",
                                       "AndroidOppoPrivateContentParameters."};
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++)
        if (text_starts(field, maps[i]) && field[strlen(maps[i])])
            return true;
    return false;
}

static bool is_task_field(const char *field)
{
    return params_find(field) && !text_starts(field, "Sms") && strcmp(field, "AppKey") != 0 &&
           strcmp(field, "IdempotentToken") != 0;
}

static bool check_task(const struct action_row *a, const struct params *p, size_t number,
                       size_t payload_max, struct err *e)
{
    struct params task;
    char prefix[32];
    size_t n;
    params_init(&task);
    params_set(&task, "AppKey", "1");
    for (size_t i = 0; i < p->n; i++) {
        const char *field = task_field(p->v[i].name, &n);
        if (field && n == number && !is_map_entry(field))
            params_set(&task, field, p->v[i].value);
    }
    const char *target = params_get(&task, "Target");
    bool ok = check_push_action(a, &task, payload_max, e);
    if (ok && actions_id_of(target) == ID_NONE)
        ok = err_set(e, "Target: must be one of DEVICE|ACCOUNT|ALIAS");
    params_free(&task);
    snprintf(prefix, sizeof prefix, "PushTask.%zu", number);
    return ok || err_prefix(e, prefix);
}

static bool check_mass(const struct action_row *a, const struct params *p, size_t payload_max,
                       struct err *e)
{
    struct params own;
    bool seen[TASKS_MAX + 1] = {false}, ok = true;
    size_t number, last = 0;
    params_init(&own);
    for (size_t i = 0; i < p->n && ok; i++) {
        const char *field = task_field(p->v[i].name, &number);
        if (!field) {
            params_set(&own, p->v[i].name, p->v[i].value);
        } else if (!is_task_field(field) && !is_map_entry(field)) {
            ok = check_unknown(a, p->v[i].name, e);
        } else {
            seen[number] = true;
            last = number > last ? number : last;
        }
    }
    ok = ok && check_plain(a, &own, e);
    params_free(&own);
    if (ok && !last)
        return err_set(e, "PushTask.1: required by %s", a->name);
    for (size_t n = 1; n <= last && ok; n++)
        ok = seen[n] ? check_task(a, p, n, payload_max, e)
                     : err_set(e, "PushTask.%zu: missing, tasks count from 1 without a gap", n);
    return ok;
}

bool actions_check(const struct action_row *a, const struct params *p, size_t payload_max,
                   struct err *e)
{
    if (a->push_params)
        return check_push_action(a, p, payload_max, e);
    return a->task_params ? check_mass(a, p, payload_max, e) : check_plain(a, p, e);
}
