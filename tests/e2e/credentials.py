# SPDX-License-Identifier: MIT
"""Scenarios of temporary keys: the metadata service, STS, files that are rotated."""
import json
import os

from admin import Admin
from harness import Stage, wait_until
import reload
from scene import PATIENT, expect, scenario, slow

SHORT = dict(reload.SHORT, **PATIENT)  # attempts are counted
NO_KEYS = {"PREQ_ACCESS_KEY_ID": "", "PREQ_ACCESS_KEY_SECRET": ""}


def events(s, name, i=0):
    return s.log(i).count("event=%s " % name)


def write(s, name, text):
    """As a rotation does it: whole, and by another inode."""
    path = os.path.join(s.dir, name)
    with open(path + ".new", "w") as f:
        f.write(text)
    os.rename(path + ".new", path)
    return path


def ecs(s, **more):
    return dict(NO_KEYS, PUSHBRIDGE_ALIYUN_CREDENTIALS="ecs",
                PUSHBRIDGE_ALIYUN_METADATA_ENDPOINT="http://127.0.0.1:%d" % s.control_port, **more)


def oidc(s, **more):
    return dict(NO_KEYS, ALIBABA_CLOUD_ROLE_ARN="acs:ram::1:role/push",
                ALIBABA_CLOUD_OIDC_PROVIDER_ARN="acs:ram::1:oidc-provider/k8s",
                ALIBABA_CLOUD_OIDC_TOKEN_FILE=os.path.join(s.dir, "oidc"),
                PUSHBRIDGE_ALIYUN_STS_ENDPOINT=s.endpoint, **more)


def handed(s):
    return s.control("GET", "/_mock/credentials")


def tell(s, settings):
    s.control("POST", "/_mock/credentials?" + settings)


def load_until(s, condition, what, every=20):
    """Keeps jobs flowing while something happens; how many there were."""
    pushed = [0]

    def more():
        if condition():
            return True
        if s.ended() >= pushed[0] - every:
            pushed[0] += s.push_many(every, "l%d-" % pushed[0])
        return False
    wait_until(more, what)
    return pushed[0]


def all_sent_at_once(s, n):
    s.wait_ended(n)
    expect(not s.dead(), "dead letters: %s" % s.dead()[:1])
    attempts = {o["attempts"] for o in s.outcomes()}
    expect(attempts == {1}, "no attempt was used up: %s" % attempts)


@scenario
@slow
def instance_role_keys_are_exchanged_in_time():
    life = int(os.environ.get("KEY_LIFE_S", "8"))
    with Stage(env=SHORT, mock_args=["--key-life-s", str(life)]) as s:
        a = Admin()
        s.worker(**ecs(s, **a.env()))
        n = load_until(s, lambda: handed(s)["issued"] >= 4, "four pairs of keys")
        all_sent_at_once(s, n)
        h = handed(s)
        expect(h["expired_calls"] == 0, "a call with expired keys: %s" % h)
        expect(h["metadata_tokens"] == h["roles"] == h["imds_keys"] and h["refused"] == 0, "hardened: %s" % h)
        f = a.families()
        left = f["pushbridge_credentials_expiry_seconds"].value(app="default")
        expect(0 < left <= life, "what is left: %s" % left)
        expect(f["pushbridge_credentials_refreshes_total"].value(result="ok") == h["imds_keys"], "counted")
        expect(not events(s, "circuit_open") and not events(s, "credentials_failed"), "all quiet")
        tell(s, "imds=any")
        keys = s.control("GET", "/latest/meta-data/ram/security-credentials/push-role")
        told = [keys[k] for k in ("AccessKeyId", "AccessKeySecret", "SecurityToken") if keys[k] in s.log()]
        expect(keys["AccessKeyId"][:8] + "***" in s.log() and not told, "only the start of its id is in the log: %s" % told)
        s.settle(n)
        return "%d jobs, %d pairs of keys of %d s, %d fetches" % (n, h["issued"], life, h["imds_keys"])


