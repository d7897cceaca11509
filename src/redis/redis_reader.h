/* SPDX-License-Identifier: MIT
 * hiredis' reader with bounds: what one reply may make us hold. A value that is longer than wanted
 * is dropped while it comes, and in its place stands an error "LARGE …" that says how long it was:
 * whoever asked can tell it from a value, and what follows is read as ever. */
#ifndef PB_REDIS_REDIS_READER_H
#define PB_REDIS_REDIS_READER_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    REDIS_REPLY_ELEMENTS = 1 << 20, /* of one array: no command of ours asks for as many */
    REDIS_REPLY_DEPTH = 7,          /* arrays within arrays: CLUSTER SLOTS has 4 */
    REDIS_REPLY_BYTES = 256 << 20,  /* of one reply, with what each element costs */
    REDIS_VALUE_BYTES = 8 << 20,    /* of one value: the longest letter is shorter */
    REDIS_LINE_BYTES = 64 << 10,    /* of a status, an error or a number */
    REDIS_ELEMENT_BYTES = 96,       /* what an element costs beside its text */
};

struct redis_reader;

/* value_max, reply_max: bytes. redis_reader_free. */
struct redis_reader *redis_reader_new(size_t value_max, size_t reply_max);
void redis_reader_free(struct redis_reader *r);

/* False when what came is not the Redis protocol or beyond a bound; then nothing more can be read.
 */
bool redis_reader_feed(struct redis_reader *r, const char *p, size_t len);
/* The next whole reply, to be freed with freeReplyObject(); NULL: it has not come yet. False as
 * above. */
bool redis_reader_next(struct redis_reader *r, redisReply **reply);
/* Why one of them said false: "a reply too large", "not the Redis protocol". */
const char *redis_reader_why(const struct redis_reader *r);

/* Whether the reply stands for a value that was dropped. */
bool redis_reply_is_large(const redisReply *reply);

#endif
