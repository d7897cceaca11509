// SPDX-License-Identifier: MIT
// The queue in trouble: leases that run out, dead workers, lost connections, a restarted or full
// server (queue_lease, queue_upkeep), which of its steps are refused (queue_health), what nobody
// looks after (queue_leftovers).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "support/queue_fixture.h"
#include "support/redis_server.h"

static const struct queue_end sent = {.kind = END_SENT, .outcome = "{}", .outcome_len = 2};

/* Claims again and again until another's lease has run out. */
static void take_over(struct worker *w, size_t n)
{
    pump_until(base, (worker_claim(w, 100), w->n == n));
}

static void set_heartbeat(const char *worker, int64_t ms_from_now)
{
    redisReply *t = cli("TIME");
    int64_t now = atoll(t->element[0]->str) * 1000;
    freeReplyObject(t);
    freeReplyObject(cli("ZADD " KEY_WORKERS " %lld %s", (long long)(now + ms_from_now), worker));
}

static void spoil(const char *key)
{
    freeReplyObject(cli("RENAME %s kept", key));
    freeReplyObject(cli("SADD %s x", key));
}

static void mend(const char *key)
{
    freeReplyObject(cli("DEL %s", key));
    freeReplyObject(cli("RENAME kept %s", key));
}

/* A step that Redis refuses is named until it is taken again; each by itself. */
static void refused_steps_are_named(void **state)
{
    (void)state;
    struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 2);
    worker_claim(w, 1);
    assert_int_equal(queue_refused(w->q), 0);
    assert_null(queue_refusal(w->q));
    spoil(KEY_MEMBER);
    worker_claim(w, 1);
    assert_int_equal(queue_refused(w->q), QUEUE_STEP_CLAIM);
    assert_non_null(strstr(queue_refusal(w->q), "claim: WRONGTYPE"));
    worker_end(w, &w->got[0], &sent);
    pump_until(base, queue_refused(w->q) == (QUEUE_STEP_CLAIM | QUEUE_STEP_FINISH));
    mend(KEY_MEMBER);
    worker_settle(w);
    assert_int_equal(queue_refused(w->q), QUEUE_STEP_CLAIM);
    worker_claim(w, 1);
    assert_int_equal(queue_refused(w->q), 0);
    queue_extend(w->q);
    pump_until(base, queue_workers(w->q) == 1);
    spoil(KEY_WORKERS);
    pump_until(base, (queue_extend(w->q), queue_refused(w->q) == QUEUE_STEP_EXTEND));
    mend(KEY_WORKERS);
    pump_until(base, (queue_extend(w->q), queue_refused(w->q) == 0));
    worker_free(w);
}

static void expired_lease_is_taken_over(void **state)
{
    (void)state;
    struct queue_opts opts = fixture_opts("w1"), other_opts = fixture_opts("w2");
    other_opts.digest = "other";
    struct worker *w = worker_new(&opts), *other = worker_new(&other_opts);
    push_jobs("j", 0, 3);
    worker_claim(w, 3);
    worker_end_now(w, &w->got[1], &sent);
    set_heartbeat("w1", 60000); /* slow, not dead: no crash */
    take_over(other, 2);
    assert_string_equal(other->got[0].batch, w->got[0].batch);
    assert_int_equal(other->got[1].pos, 2);
    assert_true(other->got[0].taken_over);
    assert_int_equal(other->got[0].crashes, 0);
    assert_int_equal(other->got[0].t0_ms, w->got[0].t0_ms);
    assert_string_equal(other->got[0].digest, opts.digest);
    assert_int_equal(cli_int("HGET " KEY_COUNT " reclaimed"), 2);
    assert_int_equal(worker_end_now(w, &w->got[0], &sent), QUEUE_STALE);
    assert_conserved(other, 3);
    worker_free(w);
    worker_free(other);
}

/* A batch's size in its head and the number of jobs left, where they are none: it comes all the
 * same, and holds up nobody. */
