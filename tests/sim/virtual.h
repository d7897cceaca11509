/* SPDX-License-Identifier: MIT
 * Time that passes only when the simulation says so: a list of what is to happen, the clock that
 * the linked modules read (--wrap=clock_mono_ms), and their timers. Also the
 * one source of chance, so that a run is the same every time. */
#ifndef TEST_VIRTUAL_H
#define TEST_VIRTUAL_H

#include <stdint.h>

typedef void (*virtual_fn)(void *arg, int64_t value);

void virtual_reset(uint64_t seed); /* time is 20 minutes, nothing is to happen */
int64_t virtual_us(void);
void virtual_at(int64_t us, virtual_fn fn, void *arg, int64_t value);
void virtual_run(int64_t until_us);
uint64_t virtual_random(uint64_t n); /* 0 … n − 1 */

#endif
