# SPDX-License-Identifier: MIT
"""Those who mean no good with the admin page: a crowd that leaves no place, and a page in a browser that asks under a name of its own."""
import http.client
import select
import socket
import threading

import wire
from admin import Admin, health
from harness import PATIENCE_S, Stage, wait_until
from reload import File, hup
from scene import expect, scenario

IDLE, TRICKLING = 60, 60


class Crowd:
    """Connections that ask nothing: half of them are silent, half never end their request's head. Who is put out comes
    back, where restless."""

    def __init__(self, port, restless):
        self.port, self.restless, self.over = port, restless, threading.Event()
        self.open = {}
        self.put_out = 0
        self.fill()
        self.thread = threading.Thread(target=self.live)
        self.thread.start()

    def fill(self):
        have = list(self.open.values())
        for trickles, n in ((False, IDLE), (True, TRICKLING)):
            for _ in range(n - have.count(trickles)):
                c = socket.create_connection(("127.0.0.1", self.port), PATIENCE_S)
                if trickles:
                    c.sendall(b"GET /livez HTTP/1.1\r\nX: ")
                self.open[c] = trickles

    def drop(self, c):
        del self.open[c]
        c.close()
        self.put_out += 1

    def live(self):
        while not self.over.wait(0.005):
            for c in select.select(list(self.open), [], [], 0)[0]:
                self.drop(c)  # the server says nothing to them
            for c in [c for c, trickles in self.open.items() if trickles]:
                try:
                    c.send(b"y")
                except OSError:
                    self.drop(c)
            if self.restless:
                self.fill()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        for c in self.open:
            c.close()


@scenario
def health_in_a_crowd():
    """Ten of ten, while 60 are idle and 60 trickle, and all that are put out come back at once: the command has a socket of its own."""
    with Stage() as s:
        a = Admin()
        s.worker(**a.env())
        a.wait_ready()
        with Crowd(a.port, restless=True) as crowd:
            well = [health(s, a, *args) for args in ((), ("--ready",)) * 10]
            wait_until(lambda: crowd.put_out >= 100, "the crowd is put out, again and again")
            expect(well == [0] * 20, "health: %s" % well)
        a.wait_ready()
        return "%d were put out" % crowd.put_out


@scenario
def health_by_the_address_in_a_crowd():
    """Where the socket is not found (another spelling of the address, another user) the oldest that asked nothing make room."""
    with Stage() as s:
        a = Admin()
        s.worker(**a.env())
        a.wait_ready()
        spelled = Admin()
        spelled.env = lambda: {"PUSHBRIDGE_ADMIN_LISTEN": "localhost:%d" % a.port}
        for _ in range(10):
            with Crowd(a.port, restless=False):
                expect(health(s, spelled) == 0, "health by the address")
        refused = a.families()["pushbridge_admin_refused_total"]
        expect(refused.value(why="crowd") >= 10, "who had to go is counted")


def ask(port, path, host, target=None):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        c.putrequest("GET", target or path, skip_host=True)
        if host is not None:
            c.putheader("Host", host)
        c.endheaders()
        r = c.getresponse()
        return r.status, r.read().decode()
    finally:
        c.close()


@scenario
def pages_are_for_known_hosts():
    """What DNS rebinding brings: a browser asks this address, but Host says whose page it is. Probes and scrapers have addresses."""
    with Stage() as s:
        f = File(s)
        a = Admin()
        # As in a container: it listens everywhere.
        w = s.worker(PUSHBRIDGE_ADMIN_LISTEN="0.0.0.0:%d" % a.port)
        a.wait_ready()
        own = "127.0.0.1:%d" % a.port
        for page in ("/stats", "/metrics"):
            for host in ("evil.example:%d" % a.port, "10.20.30.40", "localhost.evil.example", "0.0.0.0:%d" % a.port):
                status, text = ask(a.port, page, host)
                expect(status == 421 and "admin.hosts" in text and len(text) < 100, "%s %s: %d %s" % (page, host, status, text))
            expect(ask(a.port, page, None)[0] == 400, "no Host")
            expect(ask(a.port, page, own, "http://evil.example" + page)[0] == 421, "a target of another's")
            expect(all(ask(a.port, page, host)[0] == 200 for host in (own, "localhost", "[::1]:9464")), "ours")
        # A probe may call it by any name, but is not told why.
        expect(ask(a.port, "/livez", "node7.internal") == (200, "ok\n"), "alive, to all")
        expect(ask(a.port, "/readyz", "node7.internal") == (200, "ok\n") and "checks" in ask(a.port, "/readyz", own)[1], "ready, to all")
        s.kill_redis()
        wait_until(lambda: a.failing("redis", "queue=push:jobs"), "unready")
        status, text = ask(a.port, "/readyz", "node7.internal")
        expect(status == 503 and "queue" not in text and wire.QUEUE not in text, "unready, to all: %s" % text)
        s.start_redis()
        a.wait_ready()
        log = s.log()
        expect(log.count("event=admin_host_refused") == 1 and "host=evil.example:%d path=/stats" % a.port in log, "told, but not each time")
        refused = a.families()["pushbridge_admin_refused_total"]
        expect(refused.value(why="host") == 10 and refused.value(why="unclear") == 2, "counted")
        f.put(more='admin: { hosts = [ "prometheus.lan", "worker" ]; };')
        hup(s, w)
        expect(ask(a.port, "/metrics", "worker:9464")[0] == 200 and ask(a.port, "/metrics", "evil.example")[0] == 421, "a list, read anew")
        expect(ask(a.port, "/stats", "Prometheus.LAN")[0] == 200, "in any letters")