static void sizes_that_are_none(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"0", "2"},    {"99999999999999999999999", "2"},
                                          {"2", "0"},    {"2", "1000000000000000000"},
                                          {"2", "inf"},  {"2", "nan"},
                                          {"2", "-5"},   {"2", "0x7fffffffff"},
                                          {"0", "1e308"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char head[128];
        fixture_flush(NULL);
        struct queue_opts opts = fixture_opts("w1"), other_opts = fixture_opts("w2");
        struct worker *w = worker_new(&opts), *other = worker_new(&other_opts);
        push_jobs("j", 0, 2);
        worker_claim(w, 2);
        snprintf(head, sizeof head, "f L 1 1 w1 %s 0 %s", rows[i][0], opts.digest);
        freeReplyObject(cli("HSET " KEY_BATCH " %s %s %s# %s", w->got[0].batch, head,
                            w->got[0].batch, rows[i][1]));
        take_over(other, 2);
        assert_false(queue_suspects(other->q));
        worker_end_now(other, &other->got[0], &sent);
        worker_end_now(other, &other->got[1], &sent);
        assert_int_equal(cli_int("LLEN " LIST_RESULTS), 2);
        worker_free(w);
        worker_free(other);
    }
}

/* Whoever takes over another configuration's batch gets what is known of that. */
static void marks_come_with_what_is_taken_over(void **state)
{
    (void)state;
    static const struct {
        const char *digest, *marks, *want;
    } rows[] = {{"other", "99", "0011"}, {"one", "0011", ""}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct queue_opts opts = fixture_opts("w1"), other_opts = fixture_opts("w2");
        fixture_flush(NULL);
        opts.digest = "one";
        opts.marks = "0011";
        other_opts.digest = rows[i].digest;
        other_opts.marks = rows[i].marks;
        struct worker *w = worker_new(&opts), *other = worker_new(&other_opts);
        push_jobs("j", 0, 2);
        worker_claim(w, 2);
        assert_string_equal(w->got[0].marks, "");
        take_over(other, 2);
        assert_string_equal(other->got[0].digest, "one");
        assert_string_equal(other->got[0].marks, rows[i].want);
        worker_free(w);
        worker_free(other);
    }
}

/* The configurations that were told of last are kept, the one in force among them. */
static void marks_are_bounded(void **state)
{
    (void)state;
    struct queue_opts opts = fixture_opts("w1");
    opts.digest = "first";
    opts.marks = "0011";
    struct worker *w = worker_new(&opts);
    for (int i = 0; i < QUEUE_CONFIGS_MAX; i++) {
        char digest[24];
        if (i == 3)
            queue_set_digest(w->q, "first", "2233");
        snprintf(digest, sizeof digest, "d%d", i);
        queue_set_digest(w->q, digest, "4455");
    }
    pump_until(base, cli_int("HEXISTS " KEY_CONFIG " d63"));
    assert_int_equal(cli_int("HLEN " KEY_CONFIG), QUEUE_CONFIGS_MAX + 1);
    assert_int_equal(cli_int("HEXISTS " KEY_CONFIG " d0"), 0);
    char *marks = cli_text("HGET " KEY_CONFIG " first");
    assert_string_equal(marks, "2233");
    mem_free(marks);
    worker_free(w);
}

/* I4: one that outlived crash_limit workers is handed out alone, to a worker that holds nothing. */
static void suspects_are_tried_alone(void **state)
{
    (void)state;
    struct queue_opts opts = fixture_opts("w1");
    opts.crash_limit = 3;
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 3);
    worker_claim(w, 3);
    for (unsigned i = 0; i < 3; i++)
        worker_end(
            w, &w->got[i],
            &(struct queue_end){
                .kind = END_RETRY, .envelope = "{}", .envelope_len = 2, .crashes = 2 + i % 2});
    worker_settle(w);
    push_jobs("r", 0, 2);
    worker_claim(w, 100);
    assert_int_equal(w->n, 4); /* two below the limit and two ready ones: the suspect stays */
    assert_true(queue_suspects(w->q));
    for (size_t i = 0; i < 4; i++)
        worker_end_now(w, &w->got[i], &sent);
    worker_claim(w, 100);
    assert_int_equal(w->n, 0);
    push_jobs("r", 2, 3);
    w->alone = true;
    worker_claim(w, 100);
    assert_int_equal(w->n, 1);
    assert_int_equal(w->got[0].crashes, 3);
    worker_end_now(w, &w->got[0], &sent);
    worker_claim(w, 100);
    assert_int_equal(w->n, 1);
    assert_false(queue_suspects(w->q));
    worker_free(w);
}

