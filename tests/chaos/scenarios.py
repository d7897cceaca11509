# SPDX-License-Identifier: MIT
"""The scenarios. Each is the time of the faults; load, recovery, drain and checks are the
runner's (world.py). What a scenario returns is its note."""
import collections
import json
import os
import re
import signal
import time

from checks import info, take_picture
from harness import Failure, Q, wait_until
from world import DEFAULTS, FAKETIME, QUICK, Skipped, topologies

SCENARIOS = {}
SHORT = []  # those that a normal test run includes
ALWAYS = ("--appendfsync", "always")
EVERYSEC = ("--appendfsync", "everysec")
REPLICATION_LAG_S = 1.0  # a replica is behind by no more, on a machine with much else to do
THREE_SECONDS = {"PUSHBRIDGE_QUEUE_LEASE_MS": "3000", "PUSHBRIDGE_QUEUE_EXTEND_MS": "500", "PUSHBRIDGE_QUEUE_IDLE_WAIT_S": "2",
                 "PUSHBRIDGE_ALIYUN_TIMEOUT_MS": "1500", "PUSHBRIDGE_ALIYUN_SETTLE_MS": "1000",
                 "PUSHBRIDGE_ALIYUN_CONNECT_TIMEOUT_MS": "1500"}


def scenario(short=False, **world):
    def add(f):
        SCENARIOS[f.__name__] = (f, world)
        if short:
            SHORT.append(f.__name__)
        return f
    return add


def expect(condition, what):
    if not condition:
        raise Failure(what)


# --- workers die, stop, restart
@scenario(short=True)
def workers_killed_every_second(w):
    for _ in w.each(1.0):
        w.kill_worker()
        w.add_worker()


def kill_one(w, limit_s):
    """One victim in full flight; the rest is patience."""
    w.kill_worker()
    moment = time.monotonic()
    held = w.kills[-1][1]
    expect(held, "the victim held jobs")
    w.after_checks = lambda: w.figures.expect(
        w.longest_wait is not None and w.longest_wait <= limit_s, "a killed worker's job waited %s s, allowed are %s" % (w.longest_wait, limit_s))
    wait_until(lambda: not set(held) & set(w.still_held(held)), "the victim's jobs are taken over")
    return "taken over by %.1f s" % (time.monotonic() - moment)


@scenario(env=DEFAULTS, workers=2)
def worker_killed_default_settings(w):
    return kill_one(w, 10.0)


@scenario(env=THREE_SECONDS, workers=2)
def worker_killed_lease_3_s(w):
    return "timeout 1.5 s, settle 1 s, extend 0.5 s; " + kill_one(w, 4.5)


@scenario(short=True)
def workers_stopped_past_the_lease(w):
    lease = int(QUICK["PUSHBRIDGE_QUEUE_LEASE_MS"]) / 1000
    for _ in w.each(0.3):
        sleeper = w.rng.choice(w.alive())
        sleeper.send_signal(signal.SIGSTOP)
        w.rest(lease + w.rng.uniform(0.2, 1.5))
        sleeper.send_signal(signal.SIGCONT)
    return "%d late finishes refused" % sum(w.stage.log(i).count("event=finish_stale") for i in range(len(w.stage.workers)))


@scenario()
def workers_restarted_in_turn(w):
    codes = []
    for _ in w.each(0.8):
        oldest = w.alive()[0]
        w.add_worker()
        w.expected_ends.add(oldest.pid)
        codes.append(w.stage.terminate(oldest))
    w.figures.expect(set(codes) == {0}, "a drained worker ends with 0: %s" % codes)
    return "%d restarts" % len(codes)


VERSIONS = 7
CODES = ("I10000", "I10001", "I20000")  # those of the load
VERSION_OF = re.compile(r"(I\d{5}) as of version (\d+)\. \(School: c\d+x\)")


def versioned(i):
    """A configuration that shapes calls in its own way: texts, and how many tags one call takes."""
    templates = ", ".join('{ code = "%s"; message = "%s as of version %d. (School: {0})"; }' % (c, c, i) for c in CODES)
    return "templates = ( %s );\nlimits: { operands = %d; };\n" % (templates, 10 - i % 2)


