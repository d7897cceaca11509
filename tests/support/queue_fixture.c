/* SPDX-License-Identifier: MIT */
#include "support/queue_fixture.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "support/cmocka.h"
#include "support/pump.h"

struct redis_server server;
struct event_base *base;
static redisContext *client;

int fixture_start(void **state)
{
    (void)state;
    log_threshold = LOG_ERROR;
    base = event_base_new();
    /* Never everysec: while a slow disk syncs, it holds back up to 2 s of what was answered, and a
     * killed server loses them. */
    static const char *const options[] = {"--appendonly", "yes", "--appendfsync", "no", NULL};
    redis_server_start(&server, options);
    return 0;
}

int fixture_stop(void **state)
{
    (void)state;
    redisFree(client);
    redis_server_stop(&server);
    event_base_free(base);
    return 0;
}

static redisReply *command(const char *format, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    redisReply *reply = client && !client->err ? redisvCommand(client, format, ap) : NULL;
    if (!reply) { /* the first one, or the server was restarted */
        redisFree(client);
        client = redis_server_connect(&server);
        reply = redisvCommand(client, format, again);
    }
    va_end(again);
    if (!reply)
        fail_msg("redis: %s", client->errstr);
    return reply;
}

redisReply *cli(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    redisReply *reply = command(format, ap);
    va_end(ap);
    return reply;
}

long long cli_int(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    redisReply *reply = command(format, ap);
    va_end(ap);
    long long n = reply->type == REDIS_REPLY_STRING ? atoll(reply->str) : reply->integer;
    freeReplyObject(reply);
    return n;
}

char *cli_text(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    redisReply *reply = command(format, ap);
    va_end(ap);
    char *text = reply->str ? mem_dup(reply->str, (size_t)reply->len) : NULL;
    freeReplyObject(reply);
    return text;
}

int fixture_flush(void **state)
{
    (void)state;
    kill(server.pid, SIGCONT); /* a test that failed may have left it stopped */
    freeReplyObject(cli("FLUSHALL"));
    freeReplyObject(cli("CONFIG SET maxmemory 0"));
    return 0;
}

void push_jobs(const char *prefix, int from, int to)
{
    for (int i = from; i < to; i++)
        freeReplyObject(cli("RPUSH " QUEUE " %s%d", prefix, i));
}

/* --- workers --------------------------------------------------------------------------------- */

static void on_ready(void *arg, bool ok, const char *why)
{
    struct worker *w = arg;
    w->opened = true;
    w->open_ok = ok;
    snprintf(w->why, sizeof w->why, "%s", why ? why : "");
}

static void on_cmd(void *arg, enum redis_state state, const char *why)
{
    (void)why;
    struct worker *w = arg;
    w->up = state == REDIS_UP;
    w->opened = false;
    if (w->up && w->auto_open)
        queue_open(w->q, on_ready, w);
}

static void on_wait_conn(void *arg, enum redis_state state, const char *why)
{
    (void)why;
    ((struct worker *)arg)->wait_up = state == REDIS_UP;
}

struct queue_opts fixture_opts(const char *name)
{
    return (struct queue_opts){.name = QUEUE,
                               .results = LIST_RESULTS,
                               .dead = LIST_DEAD,
                               .worker = name,
                               .digest = "0123456789abcdef",
                               .lease_ms = LEASE_MS,
                               .idle_wait_s = 5,
                               .results_max = 100000,
                               .job_max_bytes = 1000};
}

struct worker *worker_new_closed(const struct queue_opts *opts)
{
    struct worker *w = mem_zalloc(sizeof *w);
    struct redis_opts ro;
    redis_opts_default(&ro);
    snprintf(ro.host, sizeof ro.host, "127.0.0.1");
    ro.port = server.port;
    w->cmd = redis_new(base, NULL, &ro, "command", on_cmd, w);
    w->wait = redis_new(base, NULL, &ro, "wait", on_wait_conn, w);
    w->q = queue_new(base, w->cmd, w->wait, opts);
    w->auto_open = true;
    return w;
}

struct worker *worker_new(const struct queue_opts *opts)
{
    struct worker *w = worker_new_closed(opts);
    pump_until(base, w->wait_up && w->opened);
    assert_true(w->open_ok);
    return w;
}

