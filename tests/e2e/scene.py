# SPDX-License-Identifier: MIT
"""What scenarios are written with: the list of them, a check, and settings that make waiting short."""
import os
import subprocess

from harness import BIN, Failure, Late, wait_until

SCENARIOS = []
FAST = {"PUSHBRIDGE_RETRY_BASE_MS": "50", "PUSHBRIDGE_RETRY_CAP_MS": "400"}
SHORT = {"PUSHBRIDGE_ALIYUN_TIMEOUT_MS": "600", "PUSHBRIDGE_ALIYUN_SETTLE_MS": "800",
         "PUSHBRIDGE_ALIYUN_CONNECT_TIMEOUT_MS": "500",
         "PUSHBRIDGE_QUEUE_LEASE_MS": "3000", "PUSHBRIDGE_QUEUE_EXTEND_MS": "400",
         "PUSHBRIDGE_QUEUE_REAP_MS": "200", "PUSHBRIDGE_QUEUE_IDLE_WAIT_S": "1"}


def scenario(f):
    SCENARIOS.append(f)
    return f


def patient(f):
    """Marks a scenario that hardly does anything but wait for times that are up."""
    f.patient = True
    return f


def expect(condition, what):
    if not condition:
        raise Failure(what)


def timely(condition, what):
    """As expect(), for what a busy machine alone can spoil."""
    if not condition:
        raise Late(what)


def dead_reasons(s):
    return sorted((d["reason"] for d in s.dead()))


def calls(s, **wanted):
    found = s.control("GET", "/_mock/record?list=1")["list"]
    return [c for c in found if all(c[k] == v for k, v in wanted.items())]


def tool(s, *args, **env):
    """Runs an operator's command; its output."""
    return subprocess.run([os.path.join(BIN, "pushbridge")] + list(args), env=s.worker_env(env), cwd=s.dir,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)


def wait_idle(s):
    """Until every worker waits for jobs."""
    wait_until(lambda: s.redis("CLIENT", "LIST").count(b" flags=b ") == len(s.workers), 10, "all wait for jobs")


def alive(s):
    expect(all(w.poll() is None for w in s.workers), "no worker has ended")
