/* SPDX-License-Identifier: MIT
 * The names in Redis by which tests look behind the queue's back, once (src/queue/queue.h says what
 * lies there). They are a contract between versions: test_queue.c spells the names that a queue
 * makes out as literals, so that they do not change here and in src/ at one stroke. */
#ifndef TEST_KEYS_H
#define TEST_KEYS_H

#define QUEUE "jobs"
#define LIST_RESULTS "results"
#define LIST_DEAD "dead"

#define K "{" QUEUE "}"
#define KEY_APPS K ":apps"
#define KEY_BATCH K ":batch"
#define KEY_CONFIG K ":config"
#define KEY_COUNT K ":count"
#define KEY_DUE K ":due"
#define KEY_MEMBER K ":member"
#define KEY_OVERSIZE K ":oversize"
#define KEY_RUN K ":run"
#define KEY_STAT K ":stat"
#define KEY_VERSION K ":v"
#define KEY_WORKERS K ":workers"
#define KEY_INBOX(worker) K ":inbox:" worker
#define KEY_PARKED(app) K ":parked:" app
#define KEY_SEEN(app, id) K ":seen:" app ":" id

/* The fleet's, on the first queue's slot. */
#define KEY_CONTROL K ":control"
#define KEY_FLOW K ":flow"
#define KEY_TOLD(what) K ":told:" what

#endif
