/* SPDX-License-Identifier: MIT
 * What the dispatcher's own modules share: claims.c decides what is claimed and when, looks.c looks
 * at parked jobs of apps that take none, ahead.c for jobs of other apps behind those of one,
 * watchdog.c for what should not be, dispatch.c drives both and drains. Nobody else includes
 * this. */
#ifndef PB_WORKER_DISPATCH_CORE_H
#define PB_WORKER_DISPATCH_CORE_H

#include "base/timer.h"
#include "worker/aside.h"
#include "worker/dispatch.h"
#include "worker/groups_apart.h"
#include "worker/heartbeat.h"
#include "worker/leftovers.h"

enum { WORKER_NAME_SIZE = 128 };

/* One queue as the dispatcher serves it. */
struct lane {
    struct dispatch *d;
    struct redis *cmd, *wait; /* cmd: its own in a cluster, else the one of all */
    struct queue *queue;
    char *results, *dead;
    bool open;                        /* schema checked on the live connection */
    bool newer;                       /* its schema is one that this program does not know */
    bool maybe_ready;                 /* the last claim came back full, or something woke us */
    const struct config *asked_under; /* the configuration of the claim that is out; held */
    bool got;                         /* the claim that is out has brought jobs */
    bool leaving, left;               /* its inbox is being emptied; is: the last step of a drain */
    unsigned reserved;                /* credits that a claim under way may use up */
    size_t asked_bytes;               /* and memory (room.h) */
    int64_t asked_ms;                 /* since when */
    bool asked_ready;                 /* a look that is out may bring ready jobs */
    struct aside aside;               /* whether Redis refuses to serve it */
    bool alone;   /* that claim may bring a suspect (I4): no other goes beside it */
    bool suspect; /* and has brought one */
    int64_t claimed_ms, dropped_ms; /* as dispatch_lane shows it */
    int64_t moved_ms;           /* the watchdog: a claim was answered, or none was to be expected */
    int64_t next_alarm_ms;      /* when the dead letters are counted next */
    int64_t next_sweep_ms;      /* when parked jobs are looked at next for their deadlines */
    int64_t next_look_ms;       /* … and for a probe */
    int64_t next_rest_ms;       /* when ready ones are parked next, while all apps rest */
    bool woken;                 /* the idle wait moved a job into the inbox */
    struct leftovers leftovers; /* parked for apps that are not configured */
    struct groups_apart groups_apart;
    unsigned turn;              /* of the apps, in its claims */
    bool full[CONFIG_APPS_MAX]; /* it has been said that so many jobs of the app are parked */
    bool stopped;               /* likewise of all apps */
    bool alarmed;
};

struct dispatch {
    struct event_base *base;
    const struct config *config;
    char worker[WORKER_NAME_SIZE];
    struct redis *cmd; /* NULL in a cluster */
    struct router *router;
    struct sender *sender;
    struct app_credentials *credentials;
    struct fleet *fleet;
    struct pipeline *pipeline;
    struct heartbeat heartbeat;
    struct lane *lanes;
    size_t turn; /* fair: the lane that is served first */
    struct timer *tick, *extend, *pump, *read, *drain_timer;
    int64_t memory_bytes;      /* that jobs may take */
    bool memory_full;          /* nothing is claimed for it */
    bool backlog;              /* the last claim came back full */
    int64_t next_ahead_ms;     /* no look ahead before */
    int64_t cpu_ms, cpu_at_ms; /* of the process, as the last tick saw it … */
    unsigned cpu_percent;      /* … and its share since the one before */
    bool alone; /* a suspect (I4) is being tried, or waits until nothing else is held */
    bool draining, until_empty, counting, ended;
    size_t counts_due;
    int64_t counted_jobs;
    bool counts_ok;
    dispatch_end_fn fn;
    void *arg;
};

/* --- what the worker (worker.c) begins and wires ---------------------------------------------- */

void dispatch_wind_up(struct dispatch *d); /* makes the timers; those that recur run */
void dispatch_wind_down(struct dispatch *d);
void dispatch_on_redis(void *arg, enum redis_state state, const char *why); /* arg: the dispatch */
void dispatch_on_lane_redis(void *arg, enum redis_state state, const char *why); /* a lane */
void dispatch_on_wait_redis(void *arg, enum redis_state state, const char *why); /* likewise */
void dispatch_on_freed(void *arg); /* a job has ended */
void dispatch_on_news(void *arg);  /* tokens or keys came, a circuit or a pause changed */

/* "<host>-<pid>-<random>": no other worker has its name. */
void dispatch_name_worker(struct dispatch *d);

/* Looks soon at what can be claimed, or at how far a drain has come. */
void dispatch_pump_soon(struct dispatch *d);
void dispatch_pump_in(struct dispatch *d, int64_t ms); /* unless sooner */

/* Hands a claim of the lane to the pipeline. Its jobs are read from the next turn of the loop on,
 * and in as many as it takes. */
void dispatch_take(struct lane *lane, const struct queue_claim *claim);
/* For d->read. */
void dispatch_on_read(void *arg);

#endif
