/* SPDX-License-Identifier: MIT
 * One job while this worker holds it: what Redis handed over, what the pure stages made of it,
 * and what has happened so far. It ends exactly once. No I/O: walk.c moves it, this module reads
 * it, and keeps its state. */
#ifndef PB_PIPELINE_FLIGHT_H
#define PB_PIPELINE_FLIGHT_H

#include <sys/queue.h>

#include "config/config.h"
#include "job/envelope.h"
#include "pipeline/call.h"
#include "pipeline/legs.h"
#include "queue/queue.h"

enum flight_state {
    FLIGHT_UNREAD,   /* claimed; its job is still to be read */
    FLIGHT_CHECKING, /* its id is being looked up (queue.dedup_s) */
    FLIGHT_CALLED,   /* in a call, or waiting to be put into one: call->state says more */
    FLIGHT_ENDING,   /* its end is on the way to Redis */
};

TAILQ_HEAD(flight_list, flight);

struct pipeline;
struct batch;

struct flight {
    TAILQ_ENTRY(flight) link;
    enum flight_state state;
    struct pipeline *pipeline;
    const struct config *config; /* that it is read under; held */
    struct queue *queue;
    struct queue_lease *lease;
    struct batch *batch; /* that it was claimed with */
    unsigned pos, crashes;
    bool from_ready; /* neither a retry, nor taken over, nor out of a parked list */
    bool looked_up;  /* a marker of its id may name its origin, which must therefore be kept */
    bool asking;     /* while CHECKING: the answer is on its way */
    bool broken;     /* its call, shared with others, cannot be put together again */
    bool oversize;
    int64_t claimed_at_ms; /* Redis clock */
    char *bytes;
    size_t len;
    struct envelope env;
    struct job job;
    struct plan plan;             /* of the app of the next call */
    const struct config_app *app; /* NULL until the job is read */
    size_t next;                  /* index of the next call of the plan */
    struct legs *group;           /* NULL: one app. The current leg's plan is in plan */
    size_t leg;
    char *foreign;     /* why the claim's configuration makes other calls of it; NULL: it does not.
                          Owned */
    struct call *call; /* that it is in: lone, or one that it shares with others */
    struct call lone;  /* the one that it makes by itself */
    size_t bytes_held; /* memory that it is counted with (memory.h) */
    enum queue_end_kind end; /* while ENDING */
    enum reason reason;      /* of a dead letter */
    int64_t sent_at_ms;      /* when the last call was accepted, Redis clock */
    char *outcome;           /* kept for reply_to while ENDING */
    size_t outcome_len;
};

/* The one place where a flight changes its state. */
void flight_move(struct flight *f, enum flight_state to);

/* Copies what the claim lends. False with e when the stored envelope cannot be read (the flight
 * is still valid: its uid is made up from batch and position). */
MUST_USE bool flight_init(struct flight *f, const struct queue_claim *claim,
                          const struct queue_member *m, struct err *e);
void flight_free(struct flight *f);

/* Job → template → target → plan, in the parts that it was begun in; of the job, what job_trim()
 * leaves stays. False with the dead letter's reason and text. */
MUST_USE bool flight_read(struct flight *f, const struct config *config, struct refusal *why);

/* Its app's index in the configuration in force; the job has been read. One past the last when a
 * reload has removed it: circuit and limits then belong to nobody. */
size_t flight_app(const struct flight *f);
/* What the job names, or its app; NULL until it is read. */
const char *flight_app_name(const struct flight *f);

/* Skips the calls whose part has gone out already, over the apps of a group; false when none is
 * left. */
bool flight_next_call(struct flight *f);
uint64_t flight_part_bit(const struct flight *f);
void flight_record_sent(struct flight *f, const struct reply *reply);

#endif
