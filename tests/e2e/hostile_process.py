# SPDX-License-Identifier: MIT
"""What a process gets from outside: signals that its parent blocked, files that never end, mounts that do not answer."""
import ctypes
import os
import signal
import subprocess

from harness import BIN, Stage, wait_until
from scene import FAST, expect, scenario

CAREFREE = ("env", "--block-signal", "--ignore-signal")


def lines(s, i, text):
    return s.log(i).count(text)


@scenario
def signals_that_a_parent_blocked():
    with Stage() as s:
        worker = s.spawn([*CAREFREE, os.path.join(BIN, "pushbridge"), "run"], "worker0.log", s.worker_env(FAST))
        ready = os.path.join(s.dir, "ready")
        mock = s.spawn([*CAREFREE, os.path.join(BIN, "pushbridge-mock"), "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0",
                        "--ready-file", ready], "mock1.log")
        s.push({"id": "a", "message": "m", "target": {"all": True}})
        s.wait_ended(1)
        worker.send_signal(signal.SIGHUP)
        wait_until(lambda: lines(s, 0, "event=reload_done"), "HUP is heard")
        worker.send_signal(signal.SIGTERM)
        wait_until(lambda: worker.poll() is not None, "TERM is heard")
        expect(worker.returncode == 0, "it ends well: %d" % worker.returncode)
        wait_until(lambda: os.path.exists(ready), "the stand-in is ready")
        mock.send_signal(signal.SIGTERM)
        wait_until(lambda: mock.poll() is not None, "the stand-in hears TERM")
        expect(mock.returncode == 0, "and ends well: %d" % mock.returncode)
        for args in (("render",), ("send", "-")):  # which wait for input
            tool = subprocess.Popen([*CAREFREE, os.path.join(BIN, "pushbridge"), *args], env=s.worker_env({}), stdin=subprocess.PIPE,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            status = "/proc/%d/status" % tool.pid
            wait_until(lambda: "SigBlk:\t0000000000000000" in open(status).read(), "%s unblocks its signals" % args[0])
            tool.send_signal(signal.SIGTERM)
            wait_until(lambda: tool.poll() is not None, "%s hears TERM" % args[0])
            tool.stdin.close()
            expect(tool.returncode == -signal.SIGTERM, "%s ends by it: %d" % (args[0], tool.returncode))
        s.settle(1)


class DeadMount:
    """A file system whose server never answers, as of a host that is gone. Where none may be mounted (made: False), only
    tests/component/test_file.c's machine has shown it."""
    MS_NOSUID, MS_NODEV, MNT_DETACH = 2, 4, 2
    libc = ctypes.CDLL(None, use_errno=True)

    def __init__(self, path):
        self.path = path
        os.mkdir(path)
        self.fd = os.open("/dev/fuse" if os.path.exists("/dev/fuse") else "/dev/null", os.O_RDWR | os.O_CLOEXEC)
        options = "fd=%d,rootmode=40000,user_id=0,group_id=0" % self.fd
        self.made = not self.libc.mount(b"dead", path.encode(), b"fuse", self.MS_NOSUID | self.MS_NODEV, options.encode())

    def __enter__(self):
        return self

    def __exit__(self, *args):
        os.close(self.fd)
        if self.made:
            self.libc.umount2(self.path.encode(), self.MNT_DETACH)


def check(s, **env):
    return subprocess.run([os.path.join(BIN, "pushbridge"), "check"], env=s.worker_env(env), capture_output=True, text=True, timeout=120)


@scenario
def files_that_never_end():
    with Stage() as s, DeadMount(os.path.join(s.dir, "mount")) as mount:
        conf, secret, fifo = (os.path.join(s.dir, name) for name in ("p.conf", "secret", "fifo"))
        dead = os.path.join(s.dir, "mount", "secret")
        os.mkfifo(fifo)
        with open(secret, "w") as f:
            f.write("mock-secret")

        def configure(path):
            with open(conf, "w") as f:
                f.write('aliyun: { access_key_secret_file = "%s"; };\n' % path)

        configure(secret)
        s.conf = conf
        s.env_extra = {"PREQ_ACCESS_KEY_SECRET": None}
        # A sanitizer looks for leaks when every thread has stopped, which one in a dead mount does not.
        env = {k: v for k, v in s.worker_env(dict(FAST, ASAN_OPTIONS="detect_leaks=0")).items() if v is not None}
        worker = s.spawn([os.path.join(BIN, "pushbridge"), "run", "-c", conf], "worker0.log", env)
        wait_until(lambda: lines(s, 0, "event=redis_up"), "it is up")
        wrong = [(fifo, "not a regular file"), ("/dev/zero", "not a regular file")] + [(dead, "does not answer")] * mount.made
        for i, (path, why) in enumerate(wrong):
            configure(path)
            worker.send_signal(signal.SIGHUP)
            wait_until(lambda: lines(s, 0, "event=reload_refused") == i + 1, "the reload with %s is refused" % path)
            said = [x for x in s.log().splitlines() if "event=reload_refused" in x][-1]
            expect(why in said, "it says why: %s" % said)
            s.push({"id": "j%d" % i, "message": "m", "target": {"all": True}})
            s.wait_ended(i + 1)
        for option in ("PUSHBRIDGE_ALIYUN_CA_FILE", "PUSHBRIDGE_REDIS_CA_FILE"):
            for path, why in ((fifo, "not a regular file"), ("/dev/zero", "not a regular file"), (s.dir, "directory")):
                extra = {"PUSHBRIDGE_REDIS_URL": "rediss://127.0.0.1:1"} if "REDIS" in option else {}
                s.env_extra = {}
                done = check(s, **{option: path}, **extra)
                expect(done.returncode == 78 and why in done.stderr and done.stderr.count("\n") == 1, "%s: %s" % (path, done.stderr))
        worker.send_signal(signal.SIGTERM)
        wait_until(lambda: worker.poll() is not None, "it ends")
        expect(worker.returncode == 0, "and well")
        s.settle(len(wrong))
