#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A long run in little: many jobs through two workers with faults on. Every job ends exactly once,
and neither memory nor descriptors grow. Usage: soak.py [--jobs N] [--seed N]"""
import argparse
import json
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World  # noqa: E402 - it puts the e2e tests on the path
import wire  # noqa: E402
from checks import number_of  # noqa: E402
from harness import Failure, Q  # noqa: E402
from load import Jobs  # noqa: E402

TENTHS = 10
GROWTH = 0.10
JUDGED_JOBS = 2000000  # the first tenth of a shorter run is over before the heap has found its size
STALL_S = 300
DEPTH = 4000    # ready jobs that the producer keeps up
KINDS = (dict(kind="error", status=503), dict(kind="error", status=500, code="InternalError"),
         dict(kind="throttle", status=429), dict(kind="throttle", headers={"x-acs-retry-after": "200"}),
         dict(kind="drop_after_accept"), dict(kind="close_after_read"), dict(kind="garbage", accepted=True),
         dict(kind="bad_gateway"), dict(kind="hang", accepted=True))


def rss_anon_kb(pid):
    with open("/proc/%d/status" % pid) as f:
        for line in f:
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
    raise Failure("no RssAnon")


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


class Tally:
    """Reads outcomes off their lists and counts them by job: each must come once."""

    def __init__(self, redis, jobs):
        self.redis, self.seen = redis, bytearray(jobs + 1)
        self.sent = self.dead = self.twice = 0

    def drain(self):
        got = 0
        for status, key in (("sent", wire.RESULTS), ("dead", wire.DEAD)):
            texts = self.redis("LPOP", key, 1000) or []
            got += len(texts)
            for text in texts:
                n = number_of(self.redis, json.loads(text))
                self.twice += self.seen[n]
                self.seen[n] = 1
                if status == "sent":
                    self.sent += 1
                else:
                    self.dead += 1
        return got

    def ended(self):
        return self.sent + self.dead


class Soak:
    def __init__(self, jobs, seed):
        self.jobs, self.rng = jobs, random.Random(seed)
        # The AOF of millions of jobs would fill the disk; the record keeps counts, not calls.
        self.world = World("soak", seed, burst=0, redis_args=("--appendonly", "no"), mock_args=("--record", "100000"),
                           env={"PUSHBRIDGE_RETRY_BASE_MS": "50", "PUSHBRIDGE_RETRY_CAP_MS": "1000", "PUSHBRIDGE_LOG_LEVEL": "warn",
                                "PUSHBRIDGE_CIRCUIT_PROBE_MS": "200"})
        self.stage = self.world.stage
        self.draws = Jobs(self.rng.random(), remember=False)
        self.tally = Tally(self.stage.redis, jobs)
        self.samples = []  # (ended, RssAnon KB by worker, descriptors by worker)
        self.cuts = 0

    def begin(self):
        self.stage.clear_faults()
        self.stage.fault(kind="latency", latency_ms={"p50": 5, "p99": 80})
        for kind in KINDS:
            # A throttled call makes all workers rest, by design: of ten times as many, rest is all they would do.
            self.stage.fault(probability=0.0001 if kind["kind"] == "throttle" else 0.001, **kind)
        self.workers = [self.world.add_worker() for _ in range(2)]

    def refill(self):
        ready = self.stage.redis("LLEN", Q)
        while ready < DEPTH and self.draws.next <= self.jobs:
            batch = [self.draws.draw() for _ in range(min(200, self.jobs + 1 - self.draws.next))]
            self.stage.redis("RPUSH", Q, *[job for _, job in batch])
            ready += len(batch)

    def cut(self):
        """One worker's connections to Redis, closed by the server."""
        clients = self.stage.redis("CLIENT", "LIST", "TYPE", "normal").decode().splitlines()
        mine = self.stage.redis("CLIENT", "ID")
        ids = [line.split(" ")[0][3:] for line in clients]
        others = [i for i in ids if i != str(mine)]
        if others:
            self.cuts += self.stage.redis("CLIENT", "KILL", "ID", self.rng.choice(others))

    def sample(self):
        rss, fds = [rss_anon_kb(p.pid) for p in self.workers], [descriptors(p.pid) for p in self.workers]
        self.samples.append((self.tally.ended(), rss, fds))
        return rss, fds

    def run(self):
        step, gate = max(self.jobs // 200, 50), threading.Event()
        began = last_at = time.monotonic()
        next_sample, shown, cut_at = step, 0, began + 5
        while self.tally.ended() < self.jobs:
            self.refill()
            if self.tally.drain():
                last_at = time.monotonic()
            elif time.monotonic() - last_at > STALL_S:
                raise Failure("no job ended for %d s: %s" % (STALL_S, self.stage.counts()))
            else:
                gate.wait(0.01)  # how often a quiet queue is looked at
            if time.monotonic() > cut_at:
                self.cut()
                cut_at = time.monotonic() + self.rng.uniform(1, 5)
            if self.tally.ended() >= next_sample:
                rss, fds = self.sample()
                next_sample += step
                if self.tally.ended() * 20 // self.jobs > shown:
                    shown = self.tally.ended() * 20 // self.jobs
                    print("%9d jobs  %6.0f s  RssAnon KB %s  descriptors %s" %
                          (self.tally.ended(), time.monotonic() - began, rss, fds), flush=True)
        return time.monotonic() - began

    def tenth(self, which, field, worker):
        """The first tenth without its first tenth: until every path was taken once."""
        low, high = self.jobs * which / TENTHS, self.jobs * (which + 1) / TENTHS
        low = low or high / TENTHS
        return [s[field][worker] for s in self.samples if low <= s[0] <= high]

    def overlapping(self):
        """The story of one call that overlapped another with its token, if the record still has it."""
        calls = self.stage.control("GET", "/_mock/record?list=1")["list"]
        tokens = sorted({c["token"] for c in calls if c["concurrent"]})[:2]
        return [(c["token"][:8], c["at_ms"], c["answered_ms"], c["outcome"], c["fault"]) for c in calls if c["token"] in tokens]

    def check(self):
        wrong = []
        if self.jobs < JUDGED_JOBS:
            print("fewer than %d jobs: RssAnon is printed, not judged" % JUDGED_JOBS)
        for i, p in enumerate(self.workers):
            first, last = self.tenth(0, 1, i), self.tenth(TENTHS - 1, 1, i)
            a, b = sum(first) / len(first), sum(last) / len(last)
            fd_a, fd_b = max(self.tenth(0, 2, i)), max(self.tenth(TENTHS - 1, 2, i))
            print("worker %d: RssAnon %.0f KB in the first tenth, %.0f KB in the last (%+.1f %%); descriptors at most %d, %d" %
                  (i, a, b, 100 * (b - a) / a, fd_a, fd_b))
            if self.jobs >= JUDGED_JOBS and abs(b - a) > GROWTH * a:
                wrong.append("worker %d: RssAnon moved by more than %d %%" % (i, GROWTH * 100))
            if fd_b > fd_a + 2:
                wrong.append("worker %d: descriptors grew from %d to %d" % (i, fd_a, fd_b))
            if p.poll() is not None:
                wrong.append("worker %d ended by itself: %d" % (i, p.returncode))
        record, twice = self.stage.record(), self.stage.control("GET", "/_mock/duplicates")
        counts = self.stage.counts()
        missing = self.jobs - sum(self.tally.seen)
        print("%d sent, %d dead; %d calls, %d pushed, %d suppressed, %d concurrent; %d connections cut; places: %s" %
              (self.tally.sent, self.tally.dead, record["calls"], record["pushes"], record["suppressed"],
               record["concurrent"], self.cuts, counts))
        if missing or self.tally.twice:
            wrong.append("%d jobs without an outcome, %d outcomes too many" % (missing, self.tally.twice))
        if sum(counts.values()) != self.jobs:
            wrong.append("conservation: %d enqueued, found %s" % (self.jobs, counts))
        if record["concurrent"] or any(twice.values()):
            wrong.append("concurrent %d, pushed twice %d: %s" %
                         (record["concurrent"], sum(map(len, twice.values())), self.overlapping()))
        return wrong


    def end(self):
        """TERM: everything is given back, and a sanitizer has the last word."""
        codes = [self.stage.terminate(p) for p in self.workers]
        wrong = ["exit codes after TERM: %s" % codes] if any(codes) else []
        reports = self.stage.sanitizer_reports()
        return wrong + (["sanitizer report in %s" % reports] if reports else [])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=2000000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    wrong, soak = ["did not come to its end"], Soak(args.jobs, args.seed)
    try:
        soak.begin()
        took = soak.run()
        wrong = soak.check()
        print("soak: %d jobs in %.0f s, %.0f jobs/s" % (args.jobs, took, args.jobs / took))
        wrong += soak.end()
    except Failure as e:
        wrong = [str(e)]
    finally:
        soak.world.close(show=bool(wrong))
    for what in wrong:
        print("FAIL  " + what)
    return 1 if wrong else 0


sys.exit(main())
