/* SPDX-License-Identifier: MIT */
#include "base/visible.h"

#include <stdio.h>
#include <string.h>

#include "base/chars.h"

static size_t escape(const char *p, uint32_t code, char out[CHARS_ESCAPE_SIZE])
{
    if (code != CHARS_NONE)
        return chars_escape(code, out);
    return (size_t)snprintf(out, CHARS_ESCAPE_SIZE, "\\x%02x", (unsigned)(unsigned char)*p);
}

void visible_add(struct buf *out, const char *p, size_t len)
{
    size_t from = 0;
    uint32_t code;
    for (size_t i = 0, n; i < len; i += n) {
        char text[CHARS_ESCAPE_SIZE];
        n = chars_read(p + i, len - i, &code);
        if (chars_is_plain(code))
            continue;
        buf_add(out, p + from, i - from);
        buf_add(out, text, escape(p + i, code, text));
        from = i + n;
    }
    buf_add(out, p + from, len - from);
}

size_t visible_copy(char *out, size_t room, const char *text)
{
    size_t len = strlen(text), at = 0;
    uint32_t code;
    for (size_t i = 0, n; i < len; i += n) {
        char escaped[CHARS_ESCAPE_SIZE];
        n = chars_read(text + i, len - i, &code);
        bool plain = chars_is_plain(code);
        size_t m = plain ? n : escape(text + i, code, escaped);
        if (at + m >= room)
            break;
        memcpy(out + at, plain ? text + i : escaped, m);
        at += m;
    }
    out[at] = '\0';
    return at;
}

size_t visible_mask(char *text, size_t len)
{
    size_t at = 0;
    uint32_t code;
    while (at < len && (unsigned char)text[at] >= 0x20 && (unsigned char)text[at] < 0x7F)
        at++; /* most are nothing else */
    for (size_t i = at, n; i < len; i += n) {
        n = chars_read(text + i, len - i, &code);
        if (chars_is_plain(code)) {
            memmove(text + at, text + i, n);
            at += n;
        } else {
            text[at++] = '?';
        }
    }
    return at;
}

void visible_json(struct buf *out, const char *json, size_t len)
{
    size_t from = 0;
    uint32_t code;
    for (size_t i = 0, n; i < len; i += n) {
        char text[CHARS_ESCAPE_SIZE];
        n = chars_read(json + i, len - i, &code);
        if (chars_is_plain(code) || code < 0x20) /* blanks between the values; else no JSON */
            continue;
        buf_add(out, json + from, i - from);
        buf_add(out, text, chars_escape(code, text));
        from = i + n;
    }
    buf_add(out, json + from, len - from);
}