@scenario
def refused_keys_are_renewed_at_once():
    """Keys that end too early: one refresh however many calls fail, and the calls are repeated."""
    for signature in ("v3", "v1"):
        with Stage(env=PATIENT) as s:
            write(s, "oidc", "one")
            rule = s.hold(after=100)
            s.worker(**oidc(s, PUSHBRIDGE_ALIYUN_SIGNATURE=signature))
            n = s.push_many(600, "a")
            s.wait_held(64)
            s.control("DELETE", "/_mock/credentials")
            s.release(rule)
            s.wait_ended(n)
            # All eight, which is what a worker sends at least at once, are signed with these keys before the first is refused.
            rule = s.hold()
            s.fault(kind="error", code="InvalidSecurityToken.Malformed", status=400, count=8)
            n += s.push_many(200, "b")
            s.wait_held(8)
            s.release(rule)
            all_sent_at_once(s, n)
            h = handed(s)
            expect(h["expired_calls"] >= 1 and s.record()["faulted"] == 8, "refused: %s" % h)
            expect(h["oidc"] == h["issued"] == 3, "one refresh for 8 refusals: %s" % h)
            found = {name: events(s, name) for name in ("credentials_refused", "circuit_open")}
            expect(found == {"credentials_refused": 2, "circuit_open": 0}, "by itself: %s" % found)
            s.settle(n)


@scenario
@slow
def calls_of_several_jobs_are_repeated_with_other_keys():
    def unicast(i):
        return {"message": "hello %d" % i, "target": {"account": ["acc%d" % i]}}
    with Stage(env=PATIENT) as s:
        rule = s.hold(after=4)
        s.worker(**ecs(s, PUSHBRIDGE_QUEUE_CONCURRENCY="4"))
        n = s.push_many(2000, make=unicast)
        s.wait_held()
        s.control("DELETE", "/_mock/credentials")
        s.release(rule)
        all_sent_at_once(s, n)
        h, r = handed(s), s.record()
        expect(h["expired_calls"] >= 1 and h["issued"] == 2, "other keys: %s" % h)
        expect(r["calls"] < n / 4 and not events(s, "circuit_open"), "shared calls: %s" % r)
        s.settle(n)
        return "%d jobs in %d calls, %d refused" % (n, r["calls"], h["expired_calls"])


@scenario
def jobs_wait_for_the_first_keys():
    with Stage(env=SHORT, mock_args=["--imds", "off"]) as s:
        a = Admin()
        s.worker(**ecs(s, **a.env()))
        n = s.push_many(30)
        wait_until(lambda: events(s, "credentials_failed") >= 2, "asked again")
        wait_until(lambda: a.failing("keys", "app=default"), "not ready: it can send nothing")
        code, text = a.get("/readyz")[:2]
        told = json.loads(text)["degraded"]
        expect(code == 503 and len(told) == 1 and told[0].startswith("credentials app=default why="), text)
        expect("503" in told[0], told)
        expect(s.ended() == 0 and s.record()["calls"] == 0, "nothing was sent unsigned")
        tell(s, "imds=hardened")
        all_sent_at_once(s, n)
        a.wait_ready()
        wait_until(lambda: json.loads(a.get("/readyz")[1])["degraded"] == [], "well again")
        s.settle(n)


@scenario
def one_app_of_two_without_keys_is_no_trouble_of_the_others():
    with Stage(env=SHORT, mock_args=["--imds", "off"]) as s:
        a = Admin()
        reload.File(s)  # default has keys of its own, shop goes by the service
        s.worker(**ecs(s, **a.env()))
        a.wait_ready()
        wait_until(lambda: any(t.startswith("credentials app=shop ") for t in a.ready()[1]["degraded"]), "it is named")
        expect(a.ready()[0] == 200, "and the worker is ready")


@scenario
@slow
def oidc_token_file_is_read_again():
    with Stage(env=SHORT, mock_args=["--key-life-s", "8", "--oidc-token", "one"]) as s:
        write(s, "oidc", "one\n")
        s.worker(**oidc(s))
        n = load_until(s, lambda: handed(s)["oidc"] >= 2, "refreshed")
        tell(s, "oidc_token=")  # any, while the file changes
        write(s, "oidc", "two\n")
        was = handed(s)["oidc"]
        n += s.push_many(50, "m")
        wait_until(lambda: handed(s)["oidc"] >= was + 1, "refreshed with either")
        tell(s, "oidc_token=two")
        wait_until(lambda: handed(s)["oidc"] >= was + 2, "refreshed with the new token")
        n += s.push_many(50, "n")
        all_sent_at_once(s, n)
        expect(handed(s)["expired_calls"] == 0 and not events(s, "circuit_open"), handed(s))
        s.settle(n)


