/* SPDX-License-Identifier: MIT */
#include "fleet/fleet_store.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/minmax.h"
#include "base/number.h"
#include "queue/command.h"
#include "queue/queue.h"

enum {
    KEY_MAX = 8192,
    CIRCUIT_WAIT_MAX_MS = 60 * 1000 /* the longest that a worker writes */
};

struct fleet_store {
    struct redis *redis;
    char *keys[QUEUE_KEYS_KNOWN]; /* FLOW, CONTROL and WORKERS */
    char *told, *worker;
    int64_t version;
    bool trouble, shut;
};

static void begin_script(const struct fleet_store *s, struct command *c, enum script which)
{
    command_script(c, which, (const char *const *)s->keys);
}

static void send_command(struct fleet_store *s, struct command *c, redis_reply_fn fn, void *arg)
{
    if (s->shut) {
        command_free(c);
        redis_unsent(s->redis, fn, arg);
    } else {
        command_send(c, s->redis, fn, arg);
    }
}

/* --- life ------------------------------------------------------------------------------------ */

char *fleet_store_key(const char *queue, const char *kind)
{
    struct buf b;
    char *prefix = queue_prefix(queue);
    buf_init(&b, KEY_MAX);
    buf_printf(&b, "%s:%s", prefix, kind);
    mem_free(prefix);
    return buf_take(&b);
}

struct fleet_store *fleet_store_new(struct redis *r, const char *queue, const char *worker)
{
    struct fleet_store *s = mem_zalloc(sizeof *s);
    s->redis = r;
    s->keys[QUEUE_KEY_FLOW] = fleet_store_key(queue, "flow");
    s->keys[QUEUE_KEY_CONTROL] = fleet_store_key(queue, "control");
    s->keys[QUEUE_KEY_WORKERS] = fleet_store_key(queue, "workers");
    s->told = fleet_store_key(queue, "told:");
    s->worker = mem_strdup(worker);
    s->version = -1;
    return s;
}

void fleet_store_free(struct fleet_store *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < QUEUE_KEYS_KNOWN; i++)
        mem_free(s->keys[i]);
    mem_free(s->told);
    mem_free(s->worker);
    mem_free(s);
}

int64_t fleet_store_version(const struct fleet_store *s)
{
    return s->version;
}

void fleet_store_shut(struct fleet_store *s, bool shut)
{
    s->shut = shut;
}

bool fleet_store_refused(const struct fleet_store *s)
{
    return s->trouble;
}

/* --- replies --------------------------------------------------------------------------------- */

static int64_t reply_number(const redisReply *array, size_t i)
{
    const redisReply *e = array->element[i];
    return e->type == REDIS_REPLY_INTEGER ? number_bounded(e->integer) : 0;
}

static void note_store_trouble(struct fleet_store *s, const char *what, const char *error)
{
    metrics_add(METRIC_FLOW_ERRORS, 1);
    if (!s->trouble)
        log_error("event=flow_refused step=%s error=%s", what, log_value(error));
    s->trouble = true;
}

/* Where the answers of all these scripts have them. */
enum { NOW = FLOW_REPLY_NOW, VERSION = FLOW_REPLY_VERSION };
static_assert((int)NOW == (int)CONTROL_REPLY_NOW && (int)VERSION == (int)CONTROL_REPLY_VERSION &&
                  (int)NOW == (int)CIRCUIT_REPLY_NOW &&
                  (int)VERSION == (int)CIRCUIT_REPLY_VERSION && (int)NOW == (int)VOTE_REPLY_NOW &&
                  (int)VERSION == (int)VOTE_REPLY_VERSION && (int)NOW == (int)SENT_REPLY_NOW &&
                  (int)VERSION == (int)SENT_REPLY_VERSION,
              "now and version come first");

/* An array of now, version, and at least n elements; keeps the version. */
static bool store_answered(struct fleet_store *s, const char *what, const redisReply *reply,
                           size_t n)
{
    if (!reply)
        return false;
    if (reply->type == REDIS_REPLY_ERROR) {
        note_store_trouble(s, what, reply->str);
        return false;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < n || reply_number(reply, NOW) <= 0) {
        note_store_trouble(s, what, "unexpected shape of the reply");
        return false;
    }
    if (s->trouble)
        log_info("event=flow_accepted step=%s", what);
    s->trouble = false;
    s->version = reply_number(reply, VERSION);
    return true;
}

/* --- tokens ---------------------------------------------------------------------------------- */

struct asking {
    struct fleet_store *store;
    size_t n;
    limit_grants_fn fn;
    void *arg;
};

/* The script has put them right: it is told once. */
static void note_repaired(int64_t n)
{
    if (!n)
        return;
    metrics_add(METRIC_FLOW_REPAIRED, n);
    log_error("event=limit_repaired values=%lld", (long long)n);
}

