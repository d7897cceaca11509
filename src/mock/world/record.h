/* SPDX-License-Identifier: MIT
 * What arrived and what was pushed: a bounded ring of calls, and counts per token, per JobKey and
 * per JobKey and target, where each task of a MassPush counts for itself. The report is for tests
 * and for a producer's curiosity. */
#ifndef PB_MOCK_WORLD_RECORD_H
#define PB_MOCK_WORLD_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "mock/wire/request.h"
#include "mock/world/replay.h"
#include "mock/world/table.h"

enum { RECORD_CALLS = 100000, RECORD_NAMES_MAX = 2000000 };
#define RECORD_BYTES_MAX ((size_t)256 << 20) /* of remembered parameters */

enum record_outcome {
    RECORD_PENDING,
    RECORD_PUSHED,
    RECORD_SUPPRESSED, /* a repeated token */
    RECORD_REFUSED,    /* the provider's own checks */
    RECORD_THROTTLED,  /* the rate limit, or a fault of that kind */
    RECORD_FAULTED,    /* an injected fault, and nothing was pushed */
    RECORD_DONE        /* an action that pushes nothing */
};

/* What one call pushes to one target: a Push has one of these, a MassPush one for each task. */
struct record_task {
    size_t params_at, params_len; /* its part of the call's parameters */
    uint64_t earlier_of_job;      /* seq of the call before with its JobKey, 0: none */
    char target_digest[33];
    bool cancelled; /* CancelPush took it back */
    bool completed; /* of a message to TBD: CompleteContinuouslyPush ended it */
    int continued;  /* ContinuouslyPush calls of it */
};

struct record_call {
    uint64_t seq; /* 0: empty slot */
    int64_t at_ms, answered_ms;
    enum record_outcome outcome;
    bool v3, get, concurrent, answered, held;
    int status;
    const char *fault; /* kind's name, or NULL */
    char code[64];     /* error code of the answer */
    char action[40];
    char request_id[37];
    struct replay_ids ids; /* of the tasks, in their order; count 0: none */
    char *params;          /* "name NUL value NUL" … */
    size_t params_len;
    uint64_t earlier_of_token; /* seq of the call before, 0: none */
    bool mass;                 /* a MassPush; its parameters have the prefix "PushTask.N." */
    struct record_task *tasks, only;
    int task_count; /* at least 1 */
};

/* Counts of one token (by calls), or of one JobKey (by tasks). */
struct record_counts {
    uint64_t calls, pushes, suppressed, concurrent, last_seq;
};

struct record_piece { /* one JobKey to one target */
    uint64_t pushes;
};

struct record {
    struct record_call *ring;
    size_t ring_max, params_bytes;
    uint64_t next_seq, oldest_seq;
    struct table tokens, jobs, pieces;
    uint64_t calls, pushes, suppressed, concurrent, refused, throttled, faulted, done, connections;
    uint64_t answered;
    uint64_t tasks; /* pushed: 1 of a Push, one for each task of a MassPush */
};

void record_init(struct record *m, size_t calls_max);
void record_free(struct record *m);
void record_clear(struct record *m); /* calls and counts */

/* Notes an arriving call; the result is its seq. overlapped: its token was in flight already. */
uint64_t record_arrival(struct record *m, const struct request *q, int64_t now_ms, bool overlapped);

/* The call, or NULL once the ring has moved on. */
struct record_call *record_find(const struct record *m, uint64_t seq);

/* Counts how the call ended. q must still be the call's request. */
void record_outcome(struct record *m, uint64_t seq, const struct request *q,
                    enum record_outcome outcome);

/* True for a call that made messages: pushed, and not by ContinuouslyPush. */
bool record_is_push(const struct record_call *c);

/* The call's task with that MessageId (one that was pushed, not repeated), or NULL. */
struct record_task *record_find_message(const struct record *m, uint64_t message_id,
                                        struct record_call **call);

const char *record_param(const struct record_call *c, const char *name); /* "" when absent */
/* The same of a task, by its plain name. */
const char *record_task_param(const struct record_call *c, int task, const char *name);

#endif
