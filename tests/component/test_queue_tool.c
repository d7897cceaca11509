/* SPDX-License-Identifier: MIT
 * Tools on a real redis-server (queue_peek, queue_look, queue_remove): dead letters back and
 * away, cancelling, looking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "queue/queue_tool.h"
#include "support/pump.h"
#include "support/queue_fixture.h"
#include "support/redis_server.h"

/* --- answers --------------------------------------------------------------------------------- */

static enum queue_removed each[QUEUE_MOVE_MAX];
static size_t moved_n;
static bool answered;

static void on_moved_each(void *arg, const enum queue_removed *list, size_t n)
{
    (void)arg;
    memcpy(each, list, n * sizeof *list);
    moved_n = n;
    answered = true;
}

static void move(struct worker *w, const struct queue_letter *letters, size_t n, bool drop)
{
    answered = false;
    queue_dead_move(w->q, letters, n, drop, on_moved_each, NULL);
    assert_false(answered);
    pump_until(base, answered);
    assert_int_equal(moved_n, n);
}

static enum queue_cancelled cancelled;

static void on_cancel(void *arg, enum queue_cancelled how)
{
    (void)arg;
    cancelled = how;
    answered = true;
}

static enum queue_cancelled cancel_ready(struct worker *w, int64_t place, const char *element)
{
    answered = false;
    queue_cancel_listed(w->q, QUEUE_READY, NULL, place, element, strlen(element), "cancelled!", 10,
                        on_cancel, NULL);
    pump_until(base, answered);
    return cancelled;
}

static struct queue_letter letter(int64_t place, const char *text)
{
    return (struct queue_letter){.place = place,
                                 .text = text,
                                 .len = strlen(text),
                                 .envelope = "{\"uid\":\"x\"}",
                                 .envelope_len = 11,
                                 .bytes = text,
                                 .bytes_len = strlen(text),
                                 .at_ms = 1};
}

/* Dead letters "d<from>" …, with the counter that goes with them. */
static void kill_jobs(int from, int to)
{
    for (int i = from; i < to; i++) {
        freeReplyObject(cli("RPUSH " LIST_DEAD " d%d", i));
        freeReplyObject(cli("HINCRBY " KEY_COUNT " dead 1"));
    }
}

static long long counter(const char *name)
{
    char *text = cli_text("HGET " KEY_COUNT " %s", name);
    long long n = text ? atoll(text) : 0;
    mem_free(text);
    return n;
}

/* enqueued + replayed = everything; dead letters that there are = died − replayed − dropped. */
static void assert_books(struct worker *w, int64_t enqueued)
{
    const struct queue_counts *c = worker_count(w);
    assert_int_equal(c->ready + c->inbox + c->parked + c->leased + c->delayed + c->sent + c->dead +
                         c->duplicate,
                     enqueued + counter("replayed"));
    assert_int_equal(c->dead - counter("replayed") - counter("dropped"), c->dead_list);
    assert_int_equal(c->leased + c->delayed, cli_int("HLEN " KEY_MEMBER));
}

static void expect_dead(const char *const *texts, size_t n)
{
    redisReply *list = cli("LRANGE " LIST_DEAD " 0 -1");
    assert_int_equal(list->elements, n);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(list->element[i]->str, texts[i]);
    freeReplyObject(list);
}

/* --- replay and drop ------------------------------------------------------------------------- */

static void replays_from_anywhere(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    kill_jobs(0, 6);
    const struct queue_letter letters[] = {letter(0, "d0"), letter(3, "d3"), letter(5, "d5")};
    move(w, letters, 3, false);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(each[i], MOVED_DONE);
    expect_dead((const char *const[]){"d1", "d2", "d4"}, 3);
    assert_int_equal(counter("replayed"), 3);
    assert_books(w, 6);
    worker_claim(w, 10);
    assert_int_equal(w->n, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(w->got[i].envelope, "{\"uid\":\"x\"}");
        assert_int_equal(w->got[i].bytes[0], 'd');
        assert_int_equal(w->got[i].crashes, 0);
        assert_false(w->got[i].taken_over);
        worker_sent(w, &w->got[i]);
    }
    worker_settle(w);
    assert_books(w, 6);
    assert_int_equal(cli_int("EXISTS " KEY_BATCH " " KEY_MEMBER " " KEY_DUE), 0);
    worker_free(w);
}

