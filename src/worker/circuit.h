/* SPDX-License-Identifier: MIT
 * One app's circuit: trouble that is not the job's (I5) opens it, then one probe at a time tests
 * whether it is over. Pure state; time is an argument. */
#ifndef PB_CIRCUIT_H
#define PB_CIRCUIT_H

#include "job/verdict.h"

enum { CIRCUIT_PROBE_CAP_MS = 30000 };

enum circuit_state { CIRCUIT_CLOSED, CIRCUIT_OPEN, CIRCUIT_PROBING };
const char *circuit_state_name(enum circuit_state s);

struct circuit {
    enum circuit_state state;
    int64_t failures_max;  /* a row of this many opens it: 5 */
    int64_t probe_base_ms; /* first probe after this, doubling to the cap */
    int64_t probe_wait_ms, probe_at_ms;
    bool shared;            /* a probe needs the fleet's lease too … */
    int64_t leased_till_ms; /* … which ends then; 0: none */
    int64_t row_began_ms;   /* when the row's first failure came; 0: no row */
    int64_t row;            /* transient or unanswered results in a row */
    int64_t unknown_row;    /* rejections with one unknown code in a row */
    uint64_t row_job;       /* hash of the row's last job … */
    bool row_of_many;       /* … and whether another joined it */
    char unknown_code[96], why[96];
};

void circuit_init(struct circuit *c, int64_t failures_max, int64_t probe_base_ms);

/* What a reply says of the app's health. job is a hash of the job's
 * uid. Returns true when the circuit is open afterwards. */
bool circuit_note(struct circuit *c, const struct reply *reply, uint64_t job, int64_t now_ms);

/* Opens at once: a PAUSE verdict. */
void circuit_trip(struct circuit *c, const char *why, int64_t now_ms);

/* May a job of the app be sent now? In the open state at most one probe is let through; the
 * caller must report its reply, or give it back by circuit_probe_lost(). */
bool circuit_admit(struct circuit *c, int64_t now_ms);
bool circuit_probe_due(const struct circuit *c, int64_t now_ms);
void circuit_probe_lost(struct circuit *c);
/* Open, its time has come, and only the fleet's lease is missing. */
bool circuit_wants_lease(const struct circuit *c, int64_t now_ms);

/* Another worker opened it, or its next probe was put off: times on this worker's clock. */
void circuit_adopt(struct circuit *c, int64_t wait_ms, int64_t probe_at_ms, const char *why);
void circuit_close(struct circuit *c); /* another worker's probe succeeded */

#endif
