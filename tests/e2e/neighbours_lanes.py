# SPDX-License-Identifier: MIT
"""Queues, removed apps and workers beside each other: one's trouble stays one's own."""
import itertools
import json
import os
import random
import resource
import signal
import socket
import subprocess
import threading

import shards
import wire
from admin import Admin
from harness import BIN, Stage, free_port, wait_until
from reload import File, hup
from scene import FAST, PATIENT, SHORT, calls, expect, heavy, scenario, slow, wait_idle
from topology import CalmClusterStage, ClusterStage, slot_of

A, B = "push:a", "push:b"
TWO = dict(FAST, **SHORT, PUSHBRIDGE_QUEUE_NAMES="%s,%s" % (A, B), PUSHBRIDGE_QUEUE_RESULTS="{%q}:results",
           PUSHBRIDGE_QUEUE_DEAD="{%q}:dead")


def sent(s, queue):
    return s.redis("HGET", "{%s}:count" % queue, "sent") or b"0"


def push_and_wait(s, queue, total, n, what):
    """n more jobs to the queue, which has sent total before; the new total."""
    s.push_many(n, "%s-%d-" % (queue[-1], total), queue=queue)
    wait_until(lambda: int(sent(s, queue)) == total + n, "%s: %s sends all its %d jobs" % (what, queue, n))
    return total + n


def one_outcome_each(s, queue, n):
    ids = [o["id"] for o in s.outcomes("{%s}:results" % queue)]
    expect(len(ids) == len(set(ids)) == n and not s.outcomes("{%s}:dead" % queue), "%s: one outcome each, %d of %d" % (queue, len(ids), n))
    left = {k: v for k, v in s.counts(queue).items() if k != "sent" and v}
    expect(not left, "%s: nothing left: %s" % (queue, left))


# In one step: a heartbeat in between would make the key anew.
SPOIL = """
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('RENAME', KEYS[1], KEYS[2]) end
return redis.call(unpack(ARGV))
"""
MEND = """
redis.call('DEL', KEYS[1])
if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('RENAME', KEYS[2], KEYS[1]) end
"""


def spoil(s, key):
    """Somebody wrote another type there; what was there comes back with the returned function."""
    wrong = ["HSET", key, "x", "y"] if key.endswith(":apps") else ["SADD", key, "x"]
    s.redis("EVAL", SPOIL, 2, key, "kept:" + key, *wrong)
    return lambda: s.redis("EVAL", MEND, 2, key, "kept:" + key)


def set_aside(a, queue):
    return a.failing("queues", "queue=" + queue)


def shown_by_stats(s, a, key):
    first, second = json.loads(a.get("/stats")[1])["queues"]
    expect(first["aside"] and second["aside"] is None, "/stats: %s %s" % (first, second))
    def says_so():
        queues = {q["queue"]: q for q in json.loads(s.cli("stats", "--json"))["queues"]}
        return "refused" not in queues[B] and any(A in w.get("aside", {}) for w in queues[B]["workers"])
    wait_until(says_so, "stats for " + key)  # with its next heartbeat
    expect(a.families()["pushbridge_queue_aside"].value(queue=A) == 1, "the metric")


def keys_of(s, queue):
    """Each key that serving the queue needs, one of a kind."""
    inbox, = [w.decode() for w in s.redis("ZRANGE", "{%s}:workers" % queue, 0, -1)]
    kinds = ["due", "batch", "member", "inbox:" + inbox, "count", "workers", "run", "oversize", "parked:default", "apps", "stat", "results", "dead"]
    return [queue] + ["{%s}:%s" % (queue, k) for k in kinds]


def broken_queue(**env):
    with Stage(env=dict(TWO, **env)) as s:
        a = Admin()
        s.worker(**a.env())
        a.wait_ready()
        s.redis("SADD", "{%s}:apps" % A, "default")
        na, nb = push_and_wait(s, A, 0, 1, "well"), push_and_wait(s, B, 0, 1, "well")
        for key in keys_of(s, A):
            mend = spoil(s, key)
            if key != A:
                s.push_many(20, "a-%s-" % key, queue=A)
            wait_until(lambda: set_aside(a, A), "set aside for " + key)
            nb = push_and_wait(s, B, nb, 50, key)
            shown_by_stats(s, a, key)
            expect(set_aside(a, A) and a.ready()[1]["checks"]["watchdog"] == "ok", "still aside, and nothing else is wrong: %s" % a.ready()[1])
            mend()
            na += 20 if key != A else 0
            wait_until(lambda: int(sent(s, A)) == na, "%s is back after %s (%s of %d)" % (A, key, sent(s, A), na))
            a.wait_ready()
        log = s.log()
        expect(log.count("event=queue_aside queue=%s " % A) == log.count("event=queue_back queue=%s " % A) <= 40, "said on transitions")
        expect("queue=%s" % B not in "".join(x for x in log.splitlines() if "queue_aside" in x), "the other never")
        expect(a.families()["pushbridge_watchdog_drops_total"].value() == 0, "nothing to do for the watchdog")
        s.no_duplicates()
        one_outcome_each(s, A, na)
        one_outcome_each(s, B, nb)
        return "%d kinds of keys, %d refusals" % (len(keys_of(s, A)), log.count("event=queue_aside "))


@scenario
@slow
def a_broken_queue_is_set_aside():
    """A key of a wrong type, of each kind, at the first of two queues: the second is served on, and the first comes back."""
    return broken_queue()


@scenario
@slow
def a_broken_queue_is_set_aside_fair():
    return broken_queue(PUSHBRIDGE_QUEUE_SERVE="fair")