static void on_grants_answer(void *arg, redisReply *reply)
{
    struct asking a = *(struct asking *)arg;
    struct limit_grant grants[LIMIT_ASKS_MAX];
    mem_free(arg);
    const size_t repaired = FLOW_REPLY_FIXED + FLOW_REPLY_WIDTH * a.n;
    if (!store_answered(a.store, "tokens", reply, repaired + 1)) {
        a.fn(a.arg, NULL);
        return;
    }
    note_repaired(reply_number(reply, repaired));
    for (size_t i = 0; i < a.n; i++) {
        size_t at = FLOW_REPLY_WIDTH * i;
        grants[i] = (struct limit_grant){.granted = reply_number(reply, at + FLOW_REPLY_GRANTED),
                                         .wait_ms = reply_number(reply, at + FLOW_REPLY_WAIT),
                                         .rest_ms = reply_number(reply, at + FLOW_REPLY_REST),
                                         .passed = reply_number(reply, at + FLOW_REPLY_PASSED),
                                         .turns = reply_number(reply, at + FLOW_REPLY_TURNS),
                                         .who = reply_number(reply, at + FLOW_REPLY_WHO)};
    }
    a.fn(a.arg, grants);
}

static void set_report(struct command *c, const struct limit_report *r)
{
    command_set_int(c, FLOW_ARGV_THROUGH, r->through);
    command_set_int(c, FLOW_ARGV_THROTTLED, r->throttled);
    command_set_int(c, FLOW_ARGV_FIRST, r->first);
    command_set_int(c, FLOW_ARGV_LAST, r->last);
    if (r->hint_ms > 0)
        command_set_int(c, FLOW_ARGV_HINT, r->hint_ms);
    else
        command_set(c, FLOW_ARGV_HINT, "");
    command_set_int(c, FLOW_ARGV_AGE, r->age_ms);
}

void fleet_store_ask(struct fleet_store *s, const struct limit_ask *asks, size_t n,
                     limit_grants_fn fn, void *arg)
{
    struct command c;
    assert(n && n <= LIMIT_ASKS_MAX);
    begin_script(s, &c, SCRIPT_FLOW);
    for (size_t i = 0; i < n; i++) {
        command_group(&c);
        command_set(&c, FLOW_ARGV_NAME, asks[i].name);
        command_set_real(&c, FLOW_ARGV_RATE, asks[i].rate);
        command_set_real(&c, FLOW_ARGV_BURST, asks[i].burst);
        command_set_int(&c, FLOW_ARGV_WANT, asks[i].want);
        command_set_int(&c, FLOW_ARGV_BACK, asks[i].back);
        set_report(&c, &asks[i].report);
    }
    struct asking *asking = mem_alloc(sizeof *asking);
    *asking = (struct asking){s, n, fn, arg};
    metrics_add(METRIC_FLOW_ASKS, 1);
    send_command(s, &c, on_grants_answer, asking);
}

/* --- control --------------------------------------------------------------------------------- */

struct syncing {
    struct fleet_store *store;
    int64_t seen;
    fleet_state_fn fn;
    void *arg;
};

static bool are_all_texts(const redisReply *reply, size_t from)
{
    for (size_t i = from; i < reply->elements; i++)
        if (reply->element[i]->type != REDIS_REPLY_STRING)
            return false;
    return true;
}

static void on_state_answer(void *arg, redisReply *reply)
{
    struct syncing x = *(struct syncing *)arg;
    mem_free(arg);
    if (!store_answered(x.store, "control", reply, CONTROL_REPLY_FIXED) ||
        !are_all_texts(reply, CONTROL_REPLY_FIELD)) {
        x.fn(x.arg, NULL);
        return;
    }
    const struct fleet_state control = {
        .now_ms = reply_number(reply, NOW),
        .version = reply_number(reply, VERSION),
        .changed = reply_number(reply, VERSION) != x.seen,
        .n = (reply->elements - CONTROL_REPLY_FIXED) / CONTROL_REPLY_WIDTH,
        .pairs = (const redisReply *const *)reply->element + CONTROL_REPLY_FIELD,
    };
    x.fn(x.arg, &control);
}

void fleet_store_sync(struct fleet_store *s, int64_t seen, fleet_state_fn fn, void *arg)
{
    struct command c;
    begin_script(s, &c, SCRIPT_CONTROL);
    command_set_int(&c, CONTROL_ARGV_SEEN, seen);
    struct syncing *x = mem_alloc(sizeof *x);
    *x = (struct syncing){s, seen, fn, arg};
    send_command(s, &c, on_state_answer, x);
}

/* --- circuits -------------------------------------------------------------------------------- */

struct circuit_call {
    struct fleet_store *store;
    circuit_view_fn fn;
    void *arg;
};

