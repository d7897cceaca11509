/* SPDX-License-Identifier: MIT
 * One app's circuit: trouble that is not the job's (I5) opens it, then one probe at a time tests
 * whether it is over. A job whose probe failed is no probe again before others had their chance: it
 * may be its own doing. Jobs are told apart by a hash of their uid. Pure state; time is an
 * argument.
 */
#ifndef PB_FLEET_CIRCUIT_H
#define PB_FLEET_CIRCUIT_H

#include "job/verdict.h"

enum {
    CIRCUIT_PROBE_CAP_MS = 30000,
    CIRCUIT_BEHIND_MS =
        1500, /* so long a due probe is left to workers without trouble of their own */
    CIRCUIT_FAILED_MAX = 8,     /* jobs whose probes failed that are remembered: the last */
    CIRCUIT_PATIENCE_MS = 1000, /* so long a due probe is left to other jobs, wherever they lie */
    CIRCUIT_DOUBT_MS = 600000,
    CIRCUIT_CODE_SIZE = 96,
};

/* Jobs whose probes failed since the circuit opened, the one that opened it included; the oldest of
 * too many is forgotten. Their own turn comes at at_ms, and twice as late after each that fails. */
struct circuit_failed {
    uint64_t jobs[CIRCUIT_FAILED_MAX];
    size_t n;
    int64_t wait_ms, at_ms;
};

enum circuit_state { CIRCUIT_CLOSED, CIRCUIT_OPEN, CIRCUIT_PROBING };
const char *circuit_state_name(enum circuit_state s);

struct circuit {
    enum circuit_state state;
    int64_t failures_max;  /* a row of this many opens it: 5 */
    int64_t probe_base_ms; /* first probe after this, doubling to the cap */
    int64_t probe_wait_ms, probe_at_ms;
    bool shared;            /* a probe needs the fleet's lease too … */
    int64_t leased_till_ms; /* … which ends then; 0: none */
    bool behind;          /* … for which others go first: what failed may be this worker's own */
    int64_t row_began_ms; /* when the row's first failure came; 0: no row */
    int64_t row;          /* transient or unanswered results in a row */
    int64_t unknown_row;  /* rejections with one unknown code in a row */
    uint64_t row_job;     /* hash of the row's last job … */
    bool row_of_many;     /* … and whether another joined it */
    char unknown_code[CIRCUIT_CODE_SIZE], why[CIRCUIT_CODE_SIZE];
    struct circuit_failed failed;
    uint64_t failed_job; /* the last of them */
    /* A code that opened it, until a success elsewhere showed that it was the job's: for a while it
     * opens it only as a row. */
    char doubted[CIRCUIT_CODE_SIZE];
    int64_t doubted_till_ms;
};

void circuit_init(struct circuit *c, int64_t failures_max, int64_t probe_base_ms);

uint64_t circuit_job(const char *uid); /* the hash; never 0 */

/* What a reply says of the app's health. again: an AUTH answer to a job that had one before, which
 * is no news and opens nothing. Returns true when the circuit is open afterwards. */
bool circuit_note(struct circuit *c, const struct reply *reply, uint64_t job, bool again,
                  int64_t now_ms);

/* Opens at once: a PAUSE verdict. */
void circuit_trip(struct circuit *c, const char *why, uint64_t job, int64_t now_ms);

/* May this job of the app be sent now? In the open state at most one probe is let through; the
 * caller must report its reply, or give it back by circuit_probe_lost(). */
bool circuit_admit(struct circuit *c, uint64_t job, int64_t now_ms);
/* Whether circuit_admit() would let it through. */
bool circuit_admits(const struct circuit *c, uint64_t job, int64_t now_ms);
bool circuit_probe_due(const struct circuit *c, int64_t now_ms);
void circuit_probe_lost(struct circuit *c);
/* Open, its time has come, and only the fleet's lease is missing. */
bool circuit_wants_lease(const struct circuit *c, int64_t now_ms);

/* Another worker opened it, or its next probe was put off: times on this worker's clock. */
void circuit_adopt(struct circuit *c, int64_t wait_ms, int64_t probe_at_ms, const char *why,
                   const struct circuit_failed *failed);
/* What has just opened it is, or may be, this worker's own business: closed again, and nothing is
 * learnt of it. */
void circuit_leave(struct circuit *c);
void circuit_close(struct circuit *c, int64_t now_ms); /* another worker's probe succeeded */

#endif