static void finds_what_has_moved_up(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    kill_jobs(0, 100);
    const struct queue_letter near = letter(60, "d50"), same[] = {letter(8, "d8"), letter(9, "d8")};
    const struct queue_letter gone[] = {letter(0, "d77"), letter(90, "x"), letter(200, "d1")};
    move(w, &near, 1, false);
    assert_int_equal(each[0], MOVED_DONE);
    move(w, same, 2, false);
    assert_int_equal(each[0], MOVED_DONE);
    assert_int_equal(each[1], MOVED_GONE);
    move(w, gone, 3, false);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(each[i], MOVED_GONE);
    assert_int_equal(cli_int("LLEN " LIST_DEAD), 98);
    assert_books(w, 100);
    worker_free(w);
}

static void letters_alike_go_one_by_one(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    for (int i = 0; i < 4; i++)
        kill_jobs(7, 8);
    const struct queue_letter letters[] = {letter(1, "d7"), letter(1, "d7"), letter(1, "d7")};
    move(w, letters, 3, false);
    assert_int_equal(each[0], MOVED_DONE);
    assert_int_equal(each[1], MOVED_DONE);
    assert_int_equal(each[2], MOVED_GONE); /* what stands behind is not looked at */
    assert_int_equal(cli_int("LLEN " LIST_DEAD), 2);
    assert_books(w, 4);
    worker_free(w);
}

static void drops_and_empty_letters_stay_whole(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    kill_jobs(0, 3);
    freeReplyObject(cli("LPUSH " LIST_DEAD " %s", ""));
    freeReplyObject(cli("RPUSH " LIST_DEAD " %s", ""));
    freeReplyObject(cli("HINCRBY " KEY_COUNT " dead 2"));
    const struct queue_letter middle = letter(2, "d1"), empty = letter(1, "");
    move(w, &middle, 1, true);
    assert_int_equal(each[0], MOVED_DONE);
    expect_dead((const char *const[]){"d0", "", "d2", ""}, 4);
    move(w, &empty, 1, true);
    expect_dead((const char *const[]){"d0", "d2", ""}, 3);
    assert_int_equal(counter("dropped"), 2);
    assert_int_equal(counter("replayed"), 0);
    assert_books(w, 5);
    worker_free(w);
}

static void oversize_comes_back_when_it_fits(void **state)
{
    (void)state;
    struct queue_opts opts = fixture_opts("w1");
    opts.job_max_bytes = 20;
    struct worker *w = worker_new(&opts);
    freeReplyObject(cli("HSET " KEY_OVERSIZE " k1 123456789012345678901"));
    freeReplyObject(cli("HSET " KEY_OVERSIZE " k2 12345678901234567890"));
    kill_jobs(0, 4);
    struct queue_letter letters[] = {letter(0, "d0"), letter(1, "d1"), letter(2, "d2")};
    const char *const refs[] = {"k1", "k2", "k3"};
    for (size_t i = 0; i < 3; i++) {
        letters[i].oversize = refs[i];
        letters[i].bytes = NULL;
        letters[i].bytes_len = 0;
    }
    move(w, letters, 3, false);
    assert_int_equal(each[0], MOVED_TOO_LARGE);
    assert_int_equal(each[1], MOVED_DONE);
    assert_int_equal(each[2], MOVED_BYTES_GONE);
    expect_dead((const char *const[]){"d0", "d2", "d3"}, 3);
    assert_int_equal(cli_int("HLEN " KEY_OVERSIZE), 1);
    worker_claim(w, 5);
    assert_int_equal(w->n, 1);
    assert_false(w->got[0].oversize);
    assert_string_equal(w->got[0].bytes, "12345678901234567890");
    assert_string_equal(w->got[0].envelope, "{\"uid\":\"x\"}");
    move(w, letters, 1, true);
    assert_int_equal(each[0], MOVED_DONE);
    assert_int_equal(cli_int("HLEN " KEY_OVERSIZE), 0);
    assert_books(w, 4);
    worker_free(w);
}

