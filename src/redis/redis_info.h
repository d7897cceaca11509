/* SPDX-License-Identifier: MIT
 * What the handshake reads from Redis' INFO reply. */
#ifndef PB_REDIS_REDIS_INFO_H
#define PB_REDIS_REDIS_INFO_H

#include <stdbool.h>
#include <stddef.h>

enum { REDIS_RUN_ID_SIZE = 48 };

struct redis_info {
    unsigned version; /* 70015 for 7.0.15 */
    char version_text[32];
    char run_id[REDIS_RUN_ID_SIZE];
};

/* The rest of the line that begins with key ("role:") in an INFO text. False when it is missing,
 * empty or does not fit; out is then as it was. */
bool redis_info_field(const char *text, const char *key, char *out, size_t room);

/* False when the version or the run id is missing or malformed. */
bool redis_info_read(const char *text, struct redis_info *out);

#endif
