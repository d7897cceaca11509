/* SPDX-License-Identifier: MIT
 * Fault seams, compiled only into the test build (MODE=fault). Elsewhere they cost nothing: the
 * macro is empty and fault.c is not linked.
 *
 * PB_FAULT_KILL=before:N or after:N   SIGKILL to itself around its N-th write to a socket, counted
 *                                     from 1 over Redis and HTTP (a script call is such a write)
 * PB_FAULT_COUNT=FILE                 at exit the number of these writes goes into FILE
 * A job whose bytes hold "fault:abort" aborts the worker as soon as it is read. */
#ifndef PB_FAULT_H
#define PB_FAULT_H

#include <stddef.h>

#ifdef PB_FAULT
void fault_job_read(const char *bytes, size_t len);
#else
#define fault_job_read(bytes, len) ((void)0)
#endif

#endif
