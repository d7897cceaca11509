# SPDX-License-Identifier: MIT
"""Scenarios of the admin endpoint and of systemd's notification."""
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time

import metrics_page
import wire
from harness import BIN, PATIENCE_S, ROOT, Stage, free_port, wait_until
from scene import PATIENT, expect, scenario

SHORT = {"PUSHBRIDGE_ALIYUN_TIMEOUT_MS": "1700", "PUSHBRIDGE_ALIYUN_SETTLE_MS": "300",
         "PUSHBRIDGE_ALIYUN_CONNECT_TIMEOUT_MS": "1700", "PUSHBRIDGE_RETRY_BASE_MS": "50",
         "PUSHBRIDGE_QUEUE_LEASE_MS": "3000", "PUSHBRIDGE_QUEUE_EXTEND_MS": "400",
         "PUSHBRIDGE_QUEUE_REAP_MS": "200", "PUSHBRIDGE_QUEUE_IDLE_WAIT_S": "1"}


class Admin:
    """The admin endpoint of the worker that is given env()."""

    def __init__(self):
        self.port = free_port()

    def env(self):
        return {"PUSHBRIDGE_ADMIN_LISTEN": "127.0.0.1:%d" % self.port}

    def get(self, path, method="GET"):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            c.request(method, path)
            r = c.getresponse()
            return r.status, r.read().decode()
        except OSError:
            return 0, ""
        finally:
            c.close()

    def ready(self):
        status, body = self.get("/readyz")
        return status, json.loads(body) if body.startswith("{") else {}

    def failing(self, check, word):
        status, body = self.ready()
        return status == 503 and not body["ready"] and word in body["checks"][check] and body

    def wait_ready(self):
        return wait_until(lambda: self.ready()[0] == 200 and self.ready()[1], "/readyz says 200")

    def families(self):
        status, page = self.get("/metrics")
        return metrics_page.parse(page) if status == 200 else {}


def health(s, admin, *args):
    return subprocess.run([os.path.join(BIN, "pushbridge"), "health", *args], env=s.worker_env(admin.env()),
                          capture_output=True).returncode


@scenario
def readyz_follows_redis():
    """Full, read-only, gone: each turns the worker unready by name, and back by itself."""
    with Stage() as s:
        a = Admin()
        s.fault(kind="latency", latency_ms=100)
        s.worker(**a.env())
        body = a.wait_ready()
        expect(set(body["checks"].values()) == {"ok"} and body["degraded"] == [], body)
        expect(a.get("/readyz", "HEAD") == (200, ""), "HEAD has no body")
        expect(health(s, a, "--ready") == 0, "health --ready")
        n = s.push_many(300)
        s.redis("CONFIG", "SET", "maxmemory-policy", "noeviction")
        s.redis("CONFIG", "SET", "maxmemory", 1)
        began = time.monotonic()
        wait_until(lambda: a.failing("write", "OOM"), "unready: full")
        took = time.monotonic() - began
        expect(health(s, a, "--ready") == 1 and health(s, a) == 0, "unready, but alive")
        s.wait_ended(n)  # it goes on draining
        expect(a.failing("write", "OOM"), "still full")
        s.redis("CONFIG", "SET", "maxmemory", 0)
        a.wait_ready()
        s.redis("REPLICAOF", "127.0.0.1", 1)
        wait_until(lambda: a.failing("redis", "replica") or a.failing("redis", "READONLY") or a.failing("write", "READONLY"), "unready: a replica")
        s.redis("REPLICAOF", "NO", "ONE")
        a.wait_ready()
        s.kill_redis()
        wait_until(lambda: a.failing("redis", "queue=push:jobs"), "unready: gone")
        expect(a.get("/livez")[0] == 200 and a.get("/stats")[0] == 200 and a.get("/metrics")[0] == 200, "the pages stay")
        s.start_redis()
        a.wait_ready()
        s.settle(n)
        return "full was seen after %.1f s" % took


@scenario
def readyz_writes_once_a_second():
    with Stage() as s:
        a = Admin()
        s.worker(**a.env())
        a.wait_ready()
        began, writes = time.monotonic(), s.redis("INFO", "commandstats").decode()
        for _ in range(300):
            a.ready()
        took = time.monotonic() - began

        def sets(text):
            line = [x for x in text.split("\r\n") if x.startswith("cmdstat_set:")]
            return int(line[0].split("calls=")[1].split(",")[0])
        more = sets(s.redis("INFO", "commandstats").decode()) - sets(writes)
        expect(more <= took + 2, "%d writes in %.1f s" % (more, took))
        key = s.redis("KEYS", wire.READY + "*")
        expect(len(key) == 1 and 0 < s.redis("PTTL", key[0]) <= 5000, "one key, with a TTL")


