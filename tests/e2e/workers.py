# SPDX-License-Identifier: MIT
"""Workers that end, are killed, are stopped, or are of another version."""
import os
import signal
import time

from coalesce import Crowd, text
import wire
from harness import PATIENCE_S, ROOT, Stage, wait_until
from scene import FAST, PATIENT, SHORT, calls, expect, scenario, slow


@scenario
def second_signal_ends_at_once():
    with Stage(env=SHORT) as s:
        s.hold()
        w = s.worker(**PATIENT)
        n = s.push_many(20)
        s.wait_held()
        w.send_signal(signal.SIGTERM)
        wait_until(lambda: "event=drain_begin" in s.log(0), "the drain begins")
        w.send_signal(signal.SIGTERM)
        expect(w.wait(PATIENCE_S) == 128 + signal.SIGTERM, "128 + n")
        s.clear_faults()
        c = s.conserve(n)
        expect(c["leased"] and not c["sent"], "what was out is still the worker's: %s" % c)
        s.forget_worker(w)
        s.worker()
        s.wait_ended(n)
        s.settle(n)


@scenario
def term_in_full_flight():
    with Stage(env=dict(FAST, **SHORT)) as s:
        s.hold(after=200)
        w = s.worker(**PATIENT)
        n = s.push_many(1500)
        s.wait_held(64)
        wait_until(lambda: s.ended() == 200, "all others have ended")
        w.send_signal(signal.SIGTERM)
        wait_until(lambda: "event=drain_begin" in s.log(0), "the drain begins")
        s.clear_faults()
        expect(w.wait(PATIENCE_S) == 0, "exit 0: nothing left leased")
        c = s.conserve(n)
        expect(c["leased"] == 0 and c["inbox"] == 0 and c["ready"] > 0, "all given back: %s" % c)
        expect(c["sent"] >= 264, "what was out is awaited: %s" % c)
        s.worker()
        s.wait_ended(n)
        s.settle(n)


@scenario
@slow
def kill_one_of_two_workers():
    """Default settings: what a killed worker held is another's at its lease's end, at most 9 s later, and all ends. How long
    that took is said, not judged: chaos' worker_killed_default_settings is the figure."""
    with Stage(env=FAST) as s:
        s.hold(after=200)
        victim = s.worker()
        n = s.push_many(1500)
        s.stop_holding(victim)
        s.worker()
        wait_until(lambda: s.redis("ZCARD", wire.WORKERS) == 2, "the other one's heartbeat")
        leases, now = [int(s.redis("ZSCORE", wire.DUE, name)) for name in s.batches_of(victim)], s.redis_ms()
        s.kill(victim)
        killed = time.monotonic()
        s.clear_faults()
        expect(leases and max(leases) <= now + 9000, "leases end in %s ms" % [t - now for t in leases])
        s.wait_ended(n)
        took = time.monotonic() - killed
        expect(any(o["crashes"] for o in s.outcomes()) and s.record()["suppressed"], "its calls are repeated")
        s.settle(n)
        return "recovery %.1f s" % took


@scenario
def kill_one_of_two_on_three_queues():
    queues = ["a", "b", "c"]
    with Stage(env=dict(FAST, **SHORT, PUSHBRIDGE_QUEUE_NAMES=",".join(queues), PUSHBRIDGE_QUEUE_SERVE="fair")) as s:
        n = sum(s.push_many(300, q, queue=q) for q in queues)
        s.hold(after=200)
        victim = s.worker()
        wait_until(lambda: all(s.counts(q)["sent"] and s.counts(q)["leased"] for q in queues), "in full flight on each")
        s.stop_holding(victim)
        s.kill(victim)
        s.clear_faults()
        s.worker()
        s.wait_ended(n)
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
        s.hold(after=50)
        sleeper = s.worker()
        n = s.push_many(400)
        s.stop_holding(sleeper)
        s.clear_faults()  # it is answered, and does not hear it
        s.worker()
        s.wait_ended(n)
        before = s.record()
        sleeper.send_signal(signal.SIGCONT)
        wait_until(lambda: "event=finish_stale" in s.log(0), "the zombie's finishes are refused")
        expect(s.terminate(sleeper) == 0, "the zombie drains")
        # One call may have been frozen between its last look at the clock and its write: it cannot be
        # held back, but it is alone, not concurrent (settle checks that), and the token stops it.
        after = s.record()
        late = after["calls"] - before["calls"]
        expect(late <= 1 and after["pushes"] == before["pushes"], "the zombie pushes nothing: %s" % after)
        s.settle(n)
        return "%d late call(s), suppressed" % late


