#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""docs/schema/outcome.schema.json against outcomes, one JSON object per line: each fits, has no member that
the schema does not tell of, and without any member that is always there it fits no more.
Usage: outcomes.py PROGRAM that writes them, or outcomes.py FILE"""
import copy
import json
import os
import subprocess
import sys

import jsonschema

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ALWAYS = ["id", "app", "code", "status", "pushes", "attempts", "crashes", "claimed_at", "done_at", "worker"]
PUSH = ["message_id", "request_id", "part"]
DEAD = ["reason", "maybe_sent", "error"]
ERROR = ["code", "message", "http_status", "request_id"]


def load():
    with open(os.path.join(ROOT, "docs", "schema", "outcome.schema.json")) as f:
        schema = json.load(f)
    jsonschema.Draft7Validator.check_schema(schema)
    return schema, jsonschema.Draft7Validator(schema)


def told_of(schema, status):
    """The members that the schema describes: of an outcome, of a push, of an error."""
    own = schema["oneOf"][status == "dead"]["properties"]
    error = schema["oneOf"][1]["properties"]["error"]["properties"]
    return set(schema["properties"]) | set(own), set(schema["properties"]["pushes"]["items"]["properties"]), set(error)


def unknown(schema, o):
    members, push, error = told_of(schema, o["status"])
    return (set(o) - members) | {k for p in o["pushes"] for k in set(p) - push} | (set(o.get("error", {})) - error)


def spoilt(o):
    """Copies that lack one member that is always there, or have what cannot be."""
    for name in ALWAYS + (DEAD if o["status"] == "dead" else []):
        yield {k: v for k, v in o.items() if k != name}
    for path, names in (("pushes", PUSH if o["pushes"] else []), ("error", ERROR if "error" in o else [])):
        for name in names:
            c = copy.deepcopy(o)
            del (c[path][0] if path == "pushes" else c[path])[name]
            yield c
    for name in ("call", "task") if "call" in o else ():
        yield {k: v for k, v in o.items() if k != name}
    if o["pushes"]:
        for wrong in (dict(task=-1), dict(task="0"), dict(app=""), dict(app=None)):
            yield dict(o, pushes=[dict(o["pushes"][0], **wrong)] + o["pushes"][1:])
    yield dict(o, status="done")
    yield {k: v for k, v in o.items() if k not in ("job", "job_b64", "job_ref")} if o["status"] == "dead" else dict(o, latency_ms=-1)
    yield dict(o, reason="unwell") if o["status"] == "dead" else dict(o, pushes=[] if o["pushes"] else [dict.fromkeys(PUSH, "x")])


def problems(schema, validator, o, spoil):
    found = [e.message for e in validator.iter_errors(o)] + ["%s: the schema is silent on it" % x for x in unknown(schema, o)]
    return found + ["fits: %s" % json.dumps(c) for c in (spoilt(o) if spoil else ()) if validator.is_valid(c)]


def main(source):
    schema, validator = load()
    if os.access(source, os.X_OK):
        lines = subprocess.run([source], stdout=subprocess.PIPE, check=True).stdout.splitlines()
    else:
        with open(source, "rb") as f:
            lines = f.read().splitlines()
    bad, kinds = 0, set()
    for i, line in enumerate(lines):
        o = json.loads(line)
        kinds.add(o.get("reason", o["status"]))
        found = problems(schema, validator, o, i % 37 == 0 or len(lines) < 1000)
        if found and bad < 5:
            print("FAIL %s: %s" % (line[:200].decode(), found[:3]))
        bad += bool(found)
    print("schema of an outcome: %d outcomes, %d kinds, %d bad" % (len(lines), len(kinds), bad))
    if len(kinds) != 12:
        print("FAIL not every kind: %s" % sorted(kinds))
    return 1 if bad or len(kinds) != 12 else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
