# SPDX-License-Identifier: MIT
"""Apps and jobs beside each other: whose trouble is whose, and who waits for whom."""
import itertools
import json
import os

import wire
from admin import Admin
from harness import Stage, free_port, wait_until
from scene import SHORT, calls, dead_reasons, expect, scenario, slow

PROBES = {"PUSHBRIDGE_CIRCUIT_PROBE_MS": "200"}


def two_apps(s, *names):
    """Apps that the stand-in knows apart: default and others, in accounts of their own."""
    s.conf = os.path.join(s.dir, "apps.conf")
    apps = ['{ name = "%s"; app_key = "%d"; access_key_id = "mock-id"; access_key_secret = "mock-secret"; account = "%s"; }'
            % (name, 23456789 + i, name) for i, name in enumerate(("default",) + names)]
    with open(s.conf, "w") as f:
        f.write("apps = ( %s );\n" % ", ".join(apps))


def job(i, app="default", **more):
    return dict({"id": "%s%s" % (app, i), "code": "I10001", "school": "s", "app": app}, **more)


def refuse_one(s, code, status, job_key):
    s.fault(kind="error", code=code, status=status, match={"job_key": job_key})


def culprit(code, status):
    """One job draws an answer that sounds like the account's; the others of its app are fine."""
    with Stage(env=dict(SHORT, **PROBES)) as s:
        refuse_one(s, code, status, "defaultbad")
        s.worker()
        s.worker()
        n = s.push(job("bad"))
        wait_until(lambda: calls(s, job_key="defaultbad"), "it is refused")
        n += s.push_many(20, make=job)
        wait_until(lambda: len(s.outcomes()) == 20, "the others are sent")
        s.wait_ended(n)
        (letter,) = s.dead()
        expect(letter["id"] == "defaultbad" and letter["reason"] == "provider_rejected" and letter["error"]["code"] == code, letter)
        opened = [s.log(i).count("event=circuit_open app=default why=%s message" % code) for i in range(2)]
        expect(sum(opened) <= 1, "it opens the circuit once at most: %s" % opened)
        s.settle(n)
        return "%d calls for it" % len(calls(s, job_key="defaultbad"))


@scenario
def culprit_without_certificate():
    return culprit("AppNotConfigIOS", 400)


@scenario
def culprit_with_a_wrong_signature():
    return culprit("SignatureDoesNotMatch", 400)


@scenario
def culprit_without_permission():
    return culprit("PermissionDenied", 400)


@scenario
def culprit_of_one_worker_good_jobs_of_another():
    """What others sent counts, whoever sent it: the culprit lies in one worker's queue, the good jobs in the other's."""
    env = dict(SHORT, **PROBES)
    with Stage(env=env) as s:
        refuse_one(s, "AppNotConfigIOS", 400, "defaultbad")
        for own in ("a", "b"):
            s.worker(PUSHBRIDGE_QUEUE_NAMES="push:jobs," + own)
        s.push(job("bad"), queue="a")
        wait_until(lambda: calls(s, job_key="defaultbad"), "it is refused")
        good = itertools.count()

        def one_more_is_sent():
            n = next(good)
            s.push(job(n), queue="b")
            wait_until(lambda: len(s.outcomes()) == n + 1, "a good one is sent")
            return s.dead()
        wait_until(one_more_is_sent, "the culprit ends")
        (letter,) = s.dead()
        expect(letter["id"] == "defaultbad" and letter["reason"] == "provider_rejected" and letter["attempts"] == 1, letter)
        expect(not any("circuit_open" in s.log(i) for i in range(2)), "no circuit opens")
        tries = len(calls(s, job_key="defaultbad"))
        expect(tries >= 5, "not before circuit.failures refusals: %d" % tries)
        expect({k: v for k, v in s.counts("a").items() if v} == {"dead": 1}, s.counts("a"))
        s.no_duplicates()
        return "%d calls for it, %d good ones" % (tries, next(good))