/* Times that lie beyond all that a worker writes are cut to that. */
static void read_failed_jobs(const char *text, int64_t now_ms, struct circuit_view *out)
{
    char wait[COMMAND_NUMBER_SIZE], at[COMMAND_NUMBER_SIZE], job[17];
    int used = 0;
    if (sscanf(text, "%31[0-9] %31[0-9]%n", wait, at, &used) < 2)
        return;
    out->again_ms = min_int(number_read(wait), CIRCUIT_WAIT_MAX_MS);
    out->again_at_ms = min_int(number_read(at), now_ms + CIRCUIT_WAIT_MAX_MS);
    for (text += used;
         out->nfailed < CIRCUIT_JOBS_MAX && sscanf(text, " %16[0-9a-f]%n", job, &used) == 1;
         text += used)
        out->failed[out->nfailed++] = strtoull(job, NULL, 16);
}

void fleet_store_read_circuit(const struct fleet_store *s, const char *text, const char *failed,
                              int64_t now_ms, struct circuit_view *out)
{
    char word[4][COMMAND_NUMBER_SIZE], holder[160];
    int why = 0;
    *out = (struct circuit_view){.now_ms = now_ms};
    if (sscanf(text, "%31[0-9] %31[0-9] %159s %31[0-9] %31[0-9] %n", word[0], word[1], holder,
               word[2], word[3], &why) < 5 ||
        !why)
        return;
    int64_t wait = min_int(number_read(word[0]), CIRCUIT_WAIT_MAX_MS);
    int64_t at = min_int(number_read(word[1]), now_ms + wait);
    int64_t till = min_int(number_read(word[2]), now_ms + CIRCUIT_WAIT_MAX_MS);
    /* While another worker probes, its lease is what we wait for. */
    bool others = strcmp(holder, "-") != 0 && (!s || strcmp(holder, s->worker) != 0);
    *out = (struct circuit_view){.now_ms = now_ms,
                                 .open = true,
                                 .probed = others && till > now_ms,
                                 .wait_ms = wait,
                                 .probe_at_ms = others && till > at ? till : at,
                                 .since_ms = min_int(number_read(word[3]), now_ms),
                                 .why = text + why};
    read_failed_jobs(failed, now_ms, out);
}

static void on_circuit_answer(void *arg, redisReply *reply)
{
    struct circuit_call x = *(struct circuit_call *)arg;
    struct circuit_view share;
    mem_free(arg);
    if (!store_answered(x.store, "circuit", reply, CIRCUIT_REPLY_FIXED) ||
        !are_all_texts(reply, CIRCUIT_REPLY_CIRCUIT)) {
        x.fn(x.arg, NULL);
        return;
    }
    fleet_store_read_circuit(x.store, reply->element[CIRCUIT_REPLY_CIRCUIT]->str,
                             reply->element[CIRCUIT_REPLY_FAILED]->str, reply_number(reply, NOW),
                             &share);
    share.mine = reply_number(reply, CIRCUIT_REPLY_MINE) == 1;
    x.fn(x.arg, &share);
}

void fleet_store_circuit(struct fleet_store *s, const struct circuit_ask *ask, circuit_view_fn fn,
                         void *arg)
{
    static const char *const names[] = {[CIRCUIT_OP_OPEN] = "open",
                                        [CIRCUIT_OP_PROBE] = "probe",
                                        [CIRCUIT_OP_FAILED] = "failed",
                                        [CIRCUIT_OP_LOST] = "lost",
                                        [CIRCUIT_OP_CLOSE] = "close"};
    struct command c;
    char job[20];
    snprintf(job, sizeof job, "%" PRIx64, ask->job);
    begin_script(s, &c, SCRIPT_CIRCUIT);
    command_set(&c, CIRCUIT_ARGV_APP, ask->app);
    command_set(&c, CIRCUIT_ARGV_WORKER, s->worker);
    command_set(&c, CIRCUIT_ARGV_OP, names[ask->op]);
    command_set_int(&c, CIRCUIT_ARGV_BASE_MS, ask->base_ms);
    command_set_int(&c, CIRCUIT_ARGV_CAP_MS, ask->cap_ms);
    command_set_int(&c, CIRCUIT_ARGV_LEASE_MS, ask->lease_ms);
    command_set_int(&c, CIRCUIT_ARGV_SINCE, ask->since_ms);
    command_set(&c, CIRCUIT_ARGV_WHY, ask->why && *ask->why ? ask->why : "-");
    command_set(&c, CIRCUIT_ARGV_JOB, job);
    command_set_int(&c, CIRCUIT_ARGV_PATIENCE_MS, ask->patience_ms);
    command_set_int(&c, CIRCUIT_ARGV_JOBS_MAX, CIRCUIT_JOBS_MAX);
    struct circuit_call *x = mem_alloc(sizeof *x);
    *x = (struct circuit_call){s, fn, arg};
    send_command(s, &c, on_circuit_answer, x);
}

