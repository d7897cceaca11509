/* SPDX-License-Identifier: MIT
 * The queue's protocol in Redis: what src/io/lua and src/io/queue.c do, without the bytes.
 * docs/model.md says what is modelled, what is assumed, and how many states there are.
 *
 * A script is one d_step; a comment names it (claim, finish, mark, extend, reap, promote, adopt,
 * park, audit). A set of jobs is a bit mask. Time is what is left of each timer; tick takes one
 * off all of them. Anybody may rest for any number of ticks before any step: that is SIGSTOP, a
 * slow network and an unreachable Redis in one.
 *
 * What a run may choose (run.sh says which it does):
 *   JOBS, FAULTS   how many
 *   COUNTS         also heartbeats, inboxes, attempts and crash counters (I4)
 *   LIVE           also that jobs come to an end
 *   NO_FENCE NO_SAFE NO_RUNID NO_MARK NO_SETTLE LATE_CLOCK AUDIT_NOW AUDIT_WAITING_NOW NO_AUDIT
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

/* Ends of a member. OUTCOME: sent, duplicate or dead. With COUNTS, so is a RETRY that was the last
 * attempt. */
#define OUTCOME 0
#define RETRY   1
#define PARK    2
#define RETURN  3

/* A worker's fence: the batch's, another's by now, or the batch is no more. */
#define MINE    0
#define ANOTHER 1
#define NOMORE  2

/* Grouping of a batch's calls, as marked. */
#define UNMARKED 0
#define SINGLY   1
#define WHOLE    2

/* --- Redis. A batch is called by its lowest member; member 0: there is none. ------------------ */
byte ready = ALL;
byte parked;
byte ended; /* results and dead letters: which of them is the same to the protocol */
byte member[JOBS];
bool leased[JOBS]; /* else waiting */
byte due[JOBS];    /* until the lease ends, or the retry begins */
byte mark[JOBS];
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
bool fresh[WORKERS]; /* from ready, and no byte of it sent */
byte group[WORKERS];
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

hidden byte i, j, k, b, m;

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
#define FENCED(w) (fence[w] != NOMORE)
#define GONE_HOW  NOMORE
#else
#define FENCED(w) (fence[w] == MINE)
#define GONE_HOW  ANOTHER /* makes no difference then */
#endif
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
#else
#define MARKABLE(k) (mark[k] == UNMARKED)
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
#define MARKED(w) (group[w] != UNMARKED || SINGLE(left[w]))
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

inline forget(w)
{
    doing[w] = IDLE;
    held[w] = 0;
    left[w] = 0;
    fence[w] = MINE;
    fresh[w] = false;
    group[w] = UNMARKED;
    safe[w] = 0;
    call[w] = 0;
    wire[w] = 0;
    ending[w] = 0;
    wait[w] = 0
}

/* Whoever believes in batch k has a stale fence from now on. */
inline outdate(k, how)
{
    FOR_WORKERS
        IF(doing[i] != IDLE && held[i] == k && fence[i] != NOMORE, fence[i] = how);
    END_WORKERS
}

inline remove_batch(k)
{
    member[k] = 0;
    leased[k] = false;
    due[k] = 0;
    mark[k] = UNMARKED
#ifdef COUNTS
    ; owner[k] = 0
#endif
}

/* Names only: so that states that differ in nothing else are one. */
inline rename_batch(from, to)
{
    member[to] = member[from];
    leased[to] = leased[from];
    due[to] = due[from];
    mark[to] = mark[from];
#ifdef COUNTS
    owner[to] = owner[from];
#endif
    FOR_WORKERS
        IF(doing[i] != IDLE && held[i] == from && fence[i] != NOMORE, held[i] = to);
    END_WORKERS;
    remove_batch(from)
}

inline lowest_of(set)
{
    b = ((set) & 1 -> 0 : ((set) & 2 -> 1 : 2))
}

