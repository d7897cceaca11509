# SPDX-License-Identifier: MIT
"""Starts real parts on free ports (redis-server, pushbridge-mock over TLS, workers), waits on
conditions with a deadline, and checks conservation. Standard library only."""
import collections
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import wire
from api_list import problems

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("PB_BIN", os.path.join(ROOT, "bin"))
REDIS_SERVER = os.environ.get("REDIS_SERVER", "redis-server")  # or valkey-server
Q = wire.QUEUE
K = wire.PREFIX


class Failure(AssertionError):
    pass


class Refused(OSError):
    """Redis answered with an error: the command was not carried out."""


PATIENCE_S = 120  # what takes so long hangs, on a machine however busy
CLAIMED_PORTS = {}  # port -> what keeps it ours


def port_range():
    """Below those that the kernel hands out itself: no connection's own end lies there."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
        first = int(f.read().split()[0])
    return range(10000, first) if first > 12000 else range(61000, 65536)


def claim_port(port):
    """Until this process ends nobody who asks like this gets it: the name of an abstract socket is the claim."""
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind("\0pushbridge-test-port-%d" % port)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", port))
    except OSError:
        claim.close()
        return False
    CLAIMED_PORTS[port] = claim
    return True


def free_port():
    ports = port_range()
    begin = os.getpid() * 101
    return next(p for p in (ports[(begin + i) % len(ports)] for i in range(len(ports))) if p not in CLAIMED_PORTS and claim_port(p))


def wait_until(condition, what, seconds=PATIENCE_S):
    """The condition decides, not the time: nothing may depend on how soon it is seen."""
    deadline, pause_s = time.monotonic() + seconds, 0.005
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure("not within %s s: %s" % (seconds, what() if callable(what) else what))
        threading.Event().wait(pause_s)
        pause_s = min(pause_s * 1.5, 0.04)


class Resp:
    """A Redis client of forty lines: binary-safe, blocking."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self.file = self.sock.makefile("rb")

    def __call__(self, *args):
        out = b"*%d\r\n" % len(args)
        for a in args:
            a = a if isinstance(a, bytes) else str(a).encode()
            out += b"$%d\r\n%s\r\n" % (len(a), a)
        self.sock.sendall(out)
        return self.read()

    def pipeline(self, commands):
        out = b""
        for args in commands:
            out += b"*%d\r\n" % len(args)
            for a in args:
                a = a if isinstance(a, bytes) else str(a).encode()
                out += b"$%d\r\n%s\r\n" % (len(a), a)
        self.sock.sendall(out)
        return [self.read() for _ in commands]

    def close(self):
        self.file.close()
        self.sock.close()

    def read(self):
        line = self.file.readline()
        if not line:
            raise OSError("connection closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b"-":
            raise Refused(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            n = int(rest)
            if n < 0:
                return None
            data = self.file.read(n + 2)
            return data[:-2]
        n = int(rest)
        return None if n < 0 else [self.read() for _ in range(n)]


# In one step: a job that moves between two looks would be in neither place, or in both.
COUNTS = """
local function all(kind)
    local n = 0
    for _, k in ipairs(redis.call('KEYS', ARGV[1] .. ':' .. kind .. ':*')) do n = n + redis.call('LLEN', k) end
    return n
end
return {redis.call('LLEN', KEYS[1]), all('inbox'), all('parked'), redis.call('HLEN', ARGV[1] .. ':member'),
        redis.call('HGETALL', ARGV[1] .. ':count')}
"""


class Stage:
    """One scenario's world; everything it started ends with it."""

    def __init__(self, redis_args=(), mock_args=(), tls=True, conf=None, env=None):
        self.dir = tempfile.mkdtemp(prefix="pb-e2e-")
        self.processes = []
        self.workers = []
        self.mocks = []
        self.conf = conf
        self.env_extra = env or {}
        self.redis_port = free_port()
        self.redis_args = list(redis_args)
        self.start_redis()
        self.start_mock(list(mock_args), tls)

    # --- parts
    def spawn(self, args, log, env=None, stderr=None):
        with open(os.path.join(self.dir, log), "ab") as out:
            p = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=out, stderr=stderr or out, cwd=self.dir,
                                 env=env)
        self.processes.append(p)
        return p

    def start_redis(self):
        self.redis_process = self.spawn(
            [REDIS_SERVER, "--port", str(self.redis_port), "--bind", "127.0.0.1", "--dir", self.dir,
             "--save", "", "--appendonly", "yes", "--appendfsync", "always"] + self.redis_args, "redis.log")
        self.redis = wait_until(self.try_redis, "redis answers")

    def try_redis(self):
        try:
            r = Resp(self.redis_port)
            r("PING")
            return r
        except OSError:
            return None

    def kill_redis(self):
        self.redis_process.kill()
        self.redis_process.wait()

    def start_mock(self, args, tls):
        ready = os.path.join(self.dir, "mock.ready")
        command = [os.path.join(BIN, "pushbridge-mock"), "--listen", "127.0.0.1:0", "--control",
                   "127.0.0.1:0", "--ready-file", ready] + args
        if tls:
            command += ["--tls", os.path.join(self.dir, "tls")]
        self.mock_process = self.spawn(command, "mock.log")
        text = wait_until(lambda: os.path.exists(ready) and open(ready).read(), "mock is ready")
        ports = dict(item.split("=") for item in text.split())
        self.mock_port, self.control_port = int(ports["listen"]), int(ports["control"])
        self.mocks.append((self.mock_process, self.control_port))
        self.endpoint = "%s://localhost:%d" % ("https" if tls else "http", self.mock_port)
        self.ca = os.path.join(self.dir, "tls", "ca.pem") if tls else None

    def worker_env(self, more):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("PUSHBRIDGE_", "PREQ_", "ALIBABA_"))}
        env.update({
            "PUSHBRIDGE_REDIS_URL": "redis://127.0.0.1:%d/0" % self.redis_port,
            "PUSHBRIDGE_ALIYUN_ENDPOINT": self.endpoint,
            "PUSHBRIDGE_ADMIN_LISTEN": "off", "PUSHBRIDGE_LIMIT_EGRESS_PER_S": "0",
            "PREQ_ACCESS_KEY_ID": "mock-id", "PREQ_ACCESS_KEY_SECRET": "mock-secret",
            "PREQ_APP_KEY": "23456789",
        })
        if self.ca:
            env["PUSHBRIDGE_ALIYUN_CA_FILE"] = self.ca
        env.update(self.env_extra)
        env.update(more)
        return env

    def worker(self, *args, program=os.path.join(BIN, "pushbridge"), stderr=None, **env):
        command = [program, "run"]
        if self.conf:
            command += ["-c", self.conf]
        p = self.spawn(command + list(args), "worker%d.log" % len(self.workers), self.worker_env(env), stderr)
        self.workers.append(p)
        return p

    def cli(self, *args, **env):
        """One command of the program to its end, with the workers' configuration."""
        command = [os.path.join(BIN, "pushbridge")] + list(args) + (["-c", self.conf] if self.conf else [])
        done = subprocess.run(command, env=self.worker_env(env), capture_output=True, text=True, timeout=PATIENCE_S)
        if done.returncode:
            raise Failure("%s: %d: %s" % (" ".join(args), done.returncode, done.stderr))
        return done.stdout

    def metrics(self, listen):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open("http://%s/metrics" % listen, timeout=PATIENCE_S) as answer:
            lines = answer.read().decode().splitlines()
        sums = collections.Counter()  # over all labels of a name
        for name, value in (x.rsplit(" ", 1) for x in lines if not x.startswith("#")):
            sums[name.split("{")[0]] += float(value)
        return sums

    # --- jobs
    def push(self, *jobs, queue=Q):
        self.redis.pipeline([("RPUSH", queue, j if isinstance(j, bytes) else json.dumps(j, ensure_ascii=False))
                             for j in jobs])
        return len(jobs)

    def push_many(self, n, prefix="j", make=None, queue=Q):
        make = make or (lambda i: {"id": "%s%d" % (prefix, i), "code": "I10001", "school": "s%d" % (i % 7), "tags": ["a", "b"]})
        for start in range(0, n, 500):
            self.push(*[make(i) for i in range(start, min(n, start + 500))], queue=queue)
        return n

    def outcomes(self, key=wire.RESULTS):
        return [json.loads(x) for x in self.redis("LRANGE", key, 0, -1)]

    def dead(self):
        return self.outcomes(wire.DEAD)

    def ended(self):
        try:
            return self.redis("LLEN", wire.RESULTS) + self.redis("LLEN", wire.DEAD)
        except OSError:
            self.redis = self.try_redis() or self.redis
            return -1

    def wait_ended(self, n):
        wait_until(lambda: self.ended() >= n, lambda: "%d jobs ended (have %d)" % (n, self.ended()))

    def counts(self, queue=Q):
        ready, inbox, parked, members, count = self.redis("EVAL", COUNTS, 1, queue, "{%s}" % queue)
        by = {count[i].decode(): int(count[i + 1]) for i in range(0, len(count), 2)}
        delayed = by.get("delayed", 0)
        return dict(ready=ready, inbox=inbox, parked=parked, delayed=delayed, leased=members - delayed,
                    sent=by.get("sent", 0), dead=by.get("dead", 0), duplicate=by.get("duplicate", 0))

    def conserve(self, enqueued):
        c = self.counts()
        replayed, dropped = (int(self.redis("HGET", wire.COUNT, name) or 0) for name in ("replayed", "dropped"))
        if sum(c.values()) != enqueued + replayed:
            raise Failure("conservation: %d enqueued, %d replayed, found %s" % (enqueued, replayed, c))
        if self.redis("LLEN", wire.DEAD) != c["dead"] - replayed - dropped:
            raise Failure("dead letters: %d died, %d replayed, %d dropped, %d there" % (
                c["dead"], replayed, dropped, self.redis("LLEN", wire.DEAD)))
        ids = [o["id"] for o in self.outcomes() + self.dead()]
        if len(ids) != len(set(ids)):
            raise Failure("two outcomes for one job: %s" % sorted({i for i in ids if ids.count(i) > 1})[:5])
        return c

    # --- Redis' clock
    def redis_ms(self):
        seconds, micros = self.redis("TIME")
        return int(seconds) * 1000 + int(micros) // 1000

    def batches_of(self, p):
        flat = self.redis("HGETALL", wire.BATCH)
        return [name for name, head in zip(flat[::2], flat[1::2]) if b"-%d-" % p.pid in head]

    def forget_worker(self, p):
        """As if the time of a killed worker's leases and of its heartbeat were up."""
        now = self.redis_ms()
        for name in self.batches_of(p):
            self.redis("ZADD", wire.DUE, "XX", now, name)
        for name in self.redis("ZRANGE", wire.WORKERS, 0, -1):
            if b"-%d-" % p.pid in name:
                self.redis("ZADD", wire.WORKERS, "XX", now - 1, name)

    # --- the mock's record
    def control(self, method, path, body=None, port=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request("http://127.0.0.1:%d%s" % (port or self.control_port, path), data, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=PATIENCE_S) as answer:
            text = answer.read()
        return json.loads(text) if text.strip() else {}

    def call_mock(self, params):
        """A call of the test's own, unsigned; what is answered does not matter."""
        url = "%s/?%s" % (self.endpoint, urllib.parse.urlencode(params))
        try:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=PATIENCE_S).close()
        except urllib.error.HTTPError as e:
            e.close()

    def fault(self, **rule):
        return self.control("POST", "/_mock/faults", rule)["id"]

    def clear_faults(self):
        self.control("DELETE", "/_mock/faults")

    def hold(self, **rule):
        """Calls that match get no answer before release() of this, or clear_faults()."""
        return self.fault(kind="hold", **rule)

    def release(self, rule):
        self.control("DELETE", "/_mock/faults?id=%d" % rule)

    def wait_held(self, n=1):
        wait_until(lambda: self.record()["held"] >= n, lambda: "%d calls are held (have %d)" % (n, self.record()["held"]))

    def record(self):
        return self.control("GET", "/_mock/record")

    def no_duplicates(self):
        d = self.control("GET", "/_mock/duplicates")
        found = [v for v in d.values() if isinstance(v, list) and v]
        if found:
            raise Failure("pushed twice: %s" % json.dumps(d)[:400])
        if self.record().get("concurrent", 0):
            raise Failure("concurrent calls with one token: %s" % self.record())

    # --- the mock's devices
    def seed(self, devices, tags=None):
        """The world anew: devices as in docs/mock.md, or their ids alone."""
        devices = [d if isinstance(d, dict) else {"id": d} for d in devices]
        return self.control("POST", "/_mock/world", {"devices": devices, "tags": tags or {}})

    def receipts(self):
        """What each device received: {device: [message as in docs/mock.md, …]}."""
        found = self.control("GET", "/_mock/inbox?full=1")
        if found["dropped"]:
            raise Failure("the mock's inboxes are full")
        return {d["device"]: d["messages"] for d in found["list"]}

    def inboxes(self, by="job_key"):
        """What each device received and how often: {device: Counter of job keys (bodies, titles)}."""
        return {device: collections.Counter(m[by] for m in messages) for device, messages in self.receipts().items()}

    def received(self, wanted, by="job_key"):
        """Every device got each of its messages exactly once, and nothing else: {device: [job key, …]}."""
        found = self.inboxes(by)
        wrong = []
        for device in sorted(set(wanted) | set(found)):
            want, got = collections.Counter(set(wanted.get(device, ()))), found.get(device, collections.Counter())
            if want != got:
                wrong.append("%s: missing %s, too many %s" % (device, sorted(want - got)[:3], sorted(got - want)[:3]))
        if wrong:
            raise Failure("%d devices: %s" % (len(wrong), "; ".join(wrong[:5])))

    def settle(self, enqueued):
        """How a scenario ends: nothing lost, nothing pushed twice."""
        self.no_duplicates()
        return self.conserve(enqueued)

    def check_calls(self):
        """Every call that reached a mock is one that the vendor's list allows; how many there were."""
        checked = 0
        for process, port in self.mocks:
            if process.poll() is not None:
                if process.returncode >= 0:
                    raise Failure("the mock ended by itself, exit %d" % process.returncode)
                continue  # the scenario killed it, and its record with it
            record = self.control("GET", "/_mock/record?list=1&full=1", port=port)
            if len(record["list"]) != record["calls"]:
                raise Failure("%d calls, but %d on record" % (record["calls"], len(record["list"])))
            for call in record["list"]:
                found = problems(call["action"], call["parameters"])
                if found:
                    raise Failure("call %d (%s): %s" % (call["seq"], call["action"], "; ".join(found)))
            checked += len(record["list"])
        return checked

    # --- the end
    def log(self, i=0):
        with open(os.path.join(self.dir, "worker%d.log" % i), errors="replace") as f:
            return f.read()

    def terminate(self, p):
        p.send_signal(signal.SIGTERM)
        return p.wait(PATIENCE_S)

    def stop(self, p):
        """It stands still from now on, until SIGCONT."""
        p.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, p.pid, os.WSTOPPED)

    def stop_holding(self, p):
        """Stops it while a call is held: looked at when it cannot end it any more."""
        def stopped():
            if not self.record()["held"]:
                return False
            self.stop(p)
            if self.record()["held"]:
                return True
            p.send_signal(signal.SIGCONT)
            return False
        wait_until(stopped, "it is stopped with a call held")

    def kill(self, p):
        p.kill()
        p.wait()

    def close(self, keep=False):
        for p in self.processes:
            if p.poll() is None:
                p.send_signal(signal.SIGCONT)
                p.kill()
            p.wait()
        if not keep:
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        failure = None if kind else self.last_look()
        if kind or failure:
            for name in sorted(os.listdir(self.dir)):
                if name.endswith(".log") and not name.startswith("redis"):
                    with open(os.path.join(self.dir, name), errors="replace") as f:
                        print("---- %s\n%s" % (name, "".join(f.readlines()[-15:])))
        self.close()
        if failure:
            raise Failure(failure)

    def last_look(self):
        """What is wrong with a scenario that went well so far, or None."""
        faults = self.sanitizer_reports()
        if faults:
            return "sanitizer report in %s" % faults
        try:
            self.check_calls()
        except (Failure, OSError) as e:
            return str(e)
        return None

    def sanitizer_reports(self):
        found = []
        for name in os.listdir(self.dir):
            if name.endswith(".log"):
                with open(os.path.join(self.dir, name), errors="replace") as f:
                    text = f.read()
                if "Sanitizer" in text or "runtime error:" in text:
                    found.append(name)
        return found
