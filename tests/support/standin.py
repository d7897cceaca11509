#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A provider of canned answers on loopback HTTP, for the management commands' tests.

Each call is held against the vendor's list and written to RECORD as one JSON line. Answers are the
samples of tests/vectors/responses.json, lists of devices and tags made from the question where that
matters. Faults: --fail N=KIND for the N-th call (counted from 1; N+: from there on), KIND one of
throttle, 500, refuse, reset, hang, xml, garbage.

usage: standin.py READY_FILE RECORD [--fail N=KIND]… [--total N]
"""
import http.server
import json
import os
import sys
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "e2e"))
import api_list  # noqa: E402

COMMON = {"AccessKeyId", "Action", "Format", "RegionId", "SecurityToken", "Signature", "SignatureNonce",
          "SignatureVersion", "Timestamp", "Version", "SignatureMethod"}
REQUEST_ID = "00000000-AAAA-4BBB-8CCC-0000000000ff"


def samples():
    with open(os.path.join(ROOT, "vectors", "responses.json")) as f:
        rows = json.load(f)["responses"]
    found = {}
    for row in rows:
        if row["class"] == "ok" and row["format"] == "json" and row["origin"] == "documented fields":
            found.setdefault(row["action"], json.loads(row["body"]))
    return found


SAMPLES = samples()
# Actions without a sample there, by the documented fields.
SAMPLES.update({
    "CheckCertificate": {"Android": True, "IOS": True,
                         "ProductionCertInfo": {"Status": "OK", "ExipreTime": 1803859200000},
                         "DevelopmentCertInfo": {"Status": "NOT_CONFIGURED"}, "RequestId": REQUEST_ID},
    "ListSummaryApps": {"SummaryAppInfos": {"SummaryAppInfo": [{"AppKey": 1, "AppName": "one"}]},
                        "RequestId": REQUEST_ID},
    "QueryDeviceStat": {"AppDeviceStats": {"AppDeviceStat": [
        {"Time": "2026-03-05T00:00:00Z", "DeviceType": "iOS", "Count": 5}]}, "RequestId": REQUEST_ID},
    "QueryUniqueDeviceStat": {"AppDeviceStats": {"AppDeviceStat": [
        {"Time": "2026-03-05T00:00:00Z", "Count": 7}]}, "RequestId": REQUEST_ID},
    "QueryPushStatByApp": {"AppPushStats": {"AppPushStat": [
        {"Time": "2026-03-05T00:00:00Z", "AcceptCount": 3}]}, "RequestId": REQUEST_ID},
})
for pushing in ("PushMessageToAndroid", "PushMessageToiOS", "PushNoticeToAndroid", "PushNoticeToiOS",
                "CompleteContinuouslyPush"):
    SAMPLES[pushing] = {"MessageId": "510427", "RequestId": REQUEST_ID}


def records(params, total):
    page, size = int(params.get("Page", 1)), int(params.get("PageSize", 20))
    numbers = range((page - 1) * size + 1, min(page * size, total) + 1)
    rows = [{"MessageId": str(n), "PushTime": "2026-03-05T07:08:09Z", "Status": "SENT", "PushType": "NOTICE",
             "DeviceType": "ANDROID", "Target": "ALL", "Source": "API", "Title": "t%d" % n} for n in numbers]
    return {"Total": total, "Page": page, "PageSize": size, "PushInfos": {"PushInfo": rows}}


def answer(action, params, total):
    if action == "CheckDevices":
        rows = [{"DeviceId": d, "Available": not d.endswith("0")} for d in params["DeviceIds"].split(",")]
        return {"DeviceCheckInfos": {"DeviceCheckInfo": rows}, "RequestId": REQUEST_ID}
    if action == "QueryPushRecords":
        return dict(records(params, total), RequestId=REQUEST_ID)
    return SAMPLES.get(action, {"RequestId": REQUEST_ID})


def xml(action):
    with open(os.path.join(ROOT, "vectors", "responses.json")) as f:
        return next(r["body"] for r in json.load(f)["responses"]
                    if r["action"] == action and r["class"] == "ok" and r["format"] == "xml")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reply(self, status, body, headers=()):
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def refuse(self, status, code, message, headers=()):
        self.reply(status, {"RequestId": REQUEST_ID, "Code": code, "Message": message}, headers)

    def do_POST(self):
        server = self.server
        query = urllib.parse.urlsplit(self.path).query
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        params = dict(urllib.parse.parse_qsl(query, True) + urllib.parse.parse_qsl(body, True))
        action = self.headers.get("x-acs-action") or params.get("Action")
        own = {k: v for k, v in params.items() if k not in COMMON}
        server.calls += 1
        found = api_list.problems(action, own)
        with open(server.record, "a") as f:
            print(json.dumps({"action": action, "params": own, "in_body": bool(body), "problems": found}), file=f)
        fault = server.faults.get(server.calls) or next(
            (kind for start, kind in server.later.items() if server.calls >= start), None)
        if fault:
            self.fail(fault, action)
        elif found:
            self.refuse(400, "InvalidParameter", "; ".join(found))
        else:
            self.reply(200, answer(action, own, server.total))

    def fail(self, kind, action):
        if kind == "throttle":
            self.refuse(400, "Throttling.User", "too fast", [("x-acs-retry-after", "1")])
        elif kind == "500":
            self.refuse(500, "InternalError", "try again")
        elif kind == "refuse":
            self.refuse(400, "InvalidParameter", "no such thing")
        elif kind == "xml":
            self.reply(200, xml(action), [("Content-Type", "text/xml;charset=utf-8")])
        elif kind == "garbage":
            self.reply(200, "<html>")
        elif kind == "hang":
            self.rfile.read(1)
        else:
            self.close_connection = True
            self.connection.close()


def main(ready, record, *options):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.record, server.calls, server.total = record, 0, 3
    server.faults, server.later = {}, {}
    for option, value in zip(options[::2], options[1::2]):
        if option == "--total":
            server.total = int(value)
            continue
        number, kind = value.split("=")
        target = server.later if number.endswith("+") else server.faults
        target[int(number.rstrip("+"))] = kind
    open(record, "w").close()
    with open(ready + ".new", "w") as f:
        print(server.server_port, file=f)
    os.rename(ready + ".new", ready)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
