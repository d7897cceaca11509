# SPDX-License-Identifier: MIT
"""Servers that quote what they were sent: nothing that nobody may read comes back out, whatever step fails."""
import re
import base64
import http.server
import json
import os
import socket
import socketserver
import subprocess
import threading
import urllib.parse

import wire
from admin import Admin
from harness import BIN, Failure, Resp, Stage, free_port, wait_until
from scene import FAST, expect, scenario, slow

USER, PASSWORD = "operator-name", "hunter2/pass%wo rd"
DEVICE, BODY = "0123456789abcdef0123456789abcdef", "the-text-that-nobody-may-read"
KEY_SECRET, TOKEN = "AccessKeySecretOfTest30Chars", "CAISsecurity-token/of+the=test"

# A server's way of saying that it does not know a command: all of its words stand there.
FORMS = (
    lambda a: "ERR unknown command `%s`, with args beginning with: %s, " % (a[0], ", ".join("`%s`" % x for x in a[1:])),
    lambda a: "ERR unknown command '%s', with args beginning with: %s " % (a[0], " ".join("'%s'" % x for x in a[1:])),
    lambda a: "ERR Unknown Command '%s', With Args Beginning With: %s " % (a[0], " ".join("'%s'" % x for x in a[1:])),
    lambda a: "ERR unknown command '%s'" % " ".join(a),
    lambda a: "ERR bad request: args: %s" % json.dumps(a[1:]),
    lambda a: "ERR what is \"%s\"?" % "\" \"".join(a),
    lambda a: "ERR GET /?cmd=%s HTTP/1.1" % urllib.parse.quote(" ".join(a)),
)


def read_command(f):
    line = f.readline()
    if not line.startswith(b"*"):
        return None
    words = []
    for _ in range(int(line[1:])):
        words.append(f.read(int(f.readline()[1:]) + 2)[:-2])
    return words


class Echoing(socketserver.ThreadingTCPServer):
    """Passes all on to a Redis but the commands named in refuse, which it quotes in ever other forms."""
    allow_reuse_address = daemon_threads = True

    def __init__(self, redis_port, handler=None):
        super().__init__(("127.0.0.1", 0), handler or EchoingHandler)
        self.redis_port, self.refuse, self.refused, self.turn = redis_port, (), 0, 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    port = property(lambda self: self.server_address[1])

    def quote(self, words):
        form = FORMS[self.turn % len(FORMS)]
        self.turn += 1
        self.refused += 1
        text = form([w.decode(errors="replace") for w in words])
        return b"-" + text.replace("\r", " ").replace("\n", " ").encode() + b"\r\n"


class EchoingHandler(socketserver.StreamRequestHandler):
    def handle(self):
        with socket.create_connection(("127.0.0.1", self.server.redis_port)) as redis:
            answers = redis.makefile("rb")
            try:
                while True:
                    words = read_command(self.rfile)
                    if not words:
                        return
                    self.wfile.write(self.answer(words, redis, answers))
            except OSError:
                pass

    def answer(self, words, redis, answers):
        name = words[0].upper().decode()
        if name in self.server.refuse:
            return self.server.quote(words)
        if name == "AUTH":
            return b"+OK\r\n"
        redis.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
        return read_raw(answers)


def read_raw(f):
    line = f.readline()
    if line[:1] == b"$" and int(line[1:]) >= 0:
        return line + f.read(int(line[1:]) + 2)
    if line[:1] == b"*":
        return line + b"".join(read_raw(f) for _ in range(max(0, int(line[1:]))))
    return line


def planted(*more):
    """Every form of what must not show."""
    words = [USER, PASSWORD, KEY_SECRET, TOKEN, DEVICE, BODY, *more]
    forms = set()
    for w in words:
        forms |= {w, urllib.parse.quote(w, safe=""), urllib.parse.quote(urllib.parse.quote(w, safe=""), safe=""),
                  urllib.parse.quote_plus(w), json.dumps(w)[1:-1]}
    forms.add(base64.b64encode(("%s:%s" % (USER, PASSWORD)).encode()).decode())
    return forms


def clean(where, text, *more):
    text = text if isinstance(text, str) else text.decode(errors="replace")
    found = [w for w in planted(*more) if w in text]
    if found:
        raise Failure("%s shows %s: %s" % (where, found, text[:2000]))
    return text


COMMANDS = (("check", "--online"), ("stats",), ("stats", "--json"), ("queue", "ls"), ("queue", "peek"), ("dead", "ls"),
            ("limit", "ls"), ("pause", "--for", "1s"), ("resume",), ("cancel", "no-such-job"), ("send", "--code", "I10001"))


