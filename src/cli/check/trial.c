/* SPDX-License-Identifier: MIT */
#include "cli/check/trial.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "fleet/fleet_store.h"

/* --- one command ----------------------------------------------------------------------------- */

static enum answer classify(const char *error)
{
    if (strstr(error, "WRONGTYPE") || text_starts(error, "NOSCRIPT"))
        return ANSWER_GRANTED;
    if (text_starts(error, "ERR unknown "))
        return ANSWER_REFUSED_COMMAND; /* renamed */
    if (!text_starts(error, "NOPERM"))
        return ANSWER_FAILED;
    return strstr(error, " run ") ? ANSWER_REFUSED_COMMAND : ANSWER_REFUSED_KEY;
}

static void on_trial_answer(void *arg, redisReply *reply)
{
    struct answered *a = arg;
    bool error = reply && reply->type == REDIS_REPLY_ERROR;
    a->how = !reply ? ANSWER_NONE : error ? classify(reply->str) : ANSWER_GRANTED;
    a->no_script = error && text_starts(reply->str, "NOSCRIPT");
    snprintf(a->why, sizeof a->why, "%s", error ? reply->str : "");
}

static void give_up(struct trial *t, const char *command, const char *why)
{
    t->gone = true;
    report_add(t->report, FINDING_ERROR, "redis.rights", "mend it, look again",
               "not all could be tried: %s: %s", command, why);
}

struct answered trial_run(struct trial *t, int argc, const char **argv)
{
    enum { BLOCKED_MS = 1000 }; /* should a blocking command find its key gone */
    struct answered a = {.how = ANSWER_NONE};
    if (t->gone)
        return a;
    link_command(t->link, argc, argv, NULL, BLOCKED_MS, on_trial_answer, &a);
    if (a.how == ANSWER_NONE)
        give_up(t, argv[0], "the connection was lost");
    return a;
}

/* --- keys ------------------------------------------------------------------------------------ */

/* Reading a length and deleting no field: whatever stands there, neither changes it. */
static const struct touch_kind {
    int argc;
    const char *command, *argument, *done;
} kinds[] = {{2, "LLEN", NULL, "read"}, {3, "HDEL", "", "written"}};
enum { KINDS = sizeof kinds / sizeof kinds[0], NAMES_MAX = 1500, PATTERN_SIZE = 300 };

/* The queue's own keys have one pattern, and therefore one finding. */
struct keys {
    struct trial *trial;
    const struct touch_kind *kind;
    char *own; /* what the queue's own begin with */
    size_t tried, refused;
    struct buf names;
    char why[TRIAL_WHY_SIZE]; /* of the names */
};

static void report_refused(const struct keys *k, const char *names, const char *pattern,
                           const char *why)
{
    char advice[PATTERN_SIZE + 64];
    snprintf(advice, sizeof advice, "grant ~%.*s: %s", PATTERN_SIZE, pattern, TRIAL_RULE);
    report_add(k->trial->report, FINDING_ERROR, "redis.rights", advice, "cannot be %s: %s (%s)",
               k->kind->done, names, why);
}

/* True when it was refused; that the command is, is found elsewhere. */
static bool key_is_refused(struct keys *k, const char *key, char why[TRIAL_WHY_SIZE])
{
    const char *argv[] = {k->kind->command, key, k->kind->argument};
    struct answered a = trial_run(k->trial, k->kind->argc, argv);
    bool refused = a.how == ANSWER_REFUSED_KEY;
    if (a.how == ANSWER_FAILED) /* not about this key: the server takes no writes, or the like */
        give_up(k->trial, argv[0], a.why);
    k->tried++;
    k->refused += refused;
    memcpy(why, a.why, sizeof a.why);
    return refused;
}

static void try_key(void *arg, const char *key)
{
    struct keys *k = arg;
    char why[TRIAL_WHY_SIZE];
    if (!key_is_refused(k, key, why))
        return;
    if (!text_starts(key, k->own)) {
        report_refused(k, key, key, why);
        return;
    }
    buf_puts(&k->names, k->names.len ? ", " : "");
    buf_puts(&k->names, key);
    memcpy(k->why, why, sizeof k->why);
}

static void try_fleet_key(struct keys *k, const char *queue, const char *kind)
{
    char *key = fleet_store_key(queue, kind);
    try_key(k, key);
    mem_free(key);
}

/* Of a reply list in this queue's slot; what owners of other slots grant cannot be seen here. */
static void try_reply_key(struct keys *k, const char *queue)
{
    const struct config *c = k->trial->config;
    const char *prefix = c->job_limits.reply_prefix;
    char key[1024], why[TRIAL_WHY_SIZE], pattern[PATTERN_SIZE];
    snprintf(key, sizeof key, "%s%s", prefix, k->own);
    bool elsewhere = c->redis.topology == TOPOLOGY_CLUSTER &&
                     cluster_slot(key, strlen(key)) != cluster_slot(queue, strlen(queue));
    if (elsewhere || !key_is_refused(k, key, why))
        return;
    snprintf(pattern, sizeof pattern, "%s*", prefix);
    report_refused(k, key, pattern, why);
}

static void try_kind(struct keys *k, struct queue *q, bool first)
{
    char pattern[PATTERN_SIZE];
    buf_reset(&k->names);
    queue_each_key(q, "check", try_key, k);
    if (first) {
        try_fleet_key(k, queue_name(q), "flow");
        try_fleet_key(k, queue_name(q), "control");
    }
    try_reply_key(k, queue_name(q));
    if (!k->names.len)
        return;
    snprintf(pattern, sizeof pattern, "%.256s*", k->own);
    report_refused(k, buf_text(&k->names), pattern, k->why);
}

void trial_keys(struct trial *t, const char *queue, bool first)
{
    struct queue *q = link_queue(t->link, t->config, queue);
    struct keys k = {.trial = t, .own = fleet_store_key(queue, "")};
    buf_init(&k.names, NAMES_MAX);
    for (size_t i = 0; i < KINDS; i++) {
        k.kind = &kinds[i];
        try_kind(&k, q, first);
    }
    if (!k.refused && !t->gone)
        report_add(t->report, FINDING_OK, "redis.rights", NULL,
                   "queue %s: %zu kinds of keys read and written", queue, k.tried / KINDS);
    buf_free(&k.names);
    mem_free(k.own);
    queue_free(q);
}
