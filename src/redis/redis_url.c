/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "redis/redis.h"
#include "redis/redis_reader.h"

enum { DB_MAX = 1 << 20, PORT_DEFAULT = 6379, SENTINEL_PORT_DEFAULT = 26379 };

/* Messages name the part and never quote it: any part may hold the password of a mistyped URL. */

static bool decode_url_percent(const char *p, size_t len, char *out, size_t room, const char *part,
                               struct err *e)
{
    size_t n = 0;
    for (const char *end = p + len; p < end; n++) {
        if (n + 1 >= room)
            return err_set(e, "redis URL: %s is longer than %zu bytes", part, room - 1);
        if (*p != '%') {
            out[n] = *p++;
            continue;
        }
        int byte = text_hex_byte(p + 1, (size_t)(end - p) - 1);
        if (byte <= 0)
            return err_set(e, "redis URL: wrong percent-encoding in %s", part);
        out[n] = (char)byte;
        p += 3;
    }
    out[n] = '\0';
    return true;
}

static bool copy_url_part(const char *p, size_t len, char *out, size_t room, const char *part,
                          struct err *e)
{
    if (len >= room)
        return err_set(e, "redis URL: %s is longer than %zu bytes", part, room - 1);
    memcpy(out, p, len);
    out[len] = '\0';
    return true;
}

static bool url_number(const char *p, size_t len, int64_t max, int *out, const char *part,
                       struct err *e)
{
    char text[16];
    int64_t n;
    if (len >= sizeof text)
        return err_set(e, "redis URL: %s is not a number up to %lld", part, (long long)max);
    memcpy(text, p, len);
    text[len] = '\0';
    if (!text_int(text, 0, max, &n))
        return err_set(e, "redis URL: %s is not a number up to %lld", part, (long long)max);
    *out = (int)n;
    return true;
}

/* user[:password] */
static bool read_user(const char *p, const char *end, struct redis_opts *o, struct err *e)
{
    const char *colon = memchr(p, ':', (size_t)(end - p));
    const char *user_end = colon ? colon : end;
    if (!decode_url_percent(p, (size_t)(user_end - p), o->user, sizeof o->user, "the user", e))
        return false;
    o->password[0] = '\0';
    return !colon || decode_url_percent(colon + 1, (size_t)(end - colon - 1), o->password,
                                        sizeof o->password, "the password", e);
}

/* host[:port] or [address][:port] */
static bool read_host(const char *p, const char *end, int default_port, struct node *out,
                      struct err *e)
{
    const char *host_end = memchr(p, ':', (size_t)(end - p));
    const char *after = NULL;
    if (p < end && *p == '[') {
        p++;
        host_end = memchr(p, ']', (size_t)(end - p));
        if (!host_end)
            return err_set(e, "redis URL: '[' without ']'");
        after = host_end + 1;
    } else {
        after = host_end = host_end ? host_end : end;
    }
    if (host_end == p)
        return err_set(e, "redis URL: no host");
    if (!copy_url_part(p, (size_t)(host_end - p), out->host, sizeof out->host, "the host", e))
        return false;
    out->port = default_port;
    if (after == end)
        return true;
    if (*after != ':' ||
        !url_number(after + 1, (size_t)(end - after - 1), 65535, &out->port, "the port", e) ||
        out->port == 0)
        return err_set(e, "redis URL: the port is not a number from 1 to 65535");
    return true;
}

static bool read_query(const char *query, struct redis_opts *o, struct err *e)
{
    if (!text_starts(query, "db="))
        return err_set(e, "redis URL: only db=N may follow '?'");
    return url_number(query + 3, strlen(query + 3), DB_MAX, &o->db, "db", e);
}

static bool read_tcp(const char *p, struct redis_opts *o, struct err *e)
{
    const char *end = p + strcspn(p, "/?");
    const char *at = memrchr(p, '@', (size_t)(end - p));
    if (at && !read_user(p, at, o, e))
        return false;
    struct node n;
    if (!read_host(at ? at + 1 : p, end, PORT_DEFAULT, &n, e))
        return false;
    memcpy(o->host, n.host, sizeof o->host);
    o->port = n.port;
    size_t digits = *end == '/' ? strcspn(end + 1, "?") : 0;
    if (digits && !url_number(end + 1, digits, DB_MAX, &o->db, "the database", e))
        return false;
    const char *query = strchr(end, '?');
    return !query || read_query(query + 1, o, e);
}

