/* SPDX-License-Identifier: MIT
 * One job while this worker holds it: what Redis handed over, what the pure stages made of it,
 * and what has happened so far. No I/O: the dispatcher moves it, this module reads and writes
 * its outcome and its envelope. */
#ifndef PB_PIPELINE_FLIGHT_H
#define PB_PIPELINE_FLIGHT_H

#include <sys/queue.h>

#include "config/config.h"
#include "job/envelope.h"
#include "pipeline/legs.h"
#include "queue/queue.h"

enum flight_state {
    FLIGHT_UNREAD,    /* claimed; its job is still to be read */
    FLIGHT_READY,     /* planned, its next call is not out */
    FLIGHT_CHECKING,  /* its id is being looked up (queue.dedup_s) */
    FLIGHT_WAITING,   /* claimed ahead: starts when a call slot is free */
    FLIGHT_GATHERING, /* may share a call with others of its batch that are not ready yet */
    FLIGHT_MARKING,   /* leads a call of several: their grouping is being recorded */
    FLIGHT_BOUND,     /* goes where the leader of its call goes */
    FLIGHT_HELD,      /* the lease is too short to start a call; looked at on each tick */
    FLIGHT_OUT,       /* a call is on the wire */
    FLIGHT_FINISHING, /* its end is on the way to Redis */
};

TAILQ_HEAD(flight_list, flight);

struct pipeline;
struct bundle;
struct batch;

struct flight {
    TAILQ_ENTRY(flight) link, turn; /* turn: while WAITING */
    size_t turn_app;                /* whose turn it takes, while WAITING or OUT */
    enum flight_state state;
    struct pipeline *pipeline;
    const struct config *config; /* that it is read under; held */
    struct queue *queue;
    struct queue_lease *lease;
    unsigned pos, crashes;
    bool from_ready;      /* neither a retry, nor taken over, nor out of a parked list */
    bool looked_up;       /* a marker of its id may name its origin, which must therefore be kept */
    bool asking;          /* while CHECKING: the answer is on its way */
    bool broken;          /* its call, shared with others, cannot be put together again */
    bool oversize, probe; /* probe: lets an open circuit's trial call through */
    bool own_probe;       /* likewise, of an app that is held for this worker's own trouble */
    int64_t claimed_at_ms;   /* Redis clock */
    int64_t checked_boot_ms; /* when the lease was last seen long enough for a call */
    char *bytes;
    size_t len;
    struct envelope env;
    struct batch *batch;   /* that it was claimed with */
    struct bundle *bundle; /* with which it shares its call; NULL: alone */
    struct flight *self;   /* the flight, as a list of one */
    unsigned task;         /* of the bundle's call */
    char *foreign; /* why the claim's configuration makes other calls of it; NULL: it does not.
                      Owned */
    char *another; /* why its next call is not the one that may be out; NULL: it is. Owned */
    int compared;  /* the part that another was made for; −1: none yet (again.h) */
    struct flight *after; /* while FINISHING: moves in the same step, or NULL */
    struct job job;
    struct params *made;          /* its call's parameters, kept from gathering; NULL: not yet */
    struct plan plan;             /* of the app of the next call */
    const struct config_app *app; /* NULL until the job is read */
    size_t next;                  /* index of the next call of the plan */
    struct legs *group;           /* NULL: one app. The current leg's plan is in plan */
    size_t leg;
    int64_t rest_ms;      /* of its account, as known when its call was throttled */
    int64_t tokenless_us; /* since when its next call is held for a rate token; 0: it is not */
    unsigned keys_issue;  /* of the keys that signed the last call */
    bool keys_renewed;    /* they were refused; a repeat is signed with others */
    struct reply last;    /* last reply, class SENT at first */
    bool has_reply;
    size_t bytes_held;       /* memory that it is counted with (memory.h) */
    enum queue_end_kind end; /* while FINISHING */
    enum reason reason;      /* of a dead letter */
    int64_t sent_at_ms;      /* when the last call was accepted, Redis clock */
    char *outcome;           /* kept for reply_to while FINISHING */
    size_t outcome_len;
};

/* Copies what the claim lends. False with e when the stored envelope cannot be read (the flight
 * is still valid: its uid is made up from batch and position). */
bool flight_init(struct flight *f, const struct queue_claim *claim, const struct queue_member *m,
                 struct err *e);
void flight_free(struct flight *f);

/* Job → template → target → plan, in the parts that it was begun in; of the job, what job_trim()
 * leaves stays. False with the dead letter's reason and text. */
bool flight_read(struct flight *f, const struct config *config, struct refusal *why);

/* What the job names, or its app; NULL until it is read. */
const char *flight_app_name(const struct flight *f);

/* Skips the calls whose part has gone out already, over the apps of a group; false when none is
 * left. */
bool flight_next_call(struct flight *f);
uint64_t flight_part_bit(const struct flight *f);
void flight_record_sent(struct flight *f, const struct reply *reply);
/* Before its envelope or dead letter is written: by which configuration and in which parts it was
 * made, while some of it is or may be out. */
void flight_keep_begun(struct flight *f);

/* The outcome's JSON. reason NONE: sent, or a duplicate where f->end says so. text, when not NULL,
 * is our own refusal. */
void flight_write_outcome(const struct flight *f, enum reason reason, bool maybe_sent,
                          const char *text, const char *worker, int64_t now_ms, struct buf *out);

#endif
