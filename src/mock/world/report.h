/* SPDX-License-Identifier: MIT
 * The record as JSON, for the control port. */
#ifndef PB_MOCK_WORLD_REPORT_H
#define PB_MOCK_WORLD_REPORT_H

#include "base/buf.h"
#include "mock/world/record.h"

struct report_query {
    const char *job, *token; /* NULL: not asked for */
    bool list, full;
    uint64_t limit; /* of the list, the newest ones */
};

void report_record(const struct record *m, const struct report_query *ask, uint64_t in_flight,
                   uint64_t held, struct buf *out);
void report_duplicates(const struct record *m, struct buf *out);

#endif