static void wrong_type_changes_nothing(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    kill_jobs(0, 1);
    freeReplyObject(cli("SET " KEY_DUE " x"));
    const struct queue_letter l = letter(0, "d0");
    move(w, &l, 1, false);
    assert_int_equal(each[0], MOVED_UNKNOWN);
    assert_int_equal(cli_int("LLEN " LIST_DEAD), 1);
    assert_int_equal(counter("replayed"), 0);
    worker_free(w);
}

static void replays_while_redis_is_full(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    kill_jobs(0, 2);
    freeReplyObject(cli("CONFIG SET maxmemory 1"));
    const struct queue_letter l = letter(0, "d0");
    move(w, &l, 1, false);
    assert_int_equal(each[0], MOVED_DONE);
    freeReplyObject(cli("CONFIG SET maxmemory 0"));
    assert_books(w, 2);
    worker_free(w);
}

/* A hundred thousand letters, the worst places: each script stays below a millisecond or so,
 * by the server's own clock. */
static int compare(const void *a, const void *b)
{
    return strcmp(((const redisReply *const *)a)[0]->str, ((const redisReply *const *)b)[0]->str);
}

/* Deep inside, at the head, at the tail, and across: what is left is the rest, each once. */
static void keeps_the_rest_of_a_long_list(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    freeReplyObject(
        cli("EVAL %s 1 dead",
            "for i = 0, 11999 do redis.call('RPUSH', KEYS[1], string.format('d%05d', i)) end"));
    freeReplyObject(cli("HINCRBY " KEY_COUNT " dead 12000"));
    const struct queue_letter letters[] = {letter(0, "d00000"), letter(2, "d00002"),
                                           letter(6000, "d06000"), letter(6001, "d06001"),
                                           letter(11999, "d11999")};
    move(w, &letters[2], 2, true);
    move(w, letters, 5, true);
    assert_int_equal(each[2], MOVED_GONE);
    move(w, letters, 5, true);
    redisReply *list = cli("LRANGE " LIST_DEAD " 0 -1");
    assert_books(w, 12000);
    qsort(list->element, list->elements, sizeof *list->element, compare);
    assert_int_equal(list->elements, 12000 - counter("dropped"));
    for (size_t i = 1; i < list->elements; i++)
        assert_string_not_equal(list->element[i]->str, list->element[i - 1]->str);
    freeReplyObject(list);
    worker_free(w);
}

static void is_quick_on_a_long_list(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    char pad[400];
    memset(pad, 'p', sizeof pad - 1);
    pad[sizeof pad - 1] = '\0';
    freeReplyObject(cli("EVAL %s 2 dead " KEY_COUNT " %s",
                        "for i = 0, 99999 do redis.call('RPUSH', KEYS[1], 'd' .. i .. ARGV[1]) end "
                        "return redis.call('HINCRBY', KEYS[2], 'dead', 100000)",
                        pad));
    char text[QUEUE_MOVE_MAX][440];
    long long best = INT64_MAX;
    for (int round = 0; round < 20; round++) {
        struct queue_letter letters[QUEUE_MOVE_MAX];
        for (int i = 0; i < QUEUE_MOVE_MAX; i++) {
            int at = 50000 - 200 + i * 25 - QUEUE_MOVE_MAX * round; /* around the middle */
            char *found = cli_text("LINDEX " LIST_DEAD " %d", at);
            snprintf(text[i], sizeof text[i], "%s", found);
            mem_free(found);
            letters[i] = letter(at, text[i]);
        }
        long long before = script_stat("usec=");
        move(w, letters, QUEUE_MOVE_MAX, false);
        long long usec = script_stat("usec=") - before;
        best = usec < best ? usec : best;
        for (int i = 0; i < QUEUE_MOVE_MAX; i++)
            assert_int_equal(each[i], MOVED_DONE);
    }
    print_message("%d letters from the middle of 100000: %lld us\n", QUEUE_MOVE_MAX, best);
    assert_true(best < 5000); /* of 20, since a busy machine takes its time for some */
    assert_books(w, 100000);
    worker_free(w);
}

/* --- cancelling ------------------------------------------------------------------------------ */