/* [user[:password]@]host[:port],… ; *rest is what follows. */
static bool read_hosts(const char *p, int default_port, struct redis_opts *o, const char **rest,
                       struct err *e)
{
    const char *end = p + strcspn(p, "/?");
    const char *at = memrchr(p, '@', (size_t)(end - p));
    if (at && !read_user(p, at, o, e))
        return false;
    *rest = end;
    for (p = at ? at + 1 : p; p; o->nnodes++) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        if (o->nnodes == REDIS_NODES_MAX)
            return err_set(e, "redis URL: more than %d hosts", REDIS_NODES_MAX);
        if (!read_host(p, comma ? comma : end, default_port, &o->nodes[o->nnodes], e))
            return false;
        p = comma ? comma + 1 : NULL;
    }
    return true;
}

/* …/master[/db] */
static bool read_sentinel(const char *p, struct redis_opts *o, struct err *e)
{
    o->topology = TOPOLOGY_SENTINEL;
    if (!read_hosts(p, SENTINEL_PORT_DEFAULT, o, &p, e))
        return false;
    const char *name = *p == '/' ? p + 1 : p;
    size_t len = *p == '/' ? strcspn(name, "/?") : 0;
    if (!len)
        return err_set(e, "redis URL: no name of the master after the sentinels");
    if (!decode_url_percent(name, len, o->master, sizeof o->master, "the master's name", e))
        return false;
    p = name + len;
    size_t digits = *p == '/' ? strcspn(p + 1, "?") : 0;
    if (digits && !url_number(p + 1, digits, DB_MAX, &o->db, "the database", e))
        return false;
    const char *query = strchr(p, '?');
    return !query || read_query(query + 1, o, e);
}

static bool read_cluster(const char *p, struct redis_opts *o, struct err *e)
{
    o->topology = TOPOLOGY_CLUSTER;
    if (!read_hosts(p, PORT_DEFAULT, o, &p, e))
        return false;
    if (*p && strcmp(p, "/") != 0 && strcmp(p, "/0") != 0)
        return err_set(e, "redis URL: a cluster has the database 0 only");
    return true;
}

static bool read_unix(const char *p, struct redis_opts *o, struct err *e)
{
    if (*p != '/') {
        const char *at = strchr(p, '@');
        if (!at || at[1] != '/')
            return err_set(e, "redis URL: unix:// needs an absolute path");
        if (!read_user(p, at, o, e))
            return false;
        p = at + 1;
    }
    size_t len = strcspn(p, "?");
    if (!decode_url_percent(p, len, o->unix_path, sizeof o->unix_path, "the path", e))
        return false;
    return p[len] == '\0' || read_query(p + len + 1, o, e);
}

/* --- public ---------------------------------------------------------------------------------- */

void redis_opts_default(struct redis_opts *o)
{
    *o = (struct redis_opts){.host = "127.0.0.1",
                             .port = PORT_DEFAULT,
                             .connect_timeout_ms = 3000,
                             .command_timeout_ms = 5000,
                             .backoff_base_ms = 50,
                             .backoff_cap_ms = 2000,
                             .keepalive_s = 15,
                             .value_max = REDIS_VALUE_BYTES,
                             .slot = SLOT_ANY};
}

static const struct scheme {
    const char *name;
    bool tls;
    bool (*read)(const char *rest, struct redis_opts *o, struct err *e);
} schemes[] = {
    {"redis://", false, read_tcp},
    {"rediss://", true, read_tcp},
    {"redis+sentinel://", false, read_sentinel},
    {"rediss+sentinel://", true, read_sentinel},
    {"redis+cluster://", false, read_cluster},
    {"rediss+cluster://", true, read_cluster},
    {"unix://", false, read_unix},
};

bool redis_url_parse(const char *url, struct redis_opts *o, struct err *e)
{
    struct redis_opts out = *o;
    const struct scheme *scheme = NULL;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (text_starts(url, schemes[i].name))
            scheme = &schemes[i];
    if (!scheme)
        return err_set(e, "redis URL: must begin with redis://, rediss:// or unix://, or with one "
                          "of the first two and +sentinel or +cluster");
    out.tls = scheme->tls;
    out.topology = TOPOLOGY_SINGLE;
    out.db = 0;
    out.nnodes = 0;
    out.unix_path[0] = out.master[0] = '\0';
    bool ok = scheme->read(url + strlen(scheme->name), &out, e);
    if (ok)
        *o = out;
    mem_wipe(&out, sizeof out);
    return ok;
}

void redis_opts_describe(const struct redis_opts *o, char *out, size_t room)
{
    if (o->topology == TOPOLOGY_SENTINEL)
        snprintf(out, room, "the master \"%s\" of the sentinels at %s …", o->master,
                 o->nodes[0].host);
    else if (o->topology == TOPOLOGY_CLUSTER)
        snprintf(out, room, "the cluster of %s …", o->nodes[0].host);
    else
        snprintf(out, room, "%s", o->unix_path[0] ? o->unix_path : o->host);
}
