// SPDX-License-Identifier: MIT
// The queue on a real redis-server: what claims hand out and what each kind of end does
// (queue, queue_core, queue_claim, queue_parked, queue_replicas, queue_value, queue_finish,
// queue_item, queue_lease, queue_wait, queue_count, scripts).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "support/queue_fixture.h"
#include "support/redis_server.h"

static void assert_cli_text(char *actual, const char *expected)
{
    assert_non_null(actual);
    assert_string_equal(actual, expected);
    mem_free(actual);
}

static void claims_in_order(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    assert_int_equal(worker_claim(w, 10), 0);
    assert_int_equal(w->n, 0);
    push_jobs("j", 0, 5);
    assert_int_equal(worker_claim(w, 3), 3);
    assert_int_equal(w->n, 3);
    assert_int_equal(w->batches, 1);
    for (unsigned i = 0; i < 3; i++) {
        const struct got *g = &w->got[i];
        assert_int_equal(g->pos, i);
        assert_int_equal(g->bytes[1], '0' + i);
        assert_int_equal(g->len, 2);
        assert_string_equal(g->envelope, "");
        assert_int_equal(g->crashes, 0);
        assert_false(g->taken_over);
        assert_int_equal(strlen(g->batch), 16);
        assert_string_equal(g->digest, opts.digest);
        assert_int_equal(g->t0_ms, g->now_ms);
    }
    assert_true(queue_now_ms(w->q) - w->got[0].now_ms < 1000);
    assert_conserved(w, 5);
    assert_int_equal(worker_claim(w, 10), 2);
    worker_free(w);
}

static void binary_jobs_survive(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    const char job[] = "5 3 a\0b\r\n\xff \0";
    freeReplyObject(cli("RPUSH " QUEUE " %b", job, sizeof job));
    worker_claim(w, 1);
    assert_int_equal(w->got[0].len, sizeof job);
    assert_memory_equal(w->got[0].bytes, job, sizeof job);
    worker_end_now(
        w, &w->got[0],
        &(struct queue_end){.kind = END_RETRY, .envelope = "{\"x\"}", .envelope_len = 5});
    worker_claim(w, 1);
    assert_int_equal(w->got[0].len, sizeof job);
    assert_memory_equal(w->got[0].bytes, job, sizeof job);
    assert_string_equal(w->got[0].envelope, "{\"x\"}");
    assert_int_equal(worker_end_now(w, &w->got[0], &(struct queue_end){.kind = END_RETURN}),
                     QUEUE_DONE);
    redisReply *back = cli("LINDEX " QUEUE " 0");
    assert_int_equal(back->len, sizeof job);
    assert_memory_equal(back->str, job, sizeof job);
    freeReplyObject(back);
    worker_free(w);
}

static void outcomes_and_counters(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 4);
    worker_claim(w, 4);
    const struct queue_end ends[] = {
        {.kind = END_SENT, .outcome = "sent", .outcome_len = 4},
        {.kind = END_DUPLICATE, .outcome = "dup", .outcome_len = 3},
        {.kind = END_DEAD, .outcome = "dead", .outcome_len = 4},
    };
    for (size_t i = 0; i < 3; i++)
        worker_end(w, &w->got[i], &ends[i]);
    assert_int_equal(w->finished, 0);
    assert_int_equal(queue_unconfirmed(w->q), 3);
    worker_settle(w);
    assert_int_equal(w->finished, 3);
    assert_conserved(w, 4);
    assert_int_equal(w->counts.sent, 1);
    assert_int_equal(w->counts.duplicate, 1);
    assert_int_equal(w->counts.dead, 1);
    assert_int_equal(w->counts.leased, 1);
    assert_cli_text(cli_text("LINDEX " LIST_RESULTS " 0"), "sent");
    assert_cli_text(cli_text("LINDEX " LIST_RESULTS " 1"), "dup");
    assert_cli_text(cli_text("LINDEX " LIST_DEAD " 0"), "dead");
    worker_sent(w, &w->got[3]);
    worker_settle(w);
    assert_int_equal(cli_int("EXISTS " KEY_BATCH " " KEY_MEMBER " " KEY_DUE), 0);
    worker_free(w);
}

