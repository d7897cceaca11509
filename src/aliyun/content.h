/* SPDX-License-Identifier: MIT
 * What a call's token was made from, kept short: enough to know later whether a call made anew is
 * the same one, and if not, which parameters differ. No value can be read from it. Pure. */
#ifndef PB_ALIYUN_CONTENT_H
#define PB_ALIYUN_CONTENT_H

#include "aliyun/request.h"

enum {
    CONTENT_DIGEST_SIZE = 17,
    CONTENT_NAMES_MAX = 128, /* parameters that are told apart; a Push has fewer */
    CONTENT_CHECK_LEN = 8,
    CONTENT_CHECKS_SIZE = CONTENT_NAMES_MAX * CONTENT_CHECK_LEN + 1,
};

struct content {
    char digest[CONTENT_DIGEST_SIZE]; /* half of request_digest() */
    /* For each parameter but TargetValue, in the order of the call, four hex digits of its name's
     * hash and four of its value's, or of all tasks' values. */
    char checks[CONTENT_CHECKS_SIZE];
};

/* params: of a call, with or without token, JobKey and times, which are no content. */
void content_of(const struct params *params, struct content *out);

/* The digest alone, of a call of which the common part is known; no checks. */
void content_of_common(const struct request_common *common, const struct params *params,
                       struct content *out);

/* Appends the names of the parameters whose values differ between two calls, "Title, Body": was and
 * now are their checks. One that is in none of our tables is called "another parameter". */
void content_write_differences(const char *was, const char *now, struct buf *out);

#endif
