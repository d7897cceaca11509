# SPDX-License-Identifier: MIT
"""One redis-server that is away, killed, emptied, full, busy or short of connections."""
import os
import subprocess
import time

import wire
from admin import Admin
from harness import BIN, Failure, Resp, Stage, free_port, wait_until
from scene import FAST, SHORT, alive, expect, scenario, slow, wait_idle


@scenario
def health_does_not_depend_on_redis():
    with Stage() as s:
        listen = "127.0.0.1:%d" % free_port()
        s.worker(PUSHBRIDGE_ADMIN_LISTEN=listen)

        def healthy():
            env = s.worker_env({"PUSHBRIDGE_ADMIN_LISTEN": listen})
            return subprocess.run([os.path.join(BIN, "pushbridge"), "health"], env=env, capture_output=True).returncode == 0
        wait_until(healthy, "health says yes")
        s.kill_redis()
        expect(healthy(), "the loop turns without Redis")
        s.start_redis()
        n = s.push({"id": "after", "code": "I10000", "school": "s"})
        s.wait_ended(n)


@scenario
@slow
def redis_killed_and_restarted():
    with Stage(env=dict(FAST, **SHORT)) as s:
        s.hold(after=200)
        s.worker()
        s.worker()
        n = s.push_many(1500)
        s.wait_held()
        s.kill_redis()
        s.clear_faults()
        wait_until(lambda: not s.record()["in_flight"], "calls end while Redis is away")
        s.hold(after=200)
        s.start_redis()
        s.wait_held()
        s.kill_redis()
        killed = time.monotonic()
        s.clear_faults()
        wait_until(lambda: time.monotonic() > killed + 3.1, "every lease is over")
        s.start_redis()
        s.wait_ended(n)
        wait_idle(s)
        n += s.push_many(100, "after")
        s.wait_ended(n)
        alive(s)
        s.settle(n)


@scenario
def redis_emptied():
    """Keys and scripts are deleted under workers that wait."""
    with Stage(env=dict(FAST, **SHORT)) as s:
        s.worker()
        s.worker()
        s.wait_ended(s.push_many(20, "before"))
        wait_idle(s)
        s.redis("FLUSHALL")
        s.redis("SCRIPT", "FLUSH")
        n = s.push_many(100)
        s.wait_ended(n)
        wait_idle(s)
        alive(s)
        expect(not s.dead(), s.dead()[:1])
        s.settle(n)


@scenario
def redis_has_no_room_for_clients():
    """Others have taken the workers' places: they try on until there is one."""
    with Stage(env=dict(FAST, **SHORT)) as s:
        s.worker()
        s.worker()
        wait_idle(s)
        others = [Resp(s.redis_port) for _ in range(20)]
        expect({other("PING") for other in others} == {b"PONG"}, "each has its place")
        s.redis("CONFIG", "SET", "maxclients", len(others))  # with this client one too many
        clients = s.redis("CLIENT", "LIST").decode().splitlines()
        cut = [c.split()[0].replace("id=", "") for c in clients if " name=pushbridge " in c]
        expect(len(cut) == 4, clients)
        for i in cut:
            s.redis("CLIENT", "KILL", "ID", i)
        n = s.push_many(100)
        wait_until(lambda: all("max number of clients" in s.log(i) for i in range(2)), "both are refused")
        expect(s.ended() == 0, "nobody is connected")
        for other in others:
            other.close()
        s.wait_ended(n)
        wait_idle(s)
        alive(s)
        s.settle(n)


@scenario
def redis_busy():
    """A script without an end keeps Redis from everything else, with jobs in work and waiting."""
    with Stage(env=dict(FAST, **SHORT)) as s:
        s.redis("CONFIG", "SET", "lua-time-limit", "100")  # from Redis 7 on an alias of busy-reply-threshold
        s.hold(after=100)
        s.worker()
        n = s.push_many(1000)
        s.wait_held()
        s.spawn(["redis-cli", "-p", str(s.redis_port), "EVAL", "while true do end", "0"], "endless.log")
        wait_until(lambda: "BUSY" in s.log(), "the worker is refused")
        s.clear_faults()
        wait_until(lambda: not s.record()["in_flight"], "its calls end, and nobody hears of it")
        s.redis("SCRIPT", "KILL")
        expect(s.ended() < n, "not all were through before")
        s.wait_ended(n)
        alive(s)
        expect("event=redis_down" not in s.log(), "it keeps its connection")
        expect(not s.dead(), s.dead()[:1])
        s.settle(n)


def server_refusals(s):
    """How often Redis answered OOM; None from one that does not count it (before 6.2)."""
    line = [x for x in s.redis("INFO", "errorstats").decode().split("\r\n") if x.startswith("errorstat_OOM:count=")]
    return int(line[0].split("=")[1]) if line else None


@scenario
def redis_full():
    """Over maxmemory with noeviction the worker drains on, outcomes included, and idles safely. Claims, ends, limits and
    heartbeats are not refused, as each of their scripts begins with a write that a full memory allows; what is refused is the
    readiness write of each second and, once the queue is empty, the idle wait, and each refusal is counted."""
    with Stage(env=dict(FAST, **SHORT)) as s:
        n = s.push_many(2000)
        s.redis("CONFIG", "SET", "maxmemory-policy", "noeviction")
        s.redis("CONFIG", "SET", "maxmemory", "1")
        try:
            s.redis("RPUSH", wire.QUEUE, "x")
            raise Failure("Redis is not full")
        except Exception as e:
            expect("OOM" in str(e), e)
        pages = [Admin(), Admin()]
        for a in pages:
            s.worker(**a.env())
        page_of_each = lambda: [wait_until(a.families, "/metrics") for a in pages]  # noqa: E731
        most = 0

        def drained():
            nonlocal most
            for f in page_of_each():
                ends = f["pushbridge_ends_unconfirmed"].value()
                most = max(most, ends)
                held = f["pushbridge_jobs_in_flight"].value()  # at most twice 64 calls and as many claimed ahead
                expect(ends <= held <= 256, "%d ends unconfirmed, %d jobs held" % (ends, held))
            return s.ended() >= n
        wait_until(drained, "%d jobs ended" % n)
        expect(not s.dead(), s.dead()[:1])
        refused = lambda: [f["pushbridge_redis_errors_total"].value(kind="OOM") for f in page_of_each()]  # noqa: E731
        wait_until(lambda: min(refused()) >= 3, "both count what is refused")
        for f in page_of_each():
            errors = f["pushbridge_redis_errors_total"]
            expect(errors.value() == errors.value(kind="OOM") + errors.value(kind="NOSCRIPT"), "nothing else fails")
            expect(f["pushbridge_limiter_errors_total"].value() == 0 == f["pushbridge_jobs_stale_total"].value(), "no script is refused")
        s.redis("CONFIG", "SET", "maxmemory", "0")
        n += s.push_many(200, "k")
        s.wait_ended(n)
        wait_until(lambda: all(f["pushbridge_ends_unconfirmed"].value() == 0 for f in page_of_each()), "all ends are confirmed")
        said = server_refusals(s)
        wait_until(lambda: said is None or sum(refused()) == said - 1,
                   lambda: "Redis says %s, one of them to us; the workers %s" % (said, refused()))
        s.settle(n)
        return "%d writes refused, at most %d ends unconfirmed" % (sum(refused()), most)
