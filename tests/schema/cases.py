# SPDX-License-Identifier: MIT
"""Jobs for jobs.py: sound ones, and the same with something changed. The same seed, the same jobs."""
import itertools
import json
import os

TIMES = ["2026-01-02T03:04:05Z", "2026-01-02t03:04:05.123456z", "2026-12-31 23:59:59+08:00", "1970-01-01T00:00:00-23:59",
         "9999-12-31T23:59:59Z", "2024-02-29T00:00:00Z", "2026-01-02T03:04Z", "2026-01-02T03:04+08:00", "2026-01-02T03:04:05+0800",
         "2026-01-02T03:04:05.5-08", "2026-01-02 03:04+08"]
BAD_TIMES = ["2026-01-02T03:04:05", "2026-02-29T00:00:00Z", "2026-02-30T00:00:00Z", "2026-04-31T00:00:00Z", "1969-12-31T23:59:59Z",
             "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-32T00:00:00Z", "2026-01-01T24:00:00Z",
             "2026-01-01T23:60:00Z", "2026-06-30T23:59:60Z", "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05+24:00", "2026-01-02T03:04",
             "2026-01-02T03:04:05+08:60", "2026-01-02T03:04:05+080", "2026-01-02T03:04:05+8", "2026-01-02T03:04.5Z", "2026-01-02T03:04:Z", "2026-1-2T03:04:05Z", " 2026-01-02T03:04:05Z", "20260102T030405Z",
             "2026-01-02T03:04:05Z ", "2026-01-02T03:04:05Z\n", "2026-01-02T03:04:05 CET", "tomorrow", ""]
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACES = [TRACE, TRACE.upper(), TRACE + "0", "01" + TRACE[2:], TRACE[:-1], TRACE.replace("-", "_"), TRACE[:-1] + "g"]
WILD = [None, True, False, 0, 1, -1, 2, 3, 2 ** 63 - 1, 2 ** 63, 2 ** 64 - 1, 2 ** 64, -2 ** 63, 10 ** 30, 0.0, 1.0, 1.5, 1e300, "", "0", "a", "a,b", "号",
        "message", "functional", [], [""], ["a"], ["a", 1], [["a"]], [None], ["a", "a", "b,c"], {}, {"a": 1}, {"tag": "a"}, {"device": ["d"]}]
RESERVED = ["AppKey", "Target", "TargetValue", "IdempotentToken", "JobKey", "PushTime", "ExpireTime", "Action", "Version",
            "AccessKeyId", "Timestamp", "Format", "RegionId", "SecurityToken", "Signature", "SignatureNonce", "SignatureMethod",
            "SignatureVersion", "SignatureAnything"]


def known_parameters():
    path = os.path.join(os.path.dirname(__file__), "..", "vectors", "api-metadata.json")
    with open(path) as f:
        return [p["name"] for p in json.load(f)["actions"]["Push"]["parameters"]]


PARAMETERS = known_parameters() + RESERVED + [n.lower() for n in RESERVED] + ["", "Signatur", "XSignature", "Nonsense"]