static void retry_waits_in_due(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 1);
    worker_claim(w, 1);
    int64_t t0 = w->got[0].t0_ms;
    const struct queue_end end = {.kind = END_RETRY,
                                  .envelope = "{\"uid\":1}",
                                  .envelope_len = 9,
                                  .crashes = 2,
                                  .at_ms = queue_now_ms(w->q) + 150};
    assert_int_equal(worker_end_now(w, &w->got[0], &end), QUEUE_DONE);
    assert_conserved(w, 1);
    assert_int_equal(w->counts.delayed, 1);
    assert_int_equal(w->counts.leased, 0);
    worker_claim(w, 5);
    assert_int_equal(w->n, 0);
    pump_until(base, (worker_claim(w, 5), w->n == 1));
    assert_true(w->got[0].now_ms >= end.at_ms);
    assert_int_equal(w->got[0].t0_ms, t0);
    assert_int_equal(w->got[0].batch[0], 'w');
    assert_string_equal(w->got[0].envelope, "{\"uid\":1}");
    assert_string_equal(w->got[0].bytes, "j0");
    assert_int_equal(w->got[0].crashes, 2);
    assert_false(w->got[0].taken_over);
    assert_conserved(w, 1);
    assert_int_equal(w->counts.delayed, 0);
    worker_free(w);
}

static void on_leftovers(void *arg, const struct queue_leftovers *found)
{
    (void)arg;
    (void)found;
}

static void parked_jobs(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    struct worker *other = worker_new(&opts);
    w->parked_max = other->parked_max = 3;
    push_jobs("j", 0, 5);
    worker_claim(w, 3);
    const struct queue_end end = {
        .kind = END_PARK, .envelope = "{}", .envelope_len = 2, .crashes = 1, .app = "shop"};
    for (size_t i = 0; i < 3; i++)
        worker_end(w, &w->got[i], &end);
    worker_settle(w);
    assert_conserved(w, 5);
    assert_int_equal(w->counts.parked, 3);
    assert_int_equal(-CLAIM_HELD, worker_claim(w, 5)); /* full: held back */
    assert_int_equal(w->n, 0);
    queue_leftovers(other->q, NULL, 0, on_leftovers, NULL); /* learns of the app */
    pump_until(base, other->q->napps == 1);
    assert_int_equal(-CLAIM_HELD, worker_claim(other, 5));
    /* A probe takes one, and only parked ones. */
    assert_int_equal(worker_claim_parked(w, 0, "shop", 1), 0);
    assert_int_equal(w->n, 1);
    assert_string_equal(w->got[0].bytes, "j0");
    assert_string_equal(w->got[0].envelope, "{}");
    assert_int_equal(w->got[0].crashes, 1);
    assert_int_equal(worker_end_now(w, &w->got[0], &end), QUEUE_DONE);
    /* Drained: parked before ready. */
    assert_int_equal(worker_claim_parked(w, 4, "shop", 4), 1);
    assert_int_equal(w->n, 4);
    assert_string_equal(w->got[0].bytes, "j1");
    assert_string_equal(w->got[2].bytes, "j0");
    assert_string_equal(w->got[3].bytes, "j3");
    assert_conserved(w, 5);
    worker_free(w);
    worker_free(other);
}

/* So many jobs of each app, parked. */
static void park_jobs(struct worker *w, const char *app, int n)
{
    char job[40];
    for (int i = 0; i < n; i++) {
        snprintf(job, sizeof job, "%s%d", app, i);
        freeReplyObject(cli("RPUSH " QUEUE " %s", job));
    }
    worker_claim(w, (unsigned)n);
    assert_int_equal(w->n, n);
    for (size_t i = 0; i < w->n; i++)
        worker_end(w, &w->got[i], &(struct queue_end){.kind = END_PARK, .app = app});
    worker_settle(w);
}

static int got_of(const struct worker *w, char first)
{
    int n = 0;
    for (size_t i = 0; i < w->n; i++)
        n += w->got[i].bytes[0] == first;
    return n;
}

/* Lists and ready jobs share a claim, whoever has little leaves the rest to the others, and the odd
 * one goes round. */
static void parked_and_ready_take_turns(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    const struct queue_unpark unparks[] = {{"a", 100}, {"b", 100}};
    park_jobs(w, "a", 60);
    park_jobs(w, "b", 3);
    push_jobs("j", 0, 60);
    struct queue_ask ask = {
        .n = 30, .unparks = unparks, .nunparks = 2, .order = QUEUE_IN_TURN, .parked_max = 1000};
    assert_int_equal(worker_ask(w, &ask), 13);
    assert_int_equal(got_of(w, 'a'), 14);
    assert_int_equal(got_of(w, 'b'), 3);
    assert_int_equal(queue_parked(w->q, "a"), 46);
    assert_int_equal(queue_parked(w->q, "b"), 0);
    assert_int_equal(queue_ready_left(w->q), 47);
    assert_string_equal(w->got[0].bytes, "a0");
    int a = 0;
    ask.n = 1;
    for (ask.turn = 0; ask.turn < 12; ask.turn++) {
        worker_ask(w, &ask);
        assert_int_equal(w->n, 1);
        a += got_of(w, 'a');
    }
    assert_in_range(a, 4, 8);
    ask.n = 200; /* one that is alone has all */
    worker_ask(w, &ask);
    assert_int_equal(w->n, 46 + 47 - 12);
    assert_int_equal(queue_ready_left(w->q), 0);
    assert_int_equal(queue_parked_all(w->q), 0);
    worker_free(w);
}

