/* SPDX-License-Identifier: MIT
 * What a configuration may hold at most is what the arrays have room for: one more is refused with
 * the limit, whichever source it came from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/config.h"
#include "fleet/limits.h"
#include "queue/queue.h"

enum { TEXT_SIZE = 256 * 1024, NAME_SIZE = 65, ENV_SIZE = 8 };
#define KEYS "PREQ_ACCESS_KEY_ID=id", "PREQ_ACCESS_KEY_SECRET=secret"

static char path[] = "/tmp/pb-maxima-XXXXXX";

static int setup(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
    (void)state;
    return unlink(path);
}

static void write_file(const struct buf *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(buf_ok(text));
    fputs(buf_text(text), f);
    assert_int_equal(fclose(f), 0);
}

/* As long as a name may be, so that what is made of it is. */
static void long_name(const char *kind, size_t i, char out[NAME_SIZE])
{
    memset(out, 'n', NAME_SIZE - 1);
    out[NAME_SIZE - 1] = '\0';
    int n = snprintf(out, NAME_SIZE, "%s-%02zu-", kind, i);
    out[n] = 'n';
}

static void add_apps(struct buf *b, size_t n)
{
    char name[NAME_SIZE];
    buf_puts(b, "apps = (");
    for (size_t i = 0; i < n; i++) {
        long_name("app", i, name);
        buf_printf(b, "%s{ name = \"%s\"; app_key = \"%zu\"; account = \"%s\"; title = \"",
                   i ? "," : "", name, 1000 + i, name);
        for (size_t k = 0; k < 200; k++)
            buf_puts(b, "\\\""); /* two bytes each where it is JSON */
        buf_puts(b, "\"; }");
    }
    buf_puts(b, ");\n");
}

static void add_groups(struct buf *b, size_t n)
{
    char name[NAME_SIZE], app[NAME_SIZE];
    buf_puts(b, "groups = (");
    for (size_t i = 0; i < n; i++) {
        long_name("group", i, name);
        buf_printf(b, "%s{ name = \"%s\"; apps = [", i ? "," : "", name);
        for (size_t k = 0; k < CONFIG_GROUP_MAX; k++) {
            long_name("app", (i + k) % CONFIG_APPS_MAX, app);
            buf_printf(b, "%s\"%s\"", k ? "," : "", app);
        }
        buf_puts(b, "]; }");
    }
    buf_puts(b, ");\n");
}

static bool load(size_t apps, size_t groups, const char *more, struct config *c, struct err *e)
{
    static char store[ENV_SIZE][8192];
    const char *const vars[] = {KEYS, more};
    char *env[ENV_SIZE + 1] = {NULL};
    struct buf text;
    buf_init(&text, TEXT_SIZE);
    if (apps)
        add_apps(&text, apps);
    if (groups)
        add_groups(&text, groups);
    write_file(&text);
    buf_free(&text);
    for (size_t i = 0; i < sizeof vars / sizeof vars[0] && vars[i]; i++) {
        snprintf(store[i], sizeof store[i], "%s", vars[i]);
        env[i] = store[i];
    }
    e->text[0] = '\0';
    return config_load(path, env, c, e);
}

static void load_ok(size_t apps, size_t groups, const char *more, struct config *c)
{
    struct err e;
    if (!load(apps, groups, more, c, &e))
        fail_msg("refused: %s", e.text);
}

static void assert_refused(size_t apps, size_t groups, const char *more, const char *why)
{
    struct config c;
    struct err e;
    assert_false(load(apps, groups, more, &c, &e));
    if (!strstr(e.text, why))
        fail_msg("%s\nsays not: %s", e.text, why);
}

static void as_many_apps_as_there_is_room_for(void **state)
{
    (void)state;
    struct config c;
    load_ok(CONFIG_APPS_MAX, 0, NULL, &c);
    assert_int_equal(c.napps, CONFIG_APPS_MAX);
    config_free(&c);
    load_ok(CONFIG_APPS_MAX - 1, 0, "PREQ_APP_KEY=23456789", &c);
    assert_int_equal(c.napps, CONFIG_APPS_MAX);
    config_free(&c);
    assert_refused(CONFIG_APPS_MAX + 1, 0, NULL, "apps: 65 elements, at most 64");
}

/* From every source that the key of the app `default` may have. */
static void the_default_app_counts(void **state)
{
    static const char *const keys[] = {"PREQ_APP_KEY=23456789", "PUSHBRIDGE_APP_KEY=23456789",
                                       "PUSHBRIDGE_ALIYUN_APP_KEY=23456789"};
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        assert_refused(CONFIG_APPS_MAX, 0, keys[i],
                       "app \"default\" beside 64 in the list of apps, at most 64 in all");
}

static void as_many_groups_as_there_is_room_for(void **state)
{
    (void)state;
    struct config c;
    load_ok(CONFIG_APPS_MAX, CONFIG_GROUPS_MAX, NULL, &c);
    assert_int_equal(c.ngroups, CONFIG_GROUPS_MAX);
    config_free(&c);
    assert_refused(CONFIG_APPS_MAX, CONFIG_GROUPS_MAX + 1, NULL, "groups: 65 elements, at most 64");
}

static void as_many_queues_as_there_is_room_for(void **state)
{
    (void)state;
    struct config c;
    struct buf names;
    buf_init(&names, 4096);
    buf_puts(&names, "PUSHBRIDGE_QUEUE_NAMES=");
    for (size_t i = 0; i < CONFIG_QUEUES_MAX; i++)
        buf_printf(&names, "%sq%zu", i ? "," : "", i);
    load_ok(1, 0, buf_text(&names), &c);
    assert_int_equal(c.nqueues, CONFIG_QUEUES_MAX);
    config_free(&c);
    buf_puts(&names, ",q16");
    assert_refused(1, 0, buf_text(&names), "more than 16 queues");
    buf_free(&names);
}

/* Every bucket has room for its name, and is told from all others. */
static void buckets_of_all_apps(void **state)
{
    (void)state;
    struct config c;
    struct limit_setting *limits = mem_zalloc(FLEET_LIMITS_MAX * sizeof *limits);
    load_ok(CONFIG_APPS_MAX, 0, NULL, &c);
    assert_int_equal(limits_of_config(&c, limits, NULL), FLEET_LIMITS_MAX);
    for (size_t i = 0; i < FLEET_LIMITS_MAX; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(limits[i].name, limits[k].name);
    config_free(&c);
    mem_free(limits);
}

/* A list's name that is the queue's over and over is never cut: a cut one could be another's. */
static void list_names_are_whole(void **state)
{
    (void)state;
    char text[257], *queue = mem_zalloc(4097);
    memset(queue, 'q', 4096);
    for (size_t i = 0; i < 128; i++)
        memcpy(text + 2 * i, "%q", 3);
    char *key = config_queue_key(text, queue);
    assert_int_equal(strlen(key), 128 * 4096);
    mem_free(key);
    mem_free(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_apps_as_there_is_room_for),
        cmocka_unit_test(the_default_app_counts),
        cmocka_unit_test(as_many_groups_as_there_is_room_for),
        cmocka_unit_test(as_many_queues_as_there_is_room_for),
        cmocka_unit_test(buckets_of_all_apps),
        cmocka_unit_test(list_names_are_whole),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
