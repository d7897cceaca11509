#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A transactional outbox: a job leaves if and only if what it tells of was committed.
Usage: outbox.py DATABASE change SCHOOL | outbox.py DATABASE relay. With more than one relay at a
time, let them SELECT … FOR UPDATE SKIP LOCKED, where the database has it.
REDIS_URL says where Redis is, REPLICAS how many replicas must have a job before it counts as handed over."""
import json
import os
import sqlite3
import sys
import uuid

import redis

BATCH = 100
WAIT_MS = 1000
TABLES = """
CREATE TABLE IF NOT EXISTS timetable (school TEXT PRIMARY KEY, version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS outbox (n INTEGER PRIMARY KEY, job TEXT NOT NULL, handed_over TEXT);
"""


def change(db, school):
    """What happened and the job that tells of it, in one transaction."""
    event = uuid.uuid4().hex
    job = {"id": event, "code": "I10001", "school": school, "reply_to": "push:reply:" + event}
    with db:
        db.execute("INSERT INTO timetable VALUES (?, 1) ON CONFLICT (school) DO UPDATE SET version = version + 1", (school,))
        db.execute("INSERT INTO outbox (job) VALUES (?)", (json.dumps(job),))
    print(event)


def relay(db, r, replicas):
    """Hands over what waits. Killed before the commit, it hands the same texts over again: same id, same
    content, so nobody is reached twice. Returns how many."""
    rows = db.execute("SELECT n, job FROM outbox WHERE handed_over IS NULL ORDER BY n LIMIT ?", (BATCH,)).fetchall()
    if not rows:
        return 0
    r.rpush("push:jobs", *(job for _, job in rows))
    if replicas and r.wait(replicas, WAIT_MS) < replicas:
        raise RuntimeError("too few replicas have them: tried again at the next run")
    with db:
        db.executemany("UPDATE outbox SET handed_over = datetime('now') WHERE n = ?", [(n,) for n, _ in rows])
    return len(rows)


def main(database, action, *args):
    db = sqlite3.connect(database)
    db.executescript(TABLES)
    if action == "change":
        change(db, *args)
        return
    r = redis.Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
    total, n = 0, 1
    while n:
        n = relay(db, r, int(os.environ.get("REPLICAS", "0")))
        total += n
    print("handed over", total)


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[2] not in ("change", "relay") or len(sys.argv) != 3 + (sys.argv[2] == "change"):
        sys.exit("usage: outbox.py DATABASE change SCHOOL | outbox.py DATABASE relay")
    main(*sys.argv[1:])
