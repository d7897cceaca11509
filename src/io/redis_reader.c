/* SPDX-License-Identifier: MIT */
#include "io/redis_reader.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#if HIREDIS_MAJOR == 0
typedef int element_count;
#else
typedef size_t element_count;
#endif

static void *(*create_array)(const redisReadTask *task, element_count elements);

static int depth(const redisReadTask *task)
{
    int n = 1;
    while (n <= REDIS_REPLY_DEPTH && (task = task->parent))
        n++;
    return n;
}

/* hiredis makes room for as many elements as the header names, up to 2^31 and more, before the
 * first of them has come; since 1.0 it nests arrays without end, and frees them by recursion. */
static void *create_bounded(const redisReadTask *task, element_count elements)
{
    bool fits = elements <= REDIS_REPLY_ELEMENTS && depth(task) <= REDIS_REPLY_DEPTH;
    return fits ? create_array(task, elements) : NULL;
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

redisReader *redis_reader_new(void)
{
    redisReader *reader = redisReaderCreate();
    assert(reader);
    bound(reader);
    return reader;
}

/* What is read begins with a line, also where it is a text: its length. */
bool redis_reader_line_fits(const redisReader *reader)
{
    return reader->len - reader->pos <= REDIS_LINE_BYTES ||
           memchr(reader->buf + reader->pos, '\n', REDIS_LINE_BYTES);
}
