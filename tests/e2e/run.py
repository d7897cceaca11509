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
from harness import Failure, Late  # noqa: E402
from scene import SCENARIOS  # noqa: E402

for theme in ("jobs", "provider", "workers", "outages", "shards", "limits", "ops", "admin", "coalesce", "credentials", "reload",
              "producers", "notices"):
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


def run_all(chosen, at_once):
    """So many at a time, since most of them wait, and one of the patient ones beside them. [(scenario, failure)]"""
    todo = [f for f in chosen if not hasattr(f, "patient")], [f for f in chosen if hasattr(f, "patient")]
    ended = []

    def worker(lists):
        for left in lists:
            while True:
                try:
                    f = left.pop(0)  # atomic
                except IndexError:
                    break
                ended.append((f, run(f)))
    threads = [threading.Thread(target=worker, args=(todo,)) for _ in range(at_once)]
    threads.append(threading.Thread(target=worker, args=(todo[1:],)))
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return ended


def main():
    """What was only late runs once more, alone: a lost or doubled job, a sanitizer's report and every other failure
    count at once."""
    wanted = sys.argv[1:]
    chosen = [f for f in SCENARIOS if not wanted or f.__name__ in wanted]
    ended = run_all(chosen, int(os.environ.get("E2E_JOBS", "2")))
    late = [f for f, e in ended if isinstance(e, Late)]
    if late:
        print("late, so once more and alone: %s" % " ".join(f.__name__ for f in late), flush=True)
    failed = sum(e is not None and not isinstance(e, Late) for _, e in ended) + sum(run(f) is not None for f in late)
    failed += len(chosen) - len(ended)
    print("e2e: %d passed, %d failed" % (len(chosen) - failed, failed))
    return 1 if failed or not chosen else 0


sys.exit(main())
