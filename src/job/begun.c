/* SPDX-License-Identifier: MIT */
#include "job/begun.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

/* --- writing --------------------------------------------------------------------------------- */

static void write_parts(const struct begun *b, struct buf *out)
{
    buf_puts(out, "\"apps\":");
    buf_json_or_null(out, b->apps);
    for (size_t i = 0; i < BEGUN_SPLIT_MAX; i++) {
        buf_puts(out, i ? "," : ",\"split\":[");
        buf_int(out, (int64_t)b->split[i]);
    }
    buf_putc(out, ']');
}

static void write_calls(const struct begun *b, struct buf *out)
{
    buf_puts(out, "\"calls\":[");
    for (size_t i = 0; i < b->ncalls; i++) {
        buf_puts(out, i ? ",[" : "[");
        buf_int(out, b->calls[i].part);
        buf_printf(out, ",\"%s\",\"%s\"]", b->calls[i].content, b->calls[i].config);
    }
    buf_putc(out, ']');
    if (b->checks)
        buf_printf(out, ",\"checks\":\"%s\"", b->checks);
}

void begun_write(const struct begun *b, struct buf *out)
{
    if (!b->apps && !b->ncalls)
        return;
    buf_puts(out, ",\"begun\":{");
    if (b->apps)
        write_parts(b, out);
    if (b->apps && b->ncalls)
        buf_putc(out, ',');
    if (b->ncalls)
        write_calls(b, out);
    buf_putc(out, '}');
}

/* --- reading --------------------------------------------------------------------------------- */

/* False unless it is a text of at most max bytes of the given characters. */
static bool is_begun_text(const json_t *value, const char *chars, size_t max)
{
    const char *text = json_string_value(value);
    size_t len = text ? strlen(text) : 0;
    return text && len <= max && len == json_string_length(value) && strspn(text, chars) == len;
}

static const char hex[] = "0123456789abcdef";
static const char app_chars[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.,";

static bool read_begun_digest(const json_t *value, char out[BEGUN_DIGEST_SIZE])
{
    if (!is_begun_text(value, hex, BEGUN_DIGEST_SIZE - 1))
        return false;
    memcpy(out, json_string_value(value), json_string_length(value) + 1);
    return true;
}

static bool read_begun_call(json_t *value, struct begun_call *out)
{
    const json_t *part = json_array_get(value, 0);
    if (!json_is_integer(part) || json_integer_value(part) < 0 ||
        json_integer_value(part) >= BEGUN_PARTS_MAX)
        return false;
    out->part = (unsigned)json_integer_value(part);
    return read_begun_digest(json_array_get(value, 1), out->content) &&
           read_begun_digest(json_array_get(value, 2), out->config);
}

static bool read_calls(json_t *list, struct begun *out)
{
    size_t n = json_array_size(list);
    if (list && (!json_is_array(list) || n > BEGUN_PARTS_MAX))
        return false;
    if (n)
        out->calls = mem_zalloc(n * sizeof *out->calls);
    for (; out->ncalls < n; out->ncalls++) {
        struct begun_call *call = &out->calls[out->ncalls];
        if (!read_begun_call(json_array_get(list, out->ncalls), call) ||
            begun_find(out, call->part))
            return false;
    }
    return true;
}

static bool read_checks(const json_t *value, struct begun *out)
{
    if (value && !is_begun_text(value, hex, BEGUN_CHECKS_MAX))
        return false;
    out->checks = value ? mem_strdup(json_string_value(value)) : NULL;
    return true;
}

/* The options' own bounds, in the order of begun_keep_parts(). */
static bool read_limit(const json_t *value, size_t i, size_t *out)
{
    static const struct {
        json_int_t least, most;
    } bounds[BEGUN_SPLIT_MAX] = {{1, 10000}, {1, 10000}, {1, 10000}, {1, 8}, {2, 1000}, {1, 10000}};
    if (!json_is_integer(value) || json_integer_value(value) < bounds[i].least ||
        json_integer_value(value) > bounds[i].most)
        return false;
    *out = (size_t)json_integer_value(value);
    return true;
}

static bool read_parts(const json_t *root, struct begun *out)
{
    const json_t *apps = json_object_get(root, "apps"), *split = json_object_get(root, "split");
    if (!apps)
        return true;
    if (!is_begun_text(apps, app_chars, BEGUN_APPS_MAX) ||
        json_array_size(split) != BEGUN_SPLIT_MAX)
        return false;
    for (size_t i = 0; i < BEGUN_SPLIT_MAX; i++)
        if (!read_limit(json_array_get(split, i), i, &out->split[i]))
            return false;
    out->apps = mem_strdup(json_string_value(apps));
    return true;
}

bool begun_read(json_t *value, struct begun *out)
{
    *out = (struct begun){0};
    return !value || (json_is_object(value) && read_parts(value, out) &&
                      read_calls(json_object_get(value, "calls"), out) &&
                      read_checks(json_object_get(value, "checks"), out));
}

void begun_free(struct begun *b)
{
    mem_free(b->apps);
    mem_free(b->calls);
    mem_free(b->checks);
    *b = (struct begun){0};
}

/* --- parts ----------------------------------------------------------------------------------- */

void begun_keep_parts(struct begun *b, const char *apps, const struct target_limits *limits)
{
    const size_t split[] = {limits->devices, limits->accounts, limits->aliases,
                            limits->depth,   limits->operands, limits->tags};
    static_assert(sizeof split == sizeof b->split, "one for each");
    if (b->apps || strlen(apps) > BEGUN_APPS_MAX)
        return;
    b->apps = mem_strdup(apps);
    memcpy(b->split, split, sizeof split);
}

void begun_limits(const struct begun *b, struct target_limits *limits)
{
    if (!b->apps)
        return;
    limits->devices = b->split[0];
    limits->accounts = b->split[1];
    limits->aliases = b->split[2];
    limits->depth = b->split[3];
    limits->operands = b->split[4];
    limits->tags = b->split[5];
    limits->max_parts = BEGUN_PARTS_MAX;
}

/* --- calls ----------------------------------------------------------------------------------- */

const struct begun_call *begun_find(const struct begun *b, unsigned part)
{
    for (size_t i = 0; i < b->ncalls; i++)
        if (b->calls[i].part == part)
            return &b->calls[i];
    return NULL;
}

void begun_add(struct begun *b, const struct begun_call *call, const char *checks)
{
    if (begun_find(b, call->part))
        return;
    assert(b->ncalls < BEGUN_PARTS_MAX && strlen(checks) <= BEGUN_CHECKS_MAX);
    b->calls = mem_resize(b->calls, (b->ncalls + 1) * sizeof *b->calls);
    b->calls[b->ncalls++] = *call;
    if (b->ncalls == 1) {
        mem_free(b->checks);
        b->checks = mem_strdup(checks);
    }
}

/* The checks are the first call's. */
static void drop_checks(struct begun *b)
{
    mem_free(b->checks);
    b->checks = NULL;
}

void begun_drop(struct begun *b, unsigned part)
{
    size_t i = 0;
    while (i < b->ncalls && b->calls[i].part != part)
        i++;
    if (i == b->ncalls)
        return;
    if (i == 0)
        drop_checks(b);
    memmove(&b->calls[i], &b->calls[i + 1], (--b->ncalls - i) * sizeof b->calls[0]);
}

void begun_drop_all(struct begun *b)
{
    drop_checks(b);
    b->ncalls = 0;
}
