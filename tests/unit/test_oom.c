/* SPDX-License-Identifier: MIT
 * base/oom, base/mem: memory that is refused ends the process, whoever asked for it. A sanitizer's
 * allocator ends it with words of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

static volatile size_t huge = SIZE_MAX / 4;
static void *volatile kept;

static void by_malloc(void)
{
    kept = malloc(huge);
}

static void by_calloc(void)
{
    kept = calloc(huge, 1);
}

static void by_realloc(void)
{
    kept = realloc(malloc(8), huge);
}

static void by_memalign(void)
{
    void *p = NULL;
    _exit(posix_memalign(&p, 64, huge) ? 0 : 1);
}

static void by_mem(void)
{
    kept = mem_alloc(huge);
}

/* Runs it in a process of its own; what that wrote goes to said. Its status as of waitpid(). */
static int ends_with(void (*f)(void), char *said, size_t size)
{
    int fds[2], status;
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        dup2(fds[1], STDERR_FILENO);
        f();
        _exit(0);
    }
    close(fds[1]);
    ssize_t n = read(fds[0], said, size - 1);
    said[n > 0 ? n : 0] = '\0';
    char rest[4096];
    while (read(fds[0], rest, sizeof rest) > 0)
        ;
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void test_a_refusal_ends_the_process(void **state)
{
    (void)state;
    void (*const all[])(void) = {by_malloc, by_calloc, by_realloc, by_memalign, by_mem};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char said[256];
        int status = ends_with(all[i], said, sizeof said);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            fail_msg("%zu: goes on", i);
#ifndef __SANITIZE_ADDRESS__
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        assert_non_null(strstr(said, "level=error event=out_of_memory bytes="));
#endif
    }
}

/* What is no refusal. */
static void test_sizes_of_nothing(void **state)
{
    (void)state;
    void *p = malloc((size_t)(huge & 1));
    assert_non_null(p);
    p = realloc(p, 8);
    assert_non_null(p);
    mem_free(p);
}

#ifndef __SANITIZE_ADDRESS__
static void keep_too_long_a_text(void)
{
    kept = json_stringn_nocheck("", huge);
}

/* Its NULL would be "not valid UTF-8", or whatever else it is that of. */
static void test_a_library_that_is_refused_says_nothing(void **state)
{
    (void)state;
    char said[256];
    int status = ends_with(keep_too_long_a_text, said, sizeof said);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(said, "event=out_of_memory"));
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_refusal_ends_the_process),
        cmocka_unit_test(test_sizes_of_nothing),
#ifndef __SANITIZE_ADDRESS__
        cmocka_unit_test(test_a_library_that_is_refused_says_nothing),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
