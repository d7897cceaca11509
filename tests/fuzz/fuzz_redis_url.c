/* SPDX-License-Identifier: MIT
 * Redis URLs: an accepted one, written anew from its parts, means the same; a refused one changes
 * nothing and says why. */
#include "fuzz/fuzz.h"

#include "base/buf.h"
#include "base/mem.h"
#include "redis/redis.h"

static void put_encoded(struct buf *b, const char *text)
{
    for (; *text; text++)
        buf_printf(b, "%%%02x", (unsigned char)*text);
}

static void write_hosts(const struct redis_opts *o, struct buf *b)
{
    for (size_t i = 0; i < o->nnodes; i++)
        buf_printf(b, "%s[%s]:%d", i ? "," : "", o->nodes[i].host, o->nodes[i].port);
}

static void write_url(const struct redis_opts *o, struct buf *b)
{
    static const char *const kinds[] = {"", "+sentinel", "+cluster"};
    if (o->unix_path[0])
        buf_puts(b, "unix://");
    else
        buf_printf(b, "redis%s%s://", o->tls ? "s" : "", kinds[o->topology]);
    if (o->user[0] || o->password[0]) {
        put_encoded(b, o->user);
        buf_putc(b, ':');
        put_encoded(b, o->password);
        buf_putc(b, '@');
    }
    if (o->unix_path[0]) {
        buf_putc(b, '/');
        put_encoded(b, o->unix_path + 1);
    } else if (o->topology == TOPOLOGY_SINGLE) {
        buf_printf(b, "[%s]:%d", o->host, o->port);
    }
    write_hosts(o, b);
    if (o->topology == TOPOLOGY_SENTINEL) {
        buf_putc(b, '/');
        put_encoded(b, o->master);
    }
    if (o->topology != TOPOLOGY_CLUSTER)
        buf_printf(b, "?db=%d", o->db);
}

static bool same_nodes(const struct redis_opts *a, const struct redis_opts *b)
{
    bool same = a->nnodes == b->nnodes && strcmp(a->master, b->master) == 0;
    for (size_t i = 0; same && i < a->nnodes; i++)
        same = node_equal(&a->nodes[i], &b->nodes[i]);
    return same;
}

/* Hosts with these have no written form. */
static bool is_writable(const struct redis_opts *o)
{
    bool ok = !strpbrk(o->host, "]@/?,");
    for (size_t i = 0; i < o->nnodes; i++)
        ok = ok && !strpbrk(o->nodes[i].host, "]@/?,");
    return ok;
}

static bool same(const struct redis_opts *a, const struct redis_opts *b)
{
    return strcmp(a->host, b->host) == 0 && strcmp(a->unix_path, b->unix_path) == 0 &&
           strcmp(a->user, b->user) == 0 && strcmp(a->password, b->password) == 0 &&
           a->port == b->port && a->db == b->db && a->tls == b->tls && a->topology == b->topology &&
           same_nodes(a, b);
}

static void check_accepted(const struct redis_opts *o)
{
    struct redis_opts again;
    struct err e = {""};
    struct buf url;
    redis_opts_default(&again);
    buf_init(&url, 64 * 1024);
    must(o->nnodes <= REDIS_NODES_MAX && (o->topology == TOPOLOGY_SINGLE) == (o->nnodes == 0));
    must(o->db >= 0 && (o->unix_path[0] ? o->unix_path[0] == '/' : o->host[0] && o->port > 0));
    write_url(o, &url);
    if (is_writable(o)) {
        must(redis_url_parse(buf_text(&url), &again, &e));
        must(same(o, &again));
    }
    buf_free(&url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rest r = rest_of(data, size);
    char *url = rest_text(&r);
    struct redis_opts before, o;
    struct err e = {""};
    redis_opts_default(&before);
    o = before;
    if (redis_url_parse(url, &o, &e))
        check_accepted(&o);
    else
        must(e.text[0] && same(&before, &o));
    mem_free(url);
    return 0;
}
