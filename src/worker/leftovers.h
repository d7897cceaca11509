/* SPDX-License-Identifier: MIT
 * Parked jobs of apps and groups that this worker does not have, and those of its groups that
 * others left for whoever has them, which are taken soon. The former wait while a live worker has
 * the app (a reload on its way through the fleet), and then so long as queue.unserved_ms for one
 * that comes back; after that they are taken as any job is, and end as jobs of an unknown app do.
 * Pure: what Redis says and a clock in, names out. */
#ifndef PB_WORKER_LEFTOVERS_H
#define PB_WORKER_LEFTOVERS_H

#include "config/config.h"
#include "queue/queue.h"

enum { LEFTOVERS_SILENT_MS = 24 * 3600 * 1000, LEFTOVER_NAME_SIZE = 256 };

/* An app that is not in this worker's configuration. */
struct leftover {
    char app[LEFTOVER_NAME_SIZE];
    int64_t since_ms; /* since when no live worker says that it has it */
    int64_t wait_ms;  /* … and how long its jobs wait from then on */
    int64_t jobs;     /* as counted last; −1: not yet */
    bool told, ours;  /* ours: a group of this worker's, for which one without it parked them */
};

struct leftovers {
    struct leftover v[QUEUE_LEFTOVERS_MAX];
    size_t n, from; /* from: where the next look begins, as there may be more than fit */
    int64_t next_ms, asked_ms;
    bool asking;
    bool others_rest; /* every other live worker says that it takes jobs of no app */
};

/* What Redis says: the lengths are those of l->v. unserved_ms: queue.unserved_ms. A live worker
 * that does not say which apps it has (an earlier version) may have any of them, for
 * LEFTOVERS_SILENT_MS. */
void leftovers_see(struct leftovers *l, const struct config *config,
                   const struct queue_leftovers *found, int64_t now_ms);

/* Apps whose jobs have waited long enough. out needs room for QUEUE_LEFTOVERS_MAX. */
size_t leftovers_due(const struct leftovers *l, const struct config *config, int64_t now_ms,
                     struct queue_unpark *out);

int64_t leftovers_jobs(const struct leftovers *l); /* that are parked for such apps */

/* ,"apps":["a",…],"groups":[…]: what a heartbeat says for leftovers_see() of the others. */
void leftovers_write_apps(const struct config *config, struct buf *out);

#endif
