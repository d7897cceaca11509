#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Two apps in one queue: one with a backlog that was queued first, the other with a few jobs a second. How long those few wait, from
their RPUSH until they are sent, and what the backlog pays for it. Usage: fair.py [BACKLOG [PER_S [LATENCY_MS [CONCURRENCY]]]]."""
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "e2e"))
from harness import Stage, wait_until  # noqa: E402

BACKLOG, PER_S, LATENCY_MS, CONCURRENCY = (int(x) for x in sys.argv[1:5] + ["100000", "10", "20", "64"][len(sys.argv) - 1:])
APPS = ('apps = ( { name = "many"; app_key = "23456789"; access_key_id = "mock-id"; access_key_secret = "mock-secret"; },\n'
        '         { name = "few"; app_key = "23456790"; access_key_id = "mock-id"; access_key_secret = "mock-secret"; } );\n')


def job(app, i):
    return json.dumps({"id": "%s%d" % (app, i), "code": "I10001", "school": "s", "app": app, "enqueued_at": int(time.time() * 1000)})


def percentile(sorted_ms, p):
    return sorted_ms[min(len(sorted_ms) - 1, int(len(sorted_ms) * p / 100))]


def feed(s, last):
    """A few each second while the backlog lasts; how many."""
    n, began = 0, time.monotonic()
    while s.ended() - n < last:
        while n < (time.monotonic() - began) * PER_S:
            s.redis("RPUSH", "push:jobs", job("few", n))
            n += 1
        time.sleep(1 / PER_S / 4)
    return n


def measure(name, with_many):
    env = {"PUSHBRIDGE_LIMIT_PUSH_PER_S": "0", "PUSHBRIDGE_QUEUE_CONCURRENCY": str(CONCURRENCY), "PUSHBRIDGE_LOG_LEVEL": "warn",
           "PUSHBRIDGE_QUEUE_RESULTS_MAX": str(4 * BACKLOG)}
    with Stage(tls=False, env=env) as s:
        s.check_calls = lambda: 0  # the stand-in keeps a part of so many
        s.conf = os.path.join(s.dir, "apps.conf")
        with open(s.conf, "w") as f:
            f.write(APPS)
        s.fault(kind="latency", latency_ms=LATENCY_MS)
        for i in range(0, BACKLOG if with_many else 0, 1000):
            s.redis("RPUSH", "push:jobs", *[job("many", k) for k in range(i, min(BACKLOG, i + 1000))])
        began = time.monotonic()
        s.worker()
        few = feed(s, BACKLOG * 9 // 10 if with_many else 0) if with_many else PER_S * 10
        if not with_many:
            for i in range(few):
                s.redis("RPUSH", "push:jobs", job("few", i))
                time.sleep(1 / PER_S)
        took = time.monotonic() - began
        rate = s.ended() / took
        wait_until(lambda: s.ended() >= few + (BACKLOG if with_many else 0), "all are sent", 600)
        waits = sorted(o["latency_ms"] for o in s.outcomes() if o["app"] == "few")
        print("%-28s %6d %8d %8d %8d %8d %9.0f" % (name, len(waits), percentile(waits, 50), percentile(waits, 99), waits[-1],
                                                   BACKLOG if with_many else 0, rate), flush=True)


print("a few jobs a second beside a backlog, one worker, %d calls at once of %d ms" % (CONCURRENCY, LATENCY_MS))
print("%-28s %6s %8s %8s %8s %8s %9s" % ("", "jobs", "p50 ms", "p99 ms", "max ms", "backlog", "jobs/s"))
measure("alone", False)
measure("behind %d" % BACKLOG, True)