@scenario
def readyz_open_circuit_is_degraded():
    with Stage(env=SHORT) as s:
        a = Admin()
        w = s.worker(PREQ_ACCESS_KEY_SECRET="wrong", **a.env())
        n = s.push_many(20)
        body = wait_until(lambda: a.ready()[0] == 200 and a.ready()[1]["degraded"] and a.ready()[1], "ready, degraded")
        expect(body["ready"] and "circuit app=default" in body["degraded"][0], body)
        stats = json.loads(a.get("/stats")[1])
        expect(stats["circuits"][0]["state"] != "closed" and stats["circuits"][0]["why"], stats)
        wait_until(lambda: a.families()["pushbridge_circuit_state"].value(app="default") > 0, "circuit_state")
        expect(s.terminate(w) == 0, "drained")
        left = json.loads(s.cli("stats", "--json"))  # nobody is alive to say so
        expect(left["queues"][0]["workers"] == [] and [(c["app"], c["state"]) for c in left["circuits"]] == [("default", "open")]
               and left["circuits"][0]["why"] == stats["circuits"][0]["why"], left)
        expect("circuit of default: open" in s.cli("stats"), "one screen")
        s.conserve(n)


@scenario
def readyz_while_draining():
    with Stage(env=SHORT) as s:
        a = Admin()
        s.hold()
        w = s.worker(**PATIENT, **a.env())
        a.wait_ready()
        n = s.push_many(5)
        s.wait_held(n)
        w.send_signal(signal.SIGTERM)
        wait_until(lambda: a.failing("draining", "draining"), "unready: draining")
        s.clear_faults()
        expect(w.wait(PATIENCE_S) == 0, "drained")
        expect(s.settle(n)["sent"] == n, "its calls were awaited")


def documented(lines):
    """The page's table in docs/admin.md; `make metrics-doc` writes it anew."""
    path = os.path.join(ROOT, "docs", "admin.md")
    with open(path) as f:
        text = f.read().split("\n")
    rows = [i for i, x in enumerate(text) if x.startswith(("| `pushbridge_", "| `process_"))]
    have = [text[i] for i in rows]
    if os.environ.get("PB_WRITE_DOCS"):
        at = text.index("|---|---|---|---|") + 1
        with open(path, "w") as f:
            f.write("\n".join(text[:at] + lines + text[at + len(rows):]))
        return
    wrong = ["missing: " + x for x in lines if x not in have] + ["not on the page: " + x for x in have if x not in lines]
    expect(have == lines, "docs/admin.md and the page differ: %s" % (wrong or "in their order"))


def promtool(text):
    r = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    expect(r.returncode == 0, "promtool: %s" % (r.stdout + r.stderr))
    return "promtool agrees"


@scenario
def metrics_page_is_strict_and_documented():
    with Stage(redis_args=["--maxmemory", "1gb"]) as s:
        a = Admin()
        s.worker(PUSHBRIDGE_ALIYUN_CREDENTIALS="ecs",
                 PUSHBRIDGE_ALIYUN_METADATA_ENDPOINT="http://127.0.0.1:%d" % s.control_port, **a.env())
        a.wait_ready()
        now = int(time.time() * 1000)
        s.push({"id": "old", "code": "I10000", "school": "s", "enqueued_at": now - 5000},
               {"id": "late", "code": "I10000", "school": "s", "enqueued_at": now - 90000, "ttl_s": 60},
               {"id": "unknown", "code": "NOPE", "school": "s"}, b"not json")
        n = 4 + s.push_many(50)
        s.wait_ended(n)
        # Figures of the queue come in the background, some seconds late.
        f = wait_until(lambda: (a.families().get("pushbridge_queue_results_jobs") or metrics_page.Family("", "")).value() == 51
                       and a.families(), "the queue's figures")
        value = lambda name, suffix="", **labels: f["pushbridge_" + name].value(suffix, **labels)  # noqa: E731
        expect(value("jobs_claimed_total", queue=wire.QUEUE) == n, "claimed: %s" % value("jobs_claimed_total"))
        expect(value("jobs_succeeded_total", app="default") == 51, "succeeded")
        expect(value("jobs_dead_total", app="default", reason="expired") == 1 == value("jobs_expired_total"), "expired")
        expect(value("jobs_dead_total", reason="unknown_template") == 1 and value("jobs_dead_total", app="other", reason="invalid_json") == 1, "dead by reason")
        expect(value("provider_requests_total", api="Push", code_class="sent") == 51, "requests")
        expect(value("provider_request_duration_seconds", "_count", api="Push") == 51, "durations")
        expect(value("push_targets_total", type="tag") == 51, "targets")
        expect(value("queue_dead_jobs") == 3 and value("workers_alive") == 1 and value("redis_up") == 1, "gauges")
        e2e = f["pushbridge_job_end_to_end_seconds"]
        expect(e2e.value("_count") == 1 and 5 <= e2e.value("_sum") < 60, "end to end in seconds")
        expect(0 < value("redis_memory_used_ratio") < 1 and 0 < value("redis_rtt_seconds") < 5, "Redis")
        expect(not metrics_page.lacking(f), "promised, and not there: %s" % metrics_page.lacking(f))
        expect(re.match(r"[0-9a-f]{7,}$|unknown$", f["pushbridge_build_info"].samples[0][1]["commit"]), "the commit")
        expect(value("limiter_tokens", limit="Push") >= 0 and value("limiter_tokens", limit="egress") is None, "tokens of what is limited")
        expect(value("ends_unconfirmed", queue=wire.QUEUE) == 0 == value("batches_bisected_total"), "all is confirmed, nothing was cut")
        documented(metrics_page.table(f))
        stats = json.loads(a.get("/stats")[1])
        expect(stats["counters"]["jobs_succeeded_total"] == 51 and stats["queues"][0]["results"] == 51 and stats["rss_anon_bytes"] > 0
               and stats["config_digest"] and stats["rates_1m"]["jobs_succeeded_total"] > 0, stats)
        note = promtool(a.get("/metrics")[1])
        s.settle(n)
        return note


