# SPDX-License-Identifier: MIT
"""Jobs from the list to their outcome: targets, parts, signatures, bad input, windows of time."""
import base64
import glob
import json
import os
import signal
import time

import wire
from harness import Failure, PATIENCE_S, ROOT, Stage, wait_until
from scene import FAST, PATIENT, SHORT, dead_reasons, expect, scenario


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
        s.wait_ended(len(files))
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
        s.redis("RPUSH", wire.DEAD, *["{}"] * 5)
        s.worker(PUSHBRIDGE_QUEUE_DEAD_WARN="5")
        wait_until(lambda: "event=dead_letters_many" in s.log(0), "the alarm")


@scenario
def duplicates_by_producers():
    """queue.dedup_s: another job with the id is a duplicate; the same job coming back is not."""
    window = dict(FAST, PUSHBRIDGE_QUEUE_DEDUP_S="60", PUSHBRIDGE_QUEUE_LEASE_MS="3000", **{
        k: v for k, v in SHORT.items() if "LEASE" not in k})
    with Stage(env=window) as s:
        s.fault(kind="error", code="ServiceUnavailable", status=503, count=3)
        s.hold(after=40)
        victim = s.worker()
        n = s.push_many(800)
        s.stop_holding(victim)
        s.kill(victim)
        s.clear_faults()
        s.hold(after=100)
        gives_back = s.worker(**PATIENT)
        s.wait_held(64)  # and as many claimed ahead
        gives_back.send_signal(signal.SIGTERM)
        wait_until(lambda: "event=drain_begin" in s.log(1), "the drain begins")
        s.clear_faults()
        expect(gives_back.wait(PATIENCE_S) == 0, "drained")
        s.worker()
        s.wait_ended(n)
        expect(any(o["crashes"] for o in s.outcomes()), "some came back from the killed one")
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


def quiet_at(place, offset_s):
    """A message push waits for the end of the quiet hours by PushTime, a functional one passes."""
    now = time.time()
    clock = lambda t: time.strftime("%H:%M", time.gmtime(t))  # noqa: E731
    local = lambda t: clock(t + offset_s)  # noqa: E731
    with Stage() as s:
        conf = os.path.join(s.dir, "quiet.conf")
        with open(conf, "w") as f:
            f.write('apps = ( { name = "default"; app_key = "23456789"; quiet = "%s-%s %s"; } );\n' % (local(now - 3600), local(now + 7200), place))
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
def quiet_hours():
    quiet_at("Z", 0)


@scenario
def quiet_hours_of_a_time_zone():
    """Where clocks never change, so that this test knows the offset."""
    quiet_at("Asia/Kolkata", 5.5 * 3600)


@scenario
def reply_to_and_until_empty():
    with Stage() as s:
        n = s.push({"id": "a", "code": "I10000", "school": "s", "reply_to": wire.REPLY + "a"})
        w = s.worker("--until-empty", "--timeout", "60")
        expect(w.wait(PATIENCE_S) == 0, "ends by itself")
        answer = s.redis("LPOP", wire.REPLY + "a")
        expect(answer and json.loads(answer)["status"] == "sent", "reply_to")
        s.conserve(n)
