#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs chaos scenarios and prints one table. Usage: run.py [--short] [--seed N] [--doc FILE] [NAME…]"""
import argparse
import os
import subprocess
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Skipped, World  # noqa: E402 - it puts the e2e tests on the path
from checks import HEAD, Figures  # noqa: E402
from harness import Failure  # noqa: E402
from scenarios import SCENARIOS, SHORT  # noqa: E402

BEGIN, END = "<!-- chaos: begin -->", "<!-- chaos: end -->"


def run_one(name, seed, short):
    course, options = SCENARIOS[name]
    options = dict(options)
    if short:
        options["fault_s"] = min(options.get("fault_s", 8), 5)
    try:
        w = World(name, seed, **options)
    except Skipped as e:
        f = Figures(name, seed)
        f.notes.append("skipped: %s" % e)
        return f
    try:
        w.begin()
        note = course(w)
        if note:
            w.figures.notes.insert(0, note)
        w.finish()
        w.after_checks()
    except Skipped as e:
        w.figures.notes.append("skipped: %s" % e)
    except Failure as e:
        w.figures.faults.append(str(e))
    except Exception:  # noqa: BLE001 - reported as this scenario's failure, the others still run
        w.figures.faults.append(traceback.format_exc())
    finally:
        w.close(show=bool(w.figures.faults))
    return w.figures


def markdown(rows):
    lines = ["| " + " | ".join(HEAD) + " |", "|---" * len(HEAD) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def plain(rows):
    table = [HEAD] + rows
    widths = [max(len(row[i]) for row in table) for i in range(len(HEAD) - 1)]
    return "\n".join("  ".join([cell.ljust(k) for cell, k in zip(row, widths)] + [row[-1]]) for row in table)


def revision():
    r = subprocess.run(["git", "describe", "--tags", "--always", "--dirty"], capture_output=True, text=True)
    return r.stdout.strip() or "unknown"


def write_doc(path, text):
    with open(path, encoding="utf-8") as f:
        page = f.read()
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    with open(path, "w", encoding="utf-8") as f:
        f.write(before + BEGIN + "\n" + text + "\n" + END + after)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--doc")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    unknown = set(args.names) - set(SCENARIOS)
    if unknown or args.list:
        print("\n".join(SCENARIOS))
        return 64 if unknown else 0
    names = args.names or (SHORT if args.short else list(SCENARIOS))
    began, all_figures = time.monotonic(), []
    for name in names:
        at = time.monotonic()
        f = run_one(name, args.seed, args.short)
        all_figures.append(f)
        verdict = "FAIL" if f.faults else "skip" if not f.jobs else "ok"
        print("%-4s  %-34s %5.1f s  %s" % (verdict, name, time.monotonic() - at, "; ".join(f.faults + f.notes)), flush=True)
    rows = [f.row() for f in all_figures]
    failed = [f for f in all_figures if f.faults]
    took = time.monotonic() - began
    print("\n" + plain(rows))
    print("\nchaos: %d scenarios in %.0f s, %d failed" % (len(rows), took, len(failed)))
    if args.doc and len(names) == len(SCENARIOS):
        head = "Revision %s, seed %d, %d scenarios in %.0f s, %d failed.\n\n" % (revision(), args.seed, len(rows), took, len(failed))
        write_doc(args.doc, head + markdown(rows))
    return 1 if failed else 0


sys.exit(main())
