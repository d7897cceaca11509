# SPDX-License-Identifier: MIT
"""Rate limits, cool-downs and circuits that workers share; parked jobs."""
import os
import time

from admin import Admin
from harness import Stage, free_port, wait_until
from scene import FAST, PATIENT, SHORT, calls, expect, scenario, slow


def expect_paced(seen, since_ms, per_s, burst):
    """Never more calls than the limit gave tokens for since that moment: a call that comes late on a busy machine does not
    spoil that, and more than the tokens cannot come on any."""
    for i, t in enumerate(sorted(c["at_ms"] for c in seen)):
        allowed = burst + per_s * (t - since_ms + 1) / 1000
        expect(i + 1 <= allowed, "%d calls after %d ms, %d are allowed" % (i + 1, t - since_ms, allowed))


LIMIT50 = {"PUSHBRIDGE_LIMIT_EGRESS_PER_S": "50", "PUSHBRIDGE_LIMIT_EGRESS": "test", "PUSHBRIDGE_LIMIT_BURST_MS": "200"}


def three_below_the_limit(s, n):
    """Three workers send what is queued, all together at 50 a second."""
    ports = ["127.0.0.1:%d" % free_port() for _ in range(3)]
    began, began_ms = time.monotonic(), s.redis_ms()
    for listen in ports:
        s.worker(PUSHBRIDGE_ADMIN_LISTEN=listen)
    s.wait_ended(n)
    took = time.monotonic() - began
    seen = calls(s)
    expect_paced(seen, began_ms, 50, 10)
    sums = [s.metrics(listen) for listen in ports]
    claimed = sum(m["pushbridge_jobs_claimed_total"] for m in sums)
    parked = sum(m["pushbridge_jobs_parked_total"] for m in sums)
    asks = sum(m["pushbridge_limiter_asks_total"] for m in sums)
    expect(len(seen) == n and claimed == n + parked, "%d calls, %d claimed, %d parked" % (len(seen), claimed, parked))
    expect(not s.dead(), s.dead()[:1])
    return "%.1f s, %d asks, %d parked" % (took, asks, parked)


@scenario
def rate_limit_shared():
    with Stage(env=LIMIT50) as s:
        n = s.push_many(200)
        note = three_below_the_limit(s, n)
        s.settle(n)
        return note


@scenario
def rate_limit_over_queues():
    """Each worker serves both queues, and both have the one limit."""
    with Stage(env=dict(LIMIT50, PUSHBRIDGE_QUEUE_NAMES="a,b", PUSHBRIDGE_QUEUE_SERVE="fair")) as s:
        note = three_below_the_limit(s, sum(s.push_many(100, q, queue=q) for q in "ab"))
        expect(all(s.counts(q)["sent"] == 100 for q in "ab"), "all of both")
        s.no_duplicates()
        return note


@scenario
def two_accounts_one_short():
    """Jobs of the account without a token wait parked, the other's flow past them."""
    with Stage(env={"PUSHBRIDGE_LIMIT_PUSH_PER_S": "1000"}) as s:
        s.conf = os.path.join(s.dir, "two.conf")
        with open(s.conf, "w") as f:
            f.write('apps = ( { name = "default"; account = "big"; }, { name = "slow"; account = "small"; app_key = "23456789"; '
                    'access_key_id = "mock-id"; access_key_secret = "mock-secret"; } );\n')
        s.cli("limit", "set", "Push@small", "1")  # the fast ones are through long before the slow ones could be
        listen = "127.0.0.1:%d" % free_port()
        slow = s.push_many(100, "slow", lambda i: {"id": "slow%d" % i, "code": "I10001", "school": "s", "app": "slow"})
        n = s.push_many(300, "fast")
        s.worker(PUSHBRIDGE_ADMIN_LISTEN=listen)
        wait_until(lambda: s.ended() >= n, "the other account flows")
        ids = [o["id"] for o in s.outcomes()]
        expect(sum(i.startswith("slow") for i in ids) < slow, "the small account is slower")
        s.cli("limit", "set", "Push@small", "100")
        s.wait_ended(n + slow)
        m = s.metrics(listen)
        parked = m["pushbridge_jobs_parked_total"] - m["pushbridge_jobs_set_aside_total"]
        expect(parked <= 2 * slow, "bounded parking: %d" % parked)
        expect(not s.dead(), s.dead()[:1])
        s.settle(n + slow)
        return "%d parked" % parked


