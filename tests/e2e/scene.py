# SPDX-License-Identifier: MIT
"""What scenarios are written with: the list of them, a check, and settings that make waiting short."""
import os
import subprocess

from harness import BIN, Failure, PATIENCE_S, wait_until

SCENARIOS = []
# More attempts than by default: a busy machine costs some.
FAST = {"PUSHBRIDGE_RETRY_BASE_MS": "50", "PUSHBRIDGE_RETRY_CAP_MS": "400", "PUSHBRIDGE_RETRY_MAX_ATTEMPTS": "8"}
SHORT = {"PUSHBRIDGE_ALIYUN_TIMEOUT_MS": "1700", "PUSHBRIDGE_ALIYUN_SETTLE_MS": "800",
         "PUSHBRIDGE_ALIYUN_CONNECT_TIMEOUT_MS": "1700",
         "PUSHBRIDGE_QUEUE_LEASE_MS": "3000", "PUSHBRIDGE_QUEUE_EXTEND_MS": "400",
         "PUSHBRIDGE_QUEUE_REAP_MS": "200", "PUSHBRIDGE_QUEUE_IDLE_WAIT_S": "1"}
# Over SHORT, where no call must run into its time limit (one is held, or attempts are counted), and no lease has to end.
PATIENT = {"PUSHBRIDGE_ALIYUN_TIMEOUT_MS": "60000", "PUSHBRIDGE_QUEUE_LEASE_MS": "90000", "PUSHBRIDGE_WORKER_DRAIN_MS": "90000"}


def scenario(f):
    SCENARIOS.append(f)
    return f


def slow(f):
    """Marks a scenario that takes long however fast the machine is: it begins before the others."""
    f.slow = True
    return f


def heavy(f):
    """Marks a scenario that keeps a core busy, or a topology whose servers are taken for dead when they get none: few at a time."""
    f.heavy = True
    return f


def expect(condition, what):
    if not condition:
        raise Failure(what)


def dead_reasons(s):
    return sorted((d["reason"] for d in s.dead()))


def calls(s, **wanted):
    found = s.control("GET", "/_mock/record?list=1")["list"]
    return [c for c in found if all(c[k] == v for k, v in wanted.items())]


def tool(s, *args, **env):
    """Runs an operator's command; its output."""
    return subprocess.run([os.path.join(BIN, "pushbridge")] + list(args), env=s.worker_env(env), cwd=s.dir,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE_S)


def wait_idle(s):
    """Until every worker waits for jobs."""
    wait_until(lambda: s.redis("CLIENT", "LIST").count(b" flags=b ") == len(s.workers), "all wait for jobs")


def is_sanitized():
    """Such a build maps terabytes: a limit of what may be mapped says nothing, and ends it."""
    with open(os.path.join(BIN, "pushbridge"), "rb") as f:
        return b"__asan_init" in f.read()


def alive(s):
    expect(all(w.poll() is None for w in s.workers), "no worker has ended")
