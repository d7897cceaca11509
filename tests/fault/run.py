#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Kills the worker before and after each of its writes to a socket (each script call, each byte on
the way to the provider) in turn, and aborts it on marked jobs; every job must end once all the same.
A second pass kills a worker that adopts the inbox of one who died before it, and parks and drains the
jobs of an app that the provider does not know for a while; a third one that steps back from an app because
its own keys for it are wrong for a while. A fourth one refuses memory: each allocation of reading and planning, and some
of all that the first pass does; a refusal ends the process, and never a job.
Needs the fault build. Usage: run.py [STEP…], as in run.py before:7 rest-after:12 own-after:12 alloc:700."""
import concurrent.futures
import json
import os
import signal
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault("PB_BIN", os.path.join(ROOT, "build", "fault"))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
import wire  # noqa: E402
from harness import Q, Failure, Stage, wait_until  # noqa: E402

QUICK = {"PUSHBRIDGE_ALIYUN_TIMEOUT_MS": "1200", "PUSHBRIDGE_ALIYUN_CONNECT_TIMEOUT_MS": "1200", "PUSHBRIDGE_ALIYUN_SETTLE_MS": "100",
         "PUSHBRIDGE_QUEUE_LEASE_MS": "1500", "PUSHBRIDGE_QUEUE_EXTEND_MS": "150", "PUSHBRIDGE_QUEUE_REAP_MS": "50",
         "PUSHBRIDGE_QUEUE_IDLE_WAIT_S": "1", "PUSHBRIDGE_RETRY_BASE_MS": "20", "PUSHBRIDGE_RETRY_CAP_MS": "50",
         "PUSHBRIDGE_QUEUE_CONCURRENCY": "4", "PUSHBRIDGE_QUEUE_DEDUP_S": "900",
         "PUSHBRIDGE_RETRY_MAX_ATTEMPTS": "8",  # a busy machine costs some
         "PUSHBRIDGE_LIMIT_PUSH_PER_S": "0"}  # a claim that waits for its first tokens brings one job
PHONES = ["%032d" % i for i in range(8)]
WORLD = [dict({"id": phone}, **more) for phone, more in zip(PHONES, (
    {}, {"aliases": ["anna"]}, {}, {}, {"tags": ["s", "a", "b"]}, {"tags": ["p", "t0", "t11"]}, {"tags": ["p", "a"]}, {"tags": ["n"]}))]
# The first four are claimed together and go out as one MassPush of three tasks. It is refused and split:
# a MassPush of y and z, whose first answer is dropped, and one Push to v and w.
SHARED = {"v", "w", "y", "z"}
JOBS = [{"message": "other", "target": {"alias": ["anna"]}, "meta": {"n": "y"}},
        {"message": "another", "target": {"device": PHONES[2:3]}, "meta": {"n": "z"}},
        {"message": "same", "target": {"device": PHONES[2:3]}, "meta": {"n": "v"}},
        {"id": "w", "message": "same", "target": {"device": PHONES[3:4]}},
        {"id": "tag", "code": "I10001", "school": "s", "tags": ["a", "b"], "reply_to": wire.REPLY + "x"},
        {"id": "parts", "code": "I10001", "school": "p", "tags": ["t%d" % i for i in range(12)]},
        {"id": "broken", "code": "I10001", "school": 7},
        {"id": "unknown", "code": "I99999", "school": "s"},
        {"message": "no id", "school": "n", "meta": {"n": "no id"}}]
# Who gets what: (device, message) → the job that says so.
WANTED = {(1, "other"): "y", (2, "another"): "z", (2, "same"): "v", (3, "same"): "w", (4, "Arranging Result Changed. (School: s)"): "tag",
          (5, "Arranging Result Changed. (School: p)"): "parts", (7, "no id"): "no id"}
# The other passes: jobs of an app that rests (two of them share a call), a healthy one beside it, and one
# that waits in the inbox of a worker that is gone.
RESTING = dict(QUICK, PUSHBRIDGE_CIRCUIT_PROBE_MS="20", PUSHBRIDGE_QUEUE_REAP_MS="150", PUSHBRIDGE_QUEUE_EXTEND_MS="300",
               PUSHBRIDGE_QUEUE_LEASE_MS="1600")  # a call must fit into it beside the longer interval
SHOP_KEY = "34567890"
APPS = 'apps = ( { name = "default"; }, { name = "shop"; app_key = "%s"; } );\n' % SHOP_KEY
STRANDED = {"id": "stranded", "message": "stranded", "target": {"device": PHONES[0:1]}}
JOBS_AT_REST = [{"app": "shop", "message": "one", "target": {"device": PHONES[1:2]}, "meta": {"n": "one"}},
                {"app": "shop", "message": "two", "target": {"device": PHONES[2:3]}, "meta": {"n": "two"}},
                {"app": "shop", "id": "three", "message": "three", "target": {"alias": ["anna"]}},
                {"id": "healthy", "message": "healthy", "target": {"tag": "n"}}]
WANTED_AT_REST = {(0, "stranded"): "stranded", (1, "one"): "one", (2, "two"): "two", (1, "three"): "three", (7, "healthy"): "healthy"}
# By what a step is called: what the provider says of the app at first, and the events that this must lead to.
# The keys may be wrong in this worker alone, and another counts as alive: only then are they its own trouble.
RESTS = {"rest-": ("InvalidAppKey.NotFound", ("circuit_open", "circuit_closed", "inbox_adopted")),
         "own-": ("InvalidAccessKeyId.NotFound", ("own_trouble", "own_trouble_over", "inbox_adopted"))}
FOREVER_MS = 10 ** 15  # the last heartbeat of a worker that never ends
HOLD = 120  # longest that one step may take, on a machine with much else to do


def begin(s):
    s.seed(WORLD)
    s.fault(kind="error", status=400, code="InvalidTargetValue.Format", count=1, match={"action": "MassPush"})
    s.fault(kind="drop_after_accept", count=1, match={"action": "MassPush"})
    s.fault(kind="error", code="ServiceUnavailable", status=503, count=1, match={"action": "Push"})
    return s.push(*JOBS)


def named_ends(s):
    return [((o.get("meta") or {}).get("n", o["id"]), o) for o in s.outcomes() + s.dead()]


def check_ends(s):
    """Every job has its end. A refusal of the first shared call, when a worker now gone may have sent it,
    is the end of all its jobs: such a call is never taken apart (I3e)."""
    ends = named_ends(s)
    dead = {name: (o["reason"], o["maybe_sent"]) for name, o in ends if o["status"] == "dead"}
    refused = dead.keys() & SHARED
    wanted = {"broken", "unknown"} | (SHARED if refused else set())
    if sorted(name for name, _ in ends) != sorted(SHARED | {"tag", "parts", "broken", "unknown", "no id"}) or \
            dead.keys() != wanted or any(dead[name] != ("provider_rejected", True) for name in refused):
        raise Failure("ends: %s" % [o for _, o in ends])
    return dead


def check_devices(s, dead, wanted=WANTED):
    """Once what was sent, at most once what may have been, and nobody anything else."""
    got = {(PHONES.index(phone), json.loads(body)["message"]): n
           for phone, bodies in s.inboxes("body").items() for body, n in bodies.items()}
    for what in got.keys() | wanted.keys():
        least, most = (0 if wanted.get(what) in dead else 1, 1) if what in wanted else (0, 0)
        if not least <= got.get(what, 0) <= most:
            raise Failure("device %d got %r %d times" % (*what, got.get(what, 0)))


def waits_for_jobs(s, w):
    if w.poll() is not None:
        raise Failure("the worker ended (%d) before it waited: %s" % (w.returncode, s.log()))
    return b" flags=b " in s.redis("CLIENT", "LIST")


def strand(s, job):
    """Puts a job into the inbox of a worker that dies before its claim."""
    w = s.worker()
    while True:
        wait_until(lambda: waits_for_jobs(s, w), "the worker waits for jobs")
        w.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, w.pid, os.WSTOPPED)
        s.push(job)
        if s.counts()["inbox"]:
            break
        s.redis("LPOP", Q)  # its wait had just ended: once more
        w.send_signal(signal.SIGCONT)
    w.kill()
    w.wait()


def begin_rest(s, rest):
    s.seed(WORLD)
    s.conf = os.path.join(s.dir, "pushbridge.conf")
    with open(s.conf, "w") as f:
        f.write(APPS)
    strand(s, STRANDED)
    if rest == "own-":
        s.redis("ZADD", wire.WORKERS, FOREVER_MS, "another")
    # Wrong for the first calls (one that is shared, one that is not) and for the first probe.
    s.fault(kind="error", status=404, code=RESTS[rest][0], count=3, match={"app_key": SHOP_KEY})
    return 1 + s.push(*JOBS_AT_REST)


def check_rest(s):
    ends = named_ends(s)
    if sorted(name for name, _ in ends) != sorted(WANTED_AT_REST.values()) or s.dead():
        raise Failure("ends: %s" % [o for _, o in ends])
    check_devices(s, {}, WANTED_AT_REST)


def count_rest(rest):
    """The writes of a second worker that nobody kills; it must have parked, drained and adopted."""
    with Stage(env=RESTING) as s:
        begin_rest(s, rest)
        path = os.path.join(s.dir, "writes")
        if s.worker("--until-empty", PB_FAULT_COUNT=path).wait(HOLD) != 0:
            raise Failure("the run without a fault failed: " + s.log(1))
        check_rest(s)
        missing = [event for event in RESTS[rest][1] if "event=%s " % event not in s.log(1)]
        if missing or not s.redis("SISMEMBER", wire.APPS, "shop"):  # it is named there when a job is parked
            raise Failure("no %s: %s" % (missing or "job was parked", s.log(1)))
        refused = [c["action"] for c in s.control("GET", "/_mock/record?list=1")["list"] if c["outcome"] == "faulted"]
        if "MassPush" not in refused:
            raise Failure("a shared call is to be refused: %s" % refused)
        with open(path) as f:
            return int(f.read())


def life_at_rest(rest, env):
    """The third worker ends what the second, killed on its way, has left."""
    with Stage(env=RESTING) as s:
        n = begin_rest(s, rest)
        second = s.worker("--until-empty", **env)
        second.wait(HOLD)
        if second.returncode != 0 and s.worker("--until-empty").wait(HOLD) != 0:
            raise Failure("the third worker left %s" % s.counts())
        s.settle(n)
        check_rest(s)
        return second.returncode, False


def one_life(env):
    """The jobs go in, a worker that may be killed on its way runs, then one that ends the rest.
    Returns how the first ended, and whether the shared jobs are dead of a refusal."""
    with Stage(env=QUICK) as s:
        n = begin(s)
        first = s.worker("--until-empty", **env)
        first.wait(HOLD)
        if first.returncode != 0:
            second = s.worker("--until-empty")
            if second.wait(HOLD) != 0:
                raise Failure("the second worker left %s" % s.counts())
        s.settle(n)
        dead = check_ends(s)
        check_devices(s, dead)
        return first.returncode, "y" in dead


def count_all(variable):
    """Of a worker that nobody kills; it must have taken all the steps that this test is about."""
    with Stage(env=QUICK) as s:
        begin(s)
        path = os.path.join(s.dir, "count")
        if s.worker("--until-empty", **{variable: path}).wait(HOLD) != 0:
            raise Failure("the run without a fault failed: " + s.log())
        check_devices(s, check_ends(s))
        calls = s.control("GET", "/_mock/record?list=1")["list"]
        mass = sorted((c["outcome"], len(c["tasks"])) for c in calls if c["action"] == "MassPush")
        if mass != [("faulted", 3), ("pushed", 2), ("suppressed", 2)]:
            raise Failure("a shared call is to be refused, split and repeated: %s" % mass)
        with open(path) as f:
            return int(f.read())


def kill_at(step):
    rest = next((r for r in RESTS if step.startswith(r)), "")
    signal_no, env = signal.SIGKILL, {"PB_FAULT_KILL": step.removeprefix(rest)}
    if step.startswith("alloc:"):
        signal_no, env = signal.SIGABRT, {"PB_FAULT_ALLOC": step.removeprefix("alloc:")}
    try:
        code, refused = life_at_rest(rest, env) if rest else one_life(env)
        return step, code == -signal_no, refused, None
    except Exception as e:  # noqa: BLE001 - reported with its step
        return step, False, False, "%s: %s" % (type(e).__name__, e)


def steps_of_rest(rest):
    """After a write and before the next one Redis and the provider have got the same, so one of the two
    will do here."""
    return [rest + "after:%d" % n for n in range(1, count_rest(rest) + 1)]


def steps_of_first():
    return ["%s:%d" % (when, n) for n in range(1, count_all("PB_FAULT_COUNT") + 1) for when in ("before", "after")]


def steps_of_memory():
    """Some of the allocations from the first job to the last: its own are more than one can try each. Where
    they lie is drawn closer together at the beginning, where jobs are read."""
    n, steps = count_all("PB_FAULT_ALLOC_COUNT"), 30
    return ["alloc:%d" % max(1, int(n * 0.9 * (i / steps) ** 2)) for i in range(1, steps + 1)]


RENDERED = [dict(JOBS[4], meta={"n": 1}), {"message": "m", "title": "t", "push": {"AndroidExtParameters": {"a": ["b"]}},
            "target": {"tag": {"or": [{"tag": "x"}, {"tag": "y"}]}}}, {"id": 7}]


def render(path, alloc):
    env = {"PATH": os.environ["PATH"], "PREQ_APP_KEY": "12345678", "PREQ_ACCESS_KEY_ID": "id", "PREQ_ACCESS_KEY_SECRET": "secret",
           "PB_FAULT_ALLOC": str(alloc), "PB_FAULT_ALLOC_COUNT": path}
    jobs = "\n".join(json.dumps(job) for job in RENDERED)
    return subprocess.run([os.path.join(os.environ["PB_BIN"], "pushbridge"), "render"], env=env, input=jobs, capture_output=True, text=True)


def every_allocation():
    """Reading, rendering and planning with each allocation in turn refused: never a verdict on the job."""
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "count")
        whole = render(path, 0)
        with open(path) as f:
            n = int(f.read())
        if whole.returncode != 1 or "job 1: app default" not in whole.stdout or whole.stdout.count("refused") != 1 or n < 100:
            raise Failure("without a fault: %d allocations, %s%s" % (n, whole.stdout, whole.stderr))
        for alloc in range(1, n + 1):
            r = render(path, alloc)
            if r.returncode != -signal.SIGABRT or "event=out_of_memory" not in r.stderr:
                raise Failure("allocation %d of %d: %d, %s%s" % (alloc, n, r.returncode, r.stdout, r.stderr))
    print("every allocation: %d refused in turn, each ended the process" % n, flush=True)
    return 0


def every_step(what, steps, at_once, refusals=1 / 3):
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        done = list(pool.map(kill_at, steps))
    for step, _, _, why in done:
        if why:
            print("FAIL  %s  %s" % (step, why))
    killed, refused = sum(life[1] for life in done), sum(life[2] for life in done)
    failed = sum(life[3] is not None for life in done)
    print("%s: %d lives, %d killed on their way, %d failed; %d times a refusal ended a call that may have been sent" %
          (what, len(done), killed, failed, refused), flush=True)
    # The number of writes varies a little from run to run, so the last steps may come too late.
    if killed < len(done) * 0.8:
        raise Failure("only %d of %d were killed: the seam does not work" % (killed, len(done)))
    # Only a kill between the mark and the first shared call's refusal may end so.
    if refused > len(done) * refusals:
        raise Failure("a refusal ended the shared jobs in %d lives of %d" % (refused, len(done)))
    return failed


def poison():
    """I4: a job that aborts its worker takes no other with it."""
    with Stage(env=dict(QUICK, PUSHBRIDGE_QUEUE_CRASH_LIMIT="3", PUSHBRIDGE_QUEUE_CONCURRENCY="16")) as s:
        n = s.push_many(40) + s.push({"id": "poison", "message": "fault:abort", "school": "s"}) + s.push_many(40, "k")
        deaths = 0
        while s.ended() < n and deaths < 12:
            w = s.worker("--until-empty")
            wait_until(lambda: w.poll() is not None, "the worker's end")
            deaths += w.returncode != 0
        dead = s.dead()  # under its batch and position: reading its id is what may kill
        if [(json.loads(d["job"])["id"], d["reason"]) for d in dead] != [("poison", "poison")] or len(s.outcomes()) != n - 1:
            raise Failure("dead: %s, sent: %d of %d" % ([(d["id"], d["reason"]) for d in dead], len(s.outcomes()), n - 1))
        s.settle(n)
        print("poison: %d workers aborted, %d jobs sent, crashes of the dead letter: %d" % (deaths, n - 1, dead[0]["crashes"]), flush=True)
    return 0


def main():
    if sys.argv[1:]:
        return 1 if every_step("steps", sys.argv[1:], 6) else 0
    failed = every_step("every step", steps_of_first(), 6)
    # The lives of these are mostly waiting for a lease's end.
    failed += every_step("parked, drained, adopted", steps_of_rest("rest-"), 12)
    failed += every_step("stepped back, adopted", steps_of_rest("own-"), 12)
    failed += every_step("memory", steps_of_memory(), 6, 2 / 3)  # most of them lie where jobs are read and shared
    failed += every_allocation()
    failed += poison()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
