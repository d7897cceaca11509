/* SPDX-License-Identifier: MIT
 * Growable byte buffer with a mandatory maximum. Appending past the maximum sets a sticky flag
 * that is tested once at the end (buf_ok); the content is then cut, never overrun. The content
 * is always NUL-terminated, the length is authoritative (bytes may contain NUL). */
#ifndef PB_BASE_BUF_H
#define PB_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *data; /* NULL until the first append; use buf_text() to read */
    size_t len, cap, max;
    bool over; /* an append did not fit */
};

void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b);  /* frees the memory; the buffer may be used again */
void buf_reset(struct buf *b); /* empties, keeps the memory */
void buf_wipe(struct buf *b);  /* zeroes the content, then empties */
bool buf_ok(const struct buf *b);
const char *buf_text(const struct buf *b); /* never NULL */
char *buf_take(struct buf *b);             /* hands the memory out (mem_free), empties */

void buf_add(struct buf *b, const void *p, size_t len);
void buf_puts(struct buf *b, const char *text);
void buf_putc(struct buf *b, char c);
void buf_int(struct buf *b, int64_t n);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "…" of JSON. What is not plain (base/chars.h) is an escape, and a byte that is no UTF-8 becomes
 * U+FFFD, so that the text may be shown anywhere. */
void buf_json(struct buf *b, const char *text, size_t len);
void buf_json_or_null(struct buf *b, const char *text); /* NULL gives null */
size_t buf_json_len(const char *text, size_t len);      /* bytes that buf_json() appends */
/* With the escapes alone that JSON asks for: for calls, which must stay what they were. */
void buf_json_raw(struct buf *b, const char *text, size_t len);

#endif