@scenario
@slow
def keys_that_cannot_be_renewed_open_the_circuit():
    with Stage(env=SHORT, mock_args=["--key-life-s", "4"]) as s:
        a = Admin()
        write(s, "oidc", "one")
        s.worker(**oidc(s, **a.env()))
        n = s.push_many(20, "a")
        s.wait_ended(n)
        tell(s, "sts=off")
        wait_until(lambda: events(s, "credentials_failed"), "a refresh failed")
        expired = lambda: a.families()["pushbridge_credentials_expiry_seconds"].value(app="default") == 0  # noqa: E731
        n += s.push_many(20, "b")
        wait_until(lambda: s.ended() == n or expired(), "sent by the old keys, while they live")
        wait_until(expired, "expired")
        n += s.push_many(20, "c")
        wait_until(lambda: events(s, "circuit_open"), "the circuit opens")
        expect("why=InvalidSecurityToken.Expired" in s.log(), "for that reason")
        tell(s, "sts=on&life_s=3600")
        all_sent_at_once(s, n)
        wait_until(lambda: events(s, "circuit_closed"), "closed by itself")
        s.settle(n)


@scenario
@slow
def rotated_files_are_noticed():
    profile = "[push]\ntype = access_key\naccess_key_id = %s\naccess_key_secret = mock-secret\n"
    with Stage(env=SHORT) as s:
        path = write(s, "credentials", profile % "gone-id")
        s.worker(**NO_KEYS, ALIBABA_CLOUD_CREDENTIALS_FILE=path, ALIBABA_CLOUD_PROFILE="push")
        n = s.push_many(20, "a")
        wait_until(lambda: events(s, "circuit_open"), "an unknown key")
        write(s, "credentials", "[push]\ntype = ")
        wait_until(lambda: events(s, "credentials_failed"), "half a file is no reason to forget")
        write(s, "credentials", profile % "mock-id")
        all_sent_at_once(s, n)
        expect("event=credentials_refreshed source=profile key=***" in s.log(), "said so")
        expect("mock-secret" not in s.log() and "mock-id" not in s.log(), "no key in the log")
        # and files that hold one value each
        keys = {"PREQ_ACCESS_KEY_ID": "", "PREQ_ACCESS_KEY_SECRET": "",
                "PREQ_ACCESS_KEY_ID_FILE": write(s, "id", "mock-id\n"),
                "PREQ_ACCESS_KEY_SECRET_FILE": write(s, "secret", "not-yet\n")}
        s.terminate(s.workers[0])
        s.worker(**keys)
        n += s.push_many(20, "b")
        wait_until(lambda: events(s, "circuit_open", 1), "a wrong secret")
        write(s, "secret", "mock-secret\n")
        all_sent_at_once(s, n)
        expect(events(s, "credentials_refreshed", 1) == 1, "once")
        s.settle(n)


@scenario
def tools_use_the_same_keys():
    with Stage(env=PATIENT) as s:
        text = s.cli("check", "--online", **ecs(s))
        expect("app default: ecs, key STS." in text, text)
        path = write(s, "credentials", "[default]\ntype = ram_role_arn\naccess_key_id = mock-id\n"
                     "access_key_secret = mock-secret\nrole_arn = acs:ram::1:role/push\n")
        role = dict(NO_KEYS, ALIBABA_CLOUD_CREDENTIALS_FILE=path, PUSHBRIDGE_ALIYUN_STS_ENDPOINT=s.endpoint)
        expect("app default: profile, key STS." in s.cli("check", "--online", **role), "a role")
        s.control("DELETE", "/_mock/record")  # of its look at the endpoint
        s.worker(**role)
        n = s.push({"id": "later", "code": "I10000", "school": "s", "delay_s": 600})
        s.wait_ended(n)
        s.cli("cancel", "later", **ecs(s))
        expect(s.record()["done"] == 1, "taken back, signed with keys of the instance")
        s.settle(n)
