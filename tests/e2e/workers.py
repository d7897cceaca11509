# SPDX-License-Identifier: MIT
"""Workers that end, are killed, are stopped, or are of another version."""
import os
import signal
import time

from coalesce import Crowd
from harness import K, ROOT, Stage, wait_until
from scene import FAST, SHORT, expect, scenario, timely


@scenario
def second_signal_ends_at_once():
    with Stage(env=SHORT) as s:
        s.fault(kind="hang")
        w = s.worker()
        s.push_many(20)
        wait_until(lambda: s.record().get("calls", 0) > 0, 10, "calls are out")
        w.send_signal(signal.SIGTERM)
        wait_until(lambda: "event=drain_begin" in s.log(0), 5, "the drain begins")
        w.send_signal(signal.SIGTERM)
        expect(w.wait(5) == 128 + signal.SIGTERM, "128 + n")
        s.clear_faults()
        s.worker()
        s.wait_ended(20, 20)
        s.conserve(20)


@scenario
def term_in_full_flight():
    with Stage(env=dict(FAST, **SHORT)) as s:
        s.fault(kind="latency", latency_ms=100)
        w = s.worker()
        n = s.push_many(3000)
        wait_until(lambda: s.ended() > 100, 10, "in full flight")
        expect(s.terminate(w) == 0, "exit 0: nothing left leased")
        c = s.conserve(n)
        expect(c["leased"] == 0 and c["inbox"] == 0 and c["ready"] > 0, "all given back: %s" % c)
        s.clear_faults()
        s.worker()
        s.wait_ended(n, 30)
        s.settle(n)


@scenario
def kill_one_of_two_workers():
    """Default settings: the killed worker's jobs end within 10 s and a call."""
    with Stage(env=FAST) as s:
        s.fault(kind="latency", latency_ms=200)
        victim = s.worker()
        s.worker()
        n = s.push_many(1500)
        wait_until(lambda: s.ended() > 200, 10, "in full flight")
        victim.kill()
        killed = time.monotonic()
        victim.wait()
        s.wait_ended(n, 20)
        took = time.monotonic() - killed
        timely(took < 11.5, "recovered after %.1f s" % took)  # 10 s and a call on a busy machine
        s.settle(n)
        return "recovery %.1f s" % took


@scenario
def kill_one_of_two_on_three_queues():
    queues = ["a", "b", "c"]
    with Stage(env=dict(FAST, **SHORT, PUSHBRIDGE_QUEUE_NAMES=",".join(queues), PUSHBRIDGE_QUEUE_SERVE="fair")) as s:
        s.fault(kind="latency", latency_ms=200)
        victim = s.worker()
        n = sum(s.push_many(300, q, queue=q) for q in queues)
        wait_until(lambda: all(s.counts(q)["sent"] and s.counts(q)["leased"] for q in queues), 15, "in full flight on each")
        s.worker()
        victim.kill()
        victim.wait()
        s.wait_ended(n, 20)
        taken_over = sum(o["crashes"] > 0 for o in s.outcomes())
        expect(taken_over, "the victim had some")
        expect(sorted(o["id"] for o in s.outcomes()) == sorted("%s%d" % (q, i) for q in queues for i in range(300)), "one outcome each")
        for q in queues:
            c = s.counts(q)
            expect(c["sent"] == sum(c.values()) == 300, "%s: %s" % (q, c))
        s.no_duplicates()
        return "%d taken over" % taken_over