static void every_kind_of_stale_end(void **state)
{
    (void)state;
    struct queue_opts opts = fixture_opts("w1"), other_opts = fixture_opts("w2");
    struct worker *w = worker_new(&opts), *other = worker_new(&other_opts);
    push_jobs("j", 0, 6);
    worker_claim(w, 6);
    take_over(other, 6);
    for (int kind = END_SENT; kind <= END_RETURN; kind++)
        worker_end(
            w, &w->got[kind],
            &(struct queue_end){
                .kind = (enum queue_end_kind)kind, .outcome = "x", .outcome_len = 1, .app = "a"});
    queue_mark(w->got[0].lease, "x", 1, on_mark, w);
    worker_settle(w);
    assert_int_equal(w->finished, 0);
    assert_int_equal(w->stale, 7);
    assert_int_equal(cli_int("EXISTS " LIST_RESULTS " " LIST_DEAD " " QUEUE " " KEY_PARKED("a")),
                     0);
    assert_int_equal(cli_int("HLEN " KEY_COUNT), 1); /* reclaimed */
    assert_conserved(other, 6);
    worker_free(w);
    worker_free(other);
}

static void dead_owner_is_a_crash(void **state)
{
    (void)state;
    struct queue_opts opts = fixture_opts("w1"), other_opts = fixture_opts("w2");
    struct worker *w = worker_new(&opts), *other = worker_new(&other_opts);
    push_jobs("j", 0, 1);
    worker_claim(w, 1);
    set_heartbeat("w1", -2000);
    take_over(other, 1);
    assert_int_equal(other->got[0].crashes, 1);
    set_heartbeat("w2", -2000);
    take_over(w, 1);
    assert_int_equal(w->got[0].crashes, 2);
    /* Kept through due. */
    const struct queue_end end = {.kind = END_RETRY, .crashes = w->got[0].crashes};
    worker_end_now(w, &w->got[0], &end);
    worker_claim(w, 1);
    assert_int_equal(w->got[0].crashes, 2);
    assert_false(w->got[0].taken_over);
    worker_free(w);
    worker_free(other);
}

static void extension_keeps_a_lease(void **state)
{
    (void)state;
    struct queue_opts opts = fixture_opts("w1"), other_opts = fixture_opts("w2");
    struct worker *w = worker_new(&opts), *other = worker_new(&other_opts);
    push_jobs("j", 0, 1);
    int64_t before = clock_boot_ms();
    worker_claim(w, 1);
    struct queue_lease *lease = w->got[0].lease;
    assert_true(queue_lease_safe(lease, before, LEASE_MS));
    assert_false(queue_lease_safe(lease, clock_boot_ms(), LEASE_MS + 1));
    while (clock_boot_ms() < before + 3 * LEASE_MS) {
        queue_extend(w->q);
        worker_claim(other, 5);
        assert_int_equal(other->n, 0);
    }
    assert_true(queue_lease_safe(lease, clock_boot_ms(), LEASE_MS / 2));
    take_over(other, 1);
    pump_until(base, (queue_extend(w->q), queue_lease_lost(lease)));
    assert_false(queue_lease_safe(lease, 0, 0));
    assert_int_equal(worker_end_now(w, &w->got[0], &sent), QUEUE_STALE);
    worker_free(w);
    worker_free(other);
}

