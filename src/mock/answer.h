/* SPDX-License-Identifier: MIT
 * The provider's answers, as JSON or XML. */
#ifndef PB_MOCK_ANSWER_H
#define PB_MOCK_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum { ANSWER_ID_SIZE = 37, ANSWER_MAX = 64 * 1024 };

void answer_new_request_id(char out[ANSWER_ID_SIZE]); /* random UUID, upper case */

/* message_id 0: an action that gives none. */
void answer_success(struct buf *out, bool json, const char *action, const char *request_id,
                    uint64_t message_id);
void answer_error(struct buf *out, bool json, const char *request_id, const char *code,
                  const char *text);
void answer_bad_gateway(struct buf *out);
void answer_garbage(struct buf *out);

#endif
