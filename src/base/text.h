/* SPDX-License-Identifier: MIT
 * Small pure helpers on text: numbers with bounds, UTF-8, hexadecimal, base64. */
#ifndef PB_BASE_TEXT_H
#define PB_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"

/* Decimal integer that fills the whole text and lies in [min, max]; false otherwise. */
bool text_int(const char *text, int64_t min, int64_t max, int64_t *out);

/* A span of time in milliseconds: 1 to 10^9 with s, m, h or d behind it, seconds where there is no
 * letter; false where text is none. */
bool text_duration(const char *text, int64_t *ms);

/* The decimal digits of n and a NUL, at most 21 bytes; returns where the NUL is. Beside stpcpy(),
 * for what is made for every job: a formatted print takes ten times as long. */
char *text_number(char *at, uint64_t n);

bool text_is_utf8(const char *p, size_t len);        /* strict: no overlong forms, no surrogates */
size_t text_utf8_chars(const char *text);            /* code points of valid UTF-8 */
void text_hex(const void *p, size_t len, char *out); /* 2 * len lower-case digits and a NUL */
/* The byte that two hexadecimal digits at p stand for; −1: fewer than two bytes are there, or
 * others.
 */
int text_hex_byte(const char *p, size_t len);
void text_base64(struct buf *b, const void *p, size_t len); /* standard alphabet, padded */
bool text_base64_decode(struct buf *b, const char *text, size_t len); /* false: not base64 */
void text_base64url(const void *p, size_t len, char *out); /* no padding, NUL-terminated */
/* Equal, for short names that mostly differ in their first letter: spares the call. */
static inline bool text_eq(const char *a, const char *b)
{
    return *a == *b && strcmp(a, b) == 0;
}
/* The next of a list's elements, which stand between commas, without the blanks around it; it may
 * be empty. *list goes on behind it, and is NULL after the last. */
const char *text_element(const char **list, size_t *len);
bool text_starts(const char *text, const char *prefix);
bool text_ends(const char *text, const char *suffix);

#endif
