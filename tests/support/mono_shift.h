/* SPDX-License-Identifier: MIT
 * The monotonic clock runs ahead by as much as the test says, and ticks with every look. The
 * program is linked with --wrap=clock_mono_ms (mk/unit.mk). */
#ifndef TEST_MONO_SHIFT_H
#define TEST_MONO_SHIFT_H

#include <stdint.h>

extern int64_t mono_shift_ms; /* how far it runs ahead */
extern int64_t mono_step_ms;  /* what each look adds to that */

#endif
