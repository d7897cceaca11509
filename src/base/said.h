/* SPDX-License-Identifier: MIT
 * Texts that a server said, Redis, a sentinel, the provider, a proxy or libcurl: whoever does not
 * understand a request may quote it, with its password, its signature, its device ids and its
 * message. Every such text passes here before a log, a page or a terminal gets it. What acts on
 * terminals is the writers' business (base/visible.h). */
#ifndef PB_BASE_SAID_H
#define PB_BASE_SAID_H

#include <stddef.h>

enum { SAID_MAX = 4096 }; /* what follows is not looked at by said_copy(), and not copied */

/* For where the text itself is the contract (error.message of outcomes): blanks secrets and the
 * values of signatures, in place. Returns the new length; a NUL stands there. */
size_t said_keep(char *text, size_t len);

/* For logs, pages and messages: the same; also cuts where a quoted request begins (arguments of an
 * unknown command, a string to sign, name=value, JSON, markup), hides the user in a URL and masks
 * what is long and without words, such as device ids, keys and hashes. In place. */
size_t said_clean(char *text, size_t len);

/* said_clean() of a copy in room bytes, cut at a character; returns out. */
const char *said_copy(char *out, size_t room, const char *text);

#endif