static void cancels_ready_jobs(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 6);
    assert_int_equal(cancel_ready(w, 3, "j3"), CANCEL_DONE);
    expect_dead((const char *const[]){"cancelled!"}, 1);
    assert_int_equal(cancel_ready(w, 3, "j3"), CANCEL_GONE);
    worker_claim(w, 2); /* the list has moved up since it was looked at */
    assert_int_equal(cancel_ready(w, 4, "j5"), CANCEL_DONE);
    assert_int_equal(cancel_ready(w, 0, "j1"), CANCEL_GONE);
    assert_books(w, 6);
    redisReply *list = cli("LRANGE " QUEUE " 0 -1");
    assert_int_equal(list->elements, 2);
    assert_string_equal(list->element[0]->str, "j2");
    assert_string_equal(list->element[1]->str, "j4");
    freeReplyObject(list);
    worker_free(w);
}

static enum queue_cancelled cancel_member(struct worker *w, const char *field, const char *value)
{
    answered = false;
    queue_cancel_waiting(w->q, field, value, strlen(value), "cancelled!", 10, on_cancel, NULL);
    pump_until(base, answered);
    return cancelled;
}

static void cancels_waiting_jobs_only(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 2);
    worker_claim(w, 2);
    worker_end_now(w, &w->got[0],
                   &(struct queue_end){.kind = END_RETRY,
                                       .envelope = "{}",
                                       .envelope_len = 2,
                                       .at_ms = queue_now_ms(w->q) + 100000});
    redisReply *all = cli("HGETALL " KEY_MEMBER);
    assert_int_equal(all->elements, 4);
    for (size_t i = 0; i < 4; i += 2) {
        const char *field = all->element[i]->str, *value = all->element[i + 1]->str;
        bool waits = field[0] == 'w';
        assert_int_equal(cancel_member(w, field, "other"), CANCEL_GONE);
        assert_int_equal(cancel_member(w, field, value), waits ? CANCEL_DONE : CANCEL_LEASED);
    }
    freeReplyObject(all);
    assert_books(w, 2);
    assert_int_equal(worker_count(w)->leased, 1);
    assert_int_equal(w->counts.delayed, 0);
    assert_int_equal(cli_int("ZCARD " KEY_DUE), 1);
    assert_int_equal(cli_int("HLEN " KEY_BATCH), 2); /* the leased one */
    worker_free(w);
}

static long long scripts_run(void)
{
    redisReply *stats = cli("INFO commandstats");
    long long sum = 0;
    static const char *const names[] = {"cmdstat_eval:calls=", "cmdstat_evalsha:calls="};
    for (size_t i = 0; i < 2; i++) {
        const char *at = strstr(stats->str, names[i]);
        sum += at ? atoll(at + strlen(names[i])) : 0;
    }
    freeReplyObject(stats);
    return sum;
}

/* The list moved on by hundreds of long jobs since it was looked at: each script copies few. */
static void cancels_far_from_where_it_was_seen(void **state)
{
    (void)state;
    enum { LEN = 20000, MOVED = 400, SCRIPT_BYTES = 262144 + 8 * LEN };
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    char filler[LEN + 1];
    memset(filler, 'x', LEN);
    filler[LEN] = '\0';
    push_jobs("j", 0, 1);
    for (int i = 0; i < MOVED + 200; i++)
        freeReplyObject(cli("RPUSH " QUEUE " %s", filler));
    freeReplyObject(cli("RPUSH " QUEUE " last"));
    long long before = scripts_run();
    assert_int_equal(cancel_ready(w, MOVED, "j0"), CANCEL_DONE);
    assert_in_range(scripts_run() - before, MOVED * LEN / SCRIPT_BYTES, MOVED);
    assert_int_equal(cancel_ready(w, MOVED, "j0"), CANCEL_GONE);
    assert_int_equal(cancel_ready(w, 512, "last"), CANCEL_GONE);
    assert_int_equal(cancel_ready(w, MOVED + 200, "last"), CANCEL_DONE);
    assert_int_equal(worker_count(w)->dead_list, 2);
    worker_free(w);
}

static void cancels_parked_jobs(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 1);
    worker_claim(w, 1);
    worker_end_now(
        w, &w->got[0],
        &(struct queue_end){.kind = END_PARK, .app = "a", .envelope = "{}", .envelope_len = 2});
    answered = false;
    queue_cancel_listed(w->q, QUEUE_PARKED, "a", 0, "0 2 {}j0", 8, "cancelled!", 10, on_cancel,
                        NULL);
    pump_until(base, answered);
    assert_int_equal(cancelled, CANCEL_DONE);
    assert_books(w, 1);
    assert_int_equal(worker_count(w)->dead_list, 1);
    worker_free(w);
}

