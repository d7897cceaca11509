/* SPDX-License-Identifier: MIT
 * The filter in front of every terminal, log and JSON writer: text of a job, of Redis or of the
 * provider, in which nothing can act on who reads it. */
#ifndef PB_BASE_VISIBLE_H
#define PB_BASE_VISIBLE_H

#include "base/buf.h"

/* Appends text for eyes: what is not plain (base/chars.h) as the escape of JSON, a byte that is no
 * UTF-8 as \x9b. */
void visible_add(struct buf *out, const char *p, size_t len);

/* The same into room bytes with a NUL, cut at a character or an escape. Returns its length. */
size_t visible_copy(char *out, size_t room, const char *text);

/* Every character that is not plain becomes '?', in place and without growing. Returns the new
 * length. For a line that was put together from checked parts: nothing else is expected there. */
size_t visible_mask(char *text, size_t len);

/* Appends a JSON text, which can hold such characters within its strings only, with each of them
 * as an escape: the value stays the same. */
void visible_json(struct buf *out, const char *json, size_t len);

#endif
