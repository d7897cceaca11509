/* SPDX-License-Identifier: MIT
 * What the management commands are made of: lists of ids, chunks, the file of --resume
 * (ids, manage_chunk, manage_args, manage_table, resume). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/manage/manage.h"
#include "cli/manage/resume.h"

#define DEVICE "a64ae296f3b04a58a05b30c900000001"

/* --- ids ------------------------------------------------------------------------------------- */

static void ids_are_kept_once_in_order(void **state)
{
    const struct ids_form form = {.id = ID_ALIAS};
    char text[16];
    struct ids ids;
    struct buf joined;
    struct err e;
    (void)state;
    ids_init(&ids);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 5000; i++) {
            snprintf(text, sizeof text, "a%d", i);
            assert_true(ids_add(&ids, &form, text, &e));
        }
    assert_int_equal(ids.n, 5000);
    assert_int_equal(ids.repeated, 5000);
    assert_string_equal(ids_get(&ids, 4999), "a4999");
    buf_init(&joined, 100);
    ids_join(&ids, 7, 3, &joined);
    assert_string_equal(buf_text(&joined), "a7,a8,a9");
    buf_free(&joined);
    ids_free(&ids);
}

static bool add_text(struct ids *ids, enum action_id id, const char *content, size_t len,
                     struct err *e)
{
    char path[] = "/tmp/pb-ids-XXXXXX";
    const struct ids_form form = {.id = id};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, len), len);
    close(fd);
    bool ok = ids_add_file(ids, &form, path, e);
    unlink(path);
    return ok;
}

