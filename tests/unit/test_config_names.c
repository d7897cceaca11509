/* SPDX-License-Identifier: MIT
 * Names that would mean one key of Redis twice (config_names), and what of a configuration nobody
 * may read (config_secrets). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/said.h"
#include "base/secrets.h"
#include "base/text.h"
#include "config/config_names.h"
#include "queue/queue_tool.h"

enum { VARIABLES = 12 };

/* A tool's configuration out of "NAME=value" texts. */
static bool load(const char *const *vars, struct config *c, struct err *e)
{
    char *env[VARIABLES + 1] = {0};
    for (size_t i = 0; vars[i]; i++)
        env[i] = mem_strdup(vars[i]);
    bool ok = config_load_tool(NULL, env, c, e);
    for (size_t i = 0; env[i]; i++)
        mem_free(env[i]);
    return ok;
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *vars[5];
        const char *message;
    } rows[] = {
        {{"PUSHBRIDGE_QUEUE_NAMES=push,{push}"},
         "keys of the queue \"push\" and keys of the queue \"{push}\" overlap: \"{push}:due\""},
        {{"PUSHBRIDGE_QUEUE_NAMES=a,{a}:due"}, "the queue \"{a}:due\" overlap"},
        {{"PUSHBRIDGE_QUEUE_NAMES=a,{a}:inbox"}, "overlap: \"{a}:inbox:due\""},
        {{"PUSHBRIDGE_QUEUE_NAMES=a,{a}:seen:x"}, "overlap: \"{a}:seen:x\""},
        {{"PUSHBRIDGE_QUEUE_NAMES=a,b", "PUSHBRIDGE_QUEUE_DEAD={b}:control"},
         "queue.dead of \"a\" and keys of the queue \"b\" overlap: \"{b}:control\""},
        {{"PUSHBRIDGE_QUEUE_NAMES=a,b", "PUSHBRIDGE_QUEUE_RESULTS={%q}:parked:x"},
         "queue.results of \"a\" and keys of the queue \"a\" overlap"},
        {{"PUSHBRIDGE_QUEUE_NAMES=a,b", "PUSHBRIDGE_QUEUE_RESULTS=%q:x",
          "PUSHBRIDGE_QUEUE_DEAD=b:x"},
         "queue.dead"},
        {{"PUSHBRIDGE_QUEUE_NAMES=a,a:x", "PUSHBRIDGE_QUEUE_RESULTS=%q:x"}, "queue.results"},
        {{"PUSHBRIDGE_QUEUE_NAMES=b,a:x", "PUSHBRIDGE_QUEUE_DEAD=a:%q"}, NULL},
        {{"PUSHBRIDGE_QUEUE_NAMES=b,a:b", "PUSHBRIDGE_QUEUE_DEAD=a:%q"}, "queue.dead"},
        {{"PUSHBRIDGE_REPLY_PREFIX=push:"}, "the queue \"push:jobs\" and reply.prefix \"push:\""},
        {{"PUSHBRIDGE_REPLY_PREFIX=push:dead"}, "queue.dead of \"push:jobs\" and reply.prefix"},
        {{"PUSHBRIDGE_REPLY_PREFIX=push:res"}, "queue.results of \"push:jobs\" and reply.prefix"},
        {{"PUSHBRIDGE_REPLY_PREFIX={"}, "overlap"},
        {{"PUSHBRIDGE_REPLY_PREFIX={push:jobs}:"}, "overlap"},
        {{"PUSHBRIDGE_REPLY_PREFIX={push:jobs}:r"}, "overlap: \"{push:jobs}:run\""},
        {{"PUSHBRIDGE_REPLY_PREFIX={push:jobs}:inbox:w"}, "overlap: \"{push:jobs}:inbox:\""},
        {{"PUSHBRIDGE_QUEUE_NAMES=a,b", "PUSHBRIDGE_QUEUE_RESULTS=%q:out",
          "PUSHBRIDGE_REPLY_PREFIX=b:"},
         "queue.results of \"b\" and reply.prefix \"b:\" overlap: \"b:out\""},
        {{"PUSHBRIDGE_REPLY_PREFIX=push:dead:"}, NULL},
        {{"PUSHBRIDGE_REPLY_PREFIX={push:jobs}:reply:"}, NULL},
        {{"PUSHBRIDGE_QUEUE_NAMES=a,b"}, NULL},
        {{"PUSHBRIDGE_QUEUE_NAMES=a,b", "PUSHBRIDGE_QUEUE_RESULTS={%q}:results",
          "PUSHBRIDGE_QUEUE_DEAD={%q}:dead"},
         NULL},
        {{"PUSHBRIDGE_QUEUE_NAMES=a,{a}b,{a}c"}, NULL},
        {{"PUSHBRIDGE_REDIS_URL=redis+cluster://h", "PUSHBRIDGE_QUEUE_NAMES=a,{a}b"}, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config c;
        struct err e = {""};
        bool ok = load(rows[i].vars, &c, &e);
        if (ok)
            config_free(&c);
        if (ok != !rows[i].message || (!ok && !strstr(e.text, rows[i].message)))
            fail_msg("%s: %s", rows[i].vars[0], e.text);
    }
}

