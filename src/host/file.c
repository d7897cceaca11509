/* SPDX-License-Identifier: MIT */
#include "host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

/* The kernel answers for a file on a dead mount when it likes, whatever flags open() has, so that
 * the question is asked in a thread of its own; one that is not back in time is left alone with it
 * and ends when the kernel lets it. */
struct task {
    TAILQ_ENTRY(task) link; /* of those that are stuck */
    char *path;
    bool read; /* else: stat */
    struct buf text;
    struct stat st;
    int failed; /* errno, or 0 */
    bool done, left;
};

enum { STACK_BYTES = 256 * 1024, PIECE = 4096 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t change = PTHREAD_COND_INITIALIZER;
static TAILQ_HEAD(, task) stuck = TAILQ_HEAD_INITIALIZER(stuck);
static unsigned nstuck;
static bool bounded;
static int64_t spent_ms, spent_at_ms; /* waited, less what time has given back since */

static struct task *task_new(const char *path, bool read, size_t max)
{
    struct task *t = mem_zalloc(sizeof *t);
    t->path = mem_strdup(path);
    t->read = read;
    buf_init(&t->text, max);
    return t;
}

static void task_free(struct task *t)
{
    buf_wipe(&t->text);
    buf_free(&t->text);
    mem_free(t->path);
    mem_free(t);
}

/* --- in the thread --------------------------------------------------------------------------- */

/* Stops where out is full. A file of the size that it says comes as one piece, so that out need
 * not grow and leave a copy of a secret behind. */
static int read_descriptor(int fd, off_t size, struct buf *out)
{
    size_t most = size <= 0 ? PIECE : (size_t)size < out->max ? (size_t)size : out->max;
    char *piece = mem_alloc(most);
    ssize_t n;
    do {
        n = read(fd, piece, most);
        if (n > 0)
            buf_add(out, piece, (size_t)n);
    } while ((n > 0 && buf_ok(out)) || (n < 0 && errno == EINTR));
    int failed = n < 0 ? errno : 0;
    mem_wipe(piece, most);
    mem_free(piece);
    return failed;
}

static int read_regular(struct task *t)
{
    int fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return errno;
    int failed = fstat(fd, &t->st) != 0 ? errno : 0;
    if (!failed && S_ISREG(t->st.st_mode))
        failed = read_descriptor(fd, t->st.st_size, &t->text);
    close(fd);
    return failed;
}

static void task_do(struct task *t)
{
    t->failed = t->read ? read_regular(t) : stat(t->path, &t->st) != 0 ? errno : 0;
}

static void *run_task(void *arg)
{
    struct task *t = arg;
    task_do(t);
    pthread_mutex_lock(&lock);
    t->done = true;
    bool left = t->left;
    if (left) {
        TAILQ_REMOVE(&stuck, t, link);
        nstuck--;
    } else {
        pthread_cond_broadcast(&change);
    }
    pthread_mutex_unlock(&lock);
    if (left)
        task_free(t);
    return NULL;
}

/* --- outside --------------------------------------------------------------------------------- */

/* Signals are for the thread that has the loop. */
static bool start_thread(struct task *t)
{
    sigset_t all, before;
    pthread_attr_t attr;
    pthread_t thread;
    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool ok = pthread_create(&thread, &attr, run_task, t) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return ok;
}

static bool is_stuck(const char *path)
{
    const struct task *t;
    pthread_mutex_lock(&lock);
    bool found = nstuck >= FILE_STUCK_MAX;
    TAILQ_FOREACH(t, &stuck, link) found |= strcmp(t->path, path) == 0;
    pthread_mutex_unlock(&lock);
    return found;
}

static struct timespec from_now(int ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t ns = t.tv_nsec + INT64_C(1000000) * ms;
    return (struct timespec){t.tv_sec + ns / 1000000000, ns % 1000000000};
}

void file_bound_waits(void)
{
    bounded = true;
    spent_ms = 0;
    spent_at_ms = clock_mono_ms();
}

/* Waits one after the other must not add up to a lease, though each is answered in time. */
static int patience_ms(int64_t now)
{
    int most = nstuck ? FILE_WAIT_NEXT_MS : FILE_WAIT_MS;
    if (!bounded)
        return most;
    int64_t back = (now - spent_at_ms) / FILE_WAIT_SHARE;
    spent_at_ms += back * FILE_WAIT_SHARE;
    spent_ms = spent_ms > back ? spent_ms - back : 0;
    int64_t left = FILE_WAIT_ALL_MS - spent_ms;
    left = left < FILE_WAIT_LEAST_MS ? FILE_WAIT_LEAST_MS : left;
    return left < most ? (int)left : most;
}

/* False: t is not the caller's any more. */
static bool task_wait(struct task *t)
{
    int64_t began = clock_mono_ms();
    pthread_mutex_lock(&lock);
    const struct timespec until = from_now(patience_ms(began));
    for (int late = 0; !t->done && !late;)
        late = pthread_cond_clockwait(&change, &lock, CLOCK_MONOTONIC, &until);
    bool done = t->done;
    spent_ms += clock_mono_ms() - began;
    t->left = !done;
    if (!done) {
        TAILQ_INSERT_TAIL(&stuck, t, link);
        nstuck++;
    }
    pthread_mutex_unlock(&lock);
    return done;
}

/* NULL with e, or what is to be freed. */
static struct task *ask_thread(const char *path, bool read, size_t max, struct err *e)
{
    if (is_stuck(path)) {
        err_set(e, "%s: the file system has not answered the last time yet", path);
        return NULL;
    }
    struct task *t = task_new(path, read, max);
    if (!start_thread(t))
        task_do(t); /* no thread to be had: then with waiting */
    else if (!task_wait(t))
        t = NULL;
    if (!t)
        err_set(e, "%s: the file system does not answer", path);
    return t;
}

static bool check_regular(const struct task *t, struct err *e)
{
    if (t->failed)
        return err_set(e, "%s: %s", t->path, strerror(t->failed));
    if (S_ISDIR(t->st.st_mode))
        return err_set(e, "%s: %s", t->path, strerror(EISDIR));
    return S_ISREG(t->st.st_mode) || err_set(e, "%s: not a regular file", t->path);
}

bool file_read(const char *path, size_t max, struct buf *out, struct err *e)
{
    struct task *t = ask_thread(path, true, max, e);
    buf_init(out, max);
    if (!t)
        return false;
    bool ok = check_regular(t, e);
    if (ok && !buf_ok(&t->text))
        ok = err_set(e, "%s: longer than %zu bytes", path, max);
    if (ok) {
        *out = t->text;
        buf_init(&t->text, max);
    }
    task_free(t);
    return ok;
}

bool file_stat(const char *path, struct stat *out, struct err *e)
{
    struct task *t = ask_thread(path, false, 1, e);
    if (!t)
        return false;
    bool ok = !t->failed || err_set(e, "%s: %s", path, strerror(t->failed));
    *out = t->st;
    task_free(t);
    return ok;
}

bool file_is_harmless(const char *path, int64_t max, struct err *e)
{
    struct task *t = ask_thread(path, false, 1, e);
    if (!t)
        return false;
    bool ok = t->failed || check_regular(t, e);
    if (ok && !t->failed && t->st.st_size > max)
        ok = err_set(e, "%s: longer than %lld bytes", path, (long long)max);
    task_free(t);
    return ok;
}
