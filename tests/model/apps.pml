/* SPDX-License-Identifier: MIT
 * Apps beside each other: circuits, probes, parked lists and turns, as src/pipeline and src/worker do them. What a
 * queue's scripts guarantee is queue.pml's; here a move is a move.
 *
 * Two apps, two workers. Job 0, of app 0, is refused whatever it is; the others are, while their app
 * is ill. Apps fall ill and get well as they like, workers rest as long as they like, until calm;
 * from then on app 1 is well, app 0 may be ill for ever, and every worker does its duty in each
 * tick: it hears its answers, claims, and looks at parked jobs.
 *
 * Asserted: once it is calm, each good job of an app that is well is sent within a bound of ticks
 * (no app and no job starves, whatever the other app or the bad job does); a parked job ends at
 * most one sweep after its deadline; a job whose probe failed is no probe again before others had
 * time to be one.
 *
 * A mistake that must be found: SAME_PROBE (nobody remembers who failed), PROBE_INSTEAD (while a
 * probe is due nothing else is taken out of parked lists), FULL_STOPS (an app's full parked list
 * stops all claims of ready jobs), NO_SWEEP (deadlines of parked jobs are not looked at).
 */
#ifndef JOBS
#define JOBS 4
#endif
#define WORKERS 2
#define APP(j)  ((j) >= 2) /* jobs 0 and 1 are of app 0, 2 and 3 of app 1 */
#define BAD     0

#define NONE   255
#define LIMIT  2 /* refusals of its own */
#define PROBE  1 /* ticks until a probe */
#define AGAIN  2 /* ticks until the own turn of a job that failed */
#define LIFE   3 /* ticks until the deadline of the job that has one */
#define SWEEP  1    /* tick in which each parked job is looked at */
#define BOUND  12

mtype = {READY, PARKED, SENT, DEAD, WIRE};

chan ready = [JOBS] of {byte};
chan parked0 = [JOBS] of {byte};
chan parked1 = [JOBS] of {byte};

mtype place[JOBS];
byte tries[JOBS]; /* refusals that speak against the bad job */
byte left;        /* until the deadline of the last job */
byte overdue;     /* ticks of a parked one after it, all of duty */
bool open[2], ill[2];
byte until[2], again[2]; /* a probe; the turn of one that failed */
byte lease[2];              /* whose probe it is */
byte failed[2];             /* jobs, as bits */
byte probing[2];            /* the job on the wire as a probe */
byte wire[WORKERS];            /* a call of the normal flow */
byte turn[WORKERS];
byte duty[WORKERS]; /* 2: to claim and to look, 1: to look */
bool calm;
byte calm_for;
hidden byte j, a, n, k;

#define BIT(x) (1 << (x))
#ifdef SAME_PROBE
#define MAY_PROBE(x) true
#else
#define MAY_PROBE(x) (!(failed[a] & BIT(x)) || again[a] == 0)
#endif

inline park(x)
{
    place[x] = PARKED;
    if
    :: APP(x) == 0 -> parked0!x
    :: else -> parked1!x
    fi
}

/* circuit_admit(): the job goes out as the probe, or is parked. */
inline try_probe(w, x)
{
    if
    :: until[a] == 0 && probing[a] == NONE && (lease[a] == NONE || lease[a] == w) && MAY_PROBE(x) ->
        assert(!(failed[a] & BIT(x)) || again[a] == 0);
        lease[a] = w;
        probing[a] = x;
        place[x] = WIRE
    :: else -> park(x)
    fi
}

inline refused(x, was_closed)
{
    if
    :: x == BAD && was_closed && tries[x] < LIMIT -> tries[x]++
    :: else
    fi;
    if
    :: x == BAD && tries[x] == LIMIT -> place[x] = DEAD
    :: else -> park(x)
    fi
}

/* A job that was refused before opens nothing. */
inline flow_answer(w)
{
    j = wire[w];
    a = APP(j);
    wire[w] = NONE;
    if
    :: !ill[a] && j != BAD ->
        place[j] = SENT;
        open[a] = false;
        failed[a] = 0
    :: else ->
        n = !open[a];
        if
        :: !open[a] && (j != BAD || tries[j] == 0) ->
            open[a] = true;
            until[a] = PROBE;
            again[a] = PROBE + AGAIN;
            failed[a] = BIT(j);
            lease[a] = NONE
        :: else
        fi;
        refused(j, n)
    fi
}

inline probe_answer(w)
{
    j = probing[a];
    probing[a] = NONE;
    lease[a] = NONE;
    if
    :: !ill[a] && j != BAD ->
        place[j] = SENT;
        open[a] = false;
        failed[a] = 0
    :: else ->
        failed[a] = failed[a] | BIT(j);
        until[a] = PROBE;
        again[a] = PROBE + AGAIN;
        park(j)
    fi
}

