# SPDX-License-Identifier: MIT
"""What somebody else can ask for or leave lying has a bound: waits, lists, names of workers."""
import json

import wire
from admin import Admin
from harness import K, Stage, wait_until
from scene import FAST, SHORT, alive, expect, scenario, tool


@scenario
def a_retry_after_of_an_hour():
    """Two different calls are told to come back in an hour: the account rests for retry.hint_max_ms."""
    with Stage(env=dict(SHORT, **FAST, PUSHBRIDGE_RETRY_HINT_MAX_MS="300", PUSHBRIDGE_PLAN_COALESCE="false")) as s:
        admin = Admin()
        s.fault(kind="throttle", count=8, headers={"Retry-After": "3600"})
        n = s.push_many(20)
        s.worker(**admin.env())
        s.wait_ended(n)  # or it would take an hour
        expect(not s.dead(), s.dead()[:1])
        expect("event=retry_hint_cut asked_ms=3600000 to_ms=300 " in s.log(), "it is logged")
        metrics = s.metrics("127.0.0.1:%d" % admin.port)
        expect(metrics["pushbridge_provider_hints_cut_total"] == 8, "it is counted: %s" % metrics["pushbridge_provider_hints_cut_total"])
        s.settle(n)


@scenario
def a_reply_list_that_nobody_reads():
    with Stage(env=dict(SHORT, PUSHBRIDGE_REPLY_LIST_MAX="10")) as s:
        admin = Admin()
        n = s.push(*[{"id": "j%d" % i, "code": "I10001", "school": "s%d" % i, "reply_to": wire.REPLY + "all"} for i in range(60)])
        s.worker(**admin.env())
        s.wait_ended(n)

        def trimmed():
            return s.metrics("127.0.0.1:%d" % admin.port)["pushbridge_replies_trimmed_total"]
        wait_until(lambda: trimmed() >= n - 10, lambda: "what is over is dropped: %s" % trimmed())
        wait_until(lambda: s.redis("LLEN", wire.REPLY + "all") == 10, "the newest stay")
        expect(s.redis("TTL", wire.REPLY + "all") > 0, "and end")
        last = [json.loads(x)["id"] for x in s.redis("LRANGE", wire.REPLY + "all", 0, -1)]
        expect(last == [o["id"] for o in s.outcomes()][-10:], "these are the newest: %s" % last)
        alive(s)
        s.settle(n)


NAMES = 12000


def leave_names(s):
    """What a crash loop leaves within an hour; a job each in the inboxes of the oldest, of one in between and of the newest."""
    now = s.redis_ms()
    words = json.dumps({"started": now, "apps": ["default"], "filler": "x" * 200})
    for first in range(0, NAMES, 1000):
        ids = range(first, first + 1000)
        s.redis("ZADD", wire.WORKERS, *[x for i in ids for x in (now - 3000000 + 250 * i - 1000, "host-%d-gone" % i)])
        s.redis("HSET", wire.STAT, *[x for i in ids for x in ("host-%d-gone" % i, words)])
    for i in (0, 5000, NAMES - 1):
        s.redis("RPUSH", "%s:inbox:host-%d-gone" % (K, i), json.dumps({"id": "job%d" % i, "code": "I10001", "school": "s%d" % i}))
    return 3


@scenario
def twelve_thousand_names_of_workers():
    with Stage(env=SHORT) as s:
        n = leave_names(s)
        (row,) = [json.loads(x) for x in s.cli("queue", "ls", "--json").splitlines()]
        expect(row["inbox"] == n, "queue ls counts all inboxes: %s" % row)
        (q,) = json.loads(s.cli("stats", "--json"))["queues"]
        expect(q["workers_gone"] == NAMES and q["inbox"] == n, "stats too: %s" % q)
        s.redis("DEL", wire.INBOX + "host-5000-gone")  # its turn comes in some minutes
        n += s.push_many(50) - 1
        s.redis("RPUSH", wire.DEAD, *["{}"] * 3)
        admin = Admin()
        s.worker(PUSHBRIDGE_QUEUE_DEAD_WARN="2", **admin.env())
        wait_until(lambda: "event=dead_letters_many " in s.log(), "the alarm is raised")
        wait_until(lambda: s.metrics("127.0.0.1:%d" % admin.port)["pushbridge_queue_ready_jobs"] is not None, "the queue is measured")
        s.wait_ended(n + 3)
        s.redis("DEL", wire.DEAD)
        expect("event=queue_redis_error" not in s.log(), "no script is refused")
        s.settle(n)