@scenario
def stopped_past_the_lease():
    with Stage(env=dict(FAST, **SHORT)) as s:
        s.fault(kind="latency", latency_ms=300)
        sleeper = s.worker()
        n = s.push_many(400)
        # Stopped between two waves of calls, it would have nothing that could be refused.
        wait_until(lambda: s.ended() > 30 and s.record()["in_flight"] >= 8, 20, "calls are out")
        sleeper.send_signal(signal.SIGSTOP)
        s.worker()
        s.wait_ended(n, 30)
        before = s.record()
        sleeper.send_signal(signal.SIGCONT)
        wait_until(lambda: "event=finish_stale" in s.log(0), 10, "the zombie's finishes are refused")
        expect(s.terminate(sleeper) == 0, "the zombie drains")
        # One call may have been frozen between its last look at the clock and its write: it cannot be
        # held back, but it is alone, not concurrent (settle checks that), and the token stops it.
        after = s.record()
        late = after["calls"] - before["calls"]
        expect(late <= 1 and after["pushes"] == before["pushes"], "the zombie pushes nothing: %s" % after)
        s.settle(n)
        return "%d late call(s), suppressed" % late


def stop_with_shared_calls(s, p):
    """Stops the worker; returns the uids of the jobs without an id and without an end that it holds in
    batches with a mark, so of jobs of shared calls. If there are too few for one to be sure of it
    goes on, and there are none."""
    p.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, p.pid, os.WSTOPPED)
    flat = s.redis("HGETALL", K + ":batch")
    heads = dict(zip(flat[::2], flat[1::2]))
    held = {name for name, head in heads.items() if b"-%d-" % p.pid in head and name + b"!" in heads}
    flat = s.redis("HGETALL", K + ":member")
    members = [name.rsplit(b":", 1) for name, job in zip(flat[::2], flat[1::2]) if b"only " in job]
    uids = {b"-".join(m).decode() for m in members if m[0] in held}
    if len(uids) >= 10:
        return uids
    p.send_signal(signal.SIGCONT)
    return None


def tag_job(step, i):
    return {"id": "%s%d" % (step, i), "code": "I10001", "school": "s%d" % (i % 7), "tags": ["a", "b"]}


@scenario
def rolling_versions():
    """The version before this one and this one on one queue: up, and one step back, with a crash each.
    Jobs to devices without ids share calls, and calls of a killed worker are repeated by the other
    version as they were."""
    before = os.path.join(ROOT, "build", "previous", "bin", "pushbridge")
    expect(os.path.exists(before), "make previous has not been run")
    with Stage(env=dict(FAST, **SHORT)) as s:
        s.fault(kind="latency", latency_ms=40)
        s.fault(kind="error", code="ServiceUnavailable", status=503, probability=0.02)
        s.fault(kind="latency", latency_ms=250, match={"action": "MassPush"})  # long enough for a crash to come meanwhile
        crowd = Crowd(s, 300)
        n, old, crossed = 0, [s.worker(program=before), s.worker(program=before)], {}
        for step in ("up", "back"):
            shared = iter(crowd.mixed(1000))
            n += s.push_many(2000, step, lambda i: next(shared) if i % 2 else tag_job(step, i))
            start, new = s.ended(), []
            wait_until(lambda: s.ended() > start + 200, 15, "in full flight")
            for p in old:
                known = s.redis("ZCARD", K + ":workers")
                new.append(s.worker() if step == "up" else s.worker(program=before))
                wait_until(lambda: s.redis("ZCARD", K + ":workers") > known, 10, "the new one's heartbeat")
            held = wait_until(lambda: stop_with_shared_calls(s, old[0]), 15, "the victim has shared calls out")
            old[0].kill()
            expect(s.terminate(old[1]) == 0, "drained")
            old = new
            s.wait_ended(n, 40)
            pids = {str(p.pid) for p in new}
            crossed[step] = sum("task" in o["pushes"][0] and o["worker"].split("-")[-2] in pids for o in s.outcomes() if o["id"] in held)
        expect(not s.dead(), s.dead()[:1])
        expect(all(crossed.values()), "no shared call came over from the killed worker: %s" % crossed)
        crowd.received()
        s.settle(n)
        with_itself = os.path.islink(before) and ", with this version itself: no history here" or ""
        return "jobs in shared calls that came over: %s%s" % (crossed, with_itself)
