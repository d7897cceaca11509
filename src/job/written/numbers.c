/* SPDX-License-Identifier: MIT */
#include "job/written/numbers.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* --- numbers in a text ----------------------------------------------------------------------- */

/* A number of the text, or what stands where one would. */
struct written {
    const char *at;
    size_t len;
};

struct scan {
    const char *at, *end;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_of_number(char c)
{
    return is_digit(c) || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E';
}

/* Behind the string whose first character p is. */
static const char *end_of_string(const char *p, const char *end)
{
    for (; p < end && *p != '"'; p++)
        if (*p == '\\' && p + 1 < end)
            p++;
    return p < end ? p + 1 : end;
}

static bool next_number(struct scan *s, struct written *out)
{
    const char *p = s->at;
    while (p < s->end && *p != '-' && !is_digit(*p))
        p = *p == '"' ? end_of_string(p + 1, s->end) : p + 1;
    out->at = p;
    while (p < s->end && is_of_number(*p))
        p++;
    s->at = p;
    out->len = (size_t)(p - out->at);
    return out->len > 0;
}

/* From 2^63 to 2^64 - 1. */
static bool is_large(const struct written *n)
{
    static const char last[] = "18446744073709551615", most[] = "9223372036854775807";
    for (size_t i = 0; i < n->len; i++)
        if (!is_digit(n->at[i]))
            return false;
    return (n->len == sizeof last - 1 && memcmp(n->at, last, n->len) <= 0) ||
           (n->len == sizeof most - 1 && memcmp(n->at, most, n->len) > 0);
}

/* Would the library write it in another way? */
static bool is_special(const struct written *n)
{
    for (size_t i = 0; i < n->len; i++)
        if (n->at[i] == '.' || n->at[i] == 'e' || n->at[i] == 'E')
            return true;
    return (n->len == 2 && memcmp(n->at, "-0", 2) == 0) || is_large(n);
}

static bool has_number(const char *bytes, size_t len, bool (*is)(const struct written *n))
{
    struct scan s = {bytes, bytes + len};
    struct written n;
    while (next_number(&s, &n))
        if (is(&n))
            return true;
    return false;
}

/* --- loading --------------------------------------------------------------------------------- */

/* "18446744073709551615" becomes "184467440737095516e2", which is as long. */
static void make_reals(char *bytes, size_t len)
{
    struct scan s = {bytes, bytes + len};
    struct written n;
    while (next_number(&s, &n))
        if (is_large(&n))
            memcpy(bytes + (n.at - bytes) + n.len - 2, "e2", 2);
}

json_t *numbers_load(const char *bytes, size_t len, size_t flags, json_error_t *error)
{
    if (!has_number(bytes, len, is_large))
        return json_loadb(bytes, len, flags, error);
    char *copy = mem_dup(bytes, len);
    make_reals(copy, len);
    json_t *root = json_loadb(copy, len, flags, error);
    mem_free(copy);
    return root;
}

/* --- keeping --------------------------------------------------------------------------------- */

static json_t *new_kept(const char *text, size_t len)
{
    char *behind = mem_alloc(len + 1);
    behind[0] = '\0';
    memcpy(behind + 1, text, len);
    json_t *kept = json_stringn_nocheck(behind, len + 1);
    mem_free(behind);
    return kept;
}

struct keeping {
    struct scan scan;
    size_t left; /* how many more may be kept */
    bool ok;
};

static void walk(struct keeping *k, json_t *value, int levels);

/* What takes value's place; NULL: it stays. The numbers of the text and of the tree come in the
 * same order, since objects keep theirs. */
static json_t *visit(struct keeping *k, json_t *value, int levels)
{
    struct written n;
    if (!json_is_number(value)) {
        walk(k, value, levels - 1);
        return NULL;
    }
    if (!next_number(&k->scan, &n) || levels > 0 || !is_special(&n))
        return NULL;
    k->ok = k->ok && k->left > 0;
    if (!k->ok)
        return NULL;
    k->left--;
    return new_kept(n.at, n.len);
}

static void walk(struct keeping *k, json_t *value, int levels)
{
    const char *name;
    json_t *v, *kept;
    size_t i;
    json_object_foreach(value, name, v)
    {
        if (k->ok && (kept = visit(k, v, levels)))
            json_object_set_new_nocheck(value, name, kept);
    }
    json_array_foreach(value, i, v)
    {
        if (k->ok && (kept = visit(k, v, levels)))
            json_array_set_new(value, i, kept);
    }
}

int numbers_everywhere(const char *member)
{
    (void)member;
    return 0;
}

bool numbers_keep(json_t *root, const char *bytes, size_t len, int (*levels)(const char *member),
                  size_t max)
{
    const char *name;
    json_t *v, *kept;
    struct keeping k = {.scan = {bytes, bytes + len}, .left = max, .ok = true};
    if (!has_number(bytes, len, is_special))
        return true;
    if (!json_is_object(root))
        walk(&k, root, levels(""));
    json_object_foreach(root, name, v)
    {
        if (k.ok && (kept = visit(&k, v, levels(name))))
            json_object_set_new_nocheck(root, name, kept);
    }
    return k.ok;
}

const char *numbers_text(const json_t *value, size_t *len)
{
    const char *text = json_string_value(value);
    *len = json_string_length(value);
    if (*len < 2 || *text)
        return NULL;
    --*len;
    return text + 1;
}

json_t *numbers_from_real(double x)
{
    char text[40];
    int len = 0;
    for (int digits = 15; digits <= 17; digits++) {
        len = snprintf(text, sizeof text - 2, "%.*g", digits, x);
        if (strtod(text, NULL) == x)
            break;
    }
    if (!strpbrk(text, ".e"))
        len = (int)(stpcpy(text + len, ".0") - text);
    return new_kept(text, (size_t)len);
}

/* --- writing --------------------------------------------------------------------------------- */

/* No other string can be written so: a backslash of its own is written twice. */
static const char mark[] = "\"\\u0000";
enum { MARK_LEN = sizeof mark - 1 };

/* The next mark from p on, or end. Quotes are looked for, since memmem() prepares anew each time.
 */
static const char *find_mark(const char *p, const char *end)
{
    while ((p = memchr(p, '"', (size_t)(end - p))))
        if ((size_t)(end - p) >= MARK_LEN && memcmp(p, mark, MARK_LEN) == 0)
            return p;
        else
            p++;
    return end;
}

size_t numbers_restore(char *json, size_t len)
{
    const char *from = json, *end = json + len;
    char *to = json;
    for (const char *found; (found = find_mark(from, end)) < end;) {
        memmove(to, from, (size_t)(found - from));
        to += found - from;
        for (from = found + MARK_LEN; from < end && *from != '"'; from++)
            *to++ = *from;
        from += from < end;
    }
    memmove(to, from, (size_t)(end - from));
    to += end - from;
    *to = '\0';
    return (size_t)(to - json);
}
