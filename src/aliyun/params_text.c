/* SPDX-License-Identifier: MIT
 * Values that are text already: what an operator types, and what goes on the wire. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "aliyun/params.h"
#include "base/clock.h"
#include "base/text.h"
#include "job/written/numbers.h"

static bool check_int_text(const struct param_row *row, const char *text, struct err *e)
{
    int64_t n;
    if (!text_int(text, INT64_MIN, INT64_MAX, &n))
        return err_set(e, "%s: not an integer", row->name);
    if (row->min < row->max && (n < row->min || n > row->max))
        return err_set(e, "%s: %" PRId64 " is not in %" PRId64 " … %" PRId64, row->name, n,
                       row->min, row->max);
    return params_check_values(row, text, e);
}

static bool check_double_text(const struct param_row *row, const char *text, struct err *e)
{
    char *end;
    double d = strtod(text, &end);
    if (!*text || *end || strspn(text, "+-.0123456789eE") != strlen(text))
        return err_set(e, "%s: not a number", row->name);
    if (row->min < row->max && !(d >= (double)row->min && d <= (double)row->max))
        return err_set(e, "%s: is not in %" PRId64 " … %" PRId64, row->name, row->min, row->max);
    return true;
}

static bool check_json_text(const struct param_row *row, const char *text, struct err *e)
{
    json_t *parsed = numbers_load(text, strlen(text), JSON_REJECT_DUPLICATES, NULL);
    bool ok = params_check_json(row, parsed, e);
    json_decref(parsed);
    return ok;
}

static bool is_utc_stamp(const char *text)
{
    int64_t ms;
    return strlen(text) == CLOCK_UTC_SIZE - 1 && text_ends(text, "Z") &&
           clock_parse_rfc3339(text, &ms);
}

bool params_check_text(const struct param_row *row, const char *text, struct err *e)
{
    if (!text_is_utf8(text, strlen(text)))
        return err_set(e, "%s: not UTF-8", row->name);
    switch (row->type) {
    case PARAM_INT:
        return check_int_text(row, text, e);
    case PARAM_DOUBLE:
        return check_double_text(row, text, e);
    case PARAM_BOOL:
        return strcmp(text, "true") == 0 || strcmp(text, "false") == 0 ||
               err_set(e, "%s: must be true or false", row->name);
    case PARAM_JSON:
        return check_json_text(row, text, e);
    case PARAM_TIME:
        return is_utc_stamp(text) || err_set(e, "%s: must be YYYY-MM-DDThh:mm:ssZ", row->name);
    case PARAM_STRING:
        break;
    }
    return params_check_values(row, text, e);
}
