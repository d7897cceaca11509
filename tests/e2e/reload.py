# SPDX-License-Identifier: MIT
"""Scenarios of the reload: HUP under load, refused files, changed digests."""
import json
import os
import re
import signal
import time

import wire
from admin import Admin, Systemd
from harness import Stage, wait_until
from limits import expect_paced
from scene import PATIENT, calls, expect, heavy, scenario, slow

SHORT = {"PUSHBRIDGE_ALIYUN_TIMEOUT_MS": "1700", "PUSHBRIDGE_ALIYUN_SETTLE_MS": "500",
         "PUSHBRIDGE_ALIYUN_CONNECT_TIMEOUT_MS": "1700", "PUSHBRIDGE_RETRY_BASE_MS": "50",
         "PUSHBRIDGE_RETRY_CAP_MS": "400", "PUSHBRIDGE_CIRCUIT_PROBE_MS": "200",
         "PUSHBRIDGE_QUEUE_LEASE_MS": "3000", "PUSHBRIDGE_QUEUE_EXTEND_MS": "400",
         "PUSHBRIDGE_QUEUE_REAP_MS": "100", "PUSHBRIDGE_QUEUE_IDLE_WAIT_S": "1"}

CONF = """%(more)s
apps = (
    { name = "default"; access_key_id = "mock-id"; access_key_secret = "%(secret)s"; },
    { name = "%(other)s"; app_key = "34567890"; }
);
templates = ( { code = "I10000"; message = "%(text)s {0}"; }, { code = "I10001"; message = "%(text)s {0}"; } );
"""


class File:
    """The configuration file of a stage, put in place whole."""

    def __init__(self, s):
        self.path = s.conf = os.path.join(s.dir, "pushbridge.conf")
        self.put()

    def put(self, text="first", secret="mock-secret", other="shop", more=""):
        self.put_text(CONF % {"text": text, "secret": secret, "other": other, "more": more})

    def put_text(self, text):
        with open(self.path + ".new", "w") as f:
            f.write(text)
        os.rename(self.path + ".new", self.path)


def events(s, name, i=0):
    return s.log(i).count("event=%s " % name)


def hup(s, w, event="reload_done"):
    before = events(s, event)
    w.send_signal(signal.SIGHUP)
    wait_until(lambda: events(s, event) > before, event)


def bodies(s):
    """Text of each push on the record, in the order of their arrival."""
    calls = s.control("GET", "/_mock/record?list=1&full=1")["list"]
    return [json.loads(c["parameters"]["Body"])["message"].split()[0] for c in sorted(calls, key=lambda c: c["seq"])]


@scenario
def reload_swaps_templates_and_credentials():
    with Stage(env=dict(SHORT, **PATIENT)) as s:
        f, a = File(s), Admin()
        rule = s.hold(after=100)
        systemd = Systemd(s.dir)
        w = s.worker(NOTIFY_SOCKET=systemd.path, **a.env())
        systemd.wait("READY=1")
        n = s.push_many(600)
        s.wait_held(64)  # no other can begin
        calls = s.record()["calls"]
        f.put("second", more="queue: { lease_ms = 4000; reap_ms = 100; };\nworker: { drain_ms = 9000; };")
        hup(s, w)
        s.release(rule)
        systemd.wait("RELOADING=1")
        systemd.wait("READY=1", times=2)
        s.wait_ended(n)
        texts = bodies(s)
        expect(set(texts) == {"first", "second"} and not s.dead(), "both templates: %s" % set(texts))
        late = texts[calls + 128:]
        expect(late and set(late) == {"second"}, "what was sent later has the new template: %d first of %d" % (late.count("first"), len(late)))
        # the environment is stronger than the file, so nothing else changed
        expect(not events(s, "reload_needs_restart"), "no option waits for a restart")
        f.put("second", secret="wrong", more="redis: { connect_timeout_ms = 2000; };\nqueue: { results = \"elsewhere\"; };")
        hup(s, w)
        expect("event=reload_needs_restart options=redis.connect_timeout_ms,queue.results" in s.log(), "named")
        more = s.push_many(50, "w")
        wait_until(lambda: events(s, "circuit_open"), "the circuit opens")
        f.put("second", more="log: { level = \"debug\"; };")
        hup(s, w)
        n += more
        s.wait_ended(n)
        expect(events(s, "circuit_closed"), "closed by itself")
        s.fault(kind="throttle", count=1, headers={"x-acs-retry-after": "100"})
        expect(s.redis("EXISTS", "elsewhere") == 0 and not s.dead(), "outcomes where they were")
        n += s.push({"id": "o", "code": "I10000", "school": "s", "app": "shop"})
        s.wait_ended(n)
        expect("level=debug event=job_retry" in s.log(), "log.level")
        f.put("second", other="another")
        hup(s, w)
        n += s.push({"id": "gone", "code": "I10000", "school": "s", "app": "shop"},
                    {"id": "come", "code": "I10000", "school": "s", "app": "another"})
        s.wait_ended(n)
        expect([(d["id"], d["reason"]) for d in s.dead()] == [("gone", "invalid_job")], s.dead())
        expect(a.families()["pushbridge_config_reloads_total"].value(result="ok") == 4, "counted")
        digest = json.loads(a.get("/stats")[1])["config_digest"]
        expect("to=%s " % digest in s.log(), "the digest in force")
        expect(s.terminate(w) == 0, "drained")
        s.settle(n)


