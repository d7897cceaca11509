/* SPDX-License-Identifier: MIT */
#include "cost/kinds.h"

#include <stdio.h>
#include <string.h>

/* --- helpers --------------------------------------------------------------------------------- */

static void fill(struct buf *out, const char *unit, size_t bytes)
{
    size_t len = strlen(unit);
    for (size_t n = bytes / len; n; n--)
        buf_add(out, unit, len);
}

/* before n after, before n+1 after, … with commas between them. */
static void list(struct buf *out, const char *before, const char *after, size_t bytes)
{
    size_t end = out->len + bytes;
    for (int64_t n = 0; out->len < end; n++) {
        buf_puts(out, n ? "," : "");
        buf_puts(out, before);
        buf_int(out, n);
        buf_puts(out, after);
    }
}

static void around(struct buf *out, const char *before, const char *unit, const char *after,
                   size_t bytes)
{
    buf_puts(out, before);
    fill(out, unit, bytes);
    buf_puts(out, after);
}

static void listed(struct buf *out, const char *head, const char *before, const char *after,
                   const char *tail, size_t bytes)
{
    buf_puts(out, head);
    list(out, before, after, bytes);
    buf_puts(out, tail);
}

static void twice(struct buf *out, const char *unit, size_t bytes)
{
    around(out, "{\"message\":\"m\",\"school\":\"s\",\"", unit, "\":1,\"", bytes / 2);
    around(out, "", unit, "\":1}", bytes / 2);
}

/* --- refused --------------------------------------------------------------------------------- */

static void slashes(struct buf *out, size_t bytes)
{
    twice(out, "\\\\", bytes);
}

static void quotes(struct buf *out, size_t bytes)
{
    twice(out, "\\\"", bytes);
}

/* Each quote of the key has a run of backslashes before it. */
static void runs(struct buf *out, size_t bytes)
{
    twice(out, "\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\"", bytes);
}

static void members(struct buf *out, size_t bytes)
{
    listed(out, "{\"message\":\"m\",\"school\":\"s\",", "\"", "\":0", "}", bytes);
}

static void deep(struct buf *out, size_t bytes)
{
    around(out, "{\"message\":\"m\",\"meta\":{\"a\":", "[", "", bytes);
}

static void blanks(struct buf *out, size_t bytes)
{
    around(out, "", " ", "{", bytes);
}

static void digits(struct buf *out, size_t bytes)
{
    around(out, "{\"message\":\"m\",\"school\":\"s\",\"delay_s\":0.", "7", "}", bytes);
}

static void binary(struct buf *out, size_t bytes)
{
    around(out, "{\"message\":\"", "\xe2\x82\xac", "\xff\"}", bytes);
}

static void operands(struct buf *out, size_t bytes)
{
    listed(out, "{\"message\":\"m\",\"target\":{\"tag\":{\"or\":[", "{\"tag\":\"", "\"}", "]}}}",
           bytes);
}

static void nested(struct buf *out, size_t bytes)
{
    size_t depth = bytes / 12 < 1000 ? bytes / 12 : 1000;
    buf_puts(out, "{\"message\":\"m\",\"target\":{\"tag\":");
    fill(out, "{\"or\":[", 7 * depth);
    listed(out, "", "{\"tag\":\"", "\"}", "", bytes > 9 * depth ? bytes - 9 * depth : 0);
    fill(out, "]}", 2 * depth);
    buf_puts(out, "}}");
}

static void tags_blown(struct buf *out, size_t bytes)
{
    listed(out, "{\"code\":\"TAGS\",\"tags\":[", "\"", "\"", "]}", bytes);
}

static void param_blown(struct buf *out, size_t bytes)
{
    around(out, "{\"code\":\"PARAM\",\"school\":\"s\",\"params\":{\"a\":\"", "x", "\"}}", bytes);
}

static void value_blown(struct buf *out, size_t bytes)
{
    around(out, "{\"code\":\"VALUE\",\"school\":\"s\",\"params\":{\"a\":\"", "x", "\"}}", bytes);
}

static void push_names(struct buf *out, size_t bytes)
{
    listed(out, "{\"message\":\"m\",\"school\":\"s\",\"push\":{", "\"a", "\":0", "}}", bytes);
}

static void locale(struct buf *out, size_t bytes)
{
    around(out, "{\"code\":\"PARAM\",\"params\":{\"a\":\"\"},\"school\":\"s\",\"locale\":\"", "a-",
           "\"}", bytes);
}

static void code(struct buf *out, size_t bytes)
{
    around(out, "{\"school\":\"s\",\"code\":\"", "\\u2028", "\"}", bytes);
}

static void controls(struct buf *out, size_t bytes)
{
    around(out, "{\"school\":\"s\",\"message\":\"", "\\u0001", "\"}", bytes);
}

static void raw_controls(struct buf *out, size_t bytes)
{
    around(out, "{\"school\":\"s\",\"message\":\"", "\x01", "\"}", bytes);
}

/* --- sent ------------------------------------------------------------------------------------ */

