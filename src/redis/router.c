/* SPDX-License-Identifier: MIT */
#include "redis/router.h"

#include <assert.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/mem.h"

enum {
    MASTERS_MAX = 64,
    ANYBODY = 0, /* index of the connection for slots whose owner is not known yet */
    HOPS_MAX = 4,
    WAITING_MAX = 256,
    WAITING_MAX_MS = 10000,
    LOST_MS = 2000, /* a master that does not come up for so long may have lost its slots */
    ARGS_MAX = 8,
};

/* A command on its way. */
struct hop {
    TAILQ_ENTRY(hop) link;
    struct router *router;
    redis_reply_fn fn;
    void *arg;
    unsigned hops;
    int64_t since_ms;
    int argc;
    const char *argv[ARGS_MAX];
    size_t lens[ARGS_MAX];
};

struct peer {
    struct router *router;
    struct node at;
    struct redis *redis;
    TAILQ_HEAD(, hop) waiting;
};

struct router {
    struct event_base *base;
    struct resolver *resolver;
    struct redis_opts opts;
    struct redis *shared;
    struct peer peers[MASTERS_MAX];
    size_t npeers, nwaiting;
    unsigned char owner[CLUSTER_SLOTS]; /* index of the peer */
    bool closing;
};

static void send_hop(struct hop *h, struct peer *p);

static void hop_end(struct hop *h, redisReply *reply)
{
    redis_reply_fn fn = h->fn;
    void *arg = h->arg;
    mem_free(h);
    fn(arg, reply);
}

static struct hop *waiting_pop(struct peer *p)
{
    struct hop *h = TAILQ_FIRST(&p->waiting);
    if (h) {
        TAILQ_REMOVE(&p->waiting, h, link);
        p->router->nwaiting--;
    }
    return h;
}

/* --- peers ----------------------------------------------------------------------------------- */

/* Nobody is asked twice in vain: what waits for a lost master asks anybody for the way again. */
static void forget_owner(struct peer *p)
{
    struct router *rt = p->router;
    size_t index = (size_t)(p - rt->peers);
    if (index == ANYBODY)
        return;
    for (size_t i = 0; i < CLUSTER_SLOTS; i++)
        if (rt->owner[i] == index)
            rt->owner[i] = ANYBODY;
    struct hop *h;
    while ((h = waiting_pop(p)))
        send_hop(h, &rt->peers[ANYBODY]);
}

static void on_router_state(void *arg, enum redis_state state, const char *why)
{
    (void)why;
    struct peer *p = arg;
    if (state != REDIS_UP) {
        forget_owner(p);
        return;
    }
    for (size_t n = p->router->nwaiting; n; n--) {
        struct hop *h = waiting_pop(p);
        if (!h)
            break;
        send_hop(h, p);
    }
}

static struct peer *peer_set(struct peer *p, struct router *rt, const struct node *at)
{
    struct redis_opts opts = rt->opts;
    opts.slot = SLOT_ANY;
    opts.stay = true;
    if (at) {
        p->at = *at;
        opts.nodes[0] = *at;
        opts.nnodes = 1;
    }
    p->router = rt;
    TAILQ_INIT(&p->waiting);
    p->redis = redis_new(rt->base, rt->resolver, &opts, "reply", on_router_state, p);
    return p;
}

/* Nodes that left the cluster make room for those that came. NULL: too many. */
static struct peer *peer_new(struct router *rt, const struct node *at)
{
    for (size_t i = ANYBODY + 1; i < rt->npeers; i++) {
        struct peer *p = &rt->peers[i];
        if (redis_is_up(p->redis) || !TAILQ_EMPTY(&p->waiting))
            continue;
        forget_owner(p);
        redis_free(p->redis);
        return peer_set(p, rt, at);
    }
    return rt->npeers < MASTERS_MAX ? peer_set(&rt->peers[rt->npeers++], rt, at) : NULL;
}

