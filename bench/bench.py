#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Jobs/s, CPU and memory per job against a fast local TLS server, beside h2load and a bare
libcurl loop in the same run, and of jobs that share calls. Usage: bench.py [JOBS [HTTP]]; HTTP
"shared" is the latter alone. Figures are for comparing within one run; nothing is judged by time."""
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "e2e"))
from harness import BIN, ROOT, Resp, free_port, wait_until  # noqa: E402

N = int(sys.argv[1]) if len(sys.argv) > 1 else 30000
VERSIONS = [v for v in sys.argv[2:3] or ["1.1", "2"] if v != "shared"]
LATENCY_MS = 30
JOB = {"code": "I10001", "school": "S0001", "tags": ["teacher", "grade-3", "class-12"]}
# Jobs that share calls: name, the i-th job, environment, how many times N.
SHARED = [
    ("devices, contents differ", lambda i: {"message": "Order %d has left the house" % i, "target": {"device": ["%032d" % i]}}, {}, 10),
    ("devices, one content", lambda i: {"message": "The shop is open", "target": {"device": ["%032d" % i]}}, {}, 10),
    ("tags of one school, merged", lambda i: {"code": "I10001", "school": "S0001", "tags": ["t%d" % i]},
     {"PUSHBRIDGE_PLAN_MERGE_TAGS": "true"}, 5),
]
TARGET = "/?" + "&".join(["AppKey=23456789", "Body=" + "%7B%22type%22%3A0%2C%22message%22%3A%22x%22%7D" * 3, "DeviceType=ANDROID",
                          "ExpireTime=2026-11-25T00%3A00%3A00Z", "IdempotentToken=00000000-0000-4000-8000-000000000000",
                          "JobKey=" + "0" * 32, "PushType=MESSAGE", "StoreOffline=false", "Target=TAG",
                          "TargetValue=" + "%7B%22and%22%3A%5B%7B%22tag%22%3A%22S0001%22%7D%5D%7D" * 3, "Title=I10001"])
HEADERS = ["x-acs-action: Push", "x-acs-version: 2016-08-01", "x-acs-date: 2026-11-24T00:00:00Z",
           "x-acs-signature-nonce: " + "0" * 32, "x-acs-content-sha256: " + "e" * 64, "accept: application/json",
           "authorization: ACS3-HMAC-SHA256 Credential=mock-id,SignedHeaders=" + "h;" * 40 + ",Signature=" + "0" * 64]


def pin(core):
    return lambda: os.sched_setaffinity(0, {core % os.cpu_count()})


def nginx(d, port, latency_ms=0):
    subprocess.run(["openssl", "req", "-x509", "-config", os.path.join(ROOT, "tests", "support", "openssl.cnf"), "-extensions", "server",
                    "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", d + "/key.pem", "-out", d + "/ca.pem"],
                   check=True, capture_output=True)
    conf = """
load_module /usr/lib/nginx/modules/ndk_http_module.so; load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
worker_processes 1; error_log %(d)s/nginx.err warn; pid %(d)s/nginx.pid; daemon off;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 1000000000; keepalive_timeout 300; http2_max_concurrent_streams 256;
 client_body_temp_path %(d)s/b; proxy_temp_path %(d)s/p; fastcgi_temp_path %(d)s/f; uwsgi_temp_path %(d)s/u; scgi_temp_path %(d)s/s;
 large_client_header_buffers 8 32k; client_body_buffer_size 1m; client_max_body_size 4m; lua_need_request_body on;
 server { listen 127.0.0.1:%(port)d ssl http2 backlog=4096; server_name localhost; ssl_certificate %(d)s/ca.pem; ssl_certificate_key %(d)s/key.pem;
  location / { default_type application/json; content_by_lua_block {
   if %(latency)d > 0 then ngx.sleep(%(latency)d / 1000) end
   local rid, body = '"RequestId":"00000000-AAAA-4BBB-8CCC-000000000001"}', ngx.req.get_body_data()
   if body and string.sub(body, 1, 9) == 'PushTask.' then
    local _, n = string.gsub(body, '%%.TargetValue=', '')
    ngx.print('{"MessageIds":{"MessageId":["11747540000088320"', string.rep(',"11747540000088320"', n - 1), ']},', rid)
   else ngx.print('{"MessageId":"11747540000088320",', rid) end } } } }
