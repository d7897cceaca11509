/* SPDX-License-Identifier: MIT
 * What an operator's tools ask of a queue and take out of it. A queue for tools is made with
 * wait NULL and is never opened: it claims nothing and has no heartbeat. */
#ifndef PB_QUEUE_QUEUE_TOOL_H
#define PB_QUEUE_QUEUE_TOOL_H

#include "queue/queue.h"

/* reply is borrowed for the call; NULL where Redis did not answer or answered with an error, which
 * has been logged. Called exactly once, never before the asking function returns. */
typedef void (*queue_peek_fn)(void *arg, const redisReply *reply);

enum queue_list { QUEUE_READY, QUEUE_INBOX, QUEUE_PARKED, QUEUE_RESULTS, QUEUE_DEAD };

enum queue_peek {
    PEEK_TIME,    /* Redis' clock; queue_now_ms() goes by it from then on */
    PEEK_LENGTH,  /* integer: elements of a list */
    PEEK_PAGE,    /* array: n elements of a list from the given place on */
    PEEK_APPS,    /* array: apps ever parked */
    PEEK_WORKERS, /* array: worker, end of its heartbeat (Redis ms), …; n of them, in the order of
                     their ends, from the given place on */
    PEEK_STAT,    /* text: what a worker says of itself; nil where it says nothing */
    PEEK_COUNTERS, /* array: name, value, … */
    PEEK_HASH,     /* array: field, value, … of K:<name>, which is no queue's (fleet_store.h) */
    PEEK_MEMBERS,  /* array: next cursor, array of "<batch>:<position>", value, … */
};
struct queue_question {
    enum queue_peek what;
    enum queue_list list; /* LENGTH, PAGE */
    const char *name;     /* of a worker (INBOX, STAT), of a parked list's app, of a hash */
    int64_t from, n;      /* PAGE, WORKERS, n ≤ QUEUE_PAGE_MAX */
    const char *cursor;   /* MEMBERS: "0" at first and at the end */
};
enum { QUEUE_PAGE_MAX = 1000 };
void queue_peek(struct queue *q, const struct queue_question *question, queue_peek_fn fn,
                void *arg);

/* Shows a key of each kind that workers of this queue touch: its lists, the worker's own, and where
 * a kind has one for each worker, app or id, that of `name`. For trying rights. */
typedef void (*queue_key_fn)(void *arg, const char *key);
void queue_each_key(struct queue *q, const char *name, queue_key_fn fn, void *arg);

/* The last error that Redis answered about the queue; "" when there was none. */
const char *queue_last_error(const struct queue *q);
/* Why its server cannot be asked; "" when it can, or nothing is known. */
const char *queue_down_why(const struct queue *q);
const char *queue_dead_list(const struct queue *q); /* its key */
const char *queue_oversize_key(const struct queue *q);

/* --- taking out --- */

enum { QUEUE_MOVE_MAX = 8, QUEUE_MOVE_BYTES = 1 << 20 };

/* A dead letter as it was seen at a place of the list. */
struct queue_letter {
    int64_t place;
    const char *text;
    size_t len;
    const char *oversize; /* key of its bytes in K:oversize, NULL: none */
    /* Of a replay: the job, and when it is due (Redis ms). */
    const char *envelope, *bytes;
    size_t envelope_len, bytes_len;
    int64_t at_ms;
};
enum queue_removed {
    MOVED_GONE, /* somebody else took it, or the list has changed too much */
    MOVED_DONE,
    MOVED_BYTES_GONE, /* its oversize bytes are no longer there */
    MOVED_TOO_LARGE,  /* they are longer than job_max_bytes */
    MOVED_UNKNOWN,    /* Redis did not answer: done or not done */
};
typedef void (*queue_moved_fn)(void *arg, const enum queue_removed *each, size_t n);
/* Takes n letters (≤ QUEUE_MOVE_MAX) out of the dead list in one step: their jobs to due as waiting
 * retries, counted as replayed, or, with drop, for good, counted as dropped. Deep inside a long
 * list (over 5000 from either end) the list's first letters take their places, so that the step
 * stays short; else the order is kept. */
void queue_dead_move(struct queue *q, const struct queue_letter *letters, size_t n, bool drop,
                     queue_moved_fn fn, void *arg);

enum queue_cancelled { CANCEL_GONE, CANCEL_DONE, CANCEL_LEASED, CANCEL_UNKNOWN };
typedef void (*queue_cancelled_fn)(void *arg, enum queue_cancelled how);
/* Ends a job with the given outcome as a dead letter: one that was seen at a place of a list
 * (READY, INBOX, PARKED), or one that waits in due (field "<batch>:<position>"). */
void queue_cancel_listed(struct queue *q, enum queue_list list, const char *name, int64_t place,
                         const char *element, size_t len, const char *outcome, size_t outcome_len,
                         queue_cancelled_fn fn, void *arg);
void queue_cancel_waiting(struct queue *q, const char *field, const char *value, size_t len,
                          const char *outcome, size_t outcome_len, queue_cancelled_fn fn,
                          void *arg);

#endif