static void whole_batches_within_the_budget(void **state)
{
    (void)state;
    struct queue_opts opts = fixture_opts("w1"), other_opts = fixture_opts("w2");
    struct worker *w = worker_new(&opts), *other = worker_new(&other_opts);
    push_jobs("j", 0, 9);
    char ids[3][64];
    for (unsigned i = 0; i < 3; i++) {
        worker_claim(w, 4 - i);
        snprintf(ids[i], sizeof ids[i], "%s", w->got[0].batch);
    }
    for (int i = 0; i < 3; i++)
        freeReplyObject(cli("ZADD " KEY_DUE " %d %s", i + 1, ids[i])); /* long over */
    worker_claim(other, 1); /* at least one batch, whole */
    assert_int_equal(other->n, 4);
    assert_int_equal(other->batches, 1);
    worker_claim(other, 5);
    assert_int_equal(other->n, 5);
    assert_int_equal(other->batches, 2);
    assert_conserved(other, 9);
    worker_free(w);
    worker_free(other);
}

/* --- wait ------------------------------------------------------------------------------------ */

static void wait_moves_cancels_and_times_out(void **state)
{
    (void)state;
    struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    queue_wait(w->q, on_wait, w);
    assert_true(queue_waiting(w->q));
    pump_until(base, w->q->wait_client > 0);
    push_jobs("j", 0, 1);
    pump_until(base, w->waits == 1);
    assert_int_equal(w->moved, 1);
    assert_conserved(w, 1);
    assert_int_equal(w->counts.inbox, 1);
    assert_int_equal(worker_claim(w, 5), 1);

    w->q->opts.idle_wait_s = 300; /* what ends sooner was cancelled */
    queue_wait(w->q, on_wait, w);
    queue_wait_cancel(w->q); /* before the client id is known */
    queue_wait_cancel(w->q);
    pump_until(base, w->waits == 2);
    queue_wait(w->q, on_wait, w);
    pump_until(base, cli_int("EVAL %s 0", "return 1") && w->q->wait_client > 0);
    queue_wait_cancel(w->q);
    pump_until(base, w->waits == 3);
    assert_int_equal(w->moved, 1);
    assert_false(queue_waiting(w->q));

    w->q->opts.idle_wait_s = 1;
    queue_wait(w->q, on_wait, w);
    pump_until(base, w->waits == 4);
    assert_int_equal(w->moved, 1);
    worker_free(w);
}

static void wait_survives_a_lost_connection(void **state)
{
    (void)state;
    struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    queue_wait(w->q, on_wait, w);
    pump_until(base, w->q->wait_client > 0);
    redis_drop(w->wait, "test");
    pump_until(base, w->waits == 1);
    assert_int_equal(w->moved, 0);
    queue_wait(w->q, on_wait, w);
    queue_wait_cancel(w->q);
    pump_until(base, w->waits == 2);
    worker_free(w);
}

/* --- upkeep ---------------------------------------------------------------------------------- */

static void inbox_of_a_dead_worker_is_adopted(void **state)
{
    (void)state;
    struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 2, 3);
    freeReplyObject(cli("RPUSH " KEY_INBOX("gone") " j0 j1"));
    freeReplyObject(cli("RPUSH " KEY_INBOX("alive") " a0"));
    set_heartbeat("gone", -2000);
    set_heartbeat("alive", 60000);
    pump_until(base, (queue_housekeep(w->q), cli_int("LLEN " QUEUE) == 3));
    worker_claim(w, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(w->got[i].bytes[1], '0' + i);
    assert_int_equal(cli_int("LLEN " KEY_INBOX("alive")), 1);
    redisReply *kept = cli("ZSCORE " KEY_WORKERS " gone"); /* a late move may still land */
    assert_int_equal(kept->type, REDIS_REPLY_STRING);
    freeReplyObject(kept);
    assert_conserved(w, 4);
    set_heartbeat("gone", -2 * QUEUE_FORGET_MS);
    for (int i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof name, "old%d", i);
        set_heartbeat(name, -3000);
    }
    freeReplyObject(cli("RPUSH " KEY_INBOX("old19") " late"));
    pump_until(base, (queue_housekeep(w->q), cli_int("LLEN " QUEUE) == 1));
    pump_until(base, (queue_housekeep(w->q), cli_int("ZCARD " KEY_WORKERS) == 22));
    worker_free(w);
}

