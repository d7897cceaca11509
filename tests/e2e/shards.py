# SPDX-License-Identifier: MIT
"""Sentinel and Cluster."""
import json
import os
import subprocess
import threading
import time

import wire
from harness import BIN, PATIENCE_S, REDIS_SERVER, Stage, free_port, wait_until
from scene import FAST, PATIENT, SHORT, alive, expect, heavy, scenario, slow, tool
from topology import CalmClusterStage, ClusterStage, LOGINS, MixedStage, Producer, SentinelStage, TlsSentinelStage, slot_of

# Redis' failures are the theme: the provider gets time, and no TLS.
TOPOLOGY = dict(FAST, **SHORT, PUSHBRIDGE_QUEUE_CONCURRENCY="16")
TOPOLOGY.update(PUSHBRIDGE_ALIYUN_TIMEOUT_MS="1700", PUSHBRIDGE_ALIYUN_CONNECT_TIMEOUT_MS="1700")


def send_and_wait(s, identity, **env):
    """pushbridge send --wait through the same URL."""
    done = subprocess.run([os.path.join(BIN, "pushbridge"), "send", "--wait", "--id", identity, "--code", "I10000", "--school", "s"],
                          env=s.worker_env(env), capture_output=True, timeout=PATIENCE_S)
    expect(done.returncode == 0 and json.loads(done.stdout)["status"] == "sent", "send --wait: %s" % done)


def check_online(s, *words, code=0, **env):
    """check --online finds no error (or one, code 1), and says the words. Its request names no action, so it
    goes to the control port: on the other each call must be one of the vendor's."""
    done = tool(s, "check", "--online", "--strict", PUSHBRIDGE_ALIYUN_ENDPOINT="http://127.0.0.1:%d" % s.control_port, **env)
    expect(done.returncode == code and all(w.encode() in done.stdout for w in words), "check --online: %s" % done.stdout.decode())


@scenario
@slow
@heavy
def sentinel_failover():
    """TLS with client certificates, the minimal ACL rules; the master dies under load."""
    with SentinelStage(tls=False, env=dict(TOPOLOGY, PUSHBRIDGE_REDIS_WAIT_REPLICAS="1")) as s:
        s.fault(kind="latency", latency_ms=30)
        s.worker()
        send_and_wait(s, "before")
        check_online(s, 'the master "mymaster"', "2 online of 2")
        producer = Producer(s, [wire.QUEUE], 2)  # both: either may be promoted
        producer.start()
        wait_until(lambda: s.ended() > 100, "under load")
        old = s.master_port()
        killed = time.monotonic()
        s.kill_node(old)
        wait_until(lambda: s.promoted(old), "another master")
        producer.replicas = 1
        promoted, pushes = time.monotonic(), s.record()["pushes"]
        wait_until(lambda: s.record()["pushes"] > pushes, "work goes on")
        took = time.monotonic() - promoted
        wait_until(lambda: len(producer.confirmed) > 400, "confirmed jobs on both sides of the failover")
        producer.stop()
        # On a busy machine sentinels fail over twice, and what was finished in between comes back.
        s.wait_confirmed(producer, [wire.QUEUE])
        s.no_duplicates()
        s.no_denials()
        send_and_wait(s, "after")
        check_online(s)
        return "failover %.1f s, work %.1f s later, %d jobs confirmed of %d" % (promoted - killed, took, len(producer.confirmed), producer.pushed)