static void forget_got(struct worker *w)
{
    for (size_t i = 0; i < w->n; i++) {
        mem_free(w->got[i].envelope);
        mem_free(w->got[i].bytes);
    }
    w->n = w->batches = 0;
}

void worker_free(struct worker *w)
{
    forget_got(w);
    queue_free(w->q);
    redis_free(w->cmd);
    redis_free(w->wait);
    mem_free(w);
}

void worker_reconnect(struct worker *w)
{
    pump_until(base, w->up && w->wait_up && w->opened);
}

/* --- claims ---------------------------------------------------------------------------------- */

static void keep(struct worker *w, const struct queue_claim *c, const struct queue_member *m)
{
    assert_true(w->n < GOT_MAX);
    struct got *g = &w->got[w->n++];
    *g = (struct got){.lease = c->lease,
                      .t0_ms = c->t0_ms,
                      .now_ms = c->now_ms,
                      .pos = m->pos,
                      .crashes = m->crashes,
                      .taken_over = m->taken_over,
                      .oversize = m->oversize,
                      .envelope = mem_dup(m->envelope, m->envelope_len),
                      .bytes = mem_dup(m->bytes, m->oversize ? 0 : m->len),
                      .len = m->len};
    snprintf(g->batch, sizeof g->batch, "%s", c->batch);
    snprintf(g->digest, sizeof g->digest, "%s", c->digest);
    snprintf(g->marks, sizeof g->marks, "%s", c->marks);
    assert_int_equal(strlen(c->grouping), c->grouping_len);
    snprintf(g->grouping, sizeof g->grouping, "%s", c->grouping);
}

static void on_claim(void *arg, const struct queue_claim *claim, enum claim_end end, unsigned ready)
{
    struct worker *w = arg;
    if (!claim) {
        assert_false(queue_claiming(w->q));
        w->done = end == CLAIM_ANSWERED ? (int)ready : -(int)end;
        w->claim_done = true;
        return;
    }
    w->batches++;
    for (size_t i = 0; i < claim->n; i++)
        keep(w, claim, &claim->members[i]);
}

int worker_ask(struct worker *w, const struct queue_ask *ask)
{
    forget_got(w);
    w->claim_done = false;
    queue_claim(w->q, ask, on_claim, w);
    pump_until(base, w->claim_done);
    return w->done;
}

int worker_claim_unparks(struct worker *w, unsigned n, const struct queue_unpark *unparks,
                         size_t nunparks)
{
    const struct queue_ask ask = {.n = n,
                                  .unparks = unparks,
                                  .nunparks = nunparks,
                                  .order = !n         ? QUEUE_BESIDE
                                           : w->alone ? QUEUE_IN_TURN
                                                      : QUEUE_PARKED_FIRST,
                                  .parked_max = w->parked_max ? w->parked_max : 1000,
                                  .alone = w->alone};
    return worker_ask(w, &ask);
}

int worker_claim(struct worker *w, unsigned n)
{
    return worker_claim_unparks(w, n, NULL, 0);
}

int worker_claim_parked(struct worker *w, unsigned n, const char *app, unsigned limit)
{
    return worker_claim_unparks(w, n, &(struct queue_unpark){app, limit}, 1);
}

/* --- finishes -------------------------------------------------------------------------------- */

void on_finish(void *arg, enum queue_done done)
{
    struct worker *w = arg;
    if (done == QUEUE_DONE)
        w->finished++;
    else
        w->stale++;
}

void on_mark(void *arg, enum queue_done done, const char *text, size_t len)
{
    struct worker *w = arg;
    on_finish(w, done);
    assert_true(done == QUEUE_DONE ? strlen(text) == len : !text && !len);
    if (text)
        snprintf(w->marked, sizeof w->marked, "%s", text);
}

void on_wait(void *arg, bool moved)
{
    struct worker *w = arg;
    w->waits++;
    w->moved += moved;
}

void worker_end(struct worker *w, const struct got *g, const struct queue_end *end)
{
    struct queue_end full = *end;
    if (!g->oversize) {
        full.bytes = g->bytes;
        full.len = g->len;
    }
    queue_finish(g->lease, g->pos, &full, on_finish, w);
}

void worker_sent(struct worker *w, const struct got *g)
{
    worker_end(w, g, &(struct queue_end){.kind = END_SENT, .outcome = "{}", .outcome_len = 2});
}

