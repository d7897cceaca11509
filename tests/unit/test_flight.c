/* SPDX-License-Identifier: MIT
 * One job while it is held: what a claim hands over, the plan, its calls, its outcome
 * (flight_outcome). No I/O. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "pipeline/flight_outcome.h"
#include "queue/queue_core.h"
#include "support/worker_config.h"

#define DIGEST "0123456789abcdef"
enum { T0 = 1000000, NOW = 2000000 };

static struct config config;

/* As much of a queue as an outcome needs. */
static char queue_name_text[] = "jobs", prefix_text[] = "{jobs}";
static struct queue queue = {.name = queue_name_text, .prefix = prefix_text};
static struct queue_lease lease = {.queue = &queue};

static int load(void **state)
{
    (void)state;
    static const char *const vars[] = {"PUSHBRIDGE_LIMITS_ACCOUNTS=2", NULL};
    worker_config_load(&config, 0, 0, vars,
                       "apps = ( { name = \"other\"; app_key = \"2\"; } );\n"
                       "groups = ( { name = \"both\"; apps = \"other,default\"; } );\n");
    return 0;
}

static int unload(void **state)
{
    (void)state;
    config_free(&config);
    return 0;
}

static struct queue_member member_of(const char *envelope, const char *bytes)
{
    return (struct queue_member){.pos = 3,
                                 .envelope = envelope,
                                 .envelope_len = strlen(envelope),
                                 .bytes = bytes,
                                 .len = strlen(bytes)};
}

static bool init(struct flight *f, const struct queue_member *m, const char *claim_digest)
{
    struct err e;
    const struct queue_claim claim = {.lease = &lease,
                                      .batch = "BATCHBATCHBATCH1",
                                      .t0_ms = T0,
                                      .now_ms = NOW,
                                      .digest = claim_digest};
    static const struct config reader = {.digest = DIGEST};
    bool ok = flight_init(f, &claim, m, &e);
    f->config = &reader;
    return ok;
}

static void fresh(struct flight *f, const char *bytes)
{
    const struct queue_member m = member_of("", bytes);
    assert_true(init(f, &m, DIGEST));
}

static void read_ok(struct flight *f)
{
    struct refusal why;
    if (!flight_read(f, &config, &why))
        fail_msg("%s", why.err.text);
}

static const struct reply sent = {.class = REPLY_SENT, .message_id = "m", .request_id = "r"};

static json_t *outcome_of(const struct flight *f, enum reason reason, bool maybe, const char *text)
{
    struct buf out;
    buf_init(&out, 65536);
    flight_write_outcome(f, reason, maybe, text, "w1", NOW + 5, &out);
    json_t *root = json_loads(buf_text(&out), JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    buf_free(&out);
    return root;
}

static const char *text_of(const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));
    return text ? text : "";
}

static int64_t int_of(const json_t *o, const char *name)
{
    return json_integer_value(json_object_get(o, name));
}

/* --- what a claim hands over ----------------------------------------------------------------- */

static void test_fresh(void **state)
{
    (void)state;
    struct flight f;
    fresh(&f, "{}");
    assert_int_equal(f.state, FLIGHT_UNREAD);
    assert_string_equal(f.env.uid, "BATCHBATCHBATCH1-3");
    assert_false(f.env.id_given);
    assert_int_equal(f.env.t0_ms, T0);
    assert_int_equal(f.env.first_sent_ms, 0);
    assert_int_equal(f.env.unanswered, 0);
    assert_int_equal(f.claimed_at_ms, NOW);
    assert_string_equal(f.bytes, "{}");
    flight_free(&f);
}

/* The envelope as the module writes it, so that its member names stay its own matter. */
static const char *waited(bool given, unsigned parts_out, uint64_t unanswered, const char *digest)
{
    static struct buf b;
    static struct push_done done[2] = {{.part = 0, .message_id = "m0", .request_id = "r0"},
                                       {.part = 1, .message_id = "m1", .request_id = "r1"}};
    struct envelope v = {.id_given = given,
                         .gen = 1,
                         .attempts = 2,
                         .t0_ms = 500000,
                         .first_sent_ms = unanswered ? 600000 : 0,
                         .unanswered = unanswered,
                         .pushes = done,
                         .npushes = parts_out};
    snprintf(v.uid, sizeof v.uid, "order-7");
    snprintf(v.digest, sizeof v.digest, "%s", digest);
    buf_free(&b);
    buf_init(&b, 4096);
    envelope_write(&v, &b);
    return buf_text(&b);
}

