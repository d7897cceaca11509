#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Assertions of the tests in C name first what was found, then what was expected: none has a constant first and none second.
Usage: assert_order.py [--fix]"""
import glob
import re
import sys

CALL = re.compile(r"\bassert_(?:int|string|ptr|memory|float|cli_text)(?:_not)?(?:_equal)?\(")
CONSTANT = re.compile(r"""\s*(?:-?\d\w*|(?:"(?:[^"\\]|\\.)*"\s*)+|'(?:[^'\\]|\\.)+'|[A-Z][A-Z0-9_]+|true|false|sizeof \w+|-?\d+ [-+*] \d+)\s*$""")


def arguments(text, at):
    """(start, end) of each argument of the call whose parenthesis is behind at."""
    depth, quote, begin = 0, None, at
    while True:
        c = text[at]
        if quote:
            if c == "\\":
                at += 1
            elif c == quote:
                quote = None
        elif c in "\"'":
            quote = c
        elif c in "([{":
            depth += 1
        elif c in ")]}" and depth:
            depth -= 1
        elif c == "," and not depth or c == ")":
            yield begin, at
            if c == ")":
                return
            begin = at + 1
        at += 1


def turned_round(text):
    """Places of the first two arguments, where they are in the wrong order."""
    for call in CALL.finditer(text):
        spans = list(arguments(text, call.end()))
        if len(spans) < 2:
            continue
        first, second = (text[a:b] for a, b in spans[:2])
        if CONSTANT.match(first) and not CONSTANT.match(second):
            yield spans[:2]


failed = False
for path in sorted(glob.glob("tests/*/*.[ch]")):
    with open(path) as f:
        text = f.read()
    for (a, b), (c, d) in reversed(list(turned_round(text))):
        if "--fix" in sys.argv:
            text = text[:a] + text[c:d].strip() + ", " + text[a:b].strip() + text[d:]
        else:
            print("%s:%d: expected before found: %s" % (path, text.count("\n", 0, a) + 1, " ".join(text[a:d].split())))
            failed = True
    if "--fix" in sys.argv:
        with open(path, "w") as f:
            f.write(text)
sys.exit(failed)