def breaks_first(s, a, nb, what, spoiled):
    """What the fleet keeps with the first queue cannot be asked: the second queue flows, within this worker's part of the limit."""
    mends = [spoil(s, "{%s}:%s" % (A, k)) for k in spoiled]
    nb = push_and_wait(s, B, nb, 60, what)
    wait_until(lambda: any(x.startswith("fleet ") for x in a.ready()[1].get("degraded", ())), "%s: /readyz says so" % what)
    for mend in mends:
        mend()
    wait_until(lambda: not a.ready()[1].get("degraded", True), "%s: asked again" % what)
    return nb


@scenario
def limits_that_cannot_be_asked():
    """Limits, pauses and circuits lie with the first queue."""
    with Stage(env=dict(TWO, PUSHBRIDGE_LIMIT_PUSH_PER_S="100")) as s:
        a = Admin()
        s.worker(**a.env())
        a.wait_ready()
        na, nb = push_and_wait(s, A, 0, 1, "well"), push_and_wait(s, B, 0, 1, "well")
        nb = breaks_first(s, a, nb, "no limits", ["flow"])
        nb = breaks_first(s, a, nb, "nothing agreed on", ["flow", "control"])
        s.worker()
        s.terminate(s.workers[0])
        nb = push_and_wait(s, B, nb, 20, "another worker")
        s.no_duplicates()
        one_outcome_each(s, A, na)
        one_outcome_each(s, B, nb)


@scenario
def outcomes_that_cannot_be_written():
    """Under load the first queue's results are spoilt: what is held of it takes no slot of the second, and nothing is sent twice."""
    with Stage(env=dict(TWO, PUSHBRIDGE_QUEUE_CONCURRENCY="8")) as s:
        a = Admin()
        s.worker(**a.env())
        a.wait_ready()
        s.fault(kind="latency", latency_ms=50)
        na = s.push_many(300, "a", queue=A)
        wait_until(lambda: int(sent(s, A)) > 20, "under load")
        mend = spoil(s, "{%s}:results" % A)
        wait_until(lambda: set_aside(a, A), "set aside")
        nb = push_and_wait(s, B, 0, 100, "beside")
        calls = s.record()["calls"]
        expect(calls <= 100 + int(sent(s, A)) + 2 * 8, "of %s nothing more is sent than was out: %d calls" % (A, calls))
        mend()
        wait_until(lambda: int(sent(s, A)) == na, "all of %s" % A)
        expect({o["attempts"] for o in s.outcomes("{%s}:results" % A)} == {1}, "each with one attempt")
        s.no_duplicates()
        one_outcome_each(s, A, na)
        one_outcome_each(s, B, nb)


@scenario
def a_forbidden_queue_is_set_aside():
    """The ACL forbids the keys of the first queue, also to a new connection; refusals are few."""
    with Stage(env=TWO) as s:
        rights = ["on", ">pw", "+@all", "&*", "resetkeys"]
        s.redis("ACL", "SETUSER", "w", *rights, "~*")
        a = Admin()
        s.worker(PUSHBRIDGE_REDIS_URL="redis://w:pw@127.0.0.1:%d/0" % s.redis_port, **a.env())
        a.wait_ready()
        na, nb = push_and_wait(s, A, 0, 1, "well"), push_and_wait(s, B, 0, 1, "well")
        s.redis("ACL", "SETUSER", "w", *rights, "~%s" % B, "~{%s}:*" % B)
        na += s.push_many(20, "more", queue=A)
        wait_until(lambda: a.failing("queues", "NOPERM"), "set aside")
        nb = push_and_wait(s, B, nb, 50, "forbidden")
        s.redis("CLIENT", "KILL", "USER", "w")
        wait_until(lambda: a.failing("queues", "open: NOPERM"), "nor is it opened anew")
        s.redis("CONFIG", "RESETSTAT")
        began = s.redis("TIME")
        nb = push_and_wait(s, B, nb, 50, "forbidden to a new connection")
        wait_until(lambda: int(s.redis("TIME")[0]) > int(began[0]) + 2, "two seconds of Redis' clock")
        stats = s.redis("INFO", "commandstats").decode()
        refused = sum(int(f.split("=")[1]) for line in stats.splitlines() for f in line.split(",") if f.startswith(("rejected_calls=", "failed_calls=")))
        took = int(s.redis("TIME")[0]) - int(began[0]) + 1
        expect(0 < refused < 30 * took, "%d commands were refused in %d s: no loop" % (refused, took))
        s.redis("ACL", "SETUSER", "w", *rights, "~*")
        wait_until(lambda: int(sent(s, A)) == na, "%s is back" % A)
        a.wait_ready()
        s.no_duplicates()
        one_outcome_each(s, A, na)
        one_outcome_each(s, B, nb)
        return "%d refusals in %d s" % (refused, took)


def kill_connections(s):
    s.redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def no_schema(s, a, w, queue, other, nother, put, why):
    """Its schema key is no such thing when the worker connects anew: the queue is set aside by itself, and comes back."""
    kept = s.redis("GET", "{%s}:v" % queue)
    expect(kept == b"1", "the schema: %s" % kept)
    put("{%s}:v" % queue)
    kill_connections(s)
    n = s.push_many(5, "wait-%s-%d-" % (queue[-1], nother), queue=queue)
    wait_until(lambda: a.failing("queues", "queue=" + queue) and a.failing("queues", why), lambda: "set aside: %s" % a.ready()[1])
    nother = push_and_wait(s, other, nother, 30, why)
    expect(w.poll() is None and int(s.redis("LLEN", queue)) == n, "%s is not touched" % queue)
    stats = dict(zip((A, B), json.loads(a.get("/stats")[1])["queues"]))
    expect(why in stats[queue]["aside"] and stats[other]["aside"] is None, "/stats: %s" % stats)
    s.redis("DEL", "{%s}:v" % queue)
    s.redis("SET", "{%s}:v" % queue, "1")
    wait_until(lambda: s.redis("LLEN", queue) == 0, "%s is back" % queue)
    a.wait_ready()
    return n, nother


