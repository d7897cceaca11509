# SPDX-License-Identifier: MIT
"""Redis as people run it: TLS with client certificates and the documented minimal ACL rules
(conf/*-acl.conf), behind Sentinel or as a Cluster, on free ports of loopback."""
import binascii
import glob
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

from harness import Failure, PATIENCE_S, REDIS_SERVER, ROOT, Resp, Stage, free_port, wait_until

ADMIN = ("admin", "admin-password")
# As people have it: what one kind of server lets in, the other refuses.
LOGINS = {"redis-acl.conf": ("pushbridge", "servers-password"), "sentinel-acl.conf": ("watcher", "sentinels-password")}


def rule(name):
    """The one line of an ACL file in conf/, for the user and the password of its kind of server."""
    with open(os.path.join(ROOT, "conf", name)) as f:
        line, = [x.strip() for x in f if x.startswith("user ")]
    rights = re.match(r"user \S+ on >\S+ (.*)", line).group(1)
    return "user %s on >%s %s" % (*LOGINS[name], rights)


def check_rule_covers_scripts():
    """Every command of a script is in the rule: a missing one is named here, not by a hang."""
    granted = set(re.findall(r" \+(\S+)", rule("redis-acl.conf")))
    folder = os.path.join(ROOT, "src", "queue", "lua")
    for name in sorted(glob.glob("**/*.lua", root_dir=folder, recursive=True)):
        with open(os.path.join(folder, name)) as f:
            used = {c.lower() for c in re.findall(r"call\('([A-Z]+)'", f.read())}
        if used - granted:
            raise Failure("conf/redis-acl.conf lacks %s, which %s needs" % (sorted(used - granted), name))


def slot_of(key):
    key = key if isinstance(key, bytes) else str(key).encode()
    m = re.search(rb"\{([^}]+)\}", key[key.find(b"{"):]) if b"{" in key else None
    return binascii.crc_hqx(m.group(1) if m and m.start() == 0 else key, 0) % 16384


class TlsResp(Resp):
    def __init__(self, port, context):
        raw = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self.sock = context.wrap_socket(raw, server_hostname="127.0.0.1")
        self.file = self.sock.makefile("rb")
        self("AUTH", *ADMIN)


class PlainResp(Resp):
    def __init__(self, port):
        super().__init__(port)
        self("AUTH", *ADMIN)


