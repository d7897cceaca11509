#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Enqueues one job and waits for its outcome. Usage: push.py SCHOOL [TAG…]
Debian: python3-redis; pip: redis. REDIS_URL says where Redis is."""
import json
import os
import sys
import time
import uuid

import redis

WAIT_S = 30


def enqueue(r, school, tags):
    job_id = uuid.uuid4().hex  # better, and kept with it: the id of what happened
    job = {
        "id": job_id,
        "code": "I10001",
        "school": school,
        "tags": tags,
        "ttl_s": 3600,  # after an hour it is of no use any more
        "enqueued_at": int(time.time() * 1000),
        "reply_to": "push:reply:" + job_id,
    }
    r.rpush("push:jobs", json.dumps(job))
    return job


def wait(r, job):
    """The outcome, or None: the job may still be sent later."""
    answer = r.blpop(job["reply_to"], timeout=WAIT_S)
    return json.loads(answer[1]) if answer else None


def main(school, *tags):
    r = redis.Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
    outcome = wait(r, enqueue(r, school, tags))
    if outcome is None:
        print("no outcome yet")
        return 75
    if outcome["status"] == "dead":
        print("dead", outcome["id"], outcome["reason"], outcome["error"]["message"])
        return 1
    print(outcome["status"], outcome["id"], *(p["message_id"] for p in outcome["pushes"]))
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: push.py SCHOOL [TAG…]")
    sys.exit(main(*sys.argv[1:]))
