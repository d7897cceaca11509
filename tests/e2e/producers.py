# SPDX-License-Identifier: MIT
"""Scenarios of docs/producers.md: its programs, its recipes, and outcomes against their schema."""
import glob
import json
import os
import re
import sqlite3
import subprocess
import tempfile

import wire
from harness import PATIENCE_S, ROOT, Resp, Stage, wait_until
from scene import expect, heavy, scenario, slow

EXAMPLES = os.path.join(ROOT, "examples")
# Debian's interpreters see Debian's packages; another Node.js has to be told where they are.
DEBIAN = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": "", "NODE_PATH": "/usr/share/nodejs"}
PYTHON = "/usr/bin/python3"


def build(command, name, folder):
    """A compiled example."""
    out = os.path.join(folder, name)
    env = dict(os.environ, **DEBIAN)
    done = subprocess.run(command(os.path.join(EXAMPLES, "push." + name), out), env=env, capture_output=True, text=True, timeout=300)
    expect(done.returncode == 0, "push.%s: %s" % (name, done.stderr))
    return [out]


def programs(folder):
    """Language → command. Whoever lacks a runtime must hear of it."""
    run = {"py": PYTHON, "js": "node", "php": "php", "rb": "ruby", "sh": "sh"}
    found = {name: [program, os.path.join(EXAMPLES, "push." + name)] for name, program in run.items()}
    found["c"] = build(lambda source, out: ["gcc", "-Wall", "-Wextra", "-Werror", "-o", out, source, "-lhiredis", "-ljansson"], "c", folder)
    found["go"] = build(lambda source, out: ["go", "build", "-o", out, source], "go", folder)
    if "JEDIS_CLASSPATH" in os.environ:  # Debian has no Jedis
        found["java"] = ["java", "-cp", os.environ["JEDIS_CLASSPATH"], os.path.join(EXAMPLES, "Push.java")]
    return found


def say(s, command, *args, user=""):
    """What a program prints, and its exit."""
    env = dict(os.environ, REDIS_URL="redis://%s127.0.0.1:%d/0" % (user, s.redis_port), **DEBIAN)
    done = subprocess.run(command + list(args), env=env, capture_output=True, text=True, timeout=PATIENCE_S)
    expect(done.stderr == "" or "usage" in done.stderr, "%s: %s%s" % (command, done.stdout, done.stderr))
    return done.returncode, done.stdout.split()


def one_example(s, name, command):
    """A job that is sent, one that dies, and the usage."""
    tags = ['teach"er', "班-3"]
    code, words = say(s, command, "S " + name, *tags)
    expect(code == 0 and words[0] == "sent" and len(words) == 3, "push.%s: %d %s" % (name, code, words))
    record = s.control("GET", "/_mock/record?full=1&job=" + words[1])
    call = record["list"][0]
    expect(record["pushes"] == 1 and call["message_id"] == words[2], "push.%s: not on the mock's record: %s" % (name, record))
    target = {"and": [{"tag": "S " + name}, {"or": [{"tag": t} for t in tags]}]}
    expect(json.loads(call["parameters"]["TargetValue"]) == target, "push.%s: %s" % (name, call["parameters"]))
    code, words = say(s, command, "x" * 129)
    expect(code == 1 and words[0] == "dead" and words[2] == "invalid_target" and "129" in words, "push.%s: %d %s" % (name, code, words))
    expect(say(s, command)[0] != 0, "push.%s without arguments" % name)
    return 2


def documented_rights(s):
    """The documentation's line of rights is enough for a producer."""
    with open(os.path.join(ROOT, "docs", "producers.md")) as f:
        words = re.search(r"^ +user (producer .*)$", f.read(), re.M).group(1).split()
    s.redis("ACL", "SETUSER", *words)
    command = [PYTHON, os.path.join(EXAMPLES, "push.py")]
    code, words = say(s, command, "S", user="producer:change-me@")
    expect(code == 0 and words[0] == "sent", words)
    return 1


