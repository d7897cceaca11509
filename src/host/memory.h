/* SPDX-License-Identifier: MIT
 * How much of the machine's memory the jobs in this worker may take, and how much they take. What a
 * job takes is estimated from above: the allocator is not asked. */
#ifndef PB_HOST_MEMORY_H
#define PB_HOST_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    /* A job's bytes stand in the claim's answer, which is read twice over, with the job, in its
     * calls' parameters, in a dead letter, and with that in the script that writes it. */
    MEMORY_PER_BYTE = 8,
    MEMORY_PER_JOB = 8192, /* what one of a few bytes takes, its call included */
    MEMORY_PARSING =
        80, /* a job's JSON by its bytes at worst ("{},{},"), while it is read: one at a time */
    MEMORY_SHARE =
        2, /* of the limit the half: connections, buffers and the program take the rest */
};

/* The least of these: the limit of its cgroup and of those above it (version 2 or 1), what the
 * process may still map (RLIMIT_AS), the machine's memory. root: a folder before /proc and /sys, ""
 * outside of tests. */
int64_t memory_limit(const char *root);

/* What jobs may take in all: configured, or the share of the limit where that is 0. */
int64_t memory_for_jobs(int64_t configured, int64_t limit);

/* What a job of so many bytes takes once it is here; parsed: of its JSON, what is kept. */
size_t memory_of_job(size_t len, size_t parsed);

/* How many more jobs of at most job_max bytes fit beside what is held or on its way: one at least
 * where that is nothing. */
size_t memory_room(int64_t for_jobs, size_t taken, size_t job_max);

/* Counts jansson's allocations from now on: once, before anything is parsed. */
void memory_count_parsed(void);
size_t memory_parsed(void); /* bytes that parsed JSON takes now; only differences mean something */

#endif
