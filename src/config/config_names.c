/* SPDX-License-Identifier: MIT */
#include "config/config_names.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "queue/queue.h"

/* The keys behind "K:" (see queue.h); those that end with ':' begin as many as there are names. */
static const char *const inner[] = {
    "due",  "batch",  "member", "oversize", "count",  "workers", "run",    "v",     "apps",
    "stat", "config", "flow",   "control",  "inbox:", "parked:", "ready:", "seen:", "told:",
};
enum {
    KEY_MAX = 8192,
    INNER = sizeof inner / sizeof inner[0],
    OWN_MAX = CONFIG_QUEUES_MAX * (3 + INNER) + 1
};

enum role { ROLE_QUEUE, ROLE_RESULTS, ROLE_DEAD, ROLE_INNER, ROLE_REPLY };

/* One key, or all that begin so. */
struct own {
    enum role role;
    const char *queue; /* NULL: of none */
    char *key;
    bool begins;
};

struct owns {
    struct own v[OWN_MAX];
    size_t n;
};

static void add_own(struct owns *all, enum role role, const char *queue, char *key, bool begins)
{
    all->v[all->n++] = (struct own){role, queue, key, begins};
}

static void add_queue(struct owns *all, const struct config *c, const char *queue)
{
    char *prefix = queue_prefix(queue);
    add_own(all, ROLE_QUEUE, queue, mem_strdup(queue), false);
    add_own(all, ROLE_RESULTS, queue, config_queue_key(c->queue_results, queue), false);
    add_own(all, ROLE_DEAD, queue, config_queue_key(c->queue_dead, queue), false);
    for (size_t i = 0; i < INNER; i++) {
        struct buf key;
        buf_init(&key, KEY_MAX);
        buf_printf(&key, "%s:%s", prefix, inner[i]);
        add_own(all, ROLE_INNER, queue, buf_take(&key), text_ends(inner[i], ":"));
    }
    mem_free(prefix);
}

static bool overlap(const struct own *a, const struct own *b)
{
    if (a->role == b->role && (a->role == ROLE_RESULTS || a->role == ROLE_DEAD))
        return false; /* queues may share a list */
    return (a->begins && text_starts(b->key, a->key)) ||
           (b->begins && text_starts(a->key, b->key)) || strcmp(a->key, b->key) == 0;
}

static void describe_own(const struct own *o, char *out, size_t room)
{
    static const char *const roles[] = {[ROLE_QUEUE] = "the queue",
                                        [ROLE_RESULTS] = "queue.results of",
                                        [ROLE_DEAD] = "queue.dead of",
                                        [ROLE_INNER] = "keys of the queue",
                                        [ROLE_REPLY] = "reply.prefix"};
    snprintf(out, room, "%s \"%.64s\"", roles[o->role], o->queue ? o->queue : o->key);
}

static bool refuse_overlap(const struct own *a, const struct own *b, struct err *e)
{
    char one[96], other[96];
    const struct own *key = b->begins ? a : b;
    describe_own(a, one, sizeof one);
    describe_own(b, other, sizeof other);
    return err_set(e, "%s and %s overlap: \"%.64s\" would belong to both", one, other, key->key);
}

static bool check_overlaps(const struct owns *all, struct err *e)
{
    for (size_t i = 0; i < all->n; i++)
        for (size_t k = i + 1; k < all->n; k++)
            if (overlap(&all->v[i], &all->v[k]))
                return refuse_overlap(&all->v[i], &all->v[k], e);
    return true;
}

bool config_names_check(const struct config *c, struct err *e)
{
    struct owns *all = mem_zalloc(sizeof *all);
    for (size_t i = 0; i < c->nqueues; i++)
        add_queue(all, c, c->queue_names[i]);
    add_own(all, ROLE_REPLY, NULL, mem_strdup(c->job_limits.reply_prefix), true);
    bool ok = check_overlaps(all, e);
    for (size_t i = 0; i < all->n; i++)
        mem_free(all->v[i].key);
    mem_free(all);
    return ok;
}