@scenario
def culprit_among_ready_jobs():
    """One app, one worker: parked jobs go before ready ones, but not the one whose probe failed."""
    with Stage(env=dict(SHORT, PUSHBRIDGE_QUEUE_CONCURRENCY="1", **PROBES)) as s:
        refuse_one(s, "AccountDisabled", 400, "defaultbad")
        n = s.push(job("bad"), *[job(i) for i in range(5)])
        s.worker()
        s.wait_ended(n)
        expect(len(s.outcomes()) == 5 and dead_reasons(s) == ["provider_rejected"], s.dead())
        seen = [c["job_key"] for c in calls(s)]
        expect(seen[:2] == ["defaultbad", "default0"], "the first probe is another job: %s" % seen)
        s.settle(n)


def near_deadlines(s, n):
    """n jobs end as expired, in their time, though no worker takes any."""
    n = s.push_many(n, make=lambda i: job("late%d" % i, ttl_s=2))
    wait_until(lambda: len(s.dead()) == n, lambda: "all are expired: %s" % s.counts(), 60)
    expect(dead_reasons(s) == ["expired"] * n, s.dead()[:1])
    return n


@scenario
def deadlines_while_no_worker_has_keys():
    """Each of two workers has its own reason to take nothing, and no circuit is open: somebody looks after deadlines all the same."""
    env = {"PREQ_ACCESS_KEY_ID": "", "PREQ_ACCESS_KEY_SECRET": "", "PUSHBRIDGE_ALIYUN_CREDENTIALS": "ecs"}
    with Stage(env=dict(SHORT, **env)) as s:
        s.env_extra["PUSHBRIDGE_ALIYUN_METADATA_ENDPOINT"] = "http://127.0.0.1:%d" % free_port()
        s.worker()
        s.worker()
        n = near_deadlines(s, 600)
        expect(not calls(s) and not any("circuit_open" in s.log(i) for i in range(2)), "no call, no circuit")
        s.settle(n)


@scenario
@slow
def lone_job_waits_for_its_account():
    """With nobody else to be compared with a refusal stays the account's: the job waits, and is sent when that is over."""
    with Stage(env=dict(SHORT, **PROBES)) as s:
        s.fault(kind="error", code="AccountDisabled", status=400)
        s.worker()
        n = s.push(job(0))
        wait_until(lambda: len(calls(s)) >= 6, "more often than a culprit is tried")
        expect(not s.ended(), "it waits: %s" % s.dead())
        s.clear_faults()
        s.wait_ended(n)
        expect(len(s.outcomes()) == 1, s.dead())
        s.settle(n)


@scenario
def culprits_one_after_the_other():
    """After a success elsewhere neither the same job nor others like it stop the app again."""
    with Stage(env=dict(SHORT, **PROBES)) as s:
        for i in range(6):
            refuse_one(s, "PermissionDenied", 400, "defaultbad%d" % i)
        s.worker()
        n = 0
        for i in range(6):
            n += s.push(job("bad%d" % i))
            wait_until(lambda: calls(s, job_key="defaultbad%d" % i), "refused")
            n += s.push(job("good%d" % i))
            wait_until(lambda: len(s.outcomes()) == i + 1, "the next one is sent")
        s.wait_ended(n)
        expect(dead_reasons(s) == ["provider_rejected"] * 6, s.dead())
        expect(s.log().count("event=circuit_open") == 1, "once: %d" % s.log().count("event=circuit_open"))
        s.settle(n)


@scenario
@slow
def app_comes_back_beside_an_open_circuit():
    """The circuit of one app is open and it has no job; another one's parked jobs go out when its pause ends, and end at their
    deadline while it lasts."""
    with Stage(env=dict(SHORT, **PROBES)) as s:
        two_apps(s, "other")
        s.fault(kind="error", code="AccountDisabled", status=400, match={"app_key": "23456789"})
        s.worker()
        s.cli("pause", "--app", "other")
        wait_until(lambda: "event=paused app=other" in s.log(), "paused")
        n = s.push_many(600, make=lambda i: job(i, "other", **({"ttl_s": 8} if i % 6 == 0 else {})))
        wait_until(lambda: not s.counts()["ready"], "all are parked")
        n += s.push(job("x", ttl_s=8))
        wait_until(lambda: s.ended() == 101 and s.counts()["parked"] == 500, "what has a deadline is over")
        expect(dead_reasons(s) == ["expired"] * 101, dead_reasons(s))
        expect("event=circuit_open app=default" in s.log() and "event=circuit_closed app=default" not in s.log(), "the other's circuit is open: %s" % [x for x in s.log().splitlines() if "defaultx" in x or "circuit" in x])
        s.cli("resume", "--app", "other")
        s.wait_ended(n)
        expect(len(s.outcomes()) == 500, "all are sent")
        s.settle(n)


