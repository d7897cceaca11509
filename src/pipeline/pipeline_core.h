/* SPDX-License-Identifier: MIT
 * What the pipeline's own modules share. Nobody else includes this. */
#ifndef PB_PIPELINE_PIPELINE_CORE_H
#define PB_PIPELINE_PIPELINE_CORE_H

#include "fleet/shared_stop.h"
#include "pipeline/batch.h"
#include "pipeline/pipeline.h"
#include "pipeline/turns.h"

enum {
    PIPELINE_WINDOW_MIN = 8,
    PIPELINE_AHEAD_MAX = 128,
    PIPELINE_SHARING_ONE = 16,
    PIPELINE_SHARING_MAX = 100,
    PIPELINE_READ_MS = 20, /* of a turn of the loop, for reading jobs */
};

struct pipeline {
    const struct config *config;
    struct sender *sender;
    struct app_credentials *credentials;
    struct router *router;
    const char *worker;
    struct fleet *fleet;
    struct circuits *circuits; /* the fleet's */
    struct shared_stop stops;
    struct own_trouble *own; /* likewise */
    struct flight_list flights;
    struct batch_list unread; /* with flights that are still to be read */
    struct turns turns;       /* calls that are WAITING, and who has how many OUT */
    size_t count, checking;   /* flights: all; CHECKING */
    size_t busy, out, held;   /* calls: all that are neither EMPTY nor OVER; OUT; HELD */
    size_t bytes;             /* the sum of bytes_held */
    size_t sharing;           /* jobs of a call in sixteenths, lately */
    size_t window;            /* calls that may be out: grows to the configured concurrency */
    bool draining;
    struct buf scratch; /* outcome or envelope being written */
    pipeline_freed_fn freed;
    void *arg;
};

/* The app is not paused, and there are keys to sign its calls with. */
bool pipeline_may_call(const struct pipeline *p, size_t app);

/* Jobs of its app are before it in the parked list, or there are so many of them in work that it
 * had better let another app's pass: it is parked, and comes back in its app's turn. */
bool pipeline_sets_aside(const struct flight *f);

/* A batch has become so many calls. shareable: it is no fault of its jobs that there were not more
 * to a call. */
void pipeline_note_sharing(struct pipeline *p, size_t jobs, size_t calls, bool shareable);

/* A flight comes in, and is out: freed, after its end or with the pipeline. */
void pipeline_add(struct pipeline *p, struct flight *f);
void pipeline_drop(struct pipeline *p, struct flight *f);
/* Counts the memory that it takes; parsed: of its JSON, what is kept. */
void pipeline_weigh(struct flight *f, size_t parsed);

/* Of walk.c. A call waited, FORMING, WAITING or HELD, for what may have come: it is decided anew.
 */
void walk_again(struct call *c);
/* Calls that wait take the free slots. */
void walk_fill_slots(struct pipeline *p);
/* Looks up ids of flights that are CHECKING. */
void walk_check_ids(struct pipeline *p);

#endif
