#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Kills the worker before and after each of its writes to a socket (each script call, each byte on
the way to the provider) in turn, and aborts it on marked jobs; every job must end once all the same.
Needs the fault build. Usage: run.py [STEP…], as in run.py before:7 after:12."""
import concurrent.futures
import json
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault("PB_BIN", os.path.join(ROOT, "build", "fault"))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
from harness import Failure, Stage, wait_until  # noqa: E402

QUICK = {"PUSHBRIDGE_ALIYUN_TIMEOUT_MS": "1000", "PUSHBRIDGE_ALIYUN_CONNECT_TIMEOUT_MS": "800", "PUSHBRIDGE_ALIYUN_SETTLE_MS": "100",
         "PUSHBRIDGE_QUEUE_LEASE_MS": "1500", "PUSHBRIDGE_QUEUE_EXTEND_MS": "150", "PUSHBRIDGE_QUEUE_REAP_MS": "50",
         "PUSHBRIDGE_QUEUE_IDLE_WAIT_S": "1", "PUSHBRIDGE_RETRY_BASE_MS": "20", "PUSHBRIDGE_RETRY_CAP_MS": "50",
         "PUSHBRIDGE_QUEUE_CONCURRENCY": "2", "PUSHBRIDGE_QUEUE_DEDUP_S": "600"}
JOBS = [{"id": "tag", "code": "I10001", "school": "s", "tags": ["a", "b"], "reply_to": "push:reply:x"},
        {"id": "parts", "code": "I10001", "school": "s", "tags": ["t%d" % i for i in range(12)]},
        {"id": "device", "message": "m", "target": {"device": ["0123456789abcdef0123456789abcdef"]}},
        {"id": "broken", "code": "I10001", "school": 7},
        {"id": "unknown", "code": "I99999", "school": "s"},
        {"message": "no id", "school": "s"}]
HOLD = 60  # longest that one step may take, on a machine with much else to do


def one_life(env):
    """The jobs go in, a worker that may be killed on its way runs, then one that ends the rest."""
    with Stage(env=QUICK) as s:
        s.fault(kind="error", code="ServiceUnavailable", status=503, count=1)
        n = s.push(*JOBS)
        first = s.worker("--until-empty", **env)
        first.wait(HOLD)
        if first.returncode != 0:
            second = s.worker("--until-empty")
            if second.wait(HOLD) != 0:
                raise Failure("the second worker left %s" % s.counts())
        s.settle(n)
        ends = sorted((o["id"] if len(o["id"]) < 10 else "-", o["status"]) for o in s.outcomes() + s.dead())
        if ends != [("-", "sent"), ("broken", "dead"), ("device", "sent"), ("parts", "sent"), ("tag", "sent"), ("unknown", "dead")]:
            raise Failure("ends: %s" % (s.outcomes() + s.dead()))
        return first.returncode


def count_writes():
    with Stage(env=QUICK) as s:
        s.fault(kind="error", code="ServiceUnavailable", status=503, count=1)
        s.push(*JOBS)
        path = os.path.join(s.dir, "writes")
        if s.worker("--until-empty", PB_FAULT_COUNT=path).wait(HOLD) != 0:
            raise Failure("the run without a fault failed: " + s.log())
        with open(path) as f:
            return int(f.read())


def kill_at(step):
    try:
        code = one_life({"PB_FAULT_KILL": step})
        return step, code == -9, None
    except Exception as e:  # noqa: BLE001 - reported with its step
        return step, False, "%s: %s" % (type(e).__name__, e)


def every_step(steps):
    steps = steps or ["%s:%d" % (when, n) for n in range(1, count_writes() + 1) for when in ("before", "after")]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        done = list(pool.map(kill_at, steps))
    for step, _, why in done:
        if why:
            print("FAIL  %s  %s" % (step, why))
    killed = sum(k for _, k, _ in done)
    failed = sum(why is not None for _, _, why in done)
    print("every step: %d lives, %d killed on their way, %d failed" % (len(done), killed, failed), flush=True)
    # The number of writes varies a little from run to run, so the last steps may come too late.
    if killed < len(done) * 0.8:
        raise Failure("only %d of %d were killed: the seam does not work" % (killed, len(done)))
    return failed


def poison():
    """I4: a job that aborts its worker takes no other with it."""
    with Stage(env=dict(QUICK, PUSHBRIDGE_QUEUE_CRASH_LIMIT="3", PUSHBRIDGE_QUEUE_CONCURRENCY="16")) as s:
        n = s.push_many(40) + s.push({"id": "poison", "message": "fault:abort", "school": "s"}) + s.push_many(40, "k")
        deaths = 0
        while s.ended() < n and deaths < 12:
            w = s.worker("--until-empty")
            wait_until(lambda: w.poll() is not None, HOLD, "the worker's end")
            deaths += w.returncode != 0
        dead = s.dead()  # under its batch and position: reading its id is what may kill
        if [(json.loads(d["job"])["id"], d["reason"]) for d in dead] != [("poison", "poison")] or len(s.outcomes()) != n - 1:
            raise Failure("dead: %s, sent: %d of %d" % ([(d["id"], d["reason"]) for d in dead], len(s.outcomes()), n - 1))
        s.settle(n)
        print("poison: %d workers aborted, %d jobs sent, crashes of the dead letter: %d" % (deaths, n - 1, dead[0]["crashes"]), flush=True)
    return 0


def main():
    failed = every_step(sys.argv[1:])
    if not sys.argv[1:]:
        failed += poison()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
