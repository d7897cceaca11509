/* SPDX-License-Identifier: MIT
 * The monotonic clock runs ahead by as much as the test says, and ticks with every look. The
 * program is linked with
 * --wrap=clock_mono_ms (mk/unit.mk). */
#ifndef TEST_MONO_SHIFT_H
#define TEST_MONO_SHIFT_H

#include <stdint.h>

static int64_t mono_shift_ms, mono_step_ms;

int64_t __real_clock_mono_ms(void);
int64_t __wrap_clock_mono_ms(void);
int64_t __wrap_clock_mono_ms(void)
{
    mono_shift_ms += mono_step_ms;
    return __real_clock_mono_ms() + mono_shift_ms;
}

#endif
