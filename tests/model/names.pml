/* SPDX-License-Identifier: MIT
 * Jobs and workers are interchangeable: every step treats them alike. So after each step they may
 * be named anew, and states that differ in names only become one. That is sound whatever order is
 * chosen; a good one leaves fewer states. Not with LIVE: there worker 0 is the one that may stop.
 */
#define HAS(s, j) (((s) >> (j)) & 1)
#define PLACE(j)  (HAS(ended, j) * 3 + HAS(parked, j) * 2 + HAS(ready, j))
#define ALONE(j)  (member[j] == BIT(j) -> due[j] * 2 + leased[j] : 0)
#ifdef COUNTS
#define JOB_COUNTS(j)    (told[j] * 16 + tries[j] * 4 + crashes[j])
#define WORKER_COUNTS(w) (beat[w] * 32 + quiet[w] * 8 + inbox[w])
#else
#define JOB_COUNTS(j)    0
#define WORKER_COUNTS(w) (group[w] * 4 + held[w])
#endif
#define JOB_ORDER(j)                                                                               \
    ((((PLACE(j) * 16 + ALONE(j)) * 16 + HAS(left[0], j) * 8 + HAS(call[0], j) * 4 +               \
       HAS(left[1], j) * 2 + HAS(call[1], j)) * 8 + air[j] * 4 + (first[j] != 0) * 2 +             \
      SINGLE(first[j])) * 64 + JOB_COUNTS(j))
#define WORKER_ORDER(w)                                                                            \
    ((((((((doing[w] * 4 + fence[w]) * 4 + safe[w]) * 2 + wire[w]) * 8 + ending[w]) * 2 +          \
        wait[w]) * 2 + fresh[w]) * 64 + left[w] * 8 + call[w]) * 128 + WORKER_COUNTS(w))

#define SWAP(v, a, c) x = v[a]; v[a] = v[c]; v[c] = x

inline swap_workers()
{
    SWAP(doing, 0, 1);
    SWAP(held, 0, 1);
    SWAP(left, 0, 1);
    SWAP(fence, 0, 1);
    SWAP(fresh, 0, 1);
    SWAP(group, 0, 1);
    SWAP(safe, 0, 1);
    SWAP(call, 0, 1);
    SWAP(wire, 0, 1);
    SWAP(ending, 0, 1);
    SWAP(wait, 0, 1)
#ifdef COUNTS
    ; SWAP(inbox, 0, 1);
    SWAP(beat, 0, 1);
    SWAP(quiet, 0, 1);
    FOR_JOBS(ALL)
        IF(leased[j] && owner[j] != GONE, owner[j] = 1 - owner[j]);
    END_JOBS
#endif
}

inline swap_batches(a, c)
{
    SWAP(member, a, c);
    SWAP(leased, a, c);
    SWAP(due, a, c);
    SWAP(mark, a, c);
#ifdef COUNTS
    SWAP(owner, a, c);
#endif
    FOR_WORKERS
        if
        :: doing[i] != IDLE && FENCED(i) && held[i] == a -> held[i] = c
        :: doing[i] != IDLE && FENCED(i) && held[i] == c -> held[i] = a
        :: else
        fi;
    END_WORKERS
}

/* The set with a, and the one after it, in each other's place. */
#define SWAPPED(s, a) ((s) ^ (((((s) >> (a)) ^ ((s) >> ((a) + 1))) & 1) * (3 << (a))))

/* c is the one after a. A batch has the name of its lowest member, so one with both keeps it. */
inline swap_jobs(a, c)
{
    b = 0;
    ready = SWAPPED(ready, a);
    parked = SWAPPED(parked, a);
    ended = SWAPPED(ended, a);
    FOR_JOBS(ALL)
        IF(HAS(member[j], a) && HAS(member[j], c), b = 1);
        member[j] = SWAPPED(member[j], a);
        mark[j] = SWAPPED(mark[j], a);
        first[j] = SWAPPED(first[j], a);
    END_JOBS;
    FOR_WORKERS
        left[i] = SWAPPED(left[i], a);
        call[i] = SWAPPED(call[i], a);
        group[i] = SWAPPED(group[i], a);
#ifdef COUNTS
        inbox[i] = SWAPPED(inbox[i], a);
#endif
    END_WORKERS;
    SWAP(air, a, c);
    SWAP(first, a, c);
#ifdef COUNTS
    SWAP(tries, a, c);
    SWAP(crashes, a, c);
    SWAP(told, a, c);
#endif
    IF(b == 0, swap_batches(a, c))
}

#define SORT(a, c) IF(JOB_ORDER(a) > JOB_ORDER(c), swap_jobs(a, c))

inline rename()
{
#ifndef LIVE
    IF(WORKER_ORDER(0) > WORKER_ORDER(1), swap_workers());
#if JOBS > 1
    SORT(0, 1);
#endif
#if JOBS == 3
    SORT(1, 2);
    SORT(0, 1);
#endif
#endif
    skip
}