@scenario
def jobs_as_libraries_write_them():
    """Texts, since a library of ours would write them in its own way: to a call, an inbox and an outcome."""
    phone = "0123456789abcdef0123456789abcdef"
    numbers = '{"price":9.9,"id":18446744073709551615,"rate":1e5,"zero":-0,"list":[1.50]}'
    texts = ['{"id":"php","message":"m","title":"t","target":{"device":["%s\\n"],"tag":null},"params":[],"meta":[],"delay_s":null,'
             '"push":{"PushType":"NOTICE","AndroidExtParameters":[],"Sound":null}}' % phone,
             '{"id":"numbers","message":"m","title":"t","school":"s","enqueued_at":1780000000000.25,"meta":%s,'
             '"push":{"PushType":"NOTICE","AndroidExtParameters":%s}}' % (numbers, numbers),
             '{"id":"java","code":"I10001","message":null,"school":"s","expire_at":"2099-01-02T10:00+0800"}']
    with Stage() as s:
        s.worker()
        s.redis("RPUSH", "push:jobs", *texts)
        s.redis("RPUSH", "push:jobs", '{"class":"PushJob","args":[{"code":"I10001"}],"jid":"1","id":"sidekiq"}')
        s.wait_ended(4)
        raw = [t if isinstance(t, str) else t.decode() for t in s.redis("LRANGE", wire.RESULTS, 0, -1)]
        ends = {json.loads(t)["id"]: t for t in raw}
        expect(sorted(ends) == ["java", "numbers", "php"], "sent: %s" % ends)
        expect('"meta":%s' % numbers in ends["numbers"] and '"enqueued_at":1780000000000,' in ends["numbers"], ends["numbers"])
        expect('"meta":{}' in ends["php"], ends["php"])
        calls = {name: s.control("GET", "/_mock/record?full=1&job=" + name)["list"][0]["parameters"] for name in ends}
        expect(calls["numbers"]["AndroidExtParameters"] == numbers, calls["numbers"])
        expect(calls["php"]["AndroidExtParameters"] == "{}" and calls["php"]["TargetValue"] == phone, calls["php"])
        dead = json.loads(s.redis("LRANGE", wire.DEAD, 0, -1)[0])
        expect(dead["error"]["message"] == "looks like a Sidekiq job: class: unknown member", dead)


@scenario
@slow
@heavy
def examples():
    """Every program of examples/ against the worker: it prints the outcome, and the provider has the call."""
    for path in glob.glob(os.path.join(EXAMPLES, "*.*")):
        with open(path) as f:
            expect(sum(1 for _ in f) < 80, "%s: 80 lines or more" % path)
    with tempfile.TemporaryDirectory(prefix="pb-examples-") as folder, Stage() as s:
        s.worker()
        n, found = 0, programs(folder)
        for name, command in sorted(found.items()):
            n += one_example(s, name, command)
        expect(found.keys() >= {"py", "js", "go", "php", "rb", "c", "sh"}, sorted(found))
        n += documented_rights(s)
        s.settle(n)
        return "%s; Java %s" % (" ".join(sorted(found)), "too" if "java" in found else "not run: JEDIS_CLASSPATH is not set")


@scenario
def outbox():
    """The recipe: what was committed is pushed once, though the relay dies before it could mark it."""
    with Stage() as s:
        s.worker()
        db = os.path.join(s.dir, "shop.sqlite")
        command = [PYTHON, os.path.join(EXAMPLES, "outbox.py"), db]
        events = [say(s, command, "change", "S%d" % i)[1][0] for i in range(3)]
        expect(say(s, command, "relay") == (0, ["handed", "over", "3"]), "three are handed over")
        s.wait_ended(3)
        with sqlite3.connect(db) as unmarked:
            unmarked.execute("UPDATE outbox SET handed_over = NULL WHERE n > 1")
        expect(say(s, command, "relay")[1][-1] == "2", "two are handed over again")
        s.wait_ended(5)
        expect(say(s, command, "relay")[1][-1] == "0", "nothing is left")
        by = {}
        for o in s.outcomes():
            by.setdefault(o["id"], []).append(o["pushes"][0]["message_id"])
        expect(sorted(by) == sorted(events) and sorted(map(len, by.values())) == [1, 2, 2], by)
        expect(all(len(set(ids)) == 1 for ids in by.values()), "the same message: %s" % by)
        expect(s.record()["pushes"] == 3 and s.record()["suppressed"] == 2, s.record())
        s.no_duplicates()


def once_more(s, first, second, together=0):
    """The fate of two jobs with one id, and how many pushes they came to; together: so many calls of theirs are out at once."""
    before, ended = s.record()["pushes"], s.ended()
    if together:
        s.hold()
        s.push(first, second)
        s.wait_held(together)
        s.clear_faults()
    else:
        s.push(first)
        s.wait_ended(ended + 1)
        s.push(second)
    s.wait_ended(ended + 2)
    fates = [o.get("reason", o["status"]) for o in s.outcomes() + s.dead() if o["id"] == first["id"]]
    return sorted(fates), s.record()["pushes"] - before


