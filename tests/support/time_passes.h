/* SPDX-License-Identifier: MIT
 * Time passes for the worker and for what the fleet keeps in Redis, which goes by Redis' clock.
 * Leases and due times of jobs stay as they are. The clock is mono_shift.h's, the server
 * queue_fixture.h's. */
#ifndef TEST_TIME_PASSES_H
#define TEST_TIME_PASSES_H

#include <stdint.h>

void time_passes(int64_t ms);

#endif