@scenario
@slow
def a_schema_that_cannot_be_read_sets_its_queue_aside():
    """Rubbish, a wrong type or a newer number in {Q}:v of either queue, found at a reconnect and at a start."""
    ways = [(lambda s: lambda k: s.redis("SET", k, "rubbish"), "holds no schema version"),
            (lambda s: lambda k: (s.redis("DEL", k), s.redis("SADD", k, "x")), "WRONGTYPE"),
            (lambda s: lambda k: s.redis("SET", k, "2"), "holds schema 2")]
    with Stage(env=dict(TWO, PUSHBRIDGE_LIMIT_PUSH_PER_S="200")) as s:
        a = Admin()
        w = s.worker(**a.env())
        a.wait_ready()
        total = {q: push_and_wait(s, q, 0, 1, "well") for q in (A, B)}
        for way, why in ways:
            for queue, other in ((A, B), (B, A)):
                n, total[other] = no_schema(s, a, w, queue, other, total[other], way(s), why)
                total[queue] += n
                wait_until(lambda: int(sent(s, queue)) == total[queue], "%s sends what waited" % queue)
        s.redis("SET", "{%s}:v" % A, "")
        w = s.worker()
        wait_until(lambda: "event=queue_aside queue=%s " % A in s.log(1), "nor is a new one ended")
        s.terminate(s.workers[0])
        total[B] = push_and_wait(s, B, total[B], 20, "a new one")
        s.redis("SET", "{%s}:v" % A, "1")
        total[A] = push_and_wait(s, A, total[A], 20, "mended")
        s.no_duplicates()
        one_outcome_each(s, A, total[A])
        one_outcome_each(s, B, total[B])


@scenario
def newer_schemas_of_all_queues_end_the_worker():
    """Before it touches anything of them; a worker that is connected notices when it connects anew."""
    with Stage(env=TWO) as s:
        w = s.worker()
        wait_until(lambda: s.redis("GET", "{%s}:v" % B) == b"1", "both are open")
        for queue in (A, B):
            s.redis("SET", "{%s}:v" % queue, "7")
        kill_connections(s)
        wait_until(lambda: w.poll() is not None, "it ends")
        expect(w.returncode == 69 and "event=queue_refused queue=" in s.log(), "69: %s" % w.returncode)
        s.push_many(1, queue=A)
        w = s.worker()
        wait_until(lambda: w.poll() is not None, "a new one ends")
        expect(w.returncode == 69 and s.redis("LLEN", A) == 1 and s.redis("GET", "{%s}:v" % A) == b"7", "69, untouched: %s" % w.returncode)


PAIR = ["push:jobs:0", "push:jobs:1"]


@scenario
@heavy
def a_shard_in_trouble_is_set_aside():
    """The first queue's slot is on the move and stays between two nodes (TRYAGAIN); then its whole shard is gone, and a
    worker starts that cannot ask what the fleet agreed on. The second queue flows."""
    with ClusterStage(tls=False, env=dict(shards.TOPOLOGY, PUSHBRIDGE_QUEUE_NAMES=",".join(PAIR))) as s:
        slot, nodes = slot_of(PAIR[0]), s.slots()
        expect(nodes[slot] != nodes[slot_of(PAIR[1])], "two shards")
        a, ended = Admin(), lambda q: s.ended_of(q)
        s.worker(**a.env())
        na, nb = s.push_to(PAIR[0], 20, "a"), s.push_to(PAIR[1], 20, "b")
        wait_until(lambda: ended(PAIR[0]) == na and ended(PAIR[1]) == nb, "well")
        moving = s.move_slot(slot, sorted(s.masters() - {nodes[slot], nodes[slot_of(PAIR[1])]})[0])
        next(moving), next(moving)
        wait_until(lambda: a.failing("queues", "TRYAGAIN"), "set aside")
        nb += s.push_to(PAIR[1], 300, "c")
        wait_until(lambda: ended(PAIR[1]) == nb, "the second flows (%d of %d)" % (ended(PAIR[1]), nb))
        for _ in moving:
            pass
        na += s.push_to(PAIR[0], 20, "d")
        wait_until(lambda: ended(PAIR[0]) == na, "the first is back")
        a.wait_ready()
        found = s.conserve_queue(PAIR[0], na)
        owner = s.slots()[slot]
        shard = [p for p, _ in s.nodes.values() if p == owner or b"master_port:%d\r" % owner in (s.ask(p, "INFO", "replication") or b"")]
        expect(found["sent"] == na and len(shard) == 2, "all sent; a master and its replica: %s" % shard)
        for port in shard:
            s.kill_node(port)
        s.redis.forget()
        nb += s.push_to(PAIR[1], 100, "e")
        wait_until(lambda: ended(PAIR[1]) == nb, "the second flows without the first's shard")
        shown = json.loads(s.cli("stats", "--json"))
        first, second = shown["queues"]
        expect(first["unanswered"] and second["counters"]["sent"] == nb and shown["at"] and shown["circuits"] is None, "stats shows the other: %s" % shown)
        expect("no answer from Redis: " in s.cli("stats") and [d["list"] for d in shown["dead"]] == ["{%s}:dead" % PAIR[1]], "and says so")
        s.workers[0].kill()
        b = Admin()
        s.worker(**b.env())
        nb += s.push_to(PAIR[1], 100, "f")
        wait_until(lambda: ended(PAIR[1]) == nb, "nor does a new worker wait for it")
        wait_until(lambda: b.failing("redis", PAIR[0]), lambda: "unready: %s" % b.ready()[1])
        s.no_duplicates()
        ids = s.outcome_ids(PAIR[1:])
        expect(len(ids) == len(set(ids)) == nb, "one outcome each")


