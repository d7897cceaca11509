# SPDX-License-Identifier: MIT
"""Scenarios of two workers with two files: a call that may be out is repeated as the same call, or by the policy."""
import json
import os
import re

from coalesce import Crowd, pushes
from harness import Stage, wait_until
from reload import SHORT
from scene import expect, scenario

PATIENT = dict(SHORT, PUSHBRIDGE_RETRY_MAX_ATTEMPTS="90", PUSHBRIDGE_CIRCUIT_FAILURES="90")
FILE = """%(more)s
apps = ( { name = "default"; %(app)s }, { name = "shop"; app_key = "34567890"; title = "%(shop)s"; } );
templates = ( { code = "I10001"; message = "%(text)s {0}"; }, { code = "N1"; message = "%(news)s"; } );
"""


def use(s, name, text="first", app="", shop="Shop", news="news", more=""):
    """The file of the workers that are started from now on."""
    s.conf = os.path.join(s.dir, name + ".conf")
    with open(s.conf, "w") as f:
        f.write(FILE % dict(text=text, app=app, shop=shop, news=news, more=more))


def digest(s):
    return re.search(r"^digest = ([0-9a-f]{16})", s.cli("check"), re.M).group(1)


def texts(s):
    """Text of each push on the record, in the order of their arrival."""
    listed = s.control("GET", "/_mock/record?list=1&full=1")["list"]
    found = [json.loads(c["parameters"]["Body"])["message"] for c in sorted(listed, key=lambda c: c["seq"]) if c["outcome"] == "pushed"]
    return [t.split()[0] for t in found]


def letter(s, n=1):
    dead = s.dead()
    expect(len(dead) == n, "%d letters: %s" % (len(dead), dead[:2]))
    return dead[-1]


def job_keys(s):
    listed = s.control("GET", "/_mock/record?list=1")["list"]
    return {t["job_key"] for c in listed for t in (c.get("tasks") or [c])}


def leave_waiting(s, *jobs, calls=1, env=(), **fault):
    """A worker's calls for these jobs fail until it is told to go; it leaves them waiting for a repeat."""
    before, known = s.record()["calls"], len(job_keys(s))
    s.fault(**fault)
    n = s.push(*jobs)
    w = s.worker(**dict(env))
    wait_until(lambda: s.record()["calls"] >= before + calls and len(job_keys(s)) >= known + n, "its calls fail")
    expect(s.terminate(w) == 0, "drained")
    s.clear_faults()
    expect(s.counts()["delayed"] == n, s.counts())
    return n


def take_over(s, n, env=(), **file):
    """A worker with another file ends what waits; its log."""
    use(s, "other", **file)
    w = s.worker(**dict(env))
    s.wait_ended(n)
    expect(s.terminate(w) == 0, "drained")
    return s.log(len(s.workers) - 1)


@scenario
def a_file_that_does_not_touch_a_call():
    """Two files that differ, but not in what the jobs follow from: 503s, lost answers, a kill. Each is sent, and reaches each
    device once."""
    with Stage(env=dict(SHORT, PUSHBRIDGE_RETRY_MAX_ATTEMPTS="9", PUSHBRIDGE_CIRCUIT_FAILURES="60")) as s:
        crowd = Crowd(s, 200)
        use(s, "one")
        s.fault(kind="latency", latency_ms=900, count=8)
        n = s.push(*[crowd.job("only %d" % i, i, id="j%d" % i) for i in range(200)])
        n += s.push(*crowd.mixed(400))
        n += s.push_many(100, "t")
        victim = s.worker()
        wait_until(lambda: s.record()["pushes"] >= 4, "calls are out")
        victim.kill()
        for fault in ("error", "drop_after_accept", "bad_gateway"):
            s.fault(kind=fault, count=12, **({"status": 503} if fault == "error" else {}))
        use(s, "other", shop="Store", news="other news", more="log: { level = \"debug\"; };\nqueue: { concurrency = 7; };")
        s.worker()
        use(s, "one")
        s.worker()
        s.wait_ended(n)
        expect(not s.dead(), s.dead()[:1])
        expect(s.record()["suppressed"] >= 10, "what was out is repeated with its token")
        crowd.received()
        s.settle(n)
        return "%d suppressed" % s.record()["suppressed"]


