# SPDX-License-Identifier: MIT
"""Throttling and refusals that concern one job or one action, and what goes on beside them."""
import os
import re

from admin import Admin
from harness import Stage, wait_until
from scene import FAST, calls, expect, scenario, slow

PUSHES = {"PUSHBRIDGE_PLAN_COALESCE": "false"}


def steady(s, minutes_of_jobs):
    return s.push_many(minutes_of_jobs, "o", lambda i: {"id": "o%d" % i, "message": "m", "target": {"account": ["u%d" % i]}})


def rested(s):
    return sum(s.log(i).count("event=limit_cooled") for i in range(len(s.workers)))


@scenario
def one_job_always_throttled():
    """A job that the provider throttles whatever comes (its audience's daily cap): nobody rests for it, and it ends. Judged by
    what is sent before it has ended: all others."""
    with Stage(env=PUSHES) as s:
        s.fault(kind="throttle", match={"job_key": "capped"}, headers={"x-acs-retry-after": "1000"})
        s.worker()
        s.worker()
        n = s.push({"id": "capped", "message": "m", "target": {"account": ["u"]}})
        wait_until(lambda: calls(s, outcome="throttled"), "it is throttled")
        n += steady(s, 500)
        wait_until(lambda: len(s.outcomes()) == 500, "the others go out")
        tries = len(calls(s, outcome="throttled"))
        sent = 500
        while not s.dead():  # others keep going through between its tries
            n += s.push_many(20, "p%d" % sent)
            sent += 20
            wait_until(lambda: len(s.outcomes()) == sent, "the others go out")
        dead = s.dead()[0]
        expect(dead["id"] == "capped" and dead["reason"] == "retries_exhausted" and not dead["maybe_sent"], dead)
        expect(dead["attempts"] == 0 and dead["error"]["code"] == "Throttling.User", "throttling is no attempt: %s" % dead)
        expect(rested(s) == 0, "nobody rests")
        s.settle(n)
        return "tried %d times before the first 500 others were sent, %d in all" % (tries, len(calls(s, outcome="throttled")))


@scenario
@slow
def a_shared_call_with_one_always_throttled():
    """The capped job sits in a MassPush of several: it is told from them while other calls go through, and they are sent."""
    with Stage(env={"PUSHBRIDGE_PLAN_COALESCE_IDS": "true"}) as s:
        s.fault(kind="throttle", match={"job_key": "capped"}, headers={"x-acs-retry-after": "20"})

        def job(name, i):
            return {"id": "%s%d" % (name, i), "message": "m%d" % i, "target": {"account": ["%s%d" % (name, i)]}}
        n = s.push(*[job("a", i) for i in range(3)], dict(job("a", 9), id="capped"))
        s.worker()
        wait_until(lambda: calls(s, outcome="throttled"), "the call is throttled")
        s.worker()

        def rest_is_sent():
            nonlocal n
            n += s.push(*[job("b%d-" % n, i) for i in range(3)])
            wait_until(lambda: sum(not o["id"].startswith("a") for o in s.outcomes()) == n - 4, "others go out")
            return sum(o["id"].startswith("a") for o in s.outcomes()) == 3
        wait_until(rest_is_sent, "those that shared its call are sent")
        expect(not s.dead() and rested(s) == 0, "nobody ends or rests")
        s.clear_faults()
        s.wait_ended(n)
        s.settle(n)


@scenario
@slow
def an_account_throttled_is_never_dead():
    """Of a quota far below the offered load, with a low bound of tries: everybody is throttled, nobody is to blame."""
    with Stage(mock_args=["--rate", "20"], env=dict(PUSHES, PUSHBRIDGE_RETRY_MAX_ATTEMPTS="1")) as s:
        s.worker()
        s.worker()
        n = steady(s, 300)
        s.wait_ended(n)
        expect(not s.dead(), s.dead()[:1])
        expect(all(o["attempts"] == 1 for o in s.outcomes()), "no attempt is used")
        s.settle(n)
        return "%d calls throttled for %d jobs" % (len(calls(s, outcome="throttled")), n)


@scenario
def mass_push_is_not_permitted():
    """The policy allows Push alone: shared calls stop, once for each worker, the jobs go out one by one, and no circuit opens."""
    with Stage(env=FAST) as s:
        s.fault(kind="error", status=403, code="NoPermission", match={"action": "MassPush"})
        pages = [Admin() for _ in range(2)]
        workers = [s.worker(**p.env()) for p in pages]
        sent = 0
        while not all("event=shared_calls_stopped" in s.log(i) for i in range(2)):
            sent += s.push_many(200, "b%d" % sent, lambda i: {"message": "m%d" % i, "target": {"account": ["u%d" % (sent + i)]}})
            s.wait_ended(sent)
        refused = len(calls(s, action="MassPush"))
        sent += s.push_many(200, "c", lambda i: {"message": "m%d" % i, "target": {"account": ["u%d" % (sent + i)]}})
        s.wait_ended(sent)
        expect(not s.dead(), s.dead()[:1])
        expect(len(calls(s, action="MassPush")) == refused, "none is tried any more")
        for i, page in enumerate(pages):
            expect(s.log(i).count("event=shared_calls_stopped") == 1, "said once by each")
            expect("event=circuit_open" not in s.log(i), "the circuit stays out of it")
            expect(page.families()["pushbridge_shared_calls_stopped"].value() == 1, "and a metric")
        warnings = lambda: sum(s.log(i).count("level=warn event=shared_calls_stopped") for i in range(2))  # noqa: E731
        expect(warnings() == 1, "one warning for both: %d" % warnings())
        s.clear_faults()
        os.kill(workers[0].pid, 1)  # HUP
        wait_until(lambda: "event=reload_done" in s.log(0), "reloaded")

        def tried_again():
            nonlocal sent
            sent += s.push_many(200, "d%d" % sent, lambda i: {"message": "m%d" % i, "target": {"account": ["u%d" % (sent + i)]}})
            s.wait_ended(sent)
            return len(calls(s, action="MassPush")) > refused
        wait_until(tried_again, "shared calls again after a reload")
        s.settle(sent)
        return "%d calls of MassPush refused" % refused


@scenario
@slow
def a_quota_that_nobody_told():
    """100 calls a second are let through, 16,666 are configured. The figures are told, and judged only by what no load explains:
    half of the quota is used after a while, and no rest is longer than the provider asked for."""
    with Stage(mock_args=["--rate", "100", "--record", "200000"], env=PUSHES) as s:
        s.fault(kind="latency", latency_ms=50, latency_max_ms=300)
        s.worker()
        s.worker()
        n = steady(s, 4000)
        s.wait_ended(n)
        expect(not s.dead(), s.dead()[:1])
        pushed = sorted(c["at_ms"] for c in calls(s, outcome="pushed"))
        begin, end = pushed[0] + 15000, pushed[-1]
        used = len([t for t in pushed if begin <= t < end]) / ((end - begin) / 1000.0)
        still = max(b - a for a, b in zip(pushed, pushed[1:]))
        expect(used >= 50, "%.0f a second of 100" % used)
        rests = [int(ms) for i in range(2) for ms in re.findall(r"event=limit_cooled limit=\S+ ms=(\d+)", s.log(i))]
        expect(rests and max(rests) <= 1000, "hints end with the second: %s" % rests)
        s.settle(n)
        throttled = len(calls(s, outcome="throttled"))
        return "%.0f a second of 100, longest still %d ms, %d throttled for %d sent" % (used, still, throttled, n)