class TwoShards:
    """Two queues, each on a shard of its own, and a worker for both."""

    def __init__(self, s, nodes):
        self.s, self.nodes, self.total, self.admin = s, nodes, dict.fromkeys(PAIR, 0), Admin()
        expect(nodes[slot_of(PAIR[0])] != nodes[slot_of(PAIR[1])], "two shards")

    def push(self, queue, n):
        self.total[queue] += self.s.push_to(queue, n, "%s-%d-" % (queue[-1], self.total[queue]))

    def wait(self, queue, what):
        wait_until(lambda: self.s.ended_of(queue) == self.total[queue], lambda: "%s: %s has ended %d of %d; %s" % (
            what, queue, self.s.ended_of(queue), self.total[queue], self.admin.ready()))

    def both(self, n, what):
        for queue in PAIR:
            self.push(queue, n)
        for queue in PAIR:
            self.wait(queue, what)

    def second_flows(self, what):
        self.push(PAIR[1], 100)
        self.wait(PAIR[1], what)
        expect("queue_aside queue=%s " % PAIR[1] not in self.s.log(), "%s: the second is never set aside" % what)


@scenario
@heavy
@slow
def shards_that_refuse():
    """The first queue's shard is over maxmemory, lacks replicas, gets another master, is pointed to in a circle (MOVED): each in turn
    is the first queue's trouble only, named, and over by itself."""
    with CalmClusterStage(tls=False, env=dict(shards.TOPOLOGY, PUSHBRIDGE_QUEUE_NAMES=",".join(PAIR))) as s:
        both = TwoShards(s, s.slots())
        slot, here = slot_of(PAIR[0]), both.nodes[slot_of(PAIR[0])]
        s.worker(**both.admin.env())
        both.both(20, "well")
        # over maxmemory: what is there is sent on, producers and the trial of readiness are refused
        both.push(PAIR[0], 50)
        s.ask(here, "CONFIG", "SET", "maxmemory", "1")
        wait_until(lambda: both.admin.failing("write", "OOM") and both.admin.failing("write", PAIR[0]), lambda: "full: %s" % both.admin.ready()[1])
        both.second_flows("full")
        both.wait(PAIR[0], "what is there is drained")
        s.ask(here, "CONFIG", "SET", "maxmemory", "0")
        both.admin.wait_ready()
        both.both(20, "room again")
        # its writes want more replicas than it has
        s.ask(here, "CONFIG", "SET", "min-replicas-to-write", "5")
        wait_until(lambda: both.admin.failing("queues", "NOREPLICAS"), lambda: "set aside: %s" % both.admin.ready()[1])
        both.second_flows("no replicas")
        s.ask(here, "CONFIG", "SET", "min-replicas-to-write", "0")
        both.admin.wait_ready()
        both.both(20, "replicas again")
        here = handed_over(s, both, slot, here)
        s.no_duplicates()
        s.terminate(s.workers[0])
        redirected_in_a_circle(s, both, slot, here)


def handed_over(s, both, slot, here):
    """Its master hands over to its replica, and takes no writes from then on (a cluster says MOVED for READONLY); the new master."""
    replica, = [p for p, _ in s.nodes.values() if b"master_port:%d\r" % here in s.ask(p, "INFO", "replication")]
    s.ask(replica, "CLUSTER", "FAILOVER")
    both.second_flows("handed over")
    wait_until(lambda: all(s.ask(p, "CLUSTER", "SLOTS") and [r[2][1] for r in s.ask(p, "CLUSTER", "SLOTS") if r[0] <= slot <= r[1]] == [replica]
                           for p, _ in s.nodes.values()), "all know the new master")
    s.redis.forget()
    both.both(20, "its new master")
    both.admin.wait_ready()
    return replica


def redirected_in_a_circle(s, both, slot, here):
    """Two nodes say that the other has the slot (which is empty, so that they take our word for it)."""
    there = sorted(s.masters() - {here, both.nodes[slot_of(PAIR[1])]})[0]
    ids = {p: s.ask(p, "CLUSTER", "MYID") for p in (here, there)}
    for key in s.ask(here, "CLUSTER", "GETKEYSINSLOT", slot, 1000):
        s.ask(here, "DEL", key)
    both.total[PAIR[0]] = 0
    s.ask(here, "CLUSTER", "SETSLOT", slot, "NODE", ids[there])
    expect(str(s.attempt(here, "LLEN", PAIR[0])).startswith("MOVED") and str(s.attempt(there, "LLEN", PAIR[0])).startswith("MOVED"), "a circle")
    s.worker(**both.admin.env())
    both.second_flows("in a circle")
    began = s.ask(there, "TIME")
    redirects = lambda: both.admin.families()["pushbridge_redis_redirects_total"].value()  # noqa: E731
    first = redirects()
    wait_until(lambda: int(s.ask(there, "TIME")[0]) > int(began[0]) + 3, "three seconds of Redis' clock")
    found, took = redirects() - first, int(s.ask(there, "TIME")[0]) - int(began[0]) + 1
    expect(found < 40 * took, "%d redirections in %d s: no loop" % (found, took))
    wait_until(lambda: both.admin.ready()[0] == 503 and PAIR[0] in str(both.admin.ready()[1]["checks"]), lambda: "named: %s" % both.admin.ready()[1])
    for port in s.masters() | {here, there}:
        s.ask(port, "CLUSTER", "SETSLOT", slot, "NODE", ids[here])
    s.redis.forget()
    both.both(20, "the circle is broken")
    both.admin.wait_ready()


