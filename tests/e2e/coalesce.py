# SPDX-License-Identifier: MIT
"""Scenarios of calls that several jobs share: what the devices got is asked of the devices."""
import collections
import json
import os
import re
import time

from harness import Stage
from limits import expect_paced
from reload import SHORT
from scene import PATIENT, calls, expect, scenario

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

    def unlike(self, n):
        """Each its own text, so that they share a call only as tasks."""
        self.texts = getattr(self, "texts", 0) + n
        return [self.job("unlike %d" % i, i % len(self.phones)) for i in range(self.texts - n, self.texts)]

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
        made = pushes(s)
        expect(len(made) <= n / 4 and any(c["action"] == "MassPush" for c in made), "%d calls" % len(made))
        out = s.outcomes()
        expect(len(out) == n and all(len(o["pushes"]) == 1 for o in out), out[0])
        expect(sum("task" in o["pushes"][0] for o in out) > n / 2, "most share a call")
        ids = collections.Counter(o["pushes"][0]["message_id"] for o in out)
        expect(set(ids) == {str(i) for c in made for i in ids_of(c)}, "each outcome has its task's MessageId")
        s.settle(n)
        s.check_calls()
        return "%d jobs in %d calls" % (n, len(made))


def ids_of(call):
    return [t["message_id"] for t in call["tasks"]] if call.get("tasks") else [call["message_id"]]


@scenario
def coalesced_calls_under_faults():
    # More failures than there are faults: an open circuit's probes would meet them one by one, each later than the last.
    with Stage(env=dict(ON, PUSHBRIDGE_RETRY_MAX_ATTEMPTS="8", PUSHBRIDGE_CIRCUIT_FAILURES="17")) as s:
        crowd = Crowd(s, 400)
        for fault in (dict(kind="drop_after_accept"), dict(kind="error", status=503), dict(kind="close_after_read"),
                      dict(kind="throttle", headers={"x-acs-retry-after": "200"}), dict(kind="garbage", accepted=True),
                      dict(kind="hang"), dict(kind="hang", accepted=True), dict(kind="bad_gateway", accepted=True)):
            s.fault(count=2, after=2, **fault)
        n = s.push(*crowd.mixed(1200))
        s.worker()
        s.worker()
        s.wait_ended(n)
        expect(not s.dead(), s.dead()[:1])
        crowd.received()
        s.settle(n)
        return "%d suppressed" % s.record()["suppressed"]


@scenario
def a_refused_task_is_found():
    with Stage(env=dict(ON, **PATIENT, PUSHBRIDGE_PLAN_COALESCE_IDS="true")) as s:
        crowd = Crowd(s, 200)
        s.fault(kind="error", status=400, code="InvalidTargetValue.Format", match={"job_key": "bad"})
        jobs = crowd.mixed(120)
        bad = {"id": "bad", "message": "never", "target": {"device": [crowd.phones[0]]}}
        n = s.push(*(jobs[:60] + [bad] + jobs[60:]))
        s.worker()
        s.wait_ended(n)
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
        s.hold()
        n = s.push(*crowd.mixed(600))
        w = s.worker()
        s.stop_holding(w)
        s.kill(w)
        s.clear_faults()
        s.worker()
        s.worker()
        s.wait_ended(n)
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
        s.wait_ended(n)
        dead = s.dead()
        shared = [c for c in pushes(s) if c["action"] == "MassPush"]
        expect({(d["reason"], d["maybe_sent"]) for d in dead} == {("ambiguous", True)} and shared, dead[:1])
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
        crowd = Crowd(s, 2000)
        n = s.push(*[crowd.job("only %d" % i, i) for i in range(2000)])
        began, began_ms = time.monotonic(), s.redis_ms()
        s.worker()
        s.wait_ended(n)
        took = time.monotonic() - began
        seen = calls(s, action="MassPush")
        expect_paced(seen, began_ms, 10, 1)
        info = s.redis("INFO", "commandstats").decode()
        scripts = sum(int(x) for x in re.findall(r"cmdstat_evalsha:calls=(\d+)", info))
        expect(scripts < 200 * (took + 1), "%d scripts for %d calls in %.1f s" % (scripts, len(seen), took))  # as timers have it
        crowd.received()
        s.settle(n)
        return "%d calls in %.1f s, %d scripts" % (len(seen), took, scripts)


SCHOOL, OTHER_SCHOOL = "S", "T"


class Pupils:
    """Phones of two schools, with none, one and several of some tags."""

    def __init__(self, s, n, tags):
        self.s, self.tags = s, ["t%d" % i for i in range(tags)]
        self.of = {"%032d" % i: self.draw(i) for i in range(n)}
        held = collections.defaultdict(list)  # a school is a tag as well
        for phone, tags_of in self.of.items():
            for tag in tags_of:
                held[tag].append(phone)
        s.seed(list(self.of), {tag: {"DEVICE": phones} for tag, phones in held.items()})

    def draw(self, i):
        return {self.tags[(i * 7 + k * k) % len(self.tags)] for k in range(i % 5)} | {OTHER_SCHOOL if i % 4 == 3 else SCHOOL}

    def jobs(self, message):
        """One for each tag."""
        return [{"message": message, "school": SCHOOL, "tags": [tag], "meta": {"text": message, "tag": tag}} for tag in self.tags]

    def received(self):
        """By the outcomes, jobs with one MessageId went out together: whoever has a tag of them got that push once, and
        nobody else. How many pushes each text took."""
        tags, texts = collections.defaultdict(set), collections.defaultdict(set)
        for o in self.s.outcomes():
            push = o["pushes"][0]["message_id"]
            tags[push].add(o["meta"]["tag"])
            texts[o["meta"]["text"]].add(push)
        expect(sum(map(len, texts.values())) == len(tags), "a push has one text")
        found = self.s.inboxes("message_id")
        for phone, tags_of in self.of.items():
            wanted = {push: 1 for push in tags if SCHOOL in tags_of and tags[push] & tags_of}
            got = {str(push): n for push, n in found.get(phone, {}).items()}
            expect(got == wanted, "%s with %s: %s instead of %s" % (phone, tags_of, got, wanted))
        return {t: len(pushes) for t, pushes in texts.items()}


