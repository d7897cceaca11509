#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""End-to-end scenarios. Usage: run.py [NAME…]. Each ends with the conservation check and the
mock's count of pushes, repeats and wire calls."""
import base64
import concurrent.futures
import glob
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import admin  # noqa: E402
import coalesce  # noqa: E402
import credentials  # noqa: E402
import producers  # noqa: E402
import notices  # noqa: E402
import reload  # noqa: E402
from harness import BIN, Failure, K, Late, ROOT, Resp, Stage, free_port, wait_until  # noqa: E402
from topology import ClusterStage, Producer, SentinelStage, slot_of  # noqa: E402

SCENARIOS = []
FAST = {"PUSHBRIDGE_RETRY_BASE_MS": "50", "PUSHBRIDGE_RETRY_CAP_MS": "400"}
SHORT = {"PUSHBRIDGE_ALIYUN_TIMEOUT_MS": "600", "PUSHBRIDGE_ALIYUN_SETTLE_MS": "800",
         "PUSHBRIDGE_ALIYUN_CONNECT_TIMEOUT_MS": "500",
         "PUSHBRIDGE_QUEUE_LEASE_MS": "3000", "PUSHBRIDGE_QUEUE_EXTEND_MS": "400",
         "PUSHBRIDGE_QUEUE_REAP_MS": "200", "PUSHBRIDGE_QUEUE_IDLE_WAIT_S": "1"}


def scenario(f):
    SCENARIOS.append(f)
    return f


def expect(condition, what):
    if not condition:
        raise Failure(what)


def dead_reasons(s):
    return sorted((d["reason"] for d in s.dead()))


@scenario
def each_target_kind(s=None):
    with Stage() as s:
        s.worker()
        device = "0123456789abcdef0123456789abcdef"
        n = s.push(
            {"id": "school", "code": "I10000", "school": "s1"},
            {"id": "school-tags", "code": "I10001", "school": "s1", "tags": ["a", "b", "a"]},
            {"id": "tags", "code": "I20000", "school": "s1", "tags": ["x"], "target": {"tag": {"or": [{"tag": "x"}, {"tag": "y"}]}}},
            {"id": "plain-tag", "message": "hi", "target": {"tag": "vip"}},
            {"id": "device", "message": "hi", "title": "t", "target": {"device": [device, device]}},
            {"id": "account", "message": "hi", "target": {"account": ["u1", "u2"]}},
            {"id": "alias", "message": "hi", "target": {"alias": ["al"]}, "type": "functional"},
            {"id": "all", "message": "hi", "target": {"all": True}, "meta": {"k": 1}})
        s.wait_ended(n)
        expect(not s.dead(), "dead letters: %s" % s.dead())
        by = {o["id"]: o for o in s.outcomes()}
        expect(by["all"]["meta"] == {"k": 1}, "meta is echoed")
        expect(all(o["status"] == "sent" and o["pushes"][0]["message_id"] for o in by.values()), "sent")
        calls = s.control("GET", "/_mock/record?list=1&full=1")
        text = json.dumps(calls, ensure_ascii=False)
        expect('Arranging Result Changed. (School: s1)' in text, "template text reached the provider")
        s.settle(n)
        expect(s.check_calls() == n, "every call was checked against the vendor's list")


@scenario
def undocumented_calls_are_noticed():
    """The check at the end of every scenario can fail."""
    good = {"Action": "Push", "Version": "2016-08-01", "AppKey": "1", "PushType": "MESSAGE", "DeviceType": "ALL",
            "Target": "ALL", "TargetValue": "ALL"}
    with Stage(mock_args=["--no-verify"], tls=False) as s:
        def noticed(call):
            s.call_mock(call)
            try:
                return not s.check_calls()
            except Failure as e:
                s.control("DELETE", "/_mock/record")
                return str(e)
        expect(noticed(dict(good, Title="T", Body="B")) is False, "a good call is let through")
        for more, text in (({"Colour": "red"}, "Colour: not on the list"),
                           ({"StoreOffline": "perhaps"}, "StoreOffline: not a value of type Boolean"),
                           ({"SendSpeed": "2147483648"}, "SendSpeed: not a value of type Integer"),
                           ({"Action": "Puhs"}, "Puhs: no such action")):
            found = noticed(dict(good, **more))
            expect(found and text in found, "%s, found %s" % (text, found))
        bare = noticed({"Action": "Push", "Version": "2016-08-01"})
        expect(bare and "AppKey is required" in bare, bare)