/* The lease goes with the last member. */
inline take_out(w)
{
    m = member[held[w]] & ~call[w];
    if
    :: m == 0 ->
        outdate(held[w], GONE_HOW);
        remove_batch(held[w])
    :: else ->
        member[held[w]] = m;
        IF(SINGLE(m), mark[held[w]] = UNMARKED);
        lowest_of(m);
        k = held[w];
        IF(b != k, rename_batch(k, b))
    fi
}

inline write_outcome(w)
{
    assert((ended & call[w]) == 0); /* I2 */
    take_out(w);
    ended = ended | call[w];
    FOR_JOBS(call[w])
        first[j] = 0;
#ifdef COUNTS
        tries[j] = 0;
        crashes[j] = 0;
        told[j] = 0;
#endif
    END_JOBS
}

/* A batch that is retried in one call stays one, with its mark; of another, each goes its way. */
inline delay(w)
{
    if
    :: member[held[w]] == call[w] ->
        b = held[w];
        outdate(b, ANOTHER)
    :: else ->
        assert(SINGLE(call[w]));
        take_out(w);
        lowest_of(call[w]);
        member[b] = call[w]
    fi;
    leased[b] = false;
    due[b] = wait[w]
#ifdef COUNTS
    ; owner[b] = 0
#endif
}

inline retry(w)
{
#ifdef COUNTS
    m = 0; /* I4: an attempt is a call's end that somebody saw, counted once */
    FOR_JOBS(call[w])
        tries[j]++;
        assert(tries[j] <= told[j]);
        IF(tries[j] < MAX_TRIES, m = m | BIT(j));
    END_JOBS;
    assert(m == 0 || m == call[w]);
    if
    :: m == 0 -> write_outcome(w)
    :: else -> delay(w)
    fi
#else
    delay(w)
#endif
}

/* finish: fence and members are checked, then all is written, or nothing. After a lost answer it
 * is sent again, and by then finds the member gone. */
inline finish(w)
{
    if
    :: FENCED(w) && (member[held[w]] & call[w]) == call[w] ->
        if
        :: ending[w] == OUTCOME -> write_outcome(w)
        :: ending[w] == RETRY -> retry(w)
        :: ending[w] == PARK -> take_out(w); parked = parked | call[w] /* park */
        :: ending[w] == RETURN -> take_out(w); ready = ready | call[w]
        fi
    :: else /* STALE */
    fi;
    check_conservation()
}

inline finish_answered(w)
{
    left[w] = left[w] & ~call[w];
    call[w] = 0;
    ending[w] = 0;
    wait[w] = 0;
    IF(SINGLE(left[w]), group[w] = UNMARKED);
    if
    :: left[w] == 0 -> forget(w)
    :: else -> doing[w] = HOLD
    fi
}

/* mark: the first grouping stays, whatever a repeat asks for. */
inline record_mark(w, want)
{
    IF(FENCED(w) && MARKABLE(held[w]), mark[held[w]] = want)
}

inline mark_answered(w)
{
    if
    :: FENCED(w) -> group[w] = mark[held[w]]
    :: else -> forget(w)
    fi
}

/* extend: the heartbeat, and each lease whose fence fits, even if its entry in due was lost. */
inline extend(w)
{
#ifdef COUNTS
    beat[w] = LEASE;
    quiet[w] = LEASE;
#endif
    IF(doing[w] >= HOLD && FENCED(w), due[held[w]] = LEASE)
}

inline extend_answered(w)
{
    if
    :: FENCED(w) && doing[w] >= HOLD -> safe[w] = LEASE
    :: !FENCED(w) && doing[w] == HOLD -> forget(w)
    :: else /* its finish will be told */
    fi
}

/* The first byte, in one step with the look at safe_until. */
inline send(w)
{
    call[w] = (group[w] == WHOLE -> left[w] : LOWEST(left[w]));
    assert((ended & call[w]) == 0);
    FOR_JOBS(call[w])
        assert(air[j] == 0);                          /* I3(a), I3(c) */
        assert(first[j] == 0 || first[j] == call[w]); /* I3(e) */
        air[j] = CALL;
        first[j] = call[w];
    END_JOBS;
    wire[w] = CALL;
    fresh[w] = false;
    doing[w] = OUT
}

