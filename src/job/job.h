/* SPDX-License-Identifier: MIT
 * A push job: the bytes of one list element, checked against the schema. Pure: no I/O, no clock.
 * Every refusal names the member, what it held (kind or size, never the content of a message)
 * and the limit. */
#ifndef PB_JOB_JOB_H
#define PB_JOB_JOB_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Why a job became a dead letter: the word in its outcome. */
enum reason {
    REASON_NONE,
    REASON_INVALID_JSON,
    REASON_INVALID_JOB,
    REASON_UNKNOWN_TEMPLATE,
    REASON_INVALID_TARGET,
    REASON_PROVIDER_REJECTED,
    REASON_RETRIES_EXHAUSTED,
    REASON_EXPIRED,
    REASON_POISON,
    REASON_AMBIGUOUS,
    REASON_CANCELLED, /* by an operator, before it was sent */
};
const char *reason_name(enum reason r); /* "invalid_json" … */

/* Why a job was refused before any call: the word for its outcome, and the sentence. */
struct refusal {
    enum reason reason; /* NONE: it was not */
    struct err err;
};

/* Fills it and returns false, as err_set() does. */
bool job_refuse(struct refusal *why, enum reason reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Where why->err has the sentence already. Returns false. */
bool job_refuse_as(struct refusal *why, enum reason reason);

enum target_kind {
    TARGET_IMPLIED, /* from school and tags */
    TARGET_DEVICE,
    TARGET_ACCOUNT,
    TARGET_ALIAS,
    TARGET_TAG,
    TARGET_ALL,
};
const char *
target_kind_name(enum target_kind k); /* the provider's word: "DEVICE" … ; TAG for implied */

struct job_list {
    const char **v;
    size_t n;
};

struct job_limits {
    size_t tags_max;          /* elements of tags: 10000 */
    size_t ids_max;           /* elements of an explicit id list: 1000 * 64 */
    const char *reply_prefix; /* "push:reply:" */
};

/* Strings point into root and live as long as the job. Absent strings are NULL, absent numbers
 * are JOB_ABSENT, absent objects are NULL. */
#define JOB_ABSENT INT64_MIN
struct job {
    json_t *root;
    const char *code, *title, *message, *school, *id, *app, *locale, *reply_to, *traceparent;
    struct job_list tags; /* deduplicated, the first kept */
    int type;             /* 0 message, 1 functional */
    json_t *params, *push, *meta;
    enum target_kind target_kind;
    struct job_list target_ids; /* DEVICE, ACCOUNT, ALIAS: deduplicated */
    json_t *target_tag;         /* TAG: a JSON string (plain name) or object (expression) */
    int64_t delay_s, push_at_ms, ttl_s, expire_at_ms, enqueued_at_ms;
};

/* Parses and checks. On false, why->reason is REASON_INVALID_JSON, REASON_INVALID_JOB or
 * REASON_INVALID_TARGET (only where the target itself is wrong, e.g. an id with a comma or an
 * empty target list), and job->id, ->app, ->code, ->meta, ->traceparent,
 * ->reply_to, ->enqueued_at_ms hold what could be read of them (for the outcome), else absent.
 * job_free() must be called in both cases. */
MUST_USE bool job_parse(const char *bytes, size_t len, const struct job_limits *limits,
                        struct job *job, struct refusal *why);
void job_free(struct job *job);

/* What the member enqueued_at says, rounded; JOB_ABSENT where it is absent or would be refused. */
int64_t job_enqueued_at_ms(const json_t *value);

/* Frees what only plans are made of: title, message, locale, params, the tree of the target and
 * whatever no job may have; they are absent from then on. with_lists keeps tags and target_ids, for
 * a job that may share its call; else they are empty. Parsed, a job takes up to eighty times its
 * bytes, and it may be held for long. */
void job_trim(struct job *job, bool with_lists);

#endif
