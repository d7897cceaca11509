/* SPDX-License-Identifier: MIT
 * hiredis' reader with bounds: what one reply may make us allocate. */
#ifndef PB_REDIS_READER_H
#define PB_REDIS_READER_H

#include <hiredis/hiredis.h>
#include <stdbool.h>

enum {
    REDIS_REPLY_ELEMENTS = 1 << 20, /* of one array: no command of ours asks for as many */
    REDIS_REPLY_DEPTH = 7,          /* arrays within arrays: CLUSTER SLOTS has 4 */
    REDIS_LINE_BYTES = 64 << 10,    /* of a line: a status, an error, a number, a length */
    REDIS_REPLY_BYTES = 256 << 20,  /* of one reply, for whoever feeds the reader to count */
};

/* As redisReaderCreate(); a larger or deeper array is an error of the kind REDIS_ERR_OOM.
 * redisReaderFree. */
redisReader *redis_reader_new(void);

/* False where the line that is being read has become too long. hiredis looks for its end anew from
 * its beginning with every piece that comes. */
bool redis_reader_line_fits(const redisReader *reader);

#endif
