/* SPDX-License-Identifier: MIT
 * Runs a fuzz target on every file of its corpus: with any compiler, as a unit test. A file that
 * fails is the last one named. */
#include <assert.h>
#include <dirent.h>
#include <errno.h> /* program_invocation_short_name */

#include "base/text.h"
#include "fuzz/fuzz.h"
#include "support/cmocka.h"

enum { FILE_BYTES_MAX = 4096, PATH_SIZE = 512 };

static char folder[PATH_SIZE / 2];

static void replay(const char *name)
{
    char path[PATH_SIZE];
    static uint8_t bytes[FILE_BYTES_MAX + 1];
    snprintf(path, sizeof path, "%s/%.255s", folder, name);
    fprintf(stderr, "%s\n", path);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    assert_in_range(n, 0, FILE_BYTES_MAX);
    uint8_t *exact = malloc(n ? n : 1); /* so that a read behind the end is seen */
    assert_non_null(exact);
    memcpy(exact, bytes, n);
    LLVMFuzzerTestOneInput(exact, n);
    free(exact);
}

static void corpus(void **state)
{
    (void)state;
    size_t n = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.') {
            replay(entry->d_name);
            n++;
        }
    closedir(dir);
    assert_true(n > 0);
}

/* The program's name is corpus_X. */
int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(corpus)};
    const char *target = program_invocation_short_name;
    assert(text_starts(target, "corpus_"));
    snprintf(folder, sizeof folder, "tests/fuzz/corpus/%s", target + strlen("corpus_"));
    return cmocka_run_group_tests_name(target, tests, NULL, NULL);
}
