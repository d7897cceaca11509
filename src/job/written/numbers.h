/* SPDX-License-Identifier: MIT
 * Numbers as they were written. The library keeps a double of 9.9 and writes 9.9000000000000004,
 * forgets that 1e5 was no 100000.0, and refuses 18446744073709551615. In a tree such a number may
 * be kept as text instead: a string that begins with a NUL, which no JSON text that is read can
 * hold. Written by the library, it is restored by numbers_restore(). */
#ifndef PB_JOB_NUMBERS_H
#define PB_JOB_NUMBERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* json_loadb(), but an integer from 2^63 to 2^64 - 1 is no error: it is a real of about its size.
 * Places in *error are those of bytes. */
json_t *numbers_load(const char *bytes, size_t len, size_t flags, json_error_t *error);

/* In the tree that bytes became, loaded without doubled members, each number that the library would
 * write in another way becomes kept text, where levels says so: given a member of root, how many
 * levels below root's own it is too early for that; NUMBERS_NOWHERE: nowhere in that member. False:
 * there are more than max, and only so many are kept. */
enum { NUMBERS_NOWHERE = 1 << 20 };
bool numbers_keep(json_t *root, const char *bytes, size_t len, int (*levels)(const char *member),
                  size_t max);
int numbers_everywhere(const char *member); /* for levels */

/* The kept text, len bytes with a NUL behind them, or NULL: value is something else. */
const char *numbers_text(const json_t *value, size_t *len);
/* A kept number with the fewest digits that read back as x, and a point or an exponent. */
json_t *numbers_from_real(double x);

/* Kept numbers in a JSON text that the library wrote become numbers again, in place; returns the
 * new length. A NUL is put behind it. */
size_t numbers_restore(char *json, size_t len);

#endif
