/* SPDX-License-Identifier: MIT
 * Stands in for the C library's write calls, for the libraries as well (the test build exports its
 * symbols), so that a test can stop the worker at each of them in turn. */
#include "base/fault.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FAULT_EXPORT __attribute__((visibility("default")))

static long writes;

/* From the first job on: what a start takes depends on the machine's certificates. */
static long allocations, fails_at;
static bool reading;

static void write_number(const char *path, long number)
{
    FILE *f = path ? fopen(path, "w") : NULL;
    if (!f)
        return;
    fprintf(f, "%ld\n", number);
    fclose(f);
}

static void write_count(void)
{
    long counted = allocations;
    write_number(getenv("PB_FAULT_COUNT"), writes);
    write_number(getenv("PB_FAULT_ALLOC_COUNT"), counted);
}

__attribute__((constructor)) static void fault_begin(void)
{
    const char *at = getenv("PB_FAULT_ALLOC");
    fails_at = at ? atol(at) : 0;
    atexit(write_count);
}

bool fault_allocation_fails(void)
{
    return reading && ++allocations == fails_at;
}

static void kill_at(const char *when)
{
    const char *at = getenv("PB_FAULT_KILL");
    size_t len = strlen(when);
    if (at && strncmp(at, when, len) == 0 && at[len] == ':' && atol(at + len + 1) == writes)
        raise(SIGKILL);
}

static bool is_socket(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* Around a call of the C library's own function, which returns what the caller gets. */
#define STAND_IN(name, type, params, args, fd)                                                     \
    FAULT_EXPORT ssize_t name params;                                                              \
    FAULT_EXPORT ssize_t name params                                                               \
    {                                                                                              \
        static ssize_t(*real) type = NULL;                                                         \
        if (!real)                                                                                 \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                                             \
        if (!is_socket(fd))                                                                        \
            return real args;                                                                      \
        writes++;                                                                                  \
        kill_at("before");                                                                         \
        ssize_t done = real args;                                                                  \
        kill_at("after");                                                                          \
        return done;                                                                               \
    }

STAND_IN(write, (int, const void *, size_t), (int fd, const void *p, size_t n), (fd, p, n), fd)
STAND_IN(writev, (int, const struct iovec *, int), (int fd, const struct iovec *v, int n),
         (fd, v, n), fd)
STAND_IN(send, (int, const void *, size_t, int), (int fd, const void *p, size_t n, int flags),
         (fd, p, n, flags), fd)

void fault_job_read(const char *bytes, size_t len)
{
    static const char mark[] = "fault:abort";
    reading = true;
    if (bytes && memmem(bytes, len, mark, sizeof mark - 1))
        abort();
}
