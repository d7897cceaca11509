# SPDX-License-Identifier: MIT
"""What somebody else can ask for or leave lying has a bound: waits, lists, names of workers."""
import json

from admin import Admin
from harness import K, Stage, wait_until
from scene import FAST, SHORT, alive, expect, scenario


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
        n = s.push(*[{"id": "j%d" % i, "code": "I10001", "school": "s%d" % i, "reply_to": "push:reply:all"} for i in range(60)])
        s.worker(**admin.env())
        s.wait_ended(n)

        def trimmed():
            return s.metrics("127.0.0.1:%d" % admin.port)["pushbridge_replies_trimmed_total"]
        wait_until(lambda: trimmed() >= n - 10, lambda: "what is over is dropped: %s" % trimmed())
        wait_until(lambda: s.redis("LLEN", "push:reply:all") == 10, "the newest stay")
        expect(s.redis("TTL", "push:reply:all") > 0, "and end")
        last = [json.loads(x)["id"] for x in s.redis("LRANGE", "push:reply:all", 0, -1)]
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
        s.redis("ZADD", K + ":workers", *[x for i in ids for x in (now - 3000000 + 250 * i - 1000, "host-%d-gone" % i)])
        s.redis("HSET", K + ":stat", *[x for i in ids for x in ("host-%d-gone" % i, words)])
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
        s.redis("DEL", K + ":inbox:host-5000-gone")  # its turn comes in some minutes
        n += s.push_many(50) - 1
        s.redis("RPUSH", "push:dead", *["{}"] * 3)
        admin = Admin()
        s.worker(PUSHBRIDGE_QUEUE_DEAD_WARN="2", **admin.env())
        wait_until(lambda: "event=dead_letters_many " in s.log(), "the alarm is raised")
        wait_until(lambda: s.metrics("127.0.0.1:%d" % admin.port)["pushbridge_queue_ready_jobs"] is not None, "the queue is measured")
        s.wait_ended(n + 3)
        s.redis("DEL", "push:dead")
        expect("event=queue_redis_error" not in s.log(), "no script is refused")
        s.settle(n)
