/* SPDX-License-Identifier: MIT
 * Why the provider refuses a call: HTTP status, error code, text. */
#ifndef PB_MOCK_CHECK_REFUSAL_H
#define PB_MOCK_CHECK_REFUSAL_H

#include <stdbool.h>

struct refusal {
    int status;
    char code[96];
    char text[4096]; /* roomy: a signature error quotes the string that the provider signed */
};

/* Fills r (text and code are cut when longer) and returns false. */
bool refusal_set(struct refusal *r, int status, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Code "<prefix><name><suffix>", e.g. "Invalid" "Title" ".Empty", with status 400. */
bool refusal_named(struct refusal *r, const char *prefix, const char *name, const char *suffix,
                   const char *text);

#endif