@scenario
@slow
def deadlines_pass_while_no_app_takes_jobs():
    """All apps rest, one by its circuit, one by a pause: ready jobs end at their deadlines, those that have time left are parked, and sent."""
    with Stage(env=dict(SHORT, PUSHBRIDGE_QUEUE_CONCURRENCY="4")) as s:
        two_apps(s, "other")
        s.fault(kind="error", code="AccountDisabled", status=400, match={"app_key": "23456789"})
        s.worker()
        s.cli("pause", "--app", "other")
        wait_until(lambda: "event=paused app=other" in s.log(), "paused")
        n = s.push(job("first"))
        wait_until(lambda: "event=circuit_open app=default" in s.log(), "open")
        n += s.push_many(900, make=lambda i: job(i, ("default", "other")[i % 2], **({"ttl_s": 5} if i % 3 else {})))
        wait_until(lambda: s.ended() == 600, lambda: "what has a deadline is over: %d" % s.ended())
        expect(dead_reasons(s) == ["expired"] * 600, set(dead_reasons(s)))
        wait_until(lambda: not s.counts()["ready"], "none is left ready")
        kept = {a: [json.loads(x[x.index(b'{"id"'):])["id"] for x in s.redis("LRANGE", wire.PARKED + a, 0, -1)] for a in ("default", "other")}
        expect(not s.outcomes() and sum(map(len, kept.values())) == 301, "parked: %s" % {a: len(v) for a, v in kept.items()})
        s.clear_faults()
        s.cli("resume", "--app", "other")
        s.wait_ended(n)
        expect(len(s.outcomes()) == 301, "the others are sent")
        s.settle(n)


@scenario
@slow
def ready_jobs_stay_where_parked_ones_are_many():
    """With one app queue.parked_max is honoured while it rests, which is said; the rest stays ready, and all are sent."""
    with Stage(env=dict(SHORT, PUSHBRIDGE_QUEUE_PARKED_MAX="50", **PROBES)) as s:
        s.fault(kind="error", code="AccountDisabled", status=400)
        a = Admin()
        s.worker(**a.env())
        n = s.push(job("first"))
        wait_until(lambda: "event=circuit_open app=default" in s.log(), "open")
        n += s.push_many(300, make=job)
        wait_until(lambda: "level=warn event=parked_full queue=push:jobs app=default" in s.log(), "it is said")
        wait_until(lambda: a.families()["pushbridge_parked_stop_total"].value(queue=wire.QUEUE) > 1, "counted")
        c = s.counts()
        expect(c["parked"] + c["leased"] <= 50 + 8 and c["ready"] >= 300 - 58, "the others stay ready: %s" % c)
        shown = lambda: [w.get("parked_stop") for w in json.loads(s.cli("stats", "--json"))["queues"][0]["workers"]]  # noqa: E731
        wait_until(lambda: shown() == [[wire.QUEUE]], "stats, with its next heartbeat")
        expect("takes nothing more of push:jobs (its parked lists are full)" in s.cli("stats"), "in words")
        s.clear_faults()
        s.wait_ended(n)
        expect(len(s.outcomes()) == n, "all are sent")
        s.settle(n)


@scenario
def outages_of_two_apps_end_by_themselves():
    """Two apps in an outage at once: the second is over it while the first, which has no job any more, is not."""
    with Stage(env=dict(SHORT, **PROBES)) as s:
        two_apps(s, "other")
        rules = [s.control("POST", "/_mock/faults", {"kind": "error", "code": "ServiceUnavailable", "status": 503,
                                                     "match": {"app_key": app_key}})["id"] for app_key in ("23456789", "23456790")]
        s.worker()
        n = s.push_many(20, make=lambda i: job(i, ttl_s=8)) + s.push_many(20, make=lambda i: job(i, "other"))
        wait_until(lambda: all("event=circuit_open app=%s" % a in s.log() for a in ("default", "other")), "both are open")
        wait_until(lambda: len(s.dead()) == 20, "the first has no job")
        s.control("DELETE", "/_mock/faults?id=%d" % rules[1])
        wait_until(lambda: len(s.outcomes()) == 20, "the other is over it")
        expect({o["app"] for o in s.outcomes()} == {"other"} and "event=circuit_closed app=default" not in s.log(), "alone")
        s.settle(n)