@scenario
def queue_gauges_show_the_oldest_job():
    with Stage(env=SHORT) as s:
        a = Admin()
        s.hold()
        s.worker(PUSHBRIDGE_QUEUE_CONCURRENCY="1", **PATIENT, **a.env())
        now = int(time.time() * 1000)
        s.push(*[{"id": "o%d" % i, "code": "I10000", "school": "s", "enqueued_at": now - 100000} for i in range(200)])

        def oldest():
            f = a.families().get("pushbridge_queue_oldest_job_age_seconds")
            return f and f.value(queue=wire.QUEUE) or 0
        wait_until(lambda: 100 <= oldest() < 200, "the oldest job's age")


class Systemd:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "notify")
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(self.path)
        self.sock.setblocking(False)
        self.heard = []

    def listen(self):
        try:
            while True:
                self.heard.append(self.sock.recv(4096).decode())
        except BlockingIOError:
            return self.heard

    def wait(self, text, times=1):
        wait_until(lambda: sum(text in x for x in self.listen()) >= times, "systemd hears %s: %s" % (text, self.heard))


@scenario
def systemd_hears_ready_watchdog_stopping():
    with Stage(env=SHORT) as s:
        systemd = Systemd(s.dir)
        s.kill_redis()
        w = s.worker(NOTIFY_SOCKET=systemd.path, WATCHDOG_USEC="400000")
        systemd.wait("STATUS=not ready: redis")
        systemd.wait("WATCHDOG=1", times=4)  # the loop turns without Redis
        expect("READY=1" not in systemd.heard, "not ready without Redis")
        s.start_redis()
        systemd.wait("READY=1")
        systemd.wait("STATUS=ready")
        before = systemd.listen().count("WATCHDOG=1")
        systemd.wait("WATCHDOG=1", times=before + 3)
        expect(s.terminate(w) == 0, "drained")
        heard = [x for x in systemd.listen() if x in ("READY=1", "STOPPING=1")]
        expect(heard == ["READY=1", "STOPPING=1"], heard)


@scenario
def systemd_ready_waits_for_a_claim():
    """Connected and writable, but no script may run: no claim, so not READY."""
    with Stage(env=SHORT) as s:
        systemd = Systemd(s.dir)
        s.redis("ACL", "SETUSER", "default", "-@scripting")
        w = s.worker(NOTIFY_SOCKET=systemd.path)
        systemd.wait("STATUS=not ready: scripts")
        expect("READY=1" not in systemd.listen(), "not ready without a claim")
        s.redis("ACL", "SETUSER", "default", "+@all")
        systemd.wait("READY=1")
        expect(s.terminate(w) == 0, "drained")
        s.cli("pause")
        w = s.worker(NOTIFY_SOCKET=systemd.path)
        systemd.wait("READY=1", times=2)
        expect("event=paused" in s.log(1), "while all is paused there is no claim to wait for")
        expect(s.terminate(w) == 0, "drained")
