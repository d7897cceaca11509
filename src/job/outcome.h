/* SPDX-License-Identifier: MIT
 * The JSON of an outcome, exactly as the contract lists its members. Pure. */
#ifndef PB_JOB_OUTCOME_H
#define PB_JOB_OUTCOME_H

#include "base/buf.h"
#include "job/begun.h"
#include "job/job.h"
#include "job/verdict.h"

struct push_done {
    unsigned part;
    char message_id[32], request_id[64];
    const char *app; /* to which the part went, of a job for several apps; NULL: left out */
};

struct outcome {
    const char *id;                                /* uid */
    const char *app, *code, *worker, *traceparent; /* NULL: unknown */
    enum reason reason;                            /* NONE: sent */
    bool duplicate, maybe_sent, overlap;
    const struct reply *error; /* last reply, NULL: none; or use error_message */
    const char *error_message; /* our own refusal's text; wins over error->message */
    const char *call;          /* NULL, or the name of the call that it shares with other jobs, */
    unsigned task;             /* and the task of that call that is its own */
    const struct push_done *pushes;
    size_t npushes;
    int64_t attempts, crashes;
    int64_t enqueued_at_ms; /* JOB_ABSENT: left out, with latency_ms */
    int64_t claimed_at_ms, done_at_ms;
    json_t *meta;              /* NULL: left out */
    const char *history;       /* JSON array text, NULL: left out */
    const char *queue;         /* DEAD: where it came from, NULL: left out */
    int64_t gen;               /* DEAD: left out when 0 */
    const struct begun *begun; /* DEAD: for a replay; NULL, or of a job of which nothing is known to
                                  be or may be out: left out */
    const char *job_ref;       /* oversize job: instead of its bytes */
    const char *bytes;
    size_t len;
};

/* Appends one JSON object: at most OUTCOME_JOB_FACTOR times the job's bytes, which stand there as
 * text or in base64, whichever fits, and OUTCOME_ROOM for all the rest. */
enum { OUTCOME_JOB_FACTOR = 2, OUTCOME_ROOM = 64 * 1024 };
void outcome_write(const struct outcome *o, struct buf *out);

#endif