def kill_and_go_on(s, n, pushed, **fault):
    """A worker is killed with calls out, after so many calls; two others send the rest, and meet the fault."""
    rule = s.hold(after=pushed)
    w = s.worker()
    s.stop_holding(w)
    s.kill(w)
    s.release(rule)
    s.fault(**fault)
    s.worker()
    s.worker()
    s.wait_ended(n)
    expect(not s.dead(), s.dead()[:1])


def tags_of_call(call):
    return [x["tag"] for x in json.loads(call["parameters"]["TargetValue"])["and"][1]["or"]]


@scenario
def merged_tags_reach_each_device_once():
    """Calls of several jobs with a tag each, of which some get no answer and some outlive their worker."""
    with Stage(env=dict(ON, PUSHBRIDGE_PLAN_MERGE_TAGS="true")) as s:
        pupils = Pupils(s, 400, 10)
        some = {len(t) - 1 for t in pupils.of.values() if SCHOOL in t}
        expect({0, 1, 2, 3} <= some, "tags of a phone: %s" % some)
        s.fault(kind="drop_after_accept", count=2, after=1)
        n = s.push(*[job for k in range(40) for job in pupils.jobs("to class %d" % k)])
        kill_and_go_on(s, n, 8, kind="hang", accepted=True, count=3)
        pushes_of = pupils.received()
        whole = [t for t in pushes_of if pushes_of[t] == 1]
        expect(len(whole) >= 5, "texts whose jobs went out together: %s" % pushes_of)
        texts = {p: collections.Counter({text(b): n for b, n in c.items()}) for p, c in s.inboxes("body").items()}
        mine = {p for p, t in pupils.of.items() if SCHOOL in t and len(t) > 1}
        expect(set(texts) == mine and all(got[t] == 1 for got in texts.values() for t in whole), "one of each of these texts")
        listed = s.control("GET", "/_mock/record?list=1&full=1")["list"]
        expect(max(len(tags_of_call(c)) for c in listed) == 10, "ten tags to a call")
        suppressed = s.record()["suppressed"]
        expect(suppressed >= 3, "two lost answers and a killed worker's calls are repeated with their token: %d" % suppressed)
        s.settle(n)
        return "%d jobs in %d pushes, %d of 40 texts in one, %d suppressed" % (n, s.record()["pushes"], len(whole), suppressed)


TWO_APPS = """
apps = ( { name = "default"; app_key = "23456789"; }, { name = "shop"; app_key = "34567890"; title = "Shop"; } );
"""
KEY_OF = {"default": "23456789", "shop": "34567890"}


@scenario
def shared_calls_never_mix_apps():
    """Equal and different texts to devices of two apps, in turn, with lost answers and a killed worker."""
    with Stage(env=ON) as s:
        s.conf = os.path.join(s.dir, "two.conf")
        with open(s.conf, "w") as f:
            f.write(TWO_APPS)
        app_of = {"%032d" % i: ("default", "shop")[i % 2] for i in range(300)}
        s.seed([{"id": d, "app_key": int(KEY_OF[app])} for d, app in app_of.items()])
        s.fault(kind="drop_after_accept", count=2, after=1)
        n = s.push(*[{"message": "to all alike" if i % 3 == 0 else "only %d" % i, "app": app, "target": {"device": [d]}}
                     for i, (d, app) in enumerate(app_of.items())])
        kill_and_go_on(s, n, 3, kind="latency", latency_ms=300, count=6)
        found = s.control("GET", "/_mock/inbox?full=1")
        got = {d["device"]: [(str(m["app_key"]), text(m["body"])) for m in d["messages"]] for d in found["list"]}
        wanted = {d: [(KEY_OF[app], "to all alike" if i % 3 == 0 else "only %d" % i)] for i, (d, app) in enumerate(app_of.items())}
        wrong = [(d, wanted[d], got.get(d)) for d in wanted if got.get(d) != wanted[d]]
        expect(not wrong and len(got) == len(wanted), "%d devices, first: %s" % (len(wrong), wrong[:1]))
        # a device belongs to one app: a call through another would have meant nobody
        expect(found["unreached"] == 0, "%d pushes reached nobody" % found["unreached"])
        by_push = collections.defaultdict(set)
        for o in s.outcomes():
            by_push[o["pushes"][0]["message_id"]].add(o["app"])
        expect(all(len(apps) == 1 for apps in by_push.values()), "jobs of one push are of one app")
        made = pushes(s)
        shared = {key: sum(c["app_key"] == key and c["action"] == "MassPush" for c in made) for key in KEY_OF.values()}
        expect(all(shared.values()), "each app's jobs shared calls: %s" % shared)
        s.settle(n)
        return "%d jobs in %d calls, %d suppressed" % (n, len(made), s.record()["suppressed"])
