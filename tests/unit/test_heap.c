/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "admin/process.h"
#include "base/mem.h"
#include "host/heap.h"

enum { PIECES = 4096, PIECE = 4096, MIB = 1024 * 1024 };

static char *pieces[PIECES];

/* Under AddressSanitizer another allocator does as it likes. */
#ifdef __SANITIZE_ADDRESS__
enum { GLIBC = 0 };
#else
enum { GLIBC = 1 };
#endif

static int64_t anonymous(void)
{
    struct process_info info;
    process_read(&info);
    return info.rss_anon_bytes;
}

/* After a burst of 16 MiB of which every 64th piece is still used: the pages between go back when
 * they are asked for, not before. */
static void test_pages_between_used_ones_go_back(void **state)
{
    (void)state;
    heap_setup();
    for (int i = 0; i < PIECES; i++) {
        pieces[i] = mem_alloc(PIECE);
        memset(pieces[i], i, PIECE);
    }
    int64_t most = anonymous();
    for (int i = 0; i < PIECES; i++)
        if (i % 64)
            mem_free(pieces[i]);
    assert_true(!GLIBC || anonymous() > most - MIB);
    heap_trim();
    assert_true(!GLIBC || anonymous() < most - 14 * MIB);
    for (int i = 0; i < PIECES; i += 64) {
        assert_int_equal(pieces[i][PIECE - 1], (char)i);
        mem_free(pieces[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages_between_used_ones_go_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