@scenario
def an_id_again():
    """The table in docs/producers.md, row by row, but for the one that takes 15 minutes."""
    for dedup, repeated in (("0", "sent"), ("60", "duplicate")):
        with Stage(env={"PUSHBRIDGE_QUEUE_DEDUP_S": dedup}) as s:
            s.fault(kind="error", code="InvalidTargetValue.Format", status=400, match={"job_key": "rejected"}, count=1)
            s.worker()

            def job(name, **more):
                return dict({"id": name, "code": "I10001", "school": "s"}, **more)
            two = 1 if dedup != "0" else 2
            rows = [("after", {}, {}, [repeated, "sent"], 1), ("other", {}, {"school": "t"}, [repeated, "sent"], two),
                    ("rejected", {}, {}, ["provider_rejected", repeated], two - 1),
                    ("bad", {"school": 1}, {}, ["invalid_job", "sent"], 1), ("unknown", {"code": "NOPE"}, {}, ["sent", "unknown_template"], 1),
                    ("late", {"expire_at": "2026-01-02T03:04:05Z"}, {}, ["expired", repeated], two - 1)]
            for name, first, second, fates, pushes in rows:
                found = once_more(s, job(name, **first), job(name, **second))
                expect(found == (sorted(fates), pushes), "dedup_s %s, %s: %s" % (dedup, name, found))
            found = once_more(s, job("together"), job("together"), together=two)
            expect(found == (sorted([repeated, "sent"]), two), "dedup_s %s, together: %s" % (dedup, found))


