/* SPDX-License-Identifier: MIT
 * An HTTP answer of the provider, JSON or XML, to a struct reply. Pure. */
#ifndef PB_ALIYUN_RESPONSE_H
#define PB_ALIYUN_RESPONSE_H

#include "job/verdict.h"

enum { RESPONSE_IDS_MAX = 256 }; /* as many as a batch has members */

struct response_in {
    int status;
    const char *body;
    size_t len;
    /* Header values or NULL. */
    const char *content_type, *retry_after, *acs_retry_after, *ratelimit_user, *ratelimit_user_api,
        *date;
    int64_t now_wall_ms; /* for the clock offset */
};

/* Fills *out: SENT with message_id and request_id, or a class of the error table. A 2xx without
 * a readable MessageId (truncated, empty, garbage) is TRANSIENT and ambiguous. Ids are kept as
 * text, numbers without losing digits. Hints are bounded to 1 h. ids, when not NULL, receives all
 * MessageIds of a batch (at most RESPONSE_IDS_MAX), *nids how many there were, kept or not. */
void response_read(const struct response_in *in, struct reply *out, char (*ids)[32], size_t *nids);

/* As response_read() for an action that answers without a MessageId: 2xx without Code is SENT. */
void response_read_plain(const struct response_in *in, struct reply *out);

#endif
