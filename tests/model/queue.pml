/* SPDX-License-Identifier: MIT
 * The queue's protocol in Redis: what src/queue/lua and src/queue/queue_*.c do, without the bytes.
 * docs/model.md says what is modelled, what is assumed, and how many states there are.
 *
 * Here: choices, times and state. steps.pml has what a script does, parties.pml who runs it when,
 * names.pml makes states one that differ in names only.
 *
 * A script is one d_step; a comment names it (claim, finish, mark, regroup, extend, reap, halve, promote,
 * adopt, park, audit). A set of jobs is a bit mask. Time is what is left of each timer; tick takes
 * one off all of them. Anybody may rest for any number of ticks before any step: that is SIGSTOP, a
 * slow network and an unreachable Redis in one.
 *
 * What a run may choose (run.sh says which it does):
 *   JOBS, FAULTS   how many
 *   COUNTS         also heartbeats, inboxes, attempts and crash counters (I4)
 *   LIVE           also that jobs come to an end
 *   NO_FENCE NO_SAFE NO_RUNID NO_MARK PIECEMEAL SPLIT_RETRY SPLIT_OPEN HALVE_CALL NO_SETTLE LATE_CLOCK
 *   AUDIT_NOW AUDIT_WAITING_NOW NO_AUDIT
 *                  a mistake that must be found
 */
#ifndef JOBS
#define JOBS 3
#endif
#define WORKERS 2

/* How many faults there are, of any kinds (crash, restart, lost answer, lost entry); ANY: without
 * a bound. Resting has none. */
#define ANY 255
#ifndef FAULTS
#define FAULTS ANY
#endif

/* In ticks. A worker may give a call up at any time (timeout, reset); the provider is done with it
 * at most SETTLE later, and at most CALL after its first byte. */
#define LEASE  2
#define CALL   1
#define SETTLE 1
#define NO_DUE 7 /* not a time: a batch without an entry in due */

#define MAX_TRIES   2
#define CRASH_LIMIT 2

#define ALL       ((1 << JOBS) - 1)
#define BIT(j)    (1 << (j))
#define LOWEST(s) ((s) & -(s))
#define SINGLE(s) (((s) & ((s)-1)) == 0)

/* What a worker is doing. CLAIMED: the script has run, its answer is on the way. */
#define IDLE    0
#define CLAIMED 1
#define HOLD    2
#define OUT     3
#define ENDING  4

/* Ends of a call's members. OUTCOME: sent, duplicate or dead. With COUNTS, so is a RETRY that was
 * the last attempt. BACK: a RETRY of what this holder has not sent. SPLIT: a call of several was
 * refused, and each half becomes another call. */
#define OUTCOME 0
#define RETRY   1
#define PARK    2
#define RETURN  3
#define BACK    4
#define SPLIT   5

/* A worker's fence: the batch's, another's by now, or the batch is no more. */
#define MINE    0
#define ANOTHER 1
#define NOMORE  2

/* Grouping of a batch, as marked: the members of its call of several, if it has one; the others go
 * singly. A batch of one needs none. */
#define UNMARKED 0
#define SINGLY   8
#define GROUP(g) ((g) & ALL)

/* --- Redis. A batch is called by its lowest member; member 0: there is none. ------------------ */
byte ready = ALL;
byte parked;
byte ended; /* results and dead letters: which of them is the same to the protocol */
byte member[JOBS];
bool leased[JOBS]; /* else waiting */
byte due[JOBS];    /* until the lease ends, or the retry begins */
byte mark[JOBS];   /* grouping */
byte guard;        /* until the run id is one lease old */
#ifdef COUNTS
byte inbox[WORKERS];
byte beat[WORKERS]; /* until the heartbeat ends */
byte owner[JOBS];   /* of a leased batch */
byte tries[JOBS], crashes[JOBS]; /* of a job */
#define GONE WORKERS             /* an owner whose name nobody bears any more */
#define INBOX(w) inbox[w]
#else
#define INBOX(w) 0
#endif

/* --- workers --------------------------------------------------------------------------------- */
byte doing[WORKERS];
byte held[WORKERS];  /* batch */
byte left[WORKERS];  /* members not ended */
byte fence[WORKERS];
bool fresh[WORKERS]; /* from ready, and no call of it has ended */
byte group[WORKERS]; /* grouping, as claim or mark told it */
byte safe[WORKERS];  /* until safe_until */
byte call[WORKERS];  /* members in the call, or in the finish */
byte wire[WORKERS];  /* until its own call has left the provider */
byte ending[WORKERS];
byte wait[WORKERS];  /* until the retry that its finish asks for */

