#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws docs/walk.txt: writes the SVG to standard output.

Usage: walk-picture.py SOURCE >PICTURE

The source's own head says what its lines mean. Unknown lines are refused, and so are names of stages
that there are not.
"""
import sys
from html import escape

LEFT, WIDTH, HEIGHT, STEP, TOP = 190, 400, 62, 100, 64
RAIL = LEFT + WIDTH + 250  # where the exits go down
PAGE = RAIL + 30

STYLE = """
text { font: 13px sans-serif; fill: #1f2328; }
.title { font-size: 17px; font-weight: bold; }
.name { font-weight: bold; }
.file, .note { fill: #59636e; }
.page { fill: #ffffff; }
.box { fill: #eef4fb; stroke: #3d6fa5; }
.aside { fill: none; stroke: #8c959f; stroke-dasharray: 4 3; }
.line { fill: none; stroke: #3d6fa5; stroke-width: 1.4; }
.tip { fill: #3d6fa5; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .file, .note { fill: #a5b0bb; }
  .page { fill: #0d1117; }
  .box { fill: #16283c; stroke: #6ea3dc; }
  .line { stroke: #6ea3dc; }
  .tip { fill: #6ea3dc; }
}
"""


class Picture:
    """What the source says: stages in their order, and what leads from one to another."""

    def __init__(self, lines):
        self.title, self.stages, self.next = "", [], {}
        self.loops, self.exits, self.sides, self.into = [], [], [], None
        for n, line in enumerate(lines, 1):
            word, _, rest = line.strip().partition(" ")
            if word and not word.startswith("#"):
                self.read(n, word, [part.strip() for part in rest.split("|")])
        self.check()

    def read(self, n, word, parts):
        if word == "title":
            self.title = parts[0]
        elif word == "stage" and len(parts) == 4:
            self.stages.append(parts)
        elif word == "next":
            self.next[len(self.stages) - 1] = parts[0]
        elif word == "loop" and len(parts) == 2 and len(parts[0].split()) == 2:
            self.loops.append((*parts[0].split(), parts[1]))
        elif word == "exit" and len(parts) == 2:
            self.exits.append(parts)
        elif word == "side" and len(parts) == 2:
            self.sides.append(parts)
        elif word == "exits":
            self.into = parts[0]
        else:
            sys.exit(f"line {n}: not understood: {word}")

    def check(self):
        names = [stage[0] for stage in self.stages]
        used = [n for loop in self.loops for n in loop[:2]] + [n for n, _ in self.exits + self.sides]
        for name in used + ([self.into] if self.exits else []):
            if name not in names:
                sys.exit(f"there is no stage {name}")

    def top(self, name):
        return TOP + STEP * [stage[0] for stage in self.stages].index(name)


def text(x, y, words, kind="", anchor="start"):
    kind = f' class="{kind}"' if kind else ""
    return f'<text x="{x}" y="{y}"{kind} text-anchor="{anchor}">{escape(words)}</text>'


def line(*points):
    """Its last piece ends in a tip."""
    (x0, y0), (x, y) = points[-2:]
    path = "M" + " L".join(f"{px} {py}" for px, py in points)
    back = (x - 8 if x > x0 else x + 8, y)
    if x == x0:
        tip = f"{x},{y} {x - 4},{y - 8} {x + 4},{y - 8}"
    else:
        tip = f"{x},{y} {back[0]},{y - 4} {back[0]},{y + 4}"
    return f'<path class="line" d="{path}"/><polygon class="tip" points="{tip}"/>'


def stages(p):
    for i, (_, functions, file, what) in enumerate(p.stages):
        y, middle = TOP + STEP * i, LEFT + WIDTH // 2
        yield f'<rect class="box" x="{LEFT}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
        yield text(LEFT + 12, y + 22, functions, "name")
        yield text(LEFT + WIDTH - 12, y + 22, file, "file", "end")
        yield text(LEFT + 12, y + 46, what)
        if i + 1 < len(p.stages) or i in p.next:
            yield line((middle, y + HEIGHT), (middle, y + STEP))
            yield text(middle + 10, y + HEIGHT + 23, p.next.get(i, ""), "note")


def loops(p):
    """Back up on the left: a stage's own loop is narrow, its label before it; others go around that."""
    for start, end, label in p.loops:
        low, high, own = p.top(start), p.top(end), start == end
        out = LEFT - (18 if own else 150)
        below, above = (low + 48, low + 34) if own else (low + 30, high + 16)
        yield line((LEFT, below), (out, below), (out, above), (LEFT, above))
        head, mark, rest = label.partition(":" if own else ",")
        x, y, anchor = (out - 6, above + 8, "end") if own else (out + 8, (below + above) // 2, "start")
        yield text(x, y, head + mark, "note", anchor)
        yield text(x, y + 17, rest.strip(), "note", anchor)


def exits(p):
    right = LEFT + WIDTH
    into = p.top(p.into) + HEIGHT // 2 if p.exits else 0
    for name, label in p.exits:
        y = p.top(name) + HEIGHT // 2
        yield f'<path class="line" d="M{right} {y} H{RAIL} V{into}"/>'
        yield text(right + 10, y - 6, label, "note")
    if p.exits:
        yield line((RAIL, into), (right, into))


def sides(p):
    for name, label in p.sides:
        y, x = p.top(name), LEFT + WIDTH + 14
        head, _, rest = label.partition(": ")
        yield f'<rect class="aside" x="{x}" y="{y + 6}" width="{RAIL - x - 14}" height="50" rx="6"/>'
        yield text(x + 10, y + 26, head + ":", "note")
        yield text(x + 10, y + 45, rest, "note")


def main():
    with open(sys.argv[1], encoding="utf-8") as source:
        p = Picture(source)
    height = TOP + STEP * len(p.stages) + 14
    last = LEFT + WIDTH // 2
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{PAGE}" height="{height}" viewBox="0 0 {PAGE} {height}" role="img">')
    print(f"<title>{escape(p.title)}</title><style>{STYLE}</style>")
    print(f'<rect class="page" width="{PAGE}" height="{height}" rx="8"/>')
    print(text(last, 36, p.title, "title", "middle"))
    for part in (*stages(p), *exits(p), *sides(p), *loops(p)):
        print(part)
    print("</svg>")


if __name__ == "__main__":
    main()