/* claim: the parties take turns, parked lists of apps that take jobs, and ready. */
#ifdef PROBE_INSTEAD
#define DUE(x)     (open[x] && until[x] == 0)
#define DRAINS(x)  (!open[x] && !DUE(0) && !DUE(1))
#else
#define DRAINS(x) (!open[x])
#endif
#ifdef FULL_STOPS
#define STOPPED (len(parked0) == 2 || len(parked1) == 2)
#else
#define STOPPED false
#endif
inline claim(w)
{
    j = NONE;
    k = 0;
    do
    :: j != NONE || k == 3 -> break
    :: else ->
        n = (turn[w] + k) % 3;
        if
        :: n == 0 && DRAINS(0) && nempty(parked0) -> parked0?j
        :: n == 1 && DRAINS(1) && nempty(parked1) -> parked1?j
        :: n == 2 && nempty(ready) && !STOPPED -> ready?j
        :: else
        fi;
        k++
    od;
    turn[w] = (turn[w] + 1) % 3;
    if
    :: j == NONE
    :: else ->
        a = APP(j);
        if
        :: j == JOBS - 1 && left == 0 -> place[j] = DEAD
        :: else ->
            if
            :: open[a] -> try_probe(w, j)
            :: else ->
                place[j] = WIRE;
                wire[w] = j
            fi
        fi
    fi
}

/* looks: beside the claims, of each app that takes no jobs, one parked job, and as many more as
 * have failed; a deadline that is over is seen. */
#ifdef NO_SWEEP
#define IS_OVER(x) false
#else
#define IS_OVER(x) (x == JOBS - 1 && left == 0)
#endif
inline look_at(w, list)
{
    n = len(list);
    k = 0;
    do
    :: k == n -> break
    :: else ->
        list?j;
        if
        :: IS_OVER(j) -> place[j] = DEAD
        :: else -> try_probe(w, j)
        fi;
        k++
    od
}

inline look(w)
{
    a = 0;
    if
    :: open[0] -> look_at(w, parked0)
    :: else
    fi;
    a = 1;
    if
    :: open[1] -> look_at(w, parked1)
    :: else
    fi
}

#define HEARS(w)   (wire[w] != NONE)
#define PROBES(w)  ((probing[0] != NONE && lease[0] == w) || (probing[1] != NONE && lease[1] == w))
#define IDLE(w)    (duty[w] == 0 && !HEARS(w) && !PROBES(w))

proctype worker(byte w)
{
end:
    do
    :: d_step { HEARS(w); flow_answer(w) }
    :: d_step {
        PROBES(w);
        a = (probing[0] != NONE && lease[0] == w -> 0 : 1);
        probe_answer(w)
    }
    :: d_step { duty[w] == 2 && !HEARS(w); claim(w); duty[w] = 1 }
    :: d_step { duty[w] == 1; look(w); duty[w] = 0 }
    od
}

#define DOWN(t) t = (t > 0 -> t - 1 : 0)
#define GOOD_SENT                                                                                  \
    ((place[1] == SENT || ill[0]) && place[2] == SENT && (place[3] == SENT || place[3] == DEAD))

proctype world()
{
end:
    do
    :: d_step { !calm; ill[0] = !ill[0] }
    :: d_step { !calm; ill[1] = !ill[1] }
    :: d_step { !calm; calm = true; ill[1] = false; duty[0] = 2; duty[1] = 2 }
    :: d_step {
        (!calm && left + until[0] + until[1] + again[0] + again[1] > 0) ||
            (calm && IDLE(0) && IDLE(1) && calm_for < BOUND);
        if
        :: calm && left == 0 && place[JOBS - 1] == PARKED -> overdue++
        :: else
        fi;
        assert(overdue <= SWEEP);
        DOWN(until[0]);
        DOWN(until[1]);
        DOWN(again[0]);
        DOWN(again[1]);
        DOWN(left);
        duty[0] = 2;
        duty[1] = 2;
        calm_for = calm_for + calm;
        assert(calm_for < BOUND || GOOD_SENT)
    }
    od
}

init
{
    atomic {
        j = 0;
        do
        :: j == JOBS -> break
        :: else ->
            place[j] = READY;
            ready!j;
            j++
        od;
        left = LIFE;
        lease[0] = NONE;
        lease[1] = NONE;
        probing[0] = NONE;
        probing[1] = NONE;
        wire[0] = NONE;
        wire[1] = NONE;
        duty[0] = 2;
        duty[1] = 2;
        j = 0;
        run worker(0);
        run worker(1);
        run world()
    }
}
