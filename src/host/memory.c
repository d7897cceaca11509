/* SPDX-License-Identifier: MIT */
#include "host/memory.h"

#include <jansson.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/minmax.h"

enum { LINE_SIZE = PATH_MAX + 64 };

/* --- the limit ------------------------------------------------------------------------------- */

/* A file that holds one number; INT64_MAX where there is none, or it says "max". */
static int64_t read_number_file(const char *path)
{
    char text[32] = "";
    FILE *f = fopen(path, "re");
    if (!f)
        return INT64_MAX;
    bool got = fgets(text, sizeof text, f) != NULL;
    fclose(f);
    char *end;
    long long n = strtoll(text, &end, 10);
    return got && end > text && n > 0 ? n : INT64_MAX;
}

/* Of a group and of all those above it: each limits what is below. In a container the path may be
 * the host's, and the group is the mount's own top then. */
static int64_t limit_of_group(const char *root, const char *mount, char *group, const char *file)
{
    char path[2 * LINE_SIZE];
    int64_t least = INT64_MAX;
    for (;;) {
        snprintf(path, sizeof path, "%s%s%s/%s", root, mount, group, file);
        least = min_int(least, read_number_file(path));
        char *slash = strrchr(group, '/');
        if (!slash)
            return least;
        *slash = '\0';
    }
}

static bool has_memory(const char *controllers, size_t len)
{
    static const char name[] = "memory";
    const char *p = memmem(controllers, len, name, sizeof name - 1);
    size_t at = p ? (size_t)(p - controllers) : 0;
    return p && (at == 0 || p[-1] == ',') &&
           (at + sizeof name - 1 == len || p[sizeof name - 1] == ',');
}

/* "<hierarchy>:<controllers>:<path>": version 2 has no controllers. */
static int64_t limit_of_line(const char *root, char *line)
{
    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':');
    char *group = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!group || group[1] != '/')
        return INT64_MAX;
    size_t len = (size_t)(group - controllers - 1);
    if (len == 0)
        return limit_of_group(root, "/sys/fs/cgroup", group + 1, "memory.max");
    if (!has_memory(controllers + 1, len))
        return INT64_MAX;
    return limit_of_group(root, "/sys/fs/cgroup/memory", group + 1, "memory.limit_in_bytes");
}

static int64_t limit_of_cgroups(const char *root)
{
    char path[LINE_SIZE], line[LINE_SIZE];
    int64_t least = INT64_MAX;
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *f = fopen(path, "re");
    if (!f)
        return least;
    while (fgets(line, sizeof line, f))
        least = min_int(least, limit_of_line(root, line));
    fclose(f);
    return least;
}

/* Libraries are mapped already and count: what is left is less than the limit. */
static int64_t limit_of_mapping(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return INT64_MAX;
    int64_t pages = read_number_file("/proc/self/statm"), most = (int64_t)limit.rlim_cur;
    int64_t mapped = pages == INT64_MAX ? 0 : pages * sysconf(_SC_PAGESIZE);
    return mapped < most ? most - mapped : 1;
}

int64_t memory_limit(const char *root)
{
    int64_t machine = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    return min_int(min_int(limit_of_cgroups(root), limit_of_mapping()),
                   machine > 0 ? machine : INT64_MAX);
}

int64_t memory_for_jobs(int64_t configured, int64_t limit)
{
    return configured ? configured : limit / MEMORY_SHARE;
}

/* --- jobs ------------------------------------------------------------------------------------ */

size_t memory_of_job(size_t len, size_t parsed)
{
    return MEMORY_PER_JOB + MEMORY_PER_BYTE * len + parsed;
}

size_t memory_room(int64_t for_jobs, size_t taken, size_t job_max)
{
    size_t all = (size_t)for_jobs, parsing = MEMORY_PARSING * job_max;
    size_t used = taken + parsing, room = used < all ? all - used : 0;
    size_t n = room / memory_of_job(job_max, 0);
    return n || taken ? n : 1;
}

/* --- parsed JSON ----------------------------------------------------------------------------- */

static size_t parsed;

static void *count_json_alloc(size_t size)
{
    void *p = mem_alloc(size ? size : 1);
    parsed += malloc_usable_size(p);
    return p;
}

static void count_json_free(void *p)
{
    parsed -= malloc_usable_size(p);
    mem_free(p);
}

void memory_count_parsed(void)
{
    json_set_alloc_funcs(count_json_alloc, count_json_free);
}

size_t memory_parsed(void)
{
    return parsed;
}