void worker_settle(struct worker *w)
{
    pump_until(base, queue_unconfirmed(w->q) == 0);
}

enum queue_done worker_end_now(struct worker *w, const struct got *g, const struct queue_end *end)
{
    int before = w->finished;
    worker_end(w, g, end);
    worker_settle(w);
    return w->finished > before ? QUEUE_DONE : QUEUE_STALE;
}

static void on_counts(void *arg, const struct queue_counts *c)
{
    struct worker *w = arg;
    w->counts = *c;
    w->counted = true;
}

static bool count_once(struct worker *w)
{
    w->counted = false;
    queue_count(w->q, on_counts, w);
    pump_until(base, w->counted);
    return w->counts.ok;
}

/* Again when the connection was just lost. */
const struct queue_counts *worker_count(struct worker *w)
{
    pump_until(base, w->up && count_once(w));
    return &w->counts;
}

/* --- calls of several jobs ---------------------------------------------------------------------
 */

void worker_mark(struct worker *w, const char *grouping)
{
    queue_mark(w->got[0].lease, grouping, strlen(grouping), on_mark, w);
    worker_settle(w);
}

void worker_regroup(struct worker *w, const unsigned *at, size_t n,
                    const struct queue_regrouping *how)
{
    struct queue_moved members[QUEUE_CLAIM_MAX];
    char envelopes[QUEUE_CLAIM_MAX][16];
    for (size_t i = 0; i < n; i++) {
        unsigned pos = w->got[at[i]].pos;
        int len = snprintf(envelopes[i], sizeof envelopes[i], "{%u}", pos);
        members[i] = (struct queue_moved){
            .pos = pos, .crashes = pos + 1, .envelope = envelopes[i], .envelope_len = (size_t)len};
    }
    struct queue_regrouping r = *how;
    r.members = members;
    r.n = n;
    r.grouping_len = strlen(r.grouping);
    queue_regroup(w->got[at[0]].lease, &r, on_finish, w);
}

void fixture_turn(void)
{
    event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

long long script_stat(const char *field)
{
    char *stats = cli_text("INFO commandstats");
    const char *line = strstr(stats, "cmdstat_evalsha:");
    const char *at = line ? strstr(line, field) : NULL;
    long long n = at ? atoll(at + strlen(field)) : 0;
    mem_free(stats);
    return n;
}

static bool ran_more_than(long long before)
{
    int64_t end = clock_mono_ms() + 200;
    while (script_stat("calls=") == before)
        if (clock_mono_ms() > end)
            return false;
    return true;
}

void worker_lose_answer(struct worker *w)
{
    long long before = script_stat("calls=");
    while (!TAILQ_EMPTY(&w->q->items))
        fixture_turn();
    while (!ran_more_than(before))
        fixture_turn();
    redis_drop(w->cmd, "test");
    assert_true(queue_unconfirmed(w->q));
    worker_settle(w);
}

void kill_heartbeat(const char *worker)
{
    freeReplyObject(cli("ZADD " KEY_WORKERS " 1 %s", worker));
}

/* --- the books ------------------------------------------------------------------------------- */

void assert_conserved(struct worker *w, int64_t enqueued)
{
    const struct queue_counts *c = worker_count(w);
    int64_t sum =
        c->ready + c->inbox + c->parked + c->leased + c->delayed + c->sent + c->dead + c->duplicate;
    if (sum != enqueued)
        fail_msg("enqueued %lld, found %lld", (long long)enqueued, (long long)sum);
    redisReply *batches = cli("HGETALL " KEY_BATCH);
    long long left = 0, ids = 0;
    for (size_t i = 0; i < batches->elements; i += 2) {
        const redisReply *name = batches->element[i];
        if (name->len == 16)
            ids++;
        else if (name->str[16] == '#')
            left += atoll(batches->element[i + 1]->str);
    }
    freeReplyObject(batches);
    assert_int_equal(ids, cli_int("ZCARD " KEY_DUE));
    assert_int_equal(left, cli_int("HLEN " KEY_MEMBER));
    assert_int_equal(c->results + cli_int("HGET " KEY_COUNT " trimmed"), c->sent + c->duplicate);
    assert_int_equal(c->dead_list, c->dead);
}
