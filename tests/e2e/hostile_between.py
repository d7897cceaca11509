# SPDX-License-Identifier: MIT
"""Something between worker and Redis that answers in Redis' place: what no script of ours says, and what has one sent again."""
import threading

from harness import Stage, wait_until
from hostile_secrets import Echoing, EchoingHandler
from scene import FAST, SHORT, expect, scenario


class Between(Echoing):
    """The first answers to commands that fit are others. Each was carried out all the same."""

    def __init__(self, redis_port, fits, answers):
        self.fits, self.answers, self.lock = fits, list(answers), threading.Lock()
        super().__init__(redis_port, BetweenHandler)

    @property
    def url(self):
        return "redis://127.0.0.1:%d/0" % self.port


class BetweenHandler(EchoingHandler):
    def answer(self, words, redis, answers):
        answer, s = super().answer(words, redis, answers), self.server
        with s.lock:
            return s.answers.pop(0) if s.answers and s.fits(words, answer) else answer


def runs(words, key):
    """A script with that first key."""
    return words[0].upper() in (b"EVAL", b"EVALSHA") and words[2] != b"0" and words[3] == key


@scenario
def a_schema_that_nobody_wrote_ends_no_worker():
    """What is not as the script answers is asked again; a newer schema would end the worker for good."""
    wrong = [b"*0\r\n", b":2\r\n", b"$-1\r\n", b"+OK\r\n", b"*2\r\n:1796058714321\r\n:1796058714321\r\n", b"*2\r\n:9223372036854775807\r\n:1\r\n",
             b"*2\r\n:-1\r\n:1796058714321\r\n", b"*1\r\n:2\r\n", b"*3\r\n:2\r\n:1796058714321\r\n+x\r\n", b"*2\r\n:2\r\n$-1\r\n", b"*2\r\n$1\r\n2\r\n:1\r\n"]
    with Stage(env=dict(FAST, **SHORT)) as s:
        between = Between(s.redis_port, lambda words, answer: runs(words, b"{push:jobs}:v"), wrong)
        n = s.push_many(10)
        w = s.worker(PUSHBRIDGE_REDIS_URL=between.url)
        wait_until(lambda: s.ended() == n or w.poll() is not None, lambda: "all end, %d did: %s" % (s.ended(), s.log()[-500:]))
        expect(w.poll() is None and not between.answers, "it lives, and all was tried: %s, %d" % (w.poll(), len(between.answers)))
        s.settle(n)


@scenario
def a_claim_that_is_made_twice_loses_nothing():
    """A claim's answer says that the script was not known, though it ran: it comes again, under the same id, over what the first one took."""
    with Stage(env=dict(FAST, **SHORT)) as s:
        between = Between(s.redis_port, lambda words, answer: runs(words, b"push:jobs") and b"push:jobs}:due" in words[4] and len(answer) > 500,
                          [b"-NOSCRIPT No matching script. Please use EVAL.\r\n"] * 3)
        n = s.push_many(300)
        s.worker(PUSHBRIDGE_REDIS_URL=between.url)
        s.wait_ended(n)
        expect(not between.answers, "it happened")
        s.no_duplicates()
        s.settle(n)
