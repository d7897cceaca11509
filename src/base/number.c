/* SPDX-License-Identifier: MIT */
#include "base/number.h"

#include <math.h>
#include <stdlib.h>

int64_t number_bounded(int64_t n)
{
    if (n > NUMBER_MAX)
        return NUMBER_MAX;
    return n < -NUMBER_MAX ? -NUMBER_MAX : n;
}

int64_t number_read(const char *text)
{
    return number_bounded(strtoll(text, NULL, 10)); /* its own bounds lie beyond ours */
}

int64_t number_whole(double x)
{
    if (isnan(x))
        return 0;
    if (fabs(x) >= (double)NUMBER_MAX)
        return x > 0 ? NUMBER_MAX : -NUMBER_MAX;
    return (int64_t)x;
}
