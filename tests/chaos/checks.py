# SPDX-License-Identifier: MIT
"""What is looked at: while the faults happen, and after the queue has drained."""
import base64
import collections
import json
import threading
import time

import wire
from harness import K, Q, Failure
from load import CONFIRMED, LEDGER, UNSURE, find_mark

# One instant's picture. What was enqueued stands in the ledger, so the sum must fit at any time.
PICTURE = """local c = redis.call
local function sum(pattern)
    local n = 0
    for _, k in ipairs(c('KEYS', pattern)) do n = n + c('LLEN', k) end
    return n
end
local by = c('HMGET', ARGV[1] .. ':count', 'sent', 'dead', 'duplicate')
local ended = (by[1] or 0) + (by[2] or 0) + (by[3] or 0)
return {c('LLEN', ARGV[2]), c('LLEN', KEYS[1]), sum(ARGV[1] .. ':inbox:*'), sum(ARGV[1] .. ':parked:*'),
    c('HLEN', ARGV[1] .. ':member'), ended, tonumber(by[1] or 0)}"""


def take_picture(redis):
    enqueued, ready, inbox, parked, member, ended, sent = redis("EVAL", PICTURE, 1, Q, K, LEDGER)
    return dict(enqueued=enqueued, ended=ended, sent=sent, open=ready + inbox + parked + member)


def info(redis, section):
    lines = redis("INFO", section).decode().split("\r\n")
    return dict(line.split(":", 1) for line in lines if ":" in line)


class Monitor:
    """Samples conservation and progress, and what of the AOF is surely on the disk."""

    PERIOD_S = 0.03
    GAP_S = 0.5    # Redis was not to be seen for so long
    FEW = 10       # jobs sent; the load brings so many in 0.1 s at most. Less is no work worth the name
    FSYNC_S = 1.2  # with everysec, a sync begins at the latest so long after the write

    def __init__(self, connect):
        self.connect = connect
        self.redis = None
        self.samples = []     # (monotonic, ended, sent)
        self.leaks = []       # pictures that do not add up
        self.last = None
        self.pictures = 0
        self.durable_until = 0.0  # what was confirmed before this (monotonic) is synced
        self.moving = False  # the keys are on their way to another server: no instant shows them all
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def sample(self):
        before, moving = time.monotonic(), self.moving
        picture = take_picture(self.redis)
        if moving or self.moving:
            return
        self.pictures += 1
        self.last = picture
        self.samples.append((time.monotonic(), picture["ended"], picture["sent"]))
        if picture["open"] + picture["ended"] != picture["enqueued"]:
            self.leaks.append(picture)
        if self.pictures % 4 == 0:
            self.note_synced(before)

    def note_synced(self, before):
        aof = info(self.redis, "persistence")
        if aof.get("aof_pending_bio_fsync") == "0" and aof.get("aof_buffer_length") == "0":
            self.durable_until = before - self.FSYNC_S

    def run(self):
        while not self.stopping.wait(self.PERIOD_S):
            try:
                if self.redis is None:
                    self.redis = self.connect()
                self.sample()
            except (OSError, KeyError):
                self.redis = None

    def start(self):
        self.thread.start()

    def stop(self):
        self.stopping.set()
        self.thread.join(10)

    def ended(self):
        return self.samples[-1][1] if self.samples else 0

    def sent(self):
        return self.samples[-1][2] if self.samples else 0

    def progress(self, begin):
        """How many jobs were sent since the first look after begin, at each look. Dead letters do not count,
        since broken jobs end without the provider; nor does what is new after a gap: it may have been
        sent before the gap. Where Redis forgot some, counting goes on from there."""
        looks, total, before = [], 0, None
        for t, _, sent in self.samples:
            if t <= begin:
                continue
            if before and t - before[0] < self.GAP_S:
                total += max(0, sent - before[1])
            before = t, sent
            looks.append((t, total))
        return looks

    def progress_after(self, moment, jobs=1):
        """Seconds from the moment until so many more jobs were sent; None: not yet."""
        return next((t - moment for t, n in self.progress(moment) if n >= jobs), None)

    def longest_pause(self, begin, end):
        """Longest time with less than FEW jobs sent."""
        looks = [(begin, 0)] + [look for look in self.progress(begin) if look[0] <= end]
        longest, i = 0.0, 0
        for t, n in looks[1:]:
            while n - looks[i + 1][1] >= self.FEW:
                i += 1
            longest = max(longest, t - looks[i][0])
        return longest


def original(redis, o):
    if o.get("job_b64"):
        return base64.b64decode(o["job_b64"])
    if o.get("job_ref"):
        key, uid = o["job_ref"].split(" ")
        return redis("HGET", key, uid) or b""
    return o.get("job") or ""


