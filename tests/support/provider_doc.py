#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds docs/provider.md to the vendor's list and to the tests: each action and each parameter of Push
has its row, no row is unknown, and the test that a row names exists. Prints what is wrong.

usage: provider_doc.py [PAGE]
"""
import glob
import json
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def load(path):
    with open(os.path.join(ROOT, path)) as f:
        return f.read()


def vendor():
    actions = json.loads(load("tests/vectors/api-metadata.json"))["actions"]
    later = json.loads(load("tests/vectors/api-later.json"))["actions"]
    names = [p["name"] for d in (actions, later) for p in d["Push"]["parameters"]]
    return sorted(actions), sorted(names)


def rows(page, heading):
    """(name, reached by, test) of the table below a heading."""
    part = re.search(r"^## %s\n(.*?)(?=^## |\Z)" % re.escape(heading), page, re.M | re.S)
    found = []
    for line in part.group(1).splitlines() if part else []:
        cells = [c.strip() for c in line.strip().strip("|").split(" | ")]
        if line.startswith("| `") and len(cells) == 3:
            found.append((cells[0].strip("`"), cells[1], cells[2].strip("`")))
    return found


def test_exists(name):
    """"file: test", the file below tests/; "e2e: scenario"."""
    where, _, test = name.partition(": ")
    if not test:
        return False
    if where == "e2e":
        return any(re.search(r"^def %s\(" % re.escape(test), load(os.path.relpath(p, ROOT)), re.M)
                   for p in glob.glob(os.path.join(ROOT, "tests/e2e/*.py")))
    for folder in ("cli", "unit", "mock"):
        path = os.path.join(ROOT, "tests", folder, where)
        if os.path.exists(path):
            text = load(os.path.relpath(path, ROOT))
            mark = '@test "%s" {' % test if where.endswith(".bats") else "(%s" % test
            end = "" if where.endswith(".bats") else r"[,)]"
            return re.search("cmocka_unit_test[a-z_]*" * (not where.endswith(".bats")) + re.escape(mark) + end,
                             text) is not None
    return False


def compare(what, table, wanted):
    have = [row[0] for row in table]
    problems = ["%s %s has no row" % (what, n) for n in wanted if n not in have]
    problems += ["%s %s is not on the vendor's list" % (what, n) for n in have if n not in wanted]
    problems += ["%s %s has two rows" % (what, n) for n in sorted(set(have)) if have.count(n) > 1]
    for name, how, test in table:
        if not how:
            problems.append("%s %s: reached by nothing" % (what, name))
        if not test_exists(test):
            problems.append("%s %s: there is no test \"%s\"" % (what, name, test))
    return problems


def main(page):
    with open(page) as f:
        text = f.read()
    actions, params = vendor()
    problems = compare("action", rows(text, "Actions"), actions)
    problems += compare("parameter", rows(text, "Parameters of Push"), params)
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "docs/provider.md")))