static void test_waited(void **state)
{
    (void)state;
    struct flight f;
    const struct queue_member m = member_of(waited(true, 0, 2, DIGEST), "{}");
    assert_true(init(&f, &m, "another digest"));
    assert_string_equal(f.env.uid, "order-7");
    assert_int_equal(f.env.t0_ms, 500000); /* kept for life */
    assert_int_equal(f.env.attempts, 2);
    assert_int_equal(f.env.unanswered, 2);
    assert_int_equal(f.env.first_sent_ms, 600000);
    assert_string_equal(f.env.digest, DIGEST);
    flight_free(&f);
}

/* Its earlier holder may have sent every call that is not known to be out, and made it as its own
 * configuration said; those of a still earlier holder are as they were. */
static void test_taken_over(void **state)
{
    (void)state;
    static const struct {
        unsigned out;
        uint64_t unanswered;
        const char *digest, *want;
        int64_t first_sent;
    } rows[] = {
        {1, 0, "", "fedcba9876543210", T0},
        {1, 0, DIGEST, "fedcba9876543210", T0}, /* what is out needs no repeat */
        {0, 1, DIGEST, DIGEST, 600000},         /* an older first call counts */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct flight f;
        struct queue_member m =
            member_of(waited(true, rows[i].out, rows[i].unanswered, rows[i].digest), "{}");
        m.taken_over = true;
        m.crashes = 2;
        assert_true(init(&f, &m, "fedcba9876543210"));
        assert_true(f.env.unanswered == (rows[i].out ? ~UINT64_C(1) : UINT64_MAX));
        assert_int_equal(f.env.first_sent_ms, rows[i].first_sent);
        assert_string_equal(f.env.digest, rows[i].want);
        assert_int_equal(f.crashes, 2);
        flight_free(&f);
    }
}

static void test_unreadable_envelope(void **state)
{
    (void)state;
    struct flight f;
    const struct queue_member m = member_of("{\"uid\":", "{\"code\":\"c\"}");
    assert_false(init(&f, &m, DIGEST));
    assert_string_equal(f.env.uid, "BATCHBATCHBATCH1-3");
    assert_string_equal(f.bytes, "{\"code\":\"c\"}");
    flight_free(&f);
}

/* --- reading --------------------------------------------------------------------------------- */

static void test_id_becomes_uid(void **state)
{
    (void)state;
    struct flight f;
    fresh(&f, "{\"id\":\"a b\",\"code\":\"I10001\",\"school\":\"s\"}");
    read_ok(&f);
    assert_string_equal(f.env.uid, "a b");
    assert_true(f.env.id_given);
    assert_string_equal(f.app->app.name, "default");
    flight_free(&f);
    /* one that waited keeps the uid it has */
    const struct queue_member m =
        member_of(waited(false, 0, 0, ""), "{\"code\":\"I10001\",\"school\":\"s\"}");
    assert_true(init(&f, &m, DIGEST));
    read_ok(&f);
    assert_string_equal(f.env.uid, "order-7");
    assert_int_equal(f.plan.deadline_ms, 500000 + 86400000); /* from t0, not from now */
    flight_free(&f);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        enum reason why;
        const char *text, *uid;
    } rows[] = {
        {"{", REASON_INVALID_JSON, "not JSON: cut short at byte 1", "BATCHBATCHBATCH1-3"},
        {"{\"id\":\"x\",\"code\":\"I10001\"}", REASON_INVALID_TARGET, "no audience", "x"},
        {"{\"id\":\"x\",\"code\":\"nope\",\"school\":\"s\"}", REASON_UNKNOWN_TEMPLATE, "nope", "x"},
        {"{\"id\":\"x\",\"app\":\"shop\",\"code\":\"I10001\",\"school\":\"s\"}", REASON_INVALID_JOB,
         "app: no app \"shop\" is configured", "x"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct flight f;
        struct refusal why;
        fresh(&f, rows[i].bytes);
        assert_false(flight_read(&f, &config, &why));
        assert_int_equal(why.reason, rows[i].why);
        if (!strstr(why.err.text, rows[i].text))
            fail_msg("%s: %s", rows[i].bytes, why.err.text);
        assert_string_equal(f.env.uid, rows[i].uid);
        flight_free(&f);
    }
}

