/* SPDX-License-Identifier: MIT */
#include "redis/redis_said.h"

#include "base/chars.h"
#include "base/said.h"
#include "base/text.h"

enum { ERROR_MAX = 1024 };

/* Their last word is an address, which may look like anything. */
static bool is_redirection(const char *error)
{
    return text_starts(error, "MOVED ") || text_starts(error, "ASK ");
}

void redis_said_clean(redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR) /* nobody reads more of it */
        reply->len = chars_cut(reply->str, (size_t)reply->len, ERROR_MAX);
    if (reply->type == REDIS_REPLY_ERROR && is_redirection(reply->str))
        reply->len = said_keep(reply->str, reply->len);
    else if (reply->type == REDIS_REPLY_ERROR)
        reply->len = said_clean(reply->str, reply->len);
    for (size_t i = 0; reply->element && i < reply->elements; i++)
        redis_said_clean(reply->element[i]);
}