NUMBERS = ("9223372036854775807", "-9223372036854775808", "99999999999999999999999", "-1", "0", "1e308", "-1e308", "1e999", "nan", "inf", "x")


def plant(s):
    """Each number in each place where workers and tools read one; jobs with each of them."""
    jobs = []
    for x in NUMBERS:
        v = x if x not in ("nan", "inf", "x") else '"%s"' % x
        for name in ("enqueued_at", "delay_s", "ttl_s", "type", "collapse_s"):
            jobs.append('{"code":"I10001","school":"s","%s":%s}' % (name, v))
        jobs.append('{"code":"I10001","school":"s","push":{"iOSBadge":%s}}' % v)
        jobs.append('{"code":"I10001","school":"s","params":{"n":%s},"meta":{"n":%s}}' % (v, v))
        letter = '{"id":"a","app":"default","status":"dead","reason":"expired","attempts":%s,"crashes":%s,"done_at":%s,"claimed_at":%s,' \
            '"error":{"code":null,"http_status":%s},"pushes":[],"job":"{}"}' % (v, v, v, v, v)
        s.redis("RPUSH", wire.DEAD, letter)
        s.redis("HSET", wire.STAT, "worker-" + x, '{"started":%s,"in_flight":%s,"sent":%s,"rate":%s,"dead":%s,"calls":%s}' % ((v,) * 6))
        s.redis("HSET", wire.COUNT, "sent", x, "dead", x, "delayed", x, "odd", x)
        s.redis("HSET", wire.FLOW, "odd@" + x, " ".join([x] * 7), "Push@key-" + x, " ".join([x] * 18))
        s.redis("HSET", wire.CONTROL, "rate:odd@" + x, x, "cool:odd@" + x, x, "pause:app-" + x, x, "circuit:app-" + x,
                "%s %s w %s %s why" % (x, x, x, x), "failed:app-" + x, "%s %s ab" % (x, x), "vote:app-" + x, "w %s" % x, "sent:app-" + x, x)
        if x not in ("x", "nan", "1e999"):
            s.redis("ZADD", wire.WORKERS, x, "worker-" + x)
    s.redis("HSET", wire.CONTROL, "circuit:default", "1000 9223372036854775807 - 0 9223372036854775807 why")
    s.redis("HSET", wire.CONTROL, "sent:default", "9e15", "v", "nan", "pause:*", "nan", "rate:egress@here", "nan")
    s.redis("HSET", wire.FLOW, "egress@here", "nan nan nan nan nan nan nan")
    s.redis("RPUSH", wire.QUEUE, *jobs)
    return len(jobs)


TOOLS = (("stats",), ("stats", "--json"), ("limit", "ls"), ("queue", "ls"), ("queue", "peek", "--limit", "9223372036854775807"), ("dead", "ls", "--limit", "9223372036854775807"),
         ("dead", "show", "a"), ("dead", "ls", "--json"))


@scenario
def numbers_that_nobody_can_reckon_with():
    with Stage(env=dict(SHORT, PUSHBRIDGE_LIMIT_EGRESS="here", PUSHBRIDGE_LIMIT_EGRESS_PER_S="1000")) as s:
        n = plant(s)
        for args in TOOLS:
            done = tool(s, *args)
            expect(done.returncode == 0 and b"runtime error" not in done.stdout, "%s: %d: %s" % (args, done.returncode, done.stdout[-2000:]))
        admin = Admin()
        s.worker(**admin.env())
        ended = lambda: s.redis("LLEN", wire.RESULTS) + s.redis("LLEN", wire.DEAD)  # noqa: E731
        wait_until(lambda: ended() >= n + len(NUMBERS) and not s.redis("HLEN", wire.MEMBER), "all jobs have ended")
        expect("event=limit_repaired " in s.log() and "event=limit_unreadable limit=egress@here value=nan" in s.log(), "what was repaired is said")
        expect(s.metrics("127.0.0.1:%d" % admin.port)["pushbridge_limiter_repaired_total"] > 0, "and counted")
        for args in TOOLS:
            done = tool(s, *args)
            expect(done.returncode == 0 and b"runtime error" not in done.stdout, "%s: %d: %s" % (args, done.returncode, done.stdout[-2000:]))
        expect(ended() == n + len(NUMBERS), "each job has one end")
        alive(s)
