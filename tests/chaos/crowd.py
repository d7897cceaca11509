# SPDX-License-Identifier: MIT
"""Who could receive: phones with an account, an alias and tags each, and who of them a job means."""
import collections

PHONES, SCHOOLS, TAGS = 3000, 9900, 50
MEMBERS = 10  # of a school


def phone(i):
    return "%032x" % i


def tags_of(i):
    return sorted({"t%d" % (i % TAGS), "t%d" % (i // TAGS % TAGS)} | ({"vip"} if i % 600 == 0 else set()))


def members(school):
    """Of a school by its number; those beyond SCHOOLS are empty."""
    return {(school * 101 + k * 53) % PHONES for k in range(MEMBERS)} if school <= SCHOOLS else set()


def world(mark):
    """As Stage.seed() takes it."""
    devices = [{"id": phone(i), "account": "u%d" % i, "aliases": ["a%d" % i], "tags": tags_of(i)} for i in range(PHONES)]
    return devices, {mark(n): {"DEVICE": [phone(i) for i in sorted(members(n))]} for n in range(1, SCHOOLS + 1)}


def audience(job, n):
    """The phones that job n is for."""
    kind, who = next(iter(job.get("target", {"school": None}).items()))
    if kind == "device":
        return {int(i, 16) for i in who}
    if kind in ("account", "alias"):
        return {int(i[1:]) for i in who}
    if kind == "tag":
        return {i for i in range(0, PHONES, 600)}
    tags = set(job.get("tags", ()))
    return {i for i in members(n) if not tags or tags & set(tags_of(i))}


def bounds_of(ends):
    """How often a job's outcomes allow that it was received: (at least, at most)."""
    if any(o["status"] == "sent" for o in ends):
        return 1, 1
    # Without an outcome: Redis forgot it, perhaps after it was sent.
    return 0, 1 if not ends or any(o["maybe_sent"] or o["pushes"] for o in ends) else 0


class Inboxes:
    """What the devices got against what they were to get. Jobs of one content are one sum."""

    def __init__(self, receipts, jobs, ends, find_mark):
        self.least, self.most, self.got = collections.Counter(), collections.Counter(), collections.defaultdict(list)
        for n, (content, phones) in jobs.intended.items():
            least, most = bounds_of(ends.outcomes.get(n, []))
            for i in phones:
                self.least[content, i] += least
                self.most[content, i] += most
        for device, messages in receipts.items():
            for m in messages:
                self.got[find_mark(m["body"]), int(device, 16)].append(m["at_ms"])

    def missed(self):
        """Contents that somebody did not get though it was sent."""
        return {what[0] for what, k in self.least.items() if len(self.got.get(what, ())) < k}

    def repeats(self):
        """Of each content that somebody got too often, or ought not to have got: (content, when he got
        it, how many are too many)."""
        return [(what[0], times, len(times) - self.most[what]) for what, times in self.got.items() if len(times) > self.most[what]]
