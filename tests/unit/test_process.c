/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/process.h"

static void test_grows_with_what_is_used(void **state)
{
    (void)state;
    enum { SIZE = 32 << 20 };
    struct process_info before, after;
    process_read(&before);
    assert_true(before.rss_bytes > 0 && before.virtual_bytes >= before.rss_bytes);
    assert_true(before.rss_anon_bytes > 0 && before.rss_anon_bytes <= before.rss_bytes);
    assert_true(before.fds >= 3 && before.fds_max >= before.fds);
    int fd = open("/dev/null", O_RDONLY);
    char *memory = malloc(SIZE);
    volatile char *touched = memory; /* else a compiler may do without it */
    for (size_t i = 0; i < SIZE; i += 1024)
        touched[i] = 1;
    while (clock() * 1000 / CLOCKS_PER_SEC < before.cpu_ms + 5)
        ;
    process_read(&after);
    assert_int_equal(after.fds, before.fds + 1);
    assert_true(after.rss_anon_bytes - before.rss_anon_bytes > SIZE / 2);
    assert_true(after.cpu_ms > before.cpu_ms);
    free(memory);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_grows_with_what_is_used)};
    return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