/* --- votes ----------------------------------------------------------------------------------- */

struct voting {
    struct fleet_store *store;
    fleet_vote_fn fn; /* NULL: nobody waits for it */
    void *arg;
};

static void on_vote_answer(void *arg, redisReply *reply)
{
    struct voting x = *(struct voting *)arg;
    mem_free(arg);
    bool ok = store_answered(x.store, "vote", reply, VOTE_REPLY_FIXED);
    if (!x.fn)
        return;
    enum fleet_vote vote = !ok                                           ? FLEET_VOTE_UNANSWERED
                           : reply_number(reply, VOTE_REPLY_AGREED) == 1 ? FLEET_VOTE_AGREED
                                                                         : FLEET_VOTE_ALONE;
    x.fn(x.arg, vote, ok ? reply_number(reply, NOW) : 0);
}

static void send_vote(struct fleet_store *s, const char *app, const char *op, int64_t ttl_ms,
                      fleet_vote_fn fn, void *arg)
{
    struct command c;
    begin_script(s, &c, SCRIPT_VOTE);
    command_set(&c, VOTE_ARGV_APP, app);
    command_set(&c, VOTE_ARGV_WORKER, s->worker);
    command_set(&c, VOTE_ARGV_OP, op);
    command_set_int(&c, VOTE_ARGV_TTL_MS, ttl_ms);
    struct voting *x = mem_alloc(sizeof *x);
    *x = (struct voting){s, fn, arg};
    send_command(s, &c, on_vote_answer, x);
}

void fleet_store_vote(struct fleet_store *s, const char *app, int64_t ttl_ms, fleet_vote_fn fn,
                      void *arg)
{
    send_vote(s, app, "vote", ttl_ms, fn, arg);
}

void fleet_store_well(struct fleet_store *s, const char *app)
{
    send_vote(s, app, "well", 0, NULL, NULL);
}

/* --- what was let through -------------------------------------------------------------------- */

struct telling {
    struct fleet_store *store;
    size_t n;
    fleet_sent_fn fn;
    void *arg;
};

static void on_sent_answer(void *arg, redisReply *reply)
{
    struct telling x = *(struct telling *)arg;
    int64_t last[FLEET_SENT_MAX];
    mem_free(arg);
    bool ok = store_answered(x.store, "sent", reply, SENT_REPLY_FIXED + x.n);
    for (size_t i = 0; ok && i < x.n; i++)
        last[i] = reply_number(reply, SENT_REPLY_LAST + i);
    x.fn(x.arg, ok ? last : NULL);
}

void fleet_store_sent(struct fleet_store *s, const struct fleet_sent *apps, size_t n,
                      fleet_sent_fn fn, void *arg)
{
    struct command c;
    assert(n && n <= FLEET_SENT_MAX);
    begin_script(s, &c, SCRIPT_SENT);
    for (size_t i = 0; i < n; i++) {
        command_group(&c);
        command_set(&c, SENT_ARGV_APP, apps[i].app);
        command_set_int(&c, SENT_ARGV_LAST, apps[i].ms);
    }
    struct telling *x = mem_alloc(sizeof *x);
    *x = (struct telling){s, n, fn, arg};
    send_command(s, &c, on_sent_answer, x);
}

/* --- what is said once ----------------------------------------------------------------------- */

struct told {
    fleet_told_fn fn; /* NULL: nobody waits for it */
    void *arg;
};

static void on_told_answer(void *arg, redisReply *reply)
{
    struct told x = *(struct told *)arg;
    mem_free(arg);
    if (x.fn)
        x.fn(x.arg, !reply || reply->type != REDIS_REPLY_NIL);
}

static void send_told(struct fleet_store *s, const char *what, int64_t ttl_ms, const char *unless,
                      const struct told *told)
{
    struct command c;
    struct buf key;
    buf_init(&key, KEY_MAX);
    buf_printf(&key, "%s%s", s->told, what);
    command_begin(&c);
    command_add(&c, "SET");
    command_add(&c, buf_text(&key));
    command_add(&c, s->worker);
    command_add(&c, "PX");
    command_add_int(&c, ttl_ms);
    if (unless)
        command_add(&c, unless);
    struct told *x = mem_alloc(sizeof *x);
    *x = *told;
    send_command(s, &c, on_told_answer, x);
    buf_free(&key);
}

void fleet_store_tell(struct fleet_store *s, const char *what, int64_t ttl_ms, fleet_told_fn fn,
                      void *arg)
{
    send_told(s, what, ttl_ms, "NX", &(struct told){fn, arg});
}

/* There is no right to remove keys, so it ends at once. */
void fleet_store_untell(struct fleet_store *s, const char *what)
{
    send_told(s, what, 1, NULL, &(struct told){NULL, NULL});
}
