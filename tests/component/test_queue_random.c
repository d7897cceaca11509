// SPDX-License-Identifier: MIT
// The queue under random operations of two workers: no job is lost or counted twice; and what a
// job costs Redis.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "support/queue_fixture.h"
#include "support/redis_server.h"

/* --- random operations ----------------------------------------------------------------------- */

enum { WORKERS = 2, HELD_MAX = 256, STEPS = 600 };

struct holder {
    struct worker *w;
    struct got held[HELD_MAX];
    size_t n;
};

static unsigned long seed;

static unsigned pick(unsigned n)
{
    seed = seed * 6364136223846793005UL + 1442695040888963407UL;
    return (unsigned)(seed >> 33) % n;
}

static void hold(struct holder *h)
{
    for (size_t i = 0; i < h->w->n; i++)
        h->held[h->n++] = h->w->got[i];
    h->w->n = 0;
}

static void end_one(struct holder *h, enum queue_end_kind kind)
{
    size_t i = pick((unsigned)h->n);
    struct got g = h->held[i];
    h->held[i] = h->held[--h->n];
    if (kind == END_RETURN && g.envelope[0])
        kind = END_RETRY;
    worker_end(h->w, &g,
               &(struct queue_end){.kind = kind,
                                   .outcome = "{}",
                                   .outcome_len = 2,
                                   .envelope = "{\"e\":1}",
                                   .envelope_len = 7,
                                   .app = pick(2) ? "a" : "b",
                                   .crashes = g.crashes,
                                   .at_ms = queue_now_ms(h->w->q) + pick(50)});
    mem_free(g.bytes);
    mem_free(g.envelope);
}

/* Up to four of one batch. */
static void move_some(struct holder *h)
{
    struct queue_lease *lease = h->held[pick((unsigned)h->n)].lease;
    struct queue_moved moved[4];
    size_t n = 0, left = 0;
    struct queue_regrouping r = {.members = moved, .grouping = "g", .grouping_len = 1};
    for (size_t i = 0; i < h->n; i++) {
        struct got *g = &h->held[i];
        if (g->lease != lease || n == 4) {
            h->held[left++] = *g;
            continue;
        }
        moved[n++] = (struct queue_moved){
            .pos = g->pos, .crashes = g->crashes, .envelope = "{\"g\":1}", .envelope_len = 7};
        mem_free(g->bytes);
        mem_free(g->envelope);
    }
    h->n = left;
    r.n = n;
    r.at_ms = queue_now_ms(h->w->q) + pick(50);
    r.with_next = pick(2);
    queue_regroup(lease, &r, on_finish, h->w);
}

static void random_step(struct holder *h, int *enqueued)
{
    switch (pick(13)) {
    case 0:
        push_jobs("job", *enqueued, *enqueued + 5);
        *enqueued += 5;
        break;
    case 1:
        if (h->n + 64 < HELD_MAX) {
            worker_claim_parked(h->w, pick(12), pick(2) ? "a" : "b", pick(4));
            hold(h);
        }
        break;
    case 2:
        queue_extend(h->w->q);
        break;
    case 3:
        queue_housekeep(h->w->q);
        break;
    case 4:
        if (pick(6) == 0)
            redis_drop(pick(2) ? h->w->cmd : h->w->wait, "test");
        break;
    case 5:
        if (!queue_waiting(h->w->q))
            queue_wait(h->w->q, on_wait, h->w);
        else
            queue_wait_cancel(h->w->q);
        break;
    case 6:
        event_base_loop(base, EVLOOP_NONBLOCK);
        break;
    case 7:
        if (h->n)
            move_some(h);
        break;
    default:
        if (h->n)
            end_one(h, (enum queue_end_kind)pick(6));
    }
}

/* Everything that is still somewhere is claimed and sent. */
static void drain(struct holder *h, int enqueued)
{
    const struct queue_counts *c;
    const struct queue_unpark unparks[] = {{"a", 100}, {"b", 100}};
    do {
        worker_claim_unparks(h->w, 100, unparks, 2);
        hold(h);
        while (h->n)
            end_one(h, END_SENT);
        worker_settle(h->w);
        queue_housekeep(h->w->q);
        c = worker_count(h->w);
    } while (c->ready + c->inbox + c->leased + c->delayed + c->parked > 0);
    assert_int_equal(c->sent + c->dead + c->duplicate, enqueued);
}

static void random_operations_conserve(void **state)
{
    (void)state;
    seed = (unsigned long)clock_wall_ms();
    print_message("seed %lu\n", seed);
    struct holder *holders = mem_zalloc(WORKERS * sizeof *holders);
    const char *const names[WORKERS] = {"w1", "w2"};
    int enqueued = 0;
    for (size_t i = 0; i < WORKERS; i++) {
        const struct queue_opts opts = fixture_opts(names[i]);
        holders[i].w = worker_new(&opts);
    }
    for (int i = 0; i < STEPS; i++) {
        struct holder *h = &holders[pick(WORKERS)];
        random_step(h, &enqueued);
        if (i % 50 == 0) {
            pump_until(base, h->w->up);
            assert_conserved(h->w, enqueued);
        }
    }
    for (size_t i = 0; i < WORKERS; i++) {
        pump_until(base, holders[i].w->up);
        while (holders[i].n)
            end_one(&holders[i], END_RETRY);
        worker_settle(holders[i].w);
        queue_wait_cancel(holders[i].w->q);
        pump_until(base, !queue_waiting(holders[i].w->q));
    }
    assert_conserved(holders[0].w, enqueued);
    drain(&holders[0], enqueued);
    assert_conserved(holders[0].w, enqueued);
    assert_int_equal(cli_int("EXISTS " KEY_BATCH " " KEY_MEMBER " " KEY_DUE), 0);
    for (size_t i = 0; i < WORKERS; i++)
        worker_free(holders[i].w);
    mem_free(holders);
}

/* --- cost ------------------------------------------------------------------------------------ */

static int by_value(const void *a, const void *b)
{
    long long x = *(const long long *)a, y = *(const long long *)b;
    return (x > y) - (x < y);
}

/* The median over batches: Redis measures by the clock, and the machine may be busy. */
static void cost_per_job(void **state)
{
    (void)state;
    enum { BATCHES = 100, BATCH = 64 };
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    char job[400];
    long long usec[BATCHES];
    memset(job, 'x', sizeof job);
    for (int i = 0; i < BATCHES * BATCH; i++)
        freeReplyObject(cli("RPUSH " QUEUE " %b", job, sizeof job));
    for (int i = 0; i < BATCHES; i++) {
        long long before = script_stat("usec=");
        assert_int_equal(worker_claim(w, BATCH), BATCH);
        for (size_t k = 0; k < w->n; k++)
            worker_end(w, &w->got[k],
                       &(struct queue_end){.kind = END_SENT, .outcome = job, .outcome_len = 300});
        worker_settle(w);
        usec[i] = script_stat("usec=") - before;
    }
    qsort(usec, BATCHES, sizeof usec[0], by_value);
    print_message("redis: %.2f us per job\n", (double)usec[BATCHES / 2] / (double)BATCH);
    assert_conserved(w, BATCHES * BATCH);
    worker_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(random_operations_conserve, fixture_flush),
        cmocka_unit_test_setup(cost_per_job, fixture_flush),
    };
    return cmocka_run_group_tests_name("queue random", tests, fixture_start, fixture_stop);
}
