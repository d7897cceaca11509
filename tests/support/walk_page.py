#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/walk.md against the sources: prints what is not so, and fails then.

Usage: walk_page.py [PAGE [PICTURE'S SOURCE [SRC]]]

Each function named, `name()`, is defined in the last file named before it, `room/name.c`, or in the
one that it is said to be of: `name()` of `room/name.c`. Together the list's files are at most 9 and
2,000 lines. What they call is defined in one of them, or in a file of the table of what can be
believed: `room/name.c` in its first column, or a whole room. The picture's stages have functions of their files.
"""
import pathlib
import re
import sys

FILES_MAX, LINES_MAX = 9, 2000
DEFINED = re.compile(r"^(?!typedef|static_assert)[a-z_][\w \*]*?\b(\w+)\(", re.M)
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
TEXT = re.compile(r'"(?:\\.|[^"\\])*"')


def code_of(path):
    return TEXT.sub('""', COMMENT.sub("", path.read_text()))


def defined_in(path, public=False):
    """Names of the functions that have a body there; public: that others can call."""
    if not path.exists():
        return set()
    text, names = code_of(path), set()
    for found in DEFINED.finditer(text):
        body = text.find("{", found.end())
        end = text.find(";", found.end())
        if public and found.group(0).startswith("static "):
            continue
        if body >= 0 and (end < 0 or body < end):
            names.add(found.group(1))
    return names


def named(page):
    """(line, file, function or None) for each name on the page."""
    file = None
    names = re.compile(r"`(?:([a-z_]+(?:/[a-z_]+)*\.c)|(\w+)\(\))`(?:\s+of\s+`([a-z_]+(?:/[a-z_]+)*\.c)`)?")
    for found in names.finditer(page):
        new = found.group(1) or found.group(3)
        line = page.count("\n", 0, found.start()) + 1
        if new:
            file = new
            yield line, file, None
        if found.group(2):
            yield line, file, found.group(2)


def wrong_names(page, src):
    for n, file, function in named(page):
        if file is None:
            yield f"line {n}: {function}() stands before any file"
        elif function is None and not (src / file).exists():
            yield f"line {n}: there is no {file}"
        elif function and function not in defined_in(src / file):
            yield f"line {n}: {function}() is not defined in {file}"


def section(page, title):
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", page, re.M | re.S)
    return found.group(1) if found else ""


def listed(page):
    return re.findall(r"^\d+\. `([a-z_/]+\.c)`", section(page, "The reading list"), re.M)


def believed(page):
    """Files, and rooms where a name ends in no .c."""
    first = re.findall(r"^\| (`[^|]*) \|", section(page, "What can be believed by its name"), re.M)
    return {name for cell in first for name in re.findall(r"`([^`]+)`", cell)}


def wrong_sizes(files, src):
    lines = sum(len((src / f).read_text().splitlines()) for f in files if (src / f).exists())
    if not 0 < len(files) <= FILES_MAX:
        yield f"{len(files)} files, at most {FILES_MAX}"
    if lines > LINES_MAX:
        yield f"{lines} lines, at most {LINES_MAX}"


def wrong_calls(files, trusted, src):
    """Calls out of the list to what the page does not tell of, and what it tells of in vain."""
    where = {}
    for path in src.rglob("*.c"):
        name = str(path.relative_to(src))
        if name.split("/")[0] not in ("mock", "cli"):
            for function in defined_in(path, public=True):
                where.setdefault(function, set()).add(name)
    used = set()
    for file in files:
        own = defined_in(src / file)
        for function in sorted(set(re.findall(r"(?<![.>\w])(\w+)\b", code_of(src / file))) - own):
            homes = where.get(function, set())
            if not homes or homes & set(files):
                continue
            hit = {t for h in homes for t in (h, h.split("/")[0]) if t in trusted}
            used |= hit
            if not hit:
                yield f"{file} uses {function}() of {' or '.join(sorted(homes))}, which the page does not tell of"
    for name in sorted(trusted - used):
        yield f"{name} is told of, and nothing of it is used"


def wrong_stages(picture, src):
    for functions, files in re.findall(r"^stage [^|]*\| ([^|]*) \| ([^|]*) \|", picture, re.M):
        room, _, names = files.partition("/")
        there = set().union(*(defined_in(src / room / name) for name in names.split(", ")))
        for function in re.findall(r"(\w+)\(\)", functions):
            if function not in there:
                yield f"the picture: {function}() is not defined in {files}"


def main():
    page = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "docs/walk.md").read_text()
    picture = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "docs/walk.txt").read_text()
    src = pathlib.Path(sys.argv[3] if len(sys.argv) > 3 else "src")
    files = listed(page)
    wrong = [*wrong_names(page, src), *wrong_sizes(files, src), *wrong_stages(picture, src)]
    if not wrong:
        wrong = [*wrong_calls(files, believed(page), src)]
    print("\n".join(wrong), end="\n" if wrong else "")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
