/* SPDX-License-Identifier: MIT
 * What a program may have inherited from whoever started it, put right before anything else:
 * descriptors, signals, limits. */
#ifndef PB_HOST_START_H
#define PB_HOST_START_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { START_FDS_MIN = 16 }; /* with fewer not even a tool can work */

/* - Descriptors 0 to 2 that are closed become /dev/null, so that no socket takes their place: to
 *   read from 0 and to write to 1 still fails, what goes to 2 is gone.
 * - No signal stays blocked. PIPE and XFSZ are ignored: writes fail and can be named. TERM, CHLD,
 *   ALRM, USR1 and USR2 do again what they do by default; that HUP, INT and QUIT are ignored stays
 *   (nohup, a job in the background) until the program has handlers of its own.
 * - The limit of open files is raised as far as it may be.
 * False with e, in one sentence. */
MUST_USE bool start_process(struct err *e);

/* For a program that knows secrets: no core is written of it, and nobody but root looks into its
 * memory. start_allow_dumps() takes that back, for who hunts a fault. */
void start_keep_memory(void);
void start_allow_dumps(void);

/* After start_process(): how many descriptors may be open. */
int64_t start_fds_max(void);

#endif