class TopologyStage(Stage):
    kind = None

    def start_redis(self):
        check_rule_covers_scripts()
        self.nodes = {}  # name -> (port, process)
        self.make_certs()
        self.start_nodes()
        self.redis = self.client()

    def make_certs(self):
        d = self.certs = os.path.join(self.dir, "certs")
        os.mkdir(d)

        def make(name, *more):
            subprocess.run(["openssl", "req", "-x509", "-config", os.path.join(ROOT, "tests", "support", "openssl.cnf"), "-extensions", name,
                            "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=" + name,
                            "-keyout", name + ".key", "-out", name + ".crt", *more], cwd=d, check=True, capture_output=True)
        make("ca")
        for name, san in ("server", "IP:127.0.0.1"), ("client", "DNS:worker"):
            make(name, "-CA", "ca.crt", "-CAkey", "ca.key", "-addext", "subjectAltName=" + san)
        self.context = ssl.create_default_context(cafile=self.cert("ca.crt"))
        self.context.load_cert_chain(self.cert("client.crt"), self.cert("client.key"))

    def cert(self, name):
        return os.path.join(self.certs, name)

    def node(self, name, acl, *lines, port=None):
        port = port or free_port()
        folder = os.path.join(self.dir, name)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "users.acl"), "w") as f:
            f.write("user default off\nuser %s on >%s ~* &* +@all\n%s\n" % (*ADMIN, rule(acl)))
        with open(os.path.join(folder, "redis.conf"), "w") as f:
            f.write("\n".join([*self.listen_lines(acl, port), "bind 127.0.0.1", "tls-cert-file " + self.cert("server.crt"),
                               "tls-key-file " + self.cert("server.key"), "tls-ca-cert-file " + self.cert("ca.crt"),
                               "tls-auth-clients yes", "dir " + folder, "aclfile %s/users.acl" % folder, *lines]) + "\n")
        args = [REDIS_SERVER, os.path.join(folder, "redis.conf")] + (["--sentinel"] if acl.startswith("sentinel") else [])
        self.nodes[name] = port, self.spawn(args, "redis-%s.log" % name)
        return port

    DATA = ("save ''", "masteruser " + ADMIN[0], "masterauth " + ADMIN[1], "repl-diskless-sync-delay 0", "repl-ping-replica-period 1")

    def listen_lines(self, acl, port):
        """How a node of that kind listens, and speaks to the others."""
        return "port 0", "tls-port %d" % port, "tls-replication yes"

    def connect(self, port):
        return TlsResp(port, self.context)

    def ask(self, port, *args):
        """One command, None when nobody answers."""
        try:
            return self.connect(port)(*args)
        except OSError:
            return None

    def attempt(self, port, *args):
        """One command; an error is its answer."""
        try:
            return self.connect(port)(*args)
        except OSError as e:
            return e

    def wait_answers(self):
        for port, _ in self.nodes.values():
            wait_until(lambda: self.ask(port, "PING") == b"PONG", "port %d answers" % port)

    def process_of(self, port):
        process, = [p for q, p in self.nodes.values() if q == port]
        return process

    def kill_node(self, port):
        process = self.process_of(port)
        process.kill()
        process.wait()

    def freeze_node(self, port):
        self.process_of(port).send_signal(signal.SIGSTOP)

    def thaw_node(self, port):
        self.process_of(port).send_signal(signal.SIGCONT)

    def worker_env(self, more):
        own = {"PUSHBRIDGE_REDIS_URL": self.url("%s:%s" % LOGINS["redis-acl.conf"]), "PUSHBRIDGE_REDIS_CA_FILE": self.cert("ca.crt"),
               "PUSHBRIDGE_REDIS_CERT_FILE": self.cert("client.crt"), "PUSHBRIDGE_REDIS_KEY_FILE": self.cert("client.key")}
        return super().worker_env(dict(own, **more))

    def no_denials(self):
        for i in range(len(self.workers)):
            if "NOPERM" in self.log(i):
                raise Failure([x for x in self.log(i).split("\n") if "NOPERM" in x][0])

    def outcome_ids(self, queues):
        raise NotImplementedError

    def places(self, queues):
        """Where jobs are, for the message of a failure."""
        return {q: {k.decode(): self.redis(*{b"list": ("LLEN", k), b"hash": ("HLEN", k), b"zset": ("ZCARD", k)}.get(
            self.redis("TYPE", k), ("STRLEN", k))) for k in self.redis("KEYS", "*%s*" % q)} for q in queues}

    def wait_confirmed(self, producer, queues):
        """Every job whose RPUSH was confirmed has one outcome, and no id has two."""
        def missing():
            ids = self.outcome_ids(queues)
            return producer.confirmed - set(ids)
        try:
            wait_until(lambda: not missing(), "all confirmed jobs ended")
        except Failure as e:
            raise Failure("%s: %s of %d missing; %s" % (e, sorted(missing())[:5], len(missing()), self.places(queues)))
        ids = self.outcome_ids(queues)
        if len(ids) != len(set(ids)):
            raise Failure("two outcomes for one job: %s" % sorted({i for i in ids if ids.count(i) > 1})[:5])


