/* SPDX-License-Identifier: MIT
 * One self-healing connection to Redis: hiredis' formatter and reader over a libevent
 * bufferevent, plain TCP, unix socket or TLS. Connects by itself (names resolved without
 * blocking), to the master that the sentinels name or the owner of a cluster's slot where there
 * are such, authenticates, selects, sees that it is a master, learns version and run id, and only
 * then is UP; when it is lost, every pending command gets a NULL reply and it looks for the way
 * again and reconnects, with back-off and jitter. */
#ifndef PB_REDIS_REDIS_H
#define PB_REDIS_REDIS_H

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "redis/locate.h"

struct resolver;
struct redis;

enum { REDIS_NODES_MAX = 16 };
enum { REDIS_SENTINEL_TLS_AUTO, REDIS_SENTINEL_TLS_ON, REDIS_SENTINEL_TLS_OFF }; /* auto: as tls */

struct redis_opts {
    char host[256], unix_path[108], user[128], password[256];
    int port, db;
    bool tls;
    char ca_file[256], cert_file[256], key_file[256], tls_name[256]; /* tls_name "": the host */
    int connect_timeout_ms,
        command_timeout_ms;              /* 3000, 5000; blocking commands add their own wait */
    int backoff_base_ms, backoff_cap_ms; /* 50, 2000: full jitter */
    int keepalive_s;                     /* 15; 0: none */
    size_t value_max; /* REDIS_VALUE_BYTES: what is longer comes as an error "LARGE …" */

    enum topology topology;             /* SINGLE: host and port, or unix_path */
    struct node nodes[REDIS_NODES_MAX]; /* else: sentinels, or some nodes of the cluster */
    size_t nnodes;
    char master[128]; /* SENTINEL: what they call the master */
    char sentinel_user[128], sentinel_password[256];
    int sentinel_tls;
    int slot;  /* CLUSTER: the connection goes to its owner; SLOT_ANY: to any master */
    bool stay; /* CLUSTER: MOVED is the caller's business, the connection does not follow */
};
void redis_opts_default(struct redis_opts *o);
/* redis://[user[:password]@]host[:port][/db], unix:///path[?db=N],
 * redis+sentinel://[user[:password]@]host[:port],…/master[/db],
 * redis+cluster://[user[:password]@]host[:port],…; rediss for TLS. Percent-decoding in user,
 * password and master. An IPv6 host in brackets. False with e that never shows the password. */
MUST_USE bool redis_url_parse(const char *url, struct redis_opts *o, struct err *e);
/* What may be shown of it: "host", the path, "the sentinels of NAME", "the cluster". */
void redis_opts_describe(const struct redis_opts *o, char *out, size_t room);

enum redis_state {
    REDIS_DOWN,
    REDIS_UP,
    REDIS_UNSUPPORTED
}; /* UNSUPPORTED: server older than 5.0 */
typedef void (*redis_state_fn)(void *arg, enum redis_state state, const char *why);

/* name is for the log ("command", "wait push:jobs"). The state callback comes on every
 * transition, never before redis_new returns. resolver may be NULL: then only addresses work. */
struct redis *redis_new(struct event_base *base, struct resolver *resolver,
                        const struct redis_opts *opts, const char *name, redis_state_fn fn,
                        void *arg);
void redis_free(struct redis *r); /* pending commands get their NULL reply first */

bool redis_is_up(const struct redis *r);
/* Why there is no connection, or was none last; "" while there is one. */
const char *redis_why(const struct redis *r);
const char *redis_run_id(const struct redis *r); /* of the server behind the live connection; "" */
unsigned redis_version(const struct redis *r);   /* 70015 for 7.0.15; 0 unknown */
/* Drops the connection (reconnects at once); e.g. for READONLY, MASTERDOWN or the watchdog. */
void redis_drop(struct redis *r, const char *why);

/* reply is NULL when the connection was lost before it came (the command may or may not have run);
 * an error reply is passed on. It belongs to redis and dies after the callback. Called exactly
 * once, never before redis_command returns. While DOWN the callback comes soon with NULL. In a
 * cluster a command answered with ASK goes where that points, and only the answer from there is
 * passed on. */
typedef void (*redis_reply_fn)(void *arg, redisReply *reply);
void redis_command(struct redis *r, int argc, const char **argv, const size_t *lens,
                   redis_reply_fn fn, void *arg);
/* fn is answered as a command is while DOWN: nothing is sent. */
void redis_unsent(struct redis *r, redis_reply_fn fn, void *arg);
/* For BLMOVE and the like: wait_ms is added to the time limit. */
void redis_command_blocking(struct redis *r, int argc, const char **argv, const size_t *lens,
                            int wait_ms, redis_reply_fn fn, void *arg);

/* A Lua script: EVALSHA, and EVAL once on NOSCRIPT. sha is computed by redis_script_init(). */
struct redis_script {
    const char *name, *source;
    char sha[41];
};
void redis_script_init(struct redis_script *s);
/* args = keys then argv, without EVALSHA, sha and numkeys. */
void redis_eval(struct redis *r, const struct redis_script *s, int nkeys, int nargs,
                const char **args, const size_t *lens, redis_reply_fn fn, void *arg);

#endif
