# SPDX-License-Identifier: MIT
"""Texts that act on who reads them: through every place where others can put a text, to every place that shows one."""
import http.server
import json
import os
import re
import subprocess
import threading
import urllib.parse

import wire
from admin import Admin
from harness import BIN, K, Failure, Stage, wait_until
from hostile_secrets import Echoing, notify_socket
from scene import FAST, expect, scenario

CONTROLS = "".join(map(chr, [*range(1, 32), *range(0x7f, 0xa0)]))
MARKS = "".join(map(chr, [0x61c, 0x200e, 0x200f, *range(0x2028, 0x202f), *range(0x2066, 0x206a)]))
EVIL = "a" + CONTROLS + MARKS + "\x1b[2J\u0085ts=2026 level=error event=forged"
ACTS = re.compile("[%s]" % re.escape(CONTROLS.replace("\n", "") + MARKS))


def harmless(where, data, lines=None):
    """Nothing acts, and no line is forged; lines: how each of them must begin."""
    try:
        text = data.decode()
    except UnicodeDecodeError as e:
        raise Failure("%s is no UTF-8: %s: %r" % (where, e, data[max(0, e.start - 80):e.end + 20])) from e
    found = ACTS.search(text)
    if found:
        raise Failure("%s shows %r: %r" % (where, found.group(), text[max(0, found.start() - 100):found.end() + 40]))
    if lines:
        wrong = [x for x in text.splitlines() if not x.startswith(lines)]
        if wrong:
            raise Failure("%s has a line of its own: %r" % (where, wrong[:3]))
    return text