/* --- what only the properties know ----------------------------------------------------------- */
byte air[JOBS];   /* until no call that carries the job is in flight */
byte first[JOBS]; /* members of the first call that carried it */
#ifdef COUNTS
byte told[JOBS];     /* ends of its calls that a worker saw */
byte quiet[WORKERS]; /* until one lease has passed in which Redis took no heartbeat but could */
#endif
byte faults;

hidden byte i, j, k, b, m, x;

#ifdef LIVE
byte calm; /* no faults any more; 2: and worker 0 will never move again */
#define STORMY  (calm == 0)
#define ACTS(w) (calm != 2 || (w) != 0)
#else
#define STORMY  true
#define ACTS(w) true
#endif
#if FAULTS == ANY
#define MAY_FAIL STORMY
#define FAIL     skip
#else
#define MAY_FAIL (STORMY && faults < FAULTS)
#define FAIL     faults++
#endif

#ifdef NO_FENCE
#define FITS(f)   ((f) != NOMORE)
#define GONE_HOW  NOMORE
#define STALE_HOLDS(w) skip
#else
#define FITS(f)   ((f) == MINE)
#define GONE_HOW  ANOTHER /* makes no difference then, and nor does which batch it was */
#define STALE_HOLDS(w) held[w] = 0
#endif
#define FENCED(w) FITS(fence[w])
#ifdef NO_SAFE
#define IS_SAFE(w) true
#else
#define IS_SAFE(w) (safe[w] >= CALL)
#endif
#ifdef NO_RUNID
#define REAPABLE true
#else
#define REAPABLE (guard == 0)
#endif
#ifdef NO_MARK
#define MARKABLE(k) true
#define TOLD(k)     UNMARKED
#else
#define MARKABLE(k) (mark[k] == UNMARKED)
#define TOLD(k)     mark[k]
#endif
#ifdef PIECEMEAL
#define ENDS(w) (call[w] & ~((ending[w] == OUTCOME) * (call[w] & (call[w] - 1)))) /* one by one */
#else
#define ENDS(w) call[w]
#endif
/* Does this holder know that no byte of the call was sent before? */
#ifdef SPLIT_OPEN
#define IS_FIRST(w) true
#else
#define IS_FIRST(w) fresh[w]
#endif
#ifdef NO_SETTLE
#define RETRY_AFTER 0
#else
#define RETRY_AFTER SETTLE
#endif
#ifdef LATE_CLOCK
#define SAFE_ON_ANSWER(w) LEASE
#else
#define SAFE_ON_ANSWER(w) safe[w]
#endif
#ifdef AUDIT_NOW
#define AUDIT_DUE(k) 0
#elif defined(AUDIT_WAITING_NOW)
#define AUDIT_DUE(k) (leased[k] -> LEASE : 0)
#else
#define AUDIT_DUE(k) LEASE
#endif

#define IS_DUE(k) (member[k] != 0 && due[k] == 0 && (!leased[k] || REAPABLE))
#if JOBS == 3
#define EACH(op, f) f(0) op f(1) op f(2)
#elif JOBS == 2
#define EACH(op, f) f(0) op f(1)
#else
#define EACH(op, f) f(0)
#endif

/* I1: or and sum of the places are equal just when no job is in two of them. */
#define MEMBERS(k) member[k]
#define PLACES(op)                                                                                 \
    (ready op INBOX(0) op INBOX(1) op parked op ended op EACH(op, MEMBERS))
inline check_conservation()
{
    assert(PLACES(|) == ALL && PLACES(+) == ALL)
}

#define FOR_JOBS(set)                                                                              \
    j = 0;                                                                                         \
    do                                                                                             \
    :: j == JOBS -> break                                                                          \
    :: j < JOBS && !((set) & BIT(j)) -> j++                                                        \
    :: j < JOBS && ((set) & BIT(j)) ->
#define FOR_WORKERS                                                                                \
    i = 0;                                                                                         \
    do                                                                                             \
    :: i == WORKERS -> break                                                                       \
    :: i < WORKERS ->
#define END_JOBS                                                                                   \
    j++                                                                                            \
    od;                                                                                            \
    j = 0
#define END_WORKERS                                                                                \
    i++                                                                                            \
    od;                                                                                            \
    i = 0
#define IF(condition, action)                                                                      \
    if                                                                                             \
    :: condition -> action                                                                         \
    :: else                                                                                        \
    fi

#include "steps.pml"
#include "names.pml"
#include "parties.pml"

init
{
    atomic {
#ifdef COUNTS
        beat[0] = LEASE;
        beat[1] = LEASE;
        quiet[0] = LEASE;
        quiet[1] = LEASE;
#endif
        run worker(0);
        run worker(1);
        run world()
    }
}

#ifdef LIVE
/* When faults cease, wherever that is, each job comes to its end. */
ltl ends { (<> (calm != 0)) -> (<> (ended == ALL)) }
#endif