inline call_ended(w, how)
{
#ifdef COUNTS
    FOR_JOBS(call[w])
        IF(told[j] < MAX_TRIES, told[j]++);
    END_JOBS;
#endif
    wire[w] = 0;
    ending[w] = how;
    doing[w] = ENDING;
    IF(left[w] == call[w], safe[w] = 0) /* matters no more */
}

/* The provider's answer ends the call, unless it was over long ago and is only read now. */
inline call_answered(w, how)
{
    FOR_JOBS(call[w])
        IF(wire[w] != 0, air[j] = 0);
    END_JOBS;
    call_ended(w, how)
}

/* The common end of each claim: batch k under a new fence. */
inline lease_to(w, k, is_fresh)
{
    outdate(k, ANOTHER);
    leased[k] = true;
    due[k] = LEASE;
#ifdef COUNTS
    owner[k] = w;
#endif
    doing[w] = CLAIMED;
    held[w] = k;
    left[w] = member[k];
    fence[w] = MINE;
    fresh[w] = is_fresh;
    safe[w] = LEASE;
    check_conservation()
}

inline claim_new(w, from, jobs, is_fresh)
{
    m = jobs;
    from = from & ~m;
    lowest_of(m);
    assert(member[b] == 0);
    member[b] = m;
    lease_to(w, b, is_fresh)
}

#ifdef COUNTS
inline count_crash(k)
{
    /* I4: nobody bears the owner's name, or it could have sent a heartbeat for a whole lease. */
    if
    :: owner[k] != GONE -> assert(quiet[owner[k]] == 0)
    :: else
    fi;
    FOR_JOBS(member[k])
        IF(crashes[j] < CRASH_LIMIT, crashes[j]++);
    END_JOBS
}
#define MAY_RETRY      true
#define OWNER_BEATS(k) (owner[k] == GONE || beat[owner[k]] != 0) /* GONE: until that ends */
#define OWNER_GONE(k)  (owner[k] == GONE || beat[owner[k]] == 0)
#define POISON_IN(k)   ((left[w] & BIT(k)) && crashes[k] == CRASH_LIMIT)
#define POISON(w)      (EACH(||, POISON_IN))
#define NO_POISON(w)   !(EACH(||, POISON_IN))
#else
/* How often it crashed is abstracted from: whatever was taken over may be poison. */
inline count_crash(k)
{
    skip
}
#define MAY_RETRY      STORMY
#define OWNER_BEATS(k) false
#define OWNER_GONE(k)  true
#define POISON(w)      !fresh[w]
#define NO_POISON(w)   true
#endif

inline crash(w)
{
#ifdef COUNTS
    FOR_JOBS(ALL)
        IF(leased[j] && owner[j] == w, owner[j] = GONE);
    END_JOBS;
    ready = ready | inbox[w]; /* adopt: later would look like ready jobs that nobody takes */
    inbox[w] = 0;
    beat[w] = LEASE; /* the process in its place opens the queue, under a new name */
    quiet[w] = LEASE;
#endif
    forget(w);
    check_conservation()
}

#define CLAIM_DUE(k)                                                                               \
    /* claim, promote */                                                                           \
    :: d_step {                                                                                    \
        doing[w] == IDLE && ACTS(w) && IS_DUE(k) && !leased[k];                                    \
        lease_to(w, k, false)                                                                      \
    }                                                                                              \
    /* claim, reap; the owner lives, though it does not extend this batch */                       \
    :: d_step {                                                                                    \
        doing[w] == IDLE && ACTS(w) && IS_DUE(k) && leased[k] && OWNER_BEATS(k);                   \
        lease_to(w, k, false)                                                                      \
    }                                                                                              \
    /* claim, reap; its heartbeat is gone */                                                       \
    :: d_step {                                                                                    \
        doing[w] == IDLE && ACTS(w) && IS_DUE(k) && leased[k] && OWNER_GONE(k);                    \
        count_crash(k);                                                                            \
        lease_to(w, k, false)                                                                      \
    }

