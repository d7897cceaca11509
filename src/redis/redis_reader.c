/* SPDX-License-Identifier: MIT */
#include "redis/redis_reader.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/minmax.h"
#include "base/text.h"

#if HIREDIS_MAJOR == 0
typedef int element_count;
#else
typedef size_t element_count;
#endif

enum { HEAD_SIZE = 24 }; /* "$" and a length */

enum part { PART_LINE, PART_VALUE, PART_DROPPED };

struct redis_reader {
    redisReader *parser;
    size_t value_max, reply_max;
    enum part part;
    char head[HEAD_SIZE]; /* how the line begins; of a value's whole, before the parser sees it */
    size_t line;          /* bytes of the line so far */
    uint64_t left;        /* bytes of the value, with its line end */
    long long dropped;    /* its length */
    size_t cost;          /* of what was fed since the last whole reply */
    bool large, broken;
};

/* --- arrays ---------------------------------------------------------------------------------- */

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

/* --- what the parser gets -------------------------------------------------------------------- */

static bool pass(struct redis_reader *r, const char *p, size_t len)
{
    r->cost += len;
    r->large |= r->cost > r->reply_max;
    return !r->large && redisReaderFeed(r->parser, p, len) == REDIS_OK;
}

static bool pass_dropped(struct redis_reader *r)
{
    char text[64];
    int n =
        snprintf(text, sizeof text, "-LARGE a value of %lld bytes was not read\r\n", r->dropped);
    return pass(r, text, (size_t)n);
}

/* "$<length>\r\n" stands in head. */
static bool take_length(struct redis_reader *r)
{
    int64_t len;
    r->broken = r->line < 4 || r->head[r->line - 2] != '\r';
    if (r->broken)
        return false;
    r->head[r->line - 2] = '\0';
    r->broken = !text_int(r->head + 1, -1, INT64_MAX / 2, &len);
    r->head[r->line - 2] = '\r';
    if (r->broken)
        return false;
    size_t room = r->reply_max > r->cost ? r->reply_max - r->cost : 0;
    r->left = len < 0 ? 0 : (uint64_t)len + 2;
    if (len >= 0 && ((uint64_t)len > r->value_max || r->left + r->line > room)) {
        r->part = PART_DROPPED;
        r->dropped = len;
        return true;
    }
    r->part = r->left ? PART_VALUE : PART_LINE;
    return pass(r, r->head, r->line);
}

static bool end_line(struct redis_reader *r)
{
    bool ok = r->head[0] != '$' || take_length(r);
    r->cost += REDIS_ELEMENT_BYTES;
    r->line = 0;
    return ok;
}

/* Up to the line's end. Returns the bytes taken, 0: it cannot go on. */
static size_t take_line(struct redis_reader *r, const char *p, size_t len)
{
    const char *end = memchr(p, '\n', len);
    size_t n = end ? (size_t)(end - p) + 1 : len;
    if (r->line < HEAD_SIZE) {
        size_t room = HEAD_SIZE - r->line;
        memcpy(r->head + r->line, p, min_size(n, room));
    }
    r->line += n;
    bool value = r->head[0] == '$';
    r->broken = !r->head[0] || !strchr("+-:$*", r->head[0]) || (value && r->line >= HEAD_SIZE);
    r->large |= r->line > REDIS_LINE_BYTES;
    if (r->broken || r->large || (!value && !pass(r, p, n)))
        return 0;
    return !end || end_line(r) ? n : 0;
}

static size_t take_reply_value(struct redis_reader *r, const char *p, size_t len)
{
    bool dropped = r->part == PART_DROPPED;
    size_t n = len < r->left ? len : (size_t)r->left;
    if (!dropped && !pass(r, p, n))
        return 0;
    r->left -= n;
    if (r->left)
        return n;
    r->part = PART_LINE;
    return !dropped || pass_dropped(r) ? n : 0;
}

/* --- public ---------------------------------------------------------------------------------- */

struct redis_reader *redis_reader_new(size_t value_max, size_t reply_max)
{
    struct redis_reader *r = mem_zalloc(sizeof *r);
    r->value_max = value_max;
    r->reply_max = reply_max;
    r->parser = redisReaderCreate();
    assert(r->parser);
    bound(r->parser);
    return r;
}

void redis_reader_free(struct redis_reader *r)
{
    if (!r)
        return;
    redisReaderFree(r->parser);
    mem_wipe(r, sizeof *r);
    mem_free(r);
}

bool redis_reader_feed(struct redis_reader *r, const char *p, size_t len)
{
    while (len) {
        size_t n = r->part == PART_LINE ? take_line(r, p, len) : take_reply_value(r, p, len);
        if (!n)
            return false;
        p += n;
        len -= n;
    }
    return true;
}

bool redis_reader_next(struct redis_reader *r, redisReply **reply)
{
    void *next = NULL;
    bool ok = redisReaderGetReply(r->parser, &next) == REDIS_OK;
    *reply = next;
    if (next)
        r->cost = 0;
    return ok;
}

const char *redis_reader_why(const struct redis_reader *r)
{
    bool large = r->large || (!r->broken && r->parser->err == REDIS_ERR_OOM);
    return large ? "a reply too large" : "not the Redis protocol";
}

bool redis_reply_is_large(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR && text_starts(reply->str, "LARGE ");
}
