/* SPDX-License-Identifier: MIT
 * Which jobs of a batch go out together in one call, and the text that says so. It is recorded in
 * Redis before the first byte of any of these calls, and binds whoever holds the batch later: a
 * call that may be out can only be repeated whole. Pure. */
#ifndef PB_JOB_GROUPING_H
#define PB_JOB_GROUPING_H

#include "base/buf.h"
#include "base/err.h"

enum {
    GROUPING_MEMBERS_MAX = 256, /* of a batch */
    GROUPING_CALLS_MAX = GROUPING_MEMBERS_MAX / 2,
    GROUPING_ID_SIZE = 48,
    GROUPING_TEXT_MAX = 64 * 1024,
};

struct grouping_member {
    unsigned pos;  /* in the batch */
    unsigned task; /* of its call, from 0, rising by one at most from member to member */
};

struct grouping_call {
    char id[GROUPING_ID_SIZE]; /* stands for a job's uid in the token: [A-Za-z0-9_.-] */
    bool mass;                 /* MassPush, one task each; else a Push of one task */
    size_t first, n;           /* its members, at least 2, in grouping.members */
    size_t tasks;
};

struct grouping {
    struct grouping_call calls[GROUPING_CALLS_MAX];
    size_t ncalls;
    struct grouping_member members[GROUPING_MEMBERS_MAX];
    size_t n;
};

/* A call of none so far; then its members in the order of their tasks. Both within the bounds. */
void grouping_begin(struct grouping *g, const char *id, bool mass);
void grouping_add(struct grouping *g, unsigned pos, unsigned task);

/* "<calls> <members>", then for each call " P:<id>:<positions>" or " M:<id>:…" with '/' between
 * tasks and ',' between members. The two numbers come first for the claim script, which sees by
 * them whether all of a batch is one call. */
void grouping_write(const struct grouping *g, struct buf *out);
/* False with e for anything that grouping_write() does not write. */
MUST_USE bool grouping_read(const char *text, size_t len, struct grouping *out, struct err *e);

#endif
