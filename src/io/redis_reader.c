/* SPDX-License-Identifier: MIT */
#include "io/redis_reader.h"

#include <assert.h>

#if HIREDIS_MAJOR == 0
/* hiredis 0.14 makes room for as many elements as the header names, up to 2^31, before the first
 * of them has come. */
static void *(*create_array)(const redisReadTask *task, int elements);

static void *create_bounded(const redisReadTask *task, int elements)
{
    return elements <= REDIS_REPLY_ELEMENTS ? create_array(task, elements) : NULL;
}

static void bound(redisReader *reader)
{
    static redisReplyObjectFunctions functions;
    if (!create_array) {
        functions = *reader->fn;
        create_array = functions.createArray;
        functions.createArray = create_bounded;
    }
    reader->fn = &functions;
}
#else
static void bound(redisReader *reader)
{
    reader->maxelements = REDIS_REPLY_ELEMENTS;
}
#endif

redisReader *redis_reader_new(void)
{
    redisReader *reader = redisReaderCreate();
    assert(reader);
    bound(reader);
    return reader;
}
