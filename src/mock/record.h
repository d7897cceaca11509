/* SPDX-License-Identifier: MIT
 * What arrived and what was pushed: a bounded ring of calls, and counts per token, per JobKey and
 * per JobKey and target. The report is for tests and for a producer's curiosity. */
#ifndef PB_MOCK_RECORD_H
#define PB_MOCK_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "mock/request.h"
#include "mock/table.h"

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

struct record_call {
    uint64_t seq; /* 0: empty slot */
    int64_t at_ms, answered_ms;
    enum record_outcome outcome;
    bool v3, get, concurrent, answered;
    bool cancelled; /* a push that CancelPush took back */
    int status;
    const char *fault; /* kind's name, or NULL */
    char code[64];     /* error code of the answer */
    char action[40];
    char request_id[37];
    char target_digest[33];
    uint64_t message_id;
    char *params; /* "name NUL value NUL" … */
    size_t params_len;
    uint64_t earlier_of_token, earlier_of_job; /* seq of the call before, 0: none */
};

/* Counts of one token, or of one JobKey. */
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

const char *record_param(const struct record_call *c, const char *name); /* "" when absent */

#endif