static int64_t orphans(void)
{
    return metrics_get_at(METRIC_JOBS_RECLAIMED, metrics_find(SET_HOW, "orphan"), METRIC_OTHER);
}

static void audit_restores_due(void **state)
{
    (void)state;
    struct queue_opts opts = fixture_opts("w1"), other_opts = fixture_opts("w2");
    struct worker *w = worker_new(&opts), *other = worker_new(&other_opts);
    push_jobs("j", 0, 2);
    worker_claim(w, 1);
    struct got leased = w->got[0];
    w->n = 0;
    worker_claim(w, 1);
    worker_end_now(w, &w->got[0], &(struct queue_end){.kind = END_RETRY, .at_ms = INT64_MAX / 2});
    freeReplyObject(cli("DEL " KEY_DUE));
    const int64_t before = orphans();
    pump_until(base, (queue_housekeep(other->q), cli_int("ZCARD " KEY_DUE) == 2));
    pump_until(base, orphans() == before + 2);
    /* Both wait a lease: one may still have a holder, the other an unanswered call to settle. */
    redisReply *first = cli("ZRANGE " KEY_DUE " 0 0 WITHSCORES");
    const char *at = first->element[1]->str;
    assert_int_equal(cli_int("ZCOUNT " KEY_DUE " %s %s", at, at), 2);
    freeReplyObject(first);
    worker_claim(other, 2);
    assert_int_equal(other->n, 0);
    assert_int_equal(worker_end_now(w, &leased, &sent), QUEUE_DONE);
    pump_until(base, (worker_claim(other, 2), other->n == 1));
    assert_string_equal(other->got[0].bytes, "j1");
    assert_conserved(other, 2);
    mem_free(leased.bytes);
    mem_free(leased.envelope);
    worker_free(w);
    worker_free(other);
}

struct seen {
    size_t napps, nwords;
    int64_t lengths[2];
    char words[2][32];
    bool done, ok;
};

static void on_leftovers(void *arg, const struct queue_leftovers *found)
{
    struct seen *seen = arg;
    seen->done = true;
    seen->ok = found != NULL;
    if (!found)
        return;
    seen->napps = found->napps;
    seen->nwords = found->nwords;
    for (size_t i = 0; i < found->nwords && i < 2; i++)
        snprintf(seen->words[i], sizeof seen->words[i], "%s", found->words[i]);
    memcpy(seen->lengths, found->lengths, sizeof seen->lengths);
}

/* Apps, what the living say, lengths in the order of the question; who is not listed gets a lease,
 * and after it an heir. */
/* What a crash loop leaves: more names than one script is called with. */
static void many_names_are_counted_in_parts(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    freeReplyObject(cli("EVAL %s 1 " KEY_WORKERS,
                        "for i = 1, 12000 do redis.call('ZADD', KEYS[1], i, 'gone' .. i) end"));
    freeReplyObject(cli("RPUSH " KEY_INBOX("gone1") " a"));
    freeReplyObject(cli("RPUSH " KEY_INBOX("gone5000") " b c"));
    freeReplyObject(cli("RPUSH " KEY_INBOX("gone12000") " d"));
    push_jobs("j", 0, 2);
    assert_true(worker_count(w)->ok);
    assert_int_equal(w->counts.inbox, 4);
    assert_int_equal(w->counts.ready, 2);
    worker_free(w);
}

/* Who died lately is looked for beside the walk through all who ever did. */
static void old_names_hold_up_no_inbox(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    freeReplyObject(cli("EVAL %s 1 " KEY_WORKERS,
                        "for i = 1, 5000 do redis.call('ZADD', KEYS[1], i, 'gone' .. i) end"));
    redisReply *now = cli("TIME");
    freeReplyObject(
        cli("ZADD " KEY_WORKERS " %lld lately", atoll(now->element[0]->str) * 1000 - 5000));
    freeReplyObject(now);
    freeReplyObject(cli("RPUSH " KEY_INBOX("lately") " a"));
    worker_count(w); /* so that it knows the time */
    queue_housekeep(w->q);
    pump_until(base, cli_int("LLEN " QUEUE) == 1);
    worker_free(w);
}