def tag_job(step, i):
    return {"id": "%s%d" % (step, i), "code": "I10001", "school": "s%d" % (i % 7), "tags": ["a", "b"]}


def stop_with_a_shared_call(s, crowd, p):
    """Stops the worker while a shared call of its own is held: the call, whose jobs lie in batches of the worker and whose
    answer cannot come any more. And how many jobs were pushed so that there is one."""
    pushed = 0

    def own_call():
        nonlocal pushed
        if s.redis("LLEN", wire.QUEUE) == 0:
            pushed += s.push(*crowd.unlike(50))
        if not s.record()["held"]:
            return None
        s.stop(p)
        mine = set(s.batches_of(p))
        flat = s.redis("HGETALL", wire.MEMBER)
        members = b" ".join(job for name, job in zip(flat[::2], flat[1::2]) if name.rsplit(b":", 1)[0] in mine)
        for call in calls(s, held=True, outcome="pushed"):
            if all(('"%s"' % text(task["body"])).encode() in members for task in call["tasks"]):
                return call
        p.send_signal(signal.SIGCONT)
        return None
    return wait_until(own_call, "the victim has a shared call out"), pushed


def repeated_by(s, call, workers):
    """The jobs of the call, which a worker was killed with: its repeat was known by its token, and one of these said so."""
    once_more = [c for c in calls(s, token=call["token"]) if c["seq"] != call["seq"]]
    expect({c["outcome"] for c in once_more} == {"suppressed"}, "repeats of the killed worker's call: %s" % once_more)
    ids = {t["message_id"] for t in call["tasks"]}
    names = ["-%d-" % p.pid for p in workers]
    over = [o for o in s.outcomes() if o["pushes"][0]["message_id"] in ids]
    expect({o["pushes"][0]["message_id"] for o in over} == ids and all(any(name in o["worker"] for name in names) for o in over), "its jobs: %s" % over[:2])
    return len(over)


@scenario
@slow
def rolling_versions():
    """The version before this one and this one on one queue: up, and one step back, with a crash each.
    Jobs to devices without ids share calls, and a call of a killed worker is repeated by the other
    version as it was."""
    before = os.path.join(ROOT, "build", "previous", "bin", "pushbridge")
    expect(os.path.exists(before), "make previous has not been run")
    with Stage(env=dict(FAST, **SHORT)) as s:
        s.fault(kind="error", code="ServiceUnavailable", status=503, probability=0.02, match={"action": "Push"})
        crowd = Crowd(s, 300)
        n, old, crossed = 0, [s.worker(program=before), s.worker(program=before)], {}
        for step in ("up", "back"):
            shared = iter(crowd.mixed(700))
            n += s.push_many(1400, step, lambda i: next(shared) if i % 2 else tag_job(step, i))
            new = []
            for _ in old:
                known = s.redis("ZCARD", wire.WORKERS)
                new.append(s.worker() if step == "up" else s.worker(program=before))
                wait_until(lambda: s.redis("ZCARD", wire.WORKERS) > known, "the new one's heartbeat")
            expect(s.terminate(old[1]) == 0, "drained")
            rule = s.hold(match={"action": "MassPush"})
            call, more = stop_with_a_shared_call(s, crowd, old[0])
            n += more
            s.kill(old[0])
            s.release(rule)
            s.wait_ended(n)
            crossed[step] = repeated_by(s, call, new)
            old = new
        expect(not s.dead(), s.dead()[:1])
        crowd.received()
        s.settle(n)
        with_itself = os.path.islink(before) and ", with this version itself: no history here" or ""
        return "jobs in a shared call that came over: %s%s" % (crossed, with_itself)
