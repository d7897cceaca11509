/* SPDX-License-Identifier: MIT
 * What the kernel knows of this process. */
#ifndef PB_ADMIN_PROCESS_H
#define PB_ADMIN_PROCESS_H

#include <stdint.h>

struct process_info {
    int64_t rss_bytes, rss_anon_bytes, virtual_bytes, cpu_ms, fds, fds_max; /* -1: unknown */
};

void process_read(struct process_info *out);

#endif