# --- apps that are taken out of the file

APPS = dict(FAST, **SHORT, PUSHBRIDGE_QUEUE_UNSERVED_MS="1500")
FILE = """
apps = ( { name = "default"; access_key_id = "mock-id"; access_key_secret = "mock-secret"; }%s );
groups = ( %s );
templates = ( { code = "I10000"; message = "text {0}"; } );
"""
SHOP = ', { name = "shop"; app_key = "34567890"; }'
BOTH = '{ name = "both"; apps = ( "shop", "default" ); }'


class AppFile(File):
    def put(self, shop=True):
        self.put_text(FILE % ((SHOP, BOTH) if shop else ("", "")))


def park(s, n, prefix=""):
    """n jobs of an app that is paused, and n of a group that begins with it."""
    pauses = s.log().count("event=paused app=shop")
    s.cli("pause", "--app", "shop")
    wait_until(lambda: s.log().count("event=paused app=shop") > pauses, "paused")
    s.push(*[{"id": "%ss%d" % (prefix, i), "code": "I10000", "school": "s", "app": "shop"} for i in range(n)])
    s.push(*[{"id": "%sg%d" % (prefix, i), "code": "I10000", "school": "s", "app": "both"} for i in range(n)])
    wait_until(lambda: s.counts()["parked"] == 2 * n, "parked: %s" % s.counts())
    return 2 * n


def shown_as_parked(s, n):
    stats = json.loads(s.cli("stats", "--json"))["queues"][0]
    expect(stats["parked"] == {"shop": n}, "stats: %s" % stats["parked"])


@scenario
def parked_jobs_of_a_removed_app_end():
    """A reload takes the app out of the file of the only worker: its jobs, and those of a group with it, wait a while and end by name."""
    with Stage(env=APPS) as s:
        f, a = AppFile(s), Admin()
        w = s.worker(**a.env())
        a.wait_ready()
        n = park(s, 150)
        f.put(shop=False)
        hup(s, w)
        wait_until(lambda: "event=app_unserved queue=push:jobs app=shop jobs=%d " % n in s.log(), "named in the log")
        expect(s.ended() == 0, "they wait first")
        shown_as_parked(s, n)
        n += s.push({"id": "d", "code": "I10000", "school": "s"})
        s.wait_ended(n)
        expect({(d["reason"], d["error"]["message"]) for d in s.dead()} == {("invalid_job", 'app: no app "%s" is configured' % x) for x in ("shop", "both")}
               and len(s.dead()) == n - 1, "ended by name: %s" % s.dead()[:2])
        wait_until(lambda: a.families()["pushbridge_queue_unserved_jobs"].value(queue=wire.QUEUE) == 0, "the metric")
        s.settle(n)


@scenario
def parked_jobs_wait_for_a_worker_that_has_the_app():
    """A rolling reload, or a canary: while another live worker has the app they are its own; and after a restart they end."""
    with Stage(env=APPS) as s:
        f, a = AppFile(s), Admin()
        s.worker()
        n = park(s, 40)
        f.put(shop=False)
        s.worker(**a.env())
        a.wait_ready()
        began = int(s.redis("TIME")[0])
        wait_until(lambda: int(s.redis("TIME")[0]) > began + 6, "longer than they would wait for nobody, by Redis' clock")
        expect(s.ended() == 0 and s.counts()["parked"] == n and "event=app_unserved" not in s.log(1), "they wait")
        shown_as_parked(s, n)
        s.cli("resume", "--app", "shop")
        s.wait_ended(n)
        expect(not s.dead(), "all are sent")
        s.terminate(s.workers[1])  # of what is ready it would make dead letters at once
        n += park(s, 40, "again-")
        s.terminate(s.workers[0])
        expect(s.ended() == n - 80, "they are left parked")
        s.worker()
        s.wait_ended(n)
        expect({d["reason"] for d in s.dead()} == {"invalid_job"} and len(s.dead()) == 80, "ended after a restart")
        s.settle(n)


@scenario
def who_has_just_started_leaves_jobs_to_those_who_have_their_app():
    """It claims them before it has heard of the other, which is alive and stands still meanwhile: they are no wrong jobs."""
    with Stage(env=dict(APPS, **PATIENT)) as s:
        f = AppFile(s)
        has_it = s.worker()
        wait_until(lambda: b'"apps":' in b"".join(s.redis("HVALS", wire.STAT)), "it says which apps it has")
        wait_idle(s)
        s.stop(has_it)
        n = s.push(*[{"id": "s%d" % i, "code": "I10000", "school": "s", "app": "shop"} for i in range(20)])
        n += s.push({"id": "nobodys", "code": "I10000", "school": "s", "app": "nobody"})
        f.put(shop=False)
        s.worker()
        wait_until(lambda: s.counts()["parked"] == 19, lambda: "all but the one that rang its bell are parked for it: %s" % s.dead())
        has_it.send_signal(signal.SIGCONT)
        s.wait_ended(n)
        expect([(d["id"], d["reason"]) for d in s.dead()] == [("nobodys", "invalid_job")], s.dead()[:3])
        s.settle(n)


