/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/chars.h"
#include "base/mem.h"

enum { BUF_FIRST = 256 };

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_free(struct buf *b)
{
    mem_free(b->data);
    buf_init(b, b->max);
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->over = false;
    if (b->data)
        b->data[0] = '\0';
}

void buf_wipe(struct buf *b)
{
    if (b->data)
        mem_wipe(b->data, b->cap);
    buf_reset(b);
}

bool buf_ok(const struct buf *b)
{
    return !b->over;
}

const char *buf_text(const struct buf *b)
{
    return b->data ? b->data : "";
}

char *buf_take(struct buf *b)
{
    char *data = b->data ? b->data : mem_strdup("");
    buf_init(b, b->max);
    return data;
}

/* Makes room for len more bytes and the NUL; cuts len to what the maximum allows. */
static size_t reserve(struct buf *b, size_t len)
{
    if (len > b->max - b->len) {
        len = b->max - b->len;
        b->over = true;
    }
    size_t need = b->len + len + 1;
    if (need > b->cap) {
        size_t cap = b->cap ? b->cap : BUF_FIRST;
        while (cap < need)
            cap *= 2;
        b->data = mem_resize(b->data, cap);
        b->cap = cap;
    }
    return len;
}

void buf_add(struct buf *b, const void *p, size_t len)
{
    len = reserve(b, len);
    if (len)
        memcpy(b->data + b->len, p, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_putc(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_int(struct buf *b, int64_t n)
{
    char digits[24];
    char *p = digits + sizeof digits;
    uint64_t rest = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    do {
        *--p = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (n < 0)
        *--p = '-';
    buf_add(b, p, (size_t)(digits + sizeof digits - p));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int need = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (need >= 0) {
        char *text = mem_alloc((size_t)need + 1);
        vsnprintf(text, (size_t)need + 1, fmt, again);
        buf_add(b, text, (size_t)need);
        mem_free(text);
    }
    va_end(again);
}

/* Bytes of the escape that the character needs within a JSON string; 0: none. */
static size_t json_escape(uint32_t code, bool raw, char out[CHARS_ESCAPE_SIZE])
{
    if (code == '"' || code == '\\') {
        memcpy(out, (const char[]){'\\', (char)code}, 2);
        return 2;
    }
    return (raw ? code >= 0x20 : chars_is_plain(code)) ? 0 : chars_escape(code, out);
}

/* Most text is plain ASCII: that is what counts. */
static size_t plain_run(const char *text, size_t len)
{
    size_t n = 0;
    for (; n < len; n++) {
        unsigned char c = (unsigned char)text[n];
        if (c < 0x20 || c >= 0x7F || c == '"' || c == '\\')
            break;
    }
    return n;
}

static void put_json(struct buf *b, const char *text, size_t len, bool raw)
{
    size_t from = 0;
    uint32_t code;
    buf_putc(b, '"');
    for (size_t i = plain_run(text, len), n; i < len; i += plain_run(text + i, len - i)) {
        char escape[CHARS_ESCAPE_SIZE];
        n = chars_read(text + i, len - i, &code);
        size_t m = json_escape(code, raw, escape);
        if (m) {
            buf_add(b, text + from, i - from);
            buf_add(b, escape, m);
            from = i + n;
        }
        i += n;
    }
    buf_add(b, text + from, len - from);
    buf_putc(b, '"');
}

void buf_json(struct buf *b, const char *text, size_t len)
{
    put_json(b, text, len, false);
}

void buf_json_raw(struct buf *b, const char *text, size_t len)
{
    put_json(b, text, len, true);
}

size_t buf_json_len(const char *text, size_t len)
{
    size_t total = 2;
    uint32_t code;
    for (size_t i = 0, n, m; i < len; i += n) {
        char escape[CHARS_ESCAPE_SIZE];
        n = plain_run(text + i, len - i);
        total += n;
        if (n)
            continue;
        n = chars_read(text + i, len - i, &code);
        m = json_escape(code, false, escape);
        total += m ? m : n;
    }
    return total;
}

void buf_json_or_null(struct buf *b, const char *text)
{
    if (text)
        buf_json(b, text, strlen(text));
    else
        buf_puts(b, "null");
}
