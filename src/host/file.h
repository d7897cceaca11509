/* SPDX-License-Identifier: MIT
 * Whole files of bounded size, read without waiting: a loop that serves calls must not stand still
 * for a FIFO without a writer, a terminal, or a mount whose server is gone. */
#ifndef PB_HOST_FILE_H
#define PB_HOST_FILE_H

#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"

enum {
    FILE_WAIT_MS = 2000,     /* for the file system */
    FILE_WAIT_NEXT_MS = 100, /* … while another read is stuck: a dead mount may hold many files */
    FILE_STUCK_MAX = 8,      /* reads that it has not answered in time; beyond, no more are begun */
    FILE_WAIT_ALL_MS = 2000, /* for all files together, once file_bound_waits() was called … */
    FILE_WAIT_LEAST_MS = 20, /* … but for each what a file system that is well needs */
    FILE_WAIT_SHARE = 10,    /* one part in so many of the time comes back to FILE_WAIT_ALL_MS */
};

/* From now on the time that is waited for all files is bounded, not for each alone: before a loop
 * begins that must not stand still. */
void file_bound_waits(void);

/* A regular file of at most max bytes into out, which is initialised here and must be freed in
 * both cases. False with e: path, reason. What was read is wiped but for out. */
MUST_USE bool file_read(const char *path, size_t max, struct buf *out, struct err *e);

/* As stat(). False with e, which may be NULL. */
MUST_USE bool file_stat(const char *path, struct stat *out, struct err *e);

/* Whether others may read it with their own means: it is a regular file of at most max bytes and
 * the file system answers. One that is not there may come later: true. */
MUST_USE bool file_is_harmless(const char *path, int64_t max, struct err *e);

#endif
