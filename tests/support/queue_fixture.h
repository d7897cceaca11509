/* SPDX-License-Identifier: MIT
 * Workers of a queue on a test's own redis-server, and calls that run the loop until the answer
 * is there. */
#ifndef TEST_QUEUE_FIXTURE_H
#define TEST_QUEUE_FIXTURE_H

#include "queue/queue_core.h"
#include "support/keys.h"
#include "support/pump.h"
#include "support/redis_server.h"

enum { LEASE_MS = 400, GOT_MAX = 512 };

/* One member as a claim handed it out. */
struct got {
    struct queue_lease *lease;
    char batch[17], digest[17], marks[32];
    int64_t t0_ms, now_ms;
    unsigned pos, crashes;
    bool taken_over, oversize;
    char *envelope, *bytes;
    size_t len;
    char grouping[64];
};

struct worker {
    struct redis *cmd, *wait;
    struct queue *q;
    bool up, wait_up, opened, open_ok;
    char why[160];
    bool auto_open;
    struct got got[GOT_MAX]; /* of the last claim */
    size_t n, batches;
    int done;
    bool claim_done;
    bool alone;         /* passed to the next claims */
    int64_t parked_max; /* likewise; 0: 1000 */
    int waits, moved;   /* wait callbacks, and those with a job */
    int finished, stale;
    char marked[64]; /* what the last mark that was done told */
    struct queue_counts counts;
    bool counted;
};

extern struct redis_server server;
extern struct event_base *base;

int fixture_start(void **state); /* group setup: server and loop */
int fixture_stop(void **state);
int fixture_flush(void **state); /* test setup: an empty server */

struct queue_opts fixture_opts(const char *name);
struct worker *worker_new(const struct queue_opts *opts); /* connected and open */
struct worker *worker_new_closed(const struct queue_opts *opts);
void worker_free(struct worker *w);
void worker_reconnect(struct worker *w);

int worker_ask(struct worker *w, const struct queue_ask *ask);
int worker_claim(struct worker *w,
                 unsigned n); /* → w->got, w->n; the ready ones, or −CLAIM_HELD … */
int worker_claim_unparks(struct worker *w, unsigned n, const struct queue_unpark *unparks,
                         size_t nunparks);
int worker_claim_parked(struct worker *w, unsigned n, const char *app, unsigned limit);
/* Starts a finish; its callback counts in w->finished or w->stale. */
void worker_end(struct worker *w, const struct got *g, const struct queue_end *end);
void worker_sent(struct worker *w, const struct got *g);
enum queue_done worker_end_now(struct worker *w, const struct got *g, const struct queue_end *end);
const struct queue_counts *worker_count(struct worker *w);
void worker_settle(struct worker *w); /* until no finish is unconfirmed */

void on_finish(void *arg, enum queue_done done); /* arg: the worker */
void on_mark(void *arg, enum queue_done done, const char *text, size_t len);
void on_wait(void *arg, bool moved);

/* Of the last claim's first batch; waits for the answer, which is counted and kept in marked. */
void worker_mark(struct worker *w, const char *grouping);
/* Moves the members in got at these places. Their envelopes become "{<position>}", their crashes
 * one more than their position; the answer is counted. */
void worker_regroup(struct worker *w, const unsigned *at, size_t n,
                    const struct queue_regrouping *how);
/* Cuts the connection when Redis has run one script more and nobody has read its answer. */
void worker_lose_answer(struct worker *w);
void fixture_turn(void); /* one turn of the loop: what it writes is not answered within it */

/* What INFO commandstats says of EVALSHA: "calls=", "usec=". */
long long script_stat(const char *field);
void kill_heartbeat(const char *worker);

/* redis-cli, as it were: printf-like with %s and %b of hiredis. */
redisReply *cli(const char *format, ...);
long long cli_int(const char *format, ...);
char *cli_text(const char *format, ...);              /* malloc'd; NULL for nil */
void push_jobs(const char *prefix, int from, int to); /* "<prefix><i>" */
/* enqueued = everything that is somewhere, and the internal books agree. */
void assert_conserved(struct worker *w, int64_t enqueued);

#endif
