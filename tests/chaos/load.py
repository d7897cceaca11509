# SPDX-License-Identifier: MIT
"""The load: a mix of jobs drawn from a seed, and a producer that knows what Redis confirmed."""
import json
import random
import re
import threading
import time

from crowd import PHONES, audience, phone
from harness import K, Q, Refused

LEDGER = K + ":chaos-ledger"  # in the queue's slot, so that one script writes both
# Both in one step: the ledger is, at every instant, exactly what was enqueued.
ENQUEUE = """redis.call('RPUSH', KEYS[1], unpack(ARGV, #ARGV / 2 + 1))
return redis.call('RPUSH', KEYS[2], unpack(ARGV, 1, #ARGV / 2))"""
MARK = re.compile(rb"\bc(\d+)x\b")
NUMBER = re.compile(rb'"meta": \{"n": (\d+)\}')

ELSEWHERE = ("READONLY", "MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN")
CONFIRMED, UNSURE = "confirmed", "unsure"


def mark(n):
    return "c%dx" % n


def find_mark(data):
    found = MARK.search(data if isinstance(data, bytes) else data.encode())
    return int(found.group(1)) if found else None


def find_number(job):
    """Of a job's bytes; what nobody can parse has only its mark."""
    found = NUMBER.search(job)
    return int(found.group(1)) if found else find_mark(job)


def school(rng, n):
    return {"code": rng.choice(["I10000", "I10001", "I20000"]), "school": mark(n)}


def school_and_tags(rng, n):
    return dict(school(rng, n), tags=["t%d" % rng.randrange(50) for _ in range(rng.randint(1, 4))])


def tags_in_parts(rng, n):
    return dict(school(rng, n), tags=["t%d" % i for i in range(rng.randint(15, 35))])


def literal(rng, n):
    return {"message": "news %s" % mark(n), "title": "t", "type": rng.randint(0, 1)}


def someone(rng, kind):
    i = rng.randrange(PHONES)
    return {"device": phone(i), "account": "u%d" % i, "alias": "a%d" % i}[kind]


def to_ids(rng, n):
    """To one or a few ids of one kind."""
    kind = rng.choices(["device", "account", "alias"], [16, 8, 6])[0]
    ids = {someone(rng, kind) for _ in range(rng.randint(1, 3) if kind == "device" else 1)}
    return dict(literal(rng, n), target={kind: sorted(ids)})


def same_to_ids(rng, n):
    """Another job's content: the number is the group's."""
    kind = rng.choice(["device", "device", "account", "alias"])
    return {"message": "the same %s" % mark(n), "title": "t", "target": {kind: [someone(rng, kind)]}}


def to_tag(rng, n):
    return dict(literal(rng, n), target={"tag": "vip"})


def many_devices(rng, n):
    return dict(literal(rng, n), target={"device": [phone(i) for i in rng.sample(range(PHONES), 1100)]})


def broken(rng, n):
    """Bytes that no retry will mend."""
    kind = rng.randrange(5)
    if kind == 0:
        return b'{"code":"I10001","school":"%s' % mark(n).encode()
    if kind == 1:
        return b"\xff\xfe " + mark(n).encode()
    if kind == 2:
        return json.dumps({"code": "NOPE", "school": mark(n)}).encode()
    if kind == 3:
        return json.dumps({"message": mark(n), "target": {"nobody": []}}).encode()
    return json.dumps({"message": mark(n), "surprise": 1, "target": {"all": True}}).encode()


def oversize(rng, n):
    return json.dumps({"message": mark(n) + " " + "x" * 70000, "target": {"alias": ["a"]}}).encode()


MIX = [(school_and_tags, 30), (school, 10), (to_ids, 32), (same_to_ids, 16), (to_tag, 2),
       (tags_in_parts, 6), (many_devices, 0.4), (broken, 5), (oversize, 0.2)]
UNICAST = (to_ids, same_to_ids)
GROUP = 40  # jobs of one content


