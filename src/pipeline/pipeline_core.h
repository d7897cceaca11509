/* SPDX-License-Identifier: MIT
 * What the pipeline's own modules share: walk.c walks a flight to its calls, answer.c
 * settles what a reply means for it, ending.c brings it to its end in Redis. Nobody else includes
 * this. */
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
    struct batch_list unread;         /* with flights that are still to be read */
    struct turns turns;               /* those WAITING, and who has how many OUT */
    size_t count, busy, out, held;    /* all; not yet FINISHING; OUT; HELD */
    size_t bound;                     /* BOUND */
    size_t checking;                  /* CHECKING */
    size_t bytes;                     /* the sum of bytes_held */
    void (*on_new)(struct flight *f); /* goes on with one whose id is new */
    size_t sharing;                   /* jobs of a call in sixteenths, lately */
    size_t window; /* calls that may be out: grows to the configured concurrency */
    bool draining;
    struct buf scratch; /* outcome or envelope being written */
    pipeline_freed_fn freed;
    void *arg;
};

struct circuit *pipeline_circuit(const struct flight *f); /* its app's; the job has been read */
/* Its app's index in the configuration in force; likewise. One past the last when a reload has
 * removed it: circuit and limits then belong to nobody. */
size_t pipeline_app(const struct flight *f);

/* The app is not paused, and there are keys to sign its calls with. */
bool pipeline_may_call(const struct pipeline *p, size_t app);

/* Jobs of its app are before it in the parked list, or there are so many of them in work that it
 * had better let another app's pass: it is parked, and comes back in its app's turn. */
bool pipeline_sets_aside(const struct flight *f);

/* The one place where a flight changes its state. */
void pipeline_move(struct flight *f, enum flight_state to);

/* A batch has become so many calls. shareable: it is no fault of its jobs that there were not more
 * to a call. */
void pipeline_note_sharing(struct pipeline *p, size_t jobs, size_t calls, bool shareable);

/* Counts the memory that it takes; parsed: of its JSON, what is kept. */
void pipeline_weigh(struct flight *f, size_t parsed);

/* Takes the flight out of the pipeline and frees it. */
void pipeline_drop(struct pipeline *p, struct flight *f);

#endif