static struct peer *peer_find(struct router *rt, const struct node *at)
{
    for (size_t i = ANYBODY + 1; i < rt->npeers; i++)
        if (node_equal(&rt->peers[i].at, at))
            return &rt->peers[i];
    return peer_new(rt, at);
}

/* --- the way --------------------------------------------------------------------------------- */

static void on_slots_reply(void *arg, redisReply *reply)
{
    struct hop *h = arg;
    struct router *rt = h->router;
    enum cluster_redirection kind;
    int slot;
    struct node to;
    bool moved = reply && reply->type == REDIS_REPLY_ERROR && !rt->closing && h->hops < HOPS_MAX &&
                 cluster_redirect(reply->str, &rt->opts.nodes[0], &kind, &slot, &to) &&
                 kind == CLUSTER_MOVED;
    struct peer *p = moved ? peer_find(rt, &to) : NULL;
    if (!p) {
        hop_end(h, reply);
        return;
    }
    rt->owner[slot] = (unsigned char)(p - rt->peers);
    send_hop(h, p);
}

static void wait_for_slots(struct hop *h, struct peer *p)
{
    struct router *rt = p->router;
    struct hop *first;
    while ((first = TAILQ_FIRST(&p->waiting)) && h->since_ms - first->since_ms > WAITING_MAX_MS)
        hop_end(waiting_pop(p), NULL);
    if (rt->nwaiting == WAITING_MAX) {
        hop_end(h, NULL);
        return;
    }
    TAILQ_INSERT_TAIL(&p->waiting, h, link);
    rt->nwaiting++;
    if (first && h->since_ms - first->since_ms > LOST_MS)
        forget_owner(p);
}

static void send_hop(struct hop *h, struct peer *p)
{
    if (!redis_is_up(p->redis)) {
        wait_for_slots(h, p);
        return;
    }
    h->hops++;
    redis_command(p->redis, h->argc, h->argv, h->lens, on_slots_reply, h);
}

/* One block: the struct and the bytes. */
static struct hop *hop_new(struct router *rt, int argc, const char **argv, const size_t *lens)
{
    size_t bytes = 0;
    for (int i = 0; i < argc; i++)
        bytes += lens ? lens[i] : strlen(argv[i]);
    struct hop *h = mem_alloc(sizeof *h + bytes);
    char *at = (char *)(h + 1);
    *h = (struct hop){.router = rt, .since_ms = clock_mono_ms(), .argc = argc};
    for (int i = 0; i < argc; i++) {
        h->lens[i] = lens ? lens[i] : strlen(argv[i]);
        memcpy(at, argv[i], h->lens[i]);
        h->argv[i] = at;
        at += h->lens[i];
    }
    return h;
}

/* --- public ---------------------------------------------------------------------------------- */

struct router *router_new(struct event_base *base, struct resolver *resolver,
                          const struct redis_opts *opts, struct redis *shared)
{
    struct router *rt = mem_zalloc(sizeof *rt);
    rt->base = base;
    rt->resolver = resolver;
    rt->opts = *opts;
    rt->shared = shared;
    return rt;
}

void router_free(struct router *rt)
{
    if (!rt)
        return;
    rt->closing = true;
    for (size_t i = 0; i < rt->npeers; i++) {
        struct hop *h;
        while ((h = waiting_pop(&rt->peers[i])))
            hop_end(h, NULL);
        redis_free(rt->peers[i].redis);
    }
    mem_wipe(&rt->opts, sizeof rt->opts);
    mem_free(rt);
}

void router_command(struct router *rt, int argc, const char **argv, const size_t *lens,
                    redis_reply_fn fn, void *arg)
{
    if (rt->shared) {
        redis_command(rt->shared, argc, argv, lens, fn, arg);
        return;
    }
    assert(argc >= 2 && argc <= ARGS_MAX);
    if (!rt->npeers)
        peer_set(&rt->peers[rt->npeers++], rt, NULL);
    struct hop *h = hop_new(rt, argc, argv, lens);
    h->fn = fn;
    h->arg = arg;
    send_hop(h, &rt->peers[rt->owner[cluster_slot(h->argv[1], h->lens[1])]]);
}
