#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts the instructions that a job of each kind costs (tests/cost/kinds.c), a claim, and a server's text: no load of the
machine changes them.

    run.py PROGRAM [--large]

Two things must hold: twice the bytes cost at most GROWTH times the instructions (--large: up to 1 MiB), and nothing of 64 KiB
costs more than LIMIT, which is 5 ms of a processor that does nine of them in a nanosecond.
"""
import collections
import pathlib
import re
import subprocess
import sys
import tempfile

SIZES = [32 * 1024, 64 * 1024]
LARGE = 1024 * 1024
LIMIT = 45_000_000
GROWTH = 2.5


def counts(program, sizes):
    """{kind: [(bytes, instructions), …]}: callgrind writes a file each time that it leaves work_step()."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", "--toggle-collect=work_step", "--dump-after=work_step",
             f"--callgrind-out-file={folder}/out", "--log-file=/dev/null", program, "steps", *map(str, sizes)],
            check=True, capture_output=True, text=True)
        found = collections.defaultdict(list)
        for n, line in enumerate(done.stdout.split("\n")[:-1], 1):
            kind, size = line.split()
            text = pathlib.Path(f"{folder}/out.{n}").read_text()
            found[kind].append((int(size), int(re.search(r"^(?:totals|summary): (\d+)", text, re.M).group(1))))
        return found


def faults(costs):
    _, (size, cost) = costs[:2]
    if cost > LIMIT:
        yield f"{cost:,} instructions for {size:,} bytes, at most {LIMIT:,}"
    for (size, cost), (larger, more) in zip(costs, costs[1:]):
        if more * size > GROWTH / 2 * larger * cost:
            yield f"{cost:,} instructions for {size:,} bytes, {more:,} for {larger:,}"


def main(program, large=None):
    bad = 0
    print(f"{'':20} millions of instructions")
    for kind, costs in counts(program, SIZES + [LARGE] * bool(large)).items():
        wrong = list(faults(costs))
        bad += bool(wrong)
        print(f"{'not ok' if wrong else 'ok':6} {kind:13}" + "".join(f"{cost / 1e6:9.2f}" for _, cost in costs))
        for text in wrong:
            print(f"       {kind}: {text}")
    return 1 if bad else 0


sys.exit(main(*sys.argv[1:]))