static void tags(struct buf *out, size_t bytes)
{
    listed(out, "{\"message\":\"m\",\"tags\":[", "\"", "\"", "]}", bytes < 24000 ? bytes : 24000);
}

static void same_tags(struct buf *out, size_t bytes)
{
    around(out, "{\"message\":\"m\",\"school\":\"s\",\"tags\":[", "\"t\",", "\"u\"]}",
           bytes < 39000 ? bytes : 39000);
}

static void accounts(struct buf *out, size_t bytes)
{
    listed(out, "{\"message\":\"m\",\"target\":{\"account\":[", "\"", "\"", "]}}", bytes);
}

static void params(struct buf *out, size_t bytes)
{
    listed(out, "{\"message\":\"m\",\"school\":\"s\",\"params\":{", "\"", "\":0", "}}", bytes);
}

static void extras(struct buf *out, size_t bytes)
{
    listed(out,
           "{\"message\":\"m\",\"school\":\"s\",\"push\":{\"PushType\":\"NOTICE\","
           "\"iOSExtParameters\":{",
           "\"", "\":0", "}}}", bytes);
}

/* … of which each member is a list: as costly as what is not refused can be. */
static void lists_named(struct buf *out, size_t bytes)
{
    listed(out,
           "{\"message\":\"m\",\"school\":\"s\",\"push\":{\"PushType\":\"NOTICE\","
           "\"iOSExtParameters\":{",
           "\"", "\":[]", "}}}", bytes);
}

static void numbers(struct buf *out, size_t bytes)
{
    around(out,
           "{\"message\":\"m\",\"school\":\"s\",\"push\":{\"PushType\":\"NOTICE\","
           "\"iOSExtParameters\":{\"a\":[",
           "-0,", "1e5]}}}", bytes);
}

/* One list, as a provider parameter, of as many values as fit. */
static void list_of(struct buf *out, const char *value, size_t bytes)
{
    char piece[8];
    snprintf(piece, sizeof piece, "%s,", value);
    around(out,
           "{\"message\":\"m\",\"school\":\"s\",\"push\":{\"PushType\":\"NOTICE\","
           "\"iOSExtParameters\":{\"a\":[",
           piece, "0]}}}", bytes);
}

static void integers(struct buf *out, size_t bytes)
{
    list_of(out, "0", bytes);
}

static void texts(struct buf *out, size_t bytes)
{
    list_of(out, "\"\"", bytes);
}

static void lists(struct buf *out, size_t bytes)
{
    list_of(out, "[]", bytes);
}

static void objects(struct buf *out, size_t bytes)
{
    list_of(out, "{}", bytes);
}

/* 64 calls, each with the same large parameter. */
static void parts(struct buf *out, size_t bytes)
{
    size_t named = bytes < 40000 ? bytes / 2 : 20000;
    around(out,
           "{\"message\":\"m\",\"push\":{\"SmsTemplateName\":\"t\",\"SmsSignName\":\"s\","
           "\"SmsDelaySecs\":15,\"SmsParams\":\"",
           "%", "\"},\"tags\":[", bytes - named);
    listed(out, "", "\"", "\"", "]}", named);
}

#define KIND(name, what)                                                                           \
    {                                                                                              \
#name, what, name                                                                          \
    }

const struct kind kinds[] = {
    KIND(slashes, "a member twice, its name all backslashes"),
    KIND(quotes, "a member twice, its name all quotes"),
    KIND(runs, "a member twice, its name runs of backslashes before quotes"),
    KIND(members, "thousands of unknown members"),
    KIND(deep, "lists in lists"),
    KIND(blanks, "blanks"),
    KIND(digits, "a number of many digits"),
    KIND(binary, "one byte that is no UTF-8, at the end"),
    KIND(operands, "a tag expression of thousands of operands"),
    KIND(nested, "a tag expression of many levels"),
    KIND(tags_blown, "a template that names all tags a thousand times"),
    KIND(param_blown, "a template that names one parameter a thousand times"),
    KIND(value_blown, "a template whose provider parameters name it a thousand times"),
    KIND(push_names, "thousands of unknown provider parameters"),
    KIND(locale, "a locale of many subtags"),
    KIND(code, "an unknown template with a long name"),
    KIND(controls, "control characters, escaped"),
    KIND(raw_controls, "control characters as they are"),
    KIND(tags, "many tags"),
    KIND(same_tags, "one tag ten thousand times"),
    KIND(accounts, "many accounts"),
    KIND(params, "many template parameters"),
    KIND(extras, "an object as a provider parameter"),
    KIND(lists_named, "an object of lists as a provider parameter"),
    KIND(numbers, "numbers that are kept as they are written"),
    KIND(integers, "a list of integers as a provider parameter"),
    KIND(texts, "a list of texts as a provider parameter"),
    KIND(lists, "a list of lists as a provider parameter"),
    KIND(objects, "a list of objects as a provider parameter"),
    KIND(parts, "64 calls with a large parameter"),
};
const size_t nkinds = sizeof kinds / sizeof *kinds;

const struct kind *kind_find(const char *name)
{
    for (size_t i = 0; i < nkinds; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}