/* Whether replies may go to lists whose names begin so. */
static bool may_begin_replies(const char *prefix)
{
    char text[128];
    struct config c;
    struct err e = {""};
    snprintf(text, sizeof text, "PUSHBRIDGE_REPLY_PREFIX=%s", prefix);
    bool ok = load((const char *const[]){text, NULL}, &c, &e);
    if (ok)
        config_free(&c);
    assert_true(ok || strstr(e.text, "overlap"));
    return ok;
}

static void assert_known(void *prefix, const char *key)
{
    if (text_starts(key, prefix) && may_begin_replies(key))
        fail_msg("%s is not in the table", key);
}

/* A key that a queue begins to use belongs into the table. */
static void every_key_of_a_queue(void **state)
{
    (void)state;
    char prefix[] = "{push:jobs}:";
    const struct queue_opts opts = {
        .name = "push:jobs", .results = "r", .dead = "d", .worker = "w", .digest = "x"};
    struct event_base *base = event_base_new();
    struct queue *q = queue_new(base, NULL, NULL, &opts);
    queue_each_key(q, "name", assert_known, prefix);
    queue_free(q);
    event_base_free(base);
    assert_false(may_begin_replies("{push:jobs}:control") || may_begin_replies("{push:jobs}:flow"));
    assert_false(may_begin_replies("{push:jobs}:inbox:w"));
    assert_true(may_begin_replies("{push:jobs}:results"));
}

/* What a reply could be written to is none of the worker's own keys. */
static void no_reply_is_a_key(void **state)
{
    (void)state;
    static const char *const prefixes[] = {"push:reply:", "{push:jobs}:reply:", "r", "push:j",
                                           "push:dea",    "{push:jobs}:d",      "{"};
    static const char *const keys[] = {"push:jobs",          "push:results",
                                       "push:dead",          "{push:jobs}:due",
                                       "{push:jobs}:inbox:", "{push:jobs}:control"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        char text[64];
        struct config c;
        struct err e;
        snprintf(text, sizeof text, "PUSHBRIDGE_REPLY_PREFIX=%s", prefixes[i]);
        if (!load((const char *const[]){text, NULL}, &c, &e))
            continue;
        for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++)
            assert_false(text_starts(keys[k], c.job_limits.reply_prefix));
        config_free(&c);
    }
}

static void secrets_are_known(void **state)
{
    (void)state;
    char secret_file[] = "/tmp/pb-secret-XXXXXX", from_file[64];
    int fd = mkstemp(secret_file);
    struct config c;
    struct err e;
    assert_int_equal(write(fd, "sentinel-word-of-file\n", 22), 22);
    close(fd);
    snprintf(from_file, sizeof from_file, "PUSHBRIDGE_REDIS_SENTINEL_PASSWORD_FILE=%s",
             secret_file);
    const char *const vars[] = {"PUSHBRIDGE_REDIS_URL=redis+sentinel://redis-user:p%40ssword@h/m",
                                "PUSHBRIDGE_REDIS_SENTINEL_USERNAME=sentinel-user",
                                from_file,
                                "PUSHBRIDGE_ALIYUN_PROXY=http://proxy-user:proxy-word@h:1",
                                "PREQ_ACCESS_KEY_ID=id",
                                "PREQ_ACCESS_KEY_SECRET=key-secret-word",
                                "ALIBABA_CLOUD_SECURITY_TOKEN=token-word-of-sts",
                                NULL};
    static const char *const planted[] = {
        "redis-user", "p%40ssword", "p@ssword",        "sentinel-user",     "sentinel-word-of-file",
        "proxy-user", "proxy-word", "key-secret-word", "token-word-of-sts",
    };
    secrets_forget();
    assert_true(load(vars, &c, &e));
    for (size_t i = 0; i < sizeof planted / sizeof planted[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "he said '%s'", planted[i]);
        said_keep(text, strlen(text));
        assert_string_equal(text, "he said '***'");
    }
    config_free(&c);
    unlink(secret_file);
    secrets_forget();
}

/* A password where a path belongs is not repeated. */
static void no_echo_of_a_path(void **state)
{
    (void)state;
    struct config c;
    struct err e;
    assert_false(
        load((const char *const[]){"PUSHBRIDGE_REDIS_PASSWORD_FILE=hunter2hunter2", NULL}, &c, &e));
    assert_null(strstr(e.text, "hunter2"));
    assert_non_null(strstr(e.text, "PUSHBRIDGE_REDIS_PASSWORD_FILE: names no file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),           cmocka_unit_test(every_key_of_a_queue),
        cmocka_unit_test(no_reply_is_a_key), cmocka_unit_test(secrets_are_known),
        cmocka_unit_test(no_echo_of_a_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
