/* SPDX-License-Identifier: MIT
 * Which characters may stand in a log, on a terminal and on a page as they are. The others could
 * steer a terminal, forge a line or turn the reading direction round: C0 and C1 controls, DEL, the
 * line separators U+2028 and U+2029, the marks of reading direction, and bytes that are no UTF-8.
 * Pure. */
#ifndef PB_BASE_CHARS_H
#define PB_BASE_CHARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHARS_NONE = 0xFFFFFFF }; /* no code point: the byte belongs to no character */

/* The character that begins at p, of which len > 0 bytes are there: its length in bytes and its
 * code point. Of what is not strict UTF-8, one byte and CHARS_NONE. */
size_t chars_read(const char *p, size_t len, uint32_t *code);

bool chars_is_plain(uint32_t code);

/* Bytes of text that may be kept so that at most max are and no character is cut in two. */
size_t chars_cut(const char *text, size_t len, size_t max);

/* Takes a character from the end of text that was cut in two. */
void chars_trim(char *text);

/* Escape of a character that is not plain, as JSON has it: \n, \t, \r, \u001b, \u202e; \ufffd for a
 * byte that is none. Returns its length. */
enum { CHARS_ESCAPE_SIZE = 8 };
size_t chars_escape(uint32_t code, char out[CHARS_ESCAPE_SIZE]);

#endif
