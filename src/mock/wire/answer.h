/* SPDX-License-Identifier: MIT
 * The provider's answers, as JSON or XML. */
#ifndef PB_MOCK_WIRE_ANSWER_H
#define PB_MOCK_WIRE_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"

enum { ANSWER_ID_SIZE = 37, ANSWER_MAX = 8 << 20 };

void answer_new_request_id(char out[ANSWER_ID_SIZE]); /* random UUID, upper case */

/* members: what the action answers beside RequestId, NULL: nothing. In XML the elements of a list
 * repeat its name. */
void answer_success(struct buf *out, bool json, const char *action, const char *request_id,
                    json_t *members);
void answer_error(struct buf *out, bool json, const char *request_id, const char *code,
                  const char *text);
void answer_bad_gateway(struct buf *out);
void answer_garbage(struct buf *out);

#endif
