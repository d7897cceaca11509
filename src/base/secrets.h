/* SPDX-License-Identifier: MIT
 * What the process knows and nobody may read: passwords, AccessKey secrets, tokens, whether they
 * came from a variable, a file or STS. Whoever learns one registers it; texts of others, who may
 * quote what they were sent, are blanked before anybody sees them. The set is bounded: the oldest
 * makes room. */
#ifndef PB_BASE_SECRETS_H
#define PB_BASE_SECRETS_H

#include <stddef.h>

enum { SECRETS_MAX = 1024 };

/* NULL, shorter than 3 bytes and known ones are ignored. A short one (below 8 bytes) is looked for
 * as a word by itself only: else it would blank, and thereby show, what has nothing to do with it.
 */
void secrets_add(const char *secret);
/* A name that goes with a password: looked for as a word, however long. */
void secrets_add_name(const char *name);
/* scheme://user:password@…: both parts, as they are and decoded, and the base64 of both. */
void secrets_add_url(const char *url);

/* Puts "***" for each registered secret in len bytes of text, in place and without growing: as it
 * is, percent-encoded (once or more often), or with the escapes of JSON and of Redis; also the
 * beginning of a long one that the speaker cut. Returns the new length. */
size_t secrets_blank(char *text, size_t len);

void secrets_forget(void); /* all of them, wiped */

#endif