static void test_oversize_is_refused_unread(void **state)
{
    (void)state;
    struct flight f;
    struct refusal why;
    const struct queue_member m = {
        .pos = 3, .oversize = true, .envelope = "", .len = 70000, .bytes = NULL};
    assert_true(init(&f, &m, DIGEST));
    assert_null(f.bytes);
    assert_false(flight_read(&f, &config, &why));
    assert_int_equal(why.reason, REASON_INVALID_JOB);
    assert_string_equal(why.err.text, "job: 70000 bytes, at most 65536 (queue.job_max_bytes)");
    json_t *o = outcome_of(&f, why.reason, false, why.err.text);
    assert_string_equal(text_of(o, "job_ref"), "{jobs}:oversize BATCHBATCHBATCH1-3");
    assert_null(json_object_get(o, "job"));
    json_decref(o);
    flight_free(&f);
}

/* --- calls ----------------------------------------------------------------------------------- */

#define FIVE_ACCOUNTS                                                                              \
    "{\"id\":\"five\",\"message\":\"m\",\"target\":{\"account\":[\"a\",\"b\",\"c\",\"d\",\"e\"]}}"

static void test_calls_in_order(void **state)
{
    (void)state;
    struct flight f;
    fresh(&f, FIVE_ACCOUNTS);
    read_ok(&f);
    assert_int_equal(f.plan.n, 3);
    f.env.unanswered = 7;
    for (unsigned part = 0; part < 3; part++) {
        assert_true(flight_next_call(&f));
        assert_true(flight_next_call(&f)); /* asking moves nothing */
        assert_int_equal(f.plan.calls[f.next].part, part);
        assert_int_equal(flight_part_bit(&f), 1u << part);
        flight_record_sent(&f, &sent);
        assert_int_equal(f.env.unanswered, 7u & ~((2u << part) - 1));
    }
    assert_false(flight_next_call(&f));
    assert_int_equal(f.env.npushes, 3);
    assert_int_equal(f.env.pushes[2].part, 2);
    assert_string_equal(f.env.pushes[2].message_id, "m");
    assert_string_equal(f.env.pushes[2].request_id, "r");
    flight_free(&f);
}

static void test_parts_that_are_out_are_passed_over(void **state)
{
    (void)state;
    struct flight f;
    const struct queue_member m = member_of(waited(true, 2, 0, ""), FIVE_ACCOUNTS);
    assert_true(init(&f, &m, DIGEST));
    read_ok(&f);
    assert_true(flight_next_call(&f));
    assert_int_equal(f.plan.calls[f.next].part, 2);
    flight_record_sent(&f, &sent);
    assert_false(flight_next_call(&f));
    assert_int_equal(f.env.npushes, 3);
    flight_free(&f);
}

/* --- outcomes -------------------------------------------------------------------------------- */

static void test_outcome_sent(void **state)
{
    (void)state;
    struct flight f;
    fresh(&f, "{\"id\":\"i\",\"code\":\"I10001\",\"school\":\"s\",\"meta\":{\"k\":1},"
              "\"enqueued_at\":1999000}");
    read_ok(&f);
    flight_record_sent(&f, &sent);
    f.env.attempts = 1;
    json_t *o = outcome_of(&f, REASON_NONE, false, NULL);
    assert_string_equal(text_of(o, "status"), "sent");
    assert_string_equal(text_of(o, "id"), "i");
    assert_string_equal(text_of(o, "app"), "default");
    assert_string_equal(text_of(o, "code"), "I10001");
    assert_string_equal(text_of(o, "worker"), "w1");
    assert_int_equal(int_of(o, "attempts"), 1);
    assert_int_equal(int_of(o, "claimed_at"), NOW);
    assert_int_equal(int_of(o, "done_at"), NOW + 5);
    assert_int_equal(int_of(o, "latency_ms"), NOW + 5 - 1999000);
    assert_int_equal(json_array_size(json_object_get(o, "pushes")), 1);
    assert_int_equal(int_of(json_object_get(o, "meta"), "k"), 1);
    json_decref(o);
    flight_free(&f);
}