/* --- looking --------------------------------------------------------------------------------- */

static char seen[200];

static void on_seen(void *arg, const redisReply *reply)
{
    (void)arg;
    struct buf all;
    buf_init(&all, sizeof seen - 1);
    for (size_t i = 0; reply && i < reply->elements; i++) {
        buf_puts(&all, reply->element[i]->str ? reply->element[i]->str : "*");
        buf_putc(&all, ',');
    }
    if (reply && reply->type == REDIS_REPLY_STRING)
        buf_puts(&all, reply->str);
    snprintf(seen, sizeof seen, "%s", buf_text(&all));
    buf_free(&all);
    if (!reply)
        snprintf(seen, sizeof seen, "nothing");
    answered = true;
}

static const char *look(struct worker *w, struct queue_question question)
{
    answered = false;
    queue_peek(w->q, &question, on_seen, NULL);
    assert_false(answered);
    pump_until(base, answered);
    return seen;
}

static void looks(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 5);
    assert_string_equal(look(w, (struct queue_question){PEEK_PAGE, QUEUE_READY, NULL, 1, 2, NULL}),
                        "j1,j2,");
    assert_string_equal(look(w, (struct queue_question){.what = PEEK_APPS}), "");
    assert_non_null(strstr(look(w, (struct queue_question){.what = PEEK_WORKERS, .n = 9}), "w1,"));
    queue_set_stat(w->q, "{\"sent\":1}");
    queue_extend(w->q);
    pump_until(base, cli_int("HLEN " KEY_STAT) == 1);
    assert_string_equal(look(w, (struct queue_question){.what = PEEK_STAT, .name = "w1"}),
                        "{\"sent\":1}");
    freeReplyObject(cli("HSET " KEY_CONTROL " pause:a 0"));
    assert_string_equal(look(w, (struct queue_question){.what = PEEK_HASH, .name = "control"}),
                        "pause:a,0,");
    assert_string_equal(look(w, (struct queue_question){.what = PEEK_HASH, .name = "flow"}), "");
    freeReplyObject(cli("SET dead x"));
    assert_string_equal(look(w, (struct queue_question){.what = PEEK_LENGTH, .list = QUEUE_DEAD}),
                        "nothing");
    worker_free(w);
}

static void on_left(void *arg, enum queue_done done)
{
    (void)arg;
    (void)done;
    answered = true;
}

static void leaving_takes_the_stat_along(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    queue_set_stat(w->q, "x");
    queue_extend(w->q);
    pump_until(base, cli_int("HLEN " KEY_STAT) == 1);
    answered = false;
    queue_leave(w->q, on_left, NULL);
    pump_until(base, answered);
    assert_int_equal(cli_int("HLEN " KEY_STAT), 0);
    worker_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(replays_from_anywhere, fixture_flush),
        cmocka_unit_test_setup(finds_what_has_moved_up, fixture_flush),
        cmocka_unit_test_setup(letters_alike_go_one_by_one, fixture_flush),
        cmocka_unit_test_setup(drops_and_empty_letters_stay_whole, fixture_flush),
        cmocka_unit_test_setup(oversize_comes_back_when_it_fits, fixture_flush),
        cmocka_unit_test_setup(wrong_type_changes_nothing, fixture_flush),
        cmocka_unit_test_setup(replays_while_redis_is_full, fixture_flush),
        cmocka_unit_test_setup(keeps_the_rest_of_a_long_list, fixture_flush),
        cmocka_unit_test_setup(is_quick_on_a_long_list, fixture_flush),
        cmocka_unit_test_setup(cancels_ready_jobs, fixture_flush),
        cmocka_unit_test_setup(cancels_waiting_jobs_only, fixture_flush),
        cmocka_unit_test_setup(cancels_far_from_where_it_was_seen, fixture_flush),
        cmocka_unit_test_setup(cancels_parked_jobs, fixture_flush),
        cmocka_unit_test_setup(looks, fixture_flush),
        cmocka_unit_test_setup(leaving_takes_the_stat_along, fixture_flush),
    };
    return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