/* Without faults each lease is extended in time; see MAY_TICK. */
#define MUST_EXTEND(w)                                                                             \
    ((doing[w] == HOLD && (!FENCED(w) || safe[w] < LEASE)) ||                                      \
     (doing[w] == OUT && FENCED(w) && safe[w] < LEASE))
#define UNMARKED_HELD(w) (doing[w] == HOLD && !MARKED(w) && NO_POISON(w))

proctype worker(byte w)
{
    do
    CLAIM_DUE(0)
#if JOBS > 1
    CLAIM_DUE(1)
#endif
#if JOBS == 3
    CLAIM_DUE(2)
#endif
    /* claim: a parked job, as a probe */
    :: d_step {
        doing[w] == IDLE && ACTS(w) && parked != 0;
        claim_new(w, parked, LOWEST(parked), false)
    }
    /* claim: one ready job, or two */
    :: d_step {
        doing[w] == IDLE && ACTS(w) && INBOX(w) == 0 && ready != 0;
        claim_new(w, ready, LOWEST(ready), true)
    }
    :: d_step {
        doing[w] == IDLE && ACTS(w) && INBOX(w) == 0 && !SINGLE(ready);
        claim_new(w, ready, LOWEST(ready) | LOWEST(ready & ~LOWEST(ready)), true)
    }
#ifdef COUNTS
    /* claim: what is in the inbox, and a ready job if there is one */
    :: d_step {
        doing[w] == IDLE && ACTS(w) && inbox[w] != 0;
        b = inbox[w];
        inbox[w] = 0;
        ready = ready | b;
        claim_new(w, ready, b | LOWEST(ready & ~b), true)
    }
    /* the idle wait's BLMOVE */
    :: d_step {
        doing[w] == IDLE && STORMY && inbox[w] == 0 && ready != 0;
        inbox[w] = LOWEST(ready);
        ready = ready & ~LOWEST(ready);
        check_conservation()
    }
#endif
    /* claim's answer, and its loss */
    :: d_step { doing[w] == CLAIMED && ACTS(w); safe[w] = SAFE_ON_ANSWER(w); doing[w] = HOLD }
    :: d_step { doing[w] == CLAIMED && MAY_FAIL; FAIL; forget(w) }

    /* mark and its answer; mark, and its answer is lost */
    :: d_step { UNMARKED_HELD(w) && ACTS(w); record_mark(w, WHOLE); mark_answered(w) }
    :: d_step { UNMARKED_HELD(w) && ACTS(w); record_mark(w, SINGLY); mark_answered(w) }
    :: d_step {
        UNMARKED_HELD(w) && MAY_FAIL;
        FAIL;
        record_mark(w, WHOLE)
    }
    :: d_step {
        UNMARKED_HELD(w) && MAY_FAIL;
        FAIL;
        record_mark(w, SINGLY)
    }

    :: d_step { doing[w] == HOLD && ACTS(w) && MARKED(w) && NO_POISON(w) && IS_SAFE(w); send(w) }
    /* drain: what was never sent goes back */
    :: d_step {
        doing[w] == HOLD && STORMY && fresh[w];
        call[w] = left[w];
        ending[w] = RETURN;
        doing[w] = ENDING
    }
    :: d_step {
        doing[w] == HOLD && ACTS(w) && POISON(w);
        call[w] = left[w];
        ending[w] = OUTCOME;
        doing[w] = ENDING
    }

    :: d_step { doing[w] == OUT && ACTS(w); call_answered(w, OUTCOME) }
    :: d_step { doing[w] == OUT && ACTS(w) && MAY_RETRY; call_answered(w, RETRY) }
    /* the app's circuit is open; a call of several waits in due, where it stays whole */
    :: d_step { doing[w] == OUT && STORMY && SINGLE(call[w]); call_answered(w, PARK) }
    /* unanswered */
    :: d_step {
        doing[w] == OUT && ACTS(w) && MAY_RETRY;
        wait[w] = RETRY_AFTER;
        call_ended(w, RETRY)
    }

    /* finish and its answer; finish, and its answer is lost */
    :: d_step { doing[w] == ENDING && ACTS(w); finish(w); finish_answered(w) }
    :: d_step { doing[w] == ENDING && MAY_FAIL; FAIL; finish(w) }

    /* extend and its answer; extend, and its answer is lost */
    :: d_step {
        doing[w] != CLAIMED && ACTS(w) && (STORMY || MUST_EXTEND(w));
        extend(w);
        extend_answered(w)
    }
    :: d_step { doing[w] >= HOLD && MAY_FAIL; FAIL; extend(w) }

    :: d_step { MAY_FAIL; FAIL; crash(w) }
    od
}

