# SPDX-License-Identifier: MIT
"""A worker with little memory: a queue of the largest jobs that there are, and a batch that is too much for it."""
import json
import os
import re
import urllib.request

import wire
from admin import Admin
from harness import BIN, Stage, free_port, wait_until
from neighbours_lanes import A, B, TWO, push_and_wait, sent, spoil
from scene import FAST, PATIENT, SHORT, expect, is_sanitized, scenario

MB = 1 << 20
JOB_BYTES = 65000


def limited(s, bytes_max):
    """A program that is the worker with so much to map."""
    path = os.path.join(s.dir, "limited-%d" % bytes_max)
    with open(path, "w") as f:
        f.write("#!/bin/sh\nulimit -c 0\nulimit -v %d\nexec '%s' \"$@\"\n" % (bytes_max // 1024, os.path.join(BIN, "pushbridge")))
    os.chmod(path, 0o755)
    return path


def mapped(p):
    with open("/proc/%d/status" % p.pid) as f:
        return next(int(x.split()[1]) * 1024 for x in f if x.startswith("VmPeak:"))


def filled(begin, item, end):
    """A job of many small items."""
    text, n = begin, 0
    while len(text) < JOB_BYTES:
        text += ("," if n else "") + item % n
        n += 1
    return text + end


# name: the job without its id, how it ends.
TO = '"target":{"device":["%032d"]}' % 7
WORST = {
    "params": (filled('"message":"m",%s,"params":{' % TO, '"%d":0', "}"), "sent"),
    "tags": ('"message":"m",%s,"tags":[%s]' % (TO, ",".join('"%04d"' % i for i in range(9000))), "sent"),
    "school tags": ('"message":"m","school":"s","tags":[%s]' % ",".join('"%04d"' % i for i in range(9000)), "invalid_target"),
    "expression": (filled('"message":"m","target":{"tag":{"or":[', '{"tag":"%d"}', "]}}"), "invalid_target"),
    "aliases": ('"message":"m","target":{"alias":[%s]}' % ",".join('"%04d"' % i for i in range(9000)), "sent"),
    "message": ('"message":"%s",%s' % ("\\u0001" * 10000, TO), "invalid_job"),
    "push": (filled('"message":"m",%s,"push":{"AndroidExtParameters":{' % TO, '"%d":0', "}}"), "sent"),
    "nested": (filled('"message":"m",%s,"push":{"AndroidExtParameters":[' % TO, "[[[[%d]]]]", "]}"), "invalid_job"),
    "unknown": (filled('"message":"m",%s,"other":[' % TO, "{}%.0s", "]"), "invalid_job"),
    "escapes": (filled('"message":"m",%s,"title":"' % TO, "\\u0001%.0s", '"'), "invalid_job"),
}


def check_ends(s, wanted):
    """Each once, for its own reason."""
    ends = {o["id"]: o["status"] if o["status"] == "sent" else o["reason"] for o in s.outcomes() + s.dead()}
    wrong = {id: ends.get(id) for id in wanted if ends.get(id) != wanted[id]}
    expect(not wrong and len(ends) == len(wanted), "ends: %d of %d, and %s" % (len(ends), len(wanted), dict(list(wrong.items())[:9])))
    s.conserve(len(wanted))


@scenario
def worst_jobs_within_64_megabytes():
    """Forty of each of the worst forms, and among them as many ordinary ones; the worker that has 64 MB stays."""
    with Stage(env=FAST) as s:
        wanted, jobs = {}, []
        for i in range(40):
            for name, (text, end) in WORST.items():
                id = "%s %d" % (name, i)
                wanted[id] = end
                jobs.append(('{"id":"%s",%s}' % (id, text)).encode())
            for k in range(3):
                id = "ordinary %d" % (3 * i + k)
                wanted[id] = "sent"
                jobs.append(json.dumps({"id": id, "message": "m%d" % k, "school": "s", "tags": ["a", "b"]}).encode())
        for job in jobs:
            s.push(job)
        asan = is_sanitized()
        w = s.worker(PUSHBRIDGE_WORKER_MEMORY_BYTES=str(16 * MB)) if asan else s.worker(program=limited(s, 64 * MB))
        wait_until(lambda: s.ended() >= len(jobs) or w.poll() is not None, lambda: "all end: %d of %d" % (s.ended(), len(jobs)))
        expect(w.poll() is None, "the worker died, %s, after %d of %d: %s" % (w.poll(), s.ended(), len(jobs), s.log()[-600:]))
        check_ends(s, wanted)
        done = {o["id"]: o["done_at"] for o in s.outcomes() + s.dead()}
        expect(done["ordinary 0"] <= min(done["%s 39" % name] for name in WORST), "an ordinary job waited for all of the worst")
        return "" if asan else "%d MB were mapped" % (mapped(w) // MB)


def strand_batch(s, jobs):
    """As a worker that is dead left it: one batch, claimed just now, nothing recorded, its lease over."""
    digest = re.search(r"digest = ([0-9a-f]{16})", s.cli("check")).group(1)
    name, now = "strandedbatch000", s.redis_ms()
    s.redis.pipeline([("HSET", wire.MEMBER, "%s:%d" % (name, i), b"0 0 " + job) for i, job in enumerate(jobs)])
    s.redis("HSET", wire.BATCH, name, "fence L %d %d gone %d 0 %s" % (now, now, len(jobs), digest), name + "#", len(jobs))
    s.redis("ZADD", wire.DUE, now, name)
    return name


@scenario
def a_batch_that_kills_comes_in_halves():
    """Its jobs are more than its next workers can read at once, and one of them more than they can read at all."""
    with Stage(env=dict(FAST, **SHORT, PUSHBRIDGE_QUEUE_JOB_MAX_BYTES=str(MB))) as s:
        asan = is_sanitized()
        idle = s.worker()
        wait_until(lambda: b" flags=b " in s.redis("CLIENT", "LIST"), "a worker waits for jobs")
        program = limited(s, mapped(idle) + 14 * MB)
        idle.terminate()
        idle.wait()
        small = [('{"id":"small %d",%s}' % (i, WORST["params"][0])).encode() for i in range(120)]
        large = WORST["unknown"][0][:-1] + ",{}" * 300000 + "]"  # parsed, some 70 MB
        jobs = small[:40] + [('{"id":"large",%s}' % large).encode()] + small[40:]
        name = strand_batch(s, jobs)
        deaths = 0
        while s.ended() < len(jobs):
            w = s.worker() if asan else s.worker(program=program)
            wait_until(lambda: w.poll() is not None or s.ended() >= len(jobs), lambda: "%d of %d" % (s.ended(), len(jobs)))
            if w.poll() is not None:
                deaths += 1
                s.forget_worker(w)
            expect(deaths <= 20, "%d workers died, %d of %d jobs ended" % (deaths, s.ended(), len(jobs)))
        wanted = {"small %d" % i: "sent" for i in range(120)}
        wanted["large" if asan else name + "-40"] = "invalid_job" if asan else "poison"
        check_ends(s, wanted)
        expect(asan or deaths >= 5, "only %d workers died" % deaths)
        return "%d workers died" % deaths


@scenario
def a_file_costs_no_room_for_jobs():
    """What is read in a thread maps nothing that is then missing from worker.memory_bytes."""
    with Stage() as s:
        if is_sanitized():
            return "not in such a build"
        conf = os.path.join(s.dir, "p.conf")
        with open(conf, "w") as f:
            f.write('log: { level = "info"; };\n')
        found = []
        for s.conf in (None, conf):
            i, w = len(s.workers), s.worker(program=limited(s, 160 * MB))
            wait_until(lambda: "event=worker_start" in s.log(i) or w.poll() is not None, "it starts")
            found.append(int(re.search(r" memory_bytes=(\d+)", s.log(i)).group(1)))
        expect(abs(found[0] - found[1]) < 4 * MB, "without a file %d, with one %d" % tuple(found))


@scenario
def one_job_at_a_time_where_memory_is_least():
    """Under the smallest bound one job always passes; that nothing else is claimed meanwhile is said everywhere."""
    listen = "127.0.0.1:%d" % free_port()
    env = {**FAST, **SHORT, **PATIENT}
    env.update(PUSHBRIDGE_WORKER_MEMORY_BYTES="1", PUSHBRIDGE_PLAN_COALESCE="false", PUSHBRIDGE_ADMIN_LISTEN=listen)
    with Stage(env=env) as s:
        held = s.hold()
        n = s.push_many(6)
        s.worker()
        wait_until(lambda: "event=memory_full jobs=1 " in s.log(), "it is said")
        wait_until(lambda: s.counts()["leased"] == 1 and s.metrics(listen)["pushbridge_memory_full"] == 1, lambda: "one is held: %s" % s.counts())
        wait_until(lambda: "memory full" in s.cli("stats"), "stats shows it")
        stats = json.loads(urllib.request.urlopen("http://%s/stats" % listen).read())
        expect(stats["memory_full"] and stats["held_bytes"] > stats["held_bytes_max"] == 1, "/stats: %s" % stats)
        s.release(held)
        s.wait_ended(n)
        wait_until(lambda: "event=memory_fits jobs=0 " in s.log(), "it is over")
        s.conserve(n)


@scenario
def a_queue_set_aside_leaves_others_a_job_of_memory():
    """What is held of a queue that cannot be ended fills all of worker.memory_bytes: the other queue's jobs go on, and it comes back."""
    with Stage(env=dict(TWO, **PATIENT, PUSHBRIDGE_WORKER_MEMORY_BYTES="1", PUSHBRIDGE_PLAN_COALESCE="false")) as s:
        a = Admin()
        held = s.hold()
        s.push_many(1, "a", queue=A)
        s.worker(**a.env())
        wait_until(lambda: s.counts(A)["leased"] == 1, "it is out")
        mend = spoil(s, "{%s}:results" % A)
        s.release(held)
        wait_until(lambda: a.failing("queues", "finish"), "set aside")
        push_and_wait(s, B, 0, 20, "beside")
        mend()
        wait_until(lambda: int(sent(s, A)) == 1, "and comes back")
        s.no_duplicates()