@scenario
def reload_refuses_and_keeps():
    with Stage(env=SHORT) as s:
        f, a = File(s), Admin()
        w = s.worker(**a.env())
        a.wait_ready()
        broken = (("templates = ( { code = \"I10000\"; message = \"broken {9\"; } );", "I10000"),
                  ("retry: { max_attempts = 0; };", "retry.max_attempts"),
                  ("nonsense = ;", "pushbridge.conf"), ("colour: { red = 1; };", "colour"),
                  ("apps = ( { name = \"other\"; } );", "app_key"),
                  ("\n@include \"/\"\n", ":2: @include"), ("@include \"pushbridge.conf\"\n", ":1: @include"))
        for i, (text, word) in enumerate(broken):
            f.put_text(text)
            hup(s, w, "reload_refused")
            line = [x for x in s.log().split("\n") if "event=reload_refused" in x][i]
            expect(word in line and "digest=" in line, "the reason: %s" % line)
        unreadable = ((os.unlink, "No such file"), (os.mkdir, "Is a directory"), (os.rmdir, "No such file"),
                      (os.mkfifo, "not a regular file"))
        for change, word in unreadable:
            change(f.path)
            hup(s, w, "reload_refused")
            expect("pushbridge.conf: %s" % word in s.log().rsplit("event=reload_refused", 1)[1], "the reason: %s" % word)
        n = s.push_many(20)
        s.wait_ended(n)
        expect(set(bodies(s)) == {"first"} and not s.dead(), "the old templates go on")
        expect(a.families()["pushbridge_config_reloads_total"].value(result="refused") == len(broken) + len(unreadable), "counted")
        wait_until(lambda: a.ready()[0] == 200 and not events(s, "reload_done"), "still at work")
        f.put("second")
        hup(s, w)
        n += s.push({"id": "later", "code": "I10000", "school": "s"})
        s.wait_ended(n)
        expect(bodies(s)[-1] == "second", "a mended file is taken")
        s.settle(n)


@scenario
def reload_honours_the_digest():
    """I3(e): an unanswered call that would be rendered anew goes by the policy instead."""
    with Stage(env=SHORT) as s:
        f, a = File(s), Admin()
        w = s.worker(**a.env())
        a.wait_ready()

        def reload_before_the_answer(job, fault, *put, after=0, **more):
            """The worker finds the other file and the call's end at one time: nothing comes between, however busy the machine."""
            rules = s.hold(after=after), s.fault(after=after, **fault)
            s.push(dict({"code": "I10000", "school": "s"}, **job))
            s.stop_holding(w)
            f.put(*put, **more)
            done = events(s, "reload_done")
            w.send_signal(signal.SIGHUP)
            for rule in rules:
                s.release(rule)
            w.send_signal(signal.SIGCONT)
            wait_until(lambda: events(s, "reload_done") > done, "reload_done")
            return 1
        lost = dict(kind="drop_after_accept")
        n = reload_before_the_answer({"id": "one"}, lost, "second")
        s.wait_ended(n)
        dead = s.dead()
        expect([(d["reason"], d["maybe_sent"]) for d in dead] == [("ambiguous", True)], dead)
        expect(set(bodies(s)) == {"first"}, "not rendered anew")
        # the same digest again: an unanswered call is repeated
        n += reload_before_the_answer({"id": "two"}, lost, "second", more="retry: { max_attempts = 4; };")
        s.wait_ended(n)
        expect([o["id"] for o in s.outcomes()] == ["two"], "repeated with its token")
        expect(s.record()["suppressed"] and sorted(set(bodies(s))) == ["first", "second"], bodies(s))
        # two calls of three are out: the third of another reading is not the rest of the job
        three = {"id": "three", "tags": ["t%d" % i for i in range(25)]}
        n += reload_before_the_answer(three, dict(kind="error", status=503), "third", after=2)
        s.wait_ended(n)
        dead = s.dead()[-1]
        expect((dead["id"], dead["reason"], [p["part"] for p in dead["pushes"]]) == ("three", "ambiguous", [0, 1]), dead)
        expect("third" not in bodies(s), bodies(s))
        s.settle(n)