@scenario
def full_parked_list_stops_its_app_only():
    """One app's parked jobs are over queue.parked_max: that is said, and the other app's behind them flow."""
    with Stage(env=dict(SHORT, PUSHBRIDGE_QUEUE_PARKED_MAX="50")) as s:
        two_apps(s, "other")
        s.worker()
        s.worker()
        s.cli("pause", "--app", "default")
        wait_until(lambda: all("event=paused app=default" in s.log(i) for i in range(2)), "paused")
        n = s.push_many(400, make=job)
        n += s.push_many(50, make=lambda i: job(i, "other"))
        wait_until(lambda: len(s.outcomes()) == 50, "the other app flows")
        wait_until(lambda: s.counts()["parked"] == 400, "each job is moved once, and lies still")
        said = lambda: [s.log(i).count("level=warn event=parked_full queue=push:jobs app=default") for i in range(2)]  # noqa: E731
        wait_until(lambda: max(said()) == 1, "it is said")
        expect(max(said()) <= 1, "once: %s" % said())
        s.cli("resume", "--app", "default")
        s.wait_ended(n)
        expect(len(s.outcomes()) == n, "all are sent")
        s.settle(n)


@scenario
def all_parked_lists_are_bounded():
    with Stage(env=dict(SHORT, PUSHBRIDGE_QUEUE_PARKED_ALL_MAX="100", PUSHBRIDGE_QUEUE_CONCURRENCY="4")) as s:
        two_apps(s, "other")
        s.worker()
        s.cli("pause", "--app", "default")
        wait_until(lambda: "event=paused app=default" in s.log(), "paused")
        n = s.push_many(400, make=job)
        wait_until(lambda: "level=error event=parked_stop queue=push:jobs" in s.log(), "it is said")
        c = s.counts()
        expect(100 <= c["parked"] + c["leased"] <= 100 + 256, c)
        s.cli("resume", "--app", "default")
        s.wait_ended(n)
        s.settle(n)


@scenario
@slow
def few_jobs_behind_many():
    """A backlog of one app stands before another's jobs, in calls that take their time: the few do not wait for the many."""
    with Stage(env=dict(SHORT, PUSHBRIDGE_QUEUE_CONCURRENCY="8")) as s:
        two_apps(s, "other")
        s.fault(kind="latency", latency_ms=50)
        many = s.push_many(1500, make=job)
        few = s.push_many(20, make=lambda i: job(i, "other"))
        s.worker()
        wait_until(lambda: [o["app"] for o in s.outcomes()].count("other") == few, "the few are sent")
        left = many + few - s.ended()
        expect(left > many / 2, "before half of the many: %d are left" % left)
        s.clear_faults()
        s.wait_ended(many + few)
        expect(not s.dead(), s.dead()[:1])
        s.settle(many + few)
        return "%d of %d are left" % (left, many)


@scenario
def culprit_in_one_queue_good_jobs_in_another():
    """The next probe may lie in another queue, and be a part of a larger job."""
    with Stage(env=dict(SHORT, PUSHBRIDGE_QUEUE_NAMES="push:jobs,low", **PROBES)) as s:
        refuse_one(s, "AccountDisabled", 400, "defaultbad")
        s.worker()
        n = s.push(job("bad"))
        wait_until(lambda: "event=circuit_open" in s.log(), "it is refused")
        s.push(job("parts", tags=["t%d" % i for i in range(35)]), queue="low")
        wait_until(lambda: len(s.outcomes()) == 1, "the other queue's job is sent")
        expect(len(s.outcomes()[0]["pushes"]) > 1, "in parts")
        s.wait_ended(n + 1)
        expect(dead_reasons(s) == ["provider_rejected"], s.dead())
        expect(s.counts("low")["sent"] == 1 and s.counts()["dead"] == 1, "each where it was")
        s.no_duplicates()
