/* SPDX-License-Identifier: MIT */
#include "redis/cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"

enum { CRC16_XMODEM = 0x1021, RANGE_HEAD = 2, PORT_MAX = 65535 };

bool node_equal(const struct node *a, const struct node *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

/* --- slots ----------------------------------------------------------------------------------- */

static unsigned crc16(const char *p, size_t len)
{
    unsigned crc = 0;
    for (size_t i = 0; i < len; i++) {
        crc ^= (unsigned)(unsigned char)p[i] << 8;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 0x8000 ? crc << 1 ^ CRC16_XMODEM : crc << 1;
    }
    return crc & 0xFFFF;
}

int cluster_slot(const char *key, size_t len)
{
    const char *open = memchr(key, '{', len);
    const char *close = open ? memchr(open, '}', len - (size_t)(open - key)) : NULL;
    if (close && close > open + 1) {
        len = (size_t)(close - open - 1);
        key = open + 1;
    }
    return (int)(crc16(key, len) % CLUSTER_SLOTS);
}

/* --- nodes ----------------------------------------------------------------------------------- */

/* Nobody's name for itself: NULL, "" or "?", by version and configuration. */
static bool is_unnamed(const char *host, size_t len)
{
    return len == 0 || (len == 1 && *host == '?');
}

static bool set_node(struct node *out, const char *host, size_t len, long long port,
                     const struct node *asked)
{
    if (port < 1 || port > PORT_MAX || len >= sizeof out->host || (len && memchr(host, '\0', len)))
        return false;
    struct node n = {.port = (int)port};
    if (is_unnamed(host, len))
        memcpy(n.host, asked->host, sizeof n.host);
    else
        memcpy(n.host, host, len);
    *out = n;
    return true;
}

bool cluster_redirect(const char *error, const struct node *asked, enum cluster_redirection *kind,
                      int *slot, struct node *to)
{
    bool moved = text_starts(error, "MOVED ");
    if (!moved && !text_starts(error, "ASK "))
        return false;
    char *end;
    long n = strtol(strchr(error, ' '), &end, 10);
    if (*end != ' ' || n < 0 || n >= CLUSTER_SLOTS)
        return false;
    const char *host = end + 1, *colon = strrchr(host, ':');
    if (!colon || strchr(host, ' ') ||
        !set_node(to, host, (size_t)(colon - host), number_read(colon + 1), asked))
        return false;
    *kind = moved ? CLUSTER_MOVED : CLUSTER_ASK;
    *slot = (int)n;
    return true;
}

/* --- CLUSTER SLOTS --------------------------------------------------------------------------- */

static bool is_array(const redisReply *r, size_t least)
{
    return r->type == REDIS_REPLY_ARRAY && r->elements >= least;
}

/* {host, port, id, …} */
static bool read_node(const redisReply *r, const struct node *asked, struct node *out)
{
    if (!is_array(r, 2) || r->element[1]->type != REDIS_REPLY_INTEGER)
        return false;
    const redisReply *host = r->element[0];
    bool named = host->type == REDIS_REPLY_STRING;
    if (!named && host->type != REDIS_REPLY_NIL)
        return false;
    return set_node(out, named ? host->str : "", named ? (size_t)host->len : 0,
                    r->element[1]->integer, asked);
}

/* {first, last, master, replica …} */
static bool is_range(const redisReply *r)
{
    return is_array(r, RANGE_HEAD + 1) && r->element[0]->type == REDIS_REPLY_INTEGER &&
           r->element[1]->type == REDIS_REPLY_INTEGER;
}

bool cluster_owner(const redisReply *slots, int slot, const struct node *asked, struct node *out)
{
    for (size_t i = 0; is_array(slots, i + 1); i++) {
        const redisReply *r = slots->element[i];
        if (is_range(r) && r->element[0]->integer <= slot && slot <= r->element[1]->integer)
            return read_node(r->element[RANGE_HEAD], asked, out);
    }
    return false;
}

static bool among(const struct node *n, const struct node *list, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (node_equal(n, &list[i]))
            return true;
    return false;
}

size_t cluster_nodes(const redisReply *slots, const struct node *asked, struct node *out,
                     size_t max)
{
    size_t n = 0;
    for (size_t i = 0; is_array(slots, i + 1); i++) {
        const redisReply *r = slots->element[i];
        for (size_t k = RANGE_HEAD; is_range(r) && k < r->elements; k++) {
            struct node found;
            if (n < max && read_node(r->element[k], asked, &found) && !among(&found, out, n))
                out[n++] = found;
        }
    }
    return n;
}