@scenario
def a_shared_call_is_left_to_those_who_have_its_app():
    """Its worker is killed, and the first to take it over has another file: the call stays whole, and is repeated by one that can."""
    with Stage(env=dict(APPS, **PATIENT)) as s:
        f = AppFile(s)
        makes, has_it = s.worker(), s.worker()
        wait_until(lambda: b"".join(s.redis("HVALS", wire.STAT)).count(b'"shop"') == 2, "both say which apps they have")
        s.stop(has_it)
        held = s.hold()
        n = s.push(*[{"message": "m", "title": "t", "app": "shop", "target": {"device": ["%032x" % i]}} for i in range(40)])
        s.wait_held()
        shared = len(s.redis("HVALS", wire.MEMBER))
        f.put(shop=False)
        s.worker()
        s.kill(makes)
        s.forget_worker(makes)
        wait_until(lambda: s.counts()["delayed"] or s.ended(), "it is taken over by the one without the app")
        expect(not s.dead(), "%d of %d ended: %s" % (len(s.dead()), shared, s.dead()[:1]))
        s.release(held)
        has_it.send_signal(signal.SIGCONT)
        s.wait_ended(n)
        expect(not s.dead(), s.dead()[:1])
        s.settle(n)


@scenario
@slow
def jobs_of_an_app_that_only_another_has_are_left_to_it():
    """A reload on its way: what the one without the app claims, new jobs and a retry, is parked for the other, which sends it."""
    with Stage(env=APPS) as s:
        f = AppFile(s)
        s.worker()
        wait_until(lambda: "event=worker_start" in s.log(), "it has read the file")
        f.put(shop=False)
        a = Admin()
        s.worker(**a.env())
        a.wait_ready()
        knows = lambda: json.loads(s.cli("stats", "--json"))["queues"][0]["workers"]  # noqa: E731
        wait_until(lambda: sorted(w.get("apps", []) for w in knows()) == [["default"], ["default", "shop"]], "both say what they have")
        looks = s.redis("TIME")
        wait_until(lambda: int(s.redis("TIME")[0]) > int(looks[0]) + 6, "and each has looked, by Redis' clock")
        s.fault(kind="error", code="ServiceUnavailable", status=503, count=4)
        n = s.push(*[{"id": "s%d" % i, "code": "I10000", "school": "s", "app": "shop"} for i in range(300)])
        s.wait_ended(n)
        expect(not s.dead(), "nothing dies: %s" % s.dead()[:1])
        expect(a.families()["pushbridge_jobs_parked_total"].value(app="other") > 0, "some met the one without it")
        s.settle(n)
        s.terminate(s.workers[0])
        wait_until(lambda: len(knows()) == 1, "the one with it has left")
        s.push({"id": "nobodys", "code": "I10000", "school": "s", "app": "shop"})
        s.wait_ended(n + 1)
        expect([d["reason"] for d in s.dead()] == ["invalid_job"], "nobody has it: %s" % s.dead())


@scenario
@slow
def jobs_of_a_group_that_only_another_has_are_left_to_it():
    """Both have all apps, one has the group: what the other claims of it, of new jobs and of parked ones, is left to that one."""
    with Stage(env=APPS) as s:
        f = AppFile(s)
        s.worker()
        wait_until(lambda: "event=worker_start" in s.log(), "it has read the file")
        f.put_text(FILE % (SHOP, ""))
        a = Admin()
        s.worker(**a.env())
        a.wait_ready()
        knows = lambda: json.loads(s.cli("stats", "--json"))["queues"][0]["workers"]  # noqa: E731
        wait_until(lambda: sorted(w.get("groups", []) for w in knows()) == [[], ["both"]], "it says so")
        looks = s.redis("TIME")
        wait_until(lambda: int(s.redis("TIME")[0]) > int(looks[0]) + 6, "and each has looked, by Redis' clock")
        s.stop(s.workers[0])
        n = s.push(*[{"id": "g%d" % i, "code": "I10000", "school": "s", "app": "both"} for i in range(40)])
        left = lambda: json.loads(s.cli("stats", "--json"))["queues"][0]["parked"].get("both", 0)  # noqa: E731
        wait_until(lambda: left() >= n - 1, "the one without it leaves them; one may be in the other's inbox")
        s.workers[0].send_signal(signal.SIGCONT)
        s.wait_ended(n)
        expect(not s.dead() and len(s.outcomes()) == n and all(len(o["pushes"]) == 2 for o in s.outcomes()), "sent to both: %s" % s.dead()[:1])
        expect("event=app_unserved" not in s.log(0) + s.log(1), "served")
        s.no_duplicates()
        s.settle(n)


@scenario
@slow
def a_group_that_is_another_elsewhere_is_said():
    """Two workers' files mean others by one name: each says so, once, and no more when they agree again."""
    with Stage(env=APPS) as s:
        f = AppFile(s)
        s.worker()
        wait_until(lambda: "event=worker_start" in s.log(), "it has read the file")
        f.put_text(FILE % (SHOP, '{ name = "both"; apps = ( "default" ); }'))
        w = s.worker()
        wait_until(lambda: "event=group_differs queue=push:jobs group=both apps=shop,default elsewhere=default" in s.log(0), "the first")
        wait_until(lambda: "event=group_differs queue=push:jobs group=both apps=default elsewhere=shop,default" in s.log(1), "the second")
        f.put()
        w.send_signal(signal.SIGHUP)
        wait_until(lambda: "event=reload_done" in s.log(1), "one file for both")
        looks = s.redis("TIME")
        wait_until(lambda: int(s.redis("TIME")[0]) > int(looks[0]) + 11, "and each has looked twice, by Redis' clock")
        expect([s.log(i).count("event=group_differs") for i in (0, 1)] == [1, 1], "once each")