class Producer(threading.Thread):
    """Pushes small batches to the queues in turn until it is told to stop. confirmed holds the ids
    whose RPUSH was answered and, with replicas, acknowledged by as many: nobody promises more."""

    def __init__(self, stage, queues, replicas, batch=10, pause_s=0.02):
        super().__init__(daemon=True)
        self.stage, self.queues, self.replicas, self.batch, self.pause_s = stage, queues, replicas, batch, pause_s
        self.confirmed, self.pushed, self.halt, self.gap = set(), 0, threading.Event(), 0.0

    def run(self):
        client, last = self.stage.client(), time.monotonic()
        while not self.halt.wait(self.pause_s):
            queue = self.queues[(self.pushed // self.batch) % len(self.queues)]
            ids = ["p%d" % (self.pushed + i) for i in range(self.batch)]
            self.pushed += self.batch
            jobs = [json.dumps({"id": i, "code": "I10000", "school": "s"}) for i in ids]
            try:
                if client.push(queue, jobs, self.replicas):
                    self.confirmed.update(ids)
                    self.gap, last = max(self.gap, time.monotonic() - last), time.monotonic()
            except OSError:
                pass  # unanswered: it may be there or not, so it is not counted

    def stop(self):
        self.halt.set()
        self.join(PATIENCE_S)


class RetryingClient:
    """Finds its server anew until a deadline; push() does not repeat what may have happened."""

    def __init__(self, stage):
        self.stage, self.connections = stage, {}

    def connection(self, port):
        if port not in self.connections:
            self.connections[port] = self.stage.connect(port)
        return self.connections[port]

    def forget(self):
        self.connections.clear()

    def __call__(self, *args):
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self.once(*args)
            except OSError as e:
                self.forget()
                if time.monotonic() > deadline or str(e).startswith(("ERR", "WRONGTYPE")):
                    raise
                threading.Event().wait(0.02)

    def once(self, *args):
        return self.connection(self.port(args[1]))(*args)

    def push(self, queue, jobs, replicas):
        if not replicas:  # no server dies: every answer is the truth, and redirections are followed
            return self("RPUSH", queue, *jobs)
        try:
            connection = self.connection(self.port(queue))
            answers = connection.pipeline([("RPUSH", queue, *jobs), ("WAIT", replicas, 300)])
            return answers[1] >= replicas
        except OSError:
            self.forget()
            raise

    def pipeline(self, commands):
        return [self(*c) for c in commands]


# --- Sentinel ------------------------------------------------------------------------------------

class SentinelClient(RetryingClient):
    def port(self, _key=None):
        if not self.connections:
            self.at = self.stage.master_port()
        return self.at


class SentinelStage(TopologyStage):
    """One master, two replicas, three sentinels."""
    DOWN_AFTER_MS = 1000

    def client(self):
        return SentinelClient(self)

    def start_nodes(self):
        master = self.node("r1", "redis-acl.conf", *self.DATA)
        for name in "r2", "r3":
            self.node(name, "redis-acl.conf", *self.DATA, "replicaof 127.0.0.1 %d" % master)
        self.wait_answers()
        wait_until(lambda: self.ask(master, "INFO", "replication").count(b"state=online") == 2, "two replicas")
        self.start_sentinels(master, 3)

    def start_sentinels(self, master, n):
        self.sentinels = [self.node("s%d" % i, "sentinel-acl.conf", "sentinel sentinel-user " + ADMIN[0],
                                    "sentinel sentinel-pass " + ADMIN[1], "sentinel monitor mymaster 127.0.0.1 %d %d" % (master, n // 2 + 1),
                                    "sentinel auth-user mymaster " + ADMIN[0], "sentinel auth-pass mymaster " + ADMIN[1],
                                    "sentinel down-after-milliseconds mymaster %d" % self.DOWN_AFTER_MS,
                                    "sentinel failover-timeout mymaster 5000") for i in range(1, n + 1)]
        self.wait_answers()
        for port in self.sentinels:
            wait_until(lambda: (self.ask(port, "SENTINEL", "CKQUORUM", "mymaster") or b"").startswith(b"OK %d" % n), "a quorum")

    def master_port(self):
        for port in self.sentinels:
            where = self.ask(port, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster")
            if where:
                return int(where[1])
        raise OSError("no sentinel answers")

    def url(self, login):
        return "rediss+sentinel://%s@%s/mymaster/0" % (login, ",".join("127.0.0.1:%d" % p for p in self.sentinels))

    def worker_env(self, more):
        user, password = LOGINS["sentinel-acl.conf"]
        return super().worker_env(dict({"PUSHBRIDGE_REDIS_SENTINEL_USERNAME": user,
                                        "PUSHBRIDGE_REDIS_SENTINEL_PASSWORD": password}, **more))

    def promoted(self, old):
        port = self.master_port()
        role = port != old and self.ask(port, "ROLE")
        return role and role[0] == b"master" and port

    def outcome_ids(self, _queues):
        return [o["id"] for o in self.outcomes() + self.dead()]


class MixedStage(SentinelStage):
    """One master and one sentinel, of which one alone speaks TLS. A second sentinel would be spoken to
    as the master is: `tls-replication` is for all that a server turns to."""
    tls_servers = True

    def speaks_tls(self, acl):
        return self.tls_servers == acl.startswith("redis")

    def listen_lines(self, acl, port):
        return ("port %d" % (0 if self.speaks_tls(acl) else port), "tls-port %d" % (port if self.speaks_tls(acl) else 0),
                "tls-replication " + ("yes" if self.tls_servers else "no"))

    def connect(self, port):
        acl = "redis-acl.conf" if port == self.nodes["r1"][0] else "sentinel-acl.conf"
        return super().connect(port) if self.speaks_tls(acl) else PlainResp(port)

    def start_nodes(self):
        master = self.node("r1", "redis-acl.conf", *self.DATA)
        self.wait_answers()
        self.start_sentinels(master, 1)

    def url(self, login):
        return super().url(login).replace("rediss", "rediss" if self.tls_servers else "redis")

    def worker_env(self, more):
        return super().worker_env(dict({"PUSHBRIDGE_REDIS_SENTINEL_TLS": "off" if self.tls_servers else "on"}, **more))


class TlsSentinelStage(MixedStage):
    tls_servers = False


# --- Cluster -------------------------------------------------------------------------------------

class ClusterClient(RetryingClient):
    slots = None

    def forget(self):
        super().forget()
        self.slots = None

    def port(self, key=None):
        if not self.slots:
            self.slots = self.stage.slots()
        if slot_of(key) not in self.slots:
            self.slots = None
            raise OSError("nobody serves the slot of %s" % key)
        return self.slots[slot_of(key)]

    def once(self, *args):
        if args[0] == "KEYS":
            return [k for port in set(self.stage.slots().values()) for k in self.connection(port)("KEYS", *args[1:])]
        if args[0] == "EVAL":
            return self.connection(self.port(args[3]))(*args)
        try:
            return super().once(*args)
        except OSError as e:
            if not str(e).startswith("ASK "):
                raise
            there = self.connection(int(str(e).rsplit(":", 1)[1]))
            there("ASKING")
            return there(*args)


class ClusterStage(TopologyStage):
    """Three masters and three replicas."""
    NODE_TIMEOUT_MS = 1000

    def client(self):
        return ClusterClient(self)

    def start_nodes(self):
        ports = [self.node("c%d" % i, "redis-acl.conf", *self.DATA, "tls-cluster yes", "cluster-enabled yes",
                           "cluster-port %d" % free_port(), "cluster-node-timeout 15000",
                           "cluster-require-full-coverage no") for i in range(6)]
        self.wait_answers()
        self.cluster_cli("--cluster", "create", *["127.0.0.1:%d" % p for p in ports], "--cluster-replicas", "1", "--cluster-yes")
        for port in ports:
            wait_until(lambda: b"cluster_state:ok" in (self.ask(port, "CLUSTER", "INFO") or b"")
                       and len(self.ask(port, "CLUSTER", "SLOTS")) == 3
                       and all(len(r) == 4 for r in self.ask(port, "CLUSTER", "SLOTS")), "the cluster is whole")
        for port in self.masters():
            wait_until(lambda: b"state=online" in (self.ask(port, "INFO", "replication") or b""), "its replica is there")
        for port in ports:
            self.connect(port)("CONFIG", "SET", "cluster-node-timeout", self.NODE_TIMEOUT_MS)

    def cluster_cli(self, *args):
        port = next(iter(self.nodes.values()))[0]
        done = subprocess.run(["redis-cli", "-p", str(port), "--tls", "--cacert", self.cert("ca.crt"), "--cert", self.cert("client.crt"),
                               "--key", self.cert("client.key"), "--user", ADMIN[0], "--pass", ADMIN[1], "--no-auth-warning", *args],
                              capture_output=True, text=True, timeout=PATIENCE_S)
        if done.returncode:
            raise Failure("redis-cli %s: %s" % (" ".join(args[:2]), done.stdout[-500:] + done.stderr[-500:]))

    def slots(self):
        for port, process in self.nodes.values():
            found = process.poll() is None and self.ask(port, "CLUSTER", "SLOTS")
            if found:
                return {slot: r[2][1] for r in found for slot in range(r[0], r[1] + 1)}
        raise OSError("no node answers")

    def masters(self):
        return set(self.slots().values())

    def url(self, login):
        return "rediss+cluster://%s@%s" % (login, ",".join("127.0.0.1:%d" % p for p in list(zip(*self.nodes.values()))[0][:3]))

    def name_of(self, port):
        return next(n for n, (p, _) in self.nodes.items() if p == port)

    def push_to(self, queue, n, prefix):
        for start in range(0, n, 100):
            self.redis("RPUSH", queue, *[json.dumps({"id": "%s%d" % (prefix, i), "code": "I10000", "school": "s"})
                                         for i in range(start, min(n, start + 100))])
        return n

    def outcome_ids(self, queues):
        return [json.loads(x)["id"] for q in queues for kind in ("results", "dead")
                for x in self.redis("LRANGE", "{%s}:%s" % (q, kind), 0, -1)]

    def ended_of(self, queue):
        return self.redis("LLEN", "{%s}:results" % queue) + self.redis("LLEN", "{%s}:dead" % queue)

    def conserve_queue(self, queue, enqueued):
        r, k = self.redis, "{%s}:" % queue
        count = r("HGETALL", k + "count") or []
        by = {count[i].decode(): int(count[i + 1]) for i in range(0, len(count), 2)}
        places = dict(ready=r("LLEN", queue), members=r("HLEN", k + "member"), sent=by.get("sent", 0), dead=by.get("dead", 0),
                      inbox=sum(r("LLEN", x) for x in r("KEYS", k + "inbox:*")), parked=sum(r("LLEN", x) for x in r("KEYS", k + "parked:*")))
        if sum(places.values()) != enqueued:
            raise Failure("conservation of %s: %d enqueued, found %s" % (queue, enqueued, places))
        return places

    def scripts_seen(self, *ports):
        """How many scripts these nodes have run or refused."""
        text = b"".join(self.ask(port, "INFO", "commandstats") for port in ports).decode()
        lines = re.findall(r"cmdstat_evalsha:calls=(\d+).*rejected_calls=(\d+)", text)
        return sum(int(x) for line in lines for x in line)

    def move_slot(self, slot, to_port):
        """What redis-cli does, step by step, so that a test may look in between."""
        source = self.slots()[slot]
        ids = {p: self.ask(p, "CLUSTER", "MYID") for p in self.masters()}
        here, there = self.connect(source), self.connect(to_port)
        there("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
        here("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[to_port])
        yield source
        while True:
            keys = here("CLUSTER", "GETKEYSINSLOT", slot, 3)
            if not keys:
                break
            here("MIGRATE", "127.0.0.1", to_port, "", 0, 5000, "AUTH2", *ADMIN, "KEYS", *keys)
            yield source
        for port in [to_port] + [p for p in ids if p != to_port]:
            self.connect(port)("CLUSTER", "SETSLOT", slot, "NODE", ids[to_port])


class CalmClusterStage(ClusterStage):
    """For scenarios in which none dies: no server is taken for dead that only waits for its turn on a busy machine."""
    NODE_TIMEOUT_MS = 15000
