/* SPDX-License-Identifier: MIT
 * Inboxes as JSON, for the control port. */
#ifndef PB_MOCK_WORLD_INBOX_REPORT_H
#define PB_MOCK_WORLD_INBOX_REPORT_H

#include "mock/world/inbox.h"

/* Sums, and per device that received something its counts; with full its messages too. */
void inbox_report_all(const struct inbox *b, const struct world *w, int64_t now_ms, bool full,
                      struct buf *out);

void inbox_report_device(const struct inbox *b, const struct world_device *d, int64_t now_ms,
                         struct buf *out);

#endif
