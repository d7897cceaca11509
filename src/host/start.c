/* SPDX-License-Identifier: MIT */
#include "host/start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* open() takes the lowest number that is free. */
static bool fill_descriptors(struct err *e)
{
    static const int ways[] = {O_WRONLY, O_RDONLY, O_WRONLY};
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
            continue;
        if (open("/dev/null", ways[fd] | O_NOCTTY) != fd)
            return err_set(e, "descriptor %d is closed, and /dev/null cannot be opened: %s", fd,
                           strerror(errno));
    }
    return true;
}

static void reset_signals(void)
{
    static const int usual[] = {SIGTERM, SIGCHLD, SIGALRM, SIGUSR1, SIGUSR2};
    static const int ignored[] = {SIGPIPE, SIGXFSZ};
    sigset_t none;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        signal(usual[i], SIG_DFL);
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

int64_t start_fds_max(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT64_MAX
               ? INT64_MAX
               : (int64_t)limit.rlim_cur;
}

static bool raise_fds(struct err *e)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    int64_t most = start_fds_max();
    return most >= START_FDS_MIN ||
           err_set(e, "at most %lld open files are allowed (ulimit -n), at least %d are needed",
                   (long long)most, (int)START_FDS_MIN);
}

bool start_process(struct err *e)
{
    reset_signals();
    return fill_descriptors(e) && raise_fds(e);
}

/* --- memory ---------------------------------------------------------------------------------- */

/* The sanitizer's search for leaks stops the process as a debugger does. */
#if defined(__SANITIZE_ADDRESS__)
#define SEEN_THROUGH 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SEEN_THROUGH 1
#endif
#endif
#ifndef SEEN_THROUGH
#define SEEN_THROUGH 0
#endif

static struct rlimit core_before;

void start_keep_memory(void)
{
    struct rlimit none;
    getrlimit(RLIMIT_CORE, &core_before);
    none = core_before;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_CORE, &none);
    if (!SEEN_THROUGH)
        prctl(PR_SET_DUMPABLE, 0);
}

void start_allow_dumps(void)
{
    setrlimit(RLIMIT_CORE, &core_before);
    prctl(PR_SET_DUMPABLE, 1);
}
