/* SPDX-License-Identifier: MIT
 * Numbers from outside that are reckoned with: cut to what every sum and product of ours stays far
 * below, and what a double holds exactly. */
#ifndef PB_BASE_NUMBER_H
#define PB_BASE_NUMBER_H

#include <stdint.h>

#define NUMBER_MAX (INT64_C(1) << 53)

/* Between -NUMBER_MAX and NUMBER_MAX. */
int64_t number_bounded(int64_t n);
/* The number that text begins with, bounded; 0 where it begins with none. */
int64_t number_read(const char *text);
/* The whole part of x, bounded; 0 where x is no number. */
int64_t number_whole(double x);

#endif