def number_of(redis, o):
    """The number of the job that an outcome is about; None: cannot be told."""
    n = (o.get("meta") or {}).get("n")
    return find_mark(original(redis, o)) if n is None and o["status"] == "dead" else n


def pushes_of(call):
    """One for each task of a MassPush, each with what holds for the whole call."""
    return [dict(call, **task) for task in call["tasks"]] if call.get("tasks") else [call]


class Ends:
    """All outcomes, by the number of the job; all that the provider was to push, by the number that
    its content carries. groups: contents that several jobs have."""

    def __init__(self, redis, calls, groups, results=wire.RESULTS, dead=wire.DEAD):
        self.groups = groups
        self.outcomes = collections.defaultdict(list)
        self.unknown = []
        for status, key in (("sent", results), ("dead", dead)):
            for text in redis("LRANGE", key, 0, -1):
                self.add_outcome(redis, json.loads(text), status)
        self.listed = len(calls)
        self.calls = collections.defaultdict(list)
        for call in calls:
            for push in pushes_of(call):
                n = find_mark("%s %s" % (push.get("title") or "", push.get("body") or ""))
                self.calls[n].append(push)

    def add_outcome(self, redis, o, status):
        n = number_of(redis, o)
        if n is None or o["status"] not in (status, "duplicate"):
            self.unknown.append(o)
        else:
            self.outcomes[n].append(o)

    def reasons(self):
        return collections.Counter(o["reason"] for ends in self.outcomes.values() for o in ends if o["status"] == "dead")

    def shared(self):
        """Jobs that went out together with others, and in how many calls."""
        together = [o["pushes"][0]["request_id"] for ends in self.outcomes.values() for o in ends
                    if o["status"] == "sent" and "task" in o["pushes"][0]]
        return len(together), len(set(together))

    def repeats(self):
        """Of each content of one job that the same target got more than once: (job, when, how many are
        too many)."""
        found = []
        for n, calls in self.calls.items():
            seen = collections.defaultdict(list)
            for c in calls:
                if c["outcome"] == "pushed":
                    seen[c["app_key"], c["target"], c["target_value_digest"], c["body"]].append(c["at_ms"])
            if n not in self.groups:
                found += [(n, times, len(times) - 1) for times in seen.values() if len(times) > 1]
        return found

    def overlapping(self):
        """The calls of the first token that had two in flight: when they came, when they were answered."""
        calls = [c for of_job in self.calls.values() for c in of_job]
        tokens = {c["token"] for c in calls if c["concurrent"]}
        return sorted({(c["at_ms"], c["answered_ms"], c["outcome"]) for c in calls if c["token"] in sorted(tokens)[:1]})

    def untrue(self, contents):
        """Outcomes that the provider's record contradicts. What only some of a group's jobs got, their
        devices know."""
        wrong = []
        for n, ends in self.outcomes.items():
            content = contents.get(n, n)
            pushed = [c["message_id"] for c in self.calls.get(content, []) if c["outcome"] == "pushed"]
            for o in ends:
                said = [p["message_id"] for p in o["pushes"]]
                if o["status"] == "sent" and (not said or not set(said) <= set(pushed)):
                    wrong.append("%d is sent as %s, the record has %s" % (n, said, pushed))
                if o["status"] == "dead" and not o["maybe_sent"] and content not in self.groups and len(pushed) > len(said):
                    wrong.append("%d is dead (%s) and not maybe_sent, the record has %s" % (n, o["reason"], pushed))
        return wrong


class Figures:
    """One scenario's row, and what is wrong with it."""

    def __init__(self, name, seed):
        self.name, self.seed = name, seed
        self.jobs = self.calls = self.pushed = self.suppressed = 0
        self.lost = self.twice = self.concurrent = self.outcomes_ok = 0
        self.pause = self.recovery = None
        self.notes, self.faults = [], []

    def expect(self, condition, what):
        if not condition:
            self.faults.append(what)

    def row(self):
        pause, recovery = ("–" if s is None else "%.1f" % s for s in (self.pause, self.recovery))
        ended = "%d/%d" % (self.outcomes_ok, self.jobs)
        return [self.name, str(self.seed), str(self.jobs), str(self.calls), str(self.pushed), str(self.suppressed),
                str(self.lost), str(self.twice), str(self.concurrent), ended, pause, recovery, "; ".join(self.notes)]


HEAD = ["scenario", "seed", "jobs", "calls", "pushed", "suppressed", "lost", "twice", "concurrent", "one outcome",
        "pause s", "recovery s", "notes"]


def first_few(things):
    return ", ".join(str(x) for x in sorted(things)[:5])


