#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every relative link of the pages leads somewhere: the file is there, and so is the heading.
Usage: doc_links.py PAGE…; prints what is wrong, exit 1 if anything is."""
import os
import re
import sys

FENCE = re.compile(r"^```.*?^```", re.S | re.M)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchors(page):
    """A heading's anchor: lower case, punctuation gone, blanks to hyphens; a second one of the same text gets -1."""
    found = {}
    with open(page, encoding="utf-8") as f:
        text = FENCE.sub("", f.read())
    for heading in re.findall(r"^#+ +(.*?) *#*$", text, re.M):
        slug = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()).replace(" ", "-")
        found[slug] = found.get(slug, -1) + 1
    return {s if i == 0 else "%s-%d" % (s, i) for s, n in found.items() for i in range(n + 1)}


def wrong_links(page):
    with open(page, encoding="utf-8") as f:
        text = FENCE.sub("", f.read())
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        path = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        if not os.path.exists(path):
            yield "%s: no file %s" % (page, target)
        elif anchor and path.endswith(".md") and anchor not in anchors(path):
            yield "%s: no heading %s" % (page, target)


wrong = [w for page in sys.argv[1:] for w in wrong_links(page)]
print("\n".join(wrong), end="\n" if wrong else "")
sys.exit(1 if wrong else 0)