static long long scripts_run(void)
{
    redisReply *stats = cli("INFO commandstats");
    const char *at = strstr(stats->str, "cmdstat_evalsha:calls=");
    long long n = at ? atoll(at + strlen("cmdstat_evalsha:calls=")) : 0;
    freeReplyObject(stats);
    return n;
}

/* What three hundred killed workers leave is looked through at a measured pace, and to the end. */
static void old_names_cost_little(void **state)
{
    (void)state;
    enum { ROUNDS = 100, NAMES_A_STEP = 8 };
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    freeReplyObject(cli("EVAL %s 1 " KEY_WORKERS,
                        "for i = 1, 300 do redis.call('ZADD', KEYS[1], i, 'gone' .. i) end"));
    worker_count(w); /* so that it knows the time */
    long long before = scripts_run();
    int64_t began = clock_mono_ms();
    for (int i = 0; i < ROUNDS; i++) {
        queue_housekeep(w->q);
        pump_until(base, !w->q->adopting);
    }
    int64_t seconds = (clock_mono_ms() - began) / 1000 + 1;
    worker_count(w); /* answered after all of them */
    assert_in_range(scripts_run() - before, NAMES_A_STEP, NAMES_A_STEP * seconds + ROUNDS / 10);
    /* as if the time of each step had come */
    pump_until(base, (w->q->adopt_old_ms = 0, queue_housekeep(w->q),
                      cli_int("ZCOUNT " KEY_WORKERS " 0 1000") == 0));
    worker_free(w);
}

static void leftovers_are_named(void **state)
{
    (void)state;
    static const char *const asked[] = {"shop", "nobody"};
    struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    struct seen seen = {0};
    queue_set_stat(w->q, "of w1");
    queue_extend(w->q);
    freeReplyObject(cli("HSET " KEY_STAT " lost {} dead of-the-dead w2 %s", "of w2"));
    set_heartbeat("w2", 60000);
    freeReplyObject(cli("ZADD " KEY_WORKERS " 1 dead"));
    freeReplyObject(cli("RPUSH " KEY_INBOX("lost") " j0"));
    freeReplyObject(cli("SADD " KEY_APPS " shop default"));
    freeReplyObject(cli("RPUSH " KEY_PARKED("shop") " a b c"));
    pump_until(base, cli_int("HEXISTS " KEY_STAT " w1") == 1);
    queue_leftovers(w->q, asked, 2, on_leftovers, &seen);
    pump_until(base, seen.done);
    assert_int_equal(seen.napps, 2);
    assert_int_equal(seen.lengths[0], 3);
    assert_int_equal(seen.lengths[1], 0);
    assert_int_equal(seen.nwords, 2); /* not its own, nor the dead one's */
    assert_true(strcmp(seen.words[0], "of w2") == 0 || strcmp(seen.words[1], "of w2") == 0);
    assert_true(!seen.words[0][0] || !seen.words[1][0]); /* the one whose heartbeat was lost */
    pump_until(base, (queue_extend(w->q), queue_housekeep(w->q), cli_int("LLEN jobs") == 1));
    freeReplyObject(cli("DEL " KEY_STAT));
    freeReplyObject(cli("SET " KEY_STAT " x"));
    seen.done = false;
    queue_leftovers(w->q, NULL, 0, on_leftovers, &seen);
    pump_until(base, seen.done);
    assert_false(seen.ok);
    worker_free(w);
}

static void leaving_empties_the_inbox(void **state)
{
    (void)state;
    struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 250, 260);
    for (int i = 0; i < 250; i++)
        freeReplyObject(cli("RPUSH " KEY_INBOX("w1") " j%d", i));
    queue_leave(w->q, on_finish, w);
    pump_until(base, w->finished == 1);
    assert_int_equal(cli_int("LLEN " QUEUE), 260);
    char *first = cli_text("LINDEX " QUEUE " 0");
    assert_string_equal(first, "j0");
    mem_free(first);
    assert_int_equal(cli_int("ZCARD " KEY_WORKERS), 0);
    assert_conserved(w, 260);
    worker_free(w);
}