def texts(r, length):
    """Names around a limit, of one byte a character or of three."""
    n = max(0, length + r.choice([-1, 0, 0, 1, -length + 1, -length // 2]))
    return r.choice(["x", "x", "号"]) * n


def names(r, most, limit=128):
    return ["%s%d" % (r.choice(["t", "号", "t", texts(r, limit - 3)]), r.randrange(most + 3)) for _ in range(r.randint(0, most))]


def expression(r, depth=0):
    """Sound more often than not, near every limit now and then."""
    kind = r.choice(["tag", "tag", "not", "and", "or", "and", "or"] if depth < 3 else ["tag", "not"])
    if kind == "tag":
        return {"tag": r.choice(["a", "b", texts(r, 128), "号", "a,b"]) if r.random() < 0.97 else r.choice(WILD)}
    if kind == "not":
        return {"not": {"tag": "n"} if r.random() < 0.9 else expression(r, depth + 1)}
    operands = [expression(r, depth + r.choice([1, 1, 2])) for _ in range(r.choice([0, 1, 2, 3, 10, 11]) if r.random() < 0.3 else 2)]
    node = {kind: operands if r.random() < 0.97 else r.choice(WILD)}
    if r.random() < 0.02:
        node[r.choice(["xor", "AND", "tag", "or"])] = "a"
    return node


TAG = {"tag": "a"}
NODES = [{}, {"tag": "a", "not": TAG}, {"tag": "a", "or": [TAG]}, {"tag": "a", "x": 1}, {"not": TAG, "x": 1}, {"not": dict(TAG, x=1)}, {"not": {}},
         {"not": {"or": [TAG]}}, {"and": [TAG], "or": [TAG]}, {"and": []}, {"and": [{"not": TAG}]}, {"and": [TAG] * 10}, {"and": [TAG] * 11},
         {"or": TAG}, {"xor": [TAG]}, {"and": [TAG, {"not": TAG}]}, "a", [], None, TAG, {"not": TAG}]


def nested():
    """Each of NODES where an expression, an operand, and an operand's operand stand."""
    for node in NODES:
        for expr in (node, {"and": [node]}, {"or": [TAG, node]}, {"and": [{"or": [node]}]}, {"or": [TAG, {"and": [TAG, node]}]},
                     {"or": [{"or": [{"or": [node]}]}]}):
            yield {"code": "c", "target": {"tag": expr}}


def near_limits():
    for letter in ("x", "号"):
        for text in (letter * n for n in (42, 43, 63, 64, 65, 85, 86, 127, 128, 129, 244, 245, 246)):
            yield {"code": "c", "school": text}
            yield {"code": "c", "tags": ["t", text]}
            yield {"code": "c", "tags": [text], "school": text, "target": {"all": True}}
            yield {"code": "c", "school": "s", "id": text}
            yield {"code": "c", "school": "s", "reply_to": "push:reply:" + text}
            for kind in ("device", "account", "alias", "tag"):
                yield {"code": "c", "target": {kind: text if kind == "tag" else ["t", text]}}
            yield {"code": "c", "target": {"tag": {"or": [TAG, {"not": {"tag": text}}]}}}


def balanced(r, leaves):
    return {"or": [{"or": [{"tag": "t%d" % (i * 10 + j)} for j in range(r.choice([leaves, 10]))]} for i in range(5)] + [{"tag": "z"}] * r.choice([0, 1])}


def device(r):
    """A device's id, as it is or with blanks around it, or nearly one."""
    sound = "".join(r.choice("0123456789abcdefz") for _ in range(32))
    return r.choice([sound, sound, sound, " " + sound, sound + "\n", "\t" + sound + " \r\n", sound.upper(), sound[1:], sound + "0", sound[:-1] + "-",
                     sound + "\u3000", sound[:16] + " " + sound[17:], sound + "\v"])


def target(r):
    kind = r.choice(["device", "account", "alias", "tag", "tag", "tag", "all"])
    if kind == "tag":
        return {"tag": r.choice([expression, expression, lambda r: texts(r, 128), lambda r: balanced(r, 10)])(r)}
    if kind == "all":
        return {"all": r.choice([True, True, True, False, 1])}
    ids = [device(r) if kind == "device" else texts(r, 64 if kind == "account" else 128) for _ in range(r.randint(1, 3))]
    return {kind: ids if r.random() < 0.9 else r.choice([[], ["a,b"], ["a", ""], "a"])}


MEMBERS = {
    "type": lambda r: r.choice([0, 1, "message", "functional"]),
    "tags": lambda r: names(r, 12) or ["t"],
    "id": lambda r: texts(r, 128),
    "app": lambda r: r.choice(["default", "other", ""]),
    "params": lambda r: {"p%d" % i: r.choice(WILD) if r.random() < 0.1 else r.choice([1, "x", None, 1.5, True, -0.0]) for i in range(r.randint(0, 3))},
    "locale": lambda r: r.choice(["zh-CN", "", "zh"]),
    "target": target,
    "push": lambda r: {r.choice(PARAMETERS): r.choice(["MESSAGE", 1, {"a": [1]}, None]) for _ in range(r.randint(0, 2))},
    "delay_s": lambda r: r.choice([0, 1, 604799, 604800, 604801, -1]),
    "push_at": lambda r: r.choice(TIMES + BAD_TIMES) if r.random() < 0.3 else r.choice(TIMES),
    "ttl_s": lambda r: r.choice([0, 1, 86400, 2591999, 2592000, 2592001]),
    "expire_at": lambda r: r.choice(TIMES + BAD_TIMES) if r.random() < 0.3 else r.choice(TIMES),
    "enqueued_at": lambda r: r.choice([0, 1, -1, 1780000000000, 2 ** 63 - 1, 2 ** 63, 1780000000000.5, -0.25, -0.0, 1e18, 1e19, 9.3e18,
                                       "1780000000000", "1780000000000.123", "1780000000000.", "-1", "9" * 15, "9" * 16, "1e3", " 1", "1 ", "1.5.5"]),
    "reply_to": lambda r: r.choice(["push:reply:" + texts(r, 245), "push:reply:", "push:reply", "other:list", "x push:reply:"]),
    "meta": lambda r: r.choice([{}, {"k": [1, {"d": None}]}, {"k": "x" * r.choice([1015, 1016, 1017, 1018])}]),
    "traceparent": lambda r: r.choice(TRACES) if r.random() < 0.3 else TRACE,
    "school": lambda r: texts(r, 128) if r.random() < 0.3 else "s",
    "title": lambda r: r.choice(["", "Hello"]),
    "code": lambda r: r.choice(["I10001", "x"]),
    "message": lambda r: r.choice(["", "Hello 号"]),
}


def sound(r):
    """A job that is accepted, unless one of its values lies beyond a limit."""
    job = {"code": "I10001"} if r.random() < 0.5 else {"message": "Hello"}
    if "message" in job and r.random() < 0.3:
        job["title"] = "T"
    audience = r.choice(["school", "tags", "both", "target"])
    if audience == "target":
        job["target"] = target(r)
    if audience in ("school", "both"):
        job["school"] = MEMBERS["school"](r)
    if audience in ("tags", "both"):
        job["tags"] = MEMBERS["tags"](r)
    for name in r.sample(sorted(set(MEMBERS) - {"target", "school", "title", "code", "message"}), r.choice([0, 1, 1, 2, 4])):
        job[name] = MEMBERS[name](r)
    return job


def change(r, job):
    """One thing about it is otherwise."""
    how = r.choice(["nothing", "nothing", "wild", "wild", "wild", "drop", "add", "null", "unknown", "twice"])
    if how == "wild":
        job[r.choice(sorted(MEMBERS))] = r.choice(WILD)
    elif how == "drop" and job:
        del job[r.choice(sorted(job))]
    elif how == "add":
        name = r.choice(sorted(MEMBERS))
        job[name] = MEMBERS[name](r)
    elif how == "null":
        name = r.choice(["target", r.choice(sorted(MEMBERS))])
        if isinstance(job.get(name), dict) and r.random() < 0.7:
            job[name][r.choice(["device", "alias", "tag", "all", "JobKey", "Sound"])] = None
        else:
            job[name] = None
    elif how == "unknown":
        job[r.choice(["Code", "colour", "", "ID", "schoöl", "delay", "__proto__"])] = r.choice(WILD)
    text = json.dumps(job, ensure_ascii=r.random() < 0.5)
    if how == "twice" and job:
        name = r.choice(sorted(job))
        text = text[:-1] + ", %s: %s}" % (json.dumps(name), json.dumps(job[name]))
    return text.encode()


def generated(r, n):
    """Every wild value in every member's place, then what lies at the limits, n changed jobs, and the long ones."""
    for name in sorted(MEMBERS):
        for value in WILD:
            yield json.dumps(dict({"code": "c", "school": "s"}, **{name: value})).encode()
            yield json.dumps(dict({"message": "m", "target": {"all": True}}, **{name: value})).encode()
    for name in PARAMETERS:
        yield json.dumps({"code": "c", "school": "s", "push": {name: 1}}).encode()
    for kind in ("device", "account", "alias", "tag", "all", "other"):
        for value in WILD:
            yield json.dumps({"code": "c", "target": {kind: value}}).encode()
    for job in itertools.chain(nested(), near_limits()):
        yield json.dumps(job).encode()
    for _ in range(n):
        yield change(r, sound(r))
    for count in (640, 641, 3200, 3201, 10000, 10001):
        for audience in ({}, {"school": "s"}, {"target": {"all": True}}):
            yield json.dumps(dict(audience, code="c", tags=["t%d" % i for i in range(count)])).encode()
    for count in (2000, 2001):
        yield json.dumps({"code": "c", "school": "s", "push": {"X": [1.5] * count}}).encode()
    for count in (64000, 64001):
        yield json.dumps({"code": "c", "target": {"alias": ["t%d" % i for i in range(count)]}}).encode()
    for value in WILD + ["text", 42]:
        yield json.dumps(value).encode()
