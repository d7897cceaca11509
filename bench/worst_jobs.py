#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the worst jobs cost, kind by kind (tests/cost/kinds.c): writes the table in docs/operations.md.

    worst_jobs.py PROGRAM [--print]

PROGRAM is build/release/cost/work. CPU time is the best of several runs in one process that does nothing else. Memory is
what the allocator has handed out for a job, its own bytes aside: when its calls are planned, and when what nobody needs any more has been freed.
"""
import pathlib
import subprocess
import sys

DOC = pathlib.Path("docs/operations.md")
BEGIN, END = "<!-- made by make worst-jobs -->", "<!-- worst jobs: end -->"
SMALL, LARGE = 64 * 1024 - 200, 1024 * 1024 - 300
HEAD = """| a job of | its end | CPU ms: 64 KiB | 1 MiB | its calls, and their CPU ms together: 64 KiB | memory while it is read: 64 KiB | 1 MiB | … and then: 64 KiB | 1 MiB | dead letter of one of 64 KiB |
|---|---|---|---|---|---|---|---|---|---|
"""


def run(program, *args):
    return subprocess.run([program, *map(str, args)], check=True, capture_output=True, text=True).stdout.strip()


def cost(program, kind, size):
    ms, calls_ms, calls, most, memory, letter, end = run(program, "cost", kind, size).split()
    return {"ms": float(ms), "calls_ms": float(calls_ms), "calls": int(calls), "most": int(most), "memory": int(memory), "letter": int(letter), "end": end}


def kib(n):
    return "%d kB" % round(n / 1000) if n < 999500 else "%.1f MB" % (n / 1e6)


def row(program, kind):
    small, large = cost(program, kind, SMALL), cost(program, kind, LARGE)
    calls = "%d: %.2f" % (small["calls"], small["calls_ms"]) if small["calls"] else "–"
    end = "sent" if small["end"] == "sent" else "`%s`" % small["end"]
    cells = [run(program, "what", kind), end, "%.1f" % small["ms"], "%.0f" % large["ms"], calls, kib(small["most"]), kib(large["most"]),
             kib(small["memory"]), kib(large["memory"]), kib(small["letter"])]
    return small["ms"], "| " + " | ".join(cells) + " |\n"


def main(program, option=None):
    rows = sorted((row(program, kind) for kind in run(program, "kinds").split()), key=lambda r: -r[0])
    table = HEAD + "".join(text for _, text in rows)
    if option == "--print":
        print(table, end="")
        return
    text = DOC.read_text()
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    DOC.write_text(before + BEGIN + "\n\n" + table + "\n" + END + after)


main(*sys.argv[1:])
