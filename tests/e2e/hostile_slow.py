# SPDX-License-Identifier: MIT
"""Jobs that were made to take long: the worker's loop goes on, and leases hold."""
import wire
from harness import Stage, wait_until
from scene import FAST, expect, heavy, scenario

HALF = 32000


def doubled(name):
    """Not to be read without finding out which name stands there twice."""
    return '{"message":"m","school":"s","%s":1,"%s":1}' % (name, name)


@scenario
@heavy
def slow_jobs_cost_no_lease():
    """A claim of the worst jobs beside good ones: no other worker takes over what the first is still at."""
    worst = [doubled("\\\\" * (HALF // 2))] * 150 + [
        doubled('\\"' * (HALF // 2)), doubled(("\\\\" * 8 + '\\"') * (HALF // 18)),
        '{"message":"%s","school":"s"}' % ("\\u0001" * (2 * HALF // 6)),
        '{"message":"m","target":{"tag":{"or":[%s]}}}' % ",".join('{"tag":"t%d"}' % i for i in range(3500))]
    with Stage(env=dict(FAST, PUSHBRIDGE_QUEUE_CONCURRENCY="512", PUSHBRIDGE_LIMIT_EGRESS_PER_S="0",
                        PUSHBRIDGE_LIMIT_PUSH_PER_S="0", PUSHBRIDGE_LIMIT_MASSPUSH_PER_S="0")) as s:
        n = 0
        for i, job in enumerate(worst):
            s.redis("RPUSH", wire.QUEUE, job)
            n += 1
            if i % 8 == 0:
                n += s.push({"id": "good-%d" % i, "message": "hi", "target": {"account": ["u%d" % i]}})
        workers = [s.worker()]
        wait_until(lambda: int(s.redis("LLEN", wire.QUEUE)) <= n - 100, "one has claimed many")
        workers.append(s.worker())
        s.wait_ended(n)
        dead, sent = s.dead(), s.outcomes()
        expect(len(sent) == 20 and len(dead) == len(worst), "%d sent, %d dead" % (len(sent), len(dead)))
        expect({d["reason"] for d in dead} == {"invalid_job", "invalid_target"}, "reasons: %s" % {d["reason"] for d in dead})
        twice = [d for d in dead if d["error"]["message"].endswith("member given twice")]
        expect(len(twice) == 152, "%d members were found twice" % len(twice))
        expect(not any(o["crashes"] for o in dead + sent), "nobody took a lease over")
        expect(not any("finish_stale" in s.log(i) for i in (0, 1)), "no lease was lost")
        s.settle(n)
        expect(all(p.poll() is None for p in workers), "the workers live")
