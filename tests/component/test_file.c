/* SPDX-License-Identifier: MIT
 * Files of every kind, and a mount whose server does not answer: nobody waits. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "host/file.h"

static char folder[] = "/tmp/pb-file-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[sizeof folder + 64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static const char *made(const char *name, const char *text, size_t len)
{
    const char *path = in_folder(name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    fclose(f);
    return path;
}

static void check_refused(const char *path, size_t max, const char *why)
{
    struct buf out;
    struct err e;
    assert_false(file_read(path, max, &out, &e));
    assert_non_null(strstr(e.text, why));
    assert_int_equal(strncmp(e.text, path, strlen(path)), 0);
    buf_free(&out);
}

static void test_regular(void **state)
{
    (void)state;
    struct buf out;
    struct err e;
    struct stat st;
    char text[10000];
    memset(text, 'x', sizeof text);
    for (size_t len = 0; len <= sizeof text; len += 2500) {
        const char *path = made("regular", text, len);
        assert_true(file_read(path, sizeof text, &out, &e));
        assert_int_equal(out.len, len);
        assert_memory_equal(buf_text(&out), text, len);
        buf_free(&out);
        assert_true(file_stat(path, &st, &e));
        assert_int_equal(st.st_size, len);
        assert_true(file_is_harmless(path, sizeof text, &e));
    }
    assert_true(file_read("/proc/self/status", 65536, &out, &e)); /* says no size */
    assert_non_null(strstr(buf_text(&out), "VmHWM"));
    buf_free(&out);
    check_refused(made("regular", text, 101), 100, "longer than 100 bytes");
    assert_false(file_is_harmless(in_folder("regular"), 100, &e));
}

static void test_others(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    check_refused(in_folder("fifo"), 100, "not a regular file");
    check_refused("/dev/zero", 100, "not a regular file");
    check_refused("/dev/tty", 100, ""); /* which a service does not have */
    check_refused(folder, 100, strerror(EISDIR));
    check_refused(in_folder("none"), 100, strerror(ENOENT));
    assert_false(file_is_harmless(in_folder("fifo"), 100, &e));
    assert_false(file_is_harmless("/dev/zero", 100, &e));
    assert_false(file_is_harmless(folder, 100, &e));
    assert_true(file_is_harmless(in_folder("none"), 100, &e));
}