@scenario
def parts_wait_for_their_tokens():
    with Stage(env={"PUSHBRIDGE_LIMIT_EGRESS_PER_S": "4", "PUSHBRIDGE_LIMIT_BURST_MS": "500"}) as s:
        began_ms = s.redis_ms()
        s.worker()
        n = s.push(*[{"id": "t%d" % k, "code": "I10001", "school": "s", "tags": ["t%d" % i for i in range(35)]} for k in range(3)])
        s.wait_ended(n)
        expect(all(o["status"] == "sent" and o["attempts"] == len(o["pushes"]) > 1 for o in s.outcomes()), "waiting is no attempt: %s" % s.outcomes())
        expect_paced(calls(s), began_ms, 4, 2)
        s.settle(n)


def started(pages):
    """How many calls each worker has begun, less those that have ended."""
    found = [a.families() for a in pages]
    begun = [f["pushbridge_provider_requests_started_total"].value() for f in found]
    ended = [f["pushbridge_provider_requests_total"].value() if "pushbridge_provider_requests_total" in f else 0 for f in found]
    return sum(begun), sum(begun) - sum(ended)


@scenario
@slow
def throttle_cools_all_workers():
    """From when each of them knows of it, and all that it had begun has arrived, no call comes before the account has cooled."""
    cool_ms, cooled = 3500, "pushbridge_limiter_cooled_total"
    with Stage(env=dict(FAST, **PATIENT)) as s:
        pages = [Admin() for _ in range(3)]
        for a in pages:
            s.worker(**a.env())
            a.wait_ready()
        n, from_ms, to_ms = 0, 0, 0
        for turn in range(10):  # on a busy machine they may know of it too late for a look
            was = [a.families()[cooled].value() for a in pages]
            # Two jobs with none let through between: what a worker has yet to tell of those before counts as such, once.
            refused = s.hold(after=100, count=8)
            s.fault(kind="throttle", after=100, count=8, headers={"x-acs-retry-after": str(cool_ms)})
            s.hold(after=100)
            n += s.push_many(1000, "r%d-" % turn)
            s.wait_held(24)
            s.release(refused)
            wait_until(lambda: all(a.families()[cooled].value() > before for a, before in zip(pages, was)), "all cool down")
            wait_until(lambda: started(pages)[0] == s.record()["calls"], "all calls have arrived")
            from_ms, to_ms = s.redis_ms(), calls(s, outcome="throttled")[-1]["answered_ms"] + cool_ms
            s.clear_faults()
            s.wait_ended(n)
            if from_ms < to_ms - 500:
                break
        expect(from_ms < to_ms - 500, "no look in %d turns" % (turn + 1))
        quiet = [c["at_ms"] - from_ms for c in calls(s) if from_ms < c["at_ms"] < to_ms]
        expect(not quiet, "%d calls while the account cools, ms after: %s" % (len(quiet), quiet[:40]))
        expect(not s.dead() and all(o["attempts"] == 1 for o in s.outcomes()), "no attempt is used")
        s.settle(n)
        return "looked for %d ms" % (to_ms - from_ms)


