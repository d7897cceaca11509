# SPDX-License-Identifier: MIT
"""Each documented maximum, with jobs on their way: 64 apps, 64 groups, 16 queues, 4,096 calls, 128 tasks. One more is refused
with the limit, at the start and by a reload."""
import http.server
import itertools
import json
import os
import re
import signal
import subprocess
import threading
import urllib.parse

import wire
from admin import Admin
from harness import BIN, PATIENCE_S, Stage, wait_until
from scene import FAST, PATIENT, SHORT, alive, calls, expect, heavy, scenario


def name(kind, i):
    """As long as names may be."""
    return ("%s-%02d-" % (kind, i)).ljust(64, "n")


def put_conf(s, apps, groups=0, default=False):
    """apps in all; default: one of them has that name."""
    s.conf = os.path.join(s.dir, "maxima.conf")
    names = [name("app", i) for i in range(apps)]
    if default:
        names[0] = "default"
    text = "apps = ( %s );\n" % ", ".join(
        '{ name = "%s"; app_key = "%d"; access_key_id = "mock-id"; access_key_secret = "mock-secret"; account = "%s"; }'
        % (n, 23456789 + i, name("account", i)) for i, n in enumerate(names))
    if groups:
        text += "groups = ( %s );\n" % ", ".join('{ name = "%s"; apps = [%s]; }' % (
            name("group", i), ", ".join('"%s"' % names[(i + k) % apps] for k in range(3))) for i in range(groups))
    with open(s.conf + ".new", "w") as f:
        f.write(text)
    os.rename(s.conf + ".new", s.conf)
    return names


def refused(s, *args, **env):
    """The program's words, with the status of a wrong configuration."""
    done = subprocess.run([os.path.join(BIN, "pushbridge"), *args] + (["-c", s.conf] if s.conf else []), env=s.worker_env(env),
                          capture_output=True, text=True, timeout=PATIENCE_S)
    expect(done.returncode == 78, "%s: %d: %s" % (args, done.returncode, done.stderr))
    return done.stderr


def hup(s, event):
    before = s.log().count("event=%s " % event)
    s.workers[0].send_signal(signal.SIGHUP)
    wait_until(lambda: s.log().count("event=%s " % event) > before, event)


def one_for_each(s, names, groups, turn):
    """A job of each app and of each group, ended."""
    before = s.ended()
    for a in names + [name("group", i) for i in range(groups)]:
        s.push({"id": "%d-%s" % (turn, a[:8]), "code": "I10001", "school": "s%d" % turn, "app": a})
    s.wait_ended(before + len(names) + groups)
    return len(names) + groups


@scenario
@heavy
def sixty_four_apps():
    with Stage(env=SHORT) as s:
        admin = Admin()
        names = put_conf(s, 64, 64, default=True)
        s.worker(**admin.env())
        n = one_for_each(s, names, 64, 0)
        put_conf(s, 64, 64)  # PREQ_APP_KEY makes the app default the 65th
        limit = 'app "default" beside 64 in the list of apps, at most 64 in all'
        for command in ("check", "run"):
            expect(limit in refused(s, command), "%s names the limit" % command)
        hup(s, "reload_refused")
        expect("at most 64 in all" in s.log(), "the reload names the limit")
        n += one_for_each(s, names, 64, 1)  # with what it had before
        names = put_conf(s, 63, 64) + ["default"]
        hup(s, "reload_done")
        n += one_for_each(s, names, 64, 2)
        names = put_conf(s, 64, 64, default=True)
        hup(s, "reload_done")
        n += one_for_each(s, names, 64, 3)
        put_conf(s, 64, 65, default=True)
        expect("groups: 65 elements, at most 64" in refused(s, "check"), "one group more is refused")
        put_conf(s, 64, 64, default=True)
        for path in ("/metrics", "/stats", "/readyz"):
            wait_until(lambda path=path: admin.get(path)[0] == 200, lambda path=path: "%s has room for all apps: %s" % (path, admin.get(path)))
        expect(not s.dead(), "all were sent")
        alive(s)
        s.settle(n)
        return "%d calls" % len(calls(s))


@scenario
@heavy
def sixty_four_apps_in_trouble():
    """What a worker says of itself has room for all of them, and what is parked of all of them is looked at."""
    with Stage(env=dict(SHORT, PUSHBRIDGE_CIRCUIT_PROBE_MS="200")) as s:
        admin = Admin()
        names = put_conf(s, 64, default=True)
        s.fault(kind="error", code="Forbidden.AccessKeyDisabled", status=403, match={})
        s.worker(**admin.env())
        for a in names:
            s.push(*[{"id": "%s-%d" % (a[:8], k), "code": "I10001", "school": "s", "app": a} for k in range(2)])
        metric = 'pushbridge_circuit_state'

        def worker_says():
            workers = json.loads(s.cli("stats", "--json"))["queues"][0]["workers"]
            return workers[0] if workers else {}  # none until its first heartbeat
        wait_until(lambda: len(worker_says().get("circuits", {})) == 64, lambda: "all circuits are open: %s" % worker_says())
        wait_until(lambda: sorted(worker_says().get("apps", ())) == sorted(names), "all apps are named")
        shown = lambda: admin.get("/metrics")[1].count(metric)  # noqa: E731
        wait_until(lambda: shown() >= 64, lambda: "the page shows each, not %d" % shown())
        s.clear_faults()
        s.wait_ended(128)
        expect(not s.dead(), s.dead()[:1])
        s.settle(128)


