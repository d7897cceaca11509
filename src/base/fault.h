/* SPDX-License-Identifier: MIT
 * Fault seams, compiled only into the test build (MODE=fault). Elsewhere they cost nothing: the
 * macro is empty and fault.c is not linked.
 *
 * PB_FAULT_KILL=before:N or after:N   SIGKILL to itself around its N-th write to a socket, counted
 *                                     from 1 over Redis and HTTP (a script call is such a write)
 * PB_FAULT_COUNT=FILE                 at exit the number of these writes goes into FILE
 * PB_FAULT_ALLOC=N                    its N-th allocation from the first job that it reads on is
 *                                     refused, a library's too
 * PB_FAULT_ALLOC_COUNT=FILE           at exit the number of these allocations goes into FILE
 * A job whose bytes hold "fault:abort" aborts the worker as soon as it is read. */
#ifndef PB_BASE_FAULT_H
#define PB_BASE_FAULT_H

#include <stdbool.h>
#include <stddef.h>

#ifdef PB_FAULT
void fault_job_read(const char *bytes, size_t len);
bool fault_allocation_fails(void);
#else
#define fault_allocation_fails() false
#define fault_job_read(bytes, len) ((void)0)
#endif

#endif
