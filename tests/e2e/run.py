#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""End-to-end scenarios. Usage: run.py [NAME…]. Each ends with the conservation check and the
mock's count of pushes, repeats and wire calls."""
import importlib
import os
import sys
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Failure  # noqa: E402
from scene import SCENARIOS  # noqa: E402

for theme in ("jobs", "provider", "workers", "outages", "shards", "limits", "ops", "admin", "coalesce", "credentials", "reload",
              "producers", "notices", "neighbours_content", "neighbours_flow", "neighbours_lanes", "neighbours_apps",
              "hostile_secrets", "hostile_texts", "hostile_admin", "hostile_between", "hostile_ids", "hostile_maxima", "hostile_bounds",
              "names", "hostile_memory", "hostile_slow", "hostile_replies", "hostile_process", "hostile_cores"):
    importlib.import_module(theme)  # each adds its own


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


class Course:
    """What is still to run: slow ones first, and of the heavy ones few at a time."""
    HEAVY_AT_ONCE = 2

    def __init__(self, chosen):
        self.todo = sorted(chosen, key=lambda f: not hasattr(f, "slow"))
        self.ended, self.heavy, self.change = [], 0, threading.Condition()

    def next(self):
        """None when nothing is left."""
        with self.change:
            while self.todo:
                for f in self.todo:
                    if not hasattr(f, "heavy") or self.heavy < self.HEAVY_AT_ONCE:
                        self.todo.remove(f)
                        self.heavy += hasattr(f, "heavy")
                        return f
                self.change.wait()
        return None

    def end(self, f, failure):
        with self.change:
            self.ended.append((f, failure))
            self.heavy -= hasattr(f, "heavy")
            self.change.notify_all()

    def work(self):
        while f := self.next():
            self.end(f, run(f))


def main():
    wanted = sys.argv[1:]
    chosen = [f for f in SCENARIOS if not wanted or f.__name__ in wanted]
    course = Course(chosen)
    # Most of them wait most of the time.
    threads = [threading.Thread(target=course.work) for _ in range(int(os.environ.get("E2E_JOBS", "8")))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    passed = sum(e is None for _, e in course.ended)
    failed = len(chosen) - passed
    print("e2e: %d passed, %d failed" % (passed, failed))
    return 1 if failed or not chosen else 0


sys.exit(main())