@scenario
def another_text_is_no_repeat():
    """A call that was refused for certain is rendered anew; one that may be out goes by the policy, and the letter says why."""
    with Stage(env=PATIENT) as s:
        use(s, "one")
        text, ios = {"code": "I10001", "school": "s"}, "device_type = \"iOS\";"
        n = leave_waiting(s, dict(text, id="refused"), kind="throttle", headers={"x-acs-retry-after": "100"})
        take_over(s, n, text="second")
        expect(not s.dead() and texts(s) == ["second"], "rendered anew: %s" % texts(s))

        second = digest(s)
        n += leave_waiting(s, dict(text, id="open"), kind="drop_after_accept")
        log = take_over(s, n, text="third", app=ios)
        d = letter(s)
        why = "a call made under configuration %s may be out, and under %s it is another: DeviceType, Body" % (second, digest(s))
        expect((d["id"], d["reason"], d["maybe_sent"], d["error"]["message"]) == ("open", "ambiguous", True, why), d)
        expect("why=\"%s\"" % why in log, "the log says so too")

        # one that follows from no template is the same call
        n += leave_waiting(s, {"id": "plain", "message": "plain", "school": "s"}, kind="drop_after_accept")
        take_over(s, n, text="fourth", app=ios, news="none")
        out = s.outcomes()[-1]
        expect(out["id"] == "plain" and s.record()["suppressed"] >= 1, "repeated with its token: %s" % out)
        s.settle(n)

        # the app's policy may be resend: a push of its own
        n += leave_waiting(s, dict(text, id="again"), kind="drop_after_accept")
        log = take_over(s, n, text="fifth", app=ios + " ambiguous = \"resend\";")
        expect(texts(s) == ["second", "second", "plain", "fourth", "fifth"], texts(s))
        expect("event=call_given_up id=again why=\"a call made under" in log, "said so")
        letter(s)
        s.conserve(n)


@scenario
def a_replay_with_the_same_token_is_the_same_call():
    """`dead replay --token same` promises that a call which arrived is not pushed again: not as another one either."""
    with Stage(env=dict(PATIENT, PUSHBRIDGE_RETRY_MAX_ATTEMPTS="1")) as s:
        use(s, "one")
        s.fault(kind="drop_after_accept", count=1)
        n = s.push({"id": "j", "code": "I10001", "school": "s"})
        w = s.worker()
        s.wait_ended(n)
        expect(s.terminate(w) == 0 and letter(s)["maybe_sent"], "one letter")
        use(s, "other", text="second")
        s.cli("dead", "replay", "--token", "same", "--maybe-sent", "--yes", "j")
        take_over(s, n, text="second")
        d = letter(s)
        expect((d["reason"], d["maybe_sent"]) == ("ambiguous", True) and d["error"]["message"].endswith("it is another: Body"), d)
        s.cli("dead", "replay", "--token", "same", "--maybe-sent", "--yes", "j")
        use(s, "one")
        s.worker()
        wait_until(s.outcomes, "with its own text it is sent")
        expect(texts(s) == ["first"] and s.record()["suppressed"] == 1, "and suppressed: %s" % texts(s))
        s.settle(n)


@scenario
def another_app_key_is_no_repeat():
    with Stage(env=PATIENT) as s:
        use(s, "one")
        n = leave_waiting(s, {"id": "open", "message": "m", "school": "s"}, kind="drop_after_accept", env={"PREQ_APP_KEY": "11111111"})
        take_over(s, n, env={"PREQ_APP_KEY": "22222222"})
        d = letter(s)
        expect(d["reason"] == "ambiguous" and d["maybe_sent"] and d["error"]["message"].endswith("it is another: AppKey"), d)
        # an app that is gone: nothing can be rendered, and the letter says that it may be out
        n += leave_waiting(s, {"id": "gone", "message": "m", "school": "s", "app": "shop"}, kind="drop_after_accept")
        s.conf = None
        s.worker()
        s.wait_ended(n)
        d = letter(s, 2)
        expect((d["reason"], d["maybe_sent"]) == ("invalid_job", True) and "\"shop\"" in d["error"]["message"], d)
        s.settle(n)


