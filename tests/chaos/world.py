# SPDX-License-Identifier: MIT
"""One scenario's world: the e2e stage, a load, a monitor, proxies, and the faults to choose from."""
import glob
import os
import random
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))
import wire  # noqa: E402
from harness import BIN, Failure, K, Q, Resp, Stage, wait_until  # noqa: E402
from crowd import Inboxes, world  # noqa: E402
from load import Jobs, Producer, find_mark, find_number, mark  # noqa: E402
from checks import Ends, Figures, Monitor, check_ends, check_places, check_record, check_sharing, info  # noqa: E402
from proxy import Proxy  # noqa: E402
try:
    import topology as topologies
except ImportError:
    topologies = None  # Sentinel and Cluster are not there yet

# Short times, so that many things happen in a few seconds; lease − extend ≥ timeout + settle holds.
QUICK = {"PUSHBRIDGE_ALIYUN_TIMEOUT_MS": "1500", "PUSHBRIDGE_ALIYUN_SETTLE_MS": "600",
         "PUSHBRIDGE_ALIYUN_CONNECT_TIMEOUT_MS": "1000",
         "PUSHBRIDGE_QUEUE_LEASE_MS": "3000", "PUSHBRIDGE_QUEUE_EXTEND_MS": "500",
         "PUSHBRIDGE_QUEUE_REAP_MS": "200", "PUSHBRIDGE_QUEUE_IDLE_WAIT_S": "1",
         "PUSHBRIDGE_REDIS_CONNECT_TIMEOUT_MS": "1000", "PUSHBRIDGE_REDIS_COMMAND_TIMEOUT_MS": "1500",
         "PUSHBRIDGE_RETRY_BASE_MS": "50", "PUSHBRIDGE_RETRY_CAP_MS": "1000",
         "PUSHBRIDGE_CIRCUIT_PROBE_MS": "300", "PUSHBRIDGE_QUEUE_CONCURRENCY": "32"}
DEFAULTS = {}  # what a worker has when nobody sets anything

DRAIN_S = 150      # generous: other work may share the machine
RECOVERY_S = 60
FAKETIME = sorted(glob.glob("/usr/lib/*/faketime/libfaketime.so.1"))


class Skipped(Exception):
    """This machine lacks something; the table says what."""


