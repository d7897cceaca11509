/* SPDX-License-Identifier: MIT */
#include "admin/process.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* "Name:   123 kB" of /proc/self/status */
static int64_t status_bytes(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at ? strtoll(at + strlen(name), NULL, 10) * 1024 : -1;
}

static void read_memory(struct process_info *out)
{
    char text[4096];
    FILE *f = fopen("/proc/self/status", "re");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f)
        fclose(f);
    text[n] = '\0';
    out->rss_bytes = status_bytes(text, "\nVmRSS:");
    out->rss_anon_bytes = status_bytes(text, "\nRssAnon:");
    out->virtual_bytes = status_bytes(text, "\nVmSize:");
}

static int64_t count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int64_t n = -3; /* ".", ".." and the directory's own */
    if (!dir)
        return -1;
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static int64_t ms(const struct timeval *t)
{
    return (int64_t)t->tv_sec * 1000 + t->tv_usec / 1000;
}

void process_read(struct process_info *out)
{
    struct rusage usage;
    struct rlimit limit;
    read_memory(out);
    out->fds = count_fds();
    out->cpu_ms =
        getrusage(RUSAGE_SELF, &usage) == 0 ? ms(&usage.ru_utime) + ms(&usage.ru_stime) : -1;
    out->fds_max = getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (int64_t)limit.rlim_cur : -1;
}
