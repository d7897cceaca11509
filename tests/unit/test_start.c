/* SPDX-License-Identifier: MIT
 * What a program may inherit: each in a child of its own. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/start.h"

/* The exit status of a child that does so. */
static int in_child(int (*what)(void))
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(what());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int with_closed(void)
{
    char c;
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    if (!start_process(NULL))
        return 1;
    if (open("/dev/null", O_RDONLY) < 3)
        return 2; /* a number that others take for theirs */
    if (read(0, &c, 1) >= 0 || errno != EBADF)
        return 3; /* an end of the input where there is none */
    if (write(1, "x", 1) >= 0 || errno != EBADF)
        return 4; /* output that went nowhere unsaid */
    return write(2, "x", 1) == 1 ? 0 : 5;
}

static int with_open(void)
{
    int end[2];
    if (pipe(end) || dup2(end[0], 0) < 0 || dup2(end[1], 1) < 0 || !start_process(NULL))
        return 1;
    char c = 0;
    return write(1, "x", 1) == 1 && read(0, &c, 1) == 1 && c == 'x' ? 0 : 2;
}

static void (*disposition(int number))(int)
{
    struct sigaction now;
    sigaction(number, NULL, &now);
    return now.sa_handler;
}

static int with_signals(void)
{
    static const int usual[] = {SIGTERM, SIGCHLD, SIGALRM, SIGUSR1, SIGUSR2};
    sigset_t all, now;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    for (int i = 1; i < 32; i++)
        signal(i, SIG_IGN);
    if (!start_process(NULL))
        return 1;
    sigprocmask(SIG_SETMASK, NULL, &now);
    for (int i = 1; i < 32; i++)
        if (sigismember(&now, i))
            return 2;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (disposition(usual[i]) != SIG_DFL)
            return 3;
    return disposition(SIGHUP) == SIG_IGN && disposition(SIGINT) == SIG_IGN ? 0 : 4; /* nohup */
}

static int with_a_file_limit(void)
{
    char path[] = "/tmp/pb-start-XXXXXX", text[200] = "";
    int fd = mkstemp(path);
    unlink(path);
    const struct rlimit limit = {100, 100};
    if (fd < 0 || setrlimit(RLIMIT_FSIZE, &limit) || !start_process(NULL))
        return 1;
    if (write(fd, text, sizeof text) != 100)
        return 2;
    return write(fd, text, 1) < 0 && errno == EFBIG ? 0 : 3;
}

static int with_a_reader_gone(void)
{
    int end[2];
    if (pipe(end) || close(end[0]) || !start_process(NULL))
        return 1;
    return write(end[1], "x", 1) < 0 && errno == EPIPE ? 0 : 2;
}

static int with_few_descriptors(void)
{
    struct err e;
    struct rlimit limit = {8, 64};
    if (setrlimit(RLIMIT_NOFILE, &limit) || !start_process(&e) || start_fds_max() != 64)
        return 1;
    limit.rlim_cur = limit.rlim_max = START_FDS_MIN - 1;
    if (setrlimit(RLIMIT_NOFILE, &limit) || start_process(&e))
        return 2;
    return strstr(e.text, "at most 15 open files") ? 0 : 3;
}

static void test_inherited(void **state)
{
    (void)state;
    assert_int_equal(in_child(with_closed), 0);
    assert_int_equal(in_child(with_open), 0);
    assert_int_equal(in_child(with_signals), 0);
    assert_int_equal(in_child(with_a_file_limit), 0);
    assert_int_equal(in_child(with_a_reader_gone), 0);
    assert_int_equal(in_child(with_few_descriptors), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_inherited)};
    return cmocka_run_group_tests_name("start", tests, NULL, NULL);
}