class Jobs:
    """Draws jobs. Each carries in its content its number, or its group's (the number of the first one
    of the same content), so that it is known again everywhere: in outcomes, in the provider's record and in
    the inboxes of the devices, whatever token, id or JobKey a call has. Jobs to ids, which may share
    calls when they have no id of their own, have one only seldom."""

    def __init__(self, seed, ids=0.6, remember=True, apps=()):
        self.rng = random.Random(seed)
        self.ids, self.remember, self.apps = ids, remember, apps
        self.given = set()
        self.intended = {}  # n → (content, phones)
        self.next, self.group, self.left = 1, 0, 0

    def content(self, n, make):
        if make is not same_to_ids:
            return n
        if not self.left:
            self.group, self.left = n, GROUP
        self.left -= 1
        return self.group

    def has_id(self, make):
        share = self.ids / 4 if make in UNICAST and self.ids < 1 else self.ids
        return self.rng.random() < share

    def draw(self):
        n, rng = self.next, self.rng
        self.next += 1
        make = rng.choices([f for f, _ in MIX], [w for _, w in MIX])[0]
        content = self.content(n, make)
        job = make(rng, content)
        if isinstance(job, dict):
            job["meta"] = {"n": n}
            if self.apps:  # in turn
                job["app"] = self.apps[n % len(self.apps)]
            if self.remember:
                self.intended[n] = content, audience(job, n)
            if self.has_id(make):
                self.given.add(n)
                job["id"] = rng.choice(["order-%d", "täglich %d", "x" * 40 + "%d"]) % n
            job = json.dumps(job, ensure_ascii=False).encode()
        return n, job


class Producer:
    """Enqueues at a rate. An error answer means not enqueued: tried again. No answer means unsure:
    such a job may or may not be there, the ledger says which. With replicas, an answer counts when
    so many of them have the job."""

    def __init__(self, connect, jobs, rate, replicas=0):
        self.connect, self.jobs, self.rate, self.replicas = connect, jobs, rate, replicas
        self.state = {}      # n → confirmed or unsure
        self.confirmed_at = {}  # n → monotonic
        self.refusals = 0
        self.redis = None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def try_push(self, batch):
        """True when the batch is dealt with."""
        numbers = [n for n, _ in batch]
        replicas = self.replicas  # one answer for the whole batch: a scenario may change it meanwhile
        try:
            if self.redis is None:
                self.redis = self.connect()
        except OSError:
            return False
        try:
            self.redis("EVAL", ENQUEUE, 2, Q, LEDGER, *numbers, *[job for _, job in batch])
            sure = self.replicated(replicas)
        except Refused as e:
            self.refusals += 1
            if str(e).startswith(ELSEWHERE):
                self.redis = None
            return False
        except OSError:
            self.redis = None
            self.state.update((n, UNSURE) for n in numbers)
            return True
        now = time.monotonic()
        self.state.update((n, CONFIRMED if sure else UNSURE) for n in numbers)
        self.confirmed_at.update((n, now) for n in numbers)
        return True

    def replicated(self, replicas):
        try:
            return not replicas or self.redis("WAIT", replicas, 500) >= replicas
        except Refused:
            return False

    def push(self, k):
        batch = [self.jobs.draw() for _ in range(k)]
        while not self.try_push(batch) and not self.stopping.wait(0.02):
            pass

    def burst(self, k):
        while k > 0:
            self.push(min(k, 50))
            k -= 50

    def run(self):
        rng = random.Random(self.jobs.rng.random())
        due = time.monotonic()
        while not self.stopping.is_set():
            k = rng.randint(1, 20)
            self.push(k)
            due = max(due + k / self.rate, time.monotonic() - 1)
            self.stopping.wait(max(0.0, due - time.monotonic()))

    def start(self):
        self.thread.start()

    def stop(self):
        self.stopping.set()
        self.thread.join(20)

    def numbers(self, state):
        return {n for n, s in self.state.items() if s == state}
