# SPDX-License-Identifier: MIT
"""Names of Redis and of the provider, as name servers are: dead, silent, absent, slow. Each scenario has a network and an
/etc/resolv.conf of its own, in which its Redis, its stand-in and its workers run."""
import functools
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time

from harness import Failure, Stage, wait_until
from scene import FAST, PATIENT, expect, scenario, slow

OWN = "PUSHBRIDGE_TEST_NETWORK"
RUN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "run.py")
UNSHARE = ["unshare", "--net", "--mount", "--propagation", "private"]
# An address of each family that is not loopback: else nobody asks for AAAA.
SET_UP = ("ip link set lo up && ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up && "
          "ip addr add 10.77.0.1/24 dev v0 && ip addr add fd77::1/64 dev v0 nodad")


def in_a_network_of_its_own(f):
    """Runs the scenario once more, in namespaces that it may change."""
    @functools.wraps(f)
    def scenario_outside():
        if os.environ.get(OWN) == f.__name__:
            subprocess.run(SET_UP, shell=True, check=True)
            return f()
        if subprocess.run(UNSHARE + ["sh", "-c", SET_UP], capture_output=True).returncode:
            return "NOT TRIED: nobody may make a network here"
        p = subprocess.run(UNSHARE + [sys.executable, RUN, f.__name__], env={**os.environ, OWN: f.__name__}, capture_output=True, text=True)
        if p.returncode:
            raise Failure((p.stdout + p.stderr)[-4000:])
        return re.search(r"^ok .* s  (.*)$", p.stdout, re.M).group(1)
    return scenario_outside


class NameServer:
    """On an address of its own; knows two names, IPv4 only."""
    NAMES = {b"\5redis\7example\0": "127.0.0.1", b"\4push\7example\0": "127.0.0.1"}

    def __init__(self, address, silent=False, drops_aaaa=False, truncates=False):
        self.address, self.silent, self.drops_aaaa, self.truncates = address, silent, drops_aaaa, truncates
        self.asked = self.by_tcp = self.aaaa = 0
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((address, 53))
        self.tcp = socket.create_server((address, 53))
        for serve in (self.serve_udp, self.serve_tcp):
            threading.Thread(target=serve, daemon=True).start()

    def answer(self, query, cut):
        end = query.index(b"\0", 12) + 1
        name, kind = query[12:end].lower(), query[end:end + 2]
        question, known = query[12:end + 4], name in self.NAMES
        self.asked += 1
        self.aaaa += kind == b"\0\x1c"
        if self.silent or (self.drops_aaaa and kind == b"\0\x1c"):
            return None
        has = known and kind == b"\0\1" and not cut
        flags = (0x8580 | (0x0200 if cut else 0) | (0 if known else 3)).to_bytes(2, "big")
        record = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + socket.inet_aton(self.NAMES[name]) if has else b""
        return query[:2] + flags + b"\0\1\0" + bytes([has]) + b"\0\0\0\0" + question + record

    def serve_udp(self):
        while True:
            query, who = self.udp.recvfrom(4096)
            reply = self.answer(query, self.truncates)
            if reply:
                self.udp.sendto(reply, who)

    def serve_tcp(self):
        while True:
            peer, _ = self.tcp.accept()
            with peer, peer.makefile("rb") as stream:
                while head := stream.read(2):
                    self.by_tcp += 1
                    reply = self.answer(stream.read(struct.unpack("!H", head)[0]), False)
                    peer.sendall(struct.pack("!H", len(reply)) + reply)


def etc(s, file, text):
    """/etc/FILE says this from now on, in this namespace."""
    path = os.path.join(s.dir, "etc-" + file)
    mounted = os.path.exists(path)
    with open(path, "w") as f:
        f.write(text)
    if not mounted:
        subprocess.run(["mount", "--bind", path, "/etc/" + file], check=True)


