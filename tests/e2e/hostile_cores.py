# SPDX-License-Identifier: MIT
"""What of the secrets lies in a worker's memory, for whoever gets hold of it: each at the places that docs/operations.md names,
and no core is written."""
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import urllib.parse

from harness import BIN, Stage, wait_until
from scene import FAST, expect, is_sanitized, scenario, wait_idle

KEY, PASSWORD = "Planted0Key1Secret2Of3This4Test", "planted+password/of this+test"


def memory(pid):
    """All that it could write down: each mapping that is its own."""
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as mem:
        for line in maps:
            found = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if found and "[v" not in line:
                begin, end = (int(x, 16) for x in found.groups())
                try:
                    yield line.rstrip(), begin, os.pread(mem.fileno(), end - begin, begin)
                except OSError:
                    pass  # unmapped meanwhile


def places(pid, *texts):
    found = []
    for line, begin, data in () if is_sanitized() else memory(pid):  # a sanitizer keeps what was freed
        for t in texts:
            found += [(line, begin + m.start(), data[max(0, m.start() - 60):m.end() + 40]) for m in re.finditer(re.escape(t.encode()), data)]
    return found


def put(s, name, text):
    path = os.path.join(s.dir, name)
    with open(path + ".new", "w") as f:
        f.write(text)
    os.rename(path + ".new", path)
    return path


# docs/operations.md, "What a worker's memory holds"
KEY_PLACES, PASSWORD_PLACES, OLD_KEY_PLACES = 5, 6, 1


@scenario
def secrets_in_memory_are_where_they_are_needed():
    with Stage(mock_args=("--access-key", "mock-id:" + KEY)) as s:
        s.redis("ACL", "SETUSER", "planted", "on", ">" + PASSWORD, "~*", "&*", "+@all")
        env = s.worker_env(dict(
            FAST, PUSHBRIDGE_REDIS_USERNAME="planted", PUSHBRIDGE_REDIS_PASSWORD_FILE=put(s, "password", PASSWORD),
            PREQ_ACCESS_KEY_ID_FILE=put(s, "id", "mock-id"), PREQ_ACCESS_KEY_SECRET_FILE=put(s, "secret", "Planted-key-before-rotation-0")))
        del env["PREQ_ACCESS_KEY_SECRET"], env["PREQ_ACCESS_KEY_ID"]
        p = s.spawn([os.path.join(BIN, "pushbridge"), "run"], "worker0.log", env)
        s.workers.append(p)
        wait_idle(s)
        first = places(p.pid, PASSWORD)  # before anything else has used the buffers that sent it
        some = 0 if is_sanitized() else 1
        expect(some <= len(first) <= PASSWORD_PLACES, "copies of the password at the start: %s" % first)
        old = ["Planted-key-before-rotation-%d" % i for i in range(4)]
        for i, secret in enumerate(old[1:] + [KEY]):
            put(s, "secret", secret)
            wait_until(lambda: s.log().count("event=credentials_refreshed") == i + 1, "rotation %d is noticed" % i)
        for i in range(3):  # Redis' connections anew, each with its password
            s.redis("CLIENT", "KILL", "USER", "planted", "SKIPME", "yes")
            wait_until(lambda: s.log().count("event=redis_up") >= 2 * (i + 2), "it is back")
            s.push_many(20, "r%d-" % i)
            s.wait_ended(20 * (i + 1))
        found = {t: len(places(p.pid, t)) for t in [KEY, PASSWORD, *old]}
        expect(some <= found[KEY] <= KEY_PLACES, "copies of the key: %s" % places(p.pid, KEY))
        expect(some <= found[PASSWORD] <= PASSWORD_PLACES, "copies of the password: %s" % places(p.pid, PASSWORD))
        for t in old[1:]:  # the first is the configuration's still
            expect(found[t] <= OLD_KEY_PLACES, "copies of a key that was replaced: %s" % places(p.pid, t))
        s.settle(60)
        return ", ".join(str(n) for n in found.values())


def as_nobody(s, **more):
    """A worker of another user than root, with its limit of cores as high as it may be."""
    def before():
        resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
    env = s.worker_env(dict(FAST, **more))
    folder = tempfile.mkdtemp(prefix="pb-nobody-")  # the program may stand where only root looks
    os.chmod(folder, 0o755)
    program = shutil.copy(os.path.join(BIN, "pushbridge"), folder)
    with open(os.path.join(s.dir, "worker%d.log" % len(s.workers)), "ab") as out:
        p = subprocess.Popen([program, "run"], env=env, cwd="/", stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                             preexec_fn=before, **({"user": 65534} if os.getuid() == 0 else {}))
    s.processes.append(p)
    s.workers.append(p)
    try:
        wait_until(lambda: "event=redis_up" in s.log(len(s.workers) - 1), "it is up")
    finally:
        shutil.rmtree(folder)  # what runs needs it no more
    return p


@scenario
def no_core_and_no_look_inside():
    with Stage(tls=False) as s:
        for i, option in enumerate(("false", "true")):
            p = as_nobody(s, PUSHBRIDGE_WORKER_CORE_DUMPS=option)
            sanitized = "libasan" in open("/proc/%d/maps" % p.pid).read() if i else False
            mine = os.stat("/proc/%d/mem" % p.pid).st_uid == (65534 if os.getuid() == 0 else os.getuid())
            soft = open("/proc/%d/limits" % p.pid).read().split("Max core file size")[1].split()[0]
            if not i:
                expect(soft == "0", "its limit of cores: %s" % soft)
                expect(not mine or "libasan" in open("/proc/%d/maps" % p.pid).read(), "its memory is nobody's but root's")
                p.send_signal(signal.SIGABRT)
                _, status = os.waitpid(p.pid, 0)
                p.returncode = os.waitstatus_to_exitcode(status)
                expect(p.returncode == -signal.SIGABRT and not os.WCOREDUMP(status), "no core")
            else:
                expect(mine and (soft != "0" or sanitized), "the option takes it back: %s %s" % (mine, soft))
