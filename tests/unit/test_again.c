/* SPDX-License-Identifier: MIT
 * Is a call that may be out the same, made anew under another configuration (I3e)? No I/O. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "pipeline/again.h"
#include "pipeline/shared/shared_call.h"
#include "queue/queue_core.h"
#include "support/worker_config.h"

enum { T0 = 1000000, NOW = 2000000 };
enum { ONE, SAME, TEXT, TITLE, LIMITS, GROUP, CONFIGS };

static struct config configs[CONFIGS];

static char queue_name_text[] = "jobs", prefix_text[] = "{jobs}";
static struct queue queue = {.name = queue_name_text, .prefix = prefix_text};
static struct queue_lease lease = {.queue = &queue};

#define FILE_OF(title, text, other, apps)                                                          \
    "apps = ( { name = \"default\";" title                                                         \
    " }, { name = \"shop\"; app_key = \"2\"; title = \"" other                                     \
    "\"; } );\ngroups = ( { name = \"both\"; apps = \"" apps "\"; } );\n"                          \
    "templates = ( { code = \"A\"; message = \"" text "\"; } );\n"

static int load(void **state)
{
    (void)state;
    static const char *const files[CONFIGS] = {
        [ONE] = FILE_OF("", "first", "s", "default,shop"),
        [SAME] = FILE_OF("ttl_s = 77;", "first", "other", "default,shop"),
        [TEXT] = FILE_OF("", "second", "s", "default,shop"),
        [TITLE] = FILE_OF("title = \"x\";", "first", "s", "default,shop"),
        [LIMITS] = FILE_OF("", "first", "s", "default,shop"),
        [GROUP] = FILE_OF("", "first", "s", "shop,default"),
    };
    for (size_t i = 0; i < CONFIGS; i++) {
        const char *const vars[] = {
            i == LIMITS ? "PUSHBRIDGE_LIMITS_ACCOUNTS=3" : "PUSHBRIDGE_LIMITS_ACCOUNTS=2", NULL};
        worker_config_load(&configs[i], 0, 0, vars, files[i]);
    }
    return 0;
}

static int unload(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONFIGS; i++)
        config_free(&configs[i]);
    return 0;
}

/* What a worker under one configuration gets of a job that it or another one held before. */
static void read_under(struct flight *f, int config, const char *job, const char *envelope,
                       int holder, bool marks)
{
    struct err e = {""};
    struct refusal why;
    const struct queue_claim claim = {.lease = &lease,
                                      .batch = "BATCHBATCHBATCH1",
                                      .t0_ms = T0,
                                      .now_ms = NOW,
                                      .digest = configs[holder < 0 ? config : holder].digest,
                                      .marks = holder < 0 || !marks ? "" : configs[holder].marks};
    const struct queue_member m = {.taken_over = holder >= 0,
                                   .envelope = envelope,
                                   .envelope_len = strlen(envelope),
                                   .bytes = job,
                                   .len = strlen(job)};
    assert_true(flight_init(f, &claim, &m, &e));
    f->config = &configs[config];
    if (!flight_read(f, f->config, &why))
        fail_msg("%s", why.err.text);
    assert_true(flight_next_call(f));
    again_compare_configs(f, claim.digest, claim.marks);
}

static char *envelope_of(struct flight *f)
{
    struct buf b;
    buf_init(&b, 65536);
    again_keep_begun(f);
    envelope_write(&f->env, &b);
    flight_free(f);
    return buf_take(&b);
}

/* Its call went unanswered under a configuration, after the first n of its parts had been sent. */
static char *left_open(int config, const char *job, unsigned n)
{
    static const struct reply sent = {.class = REPLY_SENT, .message_id = "m", .request_id = "r"};
    struct flight f;
    read_under(&f, config, job, "", -1, false);
    while (n--) {
        flight_record_sent(&f, &sent);
        assert_true(flight_next_call(&f));
    }
    f.env.unanswered = flight_part_bit(&f);
    f.env.first_sent_ms = NOW;
    again_keep_content(f.call);
    return envelope_of(&f);
}

