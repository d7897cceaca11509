/* SPDX-License-Identifier: MIT */
#include "redis/locate.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/timer.h"

struct locate {
    struct event_base *base;
    struct resolver *resolver;
    struct locate_opts opts;
    struct node nodes[LOCATE_NODES_MAX]; /* in a cluster they come and go */
    size_t n, current, tries;
    struct node hint;
    bool hinted;
    struct ask *ask;
    struct timer *soon;
    locate_fn fn;
    void *arg;
};

static void answer_locate(struct locate *l, const struct node *where, const char *why)
{
    const struct node copy = where ? *where : (struct node){.port = 0};
    l->fn(l->arg, where ? &copy : NULL, why);
}

/* --- what they answer ------------------------------------------------------------------------ */

/* {host, port}, both texts; nil when it knows no such master. */
static bool read_master(const redisReply *r, struct node *out)
{
    int64_t port;
    if (r->type != REDIS_REPLY_ARRAY || r->elements != 2 ||
        r->element[0]->type != REDIS_REPLY_STRING || r->element[1]->type != REDIS_REPLY_STRING ||
        r->element[0]->len == 0 || (size_t)r->element[0]->len >= sizeof out->host ||
        !text_int(r->element[1]->str, 1, 65535, &port))
        return false;
    snprintf(out->host, sizeof out->host, "%s", r->element[0]->str);
    out->port = (int)port;
    return true;
}

static void add_node(struct locate *l, const struct node *n)
{
    for (size_t i = 0; i < l->n; i++)
        if (node_equal(&l->nodes[i], n))
            return;
    if (l->n < LOCATE_NODES_MAX)
        l->nodes[l->n++] = *n;
}

/* Who answered first, then those it names, then the configured ones: they may have outlived a
 * change of all the others. */
static void learn_nodes(struct locate *l, const redisReply *slots, const struct node *asked)
{
    struct node found[LOCATE_NODES_MAX];
    size_t n = cluster_nodes(slots, asked, found, LOCATE_NODES_MAX - l->opts.n);
    l->nodes[0] = *asked;
    l->n = 1;
    l->current = 0;
    for (size_t i = 0; i < n; i++)
        add_node(l, &found[i]);
    for (size_t i = 0; i < l->opts.n; i++)
        add_node(l, &l->opts.nodes[i]);
}

static bool read_node_answer(struct locate *l, const redisReply *reply, struct node *out,
                             struct err *e)
{
    const struct node asked = l->nodes[l->current];
    if (reply->type == REDIS_REPLY_ERROR)
        return err_set(e, "%s:%d: %s", asked.host, asked.port, reply->str);
    if (l->opts.topology == TOPOLOGY_SENTINEL)
        return read_master(reply, out) ||
               err_set(e, "%s:%d: knows no master \"%s\"", asked.host, asked.port, l->opts.master);
    if (reply->type != REDIS_REPLY_ARRAY)
        return err_set(e, "%s:%d: not an answer to CLUSTER SLOTS", asked.host, asked.port);
    bool ok = cluster_owner(reply, l->opts.slot, &asked, out);
    if (ok)
        learn_nodes(l, reply, &asked);
    return ok || err_set(e, "%s:%d: nobody serves slot %d", asked.host, asked.port, l->opts.slot);
}

/* --- asking ---------------------------------------------------------------------------------- */

static void ask_next(struct locate *l);

static void on_node_answer(void *arg, redisReply *reply, const char *why)
{
    struct locate *l = arg;
    struct node where;
    struct err e;
    l->ask = NULL;
    if (reply ? read_node_answer(l, reply, &where, &e) : err_set(&e, "%s", why)) {
        answer_locate(l, &where, "");
        return;
    }
    l->current = (l->current + 1) % l->n;
    if (++l->tries < l->n)
        ask_next(l);
    else
        answer_locate(l, NULL, e.text);
}

static void ask_next(struct locate *l)
{
    const struct locate_opts *o = &l->opts;
    const char *const cluster[] = {"CLUSTER", "SLOTS"};
    const char *const sentinel[] = {"SENTINEL", "get-master-addr-by-name", o->master};
    bool in_cluster = o->topology == TOPOLOGY_CLUSTER;
    const char *words[3];
    int n = in_cluster ? 2 : 3;
    memcpy(words, in_cluster ? cluster : sentinel, (size_t)n * sizeof *words);
    char *text = NULL;
    long long len = redisFormatCommandArgv(&text, n, words, NULL);
    assert(len > 0);
    const struct ask_opts ask = {.to = &l->nodes[l->current],
                                 .user = o->user,
                                 .password = o->password,
                                 .tls = o->tls,
                                 .connect_ms = o->timeout_ms,
                                 .answer_ms = o->timeout_ms};
    l->ask = ask_start(l->base, l->resolver, &ask, text, (size_t)len, on_node_answer, l);
    redisFreeCommand(text);
}

static void on_locate_soon(void *arg)
{
    struct locate *l = arg;
    bool unasked = l->opts.topology == TOPOLOGY_SINGLE || l->opts.slot == SLOT_ANY;
    if (l->hinted) {
        l->hinted = false;
        answer_locate(l, &l->hint, "");
    } else if (l->opts.topology != TOPOLOGY_SENTINEL && unasked) {
        size_t i = l->current;
        l->current = (i + 1) % l->n;
        answer_locate(l, &l->nodes[i], "");
    } else {
        ask_next(l);
    }
}

/* --- public ---------------------------------------------------------------------------------- */

struct locate *locate_new(struct event_base *base, struct resolver *resolver,
                          const struct locate_opts *opts)
{
    assert(opts->n >= 1 && opts->n <= LOCATE_NODES_MAX);
    struct locate *l = mem_zalloc(sizeof *l);
    l->base = base;
    l->resolver = resolver;
    l->opts = *opts;
    l->n = opts->n;
    memcpy(l->nodes, opts->nodes, l->n * sizeof *l->nodes);
    l->soon = timer_new(base, on_locate_soon, l);
    return l;
}

void locate_free(struct locate *l)
{
    locate_cancel(l);
    timer_free(l->soon);
    mem_free(l);
}

void locate_start(struct locate *l, locate_fn fn, void *arg)
{
    assert(!l->ask);
    l->fn = fn;
    l->arg = arg;
    l->tries = 0;
    timer_now(l->soon);
}

void locate_cancel(struct locate *l)
{
    if (l->ask)
        ask_cancel(l->ask);
    l->ask = NULL;
    timer_stop(l->soon);
}

void locate_hint(struct locate *l, const struct node *where)
{
    l->hint = *where;
    l->hinted = true;
}