static void newer_schema_is_refused(void **state)
{
    (void)state;
    freeReplyObject(cli("SET " KEY_VERSION " 2"));
    struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new_closed(&opts);
    pump_until(base, w->opened);
    assert_false(w->open_ok);
    assert_non_null(strstr(w->why, "schema 2"));
    worker_free(w);
    freeReplyObject(cli("DEL " KEY_VERSION));
    w = worker_new(&opts);
    assert_int_equal(cli_int("GET " KEY_VERSION), 1);
    worker_free(w);
}

static void wrong_type_is_an_error_not_a_loss(void **state)
{
    (void)state;
    struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 2);
    worker_claim(w, 1);
    freeReplyObject(cli("SET results x"));
    worker_sent(w, &w->got[0]);
    int64_t errors = metrics_get(METRIC_REDIS_ERRORS);
    pump_until(base, metrics_get(METRIC_REDIS_ERRORS) >= errors + 3);
    assert_int_equal(queue_unconfirmed(w->q), 1);
    freeReplyObject(cli("DEL " LIST_RESULTS));
    worker_settle(w);
    assert_int_equal(w->finished, 1);
    freeReplyObject(cli("RENAME " QUEUE " aside"));
    freeReplyObject(cli("SET " QUEUE " x"));
    assert_int_equal(-CLAIM_UNANSWERED, worker_claim(w, 1));
    freeReplyObject(cli("RENAME aside " QUEUE));
    assert_int_equal(worker_claim(w, 1), 1);
    assert_conserved(w, 2);
    worker_free(w);
}

/* --- the server ------------------------------------------------------------------------------ */

static void works_over_maxmemory(void **state)
{
    (void)state;
    struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 8);
    freeReplyObject(cli("RPUSH " KEY_INBOX("gone") " in0"));
    set_heartbeat("gone", -2000);
    freeReplyObject(cli("CONFIG SET maxmemory 1"));
    redisReply *refused = cli("RPUSH " QUEUE " x");
    assert_int_equal(refused->type, REDIS_REPLY_ERROR);
    freeReplyObject(refused);
    assert_int_equal(worker_claim(w, 8), 8);
    for (int kind = END_SENT; kind <= END_RETURN; kind++)
        worker_end(
            w, &w->got[kind],
            &(struct queue_end){
                .kind = (enum queue_end_kind)kind, .outcome = "x", .outcome_len = 1, .app = "a"});
    worker_settle(w);
    queue_mark(w->got[6].lease, "[]", 2, on_mark, w);
    worker_settle(w);
    assert_int_equal(w->finished, 7);
    pump_until(base, (queue_housekeep(w->q), cli_int("LLEN " KEY_INBOX("gone")) == 0));
    int64_t until = w->got[6].lease->safe_until_ms;
    pump_until(base, (queue_extend(w->q), w->got[6].lease->safe_until_ms > until));
    queue_wait(w->q, on_wait, w); /* BLMOVE is refused: told after a pause, not an endless loop */
    pump_until(base, w->waits == 1);
    worker_end(w, &w->got[6], &sent);
    worker_end(w, &w->got[7], &sent);
    worker_settle(w);
    worker_claim_parked(w, 10, "a", 10);
    assert_int_equal(w->n, 4); /* due, parked, returned, adopted */
    assert_conserved(w, 9);
    worker_free(w);
}

