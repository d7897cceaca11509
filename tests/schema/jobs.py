#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""docs/schema/job.schema.json against the parser: generated jobs, the hostile corpus and the documentation's
examples are refused by both or accepted by both. Where only the parser refuses, its words must be one of
BEYOND, which docs/producers.md lists too. Usage: jobs.py VERDICT-PROGRAM [SEED [JOBS]]"""
import collections
import glob
import itertools
import json
import os
import random
import re
import subprocess
import sys

import jsonschema

import cases

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# The parser's limit. Python's own differs from version to version, so its reader never gets more, and may go as deep.
NESTING = 2048
sys.setrecursionlimit(4 * NESTING)

NOT_ASCII = r"[^\x00-\x7f]|\\u"

# The parser's words → the row of docs/producers.md, and what the job must hold for it. A row that no job
# needs is an error, too.
BEYOND = [
    (r"^invalid_json: not JSON: (a NUL character|syntax error)", "NUL, or half a surrogate pair", r"\\u(0000|[dD][89a-fA-F])"),
    (r"^invalid_json: not JSON: a number out of range", "a number out of range", r'"(params|push|meta)"', r"\d[eE]\d{3}|\d{19}"),
    (r"^invalid_job: .*: member given twice$", "a member given twice"),
    (r"^invalid_job: [a-z_]+: a number with a fraction or exponent, must be ", "`1.0` or `1e2` where an integer is due", r"\d\.\d|\de[+\d]"),
    (r"^invalid_job: type: a number with a fraction or exponent, must be ", "`1.0` or `1e2` where an integer is due", r"\d\.\d|\de[+\d]"),
    (r"^invalid_job: (id|reply_to): \d+ bytes, at most ", "bytes of a text that is not ASCII", NOT_ASCII),
    (r"^invalid_target: target\.(account|alias): an id of \d+ bytes, at most ", "bytes of a text that is not ASCII", NOT_ASCII),
    (r"^invalid_job: meta: \d+ bytes of JSON, at most ", "bytes of `meta`"),
    (r"^invalid_job: (push_at|expire_at): not an RFC 3339 time", "29 February of a common year", "-02-29[Tt ]"),
    (r"^invalid_job: params, push, meta: at most \d+ numbers that are no plain integers$", "how many numbers are no plain integers", r"(1\.5, ){2000}"),
    (r"^invalid_target: target: takes \d+ calls, at most ", "how many calls the tags take"),
    (r"^invalid_target: target\.tag: more than \d+ tags in one expression", "how many tags an expression has"),
]


def load_schema():
    """`$` is the end of the text, as in ECMAScript; in Python it also stands before a last newline."""
    def patterns(node):
        if isinstance(node, dict):
            return {k: re.sub(r"\$$", r"\\Z", v) if k == "pattern" and isinstance(v, str) else patterns(v) for k, v in node.items()}
        return [patterns(v) for v in node] if isinstance(node, list) else node
    with open(os.path.join(ROOT, "docs", "schema", "job.schema.json")) as f:
        schema = json.load(f)
    jsonschema.Draft7Validator.check_schema(schema)
    return schema, jsonschema.Draft7Validator(patterns(schema))


def no_constant(word):
    raise ValueError(word)


def nesting(text):
    """How deep arrays and objects stand in each other, brackets within strings not counted."""
    brackets = re.findall(r"[][{}]", re.sub(r'"(?:[^"\\]|\\.)*"', "", text, flags=re.S))
    return max(itertools.accumulate((1 if b in "[{" else -1 for b in brackets), initial=0))


def schema_accepts(validator, data):
    """Bytes that a strict reader of JSON refuses never come to a schema, nor what is nested beyond the limit."""
    try:
        text = data.decode("utf-8")
        return nesting(text) <= NESTING and validator.is_valid(json.loads(text, parse_constant=no_constant))
    except ValueError:
        return False


def parser_verdicts(program, jobs):
    stdin = b"".join(b"%d\n%s" % (len(j), j) for j in jobs)
    done = subprocess.run([program], input=stdin, stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def hostile():
    for path in sorted(glob.glob(os.path.join(ROOT, "tests", "hostile", "*.json"))):
        with open(path, "rb") as f:
            yield f.read()


def documented(schema):
    """Whole jobs in the documentation: all of them are sound."""
    for job in schema["examples"]:
        yield json.dumps(job).encode()
    for path in ["README.md"] + sorted(glob.glob(os.path.join(ROOT, "docs", "*.md"))):
        with open(os.path.join(ROOT, path)) as f:
            text = f.read()
        for job in re.findall(r"RPUSH push:jobs '(\{.*?\})'", text) + re.findall(r"```json job\n(.*?)```", text, re.S):
            yield job.encode()


def beyond(job, verdict):
    """Which row says why no schema can refuse it, or None."""
    words = "%s: %s" % (verdict["reason"], verdict["text"])
    for pattern, row, *holds in BEYOND:
        if re.search(pattern, words, re.S) and all(re.search(h, job.decode("utf-8")) for h in holds):
            return row
    return None


def compare(validator, jobs, verdicts):
    """How often each row was needed, how many were refused and accepted by both, and what they differ on."""
    rows, agreed, differ = collections.Counter(), collections.Counter(), []
    for job, verdict in zip(jobs, verdicts):
        accepted = schema_accepts(validator, job)
        row = accepted and not verdict["ok"] and beyond(job, verdict)
        if accepted == verdict["ok"]:
            agreed["accepted" if accepted else "refused"] += 1
        elif row:
            rows[row] += 1
        else:
            differ.append("the schema %s, the parser says %s %s: %s" % (
                "accepts" if accepted else "refuses", verdict["reason"], verdict["text"], job[:300].decode("utf-8", "replace")))
    return rows, agreed, differ


def main(program, seed=1, n=6000):
    schema, validator = load_schema()
    examples = list(documented(schema))
    jobs = examples + list(hostile()) + list(cases.generated(random.Random(int(seed)), int(n)))
    verdicts = parser_verdicts(program, jobs)
    rows, agreed, differ = compare(validator, jobs, verdicts)
    if len(verdicts) != len(jobs):
        differ.append("%d jobs, %d verdicts" % (len(jobs), len(verdicts)))
    if len(examples) < 7 or not all(v["ok"] for v in verdicts[:len(examples)]):
        differ.append("%d documented jobs: %s" % (len(examples), [v["text"] for v in verdicts[:len(examples)] if not v["ok"]]))
    with open(os.path.join(ROOT, "docs", "producers.md")) as f:
        page = f.read()
    for row in dict.fromkeys(row for _, row, *_ in BEYOND):
        if not rows[row] or row not in page:
            differ.append("%s: %d jobs need it, %s in docs/producers.md" % (row, rows[row], "is" if row in page else "is not"))
    print("schema of a job: %d jobs accepted and %d refused by both, %d only by the parser (%s)" % (
        agreed["accepted"], agreed["refused"], sum(rows.values()), ", ".join("%s: %d" % x for x in rows.most_common())))
    print("".join("FAIL %s\n" % d for d in differ[:12]), end="")
    return 1 if differ or min(agreed["accepted"], agreed["refused"]) < int(n) / 5 else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
