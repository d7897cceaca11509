/* SPDX-License-Identifier: MIT
 * Around every target: an input whose reading takes more CPU time than its size allows is a finding
 * like a crash. Linked with --wrap=LLVMFuzzerTestOneInput; the program waits for nothing, so what
 * else the machine does hardly shows, and what looks slow is measured anew before it is believed.
 */
#include <time.h>

#include "fuzz/fuzz.h"

/* Under the sanitizers, which cost about five times the time; a quadratic reader passes both by far
 * at 64 KiB. */
enum { ALLOWED_US = 200 * 1000, ALLOWED_NS_A_BYTE = 5000, TRIES = 3 };

int __real_LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __wrap_LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int __wrap_LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t allowed_us = ALLOWED_US + (int64_t)(size * ALLOWED_NS_A_BYTE / 1000), took_us = 0;
    for (int i = 0; i < TRIES; i++) {
        int64_t began_us = cpu_us();
        __real_LLVMFuzzerTestOneInput(data, size);
        took_us = cpu_us() - began_us;
        if (took_us <= allowed_us)
            return 0;
    }
    fprintf(stderr, "slow: %zu bytes took %lld us, allowed %lld\n", size, (long long)took_us,
            (long long)allowed_us);
    abort();
}
