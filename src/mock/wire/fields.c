/* SPDX-License-Identifier: MIT */
#include "mock/wire/fields.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* Decodes len bytes into out (room for len + 1). Returns the end, or NULL for a broken escape. */
static char *decode_escapes(const char *p, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] != '%') {
            *out++ = p[i] == '+' ? ' ' : p[i];
            continue;
        }
        int byte = text_hex_byte(p + i + 1, len - i - 1);
        if (byte <= 0)
            return NULL;
        *out++ = (char)byte;
        i += 2;
    }
    *out++ = '\0';
    return out;
}

static bool add_field_pair(struct fields *f, const char *pair, size_t len, bool in_form)
{
    const char *equals = memchr(pair, '=', len);
    size_t name_len = equals ? (size_t)(equals - pair) : len;
    char *name = mem_alloc(len + 2);
    char *value = decode_escapes(pair, name_len, name);
    bool ok =
        value && (equals ? decode_escapes(equals + 1, len - name_len - 1, value) != NULL : true);
    if (!ok || f->count >= FIELDS_MAX) {
        mem_free(name);
        return false;
    }
    if (!equals)
        *value = '\0';
    if (f->count == f->cap) {
        f->cap = f->cap ? f->cap * 2 : 32;
        f->items = mem_resize(f->items, f->cap * sizeof(*f->items));
    }
    f->items[f->count++] = (struct field){.name = name, .value = value, .in_form = in_form};
    return true;
}

static int compare_fields(const void *a, const void *b)
{
    const struct field *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->value, y->value);
}

void fields_free(struct fields *f)
{
    for (size_t i = 0; i < f->count; i++)
        mem_free(f->items[i].name);
    mem_free(f->items);
    *f = (struct fields){0};
}

bool fields_parse(struct fields *f, const char *text, size_t len, bool in_form)
{
    if (memchr(text, '\0', len))
        return false;
    for (const char *end = text + len; text < end;) {
        const char *amp = memchr(text, '&', (size_t)(end - text));
        size_t pair_len = (size_t)((amp ? amp : end) - text);
        if (pair_len && !add_field_pair(f, text, pair_len, in_form))
            return false;
        text += pair_len + 1;
    }
    return true;
}

void fields_sort(struct fields *f)
{
    if (f->count)
        qsort(f->items, f->count, sizeof(*f->items), compare_fields);
}

const char *fields_get(const struct fields *f, const char *name)
{
    size_t low = 0, high = f->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strcmp(f->items[mid].name, name);
        if (order == 0)
            return f->items[mid].value;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

const char *fields_repeated(const struct fields *f)
{
    for (size_t i = 1; i < f->count; i++)
        if (strcmp(f->items[i - 1].name, f->items[i].name) == 0)
            return f->items[i].name;
    return NULL;
}

void fields_encode(struct buf *b, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (const char *p = text; *p;) {
        const char *start = p;
        while (isascii(*p) && (isalnum((unsigned char)*p) || (*p && strchr("-_.~", *p))))
            p++;
        buf_add(b, start, (size_t)(p - start));
        if (!*p)
            return;
        unsigned char c = (unsigned char)*p++;
        char escape[3] = {'%', digits[c >> 4], digits[c & 15]};
        buf_add(b, escape, sizeof(escape));
    }
}
