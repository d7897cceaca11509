/* SPDX-License-Identifier: MIT
 * Trouble on demand: rules set through the control port, tried in the order of their arrival. */
#ifndef PB_MOCK_WIRE_FAULTS_H
#define PB_MOCK_WIRE_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "mock/check/mass.h"
#include "mock/wire/request.h"

enum { FAULTS_MAX = 64, FAULT_HEADERS_MAX = 8, FAULT_LATENCY_MAX_MS = 3600000 };

enum fault_kind {
    FAULT_NONE,
    FAULT_ERROR,       /* an error answer */
    FAULT_LATENCY,     /* the normal answer, later */
    FAULT_THROTTLE,    /* an error answer with a Throttling code */
    FAULT_DROP,        /* "drop_after_accept": pushed, then the connection closes */
    FAULT_CLOSE,       /* "close_after_read": not pushed, the connection closes */
    FAULT_HANG,        /* no answer while the client waits */
    FAULT_GARBAGE,     /* 200 with a body that is no answer */
    FAULT_BAD_GATEWAY, /* 502 with an HTML page */
    FAULT_IDS,         /* a MassPush's ids in another arrangement; else the normal answer */
    FAULT_HOLD         /* the normal answer, once the rule is gone */
};

struct fault_header {
    char name[64], value[256];
};

/* What happens to one call; filled by faults_pick(). */
struct fault_plan {
    enum fault_kind kind;
    bool accepted; /* the push happens all the same */
    bool late;     /* the delay comes before the push, not between push and answer */
    int64_t delay_ms;
    uint64_t hold_id; /* it waits for the end of the rule with that id instead; 0: of none */
    int status;
    char code[64];
    struct fault_header headers[FAULT_HEADERS_MAX];
    int header_count;
    enum mass_ids mass_ids;
};

struct fault_rule;

struct faults {
    struct fault_rule *rules[FAULTS_MAX];
    int count;
    uint64_t next_id;
};

const char *fault_kind_name(enum fault_kind kind);

void faults_clear(struct faults *f);
bool faults_remove(struct faults *f, uint64_t id);

/* Adds a rule from its JSON text. */
MUST_USE bool faults_add(struct faults *f, const char *json, size_t len, uint64_t *id,
                         struct err *e);

/* The first matching rule that delays (latency, hold) does so; the first matching rule of another
 * kind decides. */
void faults_pick(struct faults *f, const struct request *q, struct fault_plan *plan);

void faults_report(const struct faults *f, struct buf *out);

#endif