/* Apps come and go by reloads: names that are left over do not keep a new one from its jobs. */
static void names_of_gone_apps_make_room(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    char name[16];
    park_jobs(w, "kept", 1);
    for (int i = 0; i < 3 * QUEUE_APPS_MAX; i++) {
        snprintf(name, sizeof name, "app%d", i);
        worker_claim_parked(w, 1, name, 1);
    }
    park_jobs(w, "new", 2);
    worker_claim_parked(w, 2, "new", 2);
    assert_int_equal(w->n, 2);
    assert_int_equal(queue_parked(w->q, "kept"), 1);
    worker_free(w);
}

/* Beside a claim lists give what they may, from either end; and a look ahead leaves what is due. */
static void parked_jobs_beside_and_ready_alone(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    const struct queue_unpark unparks[] = {{"a", 2}, {"b", 1}};
    park_jobs(w, "a", 5);
    park_jobs(w, "b", 5);
    push_jobs("j", 0, 4);
    worker_claim(w, 1);
    worker_end_now(w, &w->got[0], &(struct queue_end){.kind = END_RETRY});
    assert_int_equal(
        worker_ask(w, &(struct queue_ask){.n = 2, .parked_max = 1000, .ready_only = true}), 2);
    assert_string_equal(w->got[0].bytes, "j1");
    assert_int_equal(worker_ask(w, &(struct queue_ask){.n = 2,
                                                       .unparks = unparks,
                                                       .nunparks = 2,
                                                       .order = QUEUE_BESIDE,
                                                       .parked_max = 1000,
                                                       .from_end = true}),
                     1);
    assert_int_equal(w->n, 5);
    assert_int_equal(got_of(w, 'a'), 2);
    assert_string_equal(w->got[0].bytes, "j0");
    assert_string_equal(w->got[1].bytes, "a4");
    assert_string_equal(w->got[3].bytes, "b4");
    assert_string_equal(w->got[4].bytes, "j3");
    assert_int_equal(
        worker_ask(w,
                   &(struct queue_ask){.unparks = unparks, .nunparks = 2, .order = QUEUE_BESIDE}),
        0);
    assert_string_equal(w->got[0].bytes, "a0");
    assert_int_equal(w->n, 3);
    worker_free(w);
}

static void full_parked_lets_due_pass(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    w->parked_max = 1;
    push_jobs("j", 0, 3);
    worker_claim(w, 2);
    worker_end(w, &w->got[0], &(struct queue_end){.kind = END_PARK, .app = "a"});
    worker_end(w, &w->got[1], &(struct queue_end){.kind = END_RETRY});
    worker_settle(w);
    assert_int_equal(-CLAIM_HELD, worker_claim(w, 5));
    assert_int_equal(w->n, 1);
    assert_string_equal(w->got[0].bytes, "j1");
    assert_conserved(w, 3);
    worker_free(w);
}

static void return_keeps_the_order(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 4);
    worker_claim(w, 3);
    for (size_t i = 0; i < 3; i++)
        worker_end(w, &w->got[i], &(struct queue_end){.kind = END_RETURN});
    worker_settle(w);
    worker_claim(w, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(w->got[i].bytes[1], '0' + (int)i);
    assert_conserved(w, 4);
    worker_free(w);
}

