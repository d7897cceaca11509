/* SPDX-License-Identifier: MIT */
#include "cli/check/rights_table.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"

enum { REDIS_6_2 = 60200 };

#define WORKER(words, why)                                                                         \
    {                                                                                              \
        words, false, 0, 0, RIGHT_ALWAYS, why                                                      \
    }
#define WHEN(words, when, why)                                                                     \
    {                                                                                              \
        words, false, 0, 0, when, why                                                              \
    }
#define FROM(words, from, why)                                                                     \
    {                                                                                              \
        words, false, from, 0, RIGHT_ALWAYS, why                                                   \
    }
#define OLD(words, below, why)                                                                     \
    {                                                                                              \
        words, false, 0, below, RIGHT_ALWAYS, why                                                  \
    }
#define TOOLS(words, why)                                                                          \
    {                                                                                              \
        words, true, 0, 0, RIGHT_ALWAYS, why                                                       \
    }

/* On a text most are answered with WRONGTYPE; none changes it. A test takes each right of
 * conf/redis-acl.conf away and looks whether that is found. */
const struct right rights_table[] = {
    WORKER("SET %k 1 PX 60000", "schema version, markers of ids, readiness"),
    WORKER("INFO memory", "version and identity of the server, memory"),
    WORKER("ROLE", "only a master will do"),
    WHEN("SELECT %d", RIGHT_DATABASE, "another database than 0"),
    WHEN("CLUSTER SLOTS", RIGHT_CLUSTER, "who owns a queue's slot"),
    WHEN("ASKING", RIGHT_CLUSTER, "a slot on the move"),
    WHEN("WAIT 0 1", RIGHT_REPLICAS, "redis.wait_replicas"),
    WORKER("CLIENT ID", "the idle wait, so that it can be ended"),
    WORKER("CLIENT UNBLOCK 0", "ending the idle wait"),
    FROM("BLMOVE %k %k LEFT RIGHT 1", REDIS_6_2, "the idle wait"),
    OLD("BRPOPLPUSH %k %k 1", REDIS_6_2, "the idle wait"),
    WORKER("EVALSHA 0000000000000000000000000000000000000000 1 %k", "every move of a job"),
    WORKER("EVAL return(1) 1 %k", "a script that the server does not know yet"),
    WORKER("TIME", "leases go by the server's clock"),
    WORKER("GET %k", "schema version, markers of ids"),
    WORKER("STRLEN %k", "markers of ids, of workers of the version before"),
    WORKER("EXPIRE %k 60", "reply lists"),
    WORKER("LLEN %k", "claims, counts"),
    WORKER("LINDEX %k 0", "the oldest job's age"),
    WORKER("LPUSH %k x", "jobs given back"),
    WORKER("RPUSH %k x", "results, dead letters, parked jobs, reply lists"),
    WORKER("LPOP %k", "claims"),
    WORKER("RPOPLPUSH %k %k", "what a dead worker was handed"),
    WORKER("LTRIM %k 0 -1", "queue.results_max"),
    WORKER("HGET %k f", "finishes, limits, circuits"),
    WORKER("HMGET %k f", "claims, finishes, heartbeats"),
    WORKER("HGETALL %k", "limits, pauses, circuits"),
    WORKER("HSET %k f x", "claims, finishes, limits, circuits"),
    WORKER("HDEL %k f", "claims, finishes"),
    WORKER("HLEN %k", "claims, counts"),
    WORKER("HEXISTS %k f", "audits"),
    WORKER("HINCRBY %k f 0", "counters"),
    WORKER("HSCAN %k 0 COUNT 1", "audits"),
    WORKER("ZADD %k XX 1 m", "leases, retries, heartbeats"),
    WORKER("ZREM %k m", "finishes, heartbeats"),
    WORKER("ZCARD %k", "claims, counts"),
    WORKER("ZCOUNT %k 0 0", "live workers"),
    WORKER("ZSCORE %k m", "audits, dead workers"),
    WORKER("ZRANGE %k 0 0", "counts"),
    WORKER("ZRANGEBYSCORE %k 0 0 LIMIT 0 1", "what is due, dead workers"),
    WORKER("SADD %k m", "apps with parked jobs"),
    WORKER("SCARD %k", "finishes, counts"),
    WORKER("SMEMBERS %k", "apps with parked jobs"),
    TOOLS("CLIENT SETNAME pushbridge", "a name in CLIENT LIST"),
    TOOLS("LRANGE %k 0 0", "dead, queue peek, cancel"),
    TOOLS("LREM %k 1 x", "dead replay, dead drop, cancel"),
    TOOLS("LSET %k 0 x", "dead replay, dead drop, cancel"),
    TOOLS("HSTRLEN %k f", "dead replay"),
    TOOLS("BLPOP %k 1", "send --wait"),
};
const size_t rights_table_n = sizeof rights_table / sizeof rights_table[0];

bool right_needed(const struct right *r, const struct config *config, unsigned version)
{
    if (version < r->from || (r->below && version >= r->below))
        return false;
    switch (r->when) {
    case RIGHT_DATABASE:
        return config->redis.db != 0;
    case RIGHT_CLUSTER:
        return config->redis.topology == TOPOLOGY_CLUSTER;
    case RIGHT_REPLICAS:
        return config->wait_replicas > 0;
    case RIGHT_ALWAYS:
        break;
    }
    return true;
}

void right_name(const struct right *r, char out[RIGHT_NAME_SIZE])
{
    bool container = text_starts(r->words, "CLIENT ") || text_starts(r->words, "CLUSTER ");
    size_t len = strcspn(r->words, " ");
    if (container)
        len += 1 + strcspn(r->words + len + 1, " ");
    if (len >= RIGHT_NAME_SIZE)
        len = RIGHT_NAME_SIZE - 1;
    for (size_t i = 0; i < len; i++)
        out[i] = r->words[i] == ' ' ? '|' : (char)tolower((unsigned char)r->words[i]);
    out[len] = '\0';
}
