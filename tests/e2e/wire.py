# SPDX-License-Identifier: MIT
"""The names in Redis by which tests look behind the queue's back, once; src/queue/queue.h says what lies there. Log lines, metrics and
pages are compared with the literal, since that is what their readers see."""

QUEUE = "push:jobs"
RESULTS = "push:results"
DEAD = "push:dead"
REPLY = "push:reply:"  # what a job's reply_to begins with

PREFIX = "{%s}" % QUEUE
APPS = PREFIX + ":apps"
BATCH = PREFIX + ":batch"
COUNT = PREFIX + ":count"
DUE = PREFIX + ":due"
INBOX = PREFIX + ":inbox:"  # and a worker
MEMBER = PREFIX + ":member"
OVERSIZE = PREFIX + ":oversize"
PARKED = PREFIX + ":parked:"  # and an app
READY = PREFIX + ":ready:"  # and a worker
SEEN = PREFIX + ":seen:"  # app and id
STAT = PREFIX + ":stat"
VERSION = PREFIX + ":v"
WORKERS = PREFIX + ":workers"

# The fleet's, on the first queue's slot.
CONTROL = PREFIX + ":control"
FLOW = PREFIX + ":flow"
