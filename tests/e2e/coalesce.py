# SPDX-License-Identifier: MIT
"""Scenarios of calls that several jobs share: what the devices got is asked of the devices."""
import collections
import json
import re
import time

from harness import Stage, wait_until
from reload import SHORT
from scene import expect, scenario

ON = SHORT
KINDS = ("device", "account", "alias")


class Crowd:
    """Phones with an account and an alias each, and who is to get what."""

    def __init__(self, s, n):
        self.s, self.phones = s, ["%032d" % i for i in range(n)]
        self.wanted = collections.defaultdict(list)
        s.seed([{"id": p, "account": "u%d" % i, "aliases": ["al%d" % i]} for i, p in enumerate(self.phones)])

    def job(self, message, *to, kind="device", **more):
        for i in to:
            self.wanted[self.phones[i]].append(message)
        ids = {"device": self.phones, "account": ["u%d" % i for i in range(len(self.phones))],
               "alias": ["al%d" % i for i in range(len(self.phones))]}[kind]
        return dict({"message": message, "target": {kind: [ids[i] for i in to]}}, **more)

    def mixed(self, n, more=lambda i: {}):
        """Equal and different contents, of every unicast kind."""
        size = len(self.phones)
        return [self.job("to all alike" if i % 3 == 0 else "only %d" % i, i % size, kind=KINDS[i % 7 % 3],
                         **more(i)) for i in range(n)]

    def received(self):
        found = self.s.inboxes("body")
        got = {d: collections.Counter({text(b): n for b, n in c.items()}) for d, c in found.items()}
        wrong = [(p, self.wanted[p], got.get(p)) for p in self.phones
                 if collections.Counter(self.wanted[p]) != got.get(p, collections.Counter())]
        expect(not wrong, "%d of %d devices, first: %s" % (len(wrong), len(self.phones), wrong[:1]))


def text(body):
    return json.loads(body)["message"]


def pushes(s):
    return [c for c in s.control("GET", "/_mock/record?list=1")["list"] if c["outcome"] == "pushed"]


@scenario
def coalesced_jobs_reach_each_device_once():
    with Stage(env=ON) as s:
        crowd = Crowd(s, 300)
        n = s.push(*crowd.mixed(300))
        s.worker()
        s.wait_ended(n)
        crowd.received()
        calls = pushes(s)
        expect(len(calls) <= 20 and any(c["action"] == "MassPush" for c in calls), "%d calls" % len(calls))
        out = s.outcomes()
        expect(len(out) == n and all(len(o["pushes"]) == 1 for o in out), out[0])
        expect(sum("task" in o["pushes"][0] for o in out) > 250, "most share a call")
        ids = collections.Counter(o["pushes"][0]["message_id"] for o in out)
        made = {str(i) for c in calls for i in ids_of(c)}
        expect(set(ids) == made, "each outcome has its task's MessageId")
        s.settle(n)
        s.check_calls()
        return "%d jobs in %d calls" % (n, len(calls))


def ids_of(call):
    return [t["message_id"] for t in call["tasks"]] if call.get("tasks") else [call["message_id"]]


@scenario
def coalesced_calls_under_faults():
    with Stage(env=dict(ON, PUSHBRIDGE_RETRY_MAX_ATTEMPTS="8")) as s:
        crowd = Crowd(s, 400)
        for fault in (dict(kind="drop_after_accept"), dict(kind="error", status=503), dict(kind="close_after_read"),
                      dict(kind="throttle", headers={"x-acs-retry-after": "200"}), dict(kind="garbage", accepted=True),
                      dict(kind="hang"), dict(kind="hang", accepted=True), dict(kind="bad_gateway", accepted=True)):
            s.fault(count=2, after=2, **fault)
        n = s.push(*crowd.mixed(1200))
        s.worker()
        s.worker()
        s.wait_ended(n, 60)
        expect(not s.dead(), s.dead()[:1])
        crowd.received()
        s.settle(n)
        return "%d suppressed" % s.record()["suppressed"]