@scenario
@slow
@heavy
def sentinel_frozen_master():
    """The master stands still under load, is replaced, and comes back as if nothing had been."""
    with SentinelStage(tls=False, env=dict(TOPOLOGY, PUSHBRIDGE_REDIS_WAIT_REPLICAS="1", PUSHBRIDGE_REDIS_COMMAND_TIMEOUT_MS="2000",
                                           PUSHBRIDGE_REDIS_CONNECT_TIMEOUT_MS="1000")) as s:
        s.hold(after=200)
        s.worker()
        s.worker()
        job = lambda i: json.dumps({"id": i, "code": "I10000", "school": "s"})  # noqa: E731
        ids = ["j%d" % i for i in range(1500)]
        expect(s.redis.push(wire.QUEUE, map(job, ids), 2), "both replicas have them")
        s.wait_held()
        old = s.master_port()
        s.freeze_node(old)
        s.clear_faults()
        frozen, pushes = time.monotonic(), s.record()["pushes"]
        wait_until(lambda: s.promoted(old), "another master")
        promoted = time.monotonic()
        s.redis.forget()
        wait_until(lambda: s.record()["pushes"] > pushes + 100, "work goes on")
        took = time.monotonic() - promoted
        s.thaw_node(old)
        wait_until(lambda: s.ask(old, "PING"), "the old master is back")
        more = ["k%d" % i for i in range(300)]
        s.redis("RPUSH", wire.QUEUE, *map(job, more))
        ids += more
        wait_until(lambda: set(s.outcome_ids(None)) == set(ids), "all ended")
        expect(len(s.outcome_ids(None)) == len(ids), "one outcome each")
        alive(s)
        s.no_duplicates()
        s.no_denials()
        return "failover %.1f s, work %.1f s later" % (promoted - frozen, took)


def one_side_speaks_tls(stage, **without):
    """Sentinels with TLS, or without, and with a login of their own: what does for the servers does not do for them."""
    with stage(tls=False, env=dict(TOPOLOGY, PUSHBRIDGE_REDIS_CONNECT_TIMEOUT_MS="1500")) as s:
        s.worker()
        send_and_wait(s, "sent")
        check_online(s, 'the master "mymaster"')
        s.no_denials()
        user, password = LOGINS["redis-acl.conf"]
        check_online(s, "WRONGPASS", code=1, PUSHBRIDGE_REDIS_SENTINEL_USERNAME=user, PUSHBRIDGE_REDIS_SENTINEL_PASSWORD=password)
        check_online(s, "is not reachable", code=1, PUSHBRIDGE_REDIS_SENTINEL_TLS="auto", **without)
        s.settle(1)


@scenario
@heavy
def plain_sentinels_tls_servers():
    one_side_speaks_tls(MixedStage)


@scenario
@heavy
def tls_sentinels_plain_servers():
    # without TLS anywhere its files are refused
    one_side_speaks_tls(TlsSentinelStage, PUSHBRIDGE_REDIS_CA_FILE="", PUSHBRIDGE_REDIS_CERT_FILE="", PUSHBRIDGE_REDIS_KEY_FILE="")


@scenario
def unreplicated_claims_wait():
    """redis.wait_replicas: nothing is sent that no replica knows of."""
    with Stage(env=TOPOLOGY) as s:
        s.worker(**PATIENT, PUSHBRIDGE_REDIS_WAIT_REPLICAS="1", PUSHBRIDGE_REDIS_WAIT_MS="100")
        n = s.push_many(40)
        wait_until(lambda: s.log(0).count("event=claim_unreplicated") >= 2, "claims are given back")
        expect(s.ended() == 0 and s.record()["calls"] == 0, "nothing is sent")
        s.conserve(n)
        s.redis("CONFIG", "SET", "repl-diskless-sync-delay", "0")
        replica = os.path.join(s.dir, "replica")
        os.mkdir(replica)
        s.spawn([REDIS_SERVER, "--port", str(free_port()), "--bind", "127.0.0.1", "--dir", replica, "--save", "",
                 "--replicaof", "127.0.0.1", str(s.redis_port)], "redis-replica.log")
        s.wait_ended(n)
        expect(all(o["crashes"] == 0 and o["attempts"] == 1 for o in s.outcomes()), "as if nothing had been")
        s.settle(n)


QUEUES8 = ["push:jobs:%d" % i for i in range(8)]