static void files_are_read_by_lines(void **state)
{
    static const struct {
        const char *content;
        size_t n;
        const char *error; /* behind "path:"; NULL: fine */
    } rows[] = {
        {"a\nb\r\n\n  c \t\na\n", 3, NULL},
        {"a\nb", 2, NULL},
        {"", 0, NULL},
        {"a\nb,c\nd\n", 1, "2: holds a comma, which separates ids"},
        {"a\n\xff\n", 1, "2: not UTF-8"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ids ids;
        struct err e = {""};
        ids_init(&ids);
        bool ok = add_text(&ids, ID_ALIAS, rows[i].content, strlen(rows[i].content), &e);
        assert_int_equal(ok, !rows[i].error);
        assert_int_equal(ids.n, rows[i].n);
        if (!ok)
            assert_string_equal(strchr(e.text, ':') + 1, rows[i].error);
        ids_free(&ids);
    }
}

static void bad_lines_are_named(void **state)
{
    static char line[IDS_LINE_MAX + 2];
    struct ids ids;
    struct err e;
    (void)state;
    ids_init(&ids);
    assert_false(add_text(&ids, ID_DEVICE, DEVICE "\nx1\n", 36, &e));
    assert_non_null(strstr(e.text, ":2: 2 bytes: a device id has 32"));
    assert_false(add_text(&ids, ID_ALIAS, "a\0b\n", 4, &e));
    assert_non_null(strstr(e.text, ":1: holds a NUL"));
    memset(line, 'x', sizeof line - 1);
    assert_false(add_text(&ids, ID_ALIAS, line, sizeof line - 1, &e));
    assert_non_null(strstr(e.text, ":1: longer than 4096 bytes"));
    const struct ids_form form = {.id = ID_ALIAS};
    assert_false(ids_add_file(&ids, &form, "/nowhere/at/all", &e));
    assert_string_equal(e.text, "/nowhere/at/all: No such file or directory");
    assert_int_equal(ids.n, 1);
    ids_free(&ids);
}

/* --- arguments ------------------------------------------------------------------------------- */

enum { WORDS_MAX = 12, NOW_MS = 1000 * 1000 * 1000 };

int64_t __wrap_clock_wall_ms(void);
int64_t __wrap_clock_wall_ms(void)
{
    return NOW_MS;
}

static const struct args_command *find_group(const char *name)
{
    for (size_t i = 0; i < MANAGE_GROUPS; i++)
        if (strcmp(manage_groups[i].name, name) == 0)
            return &manage_groups[i];
    return NULL;
}

static enum args_end parse(struct manage_args *a, const char *words)
{
    static char text[512], *argv[WORDS_MAX + 1];
    char *save = NULL;
    int argc = 0;
    snprintf(text, sizeof text, "%s", words);
    for (char *w = strtok_r(text, " ", &save); w && argc < WORDS_MAX;
         w = strtok_r(NULL, " ", &save))
        argv[argc++] = w;
    argv[argc] = NULL;
    struct err e;
    return args_parse(find_group(argv[0]), argc, argv, a, &e);
}

static void arguments(void **state)
{
    static const struct {
        const char *words;
        enum args_end code;
    } rows[] = {
        {"tag bind --tag a,b --key-type device " DEVICE, ARGS_RUN},
        {"tag bind --key-type DEVICE " DEVICE, ARGS_WRONG},
        {"tag bind --tag a " DEVICE, ARGS_WRONG},
        {"tag bind --tag a --key-type DEVICE", ARGS_WRONG},
        {"tag bind --tag a --key-type DEVICE short", ARGS_WRONG},
        {"tag bind --tag a --key-type ACCOUNT short", ARGS_RUN},
        {"tag bind --tag a --key-type PHONE 1", ARGS_WRONG},
        {"tag bind --alias a --tag a --key-type ALIAS 1", ARGS_WRONG},
        {"tag rm --tag a b", ARGS_WRONG},
        {"tag rm a b", ARGS_RUN},
        {"tag ls", ARGS_RUN},
        {"tag ls x", ARGS_WRONG},
        {"tag ls --resume f", ARGS_WRONG},
        {"tag ls --limit 5", ARGS_WRONG},
        {"tag blind x", ARGS_WRONG},
        {"alias unbind " DEVICE, ARGS_WRONG},
        {"alias unbind --all " DEVICE, ARGS_RUN},
        {"alias unbind --alias a " DEVICE, ARGS_RUN},
        {"alias unbind --alias a --all " DEVICE, ARGS_WRONG},
        {"push cancel 12345678901234567", ARGS_RUN},
        {"push cancel x", ARGS_WRONG},
        {"push records --since 2h --until now --type notice --source API", ARGS_RUN},
        {"push records --since yesterday", ARGS_WRONG},
        {"push records --limit 0", ARGS_WRONG},
        {"push records --source NOWHERE", ARGS_WRONG},
        {"app check", ARGS_RUN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct manage_args a;
        enum args_end code = parse(&a, rows[i].words);
        if (code != rows[i].code)
            fail_msg("%s: %d", rows[i].words, code);
        manage_args_end(&a);
    }
}

static void times_are_relative_or_absolute(void **state)
{
    struct manage_args a;
    (void)state;
    assert_int_equal(parse(&a, "push records --since 2h --until 1970-01-12T13:00:00+01:00"),
                     ARGS_RUN);
    assert_string_equal(params_get(&a.fixed, "StartTime"), "1970-01-12T11:46:40Z");
    assert_string_equal(params_get(&a.fixed, "EndTime"), "1970-01-12T12:00:00Z");
    manage_args_end(&a);
    assert_int_equal(parse(&a, "push records"), ARGS_RUN);
    assert_string_equal(params_get(&a.fixed, "StartTime"), "1970-01-11T13:46:40Z");
    assert_string_equal(params_get(&a.fixed, "EndTime"), "1970-01-12T13:46:40Z");
    manage_args_end(&a);
}

static void check_verb(const struct args_command *c, const struct args *given)
{
    const struct manage_row *r = given->verb->own;
    const struct action_row *a = actions_find(r->action);
    assert_string_equal(r->group, c->name);
    assert_non_null(a);
    assert_true(!r->list || actions_param(a, r->list));
    assert_true(!r->many || actions_param(a, r->many)->list_max);
    for (size_t i = 0; i < c->noptions; i++) {
        const struct args_option *o = &c->options[i];
        if (o->read != manage_read_setting || !args_takes(given, o))
            continue;
        const struct manage_setting *s = o->own;
        assert_non_null(actions_param(a, s->param));
        assert_int_equal(s->kind == SETTING_MANY, r->many && strcmp(r->many, s->param) == 0);
    }
}

/* Each verb's parameters exist, those of its options too, and its action is one of the table. */
static void every_command_has_its_action(void **state)
{
    (void)state;
    for (size_t i = 0; i < MANAGE_GROUPS; i++)
        for (size_t k = 0; k < manage_groups[i].nverbs; k++)
            check_verb(&manage_groups[i], &(const struct args){.command = &manage_groups[i],
                                                               .verb = &manage_groups[i].verbs[k]});
}

/* --- chunks ---------------------------------------------------------------------------------- */

static void add_numbers(struct ids *ids, size_t n)
{
    const struct ids_form form = {.id = ID_TAG};
    char text[24];
    for (size_t i = 0; i < n; i++) {
        snprintf(text, sizeof text, "%zu", i);
        assert_true(ids_add(ids, &form, text, NULL));
    }
}

/* Every pair of a key and a tag goes out once, and no call is over a limit. */
static void chunks_cover_all_pairs_once(void **state)
{
    static const struct {
        size_t keys, tags, calls;
    } rows[] = {{1, 1, 1},     {1000, 10, 1},  {1001, 10, 2}, {1000, 11, 2},
                {2500, 25, 9}, {12000, 1, 12}, {1, 31, 4}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static unsigned char seen[12000 * 2 + 2500 * 25];
        struct manage_args a = {.row = find_group("tag")->verbs[0].own,
                                .action = actions_find("BindTag")};
        ids_init(&a.list);
        ids_init(&a.many);
        add_numbers(&a.list, rows[i].keys);
        add_numbers(&a.many, rows[i].tags);
        assert_int_equal(manage_calls(&a), rows[i].calls);
        memset(seen, 0, sizeof seen);
        for (size_t k = 0; k < rows[i].calls; k++) {
            struct manage_chunk c = manage_chunk(&a, k);
            assert_in_range(c.n, 1, 1000);
            assert_in_range(c.many_n, 1, 10);
            for (size_t x = c.first; x < c.first + c.n; x++)
                for (size_t y = c.many_first; y < c.many_first + c.many_n; y++)
                    seen[x * rows[i].tags + y]++;
        }
        for (size_t k = 0; k < rows[i].keys * rows[i].tags; k++)
            assert_int_equal(seen[k], 1);
        ids_free(&a.list);
        ids_free(&a.many);
    }
}

/* --- the file of --resume -------------------------------------------------------------------- */

static void resume_remembers(void **state)
{
    char path[] = "/tmp/pb-resume-XXXXXX", one[65], two[65];
    struct resume r, other;
    struct err e;
    size_t done;
    (void)state;
    close(mkstemp(path));
    unlink(path);
    memset(one, '1', 64);
    memset(two, '2', 64);
    one[64] = two[64] = '\0';
    assert_true(resume_open(&r, path, one, &done, &e));
    assert_int_equal(done, 0);
    assert_true(resume_save(&r, 41, &e));
    assert_false(resume_open(&other, path, one, &done, &e));
    assert_non_null(strstr(e.text, "another run is using it"));
    resume_close(&r, false);
    assert_false(resume_open(&r, path, two, &done, &e));
    assert_non_null(strstr(e.text, "belongs to another command or another list"));
    assert_true(resume_open(&r, path, one, &done, &e));
    assert_int_equal(done, 41);
    resume_close(&r, true);
    assert_int_equal(access(path, F_OK), -1);
    assert_true(resume_open(&r, NULL, one, &done, &e));
    assert_true(resume_save(&r, 1, &e));
    resume_close(&r, true);
}

static void resume_leaves_foreign_files_alone(void **state)
{
    static const char *const contents[] = {"important", "pushbridge-resume 1 zz 3\n",
                                           "pushbridge-resume 2 00 00000000000000000003\n"};
    char digest[65], again[64];
    (void)state;
    memset(digest, '0', 64);
    digest[64] = '\0';
    for (size_t i = 0; i < 3; i++) {
        char path[] = "/tmp/pb-resume-XXXXXX";
        struct resume r;
        struct err e;
        size_t done, len = strlen(contents[i]);
        int fd = mkstemp(path);
        assert_int_equal(write(fd, contents[i], len), len);
        assert_false(resume_open(&r, path, digest, &done, &e));
        assert_non_null(strstr(e.text, "not a file of --resume"));
        assert_int_equal(pread(fd, again, sizeof again, 0), len);
        assert_memory_equal(again, contents[i], len);
        close(fd);
        unlink(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_kept_once_in_order),
        cmocka_unit_test(files_are_read_by_lines),
        cmocka_unit_test(bad_lines_are_named),
        cmocka_unit_test(arguments),
        cmocka_unit_test(times_are_relative_or_absolute),
        cmocka_unit_test(every_command_has_its_action),
        cmocka_unit_test(chunks_cover_all_pairs_once),
        cmocka_unit_test(resume_remembers),
        cmocka_unit_test(resume_leaves_foreign_files_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