static void restart_holds_reaping_back(void **state)
{
    (void)state;
    struct queue_opts opts = fixture_opts("w1"), other_opts = fixture_opts("w2");
    struct worker *w = worker_new(&opts), *other = worker_new(&other_opts);
    push_jobs("j", 0, 3);
    worker_claim(w, 3);
    worker_end_now(w, &w->got[2], &(struct queue_end){.kind = END_RETRY});
    redis_server_kill(&server);
    pump_until(base, !w->up && !other->up);
    worker_sent(w, &w->got[0]); /* waits for the server */
    assert_int_equal(-CLAIM_UNANSWERED, worker_claim(other, 1));
    redis_server_restart(&server);
    worker_reconnect(w);
    worker_reconnect(other);
    worker_settle(w);
    assert_int_equal(w->finished, 2); /* expired, but nobody took it */
    pump_until(base, (worker_claim(other, 5), other->n));
    assert_int_equal(other->n, 1); /* the waiting one flows */
    assert_string_equal(other->got[0].bytes, "j2");
    worker_end_now(other, &other->got[0], &sent);
    char *run = cli_text("GET " KEY_RUN);
    int64_t since = strtoll(strchr(run, ' ') + 1, NULL, 10);
    mem_free(run);
    take_over(other, 1);
    assert_true(other->got[0].now_ms >= since + LEASE_MS);
    assert_string_equal(other->got[0].bytes, "j1");
    assert_conserved(other, 3);
    worker_free(w);
    worker_free(other);
}

/* What was ready may have been claimed before Redis forgot it, so it waits, too. */
static void forgetful_redis_is_given_a_lease(void **state)
{
    (void)state;
    struct queue_opts opts = fixture_opts("w1");
    opts.may_forget = true;
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 2);
    assert_int_equal(worker_claim(w, 1), 1); /* the very first claim has nothing to wait for */
    worker_end_now(w, &w->got[0], &sent);
    redis_server_kill(&server);
    pump_until(base, !w->up);
    redis_server_restart(&server);
    worker_reconnect(w);
    assert_int_equal(-CLAIM_FORGOTTEN, worker_claim(w, 1));
    assert_int_equal(w->n, 0);
    char *run = cli_text("GET " KEY_RUN);
    int64_t since = strtoll(strchr(run, ' ') + 1, NULL, 10);
    mem_free(run);
    pump_until(base, (worker_claim(w, 1), w->n));
    assert_true(w->got[0].now_ms >= since + LEASE_MS);
    worker_end_now(w, &w->got[0], &sent);
    assert_conserved(w, 2);
    worker_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(forgetful_redis_is_given_a_lease, fixture_flush),
        cmocka_unit_test_setup(many_names_are_counted_in_parts, fixture_flush),
        cmocka_unit_test_setup(old_names_hold_up_no_inbox, fixture_flush),
        cmocka_unit_test_setup(old_names_cost_little, fixture_flush),
        cmocka_unit_test_setup(leftovers_are_named, fixture_flush),
        cmocka_unit_test_setup(refused_steps_are_named, fixture_flush),
        cmocka_unit_test_setup(expired_lease_is_taken_over, fixture_flush),
        cmocka_unit_test_setup(sizes_that_are_none, fixture_flush),
        cmocka_unit_test_setup(marks_come_with_what_is_taken_over, fixture_flush),
        cmocka_unit_test_setup(marks_are_bounded, fixture_flush),
        cmocka_unit_test_setup(suspects_are_tried_alone, fixture_flush),
        cmocka_unit_test_setup(every_kind_of_stale_end, fixture_flush),
        cmocka_unit_test_setup(dead_owner_is_a_crash, fixture_flush),
        cmocka_unit_test_setup(extension_keeps_a_lease, fixture_flush),
        cmocka_unit_test_setup(whole_batches_within_the_budget, fixture_flush),
        cmocka_unit_test_setup(wait_moves_cancels_and_times_out, fixture_flush),
        cmocka_unit_test_setup(wait_survives_a_lost_connection, fixture_flush),
        cmocka_unit_test_setup(inbox_of_a_dead_worker_is_adopted, fixture_flush),
        cmocka_unit_test_setup(audit_restores_due, fixture_flush),
        cmocka_unit_test_setup(leaving_empties_the_inbox, fixture_flush),
        cmocka_unit_test_setup(newer_schema_is_refused, fixture_flush),
        cmocka_unit_test_setup(wrong_type_is_an_error_not_a_loss, fixture_flush),
        cmocka_unit_test_setup(works_over_maxmemory, fixture_flush),
        cmocka_unit_test_setup(restart_holds_reaping_back, fixture_flush),
    };
    return cmocka_run_group_tests_name("queue recovery", tests, fixture_start, fixture_stop);
}
