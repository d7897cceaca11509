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
    /* gather.c's: */
    void (*go)(struct flight *f);
    bool recorded; /* a grouping is binding, or has been asked for */
    bool started;  /* the recorded calls' leaders have gone on */
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
/* Calls that it makes; a bundle is one. */
size_t batch_calls(const struct batch *b);

#endif
