# SPDX-License-Identifier: MIT
"""Answers of Redis that are larger than anybody wants: nobody holds them, and all others are read as ever."""
import json
import os
import re
import subprocess
import sys

import wire
from harness import BIN, Failure, Stage, wait_until
from scene import FAST, PATIENT, expect, heavy, scenario, slow, wait_idle

LARGE = 48 << 20
MOST = 12 << 20  # what a process may grow by
FILL = "for i = 1, tonumber(ARGV[2]) do redis.call('RPUSH', KEYS[1], string.rep('x', tonumber(ARGV[1]))) end"
# What a sanitizer keeps of freed memory is no growth.
ENV = dict(FAST, **PATIENT, PUSHBRIDGE_REDIS_COMMAND_TIMEOUT_MS="60000", ASAN_OPTIONS=":".join(filter(None, (os.environ.get("ASAN_OPTIONS"), "quarantine_size_mb=1:thread_local_quarantine_size_kb=64"))))


def peak_bytes(p):
    """The most that a process has held so far."""
    with open("/proc/%d/status" % p.pid) as f:
        return int(re.search(r"VmHWM:\s*(\d+) kB", f.read()).group(1)) << 10


# A process begins with the peak of whoever starts it, as the kernel counts: so a small one does.
MEASURE = """import os, subprocess, sys
p = subprocess.Popen(sys.argv[2:])
_, status, usage = os.wait4(p.pid, 0)
with open(sys.argv[1], "w") as f:
    f.write(str(usage.ru_maxrss))
os._exit(os.waitstatus_to_exitcode(status))"""


def tool_peak(s, *args):
    """A command's exit status, its output, and the most that it held."""
    path = os.path.join(s.dir, "peak")
    p = subprocess.run([sys.executable, "-S", "-c", MEASURE, path, os.path.join(BIN, "pushbridge"), *args], env=s.worker_env(ENV), cwd=s.dir,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    with open(path) as f:
        return p.returncode, p.stdout.decode(), int(f.read()) << 10


@scenario
@heavy
def an_element_that_an_idle_worker_need_not_read():
    with Stage(redis_args=("--appendonly", "no")) as s:
        p = s.worker(**ENV)
        s.push({"id": "before", "message": "m", "target": {"all": True}})
        s.wait_ended(1)
        wait_idle(s)
        before = peak_bytes(p)
        for i in range(2):  # the second finds the waiting connection as the first left it
            s.redis("EVAL", FILL, 1, wire.QUEUE, LARGE, 1)
            s.wait_ended(2 * i + 2)
            wait_idle(s)
            s.push({"id": "after-%d" % i, "message": "m", "target": {"all": True}})
            s.wait_ended(2 * i + 3)
            wait_idle(s)
        grown = peak_bytes(p) - before
        expect(grown < MOST, "an element of %d bytes is not held: +%d" % (LARGE, grown))
        letters = s.dead()
        expect([d["reason"] for d in letters] == ["invalid_job"] * 2, "both are refused: %s" % letters)
        for d in letters:
            key, uid = d["job_ref"].rsplit(" ", 1)
            expect(s.redis("HSTRLEN", key, uid) == LARGE, "its bytes are there")
        lost = re.findall("event=redis_down .*", s.log())  # the watchdog may do so where a busy machine needs longer than its 15 s
        expect(all(x.endswith("why=watchdog") for x in lost), "no connection was lost by an answer: %s" % lost)
        s.settle(5)
        return "+%d kB" % (grown >> 10)


FINE = {"id": "fine", "app": "default", "code": None, "status": "dead", "reason": "expired", "maybe_sent": False,
        "error": {"code": None, "message": "x", "http_status": None, "request_id": None}, "pushes": [], "attempts": 0, "crashes": 0,
        "claimed_at": 1, "done_at": 1, "worker": "w", "job": "{}"}
TOOLS = (
    (("queue", "peek"), 0, "a value of %d bytes was not read" % LARGE), (("queue", "peek", "--claimed"), 0, "a value of"),
    (("dead", "ls"), 0, "a value of %d bytes was not read" % LARGE), (("dead", "ls", "--json"), 0, "a value of"),
    (("dead", "show", "fine"), 0, "expired"), (("stats",), 0, wire.QUEUE), (("stats", "--json"), 0, "unreadable"),
    (("cancel", "no-such-job"), 1, "no job with that id"),
    (("dead", "drop", "--unreadable", "--yes"), 0, "2 left: too long to be read"),
    (("dead", "drop", "--reason", "expired", "--yes"), 0, "1 dropped"))


def peaks_without():
    """Of each command where nothing is large: what its libraries take differs."""
    with Stage(redis_args=("--appendonly", "no")) as s:
        for key in (wire.QUEUE, wire.DEAD, wire.RESULTS):
            s.redis("RPUSH", key, json.dumps(FINE))
        return {args: tool_peak(s, *args)[2] for args, _, _ in TOOLS}


@scenario
@slow
@heavy
def elements_that_no_tool_reads_whole():
    before = peaks_without()
    with Stage(redis_args=("--appendonly", "no")) as s:
        for key in (wire.QUEUE, wire.DEAD, wire.RESULTS):
            s.redis("EVAL", FILL, 1, key, LARGE, 2)
            s.redis("RPUSH", key, json.dumps(FINE))
        s.redis("EVAL", "redis.call('HSET', KEYS[1], 'big', string.rep('x', tonumber(ARGV[1])))", 1, wire.COUNT, LARGE)
        s.redis("EVAL", "redis.call('HSET', KEYS[1], 'big', string.rep('x', tonumber(ARGV[1])))", 1, wire.MEMBER, LARGE)
        for args, code, shown in TOOLS:
            found, out, peak = tool_peak(s, *args)
            where = " ".join(args)
            expect(shown in out and len(out) < 100000, "%s says it: %s" % (where, out[:1000]))
            expect(found == code, "%s: exit %d: %s" % (where, found, out[:1000]))
            if peak - before[args] > MOST:
                raise Failure("%s holds it: +%d" % (where, peak - before[args]))
        expect(s.redis("LLEN", wire.DEAD) == 2, "the long ones stay")
