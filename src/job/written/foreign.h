/* SPDX-License-Identifier: MIT
 * What no job of ours looks like: messages of other queues, and what serializers write that are not
 * JSON's. Only for the words of a refusal. */
#ifndef PB_JOB_FOREIGN_H
#define PB_JOB_FOREIGN_H

#include <jansson.h>
#include <stddef.h>

/* "Java's serialization", "base64 of JSON" …; NULL: nothing that is known. bytes need no NUL. */
const char *foreign_bytes(const char *bytes, size_t len);
/* Of JSON that is no object, "JSON in JSON text" …; of an object, "a Sidekiq job" …, and then
 * *member is set to a member that no job of ours has; NULL: nothing that is known. */
const char *foreign_value(const json_t *value, const char **member);

#endif