@scenario
def a_refused_task_is_found():
    with Stage(env=dict(ON, PUSHBRIDGE_PLAN_COALESCE_IDS="true")) as s:
        crowd = Crowd(s, 200)
        s.fault(kind="error", status=400, code="InvalidTargetValue.Format", match={"job_key": "bad"})
        jobs = crowd.mixed(120)
        bad = {"id": "bad", "message": "never", "target": {"device": [crowd.phones[0]]}}
        n = s.push(*(jobs[:60] + [bad] + jobs[60:]))
        s.worker()
        s.wait_ended(n, 30)
        dead = s.dead()
        expect([(d["id"], d["reason"], d["maybe_sent"]) for d in dead] == [("bad", "provider_rejected", False)], dead[:2])
        expect(all(o["attempts"] == 1 for o in s.outcomes()), "the others lost no attempt")
        crowd.received()
        s.settle(n)
        return "%d refused calls" % s.record()["faulted"]


@scenario
def a_killed_workers_calls_are_repeated_whole():
    with Stage(env=ON) as s:
        crowd = Crowd(s, 300)
        s.fault(kind="latency", latency_ms=900, count=3)
        n = s.push(*crowd.mixed(600))
        w = s.worker()
        wait_until(lambda: s.record()["pushes"] >= 2, 10, "calls are out")
        w.kill()
        s.worker()
        s.worker()
        s.wait_ended(n, 40)
        expect(not s.dead(), s.dead()[:1])
        crowd.received()
        expect(s.record()["suppressed"] >= 1, "a call that was out is repeated with its token")
        s.settle(n)
        return "%d suppressed" % s.record()["suppressed"]


@scenario
def ids_that_differ_are_ambiguous():
    with Stage(env=ON) as s:
        crowd = Crowd(s, 100)
        s.fault(kind="ids", ids="short", match={"action": "MassPush"})
        n = s.push(*[crowd.job("only %d" % i, i) for i in range(100)])
        s.worker()
        s.wait_ended(n, 20)
        dead = s.dead()
        calls = [c for c in pushes(s) if c["action"] == "MassPush"]
        expect({(d["reason"], d["maybe_sent"]) for d in dead} == {("ambiguous", True)} and calls, dead[:1])
        crowd.received()  # they were pushed all the same
        s.settle(n)


@scenario
def contents_for_one_device_are_as_many_pushes():
    with Stage(env=ON) as s:
        crowd = Crowd(s, 3)
        n = s.push(*[crowd.job("news %d" % (i // 2), i % 3, kind=KINDS[i % 2]) for i in range(60)])
        s.worker()
        s.wait_ended(n)
        crowd.received()
        s.settle(n)
        return "%d jobs in %d calls" % (n, len(pushes(s)))


@scenario
def jobs_wait_in_place_for_mass_tokens():
    """Calls at their limit: what has no token is neither sent nor carried in and out of Redis."""
    with Stage(env=dict(ON, PUSHBRIDGE_LIMIT_MASSPUSH_PER_S="10", PUSHBRIDGE_LIMIT_BURST_MS="100")) as s:
        crowd = Crowd(s, 4000)
        n = s.push(*[crowd.job("only %d" % i, i) for i in range(4000)])
        began = time.monotonic()
        s.worker()
        s.wait_ended(n, 60)
        took = time.monotonic() - began
        calls = len([c for c in pushes(s) if c["action"] == "MassPush"])
        expect(took > (calls - 3) / 10, "%d calls in %.1f s" % (calls, took))
        info = s.redis("INFO", "commandstats").decode()
        scripts = sum(int(x) for x in re.findall(r"cmdstat_evalsha:calls=(\d+)", info))
        expect(scripts < 1500, "%d scripts for %d calls" % (scripts, calls))
        crowd.received()
        s.settle(n)
        return "%d calls in %.1f s, %d scripts" % (calls, took, scripts)