/* A file system of which nobody answers the first question. */
static int mount_dead(const char *path)
{
    char options[80];
    int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
    if (fd >= 0 && mount("dead", path, "fuse", MS_NOSUID | MS_NODEV, options) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void test_dead_mount(void **state)
{
    (void)state;
    char point[sizeof folder + 16], path[sizeof folder + 32];
    struct buf out;
    struct err e;
    struct stat st;
    snprintf(point, sizeof point, "%s/mount", folder);
    snprintf(path, sizeof path, "%s/secret", point);
    assert_int_equal(mkdir(point, 0700), 0);
    int fd = mount_dead(point);
    if (fd < 0) {
        rmdir(point);
        print_message("no mount can be made here: not shown\n");
        return;
    }
    check_refused(path, 100, "does not answer");
    check_refused(path, 100, "has not answered the last time"); /* at once, and without a thread */
    assert_false(file_stat(path, &st, &e));
    assert_false(file_is_harmless(path, 100, &e));
    assert_true(file_read(made("beside", "x", 1), 100, &out, &e)); /* others are read */
    buf_free(&out);
    int64_t began = clock_mono_ms();
    for (int i = 1; i < FILE_STUCK_MAX; i++) {
        snprintf(path + strlen(point), sizeof path - strlen(point), "/key%d", i);
        check_refused(path, 100, "does not answer");
    }
    assert_true(clock_mono_ms() - began < (FILE_STUCK_MAX - 1) * FILE_WAIT_MS / 2);
    snprintf(path + strlen(point), sizeof path - strlen(point), "/secret");
    close(fd); /* the mount gives up: what was stuck ends */
    int64_t until = clock_mono_ms() + 60000;
    while (file_stat(path, &st, &e) || strstr(e.text, "has not answered"))
        assert_true(clock_mono_ms() < until);
    check_refused(path, 100, strerror(ENOTCONN));
    umount2(point, MNT_DETACH);
    rmdir(point);
}

/* --- a mount that answers late --------------------------------------------------------------- */

enum {
    LATE_MS = 100,
    LATE_FILES = 60, /* a busy machine has 20 times as long */
    MOST_IN_TIME = FILE_WAIT_ALL_MS / LATE_MS + 1
};

/* Nothing is there, it says, LATE_MS after each question: the pause is the trouble that is made
 * here, nothing waits for it. */
static void *answer_late(void *arg)
{
    int fd = *(int *)arg;
    static char question[FUSE_MIN_READ_BUFFER + 65536];
    while (read(fd, question, sizeof question) > 0) {
        struct fuse_in_header in;
        memcpy(&in, question, sizeof in);
        struct {
            struct fuse_out_header head;
            struct fuse_init_out init;
        } out = {.head = {.len = sizeof out.head, .error = -ENOENT, .unique = in.unique},
                 .init = {.major = FUSE_KERNEL_VERSION,
                          .minor = FUSE_KERNEL_MINOR_VERSION,
                          .max_write = 4096}};
        if (in.opcode == FUSE_INIT)
            out.head = (struct fuse_out_header){.len = sizeof out, .unique = in.unique};
        else
            nanosleep(&(struct timespec){.tv_nsec = 1000000 * LATE_MS}, NULL);
        if (in.opcode != FUSE_FORGET && in.opcode != FUSE_BATCH_FORGET)
            (void)!write(fd, &out, out.head.len);
    }
    return NULL;
}

static int ask_many(const char *point)
{
    int in_time = 0;
    for (int i = 0; i < LATE_FILES; i++) {
        char path[sizeof folder + 32];
        struct stat st;
        struct err e;
        snprintf(path, sizeof path, "%s/key%d", point, i);
        assert_false(file_stat(path, &st, &e));
        in_time += strstr(e.text, strerror(ENOENT)) != NULL;
    }
    return in_time;
}

/* Also after a failure, or nothing could end the program. */
static int unmount_late(void **state)
{
    char point[sizeof folder + 16];
    (void)state;
    snprintf(point, sizeof point, "%s/late", folder);
    umount2(point, MNT_FORCE | MNT_DETACH);
    return 0;
}

/* Each file is answered in time; before a loop all are waited for, in it the sum is bounded. */
static void test_late_mount(void **state)
{
    (void)state;
    char point[sizeof folder + 16];
    pthread_t thread;
    snprintf(point, sizeof point, "%s/late", folder);
    assert_int_equal(mkdir(point, 0700), 0);
    int fd = mount_dead(point);
    if (fd < 0) {
        rmdir(point);
        print_message("no mount can be made here: not shown\n");
        return;
    }
    assert_int_equal(pthread_create(&thread, NULL, answer_late, &fd), 0);
    assert_int_equal(ask_many(point), LATE_FILES);
    file_bound_waits();
    int64_t began = clock_mono_ms();
    int in_time = ask_many(point);
    int64_t back = (clock_mono_ms() - began) / FILE_WAIT_SHARE / LATE_MS;
    assert_in_range(in_time, 1, MOST_IN_TIME + back);
    unmount_late(NULL);
    pthread_join(thread, NULL);
    close(fd);
    rmdir(point);
}

static int teardown(void **state)
{
    (void)state;
    static const char *const names[] = {"regular", "fifo", "beside"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(in_folder(names[i]));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_regular),
                                       cmocka_unit_test(test_others),
                                       cmocka_unit_test(test_dead_mount),
                                       cmocka_unit_test_teardown(test_late_mount, unmount_late)};
    if (!mkdtemp(folder))
        return 1;
    return cmocka_run_group_tests_name("file", tests, NULL, teardown);
}
