# SPDX-License-Identifier: MIT
"""What an operator does while workers run: replay, look, cancel, pause."""
import json
import os
import time

import wire
from harness import BIN, PATIENCE_S, Stage, wait_until
from scene import FAST, PATIENT, SHORT, dead_reasons, expect, scenario, tool


@scenario
def dead_replay_interrupted():
    """Replays killed at any moment, two at once, with a worker that sends what comes back."""
    with Stage(env=FAST) as s:
        s.fault(kind="error", code="InvalidTargetValue.Format", status=400)
        w = s.worker()
        n = s.push_many(500)
        s.wait_ended(n)
        expect(len(s.dead()) == n, "all refused")
        expect(s.terminate(w) == 0, "drained")
        s.clear_faults()
        kills = 0
        command = [os.path.join(BIN, "pushbridge"), "dead", "replay", "--yes", "--maybe-sent", "--rate"]
        end = time.monotonic() + PATIENCE_S
        while s.redis("LLEN", wire.DEAD) > 0:
            expect(time.monotonic() < end, "all replayed")
            left = s.redis("LLEN", wire.DEAD)
            rate = "40/s" if kills <= 4 else "4000/s"  # the first ones are in the middle however late they are killed
            pair = [s.spawn(command + [rate], "replay.log", s.worker_env({})) for _ in range(2)]
            goal = left - (9 * (kills % 5) if kills > 4 else kills)
            wait_until(lambda: s.redis("LLEN", wire.DEAD) < goal or all(p.poll() is not None for p in pair), "a replay has begun")
            for p in pair:
                kills += p.poll() is None
                p.kill()
                p.wait()
            if len(s.workers) == 1:
                s.conserve(n)
            if kills >= 4 and len(s.workers) == 1:
                s.worker()
        expect(kills > 4, "killed in the middle: %d" % kills)
        if len(s.workers) == 1:
            s.worker()
        s.wait_ended(n)
        expect(len(s.outcomes()) == n and not s.dead(), "all sent: %s" % s.dead()[:1])
        c = s.settle(n)
        expect(c["sent"] == n and int(s.redis("HGET", wire.COUNT, "replayed")) == n, c)
        return "%d kills" % kills


@scenario
def operator_at_work():
    """A replayed job that dies again keeps its history; a drop, a cancel, and stats with a worker."""
    with Stage(env=dict(FAST, **dict(SHORT, **PATIENT))) as s:
        s.fault(kind="error", count=3, code="InvalidTargetValue.Format", status=400)
        s.worker()
        n = s.push({"id": "a", "code": "I10000", "school": "s", "enqueued_at": 1000 * int(time.time()) - 3 * 86400000},
                   {"id": "b", "code": "I10000", "school": "s"})
        s.wait_ended(n)
        expect(dead_reasons(s) == ["expired", "provider_rejected"], s.dead())
        expect(all(d["queue"] == wire.QUEUE for d in s.dead()), "letters name their queue")
        replay = tool(s, "dead", "replay", "b")
        expect(replay.returncode == 0, replay.stdout)
        wait_until(lambda: any(d.get("history") for d in s.dead()), "b dies again")
        b = [d for d in s.dead() if d["id"] == "b"][0]
        expect([h["reason"] for h in b["history"]] == ["provider_rejected"] and b["attempts"] == 1, b)
        s.clear_faults()
        # A replay is a new start: the default deadline, long over, counts from now.
        tool(s, "dead", "replay", "a", "b")
        s.wait_ended(n)
        wait_until(lambda: len(s.outcomes()) == 2, "both are sent")
        expect(not s.dead(), s.dead())
        stats = json.loads(tool(s, "stats", "--json").stdout)["queues"][0]
        expect(len(stats["workers"]) == 1 and stats["counters"]["replayed"] == 3, stats)
        wait_until(lambda: json.loads(tool(s, "stats", "--json").stdout)["queues"][0]["workers"][0].get("sent") == 2, "the worker's own words")
        s.terminate(s.workers[0])
        expect(not s.redis("EXISTS", wire.STAT), "it takes them along")
        n += s.push({"id": "c", "code": "I10000", "school": "s"}, {"id": "d", "code": "I10000", "school": "s"})
        expect(tool(s, "cancel", "c").returncode == 0, "cancelled")
        expect(tool(s, "dead", "drop", "c", "--yes").returncode == 0, "dropped")
        s.worker()
        wait_until(lambda: len(s.outcomes()) == 3, "d is sent")
        s.settle(n)


@scenario
def pause_resume():
    with Stage() as s:
        s.conf = os.path.join(s.dir, "two.conf")
        with open(s.conf, "w") as f:
            f.write('apps = ( { name = "default"; }, { name = "other"; app_key = "23456789"; } );\n')

        def other(i):
            return {"id": "o%d" % i, "code": "I10001", "school": "s", "app": "other"}
        s.worker()
        s.worker()
        s.cli("pause", "--app", "other")
        wait_until(lambda: all("event=paused app=other" in s.log(i) for i in range(2)), "the app is paused")
        n = s.push_many(50, "o", other) + s.push_many(50)
        wait_until(lambda: s.ended() == 50 and s.counts()["parked"] == 50, "the other app flows")
        s.cli("resume", "--app", "other")
        s.wait_ended(n)
        s.cli("pause")
        wait_until(lambda: all("event=paused app=*" in s.log(i) for i in range(2)), "all is paused")
        n += s.push_many(100, "p")
        s.worker()
        wait_until(lambda: "event=paused app=*" in s.log(2), "a new worker knows")
        for w in s.workers[:2]:
            expect(s.terminate(w) == 0, "a paused worker drains")
        c = s.conserve(n)
        expect(c["ready"] + c["inbox"] == 100 and s.ended() == n - 100, "nothing is taken: %s" % c)
        s.cli("resume")
        s.wait_ended(n)
        s.cli("pause")
        wait_until(lambda: s.log(2).count("event=paused app=*") == 2, "paused again")
        began = time.monotonic()
        s.cli("pause", "--for", "2s")  # of which it need not hear in time
        n += s.push_many(10, "q")
        s.wait_ended(n)
        expect(time.monotonic() - began >= 2, "not before its end")
        s.settle(n)