static void oversize_stays_in_redis(void **state)
{
    (void)state;
    struct queue_opts opts = fixture_opts("w1");
    opts.job_max_bytes = 10;
    struct worker *w = worker_new(&opts);
    freeReplyObject(cli("RPUSH " QUEUE " 0123456789"));
    freeReplyObject(cli("RPUSH " QUEUE " 0123456789a"));
    assert_int_equal(worker_claim(w, 2), 2);
    assert_false(w->got[0].oversize);
    assert_true(w->got[1].oversize);
    assert_int_equal(w->got[1].len, 11);
    char uid[40];
    snprintf(uid, sizeof uid, "%s-1", w->got[1].batch);
    assert_cli_text(cli_text("HGET " KEY_OVERSIZE " %s", uid), "0123456789a");
    /* Through due with an envelope, back to the head, and at last dead. */
    worker_end_now(w, &w->got[1],
                   &(struct queue_end){.kind = END_RETRY, .envelope = "{}", .envelope_len = 2});
    worker_claim(w, 1);
    assert_true(w->got[0].oversize);
    assert_int_equal(w->got[0].len, 11);
    assert_string_equal(w->got[0].envelope, "{}");
    assert_cli_text(cli_text("HGET " KEY_OVERSIZE " %s", uid), "0123456789a");
    worker_end_now(w, &w->got[0], &(struct queue_end){.kind = END_PARK, .app = "a"});
    worker_claim_parked(w, 1, "a", 1);
    assert_true(w->got[0].oversize);
    assert_string_equal(w->got[0].envelope, "");
    worker_end_now(w, &w->got[0], &(struct queue_end){.kind = END_RETURN});
    assert_int_equal(cli_int("HLEN " KEY_OVERSIZE), 0);
    assert_cli_text(cli_text("LINDEX " QUEUE " 0"), "0123456789a");
    worker_claim(w, 1);
    worker_end_now(w, &w->got[0],
                   &(struct queue_end){.kind = END_DEAD, .outcome = "x", .outcome_len = 1});
    assert_int_equal(cli_int("HLEN " KEY_OVERSIZE), 1);
    assert_conserved(w, 2);
    worker_free(w);
}

static void results_are_trimmed(void **state)
{
    (void)state;
    struct queue_opts opts = fixture_opts("w1");
    opts.results_max = 3;
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 10);
    worker_claim(w, 10);
    for (size_t i = 0; i < 10; i++)
        worker_end(
            w, &w->got[i],
            &(struct queue_end){.kind = END_SENT, .outcome = w->got[i].bytes, .outcome_len = 2});
    worker_settle(w);
    assert_int_equal(cli_int("LLEN " LIST_RESULTS), 3);
    assert_cli_text(cli_text("LINDEX " LIST_RESULTS " 0"), "j7");
    assert_int_equal(cli_int("HGET " KEY_COUNT " trimmed"), 7);
    assert_conserved(w, 10);
    worker_free(w);
}

/* queue.results_max is not for them. */
static void dead_letters_are_never_trimmed(void **state)
{
    (void)state;
    struct queue_opts opts = fixture_opts("w1");
    opts.results_max = 3;
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 10);
    worker_claim(w, 10);
    for (size_t i = 0; i < 10; i++)
        worker_end(
            w, &w->got[i],
            &(struct queue_end){.kind = END_DEAD, .outcome = w->got[i].bytes, .outcome_len = 2});
    worker_settle(w);
    assert_int_equal(cli_int("LLEN " LIST_DEAD), 10);
    assert_cli_text(cli_text("LINDEX " LIST_DEAD " 0"), "j0");
    assert_int_equal(cli_int("HEXISTS " KEY_COUNT " trimmed"), 0);
    assert_conserved(w, 10);
    worker_free(w);
}

static void many_at_once(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 300);
    assert_int_equal(worker_claim(w, 300), 256); /* the bound of one claim */
    for (size_t i = 0; i < w->n; i++)
        worker_sent(w, &w->got[i]);
    worker_settle(w);
    assert_int_equal(w->finished, 256);
    assert_conserved(w, 300);
    worker_free(w);
}

static unsigned told_version; /* 0: the server's own */
unsigned __real_redis_version(const struct redis *r);
unsigned __wrap_redis_version(const struct redis *r);
unsigned __wrap_redis_version(const struct redis *r)
{
    return told_version ? told_version : __real_redis_version(r);
}

/* What no replica has heard of in time is given back: its leases are lost, and can be no call's. */
static void unreplicated_claim_is_nobodys(void **state)
{
    (void)state;
    struct queue_opts opts = fixture_opts("w1");
    opts.wait_replicas = 1;
    opts.wait_ms = 1;
    struct worker *w = worker_new(&opts);
    assert_int_equal(worker_claim(w, 2), 0); /* nothing came, so nothing has to be kept */
    push_jobs("j", 0, 2);
    assert_int_equal(worker_claim(w, 2), -CLAIM_UNREPLICATED);
    assert_int_equal(w->n, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(queue_lease_lost(w->got[i].lease));
        assert_int_equal(worker_end_now(w, &w->got[i], &(struct queue_end){.kind = END_RETURN}),
                         QUEUE_DONE);
    }
    assert_int_equal(worker_count(w)->ready, 2);
    worker_free(w);
}

