/* SPDX-License-Identifier: MIT
 * Who does what when: the workers, and the world around them. */
#define EACH_JOB(k)                                                                                \
    /* claim, promote */                                                                           \
    :: d_step {                                                                                    \
        doing[w] == IDLE && ACTS(w) && IS_DUE(k) && !leased[k];                                    \
        lease_to(w, k, false);                                                                     \
        rename()                                                                                   \
    }                                                                                              \
    /* claim, reap; the owner lives, though it does not extend this batch */                       \
    :: d_step {                                                                                    \
        doing[w] == IDLE && ACTS(w) && IS_DUE(k) && leased[k] && OWNER_BEATS(k);                   \
        lease_to(w, k, false);                                                                     \
        rename()                                                                                   \
    }                                                                                              \
    /* claim, reap; its heartbeat is gone */                                                       \
    :: d_step {                                                                                    \
        doing[w] == IDLE && ACTS(w) && IS_DUE(k) && leased[k] && OWNER_GONE(k);                    \
        count_crash(k);                                                                            \
        lease_to(w, k, false);                                                                     \
        rename()                                                                                   \
    }                                                                                              \
    /* claim, reap, halve: it has outlived more than one */                                        \
    :: d_step {                                                                                    \
        doing[w] == IDLE && ACTS(w) && IS_DUE(k) && leased[k] && OWNER_GONE(k) && !IS_ONE_CALL(k); \
        halve(k);                                                                                  \
        count_crash(k);                                                                            \
        lease_to(w, k, false);                                                                     \
        rename()                                                                                   \
    }                                                                                              \
    /* claim: a parked job, as a probe */                                                          \
    :: d_step {                                                                                    \
        doing[w] == IDLE && ACTS(w) && (parked & BIT(k));                                          \
        claim_new(w, parked, BIT(k), false);                                                       \
        rename()                                                                                   \
    }                                                                                              \
    :: d_step { MAY_SEND(w) && GOES_SINGLY(w, k); send(w, BIT(k)); rename() }                      \
    :: d_step { MAY_GIVE_BACK(w) && GOES_SINGLY(w, k); give_back(w, BIT(k)); rename() }

/* Without faults each lease is extended in time; see MAY_TICK. */
#define MUST_EXTEND(w)                                                                             \
    ((doing[w] == HOLD && (!FENCED(w) || safe[w] < LEASE)) ||                                      \
     (doing[w] == OUT && FENCED(w) && safe[w] < LEASE))
#define UNMARKED_HELD(w) (doing[w] == HOLD && !MARKED(w) && NO_POISON(w))
#define MARK(want)                                                                                 \
    :: d_step { UNMARKED_HELD(w) && ACTS(w); record_mark(w, want); mark_answered(w); rename() }    \
    :: d_step { UNMARKED_HELD(w) && MAY_FAIL; FAIL; record_mark(w, want); rename() }
#define MARKED(w)         (group[w] != UNMARKED || SINGLE(left[w]))
#define GOES_SINGLY(w, k) (left[w] & ~GROUP(group[w]) & BIT(k))
#define MAY_SEND(w)       (doing[w] == HOLD && ACTS(w) && MARKED(w) && NO_POISON(w) && IS_SAFE(w))
/* What was sent before, perhaps, is not to be sent now, or not with the rest of its batch (I4). */
#define MAY_GIVE_BACK(w)  (doing[w] == HOLD && STORMY && !fresh[w])
#define MAY_DISSOLVE(w)   (doing[w] == OUT && STORMY && IS_FIRST(w) && !SINGLE(call[w]))