class World:
    def __init__(self, name, seed, fault_s=8.0, workers=3, env=None, redis_args=(), mock_args=(), burst=600,
                 rate=250, latency=None, ids=0.6, redis_proxy=False, provider_proxy=False, redis_dir_mb=0,
                 log_pipe=False, topology=None, replicas=0, conf=None, apps=()):
        self.figures = Figures(name, seed)
        latency = latency or {"latency_ms": {"p50": 40, "p99": 300}}
        self.rng = random.Random("%s:%s" % (seed, name))
        self.fault_s, self.wanted_workers, self.burst = fault_s, workers, burst
        self.own_mount = None
        self.log_end, self.log_pipe = os.pipe() if log_pipe else (None, None)
        if log_pipe:
            os.set_blocking(self.log_end, False)
        args = list(redis_args)
        if redis_dir_mb:
            args += ["--dir", self.mount(redis_dir_mb)]
        if topology and not topologies:
            raise Skipped("tests/e2e has no topology.py")
        kind = getattr(topologies, topology) if topology else Stage
        self.stage = kind(redis_args=args, mock_args=list(mock_args) + ["--quiet"], env=QUICK if env is None else env)
        self.topology = topology
        self.expected_ends, self.kills, self.proxies = set(), [], []
        self.longest_wait = self.synced_then = None
        self.after_checks = lambda: None  # a scenario's own look at the figures
        self.unsynced = []  # times (from, to) of which Redis may have forgotten RPUSHes that it confirmed
        self.lapses = []    # and claims: checks.is_forgotten_claim, here in monotonic time
        self.relief = []    # moments at which some trouble was over, or had been made
        self.ends = None    # what came of it all, once it was looked at
        if conf:
            self.configure(conf)
        self.redis_link = self.proxy(self.stage.redis_port) if redis_proxy else None
        self.provider_link = self.proxy(self.stage.mock_port) if provider_proxy else None
        self.stage.seed(*world(mark))
        self.stage.fault(kind="latency", **latency)
        self.jobs = Jobs(self.rng.random(), ids, apps=apps)
        self.producer = Producer(self.connect, self.jobs, rate, replicas)
        self.monitor = Monitor(self.connect)

    def proxy(self, port):
        self.proxies.append(Proxy(port, self.rng.random()))
        return self.proxies[-1]

    def connect(self):
        """A client of the tests' own, past every proxy."""
        if self.topology:
            return self.stage.connect(self.redis_port())
        return Resp(self.stage.redis_port)

    def configure(self, text):
        """The workers' file, put in place whole: one that reloads finds the old one or the new one."""
        self.stage.conf = os.path.join(self.stage.dir, "pushbridge.conf")
        with open(self.stage.conf + ".new", "w", encoding="utf-8") as f:
            f.write(text)
        os.replace(self.stage.conf + ".new", self.stage.conf)

    def redis_port(self):
        """Where the queue is now."""
        if self.topology == "SentinelStage":
            return self.stage.master_port()
        return self.stage.slots()[topologies.slot_of(Q)]

    def mount(self, megabytes):
        path = "%s/pb-chaos-%d" % (os.environ.get("TMPDIR", "/tmp"), os.getpid())
        os.makedirs(path, exist_ok=True)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dm" % megabytes, "none", path]).returncode:
            raise Skipped("a tmpfs cannot be mounted here")
        self.own_mount = path
        return path

    # --- workers
    def add_worker(self, **env):
        if self.redis_link:
            env.setdefault("PUSHBRIDGE_REDIS_URL", "redis://127.0.0.1:%d/0" % self.redis_link.port)
        if self.provider_link:
            env.setdefault("PUSHBRIDGE_ALIYUN_ENDPOINT", "https://localhost:%d" % self.provider_link.port)
        return self.stage.worker(stderr=self.log_pipe, **env)

    def alive(self):
        return [w for w in self.stage.workers if w.poll() is None]

    def kill_worker(self, w=None):
        """SIGKILL; remembers what the victim held, to see how long that waits."""
        w = w or self.rng.choice(self.alive())
        self.expected_ends.add(w.pid)
        w.kill()
        moment = time.time()
        w.wait()
        self.kills.append((moment, self.held_by(w.pid)))
        return w

    def held_by(self, pid):
        redis, held = self.stage.redis, []
        heads = redis("HGETALL", wire.BATCH) or []
        for name, head in zip(heads[::2], heads[1::2]):
            part = head.split(b" ")
            if len(part) == 8 and part[1] == b"L" and b"-%d-" % pid in part[4]:
                fields = [b"%s:%d" % (name, p) for p in range(int(part[5]))]
                held += [find_number(v) for v in redis("HMGET", wire.MEMBER, *fields) if v]
        return [n for n in held if n is not None]

    def still_held(self, numbers):
        """Those of the numbers that are leased by a worker that is no more."""
        gone = [w.pid for w in self.stage.workers if w.poll() is not None]
        held = set()
        for pid in gone:
            held.update(self.held_by(pid))
        return held & set(numbers)

    def log_has(self, text):
        return [i for i in range(len(self.stage.workers)) if text in self.stage.log(i)]

    # --- time
    def rest(self, seconds):
        threading.Event().wait(seconds)  # how long a fault lasts; nothing is awaited

    def each(self, period, spread=0.3):
        """One turn per period until the fault phase is over. At the end of its turn a trouble is over,
        or made (a kill, a cut): from then on the workers are to find their way."""
        end = time.monotonic() + self.fault_s
        while time.monotonic() < end:
            yield
            self.relief.append(time.monotonic())
            self.rest(min(period * self.rng.uniform(1 - spread, 1 + spread), max(0.0, end - time.monotonic())))

    def endure(self):
        """A trouble that lasts for the whole fault phase."""
        self.rest(self.fault_s)

    # --- Redis
    def kill_redis(self, synced=None):
        """SIGKILL. synced: what was confirmed since then may be gone afterwards; None: nothing may."""
        self.stage.kill_redis()
        self.synced_then = synced
        if synced is not None:
            self.unsynced.append((synced, time.monotonic()))

    def aof_synced(self):
        """True when everything that was confirmed before synced_at is in the AOF's file."""
        self.synced_at = time.monotonic()
        aof = info(self.stage.redis, "persistence")
        return aof["aof_buffer_length"] == "0" and aof["aof_pending_bio_fsync"] == "0"

    def restart_redis(self):
        away = time.monotonic()
        wait_until(self.try_start_redis, "redis starts again")
        if self.synced_then is not None:
            self.lapses.append((self.synced_then, away, time.monotonic()))

    def try_start_redis(self):
        self.stage.start_redis()
        return True

    # --- the provider
    def impostor(self):
        """A second provider with the same name and another CA; returns (port, control port)."""
        ready, tls = os.path.join(self.stage.dir, "impostor.ready"), os.path.join(self.stage.dir, "impostor-tls")
        self.stage.spawn([os.path.join(BIN, "pushbridge-mock"), "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0",
                          "--tls", tls, "--ready-file", ready, "--quiet"], "impostor.log")
        text = wait_until(lambda: os.path.exists(ready) and open(ready).read(), "the impostor is ready")
        ports = dict(item.split("=") for item in text.split())
        return int(ports["listen"]), int(ports["control"])

    # --- the course of a scenario
    def begin(self):
        self.monitor.start()
        for _ in range(self.wanted_workers):
            self.add_worker()
        self.producer.burst(self.burst)
        self.producer.start()
        wait_until(lambda: self.monitor.ended() > 50, "work is in full flight")
        self.began = time.monotonic()

    def finish(self):
        """After the faults: recovery, drain, checks. The load goes on until work is seen again."""
        moment = time.monotonic()
        monitor, few = self.monitor, self.monitor.FEW
        took = wait_until(lambda: monitor.progress_after(moment, few), "work goes on by itself", RECOVERY_S)
        self.figures.pause = monitor.longest_pause(self.began, moment + took)
        # Both are bounds from above, by what the monitor's looks can tell: the smaller one holds for both.
        self.figures.recovery = min(self.figures.pause, max(monitor.progress_after(t, few) for t in self.relief + [moment]))
        self.producer.stop()
        self.sabotage()
        moment = time.monotonic()
        try:
            wait_until(lambda: self.drained(moment), "the queue drains", DRAIN_S)
        except Failure:
            raise Failure("the queue does not drain within %d s: %s" % (DRAIN_S, self.monitor.last))
        self.monitor.stop()
        if not self.topology:
            self.stage.redis = self.connect()
        self.look()

    def drained(self, since):
        return self.monitor.samples[-1][0] > since and self.monitor.last["open"] <= 0

    def sabotage(self):
        """To prove that the checks see something: CHAOS_SABOTAGE=lose, twice or 1 (lose)."""
        what = os.environ.get("CHAOS_SABOTAGE")
        redis = self.connect()
        if what in ("1", "lose"):
            self.producer.burst(500)
            job = wait_until(lambda: redis("LPOP", Q), "a job to lose")
            self.figures.notes.append("SABOTAGE: job %s dropped" % find_mark(job))
        elif what == "twice":
            redis("RPUSH", Q, b'{"message":"news c1x","target":{"tag":"vip"},"meta":{"n":1}}')
            redis("RPUSH", Q, b'{"message":"news c1x","target":{"tag":"vip"},"meta":{"n":1}}')
            self.figures.notes.append("SABOTAGE: a job enqueued twice behind the ledger's back")

    def lists(self):
        """Results and dead letters; with a Cluster they lie in the queue's slot."""
        prefix = K + ":" if self.topology == "ClusterStage" else "push:"
        return prefix + "results", prefix + "dead"

    def look(self):
        f, stage = self.figures, self.stage
        for w in stage.workers:
            f.expect(w.poll() is None or w.pid in self.expected_ends, "a worker ended by itself: %s" % w.returncode)
        listed = stage.control("GET", "/_mock/record?list=1")
        contents = {n: content for n, (content, _) in self.jobs.intended.items()}
        groups = {content for n, content in contents.items() if n != content}
        self.ends = ends = Ends(stage.redis, listed["list"], groups, *self.lists())
        check_ends(f, ends, self.producer, self.monitor, stage.redis, self.unsynced)
        inboxes = Inboxes(stage.receipts(), self.jobs, ends, find_mark)
        without_id = {contents.get(n, n) for n in set(self.producer.state) - self.jobs.given}
        check_record(f, ends, listed, stage.control("GET", "/_mock/duplicates"), inboxes, contents,
                     without_id, self.provider_times(self.lapses))
        check_sharing(f, ends, self.jobs.ids < 1)
        check_places(f, stage, f.jobs)
        self.note_reasons(ends.reasons())
        self.note_waits(ends)

    @staticmethod
    def provider_times(lapses):
        """The provider's record has wall-clock milliseconds."""
        ahead = time.time() - time.monotonic()
        return [tuple((t + ahead) * 1000 for t in lapse) for lapse in lapses]

    def note_reasons(self, reasons):
        unusual = {k: v for k, v in reasons.items() if k not in ("invalid_json", "invalid_job", "unknown_template", "invalid_target")}
        if unusual:
            self.figures.notes.append("dead: " + ", ".join("%s %d" % item for item in sorted(unusual.items())))

    def note_waits(self, ends):
        """Longest wait of a killed worker's job until somebody sent it, or ended it."""
        waits = []
        for moment, held in self.kills:
            for n in held:
                calls = [] if n in ends.groups else ends.calls.get(n, [])  # a group's calls are not all its own
                after = [c["at_ms"] / 1000 for c in calls if c["at_ms"] / 1000 > moment]
                after += [o["done_at"] / 1000 for o in ends.outcomes.get(n, [])]
                later = [t - moment for t in after if t > moment]
                waits += [min(later)] if later else []
        self.longest_wait = max(waits) if waits else None
        if waits:
            self.figures.notes.append("%d kills; a victim's job waited %.1f s at most, of %d" % (len(self.kills), max(waits), len(waits)))

    def close(self, show):
        self.producer.stopping.set()
        self.monitor.stopping.set()
        for p in self.proxies:
            p.stop()
        if show:
            self.show_logs()
        self.stage.close(keep=bool(show and os.environ.get("CHAOS_KEEP")))
        if self.own_mount:
            subprocess.run(["umount", "-l", self.own_mount], check=False)
            shutil.rmtree(self.own_mount, ignore_errors=True)

    def show_logs(self):
        for name in sorted(os.listdir(self.stage.dir)):
            if name.endswith(".log"):
                with open(os.path.join(self.stage.dir, name), errors="replace") as log:
                    lines = [line for line in log if "event=job_" not in line]
                print("---- %s\n%s" % (name, "".join(lines[-12:])), file=sys.stderr)