@scenario
def an_inbox_that_nobody_knows_is_adopted():
    """The list of workers is lost; what a dead one was handed is found by what it once said of itself."""
    with Stage(env=APPS) as s:
        AppFile(s)
        w = s.worker()
        wait_until(lambda: s.redis("HLEN", wire.STAT) == 1, "it has said something")
        name, = s.redis("HGETALL", wire.STAT)[:1]
        w.kill()
        w.wait()
        s.redis("RPUSH", wire.INBOX + name.decode(), json.dumps({"id": "lost", "code": "I10000", "school": "s"}))
        s.redis("DEL", wire.WORKERS)
        s.worker()
        s.wait_ended(1)
        expect("event=workers_unlisted" in s.log(1) and "event=inbox_adopted" in s.log(1), "said")
        s.settle(1)


# --- a worker's own trouble

# A worker that is well must not seem to be in trouble on a busy machine: no call is cut off, no worker taken for dead.
OWN = dict(FAST, **dict(SHORT, **PATIENT, PUSHBRIDGE_ALIYUN_CONNECT_TIMEOUT_MS="60000"), PUSHBRIDGE_CIRCUIT_PROBE_MS="200")


def no_circuit_opened(s):
    for i in range(len(s.workers)):
        lines = [x for x in s.log(i).splitlines() if "event=circuit_open" in x]
        expect(not lines, "worker %d: the fleet's circuit stays closed: %s" % (i, lines[:1]))


def beside_a_healthy_one(s, n, why, well=None, **env):
    """n jobs for two workers of whom the first has trouble of its own; both are returned. well: what the second has."""
    a, b = Admin(), Admin()
    s.worker(**a.env(), **env)
    s.worker(**b.env(), **(well or {}))
    a.wait_ready()
    b.wait_ready()
    s.push_many(n)
    wait_until(lambda: a.failing("calls", why), "the first is unready: %s" % a.ready()[1])
    s.wait_ended(n)
    no_circuit_opened(s)
    wait_until(lambda: b.ready()[0] == 200, lambda: "the second is well: %s" % b.ready()[1])
    expect({o["worker"] for o in s.outcomes()} == {json.loads(b.get("/stats")[1])["worker"]}, "which sends all")
    expect({(o["status"], o["attempts"], o["crashes"]) for o in s.outcomes()} == {("sent", 1, 0)} and not s.dead(), "as if nothing had been")
    expect("event=own_trouble app=default why=%s " % why in s.log(0), "said")
    expect(a.families()["pushbridge_own_trouble"].value(app="default") == 1, "the metric")
    words = lambda: json.loads(s.cli("stats", "--json"))["queues"][0]["workers"]  # noqa: E731
    wait_until(lambda: [w["own_trouble"]["default"] for w in words() if "own_trouble" in w] == [why], lambda: "stats: %s" % words())
    return a, b


def steps_back(s, tried):
    """Of many more jobs the first takes only some, as probes."""
    before = tried()
    n = s.ended() + s.push_many(400, "more")
    s.wait_ended(n)
    expect(tried() - before < 40, "%d jobs were tried by the first" % (tried() - before))
    no_circuit_opened(s)
    return s.settle(n)["sent"]


@scenario
def one_workers_wrong_ca_is_its_own():
    with Stage(env=OWN) as s:
        wrong = os.path.join(s.dir, "wrong.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=wrong",
                        "-keyout", os.path.join(s.dir, "wrong.key"), "-out", wrong], check=True, capture_output=True)
        a, _ = beside_a_healthy_one(s, 200, "certificate", PUSHBRIDGE_ALIYUN_CA_FILE=wrong)
        n = steps_back(s, lambda: a.families()["pushbridge_jobs_claimed_total"].value(queue=wire.QUEUE))
        # alone, it is everybody's, as ever: the circuit opens
        s.terminate(s.workers[1])
        s.push({"id": "alone", "code": "I10000", "school": "s"})
        wait_until(lambda: "event=circuit_open app=default why=certificate" in s.log(0), "the only one alive")
        wait_until(lambda: a.ready()[0] == 200 and "circuit app=default" in str(a.ready()[1]["degraded"]), "degraded, as ever: %s" % a.ready()[1])
        s.worker()
        s.wait_ended(n + 1)
        s.settle(n + 1)


@scenario
def one_workers_old_secret_is_its_own():
    with Stage(env=OWN) as s:
        beside_a_healthy_one(s, 200, "SignatureDoesNotMatch", PREQ_ACCESS_KEY_SECRET="old-secret")
        refused = lambda: len([c for c in calls(s) if c["status"] != 200])  # noqa: E731
        steps_back(s, refused)


def wait_until_back(s, a):
    """More jobs, of which the first worker tries some, until all is well with it."""
    rounds = itertools.count()

    def it_is_back():
        wait_idle(s)  # the first too, though the second would take each job at once: its probe is due
        s.push_many(2, "more%d-" % next(rounds))  # one for each that waits
        wait_until(lambda: sum(s.counts()[k] for k in ("ready", "inbox", "leased")) == 0, "they are tried")
        return "event=own_trouble_over app=default" in s.log(0)
    wait_until(it_is_back, "a probe goes through")
    wait_until(lambda: sum(s.counts()[k] for k in ("ready", "inbox", "parked", "delayed", "leased")) == 0, "all ended")
    a.wait_ready()
    expect(not s.dead(), "nothing died: %s" % s.dead()[:1])
    s.no_duplicates()
    s.settle(s.ended())