@scenario
def a_begun_job_keeps_its_parts():
    """Two calls of three are out, and the third was refused: another file has another text and splits otherwise. The rest is sent
    with the new text to the rest of the audience."""
    with Stage(env=PATIENT) as s:
        Crowd(s, 30)
        use(s, "one", more="limits: { accounts = 10; };")
        job = {"id": "many", "code": "N1", "target": {"account": ["u%d" % i for i in range(30)]}}
        n = leave_waiting(s, job, calls=3, kind="throttle", after=2, headers={"x-acs-retry-after": "100"})
        take_over(s, n, news="other", more="limits: { accounts = 7; };")
        expect(not s.dead() and texts(s) == ["news", "news", "other"], "%s %s" % (texts(s), s.dead()))
        expect([p["part"] for p in s.outcomes()[0]["pushes"]] == [0, 1, 2], s.outcomes())
        got = s.inboxes("body")
        expect(len(got) == 30 and all(sum(c.values()) == 1 for c in got.values()), "each account's device once: %d" % len(got))
        s.settle(n)


@scenario
def a_killed_workers_calls_under_another_file():
    """What was out at the kill is the same call where all that it follows from is; the others go by the policy, by name."""
    with Stage(env=SHORT) as s:
        use(s, "one")
        began = digest(s)
        s.fault(kind="latency", latency_ms=900, count=2)
        n = s.push({"id": "plain", "message": "plain", "school": "s"}, {"id": "text", "code": "I10001", "school": "s"})
        w = s.worker()
        wait_until(lambda: s.record()["pushes"] >= 2, "both are out")
        w.kill()
        take_over(s, n, text="second", shop="Store")
        d = letter(s)
        why = "a call made under configuration %s may be out, and under %s it is another: template I10001" % (began, digest(s))
        expect((d["id"], d["reason"], d["maybe_sent"], d["error"]["message"]) == ("text", "ambiguous", True, why), d)
        expect([o["id"] for o in s.outcomes()] == ["plain"] and s.record()["suppressed"] == 1, s.outcomes())
        s.settle(n)


@scenario
def shared_calls_cross_to_another_file():
    """A shared call that may be out is repeated whole by a worker with another file, or all its jobs go by the policy."""
    with Stage(env=PATIENT) as s:
        crowd = Crowd(s, 60)

        def jobs(text):
            return [crowd.job("%s %d" % (text, i), i) for i in range(60)]

        use(s, "one")
        n = leave_waiting(s, *jobs("first"), kind="drop_after_accept")
        take_over(s, n, text="second", shop="Store")
        expect(not s.dead() and s.record()["suppressed"] >= 1, s.dead()[:1])
        crowd.received()

        # a kill in the middle of it
        before = s.record()
        s.fault(kind="latency", latency_ms=900, count=2)
        n += s.push(*jobs("second"))
        w = s.worker()
        wait_until(lambda: s.record()["pushes"] > before["pushes"], "it is out")
        w.kill()
        take_over(s, n, text="third", news="more")
        expect(not s.dead() and s.record()["suppressed"] > before["suppressed"], s.dead()[:1])
        crowd.received()

        # and where its content is another
        more = leave_waiting(s, *jobs("third"), kind="drop_after_accept")
        take_over(s, n + more, text="third", news="more", app="title = \"Another\";")
        crowd.received()
        dead = s.dead()
        expect(len(dead) == more and {(d["reason"], d["maybe_sent"]) for d in dead} == {("ambiguous", True)}, dead[:1])
        expect(all(d["error"]["message"].endswith("it is another: Title") for d in dead), dead[0]["error"])
        expect(sum("task" in o["pushes"][0] for o in s.outcomes()) > 60, "most shared calls")
        s.settle(n + more)
        return "%d calls" % len(pushes(s))