def run_tool(s, args, env, stdin=b""):
    done = subprocess.run([os.path.join(BIN, "pushbridge"), *args], env=s.worker_env(env), input=stdin,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    harmless("%s: stderr" % " ".join(args), done.stderr)
    return harmless(" ".join(args), done.stdout)


def jobs():
    """A job with the text in each of its members, one after the other, and some that are none."""
    fine = {"message": "m", "school": "s", "tags": ["t"]}
    places = [{"id": EVIL[:60]}, {"id": EVIL[20:80]}, {"app": EVIL}, {"title": EVIL}, {"message": EVIL}, {"school": EVIL}, {"tags": [EVIL]},
              {"locale": EVIL}, {"reply_to": EVIL}, {"reply_to": wire.REPLY + EVIL}, {"meta": {EVIL: EVIL}}, {"traceparent": EVIL},
              {"push": {EVIL: EVIL}}, {"push": {"AndroidMusic": EVIL}}, {"params": {EVIL: EVIL}}, {EVIL: 1}, {"type": EVIL}, {"push_at": EVIL},
              {"tags": [], "target": {EVIL: 1}}, {"target": {"tag": {EVIL: [EVIL]}}}, {"target": {"device": [EVIL]}},
              {"target": {"account": [EVIL + ","]}}, {"target": {"tag": EVIL * 3}}]
    made = [dict({k: v for k, v in fine.items() if k != "school" or "target" not in p}, **p) for p in places]
    for j in made:
        if "target" in j and j.get("tags"):
            del j["tags"]
    made.append({"code": EVIL, "school": "s", "tags": ["t"]})
    raw = [json.dumps(j, ensure_ascii=ascii).encode() for j in made for ascii in (False, True)]
    return raw + [EVIL.encode(), b"\x9b31m" + EVIL.encode(), b'{"id":"\xc2\x9b\xff"}', b'{"id": "x",\r\n"message"\x7f']


class Evil(http.server.ThreadingHTTPServer):
    """A provider whose every text is such a one."""
    daemon_threads = True

    def handle_error(self, request, address):
        pass  # the worker was killed meanwhile

    def __init__(self):
        super().__init__(("127.0.0.1", 0), EvilHandler)
        self.code, self.status, self.calls = EVIL[:60], 400, 0
        threading.Thread(target=self.serve_forever, daemon=True).start()


class EvilHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.calls += 1
        answer = {"Code": self.server.code, "Message": EVIL, "RequestId": EVIL[:50], "HostId": EVIL} if self.server.status != 200 else {
            "RequestId": EVIL[:50], "MessageId": "1", EVIL: EVIL, "TagInfos": {"TagInfo": [{"TagName": EVIL}]}, "AliasInfos": {"AliasInfo": [
                {"AliasName": EVIL}]}, "DeviceInfo": {"DeviceId": EVIL, EVIL: EVIL}, "DeviceIds": {"DeviceId": [EVIL]}}
        text = json.dumps(answer, ensure_ascii=self.server.calls % 2 == 0).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST


QUEUES = "push:jobs,push:\u202eevil"


def env_of(s, admin, path, provider):
    return dict(FAST, PUSHBRIDGE_REDIS_URL="redis://127.0.0.1:%d/0" % s.redis_port, PUSHBRIDGE_ALIYUN_CA_FILE="", NOTIFY_SOCKET=path,
                PUSHBRIDGE_QUEUE_NAMES=QUEUES, PUSHBRIDGE_LOG_LEVEL="debug",
                PUSHBRIDGE_ALIYUN_ENDPOINT="http://127.0.0.1:%d" % provider.server_address[1], **admin.env())


def look_at_pages(admin, notify):
    for path in ("/readyz", "/stats", "/metrics", "/" + urllib.parse.quote(EVIL)):
        text = harmless(path, admin.get(path)[1].encode())
        if path in ("/readyz", "/stats"):
            json.loads(text)
    while True:
        try:
            harmless("STATUS", notify.recv(4096))
        except BlockingIOError:
            return


def raw_log(s, i):
    with open(os.path.join(s.dir, "worker%d.log" % i), "rb") as f:
        return harmless("the log", f.read(), "ts=")


def plant(s):
    """What others than a job can put into Redis."""
    evil = EVIL.encode()
    for name in ("apps", "workers", "stat", "flow", "control", "count"):
        try:
            kind = s.redis("TYPE", K + ":" + name)
            if kind == b"zset" or (kind == b"none" and name == "workers"):
                s.redis("ZADD", K + ":" + name, 99999999999999, evil)
            elif kind == b"set" or (kind == b"none" and name == "apps"):
                s.redis("SADD", K + ":" + name, evil)
            else:
                s.redis("HSET", K + ":" + name, evil, evil)
        except OSError:
            pass
    s.redis("HSET", wire.STAT, evil, json.dumps({"name": EVIL, "queues": {EVIL: EVIL}, "circuits": {EVIL: EVIL}}))
    s.redis("HSET", wire.CONTROL, b"pause:" + evil, "0", b"rate:" + evil, "5", b"circuit:" + evil, evil)
    s.redis("HSET", wire.FLOW, evil, "1 2 3 4")
    letter = {"id": EVIL[:60], "app": EVIL, "code": EVIL, "status": "dead", "reason": EVIL, "maybe_sent": True, "error": {
        "code": EVIL, "message": EVIL}, "pushes": [], "attempts": 1, "done_at": 1, "worker": EVIL, "queue": EVIL, "job": EVIL + "\n" + EVIL}
    for ascii in (True, False):
        s.redis("RPUSH", wire.DEAD, json.dumps(letter, ensure_ascii=ascii), json.dumps(dict(letter, job_ref=EVIL), ensure_ascii=ascii))
    s.redis("RPUSH", wire.DEAD, evil, b"\x9b\xff" + evil, json.dumps(letter, indent=1).replace("\n", "\r\n").encode())


@scenario
def nothing_acts_on_who_reads():
    with Stage() as s:
        provider, admin = Evil(), Admin()
        notify, path = notify_socket(s)
        env = dict(env_of(s, admin, path, provider), PUSHBRIDGE_CIRCUIT_FAILURES="1000")
        listed = jobs()
        n = s.push(*listed)
        p = s.worker(**env)
        s.wait_ended(n)
        provider.code = "InvalidAccessKeyId.NotFound"
        s.push({"message": "m", "school": "s", "tags": ["t"]})
        wait_until(lambda: "event=circuit_open" in s.log(), "the circuit opened")
        plant(s)
        look_at_pages(admin, notify)
        for args in (("dead", "ls"), ("dead", "ls", "--limit", "5"), ("dead", "show", "0"), ("dead", "show", EVIL[:60]), ("stats",), ("limit", "ls"),
                     ("queue", "ls"), ("queue", "peek"), ("queue", "peek", "--claimed"), ("check",), ("check", "--online"), ("health",),
                     ("dead", "retry", "--app", EVIL, "--dry-run"), ("cancel", EVIL[:60]), ("limit", "set", EVIL, "5"), (EVIL,), ("queue", EVIL),
                     ("stats", EVIL), ("pause", "--for", EVIL), ("call", EVIL), ("tag", "ls"), ("run", EVIL), ("version",)):
            run_tool(s, args, env)
        for place in range(s.redis("LLEN", wire.DEAD)):
            run_tool(s, ("dead", "show", str(place)), env)
        for args in (("dead", "ls", "--json"), ("stats", "--json"), ("queue", "ls", "--json")):
            for line in run_tool(s, args, env).splitlines():
                json.loads(line)
        s.terminate(p)
        raw_log(s, 0)
        provider.shutdown()
        return "%d jobs, %d dead letters" % (n, s.redis("LLEN", wire.DEAD))


@scenario
def values_stay_what_they_were():
    """An escape of JSON is the same text to whoever reads it, and outcomes can be shown as they are."""
    with Stage() as s:
        job = {"id": EVIL[:60], "message": EVIL, "tags": ["t"], "school": "s", "meta": {"m": EVIL}, "unknown": 1}
        s.push(json.dumps(job, ensure_ascii=False).encode())
        s.worker(PUSHBRIDGE_ADMIN_LISTEN="off")
        s.wait_ended(1)
        raw = s.redis("LRANGE", wire.DEAD, 0, -1)[0]
        letter = json.loads(harmless("the letter", raw))
        expect(json.loads(letter["job"]) == job and letter["id"] == job["id"] and letter["meta"] == job["meta"], "the texts are the same")
        shown = json.loads(s.cli("dead", "ls", "--json"))
        expect(shown == letter, "dead ls --json shows the letter")


@scenario
def render_of_an_untrusted_list():
    with Stage() as s:
        lines = b"\n".join(x.replace(b"\r\n", b"") for x in jobs()) + b"\n"
        for args in (("render",), ("render", "--json")):
            text = run_tool(s, args, {}, lines)
            for line in text.splitlines() if "--json" in args else ():
                json.loads(line)
        with open(os.path.join(s.dir, "list"), "wb") as f:
            f.write(lines)
        run_tool(s, ("send", "--file", f.name), {})


@scenario
def the_provider_on_a_terminal():
    with Stage() as s:
        provider = Evil()
        env = {"PUSHBRIDGE_ALIYUN_CA_FILE": "", "PUSHBRIDGE_ALIYUN_ENDPOINT": "http://127.0.0.1:%d" % provider.server_address[1]}
        commands = (("tag", "ls"), ("tag", "query", "d1"), ("tag", "rm", "t"), ("tag", "bind", "--tag", "t", "d1"),
                    ("alias", "query", "d1", "d2"), ("alias", "devices", "a"), ("account", "devices", "a"), ("device", "info", "d1"), ("device", "check", "d1"), ("tag", "rm", EVIL),
                    ("push", "cancel", "1"), ("app", "check"), ("call", "ListTags"), ("call", "QueryDeviceInfo", "DeviceId=d1"),
                    ("call", "CheckDevices", "DeviceIds=d1,d2"), ("call", "PushMessageToAndroid", "Target=ALL", "TargetValue=ALL", "Title=t", "Body=b"))
        for status in (400, 200):
            provider.status = status
            for args in commands:
                run_tool(s, args, env)
                if status == 200:
                    run_tool(s, (*args, "--json"), env)
        expect(provider.calls >= 20, "the commands called: %d" % provider.calls)
        provider.shutdown()
        return "%d calls" % provider.calls


class Cursing(Echoing):
    """Answers the commands in refuse with bytes that act, some of which are no UTF-8."""

    def quote(self, words):
        self.refused += 1
        text = EVIL.replace("\r", "").replace("\n", "").encode()
        return b"-ERR " + (text if self.refused % 2 else b"\x9b\xe6\x9d" + text + b"\xe6\x9d\xad" * 200) + b"\r\n"


@scenario
def redis_that_curses():
    with Stage() as s:
        provider, admin = Evil(), Admin()
        notify, path = notify_socket(s)
        curse = Cursing(s.redis_port)
        env = dict(env_of(s, admin, path, provider), PUSHBRIDGE_REDIS_URL="redis://127.0.0.1:%d/0" % curse.port,
                   PUSHBRIDGE_REDIS_CONNECT_TIMEOUT_MS="300")
        for i, step in enumerate(("INFO", "EVALSHA")):
            curse.refuse, before = (step, "EVAL"), curse.refused
            p = s.worker(**env)
            wait_until(lambda: curse.refused >= before + 4, "Redis cursed")
            look_at_pages(admin, notify)
            for args in (("stats",), ("queue", "ls"), ("check", "--online"), ("pause",), ("limit", "ls"), ("dead", "ls"), ("cancel", "x")):
                run_tool(s, args, env)
            p.kill()
            p.wait()
            raw_log(s, i)
        curse.shutdown()
        provider.shutdown()