@scenario
def reload_changes_limits():
    """A lower limit paces the calls from then on, and is gone again with the next reload."""
    with Stage(env=dict(SHORT, PUSHBRIDGE_LIMIT_BURST_MS="500")) as s:
        f = File(s)
        w = s.worker()
        n = free = s.push_many(300)
        s.wait_ended(n)
        f.put(more="limit: { push_per_s = 20; };")
        since_ms = s.redis_ms()
        hup(s, w)
        expect(re.search(r"event=limit_changed limit=Push@\S+ from=\S+ to=20.000 configured=20.000", s.log()), "said so")
        n += s.push_many(1000, "k")
        wait_until(lambda: s.ended() > free + 40, "slow")
        expect_paced(calls(s)[free:], since_ms, 20, 10)
        f.put(more="limit: { push_per_s = 500; };")
        slow_ones, since_ms = s.record()["calls"], s.redis_ms()
        hup(s, w)
        expect(re.search(r"event=limit_changed limit=Push@\S+ from=20.000 to=500.000 configured=500.000", s.log()), "and so")
        s.wait_ended(n)
        expect_paced(calls(s)[slow_ones:], since_ms, 500, 250)
        hup(s, w)
        expect(events(s, "limit_changed") == 2, "the same limits are no change")
        expect(not s.dead(), s.dead()[:1])
        s.settle(n)
        return "%d at 20 a second, %d at 500" % (slow_ones - free, n - slow_ones)


@scenario
@slow
@heavy
def hup_storm():
    with Stage(env=dict(SHORT, PUSHBRIDGE_QUEUE_UNSERVED_MS="500", **PATIENT)) as s:
        f, a = File(s), Admin()
        s.fault(kind="latency", latency_ms=20, latency_max_ms=120)
        s.fault(kind="throttle", count=3, headers={"x-acs-retry-after": "100"})
        w = s.worker(**a.env())
        a.wait_ready()
        n = 0
        began = time.monotonic()
        turns = 100
        for i in range(turns):
            f.put("text%d" % (i % 7), other="shop%d" % (i % 5),
                  more="limit: { push_per_s = %d; };" % (1000 + 500 * (i % 3)))
            w.send_signal(signal.SIGHUP)
            n += s.push_many(10, "h%d-" % i)
            n += s.push({"id": "o%d" % i, "code": "I10000", "school": "s", "app": "shop%d" % (i % 5)})
            wait_until(lambda: events(s, "reload_done") > i, "reload %d" % i)
        took = time.monotonic() - began
        s.wait_ended(n)
        reasons = {d["reason"] for d in s.dead()}
        expect(reasons <= {"invalid_job"} and len(s.dead()) <= turns, "only jobs of apps that are gone die: %s" % reasons)
        expect(a.families()["pushbridge_config_reloads_total"].value(result="ok") >= turns, "all were done")
        sent = len(s.outcomes())
        expect(s.terminate(w) == 0, "drained, and no leak")
        expect(int(s.redis("HGET", wire.COUNT, "sent")) == sent, "outcomes")
        s.settle(n)
        return "%d jobs sent, %d of removed apps, %d reloads in %.1f s" % (sent, n - sent, turns, took)