def check_ends(f, ends, producer, monitor, redis, unsynced=()):
    """Fills the row. unsynced: times of which Redis may have forgotten the RPUSHes that it confirmed."""
    ledger = [int(n) for n in redis("LRANGE", LEDGER, 0, -1)]
    enqueued = set(ledger)
    confirmed = producer.numbers(CONFIRMED)
    forgotten = confirmed - enqueued
    excused = {n for n in forgotten if any(a <= producer.confirmed_at[n] <= b for a, b in unsynced)}
    if forgotten:
        f.notes.append("Redis forgot %d confirmed jobs, %d of them unsynced" % (len(forgotten), len(excused)))
    lost = ((confirmed - excused) | enqueued) - set(ends.outcomes)
    f.jobs = len(enqueued)
    f.lost = len(lost)
    f.expect(len(ledger) == len(enqueued), "the producer enqueued a number twice")
    f.expect(not lost, "lost: %s" % first_few(lost))
    f.outcomes_ok = sum(1 for n in enqueued if len(ends.outcomes.get(n, [])) == 1)
    several = {n for n, o in ends.outcomes.items() if len(o) > 1}
    f.expect(f.outcomes_ok == f.jobs, "not exactly one outcome: %s" % first_few(several or lost))
    f.expect(not several, "two outcomes: %s" % first_few(several))
    stray = set(ends.outcomes) - enqueued
    f.expect(not stray, "outcomes of jobs that nobody enqueued: %s" % first_few(stray))
    f.expect(not ends.unknown, "outcomes that fit no job: %s" % json.dumps(ends.unknown[:1])[:300])
    unsure = producer.numbers(UNSURE)
    if unsure:
        f.notes.append("RPUSH unanswered %d, %d of them there" % (len(unsure), len(unsure & enqueued)))
    f.expect(not monitor.leaks, "conservation broke in %d of %d pictures: %s" %
             (len(monitor.leaks), monitor.pictures, monitor.leaks[:2]))


def is_forgotten_claim(times, too_many, lapses):
    """Whether each of the pushes that are too many can be the repeat of a call whose claim Redis forgot:
    the first was made between the claim and the moment when Redis was back, the repeat after that. A
    lapse: (claims from then on may be forgotten, Redis was not back before, it was back at the latest),
    by the provider's clock."""
    pairs = sum(min(sum(since <= t <= back for t in times), sum(t > away for t in times)) for since, away, back in lapses)
    return pairs >= too_many


def check_record(f, ends, record, duplicates, inboxes, contents, without_id=frozenset(), lapses=()):
    """contents: job → the number that its content carries. without_id: contents of jobs without an id:
    when Redis forgot their first claim they have a new uid, so a new token. Such a repeat is stated
    apart, since nothing can prevent it."""
    f.calls, f.pushed, f.suppressed = record["calls"], record["tasks"], record["suppressed"]
    f.concurrent = record["concurrent"]
    repeats = ends.repeats() + inboxes.repeats()
    twice = {n for n, _, _ in repeats}
    stated = (twice & without_id) - {n for n, times, too_many in repeats if not is_forgotten_claim(times, too_many, lapses)}
    if lapses:
        f.notes.append("%d contents without an id pushed again after a forgotten claim" % len(stated))
    f.twice = len(twice - stated) + len(duplicates["tokens"])
    f.expect(not twice - stated, "pushed twice: %s" % first_few(twice - stated))
    f.expect(not duplicates["tokens"], "one token pushed twice: %s" % json.dumps(duplicates["tokens"][:2]))
    f.expect(not f.concurrent, "%d concurrent calls with one token: %s" % (f.concurrent, ends.overlapping()))
    missed = inboxes.missed()
    f.lost += len(missed)
    f.expect(not missed, "sent, but a device did not get it: %s" % first_few(missed))
    f.expect(None not in ends.calls, "calls that carry no job's number")
    f.expect(record["calls"] == ends.listed, "the record was too short for all calls")
    wrong = ends.untrue(contents)
    f.expect(not wrong, "%d outcomes that the record contradicts: %s" % (len(wrong), "; ".join(wrong[:2])))


def check_sharing(f, ends, wanted):
    """With nothing shared the scenario would prove nothing about shared calls."""
    jobs, calls = ends.shared()
    f.notes.append("%d jobs shared %d calls" % (jobs, calls))
    f.expect(not wanted or jobs >= f.jobs / 20, "only %d of %d jobs shared calls" % (jobs, f.jobs))


def check_places(f, stage, enqueued):
    """Conservation by the keys themselves, once nothing moves any more."""
    try:
        counts = stage.counts()
    except OSError as e:
        raise Failure("counts: %s" % e)
    places = {k: v for k, v in counts.items() if k not in ("sent", "dead", "duplicate") and v}
    f.expect(not places, "left behind: %s" % places)
    f.expect(sum(counts.values()) == enqueued, "conservation: %d enqueued, found %s" % (enqueued, counts))
