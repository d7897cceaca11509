/* SPDX-License-Identifier: MIT
 * What the scripts do, and what a worker makes of their answers. */
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
        IF(doing[i] != IDLE && held[i] == k && FENCED(i), fence[i] = how; STALE_HOLDS(i));
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
        IF(doing[i] != IDLE && held[i] == from && FENCED(i), held[i] = to);
    END_WORKERS;
    remove_batch(from)
}

inline lowest_of(set)
{
    b = ((set) & 1 -> 0 : ((set) & 2 -> 1 : 2))
}

/* What is left of a grouping without these members. */
inline regrouped(g, rest, gone)
{
    if
    :: SINGLE(rest) -> g = UNMARKED
    :: !SINGLE(rest) && (GROUP(g) & (gone)) -> g = SINGLY
    :: else
    fi
}

/* The lease goes with the last member. */
inline take_out(w, set)
{
    x = set;
    k = held[w];
    m = member[k] & ~x;
    if
    :: m == 0 ->
        outdate(k, GONE_HOW);
        remove_batch(k)
    :: else ->
        member[k] = m;
        regrouped(mark[k], m, x);
        lowest_of(m);
        IF(b != k, rename_batch(k, b))
    fi
}

inline write_outcome(w)
{
    assert((ended & ENDS(w)) == 0); /* I2 */
    take_out(w, ENDS(w));
    ended = ended | ENDS(w);
    FOR_JOBS(ENDS(w))
        first[j] = 0;
#ifdef COUNTS
        tries[j] = 0;
        crashes[j] = 0;
        told[j] = 0;
#endif
    END_JOBS
}

inline await(set, w)
{
    lowest_of(set);
    member[b] = set;
    mark[b] = (SINGLE(set) -> UNMARKED : SINGLY | set);
    due[b] = wait[w]
}

/* regroup: a call of several leaves as one waiting batch, marked; a single as an unmarked one. */
inline delay(w)
{
    take_out(w, call[w]);
#ifdef SPLIT_RETRY
    FOR_JOBS(call[w])
        await(BIT(j), w);
    END_JOBS
#else
    await(call[w], w)
#endif
}

/* regroup of each half of a refused call, in one script */
inline split(w)
{
    take_out(w, call[w]);
    await(LOWEST(call[w]), w);
    await(call[w] & ~LOWEST(call[w]), w)
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
    :: FENCED(w) && (member[held[w]] & ENDS(w)) == ENDS(w) ->
        if
        :: ending[w] == OUTCOME -> write_outcome(w)
        :: ending[w] == RETRY -> retry(w)
        :: ending[w] == BACK -> delay(w)
        :: ending[w] == SPLIT -> split(w)
        :: ending[w] == PARK -> take_out(w, call[w]); parked = parked | call[w] /* park */
        :: ending[w] == RETURN -> take_out(w, call[w]); ready = ready | call[w]
        fi
    :: else /* STALE */
    fi;
    check_conservation()
}

inline finish_answered(w)
{
    x = ENDS(w);
    left[w] = left[w] & ~x;
    call[w] = call[w] & ~x;
    regrouped(group[w], left[w], x);
    if
    :: left[w] == 0 -> forget(w)
    :: left[w] != 0 && call[w] == 0 ->
        ending[w] = 0;
        wait[w] = 0;
        doing[w] = HOLD
    :: else
    fi
}

/* mark: the first grouping stays, whatever a repeat asks for. */
inline record_mark(w, want)
{
    IF(FENCED(w) && MARKABLE(held[w]), mark[held[w]] = SINGLY | (want))
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
inline send(w, set)
{
    call[w] = set;
    assert((ended & call[w]) == 0);
    FOR_JOBS(call[w])
        assert(air[j] == 0);                          /* I3(a), I3(c) */
        assert(first[j] == 0 || first[j] == call[w]); /* I3(e) */
        air[j] = CALL;
        first[j] = call[w];
    END_JOBS;
    wire[w] = CALL;
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
    fresh[w] = false;
    ending[w] = how;
    doing[w] = ENDING;
    IF(left[w] == call[w], safe[w] = 0) /* matters no more */
}

inline give_back(w, set)
{
    call[w] = set;
    ending[w] = BACK;
    doing[w] = ENDING;
    IF(left[w] == call[w], safe[w] = 0)
}

/* The provider's answer ends the call, unless it was over long ago and is only read now. */
inline call_answered(w, how)
{
    FOR_JOBS(call[w])
        IF(wire[w] != 0, air[j] = 0);
    END_JOBS;
    call_ended(w, how)
}

/* It went nowhere: its members may go out in other calls, under other tokens. */
inline call_refused(w, how)
{
    FOR_JOBS(call[w])
        IF(FENCED(w) && fresh[w], first[j] = 0);
    END_JOBS;
    call_answered(w, how)
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
    group[w] = TOLD(k);
    safe[w] = LEASE;
    check_conservation()
}

/* What goes out together, and the lowest member's: of a marked batch its call or that single, else about
 * the half. */
#define PAIR_OF(s) (LOWEST(s) | LOWEST((s) & ~LOWEST(s)))
#ifdef HALVE_CALL
#define FORMER(k) LOWEST(member[k])
#else
#define FORMER(k)                                                                                  \
    (GROUP(mark[k]) & LOWEST(member[k])                                                            \
         -> GROUP(mark[k])                                                                         \
         : (GROUP(mark[k]) || SINGLE(member[k] & ~LOWEST(member[k])) -> LOWEST(member[k])          \
                                                                     : PAIR_OF(member[k])))
#endif
#define IS_ONE_CALL(k) (SINGLE(member[k]) || FORMER(k) == member[k])
#define MARK_OF(g, set) ((g) == UNMARKED || SINGLE(set) -> UNMARKED : SINGLY | (GROUP(g) & (set)))

/* halve: the rest stays as its dead owner left it, as a batch of its own. */
inline halve(k)
{
    x = FORMER(k);
    m = member[k] & ~x;
    lowest_of(m);
    member[b] = m;
    leased[b] = true;
    due[b] = 0;
    mark[b] = MARK_OF(mark[k], m);
#ifdef COUNTS
    owner[b] = owner[k];
#endif
    member[k] = x;
    mark[k] = MARK_OF(mark[k], x)
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