@scenario
@heavy
def sixteen_queues():
    queues = [wire.QUEUE] + ["queue-%02d" % i for i in range(1, 16)]
    with Stage(env=dict(SHORT, PUSHBRIDGE_QUEUE_NAMES=",".join(queues))) as s:
        expect("more than 16 queues" in refused(s, "check", PUSHBRIDGE_QUEUE_NAMES=",".join(queues + ["one-more"])), "the 17th is refused")
        names = put_conf(s, 64, default=True)
        for i, q in enumerate(queues):
            s.push(*[{"id": "%d-%d" % (i, k), "code": "I10001", "school": "s", "app": a} for k, a in enumerate(names)], queue=q)
        s.worker()
        s.wait_ended(16 * 64)
        expect(not s.dead() and len(json.loads(s.cli("stats", "--json"))["queues"]) == 16, "all were sent from all queues")
        hup(s, "reload_done")
        alive(s)
        s.no_duplicates()
        s.workers[0].send_signal(signal.SIGTERM)
        expect(s.workers[0].wait(PATIENCE_S) == 0, "it leaves all queues")


@scenario
@heavy
def four_thousand_calls():
    n = 4096
    # A herd of connections at once may take its time; those that give up would make the window smaller.
    env = dict(FAST, **PATIENT, PUSHBRIDGE_ALIYUN_CONNECT_TIMEOUT_MS="60000", PUSHBRIDGE_QUEUE_CONCURRENCY=str(n), PUSHBRIDGE_PLAN_COALESCE="false", PUSHBRIDGE_LIMIT_PUSH_PER_S="0")
    with Stage(env=env, tls=False) as s:
        expect("4096" in refused(s, "check", PUSHBRIDGE_QUEUE_CONCURRENCY=str(n + 1)), "one call more is refused")
        s.push_many(n, prefix="first")  # one call more at once for each that went well
        s.worker()
        s.wait_ended(n)
        rule = s.hold(match={})
        s.push_many(n)
        wait_until(lambda: s.control("GET", "/_mock/record")["held"] == n, lambda: "all are out: %s, %s" % (s.control("GET", "/_mock/record"), s.counts()))
        hup(s, "reload_done")
        s.release(rule)
        s.clear_faults()
        s.wait_ended(2 * n)
        expect(not s.dead(), s.dead()[:1])
        s.settle(2 * n)


class Masses(http.server.ThreadingHTTPServer):
    """Takes MassPush calls of any size, which the stand-in does not; answers with as many ids as there are tasks, and full ones with
    more."""
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), MassHandler)
        self.tasks, self.more = [], 0
        self.numbers = itertools.count(1)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, address):
        pass


class MassHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        names = {k for k, _ in urllib.parse.parse_qsl(urllib.parse.urlparse(self.path).query) + urllib.parse.parse_qsl(body)}
        n = len({m.group(1) for m in (re.match(r"PushTask\.(\d+)\.", k) for k in names) if m})
        self.server.tasks.append(n)
        number = next(self.server.numbers)  # several are answered at once
        ids = ["%d%04d" % (number, i) for i in range(n + self.server.more * (n == 128))]
        text = json.dumps({"RequestId": "R-1", "MessageIds": {"MessageId": ids}} if n else {"RequestId": "R-1", "MessageId": "%d" % number}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def device_job(i):
    return {"title": "t%d" % i, "message": "m%d" % i, "target": {"device": ["%032x" % i]}}


def until(s, n, seen, what):
    """Jobs, many in one step, as calls grow with what is found to fit: until it is seen. How many there are in all."""
    for _ in range(20):
        s.redis("RPUSH", wire.QUEUE, *[json.dumps(device_job(n + i)) for i in range(1000)])
        n += 1000
        s.wait_ended(n)
        if seen():
            return n
    expect(False, what())


@scenario
def as_many_tasks_as_there_may_be():
    with Stage(tls=False) as s:
        provider = Masses()
        env = dict(SHORT, PUSHBRIDGE_ALIYUN_ENDPOINT="http://127.0.0.1:%d" % provider.server_address[1], PUSHBRIDGE_LIMITS_TASKS="128",
                   PUSHBRIDGE_LIMIT_PUSH_PER_S="0", PUSHBRIDGE_LIMIT_MASSPUSH_PER_S="0")
        expect("128" in refused(s, "check", **dict(env, PUSHBRIDGE_LIMITS_TASKS="129")), "one task more is refused")
        s.worker(**env)
        n = until(s, 0, lambda: 128 in provider.tasks, lambda: "full calls go out: %s" % provider.tasks[-60:])
        expect(max(provider.tasks) == 128 and not s.dead(), "and no larger ones: %s" % provider.tasks)
        ids = [p["message_id"] for o in s.outcomes() for p in o["pushes"]]
        expect(len(set(ids)) == n, "each has an id of its own")
        provider.more = 200  # nobody can tell whose is whose
        n = until(s, n, lambda: " tasks=128 ids=328 " in s.log(), lambda: "too many ids are no answer: %s" % provider.tasks[-60:])
        expect(len(s.dead()) >= 128 and {d["reason"] for d in s.dead()} == {"ambiguous"}, [d["reason"] for d in s.dead()])
        provider.shutdown()
        alive(s)
        s.conserve(n)
        return "%s tasks" % provider.tasks
