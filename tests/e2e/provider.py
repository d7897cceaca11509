# SPDX-License-Identifier: MIT
"""What the provider does wrong: refusals, throttling, silence, lost answers, certificates, keys."""
import os

from admin import Admin
from harness import Stage, wait_until
from limits import started
from scene import FAST, PATIENT, SHORT, expect, scenario


@scenario
def provider_rejects():
    with Stage() as s:
        s.fault(kind="error", count=1, code="InvalidTargetValue.Format", status=400)
        s.worker()
        n = s.push({"id": "r", "code": "I10000", "school": "s"})
        s.wait_ended(n)
        d = s.dead()[0]
        expect(d["reason"] == "provider_rejected" and not d["maybe_sent"] and d["error"]["code"] == "InvalidTargetValue.Format", d)
        s.conserve(n)


@scenario
def throttled_then_sent():
    with Stage(env=dict(FAST, PUSHBRIDGE_RETRY_MAX_ATTEMPTS="3")) as s:
        s.fault(kind="throttle", count=4, headers={"x-acs-retry-after": "200"})
        s.worker()
        n = s.push({"id": "t", "code": "I10000", "school": "s"})
        s.wait_ended(n)
        o = s.outcomes()[0]
        expect(o["status"] == "sent" and o["attempts"] <= 1, "throttling uses up no attempts: %s" % o)
        s.settle(n)


@scenario
def unavailable_then_sent():
    with Stage(env=dict(FAST, **dict(SHORT, **PATIENT))) as s:
        s.fault(kind="error", count=2, code="ServiceUnavailable", status=503)
        s.worker()
        n = s.push({"id": "u", "code": "I10000", "school": "s"})
        s.wait_ended(n)
        expect(s.outcomes() and s.outcomes()[0]["attempts"] == 3, s.outcomes() or s.dead())
        s.settle(n)


@scenario
def outage_of_four_probes():
    with Stage(env=dict(FAST, **SHORT, PUSHBRIDGE_CIRCUIT_PROBE_MS="200")) as s:
        a = Admin()
        s.worker(**a.env())
        s.fault(kind="error", code="ServiceUnavailable", status=503)
        n = s.push_many(200)
        wait_until(lambda: "event=circuit_open" in s.log() and started([a])[1] == 0, "the circuit opens")
        calls = s.record()["calls"]
        wait_until(lambda: s.record()["calls"] >= calls + 4, "four probes")
        expect(s.ended() == 0, "nothing ends during the outage: %s" % s.dead()[:1])
        s.clear_faults()
        s.wait_ended(n)
        expect(not s.dead(), "nothing dies: %s" % s.dead()[:1])
        s.settle(n)


@scenario
def hang_past_the_deadline():
    with Stage(env=dict(FAST, **SHORT)) as s:
        s.fault(kind="hang", count=1)
        s.worker()
        n = s.push({"id": "h", "code": "I10000", "school": "s"})
        s.wait_ended(n)
        expect(s.outcomes() and s.outcomes()[0]["status"] == "sent", s.dead())
        s.settle(n)


@scenario
def answer_dropped_after_accepting():
    with Stage(env=dict(FAST, **SHORT)) as s:
        s.fault(kind="drop_after_accept", count=1)
        s.worker()
        n = s.push({"id": "d", "code": "I10000", "school": "s"})
        s.wait_ended(n)
        r = s.record()
        expect(r["pushes"] == 1 and r["suppressed"] == r["calls"] - 1 > 0, "one push, and repeats: %s" % r)
        s.settle(n)


@scenario
def connection_closed_after_reading():
    with Stage(env=dict(FAST, **SHORT)) as s:
        a = Admin()
        s.worker(**a.env())
        s.push({"id": "warm", "code": "I10000", "school": "s"})
        s.wait_ended(1)
        s.fault(kind="close_after_read", count=1)
        n = 1 + s.push({"id": "c", "code": "I10000", "school": "s2"})
        s.wait_ended(n)
        r = s.record()
        expect(r["pushes"] == 2 and r["calls"] == started([a])[0] >= 3, "the library does not resend by itself: %s" % r)
        s.settle(n)


@scenario
def given_up_call_stays_maybe_sent():
    """Policy resend: the first token was never answered, the second call is refused."""
    with Stage(env=dict(FAST, **SHORT)) as s:
        s.conf = os.path.join(s.dir, "resend.conf")
        with open(s.conf, "w") as f:
            f.write('apps = ( { name = "default"; ambiguous = "resend"; } );\n')
        s.fault(kind="drop_after_accept", count=1)
        s.fault(kind="error", count=1, code="InvalidTargetValue.Format", status=400)
        s.worker(PUSHBRIDGE_ALIYUN_IDEMPOTENCY_WINDOW_MS="1000", PUSHBRIDGE_ALIYUN_SETTLE_MS="1500",
                 PUSHBRIDGE_QUEUE_LEASE_MS="4000")
        n = s.push({"id": "g", "code": "I10000", "school": "s"})
        s.wait_ended(n)
        d = s.dead()[0]
        expect(d["reason"] == "provider_rejected" and d["maybe_sent"], {k: d[k] for k in d if k != "job"})
        expect(s.record()["calls"] >= 2, s.record())
        s.conserve(n)


@scenario
def garbage_and_bad_gateway():
    with Stage(env=dict(FAST, **SHORT)) as s:
        s.fault(kind="garbage", count=1)
        s.fault(kind="bad_gateway", count=1)
        s.worker()
        n = s.push({"id": "g", "code": "I10000", "school": "s"})
        s.wait_ended(n)
        expect(s.outcomes() and s.outcomes()[0]["status"] == "sent", s.dead())
        s.settle(n)


@scenario
def tls_mismatch_pauses_and_loses_nothing():
    with Stage(env=dict(FAST, **SHORT)) as s:
        good = s.ca
        s.ca = None  # the system store does not know the throw-away CA
        w = s.worker()
        n = s.push_many(50)
        wait_until(lambda: "event=circuit_open" in s.log(0), "the circuit opens")
        expect(s.ended() == 0 and s.record()["calls"] == 0, "nothing is sent, nothing dies")
        s.conserve(n)
        s.terminate(w)
        s.ca = good
        s.worker()
        s.wait_ended(n)
        expect(not s.dead(), s.dead()[:1])
        s.settle(n)


@scenario
def wrong_secret_pauses():
    with Stage(env=dict(FAST, **SHORT)) as s:
        w = s.worker(PREQ_ACCESS_KEY_SECRET="wrong")
        n = s.push_many(100)
        wait_until(lambda: "event=circuit_open" in s.log(0), "the circuit opens")
        expect(not s.dead(), s.dead()[:1])
        expect(s.terminate(w) == 0, "drained")
        s.worker()
        s.wait_ended(n)
        expect(not s.dead(), s.dead()[:1])
        s.settle(n)