@scenario
def devices_get_each_message_once():
    """Asked of the devices, not of the calls; and the question can be answered with no."""
    phones = ["%032d" % i for i in range(20)]
    devices = [{"id": p, "account": "u%d" % (i // 2), "aliases": ["al%d" % (i % 5)], "tags": ["even" if i % 2 == 0 else "odd"]}
               for i, p in enumerate(phones)]
    wanted = {p: [] for p in phones}
    jobs = []

    def job(message, target, to):
        jobs.append({"id": message, "message": message, "target": target})
        for i in to:
            wanted[phones[i]].append(message)
    job("to-devices", {"device": phones[:3]}, range(3))
    job("to-account", {"account": ["u1"]}, (2, 3))
    job("to-alias", {"alias": ["al4"]}, (4, 9, 14, 19))
    job("to-tag", {"tag": {"and": [{"tag": "even"}, {"not": {"tag": "odd"}}]}}, range(0, 20, 2))
    job("to-all", {"all": True}, range(20))
    with Stage(env=dict(FAST, **SHORT)) as s:
        s.seed(devices)
        s.fault(kind="drop_after_accept", count=2)
        s.worker()
        s.wait_ended(s.push(*jobs))
        s.received(wanted)
        wrong = dict(wanted, **{phones[0]: wanted[phones[0]] + ["never-sent"]})
        try:
            s.received(wrong)
            raise AssertionError("a missing message was not noticed")
        except Failure as e:
            expect("missing ['never-sent']" in str(e), str(e))
        s.settle(len(jobs))


@scenario
def many_tags_make_parts():
    with Stage() as s:
        s.worker()
        n = s.push({"id": "t35", "code": "I10001", "school": "s", "tags": ["t%d" % i for i in range(35)]})
        s.wait_ended(n)
        o = s.outcomes()[0]
        expect(len(o["pushes"]) > 1 and [p["part"] for p in o["pushes"]] == list(range(len(o["pushes"]))), "parts: %s" % o)
        expect("overlap" not in o or not o["overlap"], "35 tags do not overlap")
        s.settle(n)


@scenario
def v1_signature_and_xml_free_round():
    with Stage() as s:
        s.worker(PUSHBRIDGE_ALIYUN_SIGNATURE="v1")
        n = s.push_many(20)
        s.wait_ended(n)
        expect(len(s.outcomes()) == n, "all sent by V1: %s" % s.dead()[:1])
        s.settle(n)


@scenario
def hostile_corpus():
    with Stage() as s:
        s.worker()
        files = sorted(glob.glob(os.path.join(ROOT, "tests", "hostile", "*")))
        expect(len(files) >= 60, "at least 60 hostile jobs, have %d" % len(files))
        wanted = {}
        for path in files:
            with open(path, "rb") as f:
                data = f.read()
            wanted.setdefault(data, os.path.basename(path).split(".")[-2])
            s.push(data)
        s.wait_ended(len(files), 30)
        wrong, seen = [], set()
        for d in s.dead():
            if "job_ref" in d or (d.get("job") is None and "job_b64" not in d):
                continue
            data = base64.b64decode(d["job_b64"]) if "job_b64" in d else d["job"].encode()
            seen.add(data)
            if wanted.get(data) != d["reason"]:
                wrong.append((wanted.get(data), d["reason"], d["error"]["message"], data[:80]))
        expect(not wrong, "wrong reasons: %s" % wrong[:6])
        expect(not s.outcomes(), "sent: %s" % [data[:200] for data in set(wanted) - seen])
        s.conserve(len(files))


@scenario
def unknown_template_and_malformed():
    with Stage() as s:
        s.worker()
        n = s.push({"id": "u", "code": "NOPE", "school": "s"}, b'{"code":"I1', b"\xff\xfe not json", {"id": "ok", "code": "I10000", "school": "s"})
        s.wait_ended(n)
        expect(dead_reasons(s) == ["invalid_json", "invalid_json", "unknown_template"], dead_reasons(s))
        jobs = [d.get("job") for d in s.dead()]
        expect('{"code":"I1' in jobs, "original bytes are kept")
        s.conserve(n)


@scenario
def oversize_job():
    with Stage() as s:
        s.worker()
        n = s.push({"id": "big", "message": "x" * 100000, "target": {"all": True}})
        s.wait_ended(n)
        d = s.dead()[0]
        key, uid = d["job_ref"].split(" ")
        expect(d["reason"] == "invalid_job" and s.redis("HGET", key, uid), "oversize: %s" % {k: d[k] for k in d if k != "job"})
        s.conserve(n)


@scenario
def dead_letters_raise_an_alarm():
    with Stage() as s:
        s.redis("RPUSH", "push:dead", *["{}"] * 5)
        s.worker(PUSHBRIDGE_QUEUE_DEAD_WARN="5")
        wait_until(lambda: "event=dead_letters_many" in s.log(0), 10, "the alarm")


@scenario
def health_does_not_depend_on_redis():
    with Stage() as s:
        listen = "127.0.0.1:%d" % free_port()
        s.worker(PUSHBRIDGE_ADMIN_LISTEN=listen)

        def healthy():
            env = s.worker_env({"PUSHBRIDGE_ADMIN_LISTEN": listen})
            return subprocess.run([os.path.join(BIN, "pushbridge"), "health"], env=env, capture_output=True).returncode == 0
        wait_until(healthy, 10, "health says yes")
        s.kill_redis()
        expect(healthy(), "the loop turns without Redis")
        s.start_redis()
        n = s.push({"id": "after", "code": "I10000", "school": "s"})
        s.wait_ended(n)


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
def provider_rejects():
    with Stage() as s:
        s.fault(kind="error", count=1, code="InvalidTargetValue.Format", status=400)
        s.worker()
        n = s.push({"id": "r", "code": "I10000", "school": "s"})
        s.wait_ended(n)
        d = s.dead()[0]
        expect(d["reason"] == "provider_rejected" and not d["maybe_sent"] and d["error"]["code"] == "InvalidTargetValue.Format", d)
        s.conserve(n)


@scenario
def throttled_then_sent():
    with Stage(env=FAST) as s:
        s.fault(kind="throttle", count=5, headers={"x-acs-retry-after": "200"})
        s.worker()
        n = s.push({"id": "t", "code": "I10000", "school": "s"})
        s.wait_ended(n, 20)
        o = s.outcomes()[0]
        expect(o["status"] == "sent" and o["attempts"] <= 1, "throttling uses up no attempts: %s" % o)
        s.settle(n)


@scenario
def unavailable_then_sent():
    with Stage(env=dict(FAST, **SHORT)) as s:
        s.fault(kind="error", count=2, code="ServiceUnavailable", status=503)
        s.worker()
        n = s.push({"id": "u", "code": "I10000", "school": "s"})
        s.wait_ended(n, 20)
        expect(s.outcomes() and s.outcomes()[0]["attempts"] == 3, s.outcomes() or s.dead())
        s.settle(n)


@scenario
def ten_second_outage():
    with Stage(env=dict(FAST, **SHORT)) as s:
        s.worker()
        s.fault(kind="error", code="ServiceUnavailable", status=503)
        began = time.monotonic()
        n = s.push_many(200)
        wait_until(lambda: time.monotonic() - began > 10, 12, "ten seconds of outage")
        expect(s.ended() == 0, "nothing ends during the outage: %s" % s.dead()[:1])
        s.clear_faults()
        s.wait_ended(n, 60)
        expect(not s.dead(), "nothing dies: %s" % s.dead()[:1])
        s.settle(n)


@scenario
def hang_past_the_deadline():
    with Stage(env=dict(FAST, **SHORT)) as s:
        s.fault(kind="hang", count=1)
        s.worker()
        n = s.push({"id": "h", "code": "I10000", "school": "s"})
        s.wait_ended(n, 20)
        expect(s.outcomes() and s.outcomes()[0]["status"] == "sent", s.dead())
        s.settle(n)


@scenario
def answer_dropped_after_accepting():
    with Stage(env=dict(FAST, **SHORT)) as s:
        s.fault(kind="drop_after_accept", count=1)
        s.worker()
        n = s.push({"id": "d", "code": "I10000", "school": "s"})
        s.wait_ended(n, 20)
        r = s.record()
        expect(r["pushes"] == 1 and r["calls"] == 2 and r["suppressed"] == 1, "one push, two wire calls: %s" % r)
        s.settle(n)


@scenario
def connection_closed_after_reading():
    with Stage(env=dict(FAST, **SHORT)) as s:
        s.worker()
        s.push({"id": "warm", "code": "I10000", "school": "s"})
        s.wait_ended(1)
        s.fault(kind="close_after_read", count=1)
        n = 1 + s.push({"id": "c", "code": "I10000", "school": "s2"})
        s.wait_ended(n, 20)
        r = s.record()
        expect(r["pushes"] == 2 and r["calls"] == 3, "the library does not resend by itself: %s" % r)
        s.settle(n)


@scenario
def given_up_call_stays_maybe_sent():
    """Policy resend: the first token was never answered, the second call is refused."""
    with Stage(env=dict(FAST, **SHORT)) as s:
        s.conf = os.path.join(s.dir, "resend.conf")
        with open(s.conf, "w") as f:
            f.write('apps = ( { name = "default"; ambiguous = "resend"; } );\n')
        s.fault(kind="drop_after_accept", count=1)
        s.fault(kind="error", count=1, code="InvalidTargetValue.Format", status=400)
        s.worker(PUSHBRIDGE_ALIYUN_IDEMPOTENCY_WINDOW_MS="1000", PUSHBRIDGE_ALIYUN_SETTLE_MS="1500",
                 PUSHBRIDGE_QUEUE_LEASE_MS="4000")
        n = s.push({"id": "g", "code": "I10000", "school": "s"})
        s.wait_ended(n, 20)
        d = s.dead()[0]
        expect(d["reason"] == "provider_rejected" and d["maybe_sent"], {k: d[k] for k in d if k != "job"})
        expect(s.record()["calls"] == 2, s.record())
        s.conserve(n)


@scenario
def garbage_and_bad_gateway():
    with Stage(env=dict(FAST, **SHORT)) as s:
        s.fault(kind="garbage", count=1)
        s.fault(kind="bad_gateway", count=1)
        s.worker()
        n = s.push({"id": "g", "code": "I10000", "school": "s"})
        s.wait_ended(n, 20)
        expect(s.outcomes() and s.outcomes()[0]["status"] == "sent", s.dead())
        s.settle(n)


@scenario
def tls_mismatch_pauses_and_loses_nothing():
    with Stage(env=dict(FAST, **SHORT)) as s:
        good = s.ca
        s.ca = None  # the system store does not know the throw-away CA
        w = s.worker()
        n = s.push_many(50)
        wait_until(lambda: "event=circuit_open" in s.log(0), 10, "the circuit opens")
        expect(s.ended() == 0 and s.record()["calls"] == 0, "nothing is sent, nothing dies")
        s.conserve(n)
        s.terminate(w)
        s.ca = good
        s.worker()
        s.wait_ended(n, 20)
        expect(not s.dead(), s.dead()[:1])
        s.settle(n)


@scenario
def wrong_secret_pauses():
    with Stage(env=dict(FAST, **SHORT)) as s:
        w = s.worker(PREQ_ACCESS_KEY_SECRET="wrong")
        n = s.push_many(100)
        wait_until(lambda: "event=circuit_open" in s.log(0), 10, "the circuit opens")
        expect(not s.dead(), s.dead()[:1])
        expect(s.terminate(w) == 0, "drained")
        s.worker()
        s.wait_ended(n, 20)
        expect(not s.dead(), s.dead()[:1])
        s.settle(n)


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
        expect(took < 11.5, "recovered after %.1f s" % took)  # 10 s and a call on a busy machine
        s.settle(n)
        return "recovery %.1f s" % took


@scenario
def kill_one_of_two_on_three_queues():
    queues = ["a", "b", "c"]
    with Stage(env=dict(FAST, **SHORT, PUSHBRIDGE_QUEUE_NAMES=",".join(queues), PUSHBRIDGE_QUEUE_SERVE="fair")) as s:
        s.fault(kind="latency", latency_ms=50)
        victim = s.worker()
        s.worker()
        n = sum(s.push_many(300, q, queue=q) for q in queues)
        wait_until(lambda: all(s.counts(q)["sent"] > 20 and s.counts(q)["leased"] for q in queues), 15, "in full flight on each")
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


@scenario
def redis_killed_and_restarted():
    with Stage(env=dict(FAST, **SHORT)) as s:
        s.fault(kind="latency", latency_ms=50)
        s.worker()
        s.worker()
        n = s.push_many(3000)
        wait_until(lambda: s.ended() > 200, 10, "in full flight")
        s.kill_redis()
        s.start_redis()
        s.wait_ended(n, 40)
        s.settle(n)


def wait_idle(s):
    """Until every worker waits for jobs."""
    wait_until(lambda: s.redis("CLIENT", "LIST").count(b" flags=b ") == len(s.workers), 10, "all wait for jobs")


def alive(s):
    expect(all(w.poll() is None for w in s.workers), "no worker has ended")


@scenario
def redis_emptied():
    """Keys and scripts are deleted under workers that wait."""
    with Stage(env=dict(FAST, **SHORT)) as s:
        s.worker()
        s.worker()
        s.wait_ended(s.push_many(20, "before"))
        wait_idle(s)
        s.redis("FLUSHALL")
        s.redis("SCRIPT", "FLUSH")
        n = s.push_many(100)
        s.wait_ended(n)
        wait_idle(s)
        alive(s)
        expect(not s.dead(), s.dead()[:1])
        s.settle(n)


@scenario
def redis_has_no_room_for_clients():
    """Others have taken the workers' places: they try on until there is one."""
    with Stage(env=dict(FAST, **SHORT)) as s:
        s.worker()
        s.worker()
        wait_idle(s)
        others = [Resp(s.redis_port) for _ in range(20)]
        expect({other("PING") for other in others} == {b"PONG"}, "each has its place")
        s.redis("CONFIG", "SET", "maxclients", len(others))  # with this client one too many
        clients = s.redis("CLIENT", "LIST").decode().splitlines()
        cut = [c.split()[0].replace("id=", "") for c in clients if " name=pushbridge " in c]
        expect(len(cut) == 4, clients)
        for i in cut:
            s.redis("CLIENT", "KILL", "ID", i)
        n = s.push_many(100)
        wait_until(lambda: all("max number of clients" in s.log(i) for i in range(2)), 10, "both are refused")
        expect(s.ended() == 0, "nobody is connected")
        for other in others:
            other.close()
        s.wait_ended(n)
        wait_idle(s)
        alive(s)
        s.settle(n)


@scenario
def redis_busy():
    """A script without an end keeps Redis from everything else, with jobs in work and waiting."""
    with Stage(env=dict(FAST, **SHORT)) as s:
        s.redis("CONFIG", "SET", "lua-time-limit", "100")  # from Redis 7 on an alias of busy-reply-threshold
        s.fault(kind="latency", latency_ms=50)
        s.worker()
        n = s.push_many(1000)
        wait_until(lambda: s.ended() > 50, 10, "in full flight")
        s.spawn(["redis-cli", "-p", str(s.redis_port), "EVAL", "while true do end", "0"], "endless.log")
        wait_until(lambda: "BUSY" in s.log(), 10, "the worker is refused")
        wait_until(lambda: not s.record()["in_flight"], 10, "its calls end, and nobody hears of it")
        s.redis("SCRIPT", "KILL")
        s.wait_ended(n)
        alive(s)
        expect("event=redis_down" not in s.log(), "it keeps its connection")
        expect(not s.dead(), s.dead()[:1])
        s.settle(n)


@scenario
def duplicates_by_producers():
    """queue.dedup_s: another job with the id is a duplicate; the same job coming back is not."""
    window = dict(FAST, PUSHBRIDGE_QUEUE_DEDUP_S="60", PUSHBRIDGE_QUEUE_LEASE_MS="3000", **{
        k: v for k, v in SHORT.items() if "LEASE" not in k})
    with Stage(env=window) as s:
        s.fault(kind="error", code="ServiceUnavailable", status=503, count=3)
        s.fault(kind="latency", latency_ms=150)
        victim = s.worker()
        n = s.push_many(800)
        wait_until(lambda: s.ended() > 20, 10, "in full flight")
        victim.kill()
        victim.wait()
        gives_back, before = s.worker(), s.ended()
        wait_until(lambda: s.ended() > before + 100, 10, "claiming ahead")
        expect(s.terminate(gives_back) == 0, "drained")
        s.worker()
        s.wait_ended(n, 30)
        expect(len(s.outcomes()) == n and all(o["status"] == "sent" for o in s.outcomes()), "no job is its own duplicate")
        s.clear_faults()
        s.push({"id": "j5", "code": "I10000", "school": "other"}, {"id": "twin", "code": "I10000", "school": "x"},
               {"id": "twin", "code": "I10000", "school": "y"}, {"code": "I10000", "school": "z"}, {"code": "I10000", "school": "z"})
        s.wait_ended(n + 5)
        expect(not s.dead(), s.dead()[:1])
        last = s.outcomes()[n:]
        by = sorted((o["id"] if len(o["id"]) < 6 else "-", o["status"], len(o["pushes"])) for o in last)
        expect(by == [("-", "sent", 1), ("-", "sent", 1), ("j5", "duplicate", 0), ("twin", "duplicate", 0), ("twin", "sent", 1)], by)
        counts = s.counts()
        expect(counts["duplicate"] == 2 and sum(counts.values()) == n + 5, counts)
        s.no_duplicates()


@scenario
def quiet_hours():
    """A message push waits for the end of the quiet hours by PushTime, a functional one passes."""
    now = time.time()
    clock = lambda t: time.strftime("%H:%M", time.gmtime(t))  # noqa: E731
    with Stage() as s:
        conf = os.path.join(s.dir, "quiet.conf")
        with open(conf, "w") as f:
            f.write('apps = ( { name = "default"; app_key = "23456789"; quiet = "%s-%s Z"; } );\n' % (clock(now - 3600), clock(now + 7200)))
        s.worker("-c", conf)
        n = s.push({"id": "message", "message": "m", "school": "s"}, {"id": "functional", "message": "m", "school": "s", "type": 1},
                   {"id": "late", "message": "m", "school": "s", "ttl_s": 3600})
        s.wait_ended(n)
        expect([(d["id"], d["reason"]) for d in s.dead()] == [("late", "expired")], s.dead())
        listed = s.control("GET", "/_mock/record?list=1&full=1")
        calls = {c["job_key"]: c["parameters"] for c in listed["list"]}
        expect("PushTime" not in calls["functional"], calls["functional"])
        expect(calls["message"]["PushTime"][11:16] == clock(now + 7200), calls["message"])
        s.settle(n)


@scenario
def rolling_versions():
    """The version before this one and this one on one queue: up, and one step back, with a crash each."""
    before = os.path.join(ROOT, "build", "previous", "bin", "pushbridge")
    expect(os.path.exists(before), "make previous has not been run")
    with Stage(env=dict(FAST, **SHORT)) as s:
        s.fault(kind="latency", latency_ms=40)
        s.fault(kind="error", code="ServiceUnavailable", status=503, probability=0.02)
        n, old = 0, [s.worker(program=before), s.worker(program=before)]
        for step in ("up", "back"):
            n += s.push_many(1500, step)
            start, new = s.ended(), []
            wait_until(lambda: s.ended() > start + 200, 15, "in full flight")
            for p in old:
                known = s.redis("ZCARD", K + ":workers")
                new.append(s.worker() if step == "up" else s.worker(program=before))
                wait_until(lambda: s.redis("ZCARD", K + ":workers") > known, 10, "the new one's heartbeat")
            old[0].kill()
            expect(s.terminate(old[1]) == 0, "drained")
            old = new
            s.wait_ended(n, 40)
        expect(not s.dead(), s.dead()[:1])
        s.settle(n)


@scenario
def redis_full():
    """Over maxmemory with noeviction the worker drains on, outcomes included, and idles safely."""
    with Stage(env=dict(FAST, **SHORT)) as s:
        n = s.push_many(2000)
        s.redis("CONFIG", "SET", "maxmemory-policy", "noeviction")
        s.redis("CONFIG", "SET", "maxmemory", "1")
        try:
            s.redis("RPUSH", "push:jobs", "x")
            raise Failure("Redis is not full")
        except Exception as e:
            expect("OOM" in str(e), e)
        s.worker()
        s.worker()
        s.wait_ended(n, 30)
        expect(not s.dead(), s.dead()[:1])
        s.redis("CONFIG", "SET", "maxmemory", "0")
        n += s.push_many(200, "k")
        s.wait_ended(n, 10)
        s.settle(n)


@scenario
def reply_to_and_until_empty():
    with Stage() as s:
        n = s.push({"id": "a", "code": "I10000", "school": "s", "reply_to": "push:reply:a"})
        w = s.worker("--until-empty", "--timeout", "20")
        expect(w.wait(25) == 0, "ends by itself")
        answer = s.redis("LPOP", "push:reply:a")
        expect(answer and json.loads(answer)["status"] == "sent", "reply_to")
        s.conserve(n)


def tool(s, *args, **env):
    """Runs an operator's command; its output."""
    return subprocess.run([os.path.join(BIN, "pushbridge")] + list(args), env=s.worker_env(env), cwd=s.dir,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)


# Redis' failures are the theme: the provider gets time, and no TLS.
TOPOLOGY = dict(FAST, **SHORT, PUSHBRIDGE_QUEUE_CONCURRENCY="16")
TOPOLOGY.update(PUSHBRIDGE_ALIYUN_TIMEOUT_MS="1700", PUSHBRIDGE_ALIYUN_CONNECT_TIMEOUT_MS="1700")


def send_and_wait(s, identity, **env):
    """pushbridge send --wait through the same URL."""
    done = subprocess.run([os.path.join(BIN, "pushbridge"), "send", "--wait", "--id", identity, "--code", "I10000", "--school", "s"],
                          env=s.worker_env(env), capture_output=True, timeout=20)
    expect(done.returncode == 0 and json.loads(done.stdout)["status"] == "sent", "send --wait: %s" % done)


def check_online(s, *words):
    """check --online finds no error, and says the words. Its request names no action, so it goes to
    the control port: on the other each call must be one of the vendor's."""
    done = tool(s, "check", "--online", "--strict", PUSHBRIDGE_ALIYUN_ENDPOINT="http://127.0.0.1:%d" % s.control_port)
    expect(done.returncode == 0 and all(w.encode() in done.stdout for w in words), "check --online: %s" % done.stdout.decode())


@scenario
def sentinel_failover():
    """TLS with client certificates, the minimal ACL rules; the master dies under load."""
    with SentinelStage(tls=False, env=dict(TOPOLOGY, PUSHBRIDGE_REDIS_WAIT_REPLICAS="1")) as s:
        s.fault(kind="latency", latency_ms=30)
        s.worker()
        send_and_wait(s, "before")
        check_online(s, 'the master "mymaster"', "2 online of 2")
        producer = Producer(s, ["push:jobs"], 2)  # both: either may be promoted
        producer.start()
        wait_until(lambda: s.ended() > 100, 15, "under load")
        old = s.master_port()
        killed = time.monotonic()
        s.kill_node(old)
        wait_until(lambda: s.promoted(old), 15, "another master")
        producer.replicas = 1
        promoted, pushes = time.monotonic(), s.record()["pushes"]
        wait_until(lambda: s.record()["pushes"] > pushes, 10, "work goes on")
        took = time.monotonic() - promoted
        expect(took < 3, "work went on only %.1f s after the failover" % took)
        wait_until(lambda: len(producer.confirmed) > 400, 15, "confirmed jobs on both sides of the failover")
        producer.stop()
        # On a busy machine sentinels fail over twice, and what was finished in between comes back.
        s.wait_confirmed(producer, ["push:jobs"], 40)
        s.no_duplicates()
        s.no_denials()
        send_and_wait(s, "after")
        check_online(s)
        return "failover %.1f s, work %.1f s later, %d jobs confirmed of %d" % (promoted - killed, took, len(producer.confirmed), producer.pushed)


@scenario
def sentinel_frozen_master():
    """The master stands still under load, is replaced, and comes back as if nothing had been."""
    with SentinelStage(tls=False, env=dict(TOPOLOGY, PUSHBRIDGE_REDIS_WAIT_REPLICAS="1", PUSHBRIDGE_REDIS_COMMAND_TIMEOUT_MS="2000",
                                           PUSHBRIDGE_REDIS_CONNECT_TIMEOUT_MS="1000")) as s:
        s.fault(kind="latency", latency_ms=30)
        s.worker()
        s.worker()
        job = lambda i: json.dumps({"id": i, "code": "I10000", "school": "s"})  # noqa: E731
        ids = ["j%d" % i for i in range(1500)]
        expect(s.redis.push("push:jobs", map(job, ids), 2), "both replicas have them")
        wait_until(lambda: s.ended() > 100, 15, "under load")
        old = s.master_port()
        s.freeze_node(old)
        frozen, pushes = time.monotonic(), s.record()["pushes"]
        wait_until(lambda: s.promoted(old), 15, "another master")
        promoted = time.monotonic()
        s.redis.forget()
        wait_until(lambda: s.record()["pushes"] > pushes + 100, 10, "work goes on")
        took = time.monotonic() - promoted
        s.thaw_node(old)
        wait_until(lambda: s.ask(old, "PING"), 10, "the old master is back")
        more = ["k%d" % i for i in range(300)]
        s.redis("RPUSH", "push:jobs", *map(job, more))
        ids += more
        wait_until(lambda: set(s.outcome_ids(None)) == set(ids), 20, "all ended")
        expect(len(s.outcome_ids(None)) == len(ids), "one outcome each")
        alive(s)
        s.no_duplicates()
        s.no_denials()
        return "failover %.1f s, work %.1f s later" % (promoted - frozen, took)


@scenario
def unreplicated_claims_wait():
    """redis.wait_replicas: nothing is sent that no replica knows of."""
    with Stage(env=TOPOLOGY) as s:
        s.worker(PUSHBRIDGE_REDIS_WAIT_REPLICAS="1", PUSHBRIDGE_REDIS_WAIT_MS="100")
        n = s.push_many(40)
        wait_until(lambda: s.log(0).count("event=claim_unreplicated") > 2, 15, "claims are given back")
        expect(s.ended() == 0 and s.record()["calls"] == 0, "nothing is sent")
        s.conserve(n)
        replica = os.path.join(s.dir, "replica")
        os.mkdir(replica)
        s.spawn(["redis-server", "--port", str(free_port()), "--bind", "127.0.0.1", "--dir", replica, "--save", "",
                 "--replicaof", "127.0.0.1", str(s.redis_port)], "redis-replica.log")
        s.wait_ended(n, 20)
        expect(all(o["crashes"] == 0 and o["attempts"] == 1 for o in s.outcomes()), "as if nothing had been")
        s.settle(n)


QUEUES8 = ["push:jobs:%d" % i for i in range(8)]


@scenario
def cluster_spread():
    """Eight queues over three shards; one worker serves them all, and fairly."""
    with ClusterStage(tls=False, env=dict(TOPOLOGY, PUSHBRIDGE_QUEUE_NAMES=",".join(QUEUES8), PUSHBRIDGE_QUEUE_SERVE="fair")) as s:
        expect(len({s.slots()[slot_of(q)] for q in QUEUES8}) == 3, "the queues lie on three shards")
        s.fault(kind="latency", latency_ms=20)
        n = sum(s.push_to(q, 200, q) for q in QUEUES8)
        listen = "127.0.0.1:%d" % free_port()
        s.worker(PUSHBRIDGE_ADMIN_LISTEN=listen)
        ended = lambda: [s.ended_of(q) for q in QUEUES8]  # noqa: E731
        half = wait_until(lambda: (lambda e: sum(e) > n / 2 and e)(ended()), 20, "half of them ended")
        expect(min(half) > 0.6 * max(half), "evenly: %s" % half)
        wait_until(lambda: sum(ended()) == n, 20, "all ended")
        for q in QUEUES8:
            expect(s.conserve_queue(q, 200)["sent"] == 200, "all sent from %s" % q)
        for i in range(4):
            send_and_wait(s, "routed%d" % i)  # queue and reply list lie in different slots
        for args in ("stats",), ("stats", "--json"), ("queue", "ls"), ("dead", "ls"), ("health", "--ready"):
            done = tool(s, *args, PUSHBRIDGE_ADMIN_LISTEN=listen)
            expect(done.returncode == 0, "%s: %s" % (args, done.stdout))
        expect(b"push:jobs:7" in tool(s, "queue", "ls").stdout, "tools see every shard")
        check_online(s, *["redis.scripts[%s]" % q for q in QUEUES8])
        one = s.worker("--until-empty", "--timeout", "20")
        expect(one.wait(25) == 0, "ends by itself when all shards are empty")
        s.no_duplicates()
        s.no_denials()
        return "at half time: %s" % half


@scenario
def cluster_failover():
    """The master of one shard dies under load; the others are served on."""
    queues = QUEUES8[:3]
    with ClusterStage(tls=False, env=dict(TOPOLOGY, PUSHBRIDGE_QUEUE_NAMES=",".join(queues), PUSHBRIDGE_QUEUE_SERVE="fair")) as s:
        s.fault(kind="latency", latency_ms=30)
        s.worker()
        producer = Producer(s, queues, 1)
        producer.start()
        wait_until(lambda: len(s.outcome_ids(queues)) > 100, 15, "under load")
        slot, killed = slot_of(queues[0]), time.monotonic()
        old = s.slots()[slot]
        s.kill_node(old)
        wait_until(lambda: s.slots().get(slot, old) != old, 15, "another master")
        promoted, before = time.monotonic(), s.ended_of(queues[0])
        wait_until(lambda: s.ended_of(queues[0]) > before, 10, "work goes on")
        took = time.monotonic() - promoted
        expect(took < 4, "work went on only %.1f s after the failover" % took)
        producer.stop()
        s.wait_confirmed(producer, queues, 40)
        s.no_duplicates()
        s.no_denials()
        return "failover %.1f s, work %.1f s later, %d jobs confirmed" % (promoted - killed, took, len(producer.confirmed))


@scenario
def cluster_reshard():
    """The queue's slot moves to another node and back, key by key, under load."""
    with ClusterStage(tls=False, env=TOPOLOGY) as s:
        s.fault(kind="latency", latency_ms=20)
        s.worker()
        s.worker()
        producer = Producer(s, ["push:jobs"], 0)
        producer.start()
        slot, steps = slot_of("push:jobs"), 0
        for _ in range(2):
            ended = s.ended_of("push:jobs")
            wait_until(lambda: s.ended_of("push:jobs") > ended + 100, 15, "under load")
            source = s.slots()[slot]
            to = sorted(s.masters() - {source})[0]
            for _ in s.move_slot(slot, to):
                steps += 1
                threading.Event().wait(0.1)  # so that commands meet each state in between
            expect(s.slots()[slot] == to, "the slot has moved")
        producer.stop()
        s.wait_confirmed(producer, ["push:jobs"], 20)
        s.no_duplicates()
        s.no_denials()
        n = producer.pushed
        expect(s.conserve_queue("push:jobs", n)["sent"] == n == len(producer.confirmed), "nothing lost, all %d confirmed" % n)
        return "%d jobs, %d steps of moving" % (n, steps)


@scenario
def dead_replay_interrupted():
    """Replays killed at any moment, two at once, with a worker that sends what comes back."""
    with Stage(env=FAST) as s:
        s.fault(kind="error", code="InvalidTargetValue.Format", status=400)
        w = s.worker()
        n = s.push_many(800)
        s.wait_ended(n, 40)
        expect(len(s.dead()) == n, "all refused")
        expect(s.terminate(w) == 0, "drained")
        s.clear_faults()
        kills = 0
        command = [os.path.join(BIN, "pushbridge"), "dead", "replay", "--yes", "--maybe-sent", "--rate", "4000/s"]
        end = time.monotonic() + 60
        while s.redis("LLEN", "push:dead") > 0:
            expect(time.monotonic() < end, "all replayed within a minute")
            left = s.redis("LLEN", "push:dead")
            pair = [s.spawn(command, "replay.log", s.worker_env({})) for _ in range(2)]
            goal = left - 9 * (kills % 5)
            wait_until(lambda: s.redis("LLEN", "push:dead") < goal or all(p.poll() is not None for p in pair), 20,
                       "a replay has begun")
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
        s.wait_ended(n, 40)
        expect(len(s.outcomes()) == n and not s.dead(), "all sent: %s" % s.dead()[:1])
        c = s.settle(n)
        expect(c["sent"] == n and int(s.redis("HGET", "{push:jobs}:count", "replayed")) == n, c)
        return "%d kills" % kills


@scenario
def operator_at_work():
    """A replayed job that dies again keeps its history; a drop, a cancel, and stats with a worker."""
    with Stage(env=dict(FAST, **SHORT)) as s:
        s.fault(kind="error", count=3, code="InvalidTargetValue.Format", status=400)
        s.worker()
        n = s.push({"id": "a", "code": "I10000", "school": "s", "enqueued_at": 1000 * int(time.time()) - 3 * 86400000},
                   {"id": "b", "code": "I10000", "school": "s"})
        s.wait_ended(n)
        expect(dead_reasons(s) == ["expired", "provider_rejected"], s.dead())
        expect(all(d["queue"] == "push:jobs" for d in s.dead()), "letters name their queue")
        replay = tool(s, "dead", "replay", "b")
        expect(replay.returncode == 0, replay.stdout)
        wait_until(lambda: any(d.get("history") for d in s.dead()), 10, "b dies again")
        b = [d for d in s.dead() if d["id"] == "b"][0]
        expect([h["reason"] for h in b["history"]] == ["provider_rejected"] and b["attempts"] == 1, b)
        s.clear_faults()
        # A replay is a new start: the default deadline, long over, counts from now.
        tool(s, "dead", "replay", "a", "b")
        s.wait_ended(n)
        wait_until(lambda: len(s.outcomes()) == 2, 10, "both are sent")
        expect(not s.dead(), s.dead())
        stats = json.loads(tool(s, "stats", "--json").stdout)["queues"][0]
        expect(len(stats["workers"]) == 1 and stats["counters"]["replayed"] == 3, stats)
        wait_until(lambda: json.loads(tool(s, "stats", "--json").stdout)["queues"][0]["workers"][0].get("sent") == 2, 10,
                   "the worker's own words")
        s.terminate(s.workers[0])
        expect(not s.redis("EXISTS", "{push:jobs}:stat"), "it takes them along")
        n += s.push({"id": "c", "code": "I10000", "school": "s"}, {"id": "d", "code": "I10000", "school": "s"})
        expect(tool(s, "cancel", "c").returncode == 0, "cancelled")
        expect(tool(s, "dead", "drop", "c", "--yes").returncode == 0, "dropped")
        s.worker()
        wait_until(lambda: len(s.outcomes()) == 3, 10, "d is sent")
        s.settle(n)
SCENARIOS += admin.SCENARIOS + coalesce.SCENARIOS + credentials.SCENARIOS + reload.SCENARIOS + producers.SCENARIOS + notices.SCENARIOS

# --- flow control across workers

def calls(s, **wanted):
    found = s.control("GET", "/_mock/record?list=1")["list"]
    return [c for c in found if all(c[k] == v for k, v in wanted.items())]


def busiest_second(list_of_calls):
    at = sorted(c["at_ms"] for c in list_of_calls)
    best = first = 0
    for i, t in enumerate(at):
        while at[first] <= t - 1000:
            first += 1
        best = max(best, i - first + 1)
    return best


LIMIT50 = {"PUSHBRIDGE_LIMIT_EGRESS_PER_S": "50", "PUSHBRIDGE_LIMIT_EGRESS": "test", "PUSHBRIDGE_LIMIT_BURST_MS": "200"}


def three_below_the_limit(s, n):
    """Three workers send what is queued, all together at 50 a second."""
    ports = ["127.0.0.1:%d" % free_port() for _ in range(3)]
    for listen in ports:
        s.worker(PUSHBRIDGE_ADMIN_LISTEN=listen)
    began = time.monotonic()
    s.wait_ended(n, 40)
    took = time.monotonic() - began
    seen = calls(s)
    most = busiest_second(seen)
    # Calls are not equally long on their way on a busy machine; tokens in hand are a twentieth
    # of a second's worth for each worker.
    expect(most <= 50 + 10 + 15, "%d calls in one second" % most)
    expect((n - 35) / 50 <= took <= 15, "%d jobs took %.1f s" % (n, took))
    sums = [s.metrics(listen) for listen in ports]
    claimed = sum(m["pushbridge_jobs_claimed_total"] for m in sums)
    parked = sum(m["pushbridge_jobs_parked_total"] for m in sums)
    asks = sum(m["pushbridge_limiter_asks_total"] for m in sums)
    expect(len(seen) == n and claimed == n and parked == 0, "no churn: %d calls, %d claimed, %d parked" % (len(seen), claimed, parked))
    expect(not s.dead(), s.dead()[:1])
    return "%.1f s, at most %d in one second, %d asks" % (took, most, asks)


@scenario
def rate_limit_shared():
    with Stage(env=LIMIT50) as s:
        n = s.push_many(300)
        note = three_below_the_limit(s, n)
        s.settle(n)
        return note


@scenario
def rate_limit_over_queues():
    """Each worker serves both queues, and both have the one limit."""
    with Stage(env=dict(LIMIT50, PUSHBRIDGE_QUEUE_NAMES="a,b", PUSHBRIDGE_QUEUE_SERVE="fair")) as s:
        note = three_below_the_limit(s, sum(s.push_many(100, q, queue=q) for q in "ab"))
        expect(all(s.counts(q)["sent"] == 100 for q in "ab"), "all of both")
        s.no_duplicates()
        return note


@scenario
def two_accounts_one_short():
    """Jobs of the account without a token wait parked, the other's flow past them."""
    with Stage(env={"PUSHBRIDGE_LIMIT_PUSH_PER_S": "1000"}) as s:
        s.conf = os.path.join(s.dir, "two.conf")
        with open(s.conf, "w") as f:
            f.write('apps = ( { name = "default"; account = "big"; }, { name = "slow"; account = "small"; app_key = "23456789"; '
                    'access_key_id = "mock-id"; access_key_secret = "mock-secret"; } );\n')
        s.cli("limit", "set", "Push@small", "5")
        listen = "127.0.0.1:%d" % free_port()
        slow = s.push_many(30, "slow", lambda i: {"id": "slow%d" % i, "code": "I10001", "school": "s", "app": "slow"})
        n = s.push_many(300, "fast")
        s.worker(PUSHBRIDGE_ADMIN_LISTEN=listen)
        wait_until(lambda: s.ended() >= n, 20, "the other account flows")
        ids = [o["id"] for o in s.outcomes()]
        expect(sum(i.startswith("slow") for i in ids) < slow, "the small account is slower")
        s.wait_ended(n + slow, 20)
        m = s.metrics(listen)
        expect(m["pushbridge_jobs_parked_total"] <= 2 * slow, "bounded parking: %d" % m["pushbridge_jobs_parked_total"])
        expect(not s.dead(), s.dead()[:1])
        s.settle(n + slow)
        return "%d parked" % m["pushbridge_jobs_parked_total"]


@scenario
def parts_wait_for_their_tokens():
    with Stage(env={"PUSHBRIDGE_LIMIT_EGRESS_PER_S": "4", "PUSHBRIDGE_LIMIT_BURST_MS": "500"}) as s:
        s.worker()
        n = s.push(*[{"id": "t%d" % k, "code": "I10001", "school": "s", "tags": ["t%d" % i for i in range(35)]} for k in range(3)])
        s.wait_ended(n, 30)
        expect(all(o["status"] == "sent" and o["attempts"] == len(o["pushes"]) > 1 for o in s.outcomes()), "waiting is no attempt: %s" % s.outcomes())
        expect(busiest_second(calls(s)) <= 7, "paced")
        s.settle(n)


@scenario
def throttle_cools_all_workers():
    with Stage(env=FAST) as s:
        s.fault(kind="latency", latency_ms=30)
        for _ in range(3):
            s.worker()
        n = s.push_many(5000)
        wait_until(lambda: s.ended() > 300, 20, "in full flight")
        s.fault(kind="throttle", count=1, headers={"x-acs-retry-after": "6000"})
        throttled = wait_until(lambda: calls(s, outcome="throttled"), 10, "one is throttled")[0]
        wait_until(lambda: all("event=limit_cooled" in s.log(i) for i in range(3)), 8, "all cool down")
        s.wait_ended(n, 60)
        t = throttled["answered_ms"]
        quiet = [c for c in calls(s) if t + 2000 < c["at_ms"] < t + 5900]
        expect(not quiet, "%d calls while the account cools, ms after: %s" % (len(quiet), [c["at_ms"] - t for c in quiet][:40]))
        expect(not s.dead() and all(o["attempts"] == 1 for o in s.outcomes()), "no attempt is used")
        s.settle(n)
        return "%d calls in the first 1.1 s" % len([c for c in calls(s) if t < c["at_ms"] <= t + 1100])


def quiet_calls(s, quiet_s):
    """The calls so far, once no other has come for a while: those that were let through before a circuit opened arrive late."""
    calls, since = -1, 0

    def quiet():
        nonlocal calls, since
        now = s.record()["calls"]
        if now != calls:
            calls, since = now, time.monotonic()
        return time.monotonic() - since > quiet_s
    wait_until(quiet, 10, "no more calls")
    return calls


@scenario
def circuit_shared_probe():
    with Stage(env=dict(FAST, **SHORT)) as s:
        s.fault(kind="error", code="ServiceUnavailable", status=503)
        for _ in range(5):
            s.worker()
        began = time.monotonic()
        n = s.push_many(400)
        wait_until(lambda: all("event=circuit_open" in s.log(i) for i in range(5)) and s.record()["in_flight"] == 0, 10, "all circuits open")
        before = quiet_calls(s, 0.5)
        wait_until(lambda: time.monotonic() - began > 11, 15, "ten seconds of outage")
        probes = s.record()["calls"] - before
        # Intervals of 1, 2, 4, 8 s.
        expect(1 <= probes <= 4, "%d probes by 5 workers" % probes)
        expect(s.ended() == 0, "nothing ends meanwhile: %s" % s.dead()[:1])
        s.clear_faults()
        s.wait_ended(n, 30)
        expect(not s.dead(), s.dead()[:1])
        wait_until(lambda: all("event=circuit_closed" in s.log(i) for i in range(5)), 5, "all circuits close")
        tried = [o["attempts"] for o in s.outcomes()]
        expect(sum(a == 1 for a in tried) >= 0.95 * n, "attempts in the outage are refunded: %s" % sorted(tried)[-30:])
        s.settle(n)
        return "%d probes by 5 workers, %d of %d jobs with one attempt" % (probes, tried.count(1), n)


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
        wait_until(lambda: all("event=paused app=other" in s.log(i) for i in range(2)), 5, "the app is paused")
        n = s.push_many(50, "o", other) + s.push_many(50)
        wait_until(lambda: s.ended() == 50 and s.counts()["parked"] == 50, 10, "the other app flows")
        s.cli("resume", "--app", "other")
        s.wait_ended(n, 10)
        s.cli("pause")
        wait_until(lambda: all("event=paused app=*" in s.log(i) for i in range(2)), 5, "all is paused")
        n += s.push_many(100, "p")
        s.worker()
        wait_until(lambda: "event=paused app=*" in s.log(2), 5, "a new worker knows")
        for w in s.workers[:2]:
            expect(s.terminate(w) == 0, "a paused worker drains")
        c = s.conserve(n)
        expect(c["ready"] + c["inbox"] == 100 and s.ended() == n - 100, "nothing is taken: %s" % c)
        s.cli("resume")
        s.wait_ended(n, 10)
        began = time.monotonic()
        s.cli("pause", "--for", "3s")
        wait_until(lambda: s.log(2).count("event=paused app=*") == 2, 5, "paused for a time")
        n += s.push_many(10, "q")
        s.wait_ended(n, 10)
        expect(time.monotonic() - began >= 3, "not before its end")
        s.settle(n)


@scenario
def parked_jobs_expire():
    """The deadline of a job whose app is paused, or whose circuit is open, passes all the same."""
    with Stage(env=SHORT) as s:
        s.conf = os.path.join(s.dir, "two.conf")
        with open(s.conf, "w") as f:
            f.write('apps = ( { name = "default"; }, { name = "other"; app_key = "23456789"; } );\n')

        def job(i, **more):
            return dict({"id": "j%d" % i, "code": "I10001", "school": "s", "app": "other"}, **more)
        w = s.worker()
        s.cli("pause", "--app", "other")
        wait_until(lambda: "event=paused app=other" in s.log(), 5, "the app is paused")
        n = s.push_many(100, "", lambda i: job(i, ttl_s=2) if i % 2 else job(i))
        wait_until(lambda: s.ended() == 50 and s.counts()["parked"] == 50, 20, "half of them expire")
        expect({d["reason"] for d in s.dead()} == {"expired"} and not s.outcomes(), "as expired")
        s.conserve(n)
        s.cli("resume", "--app", "other")
        s.wait_ended(n, 10)
        s.terminate(w)
        w = s.worker(PREQ_ACCESS_KEY_SECRET="wrong-secret")
        n += s.push_many(20, "", lambda i: job(100 + i, ttl_s=4))
        wait_until(lambda: "event=circuit_open" in s.log(1), 10, "the circuit opens")
        s.wait_ended(n, 20)
        expect({d["reason"] for d in s.dead()} == {"expired"}, "by their deadline: %s" % s.dead()[-1])
        expect(w.poll() is None, "the worker lives")
        s.settle(n)


@scenario
def limit_at_run_time():
    with Stage(env={"PUSHBRIDGE_LIMIT_EGRESS": "test"}) as s:
        s.fault(kind="latency", latency_ms=20)
        s.cli("limit", "set", "egress@test", "20")
        s.worker()
        s.worker()
        n = s.push_many(2000)
        wait_until(lambda: s.ended() > 60, 20, "slow")
        expect(busiest_second(calls(s)) <= 45, "20 a second and a burst: %d" % busiest_second(calls(s)))
        row = [x.split() for x in s.cli("limit", "ls").splitlines() if x.startswith("egress@test")][0]
        expect(row[1:4] == ["none", "20", "20"], row)
        s.cli("limit", "reset", "egress@test")
        began = time.monotonic()
        s.wait_ended(n, 20)
        took = time.monotonic() - began
        expect(all("event=limit_changed limit=egress@test" in s.log(i) for i in range(2)), "both say so")
        s.settle(n)
        return "the rest in %.1f s" % took


def run(f):
    """One scenario: what it failed with, or None."""
    began = time.monotonic()
    try:
        note = f() or ""
        print("ok    %-40s %5.1f s  %s" % (f.__name__, time.monotonic() - began, note), flush=True)
        return None
    except Exception as e:  # noqa: BLE001 - each failure is reported, the rest still runs
        print("FAIL  %-40s %s" % (f.__name__, e), flush=True)
        if not isinstance(e, Failure):
            traceback.print_exc()
        return e


def main():
    """Two at a time (E2E_JOBS), since most of them wait. What was only late runs once more, alone: a lost or doubled
    job, a sanitizer's report and every other failure count at once."""
    wanted = sys.argv[1:]
    chosen = [f for f in SCENARIOS if not wanted or f.__name__ in wanted]
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("E2E_JOBS", "2"))) as pool:
        ended = list(zip(chosen, pool.map(run, chosen)))
    late = [f for f, e in ended if isinstance(e, Late)]
    if late:
        print("late, so once more and alone: %s" % " ".join(f.__name__ for f in late), flush=True)
    failed = sum(e is not None and not isinstance(e, Late) for _, e in ended) + sum(run(f) is not None for f in late)
    print("e2e: %d passed, %d failed" % (len(chosen) - failed, failed))
    return 1 if failed or not chosen else 0


sys.exit(main())
