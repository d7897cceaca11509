/* SPDX-License-Identifier: MIT
 * The flights of one claim, while any of them is held or still to be read: what shares calls is
 * decided among them. */
#ifndef PB_PIPELINE_BATCH_H
#define PB_PIPELINE_BATCH_H

#include "job/coalesce.h"
#include "pipeline/flight.h"

struct batch {
    TAILQ_ENTRY(batch) link; /* while unread */
    struct pipeline *pipeline;
    struct queue_lease *lease;
    char id[GROUPING_ID_SIZE];
    struct flight **flights; /* NULL where one has left */
    size_t n, held;          /* held: flights, and one more for who reads them */
    bool unread;             /* some are still to be read … */
    size_t next;             /* … from this one on */
    size_t calls;            /* that were recorded, and jobs outside of them, as it was claimed */
    char *digest, *marks;    /* the configuration of the claim's first holder */
    bool recorded;           /* who shares calls is binding, or has been asked to be */
    bool started;            /* the recorded calls have gone on */
    bool counted;
    bool lone;                   /* one job, which might have shared a call */
    struct coalesce_item *items; /* those that may share a call */
    size_t nitems;
    struct buf text; /* of the grouping that is being recorded */
};

TAILQ_HEAD(batch_list, batch);

/* Unread. */
struct batch *batch_new(struct pipeline *p, const struct queue_claim *claim);
/* The claim's members, in its order. */
void batch_add(struct batch *b, struct flight *f);
void batch_leave(struct flight *f);  /* freed with the last, once it has been read */
void batch_release(struct batch *b); /* by who has read it: gone where its flights are */
struct flight *batch_at(const struct batch *b, unsigned pos); /* NULL: not there (any more) */
/* Calls that it makes; one that jobs share is one. */
size_t batch_calls(const struct batch *b);
bool batch_is_checking(const struct batch *b); /* ids of it are being looked up */
/* Calls of jobs that have been read and are in that state; out needs room for one a job. */
size_t batch_calls_in(const struct batch *b, enum call_state state, struct call **out);

#endif