@scenario(fault_s=5, conf=versioned(0))
def hup_storm(w):
    """Every HUP finds another file. Some answers are lost meanwhile: what may have been sent under one
    version is never rendered under another."""
    sent = 0
    w.stage.fault(kind="drop_after_accept", probability=0.02)
    for turn, _ in enumerate(w.each(0.03)):
        w.configure(versioned(turn % VERSIONS))
        for p in w.alive():
            p.send_signal(signal.SIGHUP)
            sent += 1
    w.stage.clear_faults()
    w.after_checks = lambda: check_versions(w)
    return "%d signals" % sent


def check_versions(w):
    """Each text of a template on the provider's record is one that a file had, and what was pushed for
    one part of a job is all of one version. Another part, never out before, may be of a later one."""
    seen, parts = collections.Counter(), collections.defaultdict(set)
    for n, calls in w.ends.calls.items():
        for c in (c for c in calls if c["outcome"] in ("pushed", "suppressed")):
            text = json.loads(c["body"])["message"]
            if not text.startswith(("news ", "the same ")):
                found = VERSION_OF.fullmatch(text)
                w.figures.expect(found, "job %s has a text that no file had: %s" % (n, text))
                parts[n, c["target_value_digest"]].add(int(found.group(2)) if found else -1)
    seen.update(v for versions in parts.values() for v in versions)
    mixed = [n for (n, _), versions in parts.items() if len(versions) > 1]
    reloads = sum(w.stage.log(i).count("event=reload_done") for i in range(len(w.stage.workers)))
    w.figures.expect(not mixed, "calls pushed under several versions: %s" % mixed[:5])
    w.figures.expect(set(seen) == set(range(VERSIONS)), "all versions were in use: %s" % sorted(seen))
    w.figures.expect(w.ends.reasons()["ambiguous"], "no repeat found another version")
    w.figures.notes.append("%d reloads, %d versions of the texts on record" % (reloads, len(seen)))


@scenario(fault_s=5, workers=2, log_pipe=True)
def log_pipe_that_nobody_reads(w):
    w.endure()
    w.after_checks = lambda: check_log_lines(w)


def check_log_lines(w):
    """Every outcome's line is in the pipe, or counted as dropped."""
    text = read_all(w.log_end)
    full = len(text)
    for p in w.alive():
        w.stage.terminate(p)  # says something, now that there is room
    text += read_all(w.log_end)
    lines = text.count(b"event=job_sent") + text.count(b"event=job_dead")
    dropped = sum(int(part.split(b" ")[0]) for part in text.split(b"log_dropped=")[1:])
    w.figures.expect(dropped > 0, "lines were dropped")
    w.figures.expect(lines + dropped >= w.figures.jobs, "%d lines of outcomes and %d dropped, of %d jobs" % (lines, dropped, w.figures.jobs))
    w.figures.notes.append("pipe full after %d bytes: %d lines there, %d counted as dropped" % (full, lines, dropped))


def read_all(fd):
    out = b""
    try:
        while chunk := os.read(fd, 65536):
            out += chunk
    except BlockingIOError:
        pass
    return out


# --- Redis
@scenario(short=True, redis_args=ALWAYS)
def redis_killed_aof_always(w):
    for _ in w.each(2.5):
        w.kill_redis()
        w.restart_redis()


@scenario(redis_args=EVERYSEC)
def redis_killed_aof_everysec(w):
    for _ in w.each(2.5):
        w.kill_redis(w.monitor.durable_until)
        w.restart_redis()
    return "only synced RPUSHes count"


@scenario(redis_args=EVERYSEC + ("--auto-aof-rewrite-percentage", "0"), ids=1.0, burst=300, rate=100,
          latency={"latency_ms": 700, "latency_max_ms": 1200}, env=dict(QUICK, PUSHBRIDGE_REDIS_MAY_FORGET="true"))
