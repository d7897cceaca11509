/* SPDX-License-Identifier: MIT */
#include "cli/manage/resume.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const char magic[] = "pushbridge-resume 1";
enum { LINE_MAX_SIZE = 128 };

/* "pushbridge-resume 1 <digest> <done, 20 digits>\n": always the same length. */
static int format_place(char out[LINE_MAX_SIZE], const char *digest, size_t done)
{
    return snprintf(out, LINE_MAX_SIZE, "%s %s %020zu\n", magic, digest, done);
}

static bool read_resume_line(struct resume *r, size_t *done, struct err *e)
{
    char text[LINE_MAX_SIZE], again[LINE_MAX_SIZE], digest[65];
    ssize_t n = pread(r->fd, text, sizeof text - 1, 0);
    *done = 0;
    if (n <= 0)
        return n == 0 || err_set(e, "%.200s: %s", r->path, strerror(errno));
    text[n] = '\0';
    if (sscanf(text, "pushbridge-resume 1 %64[0-9a-f] %20zu", digest, done) != 2 ||
        format_place(again, digest, *done) != n || strcmp(again, text) != 0)
        return err_set(e, "%.200s: not a file of --resume", r->path);
    if (strcmp(digest, r->digest) != 0)
        return err_set(e, "%.200s: belongs to another command or another list", r->path);
    return true;
}

bool resume_open(struct resume *r, const char *path, const char digest[65], size_t *done,
                 struct err *e)
{
    *r = (struct resume){.path = path, .fd = -1};
    *done = 0;
    if (!path)
        return true;
    snprintf(r->digest, sizeof r->digest, "%s", digest);
    r->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = r->fd >= 0 || err_set(e, "%.200s: %s", path, strerror(errno));
    if (ok && flock(r->fd, LOCK_EX | LOCK_NB) != 0)
        ok = err_set(e, "%.200s: another run is using it", path);
    ok = ok && read_resume_line(r, done, e) && (*done || resume_save(r, 0, e));
    if (!ok)
        resume_close(r, false);
    return ok;
}

bool resume_save(struct resume *r, size_t done, struct err *e)
{
    char text[LINE_MAX_SIZE];
    if (!r->path)
        return true;
    int n = format_place(text, r->digest, done);
    return pwrite(r->fd, text, (size_t)n, 0) == n ||
           err_set(e, "%.200s: cannot be written: %s", r->path, strerror(errno));
}

void resume_close(struct resume *r, bool finished)
{
    if (r->fd < 0)
        return;
    if (finished)
        unlink(r->path);
    close(r->fd);
    r->fd = -1;
}
