# SPDX-License-Identifier: MIT
"""Calls as recorded against the vendor's list: every parameter is on it, its value has the listed
type, and what is required is there."""
import json
import os

VECTORS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "vectors")


def load():
    actions = {}
    for name in ("api-metadata.json", "api-later.json"):
        with open(os.path.join(VECTORS, name)) as f:
            for action, entry in json.load(f)["actions"].items():
                actions.setdefault(action, {}).update((p["name"], p) for p in entry["parameters"])
    return actions


ACTIONS = load()


def is_integer(text, bits):
    digits = text[1:] if text.startswith("-") else text
    return (digits.isascii() and digits.isdigit() and len(digits) <= 19
            and -1 << (bits - 1) <= int(text) < 1 << (bits - 1))


def is_double(text):
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False


def is_json(text):
    try:
        json.loads(text)
        return True
    except ValueError:
        return False


FITS = {
    "String": lambda v: True,
    "Struct": is_json,
    "Json": is_json,
    "Integer": lambda v: is_integer(v, 32),
    "Long": lambda v: is_integer(v, 64),
    "Boolean": lambda v: v in ("true", "false"),
    "Double": is_double,
}


def find(rows, name):
    """(row, list, index) of a name on the wire: "Title", "PushTask.3.Title" or
    "PushTask.3.Map.key". The row is None when the list does not have it."""
    head, dot, rest = name.partition(".")
    row = rows.get(head)
    if not row or not dot:
        return (None if row and row["type"] == "RepeatList" else row), None, 0
    if row["type"] == "Struct" and rest:
        return {"name": name, "type": "String"}, None, 0
    index, dot, field = rest.partition(".")
    if row["type"] != "RepeatList" or not is_integer(index, 32) or int(index) < 1 or index[0] == "0":
        return None, None, 0
    inner, _, _ = find({f["name"]: f for f in row["fields"]}, field)
    return inner, head, int(index)


def missing(rows, names, prefix=""):
    return ["%s%s is required" % (prefix, r["name"]) for r in rows
            if r["required"] and prefix + r["name"] not in names]


def problems(action, params):
    """What the vendor's list has against a call; params without the common ones."""
    rows = ACTIONS.get(action)
    if rows is None:
        return ["%s: no such action" % action]
    found, elements = [], {}
    for name, value in params.items():
        row, head, index = find(rows, name)
        if row is None:
            found.append("%s: not on the list" % name)
        elif value is None or not FITS[row["type"]](value):
            found.append("%s: not a value of type %s" % (name, row["type"]))
        if head:
            elements.setdefault(head, set()).add(index)
    for row in rows.values():
        if row["type"] != "RepeatList":
            continue
        given = elements.get(row["name"], set())
        if given != set(range(1, len(given) + 1)) or (row["required"] and not given):
            found.append("%s: elements must be 1, 2, …" % row["name"])
        for i in given:
            found += missing(row["fields"], params, "%s.%d." % (row["name"], i))
    return found + missing([r for r in rows.values() if r["type"] != "RepeatList"], params)
