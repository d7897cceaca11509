# SPDX-License-Identifier: MIT
"""A producer that enqueues its ids once in each of two queues, while workers are killed."""
import collections

import wire
from admin import Admin
from coalesce import Crowd
from harness import Stage, wait_until
from scene import FAST, PATIENT, SHORT, expect, heavy, scenario, slow, tool
from topology import CalmClusterStage

QUEUES = (wire.QUEUE, "push:more")
IDS = 20


def window(**more):
    return dict(FAST, **SHORT, PUSHBRIDGE_QUEUE_NAMES=",".join(QUEUES), PUSHBRIDGE_QUEUE_DEDUP_S="900", **more)


def statuses(s):
    return collections.Counter(o["status"] for o in s.outcomes())


def by_id(crowd):
    """A job each for a phone, with an id; the same bytes each time."""
    return [crowd.job("only %d" % i, i, id="twice%d" % i) for i in range(IDS)]


def forget_in_all(s, p):
    """As if the time of a killed worker's leases and of its heartbeat were up, in both queues."""
    now = s.redis_ms()
    for k in ("{%s}" % q for q in QUEUES):
        for name in s.redis("ZRANGE", k + ":workers", 0, -1):
            if b"-%d-" % p.pid in name:
                s.redis("ZADD", k + ":workers", "XX", now - 1, name)
        flat = s.redis("HGETALL", k + ":batch")
        for name, head in zip(flat[::2], flat[1::2]):
            if b"-%d-" % p.pid in head:
                s.redis("ZADD", k + ":due", "XX", now, name)


def check_ids(s, crowd):
    expect(statuses(s) == {"sent": IDS, "duplicate": IDS} and not s.dead(), "%s, dead: %s" % (statuses(s), s.dead()[:1]))
    by = collections.Counter((o["id"], o["status"], len(o["pushes"])) for o in s.outcomes())
    expect(by == {("twice%d" % i, status, n): 1 for i in range(IDS) for status, n in (("sent", 1), ("duplicate", 0))}, by)
    crowd.received()
    counts = [s.counts(q) for q in QUEUES]
    expect(all(sum(c.values()) == c["sent"] + c["duplicate"] == IDS for c in counts), counts)
    s.no_duplicates()


def ids_in_two_queues(s):
    """Both queues are full before two workers start, so that each has one in work when the other does."""
    crowd = Crowd(s, IDS)
    jobs = by_id(crowd)
    for q in QUEUES:
        s.push(*jobs, queue=q)
    s.worker()
    s.worker()
    s.wait_ended(2 * IDS)
    check_ids(s, crowd)
    return len({o["pushes"][0]["message_id"] if "task" not in o["pushes"][0] else "shared" for o in s.outcomes() if o["pushes"]})


@scenario
def ids_in_two_queues_alone():
    with Stage(env=window(PUSHBRIDGE_PLAN_COALESCE="false")) as s:
        expect(ids_in_two_queues(s) == IDS, "a call each")


@scenario
def ids_in_two_queues_in_shared_calls():
    with Stage(env=window()) as s:
        expect(ids_in_two_queues(s) < IDS, "some share a call")


def kill_between(s, first):
    """Whoever has looked the ids up is killed with its calls out, before the twins come in the other queue (first) or after; another
    takes its jobs over, which are no duplicates of themselves."""
    crowd = Crowd(s, IDS)
    jobs = by_id(crowd)
    s.hold()
    for q in QUEUES[:1] if first else QUEUES:
        s.push(*jobs, queue=q)
    victim = s.worker(**PATIENT)
    wait_until(lambda: len(s.redis("KEYS", wire.SEEN + "default:*")) == IDS, "the ids are looked up")
    wait_until(lambda: first or statuses(s)["duplicate"] == IDS, "and their twins known")
    s.stop_holding(victim)
    s.kill(victim)
    if first:
        s.push(*jobs, queue=QUEUES[1])
    s.worker()
    wait_until(lambda: statuses(s)["duplicate"] == IDS, "the twins are known for what they are")
    s.clear_faults()
    wait_until(lambda: not s.record()["held"], "no call is held any more")
    forget_in_all(s, victim)
    s.wait_ended(2 * IDS)
    check_ids(s, crowd)
    expect(any(o["crashes"] for o in s.outcomes()), "some were taken over")


@scenario
def a_kill_between_twins_alone():
    for first in True, False:
        with Stage(env=window(PUSHBRIDGE_PLAN_COALESCE="false")) as s:
            kill_between(s, first)


