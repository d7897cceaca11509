/* SPDX-License-Identifier: MIT
 * The audience of a job as the provider's Target and TargetValue, cut into disjoint parts where
 * one call cannot carry it. Pure. Provider facts: API reference §5 (tag expressions), §6 (list
 * sizes); every figure is an option, because the provider has changed them before. */
#ifndef PB_JOB_TARGET_H
#define PB_JOB_TARGET_H

#include "job/job.h"

struct target_limits {
    size_t devices, accounts, aliases; /* ids per call: 1000 each */
    size_t account_bytes, alias_bytes; /* 64, 128 */
    size_t tag_chars;                  /* 128 */
    size_t depth, operands, tags;      /* of an expression: 2, 10, 50 */
    size_t max_parts;                  /* 64 */
};
extern const struct target_limits target_limits_default;

struct target {
    enum target_kind kind; /* never TARGET_IMPLIED */
    char **values;         /* TargetValue per part, 1 … max_parts of them; owned */
    size_t n;
    bool overlap; /* parts may reach a device twice */
};

/* False with e, which is a reason to refuse the job as invalid_target. target_free() must be called
 * in both cases. */
MUST_USE bool target_build(const struct job *job, const struct target_limits *limits,
                           struct target *out, struct err *e);
void target_free(struct target *t);

/* Has it the form of a device id? API reference §3. */
enum { TARGET_DEVICE_CHARS = 32 };
bool target_is_device_id(const char *text, size_t len);

/* How many tags one call to "the school, and one of these tags" can hold. */
size_t target_tags_max(const struct target_limits *limits);

#endif