@scenario
@slow
@heavy
def cluster_spread():
    """Eight queues over three shards; one worker serves them all, and fairly."""
    with CalmClusterStage(tls=False, env=dict(TOPOLOGY, PUSHBRIDGE_QUEUE_NAMES=",".join(QUEUES8), PUSHBRIDGE_QUEUE_SERVE="fair")) as s:
        expect(len({s.slots()[slot_of(q)] for q in QUEUES8}) == 3, "the queues lie on three shards")
        s.fault(kind="latency", latency_ms=20)
        n = sum(s.push_to(q, 200, q) for q in QUEUES8)
        listen = "127.0.0.1:%d" % free_port()
        s.worker(PUSHBRIDGE_ADMIN_LISTEN=listen)
        ended = lambda: [s.ended_of(q) for q in QUEUES8]  # noqa: E731
        half = wait_until(lambda: (lambda e: sum(e) > n / 2 and e)(ended()), "half of them ended")
        wait_until(lambda: sum(ended()) == n, "all ended")
        for q in QUEUES8:
            expect(s.conserve_queue(q, 200)["sent"] == 200, "all sent from %s" % q)
        for i in range(4):
            send_and_wait(s, "routed%d" % i)  # queue and reply list lie in different slots
        for args in ("stats",), ("stats", "--json"), ("queue", "ls"), ("dead", "ls"), ("health", "--ready"):
            done = tool(s, *args, PUSHBRIDGE_ADMIN_LISTEN=listen)
            expect(done.returncode == 0, "%s: %s" % (args, done.stdout))
        expect(b"push:jobs:7" in tool(s, "queue", "ls").stdout, "tools see every shard")
        expect(tool(s, "pause", "--app", "other").returncode == 0, "a pause lies with the first queue")
        for more in ((), ("--queue", "push:jobs:7")):
            stats = json.loads(tool(s, "stats", "--json", *more).stdout)  # no word on stderr
            expect(stats["paused"] == [{"app": "other", "until": None}] and stats["limits"] and stats["circuits"] == [], stats)
        check_online(s, *["redis.scripts[%s]" % q for q in QUEUES8])
        one = s.worker("--until-empty", "--timeout", "60")
        expect(one.wait(PATIENCE_S) == 0, "ends by itself when all shards are empty")
        s.no_duplicates()
        s.no_denials()
        return "at half time: %s" % half


@scenario
@slow
@heavy
def cluster_failover():
    """The master of one shard dies under load; the others are served on."""
    queues = QUEUES8[:3]
    with ClusterStage(tls=False, env=dict(TOPOLOGY, PUSHBRIDGE_QUEUE_NAMES=",".join(queues), PUSHBRIDGE_QUEUE_SERVE="fair")) as s:
        s.fault(kind="latency", latency_ms=30)
        s.worker()
        producer = Producer(s, queues, 1)
        producer.start()
        wait_until(lambda: len(s.outcome_ids(queues)) > 100, "under load")
        slot, killed = slot_of(queues[0]), time.monotonic()
        old = s.slots()[slot]
        s.kill_node(old)
        wait_until(lambda: s.slots().get(slot, old) != old, "another master")
        promoted, before = time.monotonic(), s.ended_of(queues[0])
        wait_until(lambda: s.ended_of(queues[0]) > before, "work goes on")
        took = time.monotonic() - promoted
        producer.stop()
        s.wait_confirmed(producer, queues)
        s.no_duplicates()
        s.no_denials()
        return "failover %.1f s, work %.1f s later, %d jobs confirmed" % (promoted - killed, took, len(producer.confirmed))


@scenario
@slow
@heavy
def cluster_reshard():
    """The queue's slot moves to another node and back, key by key, under load."""
    with CalmClusterStage(tls=False, env=TOPOLOGY) as s:
        s.worker()
        s.worker()
        producer = Producer(s, [wire.QUEUE], 0)
        producer.start()
        slot, steps = slot_of(wire.QUEUE), 0
        for _ in range(2):
            ended = s.ended_of(wire.QUEUE)
            wait_until(lambda: s.ended_of(wire.QUEUE) > ended + 100, "under load")
            source = s.slots()[slot]
            to = sorted(s.masters() - {source})[0]
            for _ in s.move_slot(slot, to):
                steps += 1
                seen = s.scripts_seen(source, to)
                wait_until(lambda: s.scripts_seen(source, to) >= seen + 3, "the workers' scripts meet this state")
            expect(s.slots()[slot] == to, "the slot has moved")
        producer.stop()
        s.wait_confirmed(producer, [wire.QUEUE])
        s.no_duplicates()
        s.no_denials()
        n = producer.pushed
        expect(s.conserve_queue(wire.QUEUE, n)["sent"] == n == len(producer.confirmed), "nothing lost, all %d confirmed" % n)
        return "%d jobs, %d steps of moving" % (n, steps)