@scenario
def beside_a_blpop_consumer():
    """Moving over: an old consumer and a worker on one list; each job goes to one of them."""
    with Stage() as s:
        old, n, taken = Resp(s.redis_port), 400, []
        s.push_many(n // 2)
        taken.append(old("BLPOP", wire.QUEUE, 1)[1])
        s.worker()
        s.push_many(n // 2, "k")
        while len(taken) < 20:
            got = old("BLPOP", wire.QUEUE, 1)
            if not got:
                break
            taken.append(got[1])
        s.wait_ended(n - len(taken))
        ids = [o["id"] for o in s.outcomes()] + [json.loads(job)["id"] for job in taken]
        expect(len(ids) == n == len(set(ids)), "%d jobs, %d of them different" % (len(ids), len(set(ids))))
        s.no_duplicates()
        return "%d taken by the old consumer" % len(taken)


# --- outcomes of every kind

QUICK = {"PUSHBRIDGE_RETRY_BASE_MS": "50", "PUSHBRIDGE_RETRY_CAP_MS": "200", "PUSHBRIDGE_ALIYUN_TIMEOUT_MS": "1500",
         "PUSHBRIDGE_ALIYUN_CONNECT_TIMEOUT_MS": "500", "PUSHBRIDGE_ALIYUN_SETTLE_MS": "500", "PUSHBRIDGE_QUEUE_LEASE_MS": "3000",
         "PUSHBRIDGE_QUEUE_EXTEND_MS": "400", "PUSHBRIDGE_QUEUE_REAP_MS": "200", "PUSHBRIDGE_QUEUE_IDLE_WAIT_S": "1",
         "PUSHBRIDGE_QUEUE_DEDUP_S": "60", "PUSHBRIDGE_QUEUE_CRASH_LIMIT": "1", "PUSHBRIDGE_QUEUE_JOB_MAX_BYTES": "4096",
         "PUSHBRIDGE_CIRCUIT_FAILURES": "50"}
META = {"meta": {"k": "号"}, "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "enqueued_at": 1780000000000}
JOBS = {
    "sent": dict(META, id="sent", code="I10001", school="s"),
    "overlap": dict(META, id="overlap", message="m", tags=["t%d" % i for i in range(60)]),
    "invalid_json": b'{"id":',
    "invalid_job": dict(META, id="invalid_job", code="I10001", school=5),
    "binary": b"\xff\xfe",
    "unknown_template": dict(META, id="unknown_template", code="NOPE", school="s"),
    "invalid_target": dict(META, id="invalid_target", message="m", target={"tag": {"not": {"tag": "a"}}}),
    "expired": dict(META, id="expired", code="I10001", school="s", expire_at="2026-01-02T03:04:05Z"),
    "provider_rejected": dict(META, id="provider_rejected", code="I10001", school="s"),
    "retries_exhausted": dict(META, id="retries_exhausted", code="I10001", school="s"),
    "ambiguous": dict(META, id="ambiguous", code="I10001", school="s"),
    "oversize": dict(META, id="oversize", message="x" * 5000, school="s"),
}


def every_kind(s):
    """Leaves an outcome of every status and reason; returns how many."""
    s.worker()
    s.fault(kind="error", code="InvalidTargetValue.Format", status=400, match={"job_key": "provider_rejected"})
    s.fault(kind="error", code="ServiceUnavailable", status=503, match={"job_key": "retries_exhausted"})
    s.fault(kind="drop_after_accept", match={"job_key": "ambiguous"})
    n = s.push(*JOBS.values())
    s.wait_ended(n)
    n += s.push(JOBS["sent"])
    s.wait_ended(n)
    s.cli("pause")
    wait_until(lambda: "event=paused app=*" in s.log(), "the worker knows of the pause")
    n += s.push(dict(JOBS["sent"], id="cancelled"))
    s.cli("cancel", "cancelled")
    s.cli("dead", "replay", "expired")
    s.cli("resume")
    n += 1  # the replayed one dies again, and its letter has a history
    wait_until(lambda: any(d["id"] == "expired" and "history" in d for d in s.dead()), "the replayed job dies again")
    return n


APPS = """
apps = ( { name = "default"; app_key = "23456789"; }, { name = "other"; app_key = "34567890"; } );
groups = ( { name = "both"; apps = [ "default", "other" ]; } );
"""


def shared_and_grouped(s):
    """Jobs that share calls, of which one call's end as ambiguous, and a job for two apps."""
    ended = s.ended()
    s.fault(kind="ids", ids="short", match={"action": "MassPush"}, count=1)
    n = s.push(*[dict(META, message="m%d" % i, target={"device": ["%032d" % i]}) for i in range(60)],
               dict(META, id="both", message="m", school="s", app="both"))
    s.wait_ended(ended + n)
    # All of them may have been that one call's.
    n += s.push(*[dict(META, message="n%d" % i, target={"device": ["%032d" % i]}) for i in range(60)])
    s.wait_ended(ended + n)


def poisoned(s):
    """A job whose call hangs each time its worker is killed, with a crash limit of one."""
    def ended():
        return any(d["reason"] == "poison" for d in s.dead())  # under another id: nobody reads the job again
    s.hold(match={"job_key": "poison"})
    s.push(dict(META, id="poison", code="I10001", school="s"))
    while True:
        wait_until(lambda: ended() or s.record()["held"], "the call is out")
        if ended():
            return
        s.kill(s.workers[-1])
        wait_until(lambda: not s.record()["held"], "the killed worker's call is gone")
        s.worker()


@scenario
@slow
def outcomes_fit_their_schema():
    with Stage(env=QUICK) as s:
        s.conf = os.path.join(s.dir, "apps.conf")
        with open(s.conf, "w") as f:
            f.write(APPS)
        every_kind(s)
        shared_and_grouped(s)
        poisoned(s)
        path = os.path.join(s.dir, "outcomes")
        with open(path, "wb") as f:
            for line in s.redis("LRANGE", wire.RESULTS, 0, -1) + s.redis("LRANGE", wire.DEAD, 0, -1):
                f.write(line + b"\n")
        letters = {d["id"]: d for d in s.dead()}
        for member in ("job", "job_b64", "job_ref", "history"):
            expect(any(member in d for d in letters.values()), "a letter with " + member)
        sent = s.outcomes()
        expect(any(o.get("overlap") for o in sent), "one that overlaps")
        expect(any("task" in p for o in sent for p in o["pushes"]), "one that shared a call")
        expect([p["app"] for o in sent if o["id"] == "both" for p in o["pushes"]] == ["default", "other"], "one for two apps")
        expect(any("call" in d and "task" in d for d in s.dead()), "a letter of one that shared a call")
        done = subprocess.run([PYTHON, os.path.join(ROOT, "tests", "schema", "outcomes.py"), path], capture_output=True, text=True, timeout=PATIENCE_S)
        expect(done.returncode == 0, done.stdout + done.stderr)
        return done.stdout.strip()
