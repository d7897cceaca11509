/* SPDX-License-Identifier: MIT
 * How a job is read: members as a table of name, allowed kinds and setter, and the first refusal
 * of one reading. */
#ifndef PB_JOB_JOB_SCHEMA_H
#define PB_JOB_JOB_SCHEMA_H

#include "job/job.h"

struct reading {
    struct job *job;
    const struct job_limits *limits;
    struct refusal *why; /* the first */
};

/* The first refusal is kept; reading goes on after it, so that the outcome has what else the job
 * says about itself. Returns false. */
bool reading_refuse(struct reading *r, enum reason reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* How many bytes of a member's name to show, cut between characters. */
int reading_shown(const char *name, size_t len);

enum kinds {
    KIND_STRING = 1 << JSON_STRING,
    KIND_INTEGER = 1 << JSON_INTEGER,
    KIND_NUMBER = KIND_INTEGER | 1 << JSON_REAL,
    KIND_BOOLEAN = 1 << JSON_TRUE | 1 << JSON_FALSE,
    KIND_LIST = 1 << JSON_ARRAY,
    KIND_OBJECT = 1 << JSON_OBJECT,
    KIND_SCALAR = KIND_STRING | KIND_INTEGER | KIND_BOOLEAN | 1 << JSON_REAL | 1 << JSON_NULL,
};

struct member {
    const char *name; /* members of target: with "target." */
    int kinds;
    bool (*set)(struct reading *r, const struct member *m, json_t *value);
    size_t at;        /* offset in struct job, for the setters that many members share */
    int64_t min, max; /* of an integer, of a string's bytes */
    enum target_kind target;
};

struct members {
    const struct member *v;
    size_t n;
    const char *prefix; /* "" or "target." */
};

/* In words, for a refusal. */
const char *job_kind_name(const json_t *value);
const char *job_kinds_name(int kinds);
bool job_has_kind(const json_t *value, int kinds);

/* Hands each member of object to its setter; refuses what the table does not know. A member that is
 * null is absent; an empty list where an object may stand becomes, in the tree too, an empty
 * object.
 */
void members_read(struct reading *r, const struct members *t, json_t *object);
/* How many members of object are not null. */
size_t members_given(json_t *object);

#endif