#define DOWN(t) IF(t != 0 && t != NO_DUE, t--)

inline tick()
{
    DOWN(guard);
    FOR_WORKERS
        DOWN(safe[i]);
        DOWN(wire[i]);
        DOWN(wait[i]);
#ifdef COUNTS
        DOWN(beat[i]);
        DOWN(quiet[i]);
#endif
    END_WORKERS;
    FOR_JOBS(ALL)
        DOWN(due[j]);
        DOWN(air[j]);
    END_JOBS
}

/* Without its latest extensions each lease, and each heartbeat, may be over by its score. That all
 * of them are allows whatever fewer would. */
inline restart()
{
    guard = LEASE;
    FOR_JOBS(ALL)
        IF(leased[j] && due[j] != NO_DUE, due[j] = 0);
    END_JOBS;
#ifdef COUNTS
    FOR_WORKERS
        beat[i] = 0;
        quiet[i] = LEASE;
    END_WORKERS
#endif
}

#ifdef LIVE
#define UNAUDITED(k) (member[k] != 0 && due[k] == NO_DUE)
#define RUNS(k)      (due[k] != 0 && due[k] != NO_DUE)
#define STARTABLE(w) (ready != 0 || INBOX(w) != 0 || parked != 0 || EACH(||, IS_DUE))
#define AT_WORK(w)                                                                                 \
    (ACTS(w) && (doing[w] == CLAIMED || doing[w] == HOLD || doing[w] == ENDING ||                  \
                 (doing[w] == OUT && (wire[w] == 0 || MUST_EXTEND(w))) ||                          \
                 (doing[w] == IDLE && STARTABLE(w))))
#ifdef COUNTS
#define BEATS (beat[0] != 0 || beat[1] != 0)
#else
#define BEATS false
#endif
/* Without faults everybody is quicker than time. */
#define MAY_TICK                                                                                   \
    (STORMY || (!AT_WORK(0) && !AT_WORK(1) && !(EACH(||, UNAUDITED)) &&                            \
                (guard != 0 || BEATS || EACH(||, RUNS))))
#else
#define MAY_TICK true
#endif

#ifdef NO_AUDIT
#define AUDITS false
#else
#define AUDITS true
#endif
#define KEEP_BATCH(k)                                                                              \
    /* a fault: evicted, or removed by hand */                                                     \
    :: d_step { MAY_FAIL && member[k] != 0; FAIL; due[k] = NO_DUE }                                \
    /* audit: a whole lease, since a holder may believe in as much */                              \
    :: d_step { AUDITS && member[k] != 0 && due[k] == NO_DUE; due[k] = AUDIT_DUE(k) }

#define ADOPT(w)                                                                                   \
    /* adopt */                                                                                    \
    :: d_step {                                                                                    \
        inbox[w] != 0 && beat[w] == 0;                                                             \
        ready = ready | inbox[w];                                                                  \
        inbox[w] = 0;                                                                              \
        check_conservation()                                                                       \
    }

proctype world()
{
    do
    :: d_step { MAY_TICK; tick() }
    :: d_step { MAY_FAIL; FAIL; restart() }
    KEEP_BATCH(0)
#if JOBS > 1
    KEEP_BATCH(1)
#endif
#if JOBS == 3
    KEEP_BATCH(2)
#endif
#ifdef COUNTS
    ADOPT(0)
    ADOPT(1)
#endif
#ifdef LIVE
    :: d_step { calm == 0; calm = 1 }
    :: d_step { calm == 0; calm = 2 }
#endif
    od
}

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