@scenario
@slow
def one_workers_dead_proxy_is_its_own():
    """Nobody listens at the proxy of one worker."""
    with Stage(env=OWN) as s:
        a, _ = beside_a_healthy_one(s, 200, "not_sent", PUSHBRIDGE_ALIYUN_PROXY="http://127.0.0.1:%d" % free_port())
        steps_back(s, lambda: a.families()["pushbridge_jobs_claimed_total"].value(queue=wire.QUEUE))


class NameServer(threading.Thread):
    """Says nothing, until it is well: then that every name is 127.0.0.1, and has no other address."""

    def __init__(self):
        super().__init__(daemon=True)
        self.well, self.asked, self.sock = False, 0, socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.address = "127.%d.%d.%d" % tuple(random.randrange(1, 255) for _ in range(3))
        self.sock.bind((self.address, 53))
        self.start()

    def run(self):
        while True:
            query, who = self.sock.recvfrom(4096)
            self.asked += 1
            if self.well:
                question = query[12:query.index(b"\0", 12) + 5]
                is_a = question[-4:-2] == b"\0\1"
                answer = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\x7f\0\0\1" if is_a else b""
                self.sock.sendto(query[:2] + b"\x81\x80\0\1\0" + bytes([is_a]) + b"\0\0\0\0" + question + answer, who)


def with_names(s, name, hosts, resolver):
    """The program under another /etc/hosts and resolv.conf, in a mount namespace of its own."""
    files = {"hosts": hosts, "resolv.conf": resolver}
    for file, text in files.items():
        with open(os.path.join(s.dir, "%s-%s" % (name, file)), "w") as f:
            f.write(text)
    mounts = " && ".join("mount --bind %s/%s-%s /etc/%s" % (s.dir, name, file, file) for file in files)
    path = os.path.join(s.dir, name)
    with open(path, "w") as f:
        f.write("#!/bin/sh\nexec unshare --mount --propagation private sh -c '%s && exec \"$@\"' sh %s \"$@\"\n" % (mounts, os.path.join(BIN, "pushbridge")))
    os.chmod(path, 0o755)
    return path


def may_mount():
    """Whether there can be a mount namespace: not in a container without that right, nor below a chroot."""
    return subprocess.run(["unshare", "--mount", "--propagation", "private", "true"], capture_output=True).returncode == 0


@scenario
@slow
def one_workers_dead_name_server_is_its_own():
    """The name server of one worker is silent: the other sends all; then it answers, and both do."""
    if not may_mount():
        return "NOT TRIED: nobody may mount anything here"
    with Stage(mock_args=["--tls-name", "push.example"], env=OWN) as s:
        names, local = NameServer(), "127.0.0.1 localhost\n"
        s.endpoint = s.endpoint.replace("localhost", "push.example")
        sick = with_names(s, "sick", local, "nameserver %s\noptions timeout:1 attempts:1\n" % names.address)
        well = with_names(s, "well", local + "127.0.0.1 push.example\n", "")
        a, _ = beside_a_healthy_one(s, 200, "not_sent", {"program": well}, program=sick,
                                    PUSHBRIDGE_ALIYUN_CONNECT_TIMEOUT_MS=SHORT["PUSHBRIDGE_ALIYUN_CONNECT_TIMEOUT_MS"])
        expect(names.asked, "it was asked")
        steps_back(s, lambda: a.families()["pushbridge_jobs_claimed_total"].value(queue=wire.QUEUE))
        names.well = True
        wait_until_back(s, a)


@scenario
@slow
def one_worker_without_descriptors_comes_back():
    """No socket can be made for a while: the other sends all; then both do."""
    with Stage(env=OWN) as s:
        a, b = Admin(), Admin()
        w = s.worker(**a.env())
        a.wait_ready()
        s.worker(**b.env())
        b.wait_ready()
        wait_idle(s)
        soft, hard = resource.prlimit(w.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(w.pid, resource.RLIMIT_NOFILE, (max(int(x) for x in os.listdir("/proc/%d/fd" % w.pid)) + 1, hard))
        n = s.push_many(300)
        # whether a connection cannot be made or its certificates not be read is luck: descriptors in between may be free
        wait_until(lambda: any("event=own_trouble app=default why=%s " % w in s.log(0) for w in ("not_sent", "certificate")), "its own")
        s.wait_ended(n)
        no_circuit_opened(s)
        resource.prlimit(w.pid, resource.RLIMIT_NOFILE, (soft, hard))
        wait_until_back(s, a)


@scenario
def workers_that_agree_open_the_circuit():
    """Nobody reaches the provider: the second to say so opens the circuit for all, attempts are not used up, and all come back."""
    with Stage(env=dict(OWN, **SHORT)) as s:
        for _ in range(3):
            s.worker()
        wait_idle(s)
        s.mock_process.send_signal(signal.SIGSTOP)
        n = s.push_many(200)
        wait_until(lambda: all("event=circuit_open app=default" in s.log(i) for i in range(3)), "everybody's")
        s.mock_process.send_signal(signal.SIGCONT)
        s.wait_ended(n)
        expect(not s.dead(), "nothing dies: %s" % s.dead()[:1])
        s.no_duplicates()
