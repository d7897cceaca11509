/* SPDX-License-Identifier: MIT
 * hiredis' reader with bounds: what one reply may make us allocate. */
#ifndef PB_REDIS_READER_H
#define PB_REDIS_READER_H

#include <hiredis/hiredis.h>

enum {
    REDIS_REPLY_ELEMENTS = 1 << 20, /* of one array: no command of ours asks for as many */
    REDIS_REPLY_DEPTH = 7,          /* arrays within arrays: CLUSTER SLOTS has 4 */
    REDIS_REPLY_BYTES = 256 << 20,  /* of one reply, for whoever feeds the reader to count */
};

/* As redisReaderCreate(); a larger or deeper array is an error of the kind REDIS_ERR_OOM.
 * redisReaderFree. */
redisReader *redis_reader_new(void);

#endif