""" % {"d": d, "port": port, "latency": latency_ms}
    with open(d + "/nginx.conf", "w") as f:
        f.write(conf)
    p = subprocess.Popen(["nginx", "-c", d + "/nginx.conf", "-p", d], preexec_fn=pin(1), stderr=subprocess.DEVNULL)

    def up():
        import socket
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False
    wait_until(up, "nginx")
    return p


def preload(r, n, make):
    for i in range(0, n, 1000):
        r("RPUSH", "push:jobs", *[json.dumps(make(k)) for k in range(i, min(n, i + 1000))])


def redis_cpu(r):
    info = r("INFO", "cpu").decode()
    return sum(float(re.search(k + r":([\d.]+)", info).group(1)) for k in ("used_cpu_sys", "used_cpu_user"))


def rss_anon(pid):
    try:
        with open("/proc/%d/status" % pid) as f:
            return int(re.search(r"RssAnon:\s+(\d+)", f.read()).group(1))
    except (OSError, AttributeError):
        return 0


def steady_rate(r, n):
    """Between the first tenth of the outcomes and the last, whose calls run out."""
    at = [json.loads(r("LINDEX", "push:results", i))["done_at"] for i in (n // 10, n * 9 // 10)]
    return (n * 9 // 10 - n // 10) / (at[1] - at[0]) * 1000 if at[1] > at[0] else 0


def worker(d, port, redis_port, version, n, concurrency=64, make=lambda i: JOB, more=None):
    r = Resp(redis_port)
    r("FLUSHALL")
    preload(r, n, make)
    r("CONFIG", "RESETSTAT")
    env = dict(os.environ, PUSHBRIDGE_REDIS_URL="redis://127.0.0.1:%d/0" % redis_port, PUSHBRIDGE_ADMIN_LISTEN="off",
               PUSHBRIDGE_LIMIT_EGRESS_PER_S="0", PUSHBRIDGE_LIMIT_PUSH_PER_S="0", PUSHBRIDGE_LIMIT_MASSPUSH_PER_S="0",
               PUSHBRIDGE_ALIYUN_ENDPOINT="https://localhost:%d" % port, PUSHBRIDGE_ALIYUN_CA_FILE=d + "/ca.pem", PUSHBRIDGE_LOG_LEVEL="warn",
               PUSHBRIDGE_ALIYUN_HTTP_VERSION=version, PUSHBRIDGE_QUEUE_CONCURRENCY=str(concurrency),
               PUSHBRIDGE_QUEUE_RESULTS_MAX=str(2 * n), PREQ_ACCESS_KEY_ID="mock-id", PREQ_ACCESS_KEY_SECRET="mock-secret",
               PREQ_APP_KEY="23456789", **(more or {}))
    cpu0, t0, began_ms, rss = redis_cpu(r), time.monotonic(), time.time() * 1000, 0
    p = subprocess.Popen(os.environ.get("PB_WRAP", "").split() + [BIN + "/pushbridge", "run", "--until-empty"], env=env, preexec_fn=pin(0))
    while r("LLEN", "push:results") < n:
        rss = max(rss, rss_anon(p.pid))
        time.sleep(0.02)  # a poll is a command that Redis pays for
        ended = os.waitid(os.P_PID, p.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)  # its times are asked for below
        if ended and r("LLEN", "push:results") < n:
            raise SystemExit("worker ended early: %s, dead: %s" % (ended.si_status, r("LRANGE", "push:dead", 0, 0)))
    took = time.monotonic() - t0
    cpu_redis = (redis_cpu(r) - cpu0) / n * 1e6
    scripts = sum(int(x) for x in re.findall(r"cmdstat_evalsha:calls=(\d+)", r("INFO", "commandstats").decode()))
    first = json.loads(r("LINDEX", "push:results", 0))["done_at"] - began_ms
    _, _, usage = os.wait4(p.pid, 0)
    return dict(rate=n / took, steady=steady_rate(r, n), cpu=(usage.ru_utime + usage.ru_stime) / n * 1e6, redis=cpu_redis, rss=rss, first=first, batch=2 * n / scripts,
                calls=n, dead=r("LLEN", "push:dead"))


def shared(d, port, redis_port):
    print("%-28s %9s %9s %9s %9s" % ("jobs that share calls", "jobs/s", "worker", "redis", "RSS kB"))
    for name, make, more, times in SHARED:
        w = worker(d, port, redis_port, "1.1", N * times, make=make, more=more)
        print("%-28s %9.0f %9.2f %9.2f %9d   %.0f jobs a script, dead %d"
              % (name, w["rate"], w["cpu"], w["redis"], w["rss"], w["batch"], w["dead"]), flush=True)


def children_cpu():
    u = resource.getrusage(resource.RUSAGE_CHILDREN)
    return u.ru_utime + u.ru_stime


def h2load(d, port, version, n):
    before = children_cpu()
    with open(d + "/empty", "w"):
        pass
    args = ["h2load", "-n", str(n), "-c", "64" if version == "1.1" else "2", "-m", "1" if version == "1.1" else "100", "-t", "1",
            "-H", ":method: POST"] + (["--h1"] if version == "1.1" else [])
    for h in HEADERS:
        args += ["-H", h]
    subprocess.run(args + ["https://localhost:%d%s" % (port, TARGET)], check=True, stdout=subprocess.DEVNULL, preexec_fn=pin(0))
    return (children_cpu() - before) / n * 1e6


def bare(d, port, version, n, headers=()):
    out = subprocess.run([os.path.join(ROOT, "build", "bench", "bare_curl"), "https://localhost:%d" % port, d + "/ca.pem", TARGET, str(n),
                          "64", version[0], *headers], check=True, capture_output=True, text=True, preexec_fn=pin(0))
    return float(out.stdout)


def main():
    with tempfile.TemporaryDirectory(prefix="pb-bench-") as d:
        port, redis_port = free_port(), free_port()
        parts = [nginx(d, port), subprocess.Popen(["redis-server", "--port", str(redis_port), "--bind", "127.0.0.1", "--save", "", "--dir", d],
                                                  stdout=subprocess.DEVNULL, preexec_fn=pin(1))]
        try:
            wait_until(lambda: _ping(redis_port), "redis")
            print("%d jobs, one call each; worker on one core, server and Redis on the other; CPU in us per job" % N)
            print("bare: libcurl with the query alone; same: with the headers of a signed call too, as the worker and h2load send them")
            print("%-6s %9s %9s %9s %9s %9s %9s %9s %9s %9s %8s"
                  % ("http", "jobs/s", "worker", "bare", "same", "h2load", "-bare", "-same", "/h2load", "redis", "RSS kB"))
            for v in VERSIONS:
                b = bare(d, port, v, N)
                same = bare(d, port, v, N, HEADERS + ["Expect:", "Content-Type:"])
                h = h2load(d, port, v, N)
                w = worker(d, port, redis_port, v, N)
                print("%-6s %9.0f %9.1f %9.1f %9.1f %9.1f %9.1f %9.1f %9.2f %9.1f %8d   first outcome %.0f ms, %.0f jobs a script, dead %d"
                      % (v, w["rate"], w["cpu"], b, same, h, w["cpu"] - b, w["cpu"] - same, w["cpu"] / h, w["redis"], w["rss"], w["first"], w["batch"], w["dead"]), flush=True)
            if VERSIONS:
                w = worker(d, port, redis_port, "1.1", N, 1000)
                print("1.1, 1000 calls at once: %.0f jobs/s, %.1f us, RssAnon %d kB" % (w["rate"], w["cpu"], w["rss"]))
            shared(d, port, redis_port)
            parts[0].terminate()
            parts[0].wait()
            parts[0] = nginx(d, port, LATENCY_MS)
            w = worker(d, port, redis_port, "1.1", N, 200)
            ceiling = 200 / (LATENCY_MS / 1000)
            print("1.1, 200 calls at once, %d ms each: %.0f jobs/s of %.0f (%.0f %%; without the first and the last tenth %.0f %%), %.1f us, RssAnon %d kB"
                  % (LATENCY_MS, w["rate"], ceiling, 100 * w["rate"] / ceiling, 100 * w["steady"] / ceiling, w["cpu"], w["rss"]))
        finally:
            for p in parts:
                p.terminate()
                p.wait()


def _ping(port):
    try:
        return Resp(port)("PING")
    except OSError:
        return None


main()