proctype worker(byte w)
{
    do
    EACH_JOB(0)
#if JOBS > 1
    EACH_JOB(1)
#endif
#if JOBS == 3
    EACH_JOB(2)
#endif
    /* claim: one ready job, two, or three */
    :: d_step {
        doing[w] == IDLE && ACTS(w) && INBOX(w) == 0 && ready != 0;
        claim_new(w, ready, LOWEST(ready), true);
        rename()
    }
    :: d_step {
        doing[w] == IDLE && ACTS(w) && INBOX(w) == 0 && !SINGLE(ready);
        claim_new(w, ready, LOWEST(ready) | LOWEST(ready & ~LOWEST(ready)), true);
        rename()
    }
#if JOBS == 3
    :: d_step {
        doing[w] == IDLE && ACTS(w) && INBOX(w) == 0 && ready == ALL;
        claim_new(w, ready, ALL, true);
        rename()
    }
#endif
#ifdef COUNTS
    /* claim: what is in the inbox, and a ready job if there is one */
    :: d_step {
        doing[w] == IDLE && ACTS(w) && inbox[w] != 0;
        b = inbox[w];
        inbox[w] = 0;
        ready = ready | b;
        claim_new(w, ready, b | LOWEST(ready & ~b), true);
        rename()
    }
    /* the idle wait's BLMOVE */
    :: d_step {
        doing[w] == IDLE && STORMY && inbox[w] == 0 && ready != 0;
        inbox[w] = LOWEST(ready);
        ready = ready & ~LOWEST(ready);
        check_conservation();
        rename()
    }
#endif
    /* claim's answer, and its loss */
    :: d_step {
        doing[w] == CLAIMED && ACTS(w);
        safe[w] = SAFE_ON_ANSWER(w);
        doing[w] = HOLD;
        rename()
    }
    :: d_step { doing[w] == CLAIMED && MAY_FAIL; FAIL; forget(w); rename() }

    /* mark and its answer; mark, and its answer is lost */
    MARK(left[w])
    MARK(0)
#if JOBS == 3
    MARK(PAIR_OF(left[w]))
#endif

    /* the batch's call of several; below, in EACH_JOB, its other calls */
    :: d_step { MAY_SEND(w) && GROUP(group[w]) != 0; send(w, GROUP(group[w]) & left[w]); rename() }
    :: d_step { MAY_GIVE_BACK(w) && GROUP(group[w]) != 0; give_back(w, GROUP(group[w])); rename() }
    /* its app is in trouble: the members of a call that was never sent are parked singly */
    :: d_step {
        doing[w] == HOLD && STORMY && fresh[w] && GROUP(group[w]) != 0;
        call[w] = GROUP(group[w]);
        ending[w] = PARK;
        doing[w] = ENDING;
        rename()
    }
    /* drain: what was never sent goes back */
    :: d_step {
        doing[w] == HOLD && STORMY && fresh[w];
        call[w] = left[w];
        ending[w] = RETURN;
        doing[w] = ENDING;
        rename()
    }
    :: d_step {
        doing[w] == HOLD && ACTS(w) && POISON(w);
        call[w] = left[w];
        ending[w] = OUTCOME;
        doing[w] = ENDING;
        rename()
    }

    :: d_step { doing[w] == OUT && ACTS(w); call_answered(w, OUTCOME); rename() }
    :: d_step { doing[w] == OUT && ACTS(w) && MAY_RETRY; call_answered(w, RETRY); rename() }
    /* the app's circuit is open; a call of several that may be out waits in due, where it stays whole */
    :: d_step { doing[w] == OUT && STORMY && SINGLE(call[w]); call_answered(w, PARK); rename() }
    /* a call of several is refused the first time: it is split, or its members are parked singly */
    :: d_step { MAY_DISSOLVE(w); call_refused(w, SPLIT); rename() }
    :: d_step { MAY_DISSOLVE(w); call_refused(w, PARK); rename() }
    /* unanswered */
    :: d_step {
        doing[w] == OUT && ACTS(w) && MAY_RETRY;
        wait[w] = RETRY_AFTER;
        call_ended(w, RETRY);
        rename()
    }

    /* finish and its answer; finish, and its answer is lost */
    :: d_step { doing[w] == ENDING && ACTS(w); finish(w); finish_answered(w); rename() }
    :: d_step { doing[w] == ENDING && MAY_FAIL; FAIL; finish(w); rename() }

    /* extend and its answer; extend, and its answer is lost */
    :: d_step {
        doing[w] != CLAIMED && ACTS(w) && (STORMY || MUST_EXTEND(w));
        extend(w);
        extend_answered(w);
        rename()
    }
    :: d_step { doing[w] >= HOLD && MAY_FAIL; FAIL; extend(w); rename() }

    :: d_step { MAY_FAIL; FAIL; crash(w); rename() }
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
    :: d_step { MAY_FAIL && member[k] != 0; FAIL; due[k] = NO_DUE; rename() }                      \
    /* audit: a whole lease, since a holder may believe in as much */                              \
    :: d_step { AUDITS && member[k] != 0 && due[k] == NO_DUE; due[k] = AUDIT_DUE(k); rename() }

#define ADOPT(w)                                                                                   \
    /* adopt */                                                                                    \
    :: d_step {                                                                                    \
        inbox[w] != 0 && beat[w] == 0;                                                             \
        ready = ready | inbox[w];                                                                  \
        inbox[w] = 0;                                                                              \
        check_conservation();                                                                      \
        rename()                                                                                   \
    }

proctype world()
{
    do
    :: d_step { MAY_TICK; tick(); rename() }
    :: d_step { MAY_FAIL; FAIL; restart(); rename() }
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
    :: d_step { calm == 0; calm = 1; rename() }
    :: d_step { calm == 0; calm = 2; rename() }
#endif
    od
}