static void test_outcome_dead(void **state)
{
    (void)state;
    struct flight f;
    fresh(&f, FIVE_ACCOUNTS);
    read_ok(&f);
    flight_record_sent(&f, &sent);
    f.lone.last = (struct reply){
        .class = REPLY_PERMANENT, .http_status = 400, .code = "InvalidX", .request_id = "r9"};
    f.lone.has_reply = true;
    json_t *o = outcome_of(&f, REASON_PROVIDER_REJECTED, true, NULL);
    const json_t *error = json_object_get(o, "error");
    assert_string_equal(text_of(o, "status"), "dead");
    assert_string_equal(text_of(o, "reason"), "provider_rejected");
    assert_true(json_is_true(json_object_get(o, "maybe_sent")));
    assert_string_equal(text_of(error, "code"), "InvalidX");
    assert_string_equal(text_of(error, "request_id"), "r9");
    assert_int_equal(int_of(error, "http_status"), 400);
    assert_int_equal(json_array_size(json_object_get(o, "pushes")), 1); /* what did go out */
    assert_string_equal(text_of(o, "job"), FIVE_ACCOUNTS);
    json_decref(o);
    flight_free(&f);
}

/* A job that cannot be read still says what it can. */
static void test_outcome_of_a_broken_job(void **state)
{
    (void)state;
    struct flight f;
    struct refusal why;
    fresh(&f, "{\"id\":\"i\",\"app\":\"shop\",\"code\":7}");
    assert_false(flight_read(&f, &config, &why));
    json_t *o = outcome_of(&f, why.reason, false, why.err.text);
    assert_string_equal(text_of(o, "id"), "i");
    assert_string_equal(text_of(o, "app"), "shop");
    assert_true(json_is_null(json_object_get(o, "code")));
    assert_string_equal(text_of(json_object_get(o, "error"), "message"), why.err.text);
    json_decref(o);
    flight_free(&f);
}

/* f->app is always the app of the next call; parts are numbered on. */
static void test_a_group_is_walked_app_by_app(void **state)
{
    (void)state;
    struct flight f;
    fresh(&f, "{\"message\":\"m\",\"app\":\"both\",\"target\":{\"account\":[\"a\",\"b\",\"c\"]}}");
    read_ok(&f);
    static const char *const apps[] = {"other", "other", "default", "default"};
    for (unsigned part = 0; part < 4; part++) {
        assert_true(flight_next_call(&f));
        assert_string_equal(f.app->app.name, apps[part]);
        assert_int_equal(f.plan.calls[f.next].part, part);
        assert_int_equal(flight_part_bit(&f), 1 << part);
        flight_record_sent(&f, &sent);
    }
    assert_false(flight_next_call(&f));
    assert_string_equal(flight_app_name(&f), "both");
    json_t *o = outcome_of(&f, REASON_NONE, false, NULL);
    assert_string_equal(text_of(o, "app"), "both");
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(text_of(json_array_get(json_object_get(o, "pushes"), i), "app"),
                            apps[i]);
    json_decref(o);
    flight_free(&f);
}

static void test_a_group_goes_on_where_it_was(void **state)
{
    (void)state;
    struct flight f;
    const struct queue_member m = member_of(
        "{\"uid\":\"u\",\"t0\":1000000,\"pushes\":[[0,\"1\",\"r\"],[1,\"2\",\"r\"],[3,\"3\",\"r\"]]"
        "}",
        "{\"message\":\"m\",\"app\":\"both\",\"target\":{\"account\":[\"a\",\"b\",\"c\"]}}");
    assert_true(init(&f, &m, DIGEST));
    read_ok(&f);
    assert_string_equal(f.app->app.name, "default"); /* before anything is asked of it */
    assert_true(flight_next_call(&f));
    assert_int_equal(f.plan.calls[f.next].part, 2);
    flight_record_sent(&f, &sent);
    assert_false(flight_next_call(&f));
    flight_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fresh),
        cmocka_unit_test(test_waited),
        cmocka_unit_test(test_taken_over),
        cmocka_unit_test(test_unreadable_envelope),
        cmocka_unit_test(test_id_becomes_uid),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_oversize_is_refused_unread),
        cmocka_unit_test(test_calls_in_order),
        cmocka_unit_test(test_parts_that_are_out_are_passed_over),
        cmocka_unit_test(test_a_group_is_walked_app_by_app),
        cmocka_unit_test(test_a_group_goes_on_where_it_was),
        cmocka_unit_test(test_outcome_sent),
        cmocka_unit_test(test_outcome_dead),
        cmocka_unit_test(test_outcome_of_a_broken_job),
    };
    return cmocka_run_group_tests_name("flight", tests, load, unload);
}