def redis_power_cut_aof_everysec(w):
    """As if the machine had lost its power: the file ends where it was synced last. Slow calls, so
    that many are under way whose claim Redis forgets."""
    path = os.path.join(w.stage.dir, "appendonlydir", "appendonly.aof.1.incr.aof")
    cut = 0
    for _ in w.each(4):
        w.rest(1.5)  # time to sync something
        wait_until(w.aof_synced, "Redis has synced something")
        synced, size = w.synced_at, os.path.getsize(path)
        w.rest(1.2)
        w.kill_redis(synced)
        cut += os.path.getsize(path) - size
        os.truncate(path, size)
        w.restart_redis()
    return "%d KB of AOF lost" % (cut // 1024)


@scenario(fault_s=9, burst=2500)
def redis_over_maxmemory(w):
    ended = []
    for _ in w.each(3, spread=0):
        w.stage.redis("CONFIG", "SET", "maxmemory", "1")
        before = take_picture(w.stage.redis)
        w.rest(1.5)
        after = take_picture(w.stage.redis)
        w.stage.redis("CONFIG", "SET", "maxmemory", "0")
        w.figures.expect(after["enqueued"] == before["enqueued"], "Redis refused producers")
        ended.append(after["ended"] - before["ended"])
    w.figures.expect(all(ended), "outcomes are written while Redis is full: %s" % ended)
    w.figures.expect(w.producer.refusals > 0, "Redis refused producers")
    return "ended while full: %s" % "+".join(map(str, ended))


def fill_disk(w):
    path = os.path.join(w.own_mount, "filler")
    with open(path, "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"\0" * 65536)
        except OSError:
            pass
    return path


@scenario(redis_args=EVERYSEC + ("--auto-aof-rewrite-percentage", "0"), redis_dir_mb=48, fault_s=9)
def disk_full_aof_everysec(w):
    refused = 0
    for _ in w.each(4, spread=0):
        path = fill_disk(w)
        wait_until(lambda: info(w.connect(), "persistence")["aof_last_write_status"] == "err", "Redis notices")
        w.rest(1.5)
        refused = w.producer.refusals
        os.unlink(path)
    w.figures.expect(refused > 0, "Redis refused writes")
    return "MISCONF refused %d producers' writes" % w.producer.refusals


@scenario(redis_args=ALWAYS + ("--auto-aof-rewrite-percentage", "0"), redis_dir_mb=48, fault_s=6)
def disk_full_aof_always(w):
    deaths = 0
    for _ in w.each(3, spread=0):
        path = fill_disk(w)
        w.stage.redis_process.wait(30)
        deaths += 1
        w.rest(0.5)
        os.unlink(path)
        w.restart_redis()
    return "Redis ended itself %d times" % deaths


# --- Redis with others at its side; jobs count when a replica has them
@scenario(topology="SentinelStage", replicas=1, env=dict(QUICK, PUSHBRIDGE_REDIS_WAIT_REPLICAS="1"), fault_s=10)
def sentinel_failover(w):
    return "RPUSH counts after WAIT 1; claims wait for a replica; " + failover(w, w.stage.promoted)[0]


@scenario(topology="ClusterStage", replicas=1, fault_s=10)
def cluster_failover(w):
    """One replica to a shard, none after the failover: claims cannot wait for one. What producers
    were told by WAIT is there all the same; a claim that the replica had not got is forgotten."""
    def promoted(old):
        if w.redis_port() == old:
            return False
        w.producer.replicas = 0  # the one replica is the master now
        return True
    note, lapse = failover(w, promoted)
    w.lapses.append(lapse)
    return "RPUSH counts after WAIT 1, after the failover without; claims are replicated without waiting; " + note


def failover(w, promoted):
    """Returns the note, and which claims the new master may not know."""
    old = w.redis_port()
    killed = away = time.monotonic()
    w.stage.kill_node(old)

    def another():
        nonlocal away
        moment = time.monotonic()
        if promoted(old):
            return True
        away = moment
        return False
    wait_until(another, "another master")
    there = time.monotonic()
    w.relief.append(there)
    w.stage.redis.forget()
    took = wait_until(lambda: w.monitor.progress_after(there), "work goes on")
    w.figures.expect(took <= 3, "work went on only %.1f s after the failover" % took)
    w.endure()
    return "failover %.1f s, work %.1f s later" % (there - killed, took), (killed - REPLICATION_LAG_S, away, there)


@scenario(topology="ClusterStage")
def cluster_reshard(w):
    slot, steps = topologies.slot_of(Q), 0
    for _ in w.each(3):
        source = w.redis_port()
        w.monitor.moving = True
        for _ in w.stage.move_slot(slot, sorted(w.stage.masters() - {source})[0]):
            steps += 1
            w.rest(0.05)
        w.stage.redis.forget()
        w.monitor.moving = False
    return "%d steps of moving" % steps


# --- between worker and Redis
@scenario(short=True, redis_proxy=True)
def redis_connections_cut(w):
    for _ in w.each(0.4):
        w.redis_link.cut(w.rng.choice([0.2, 0.5, 1.0]))
    return "%d cuts" % w.redis_link.cuts


@scenario(redis_proxy=True)
def redis_half_open(w):
    muted = 0
    for _ in w.each(2.0):
        muted += w.redis_link.mute(0.5)
    return "%d connections went silent" % muted


@scenario(short=True, redis_proxy=True, fault_s=9)
def redis_black_hole(w):
    for _ in w.each(4.5, spread=0):
        w.redis_link.set(blackhole=True)
        w.rest(3.5)  # longer than the lease
        w.redis_link.heal()
    return "3.5 s each, lease 3 s"


@scenario(redis_proxy=True, env=DEFAULTS)
def redis_latency_100_500_ms(w):
    w.redis_link.set(latency=(0.1, 0.5))
    w.endure()
    w.redis_link.heal()
    return "each way"


# --- between worker and provider
@scenario(provider_proxy=True)
def provider_connections_cut(w):
    for _ in w.each(0.3):
        w.provider_link.cut(w.rng.choice([0.2, 0.5, 1.0]))
    return "%d cuts" % w.provider_link.cuts


@scenario(provider_proxy=True)
def provider_half_open(w):
    muted = 0
    for _ in w.each(1.5):
        muted += w.provider_link.mute(0.5)
    return "%d connections went silent" % muted


@scenario(provider_proxy=True, env=DEFAULTS)
def provider_latency_100_500_ms(w):
    w.provider_link.set(latency=(0.1, 0.5))
    w.endure()
    w.provider_link.heal()
    return "each way"


@scenario(provider_proxy=True, fault_s=6)
def provider_refuses_connections(w):
    w.provider_link.set(refusing=True)
    w.provider_link.cut()
    w.endure()
    w.provider_link.heal()


@scenario(provider_proxy=True, fault_s=6)
def provider_certificate_swapped(w):
    """Another CA behind the same name and port: circuits open, and nothing reaches the impostor."""
    port, control = w.impostor()
    right = w.provider_link.upstream
    w.provider_link.set(upstream=port)
    w.provider_link.cut()
    wait_until(lambda: len(w.log_has("event=circuit_open")) == len(w.stage.workers), "every worker's circuit opens")
    before = w.monitor.sent()
    w.endure()
    w.figures.expect(w.monitor.sent() - before <= 40, "none are sent but those that the look before came too early for: %d" % (w.monitor.sent() - before))
    w.provider_link.set(upstream=right)
    w.provider_link.cut()
    calls = w.stage.control("GET", "/_mock/record", port=control)["calls"]
    w.figures.expect(calls == 0, "%d calls reached the impostor" % calls)
    return "all circuits opened; %d calls at the impostor" % calls


# --- what the provider answers
def provider_fault(w, probability, *rules):
    for rule in rules:
        w.stage.fault(probability=probability, **rule)
    w.endure()
    w.stage.clear_faults()


@scenario(fault_s=6)
def provider_answers_5xx(w):
    provider_fault(w, 0.15, dict(kind="error", code="ServiceUnavailable", status=503),
                   dict(kind="error", code="InternalError", status=500), dict(kind="bad_gateway"))


@scenario(fault_s=6)
def provider_down_5xx(w):
    provider_fault(w, 1.0, dict(kind="error", code="ServiceUnavailable", status=503))


@scenario(fault_s=6)
def provider_throttles_429(w):
    provider_fault(w, 0.3, dict(kind="throttle", status=429), dict(kind="throttle", headers={"x-acs-retry-after": "400"}))


APPS = {"default": "23456789", "shop": "34567890", "news": "45678901"}
APPS_CONF = "apps = ( %s );\n" % ", ".join('{ name = "%s"; app_key = "%s"; account = "%s"; }' % (app, key, app) for app, key in APPS.items())


@scenario(fault_s=8, conf=APPS_CONF, apps=tuple(APPS))
def three_apps_in_trouble(w):
    """One app's answers are 5xx or lost, another is refused altogether, the third is throttled: beside each other, and
    a worker is killed every other second."""
    for app, rules in {"default": (dict(kind="error", code="ServiceUnavailable", status=503, probability=0.5), dict(kind="drop_after_accept", probability=0.1)),
                       "shop": (dict(kind="error", code="InvalidAppKey.NotFound", status=400),),
                       "news": (dict(kind="throttle", probability=0.2, headers={"x-acs-retry-after": "300"}),)}.items():
        for rule in rules:
            w.stage.fault(match={"app_key": APPS[app]}, **rule)
    for _ in w.each(2.0):
        w.kill_worker()
        w.add_worker()
    w.stage.clear_faults()
    w.after_checks = lambda: w.figures.expect(w.log_has("event=circuit_open app=shop"), "the refused app's circuit opened")
    return "circuit opened %d times" % sum(w.stage.log(i).count("event=circuit_open app=shop why=InvalidAppKey") for i in range(len(w.stage.workers)))


@scenario(fault_s=6)
def provider_hangs(w):
    provider_fault(w, 0.05, dict(kind="hang"), dict(kind="hang", accepted=True))


@scenario(fault_s=6)
def provider_drops_answers(w):
    provider_fault(w, 0.1, dict(kind="drop_after_accept"), dict(kind="close_after_read"))


@scenario(fault_s=6)
def provider_answers_garbage(w):
    provider_fault(w, 0.1, dict(kind="garbage"), dict(kind="garbage", accepted=True), dict(kind="error", accepted=True, code="InternalError", status=500))


@scenario(short=True)
def everything_at_once(w):
    """A small dose of every answer, while workers are killed and restarted. Throttling with a hint: without
    one all workers soon rest for seconds, and nobody who holds a job is killed."""
    gently = {"x-acs-retry-after": "100"}
    for rule in (dict(kind="error", status=503), dict(kind="throttle", status=429, headers=gently), dict(kind="hang", accepted=True),
                 dict(kind="drop_after_accept"), dict(kind="close_after_read"), dict(kind="garbage", accepted=True)):
        w.stage.fault(probability=0.03, **rule)
    for turn, _ in enumerate(w.each(1.5)):
        if turn % 2 == 0:
            w.kill_worker()
        else:
            p = w.alive()[0]
            w.expected_ends.add(p.pid)
            p.send_signal(signal.SIGTERM)
        w.add_worker()
    w.stage.clear_faults()


# --- clocks
def faketime():
    if not FAKETIME:
        raise Skipped("libfaketime is not installed")
    return {"LD_PRELOAD": FAKETIME[0], "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


@scenario(fault_s=6, workers=1)
def clock_20_min_off(w):
    w.add_worker(**faketime(), FAKETIME="+20m")
    w.add_worker(**faketime(), FAKETIME="-20m")
    w.endure()
    return "one worker ahead, one behind"


@scenario(workers=1)
def clock_jumps(w):
    path = os.path.join(w.stage.dir, "clock")

    def set_clock(offset):
        with open(path + ".new", "w") as f:
            f.write(offset + "\n")
        os.replace(path + ".new", path)
    set_clock("+0")
    for _ in range(2):
        w.add_worker(**faketime(), FAKETIME_TIMESTAMP_FILE=path, FAKETIME_CACHE_DURATION="1")
    for _ in w.each(1.5):
        set_clock(w.rng.choice(["+20m", "-20m", "+3d", "-3d", "+0"]))
    set_clock("+0")
    return "two workers of three, up to 3 days"