def run_tool(s, args, env):
    if "--online" in args and "PUSHBRIDGE_ALIYUN_ENDPOINT" not in env:  # its question is no call that the vendor's list has
        env = dict(env, PUSHBRIDGE_ALIYUN_ENDPOINT="http://127.0.0.1:%d" % free_port(), PUSHBRIDGE_ALIYUN_CA_FILE="")
    done = subprocess.run([os.path.join(BIN, "pushbridge"), *args], env=s.worker_env(env), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
    # the configuration shows its own user names, and no others
    return b"".join(x for x in done.stdout.splitlines(True) if not x.startswith(b"redis.sentinel_username = "))


def look_everywhere(s, env, admin, notify, step, commands=COMMANDS):
    for path in ("/readyz", "/stats", "/metrics", "/livez"):
        clean("%s: %s" % (step, path), admin.get(path)[1])
    while True:
        try:
            clean("%s: STATUS" % step, notify.recv(4096))
        except BlockingIOError:
            break
    for args in commands:
        clean("%s: %s" % (step, " ".join(args)), run_tool(s, args, env))


def job(i):
    return {"id": "job-%d" % i, "message": BODY, "title": "t", "target": {"device": [DEVICE]}, "reply_to": wire.REPLY + "x"}


def env_of(url, admin, notify_path):
    return dict(FAST, PUSHBRIDGE_REDIS_URL=url, PUSHBRIDGE_REDIS_CONNECT_TIMEOUT_MS="300", PUSHBRIDGE_REDIS_COMMAND_TIMEOUT_MS="1000",
                PREQ_ACCESS_KEY_SECRET=KEY_SECRET, PUSHBRIDGE_ALIYUN_SECURITY_TOKEN=TOKEN, NOTIFY_SOCKET=notify_path,
                PUSHBRIDGE_LOG_LEVEL="debug", **admin.env())


def notify_socket(s):
    path = os.path.join(s.dir, "notify")
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(path)
    notify.setblocking(False)
    return notify, path


def no_arguments(p):
    for name in ("cmdline", "comm"):  # what ps shows, and what a core file is called by
        with open("/proc/%d/%s" % (p.pid, name), "rb") as f:
            clean(name, f.read())


@scenario
@slow
def servers_that_quote_their_arguments():
    with Stage(mock_args=("--access-key", "mock-id:%s:%s" % (KEY_SECRET, TOKEN))) as s:
        echo, admin = Echoing(s.redis_port), Admin()
        notify, path = notify_socket(s)
        url = "redis://%s:%s@127.0.0.1:%d/1" % (USER, urllib.parse.quote(PASSWORD, safe=""), echo.port)
        env = env_of(url, admin, path)
        redis = Resp(s.redis_port)
        redis("SELECT", 1)
        for i, step in enumerate(("AUTH", "SELECT", "ROLE", "INFO", "CLIENT", "EVALSHA", "BLMOVE", "RPUSH", "EXPIRE")):
            echo.refuse, before = (step, "EVAL") if step == "EVALSHA" else (step,), echo.refused
            redis("RPUSH", wire.QUEUE, json.dumps(job(i)))
            p = s.worker(**env)
            needed = 1 if step in ("CLIENT", "RPUSH", "EXPIRE") else len(FORMS)
            wait_until(lambda: echo.refused >= before + needed, "the server quoted %s" % step)
            no_arguments(p)
            look_everywhere(s, env, admin, notify, step, COMMANDS if i < 6 else ())
            p.kill()
            p.wait()
            clean(step, s.log(i))
        echo.shutdown()
        expect("event=redis_down" in s.log(0) and "unknown command `AUTH` …" in s.log(0), "the log says what failed")
        return "%d answers that quote" % echo.refused


@scenario
def sentinels_and_nodes_that_quote_their_arguments():
    with Stage() as s:
        echo, admin = Echoing(s.redis_port), Admin()
        notify, path = notify_socket(s)
        secret = urllib.parse.quote(PASSWORD, safe="")
        ways = (("redis+sentinel://%s:%s@127.0.0.1:%d/main" % (USER, secret, echo.port), {
            "PUSHBRIDGE_REDIS_SENTINEL_USERNAME": USER, "PUSHBRIDGE_REDIS_SENTINEL_PASSWORD": PASSWORD}, ("AUTH", "SENTINEL")),
            ("redis+cluster://%s:%s@127.0.0.1:%d" % (USER, secret, echo.port), {}, ("AUTH", "CLUSTER")))
        for url, more, steps in ways:
            env = dict(env_of(url, admin, path), **more)
            for step in steps:
                echo.refuse, before = (step,), echo.refused
                p = s.worker(**env)
                wait_until(lambda: echo.refused >= before + len(FORMS), "the server quoted %s" % step)
                look_everywhere(s, env, admin, notify, url[:14] + step, (("check", "--online"), ("stats",), ("queue", "ls")))
                p.kill()
                p.wait()
                clean(step, s.log(len(s.workers) - 1))
        echo.shutdown()


class Gateway(http.server.ThreadingHTTPServer):
    """Refuses every call and quotes it: as it came, decoded, and as a text to sign."""
    daemon_threads = True

    def handle_error(self, request, address):
        pass  # the worker was killed meanwhile

    def __init__(self, code):
        super().__init__(("127.0.0.1", 0), GatewayHandler)
        self.code, self.seen = code, []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def signatures(self):
        """Of all calls so far, as they were sent and decoded."""
        found = set()
        for _, headers, _, parameters in self.seen:
            found |= {parameters.get("Signature", ""), urllib.parse.quote(parameters.get("Signature", ""), safe="")}
            found |= {w.split("=", 1)[1] for w in headers.replace(",", "\n").split("\n") if w.startswith("Signature=")}
        return found - {""}


class GatewayHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_POST(self):
        seen = self.server.seen
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        headers = "\n".join("%s: %s" % h for h in self.headers.items())
        parameters = dict(urllib.parse.parse_qsl(urllib.parse.urlparse(self.path).query) + urllib.parse.parse_qsl(body))
        forms = ("refused: %s" % self.path, "refused: %s" % body, "refused: %s %s" % (headers, body), "refused: %s" % json.dumps(parameters),
                 "server string to sign is:POST&%%2F&%s" % urllib.parse.quote(body or self.path, safe=""),
                 "refused: <Body>%s</Body>" % parameters.get("Body"), "no such device: %s" % parameters.get("TargetValue"),
                 "key %s, token %s" % (KEY_SECRET, TOKEN))
        text = json.dumps({"Code": self.server.code, "RequestId": "R-1", "Message": forms[len(seen) % len(forms)]}).encode()
        seen.append((self.path, headers, body, parameters))
        self.send_response(400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST

    def do_CONNECT(self):
        said = self.headers["Proxy-Authorization"]
        self.server.seen.append((self.path, "Proxy-Authorization: %s" % said, "", {}))
        self.send_response(407, "Who is %s?" % said)
        self.send_header("Content-Length", "0")
        self.end_headers()


@scenario
def a_gateway_that_quotes_requests():
    with Stage() as s:
        gateway, admin = Gateway("InvalidAccessKeyId.NotFound"), Admin()
        notify, path = notify_socket(s)
        env = dict(env_of("redis://127.0.0.1:%d/0" % s.redis_port, admin, path), PUSHBRIDGE_ALIYUN_CA_FILE="",
                   PUSHBRIDGE_ALIYUN_ENDPOINT="http://127.0.0.1:%d" % gateway.server_address[1], PUSHBRIDGE_CIRCUIT_PROBE_MS="20")
        for i, signature in enumerate(("v1", "v3", "proxy")):
            env["PUSHBRIDGE_ALIYUN_SIGNATURE"] = signature[:2] if signature[0] == "v" else "v3"
            if signature == "proxy":  # what it quotes has the proxy's own password
                env["PUSHBRIDGE_ALIYUN_PROXY"] = "http://%s:%s@127.0.0.1:%d" % (
                    USER, urllib.parse.quote(PASSWORD, safe=""), gateway.server_address[1])
            for k in range(8):  # each form once: the circuit opens, or the worker thinks that it alone is meant
                s.redis("DEL", wire.CONTROL, wire.FLOW)
                s.push(job(10 * i + k))
                n = len(s.workers)
                p = s.worker(**env)
                wait_until(lambda: re.search("event=(circuit_open|own_trouble) ", s.log(n)), "the gateway quoted a call of %s" % signature)
                look_everywhere(s, env, admin, notify, signature, (("check", "--online"),) if k == 0 else ())
                p.kill()
                p.wait()
                clean(signature, s.log(n), *gateway.signatures())
        for _ in range(8):  # an operator's own call: the provider's words, but no secret and no signature
            out = run_tool(s, ("tag", "ls"), env).decode()
            basic = base64.b64encode(("%s:%s" % (USER, PASSWORD)).encode()).decode()
            for w in (KEY_SECRET, TOKEN, basic, urllib.parse.quote(TOKEN, safe=""), *gateway.signatures()):
                expect(w not in out, "tag ls shows %s: %s" % (w, out))
        expect(any("Proxy-Authorization" in headers for _, headers, _, _ in gateway.seen), "calls came through the proxy")
        gateway.shutdown()
        return "%d calls quoted" % len(gateway.seen)


@scenario
def outcomes_without_secrets():
    """error.message of a dead letter is the provider's text, a contract; but no secret and no signature stands there."""
    with Stage() as s:
        gateway, admin = Gateway("InvalidTitle.Empty"), Admin()
        env = dict(env_of("redis://127.0.0.1:%d/0" % s.redis_port, admin, ""), PUSHBRIDGE_ALIYUN_CA_FILE="", PUSHBRIDGE_PLAN_COALESCE="false",
                   PUSHBRIDGE_ALIYUN_ENDPOINT="http://127.0.0.1:%d" % gateway.server_address[1], PUSHBRIDGE_ALIYUN_SIGNATURE="v1")
        n = s.push(*[job(i) for i in range(16)])
        s.worker(**env)
        s.wait_ended(n)
        messages = [d["error"]["message"] for d in s.dead()]
        for w in (KEY_SECRET, TOKEN, urllib.parse.quote(TOKEN, safe=""), *gateway.signatures()):
            expect(not any(w in m for m in messages), "a letter shows %s: %s" % (w, messages))
        expect(any("no such device: %s" % DEVICE in m for m in messages), "the provider's words are there: %s" % messages)
        expect(any("key ***, token ***" in m for m in messages), "secrets are blanked: %s" % messages)
        clean("the log", s.log(), *gateway.signatures())
        gateway.shutdown()
        return "%d letters" % len(messages)
