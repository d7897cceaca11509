/* SPDX-License-Identifier: MIT
 * Walks each claimed job to its end (walk.c), by calls that one job makes or several share. Owns
 * the flights; knows nothing of claims, credits and connections, which are the dispatcher's. */
#ifndef PB_PIPELINE_PIPELINE_H
#define PB_PIPELINE_PIPELINE_H

#include "fleet/fleet.h"
#include "keys/app_credentials.h"
#include "pipeline/flight.h"
#include "pipeline/sender.h"
#include "redis/router.h"

struct pipeline;

/* A flight has ended and its credit is free. */
typedef void (*pipeline_freed_fn)(void *arg);

/* config, sender, credentials, fleet and router (for reply_to lists) are borrowed. */
struct pipeline *pipeline_new(const struct config *config, struct sender *sender,
                              struct app_credentials *credentials, struct fleet *fleet,
                              struct router *router, const char *worker, pipeline_freed_fn fn,
                              void *arg);
/* Frees flights that never ended, without a word to Redis: their leases run out. */
void pipeline_free(struct pipeline *p);

/* Takes over all members of a batch that was claimed under config (held while they last), for
 * pipeline_read(). */
void pipeline_take(struct pipeline *p, const struct queue_claim *claim, struct queue *queue,
                   const struct config *config);
/* Reads and starts jobs that have been taken over, for PIPELINE_READ_MS and the one that it is at
 * then; true: some are left, for another turn of the loop, so that leases are extended in time and
 * answers are read meanwhile. When the worker drains, the lease was lost, Redis refuses the queue
 * or another configuration came, they go back unread. */
bool pipeline_read(struct pipeline *p);

/* Another configuration (borrowed) from now on, after the fleet's and the credentials'. Calls on
 * the wire are settled under the one that they were made by; what has not been sent goes back, to
 * be read anew. */
void pipeline_set_config(struct pipeline *p, const struct config *config);

/* Each tick, and when tokens came: looks again at flights that could not start their call. */
void pipeline_tick(struct pipeline *p);

/* From now on no new call is started: what is not on the wire goes back to Redis. */
void pipeline_drain(struct pipeline *p);

size_t pipeline_flights(const struct pipeline *p); /* all that are held … */
size_t pipeline_bytes(const struct pipeline *p); /* … and the memory that they take (memory.h) */
/* Calls that are to be made or on the wire: those whose end is not yet on the way, jobs that share
 * one counted once. */
size_t pipeline_busy(const struct pipeline *p);
/* Of these two, those of one queue. */
void pipeline_load_of(const struct pipeline *p, const struct queue *queue, size_t *busy,
                      size_t *held);
/* Redis refuses to serve the queue (queue_refused()): what is held of it and waits for its call
 * goes back. As long as that lasts, none of its jobs begins one. */
void pipeline_give_back(struct pipeline *p, const struct queue *queue);
/* How many calls so many jobs will make, and the other way round, as it was lately. */
size_t pipeline_calls(const struct pipeline *p, size_t jobs);
size_t pipeline_jobs(const struct pipeline *p, size_t calls);
const struct circuit *pipeline_circuit_at(const struct pipeline *p, size_t app); /* by config */
bool pipeline_all_open(const struct pipeline *p); /* no app takes jobs, probes aside */
/* No worker takes any, by what the fleet agreed on: each app is paused or its circuit not closed.
 */
bool pipeline_all_rest(const struct pipeline *p);
bool pipeline_takes(const struct pipeline *p, size_t app);
size_t pipeline_takers(const struct pipeline *p); /* apps that do */
/* How many calls it is worth to hold jobs for, while they are plenty. */
size_t pipeline_most(const struct pipeline *p);

/* Appends ,"circuits":{"app":"open",…} with those that are not closed; nothing when all are. */
void pipeline_write_circuits(const struct pipeline *p, struct buf *out);

/* Apps whose parked jobs may be taken now, and how many of n: those with a closed circuit, tokens
 * and no pause. out needs room for CONFIG_APPS_MAX. */
size_t pipeline_drainable(struct pipeline *p, size_t n, struct queue_unpark *out);
/* Apps whose probe is due, and how many of their parked jobs make sure that there is one among them
 * that has not failed: n at most for all. */
size_t pipeline_probes(const struct pipeline *p, unsigned n, struct queue_unpark *out);
/* An app is held by this worker's own trouble, and its probe is due: it waits for a job as the
 * others do, else those that are well would take each before it is looked for. */
bool pipeline_seeks(const struct pipeline *p);
/* Apps that take no jobs, or whose calls a cool-down holds: some of their parked ones are looked at
 * now and then, of n an even part for each, and end when their time is over, else they are parked
 * again. A cool-down may hold the calls of one action only, and the others' jobs then go out: so
 * its apps are left out without room for more. Likewise room for all. */
size_t pipeline_sweepable(const struct pipeline *p, unsigned n, bool room,
                          struct queue_unpark *out);

#endif