static void expect_same(struct flight *f, const char *another)
{
    bool differs = again_is_another(f->call);
    if (differs != (another != NULL) || (another && !strstr(f->call->another, another)))
        fail_msg("%s: %s", another ? another : "same",
                 f->call->another ? f->call->another : "same");
    if (another && strncmp(another, "and", 3) != 0)
        assert_non_null(strstr(f->call->another, f->config->digest));
}

#define LITERAL "{\"id\":\"l\",\"message\":\"m\",\"school\":\"s\"}"
#define TEMPLATE "{\"id\":\"t\",\"code\":\"A\",\"school\":\"s\"}"
#define FIVE                                                                                       \
    "{\"id\":\"f\",\"code\":\"A\",\"target\":{\"account\":[\"a\",\"b\",\"c\",\"d\",\"e\"]}}"
#define BOTH "{\"id\":\"g\",\"code\":\"A\",\"app\":\"both\",\"school\":\"s\"}"

/* What an envelope says of a call's content is what counts. */
static void test_unanswered(void **state)
{
    (void)state;
    static const struct {
        const char *job;
        unsigned out;
        int config;
        const char *another;
    } rows[] = {
        {LITERAL, 0, ONE, NULL},
        {LITERAL, 0, SAME, NULL},
        {LITERAL, 0, TEXT, NULL},
        {LITERAL, 0, TITLE, "it is another: Title"},
        {LITERAL, 0, LIMITS, NULL},
        {TEMPLATE, 0, SAME, NULL},
        {TEMPLATE, 0, TEXT, "it is another: Body"},
        {TEMPLATE, 0, TITLE, NULL},
        {FIVE, 0, LIMITS, NULL}, /* it keeps the parts that it began with */
        {FIVE, 1, LIMITS, NULL},
        {FIVE, 2, TEXT, "it is another: Body"},
        {BOTH, 0, GROUP, NULL},
        {BOTH, 1, GROUP, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct flight f;
        char *envelope = left_open(ONE, rows[i].job, rows[i].out);
        read_under(&f, rows[i].config, rows[i].job, envelope, -1, false);
        assert_int_equal(f.plan.calls[f.next].part, rows[i].out);
        expect_same(&f, rows[i].another);
        flight_free(&f);
        mem_free(envelope);
    }
}

/* Of what a lost worker did there is no word but its configuration's marks. */
static void test_taken_over(void **state)
{
    (void)state;
    static const struct {
        const char *job;
        int config;
        const char *another;
    } rows[] = {
        {LITERAL, ONE, NULL},
        {LITERAL, SAME, NULL},
        {LITERAL, TEXT, NULL},
        {LITERAL, TITLE, "it is another: app default"},
        {LITERAL, LIMITS, "it is another: limits"},
        {TEMPLATE, TEXT, "it is another: template A"},
        {FIVE, SAME, NULL},
        {BOTH, GROUP, "it is another: group both"},
        {BOTH, SAME, "it is another: app shop"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct flight f;
        read_under(&f, rows[i].config, rows[i].job, "", ONE, true);
        expect_same(&f, rows[i].another);
        flight_free(&f);
        /* without them nobody can tell */
        read_under(&f, rows[i].config, rows[i].job, "", ONE, false);
        expect_same(&f, rows[i].config == ONE ? NULL : "and whether it is the same under");
        flight_free(&f);
    }
}

/* Once it is known that they are the same, their content is kept, and no marks are needed. */
static void test_taken_over_and_left(void **state)
{
    (void)state;
    static const char *const jobs[] = {LITERAL, TEMPLATE, FIVE};
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        struct flight f;
        read_under(&f, SAME, jobs[i], "", ONE, true);
        assert_string_equal(f.env.begun.calls[0].config, configs[ONE].digest);
        assert_int_equal(f.env.begun.ncalls, f.plan.n);
        char *envelope = envelope_of(&f);
        read_under(&f, LIMITS, jobs[i], envelope, -1, false);
        for (f.next = 0; f.next < f.plan.n; f.next++)
            expect_same(&f, NULL);
        flight_free(&f);
        read_under(&f, TEXT, jobs[i], envelope, -1, false);
        expect_same(&f, i ? "it is another: Body" : NULL);
        flight_free(&f);
        mem_free(envelope);
    }
}

/* Its holder may have sent a call whose content an envelope of before that knows. */
static void test_known_and_taken_over(void **state)
{
    (void)state;
    struct flight f;
    char *envelope = left_open(ONE, FIVE, 0);
    read_under(&f, ONE, FIVE, envelope, TEXT, true);
    expect_same(&f, NULL); /* part 0 is what it was */
    f.next = 1;            /* and the next could be the other text's */
    expect_same(&f, "it is another: template A");
    flight_free(&f);
    mem_free(envelope);
}

/* The version before this one knows a configuration's digest only. */
static void test_of_the_version_before(void **state)
{
    (void)state;
    static const char form[] =
        "{\"uid\":\"l\",\"t0\":5,\"first_sent\":6,\"unanswered\":\"1\"%s%s%s}";
    static const struct {
        int config;
        const char *another;
    } rows[] = {{ONE, NULL}, {SAME, "and whether it is the same under"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[200];
        struct flight f;
        snprintf(text, sizeof text, form, ",\"digest\":\"", configs[ONE].digest, "\"");
        read_under(&f, rows[i].config, LITERAL, text, -1, false);
        expect_same(&f, rows[i].another);
        flight_free(&f);
        snprintf(text, sizeof text, form, "", "", "");
        read_under(&f, rows[i].config, LITERAL, text, -1, false);
        expect_same(&f, NULL);
        flight_free(&f);
    }
    /* and reads what we write: the digest of what was begun */
    char *envelope = left_open(TEXT, FIVE, 2);
    assert_non_null(strstr(envelope, configs[TEXT].digest));
    mem_free(envelope);
}

/* What is not out may come out as it likes. */
static void test_not_open(void **state)
{
    (void)state;
    struct flight f;
    char *envelope = left_open(ONE, FIVE, 1);
    read_under(&f, TITLE, FIVE, envelope, -1, false);
    f.env.unanswered = 0;
    begun_drop(&f.env.begun, 1);
    mem_free(envelope);
    envelope = envelope_of(&f);
    assert_non_null(strstr(envelope, "\"split\""));
    read_under(&f, TEXT, FIVE, envelope, -1, false);
    expect_same(&f, NULL);
    f.env.npushes = 0; /* nothing is out: nothing is kept */
    mem_free(envelope);
    envelope = envelope_of(&f);
    assert_null(strstr(envelope, "begun"));
    assert_null(strstr(envelope, "digest"));
    mem_free(envelope);
}

/* A new call takes its place, and is made as it comes. */
static void test_given_up(void **state)
{
    (void)state;
    struct flight f;
    char *envelope = left_open(ONE, TEMPLATE, 0);
    read_under(&f, TEXT, TEMPLATE, envelope, -1, false);
    expect_same(&f, "Body");
    f.env.unanswered = 0;
    again_forget(f.call);
    expect_same(&f, NULL);
    flight_free(&f);
    mem_free(envelope);
}

/* --- shared calls ---------------------------------------------------------------------------- */

#define TO(id) "{\"code\":\"A\",\"target\":{\"account\":[\"" id "\"]}}"

struct pair {
    struct flight f[2];
};

static void share(struct pair *p)
{
    struct grouping_call call = {.id = "c", .mass = true, .n = 2, .tasks = 2};
    struct call *c = shared_call_new(&call);
    for (unsigned i = 0; i < 2; i++)
        shared_add(c, &p->f[i], i);
}

static void read_pair(struct pair *p, int config, char *const *envelopes, int holder)
{
    static const char *const jobs[] = {TO("a"), TO("b")};
    for (size_t i = 0; i < 2; i++) {
        struct err e;
        const struct queue_claim claim = {.lease = &lease,
                                          .batch = "BATCHBATCHBATCH1",
                                          .digest = configs[holder].digest,
                                          .marks = configs[holder].marks};
        const struct queue_member m = {.pos = (unsigned)i,
                                       .taken_over = !envelopes,
                                       .envelope = envelopes ? envelopes[i] : "",
                                       .envelope_len = envelopes ? strlen(envelopes[i]) : 0,
                                       .bytes = jobs[i],
                                       .len = strlen(jobs[i])};
        assert_true(flight_init(&p->f[i], &claim, &m, &e));
        p->f[i].config = &configs[config];
    }
    share(p);
    for (size_t i = 0; i < 2; i++) {
        struct refusal why;
        assert_true(flight_read(&p->f[i], &configs[config], &why));
        again_compare_configs(&p->f[i], configs[holder].digest, configs[holder].marks);
    }
}

static void free_pair(struct pair *p)
{
    for (size_t i = 0; i < 2; i++)
        shared_leave(p->f[i].call);
    flight_free(&p->f[0]);
    flight_free(&p->f[1]);
}

static void expect_pair(struct pair *p, const char *another)
{
    struct call *c = p->f[0].call;
    bool differs = again_shared_differs(c);
    if (differs != (another != NULL) || (differs && !strstr(c->another, another)))
        fail_msg("%s: %s", another ? another : "same", c->another ? c->another : "same");
}

static void test_shared(void **state)
{
    (void)state;
    static const struct {
        int config;
        const char *lost, *open;
    } rows[] = {{ONE, NULL, NULL},
                {SAME, NULL, NULL},
                {TEXT, "it is another: template A", "it is another: Body"},
                {TITLE, "it is another: app default", NULL},
                {LIMITS, "it is another: limits", NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pair p;
        read_pair(&p, rows[i].config, NULL, ONE);
        expect_pair(&p, rows[i].lost);
        free_pair(&p);

        char *envelopes[2];
        read_pair(&p, ONE, NULL, ONE);
        expect_pair(&p, NULL); /* keeps the whole call's content with each */
        for (size_t k = 0; k < 2; k++) {
            struct buf b;
            buf_init(&b, 65536);
            again_keep_begun(&p.f[k]);
            envelope_write(&p.f[k].env, &b);
            envelopes[k] = buf_take(&b);
        }
        free_pair(&p);
        read_pair(&p, rows[i].config, envelopes, ONE);
        expect_pair(&p, rows[i].open);
        free_pair(&p);
        mem_free(envelopes[0]);
        mem_free(envelopes[1]);
    }
}

/* A call that is not out is only made where its jobs still are what they were when it was formed.
 */
static void test_shared_and_not_out(void **state)
{
    (void)state;
    char empty[] = "{\"uid\":\"u\",\"t0\":5}";
    char *const envelopes[] = {empty, empty};
    struct pair p;
    read_pair(&p, SAME, envelopes, ONE);
    expect_pair(&p, NULL);
    assert_int_equal(p.f[0].env.begun.ncalls, 0);
    free_pair(&p);
    read_pair(&p, TEXT, envelopes, ONE);
    expect_pair(&p, "template A");
    free_pair(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unanswered),
        cmocka_unit_test(test_taken_over),
        cmocka_unit_test(test_taken_over_and_left),
        cmocka_unit_test(test_known_and_taken_over),
        cmocka_unit_test(test_of_the_version_before),
        cmocka_unit_test(test_not_open),
        cmocka_unit_test(test_given_up),
        cmocka_unit_test(test_shared),
        cmocka_unit_test(test_shared_and_not_out),
    };
    return cmocka_run_group_tests_name("again", tests, load, unload);
}