@scenario
def circuit_shared_probe():
    with Stage(env=dict(FAST, **dict(SHORT, **PATIENT), PUSHBRIDGE_CIRCUIT_PROBE_MS="500")) as s:
        s.fault(kind="error", code="ServiceUnavailable", status=503)
        pages = [Admin() for _ in range(5)]
        for a in pages:
            s.worker(**a.env())
        n = s.push_many(400)
        wait_until(lambda: all("event=circuit_open" in s.log(i) for i in range(5)) and started(pages)[1] == 0, "all circuits open")
        before, began = s.record()["calls"], time.monotonic()
        wait_until(lambda: s.record()["calls"] >= before + 2, "two probes")
        probes, took = s.record()["calls"] - before, time.monotonic() - began
        # Intervals of 0.5, 1, 2, 4 … s, and each worker would make as many for itself.
        expect(0.5 * (2 ** (probes - 1) - 1) <= took, "%d probes by 5 workers in %.1f s" % (probes, took))
        expect(s.ended() == 0, "nothing ends meanwhile: %s" % s.dead()[:1])
        s.clear_faults()
        s.wait_ended(n)
        expect(not s.dead(), s.dead()[:1])
        wait_until(lambda: all("event=circuit_closed" in s.log(i) for i in range(5)), "all circuits close")
        tried = [o["attempts"] for o in s.outcomes()]
        expect(sum(a == 1 for a in tried) >= 0.95 * n, "attempts in the outage are refunded: %s" % sorted(tried)[-30:])
        s.settle(n)
        return "%d probes by 5 workers, %d of %d jobs with one attempt" % (probes, tried.count(1), n)


@scenario
def parked_jobs_expire():
    """The deadline of a job whose app is paused, or whose circuit is open, passes all the same."""
    with Stage(env=SHORT) as s:
        s.conf = os.path.join(s.dir, "two.conf")
        with open(s.conf, "w") as f:
            f.write('apps = ( { name = "default"; }, { name = "other"; app_key = "23456789"; } );\n')

        def job(i, **more):
            return dict({"id": "j%d" % i, "code": "I10001", "school": "s", "app": "other"}, **more)
        w = s.worker()
        s.cli("pause", "--app", "other")
        wait_until(lambda: "event=paused app=other" in s.log(), "the app is paused")
        n = s.push_many(100, "", lambda i: job(i, ttl_s=1) if i % 2 else job(i))
        wait_until(lambda: s.ended() == 50 and s.counts()["parked"] == 50, "half of them expire")
        expect({d["reason"] for d in s.dead()} == {"expired"} and not s.outcomes(), "as expired")
        s.conserve(n)
        s.cli("resume", "--app", "other")
        s.wait_ended(n)
        s.terminate(w)
        w = s.worker(PREQ_ACCESS_KEY_SECRET="wrong-secret")
        lasting = s.push(job(200))  # so that the circuit opens however late
        n += s.push_many(20, "", lambda i: job(100 + i, ttl_s=2))
        wait_until(lambda: "event=circuit_open" in s.log(1), "the circuit opens")
        s.wait_ended(n)
        expect({d["reason"] for d in s.dead()} == {"expired"}, "by their deadline: %s" % s.dead()[-1])
        expect(w.poll() is None, "the worker lives")
        s.settle(n + lasting)


@scenario
def limit_at_run_time():
    with Stage(env={"PUSHBRIDGE_LIMIT_EGRESS": "test"}) as s:
        s.worker()
        s.worker()
        n = free = s.push_many(300)
        s.wait_ended(n)
        s.cli("limit", "set", "egress@test", "20")
        since_ms = s.redis_ms()
        wait_until(lambda: all("event=limit_changed limit=egress@test" in s.log(i) for i in range(2)), "both hear of it")
        n += s.push_many(1000, "k")
        wait_until(lambda: s.ended() > free + 60, "slow")
        # 20 of the bucket when it is full, and of each worker the one that it asked for while it filled up
        expect_paced([c for c in calls(s) if c["at_ms"] >= since_ms], since_ms, 20, 20 + 2)
        row = [x.split() for x in s.cli("limit", "ls").splitlines() if x.startswith("egress@test")][0]
        expect(row[1:4] == ["none", "20", "20"], row)
        s.cli("limit", "reset", "egress@test")
        began = time.monotonic()
        s.wait_ended(n)
        took = time.monotonic() - began
        expect(all(s.log(i).count("event=limit_changed limit=egress@test") == 2 for i in range(2)), "both say so")
        s.settle(n)
        return "the rest in %.1f s" % took
