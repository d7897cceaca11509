#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""End-to-end scenarios. Usage: run.py [NAME…]. Each ends with the conservation check and the
mock's count of pushes, repeats and wire calls."""
import concurrent.futures
import importlib
import os
import sys
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