@scenario
def a_kill_between_twins_in_shared_calls():
    for first in True, False:
        with Stage(env=window()) as s:
            kill_between(s, first)


@scenario
@slow
@heavy
def ids_in_slots_of_a_cluster():
    """Queues of several slots have no place in common: that is said, jobs with an id have calls of their own, and the provider knows
    their tokens. Queues of one slot have."""
    apart, together = ("push:jobs:0", "push:jobs:1"), ("{push:one}:a", "{push:one}:b")
    names = lambda queues: {"PUSHBRIDGE_QUEUE_NAMES": ",".join(queues)}  # noqa: E731
    with CalmClusterStage(tls=False, env=dict(FAST, **SHORT, PUSHBRIDGE_QUEUE_DEDUP_S="900")) as s:
        said = tool(s, "check", **names(apart))
        expect(said.returncode == 0 and b"warning: queue.dedup_s" in said.stdout, "check says so: %s" % said.stdout[-300:])
        expect(b"warning" not in tool(s, "check", **names(together)).stdout, "no word where there is none")
        s.seed(["%032d" % i for i in range(IDS)])
        outcomes = lambda q: s.outcomes(q + ":results" if q[0] == "{" else "{%s}:results" % q)  # noqa: E731

        def round_of(q, prefix, n):
            for i in range(IDS):
                s.push({"id": prefix + str(i), "message": "m", "target": {"device": ["%032d" % i]}}, queue=q)
            wait_until(lambda: len(outcomes(q)) == n, "%s: %d of %d" % (q, len(outcomes(q)), n))
            return collections.Counter(o["status"] for o in outcomes(q)[n - IDS:])
        s.worker(**names(apart))
        s.worker(**names(together))
        wait_until(lambda: "event=dedup_by_queue queues=2" in s.log(0), "the log says so")
        expect(round_of(apart[0], "x", IDS) == {"sent": IDS}, "the first")
        expect(round_of(apart[0], "x", 2 * IDS) == {"duplicate": IDS}, "a queue knows its own")
        expect(round_of(apart[1], "x", IDS) == {"sent": IDS}, "it does not know the other's")
        expect(s.record()["pushes"] == IDS and s.record()["suppressed"] == IDS, "but the provider knows the tokens: %s" % s.record())
        expect(all(o["pushes"][0].get("task") is None for q in apart for o in outcomes(q) if o["pushes"]), "none shares a call")
        expect(round_of(together[0], "y", IDS) == {"sent": IDS}, "in one slot: the first")
        expect(round_of(together[1], "y", IDS) == {"duplicate": IDS}, "in one slot: the other")
        expect("event=dedup_by_queue" not in s.log(1), "nothing to say")
        s.no_duplicates()
        s.no_denials()


@scenario
def ids_that_may_not_be_looked_up():
    """The ACL forbids the markers of ids: that queue is set aside and says so, another is served, and a worker ends."""
    one, other = wire.QUEUE, "push:more"
    rights = ["on", ">long-password", "+@all", "&*", "resetkeys"]
    with Stage(env=dict(FAST, PUSHBRIDGE_QUEUE_NAMES="%s,%s" % (one, other), PUSHBRIDGE_QUEUE_DEDUP_S="900")) as s:
        keys = [x for q in (one, other) for x in ("~" + q, "~{%s}:[a-rt-z]*" % q, "~{%s}:stat" % q)]
        s.redis("ACL", "SETUSER", "w", *rights, *keys, "~push:results", "~push:dead")
        url = {"PUSHBRIDGE_REDIS_URL": "redis://w:long-password@127.0.0.1:%d/0" % s.redis_port}
        admin = Admin()
        n = s.push_many(300)
        w = s.worker(**url, **admin.env())
        wait_until(lambda: admin.failing("queues", "seen: NOPERM"), "it is set aside")
        free = s.push(*[{"code": "I10001", "school": "s%d" % i} for i in range(200)], queue=other)
        wait_until(lambda: s.ended() == free, "the other queue is served: %d" % s.ended())
        expect(s.terminate(w) == 0, "it gives back what it could not look up: %s" % s.log()[-900:])
        s.worker(**url)
        s.redis("ACL", "SETUSER", "w", "~*")
        s.wait_ended(n + free)
        expect(statuses(s) == {"sent": n + free}, "each is sent: %s" % statuses(s))
        s.no_duplicates()
