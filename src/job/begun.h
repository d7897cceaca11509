/* SPDX-License-Identifier: MIT
 * What a job's envelope keeps once calls of it are or may be out, so that whoever has the job next,
 * under whatever configuration, makes the same parts of it, and knows whether a call that may be
 * out would be the same again (I3e). Pure. */
#ifndef PB_JOB_BEGUN_H
#define PB_JOB_BEGUN_H

#include "base/buf.h"
#include "job/target.h"
#include <jansson.h>

enum {
    BEGUN_PARTS_MAX = 64,
    BEGUN_DIGEST_SIZE = 17,  /* 16 hex digits */
    BEGUN_APPS_MAX = 255,    /* bytes */
    BEGUN_CHECKS_MAX = 1024, /* bytes */
    BEGUN_SPLIT_MAX = 6,     /* the limits that split an audience into parts */
};

/* A call that may be out, and whose content is known. */
struct begun_call {
    unsigned part;
    char content[BEGUN_DIGEST_SIZE]; /* of what its token was made from */
    char config[BEGUN_DIGEST_SIZE];  /* of the configuration that made it first */
};

struct begun {
    char *apps; /* of its plan, in order, comma-separated; NULL: not kept. Owned */
    size_t split[BEGUN_SPLIT_MAX]; /* with apps */
    struct begun_call *calls;      /* by far most jobs have none; owned */
    size_t ncalls;
    char *checks; /* of the first call's parameters (aliyun/content.h), or NULL; owned */
};

/* Nothing is written where nothing is kept; else a comma, and the member "begun". */
void begun_write(const struct begun *b, struct buf *out);
/* value: the member, NULL where there is none. False when it is not what begun_write() writes;
 * begun_free() in both cases. */
bool begun_read(json_t *value, struct begun *out);
void begun_free(struct begun *b);

/* How the job is divided into parts, unless that is kept already or the names are too long. */
void begun_keep_parts(struct begun *b, const char *apps, const struct target_limits *limits);
/* Puts the kept limits in place of a configuration's. No job that has begun has too many parts. */
void begun_limits(const struct begun *b, struct target_limits *limits);

const struct begun_call *begun_find(const struct begun *b, unsigned part); /* NULL: not known */
/* Keeps a call, unless its part is known. checks: of its parameters. */
void begun_add(struct begun *b, const struct begun_call *call, const char *checks);
/* The part's call is out, or known not to be. */
void begun_drop(struct begun *b, unsigned part);
void begun_drop_all(struct begun *b);

#endif