/* Servers before 6.2 have neither LPOP with a count nor BLMOVE. */
static void old_server(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    told_version = 60000;
    push_jobs("j", 0, 5);
    freeReplyObject(cli("CONFIG RESETSTAT"));
    assert_int_equal(worker_claim(w, 4), 4);
    assert_string_equal(w->got[3].bytes, "j3");
    assert_int_equal(worker_claim(w, 4), 1);
    queue_wait(w->q, on_wait, w);
    pump_until(base, cli_int("LLEN " QUEUE) == 0 && w->q->wait_client > 0);
    push_jobs("late", 0, 1);
    pump_until(base, w->waits == 1);
    assert_int_equal(w->moved, 1);
    assert_int_equal(worker_claim(w, 4), 1);
    assert_string_equal(w->got[0].bytes, "late0");
    char *stats = cli_text("INFO commandstats");
    assert_null(strstr(stats, "cmdstat_blmove"));
    assert_non_null(strstr(stats, "cmdstat_brpoplpush"));
    mem_free(stats);
    told_version = 0;
    worker_free(w);
}

static void queue_with_a_hash_tag(void **state)
{
    (void)state;
    struct queue_opts opts = fixture_opts("w1");
    opts.name = "{tenant}:q";
    struct worker *w = worker_new(&opts);
    freeReplyObject(cli("RPUSH {tenant}:q a"));
    assert_int_equal(worker_claim(w, 1), 1);
    assert_string_equal(queue_key_prefix(w->got[0].lease), "{tenant}:q");
    assert_int_equal(cli_int("HLEN {tenant}:q:member"), 1);
    worker_free(w);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Literals, since the names are what versions of the program agree on. */
static void names_in_redis(void **state)
{
    (void)state;
    static const char *const names[] = {
        "dead",         "jobs",       "results",       "{jobs}:apps",     "{jobs}:batch",
        "{jobs}:count", "{jobs}:due", "{jobs}:member", "{jobs}:oversize", "{jobs}:parked:a",
        "{jobs}:run",   "{jobs}:v",   "{jobs}:workers"};
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    char job[1001] = "";
    memset(job, 'x', sizeof job);
    push_jobs("j", 0, 4);
    freeReplyObject(cli("RPUSH " QUEUE " %b", job, sizeof job)); /* is leased below K:oversize */
    worker_claim(w, 5);
    worker_end(w, &w->got[0],
               &(struct queue_end){.kind = END_SENT, .outcome = "o", .outcome_len = 1});
    worker_end(w, &w->got[1],
               &(struct queue_end){.kind = END_DEAD, .outcome = "o", .outcome_len = 1});
    worker_end(w, &w->got[2], &(struct queue_end){.kind = END_PARK, .app = "a"});
    worker_end(w, &w->got[3], &(struct queue_end){.kind = END_RETURN});
    worker_settle(w);
    redisReply *keys = cli("KEYS *");
    assert_int_equal(keys->elements, sizeof names / sizeof names[0]);
    char *found[sizeof names / sizeof names[0]];
    for (size_t i = 0; i < keys->elements; i++)
        found[i] = keys->element[i]->str;
    qsort(found, keys->elements, sizeof found[0], by_text);
    for (size_t i = 0; i < keys->elements; i++)
        assert_string_equal(found[i], names[i]);
    freeReplyObject(keys);
    worker_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(claims_in_order, fixture_flush),
        cmocka_unit_test_setup(binary_jobs_survive, fixture_flush),
        cmocka_unit_test_setup(outcomes_and_counters, fixture_flush),
        cmocka_unit_test_setup(retry_waits_in_due, fixture_flush),
        cmocka_unit_test_setup(parked_jobs, fixture_flush),
        cmocka_unit_test_setup(parked_and_ready_take_turns, fixture_flush),
        cmocka_unit_test_setup(parked_jobs_beside_and_ready_alone, fixture_flush),
        cmocka_unit_test_setup(names_of_gone_apps_make_room, fixture_flush),
        cmocka_unit_test_setup(full_parked_lets_due_pass, fixture_flush),
        cmocka_unit_test_setup(return_keeps_the_order, fixture_flush),
        cmocka_unit_test_setup(oversize_stays_in_redis, fixture_flush),
        cmocka_unit_test_setup(results_are_trimmed, fixture_flush),
        cmocka_unit_test_setup(dead_letters_are_never_trimmed, fixture_flush),
        cmocka_unit_test_setup(many_at_once, fixture_flush),
        cmocka_unit_test_setup(unreplicated_claim_is_nobodys, fixture_flush),
        cmocka_unit_test_setup(old_server, fixture_flush),
        cmocka_unit_test_setup(queue_with_a_hash_tag, fixture_flush),
        cmocka_unit_test_setup(names_in_redis, fixture_flush),
    };
    return cmocka_run_group_tests_name("queue", tests, fixture_start, fixture_stop);
}