class World(Stage):
    """Redis and the provider have names; the stand-in's certificate too."""

    def __init__(self, resolver, hosts="127.0.0.1 localhost\n"):
        super().__init__(mock_args=["--tls-name", "push.example"], env={**PATIENT, **FAST})
        self.env_extra["PUSHBRIDGE_REDIS_URL"] = "redis://redis.example:%d/0" % self.redis_port
        self.endpoint = self.endpoint.replace("localhost", "push.example")
        etc(self, "resolv.conf", resolver)
        etc(self, "hosts", hosts)
        etc(self, "nsswitch.conf", "hosts: files dns\n")


def getent_s(name="redis.example"):
    """How long the host's own tool takes, and whether it finds it."""
    began = time.monotonic()
    found = subprocess.run(["getent", "ahosts", name], capture_output=True).returncode == 0
    return "getent %s %.1f s" % ("found it in" if found else "did not find it in", time.monotonic() - began)


def all_sent(s, n):
    """n jobs and how long a worker took from its start to the last one's end."""
    began = time.monotonic()
    s.push_many(n)
    s.worker()
    s.wait_ended(n)
    s.settle(n)
    expect(not s.dead(), "nothing dies: %s" % s.dead()[:1])
    return "a worker's start to the last of %d jobs %.1f s" % (n, time.monotonic() - began)


@scenario
@slow
@in_a_network_of_its_own
def first_name_server_is_dead():
    dead, live = NameServer("127.0.0.2", silent=True), NameServer("127.0.0.3")
    with World("nameserver 127.0.0.2\nnameserver 127.0.0.3\n") as s:
        ours = all_sent(s, 50)
        expect(dead.asked and live.asked, "both were asked")
        return "%s; %s" % (ours, getent_s())


@scenario
@slow
@in_a_network_of_its_own
def name_server_that_drops_aaaa():
    """Each connection would wait for it: neither Redis' nor the provider's does."""
    server = NameServer("127.0.0.2", drops_aaaa=True)
    with World("nameserver 127.0.0.2\n") as s:
        ours = all_sent(s, 50)
        expect(server.aaaa, "AAAA was asked for")
        return "%s; %s" % (ours, getent_s())


@scenario
@in_a_network_of_its_own
def truncated_answers_come_by_tcp():
    server = NameServer("127.0.0.2", truncates=True)
    with World("nameserver 127.0.0.2\n") as s:
        ours = all_sent(s, 50)
        expect(server.by_tcp, "TCP was used")
        return "%s; %s" % (ours, getent_s())


@scenario
@in_a_network_of_its_own
def resolver_that_comes_later():
    """An empty resolv.conf at the start: names of the hosts file are found; those of a server once there is one."""
    server = NameServer("127.0.0.2")
    with World("", hosts="127.0.0.1 localhost redis.example\n") as s:
        s.push_many(20)
        s.worker()
        wait_until(lambda: "event=redis_up" in s.log(), "Redis' name stands in the hosts file")
        wait_until(lambda: any(x in s.log() for x in ("event=call_failed", "event=own_trouble", "event=circuit_open")), "nobody knows the provider's name")
        expect(not server.asked, "nobody told them of the server")
        etc(s, "resolv.conf", "nameserver 127.0.0.2\n")
        s.wait_ended(20)
        s.settle(20)
        expect(not s.dead(), "nothing dies: %s" % s.dead()[:1])
        expect(server.asked, "it was asked")


@scenario
@in_a_network_of_its_own
def tools_find_names_too():
    """A command's Redis, and its calls of the provider, by a server that drops AAAA."""
    server = NameServer("127.0.0.2", drops_aaaa=True)
    with World("nameserver 127.0.0.2\n") as s:
        s.seed(["0123456789abcdef0123456789abcdef"])
        expect(s.cli("stats"), "Redis")
        expect("0123456789abcdef0123456789abcdef" in s.cli("device", "check", "0123456789abcdef0123456789abcdef"), "the provider")
        expect(server.aaaa, "AAAA was asked for")
