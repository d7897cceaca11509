/* SPDX-License-Identifier: MIT */
#include "support/mono_shift.h"

int64_t mono_shift_ms, mono_step_ms;

int64_t __real_clock_mono_ms(void);
int64_t __wrap_clock_mono_ms(void);
int64_t __wrap_clock_mono_ms(void)
{
    mono_shift_ms += mono_step_ms;
    return __real_clock_mono_ms() + mono_shift_ms;
}
