/* SPDX-License-Identifier: MIT
 * What the stand-in remembers: tokens (replay), calls and counts (record), how it tells (report),
 * and takes back (cancel). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "mock/check/params.h"
#include "mock/world/cancel.h"
#include "mock/world/record.h"
#include "mock/world/replay.h"
#include "mock/world/report.h"
#include "support/made_request.h"

/* --- tokens ---------------------------------------------------------------------------------- */

enum { WINDOW_MS = 900000 };
static const unsigned char one[REPLAY_DIGEST_SIZE] = "one", two[REPLAY_DIGEST_SIZE] = "two";

static struct replay_stay enter(struct replay *m, const char *token)
{
    struct replay_stay s = {0};
    snprintf(s.key, sizeof s.key, "%s", token);
    replay_enter(m, &s);
    return s;
}

/* A whole call that goes well; returns what was decided, and in *id the MessageId of the answer. */
static enum replay_verdict call(struct replay *m, const char *token, const unsigned char *digest,
                                int64_t now_ms, uint64_t *id)
{
    static uint64_t next = 100;
    struct replay_stay s = enter(m, token);
    struct replay_ids ids = {0};
    enum replay_verdict v = replay_judge(m, &s, digest, now_ms, &ids);
    if (v == REPLAY_PUSH || v == REPLAY_OVERLAP)
        replay_success(m, &s, digest, now_ms, ids = (struct replay_ids){next++, 1});
    *id = ids.first;
    replay_leave(m, &s);
    return v;
}

static void test_repeat_within_the_window(void **state)
{
    (void)state;
    struct replay m;
    uint64_t first, id;
    replay_init(&m);
    assert_int_equal(call(&m, "t", one, 1000, &first), REPLAY_PUSH);
    assert_int_equal(call(&m, "t", one, 1000 + WINDOW_MS - 1, &id), REPLAY_REPEAT);
    assert_int_equal(id, first);
    assert_int_equal(call(&m, "u", one, 1000, &id), REPLAY_PUSH);
    /* counted from the first success; a repeat does not renew it */
    assert_int_equal(call(&m, "t", one, 1000 + WINDOW_MS, &id), REPLAY_PUSH);
    assert_int_not_equal(id, first);
    replay_free(&m);
}

static void test_a_failure_is_not_remembered(void **state)
{
    (void)state;
    struct replay m;
    uint64_t id;
    replay_init(&m);
    struct replay_stay s = enter(&m, "t");
    replay_leave(&m, &s); /* without success */
    assert_int_equal(call(&m, "t", one, 0, &id), REPLAY_PUSH);
    replay_free(&m);
}

/* Concurrent calls are not protected: both are pushed, whichever ends first. */
static void test_overlap(void **state)
{
    (void)state;
    struct replay m;
    uint64_t id = 0;
    struct replay_ids ids;
    replay_init(&m);
    struct replay_stay a = enter(&m, "t"), b = enter(&m, "t");
    assert_false(a.overlapped);
    assert_true(b.overlapped);
    assert_int_equal(replay_judge(&m, &b, one, 0, &ids), REPLAY_OVERLAP);
    replay_success(&m, &b, one, 0, (struct replay_ids){8, 1});
    assert_int_equal(replay_judge(&m, &a, one, 0, &ids), REPLAY_OVERLAP);
    replay_success(&m, &a, one, 0, (struct replay_ids){9, 1});
    replay_leave(&m, &b);
    struct replay_stay c = enter(&m, "t"); /* while a is still there */
    assert_true(c.overlapped);
    replay_leave(&m, &c);
    replay_leave(&m, &a);
    assert_int_equal(call(&m, "t", one, 1, &id), REPLAY_REPEAT);
    assert_int_equal(id, 8); /* the first success counts */
    replay_free(&m);
}

static void test_other_content(void **state)
{
    (void)state;
    static const struct {
        enum replay_changed changed;
        enum replay_verdict verdict;
    } rows[] = {{CHANGED_REPLAY, REPLAY_REPEAT},
                {CHANGED_REFUSE, REPLAY_REFUSED},
                {CHANGED_PUSH, REPLAY_PUSH}};
    for (size_t i = 0; i < 3; i++) {
        struct replay m;
        uint64_t id;
        replay_init(&m);
        m.changed = rows[i].changed;
        call(&m, "t", one, 0, &id);
        assert_int_equal(call(&m, "t", two, 1, &id), rows[i].verdict);
        assert_int_equal(call(&m, "t", i == 2 ? two : one, 2, &id), REPLAY_REPEAT);
        replay_free(&m);
    }
}

static void test_no_token_and_forgetting(void **state)
{
    (void)state;
    struct replay m;
    uint64_t id;
    replay_init(&m);
    assert_int_equal(call(&m, "", one, 0, &id), REPLAY_PUSH);
    assert_int_equal(call(&m, "", one, 0, &id), REPLAY_PUSH);
    call(&m, "t", one, 0, &id);
    struct replay_ids ids;
    struct replay_stay s = enter(&m, "t");
    replay_forget(&m); /* also while a call is there */
    assert_int_equal(replay_judge(&m, &s, one, 0, &ids), REPLAY_PUSH);
    replay_leave(&m, &s);
    assert_int_equal(call(&m, "t", one, 0, &id), REPLAY_PUSH);
    replay_free(&m);
}

/* --- calls and counts ------------------------------------------------------------------------ */

static void make(struct made *m, const char *job, const char *token, const char *target)
{
    made_init(m, "POST", false);
    m->q.action = "Push";
    made_param(m, "AppKey", "1", false);
    made_param(m, "JobKey", job, false);
    if (token)
        made_param(m, "IdempotentToken", token, false);
    made_param(m, "Target", "TAG", false);
    made_param(m, "TargetValue", target, false);
    made_param(m, "AccessKeyId", "id", false);
    made_param(m, "Signature", "hush", false);
    made_param(m, "SecurityToken", "hush too", false);
}

static uint64_t note(struct record *r, const char *job, const char *token, const char *target,
                     enum record_outcome outcome, bool overlapped)
{
    struct made m;
    make(&m, job, token, target);
    uint64_t seq = record_arrival(r, &m.q, 1000, overlapped);
    record_outcome(r, seq, &m.q, outcome);
    made_free(&m);
    return seq;
}

static json_t *ask(const struct record *r, struct report_query query)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    report_record(r, &query, 2, 1, &out);
    json_t *root = json_loads(buf_text(&out), JSON_REJECT_DUPLICATES, NULL);
    if (!root)
        fail_msg("not JSON: %s", buf_text(&out));
    buf_free(&out);
    return root;
}

static int64_t count(const json_t *o, const char *name)
{
    const json_t *n = json_object_get(o, name);
    if (!json_is_integer(n))
        fail_msg("no number %s", name);
    return json_integer_value(n);
}

static void assert_counts(const json_t *o, int calls, int pushes, int suppressed, int concurrent)
{
    assert_int_equal(count(o, "calls"), calls);
    assert_int_equal(count(o, "pushes"), pushes);
    assert_int_equal(count(o, "suppressed"), suppressed);
    assert_int_equal(count(o, "concurrent"), concurrent);
}

static void test_counts(void **state)
{
    (void)state;
    struct record r;
    record_init(&r, 100);
    note(&r, "a", "t1", "x", RECORD_PUSHED, false);
    note(&r, "a", "t1", "x", RECORD_SUPPRESSED, false);
    note(&r, "a", "t2", "y", RECORD_PUSHED, false);
    note(&r, "b", "t3", "x", RECORD_FAULTED, false);
    note(&r, "b", "t3", "x", RECORD_PUSHED, true);
    note(&r, "c", NULL, "x", RECORD_REFUSED, false);
    note(&r, "c", NULL, "x", RECORD_THROTTLED, false);
    json_t *o = ask(&r, (struct report_query){0});
    assert_counts(o, 7, 3, 1, 1);
    assert_int_equal(count(o, "accepted"), 4);
    assert_int_equal(count(o, "tokens"), 3);
    assert_int_equal(count(o, "jobs"), 3);
    assert_int_equal(count(o, "refused"), 1);
    assert_int_equal(count(o, "throttled"), 1);
    assert_int_equal(count(o, "faulted"), 1);
    assert_int_equal(count(o, "in_flight"), 2);
    assert_int_equal(count(o, "held"), 1);
    assert_null(json_object_get(o, "list"));
    json_decref(o);

    o = ask(&r, (struct report_query){.job = "a"});
    assert_counts(o, 3, 2, 1, 0);
    json_t *list = json_object_get(o, "list");
    assert_int_equal(json_array_size(list), 3);
    assert_int_equal(count(json_array_get(list, 0), "seq"), 3); /* the newest first */
    json_decref(o);
    o = ask(&r, (struct report_query){.token = "t3"});
    assert_counts(o, 2, 1, 0, 1);
    json_decref(o);
    o = ask(&r, (struct report_query){.token = "unheard"});
    assert_counts(o, 0, 0, 0, 0);
    assert_int_equal(json_array_size(json_object_get(o, "list")), 0);
    json_decref(o);
    record_free(&r);
}

static void test_secrets_are_not_remembered(void **state)
{
    (void)state;
    struct record r;
    struct buf out;
    record_init(&r, 10);
    uint64_t seq = note(&r, "a", "t", "x", RECORD_PUSHED, false);
    assert_string_equal(record_param(record_find(&r, seq), "TargetValue"), "x");
    assert_string_equal(record_param(record_find(&r, seq), "Signature"), "");
    buf_init(&out, 1 << 20);
    report_record(&r, &(struct report_query){.list = true, .full = true}, 0, 0, &out);
    assert_null(strstr(buf_text(&out), "hush"));
    assert_non_null(strstr(buf_text(&out), "\"parameters\":{\"AppKey\":\"1\""));
    buf_free(&out);
    record_free(&r);
}

static void test_the_ring_moves_on(void **state)
{
    (void)state;
    struct record r;
    record_init(&r, 3);
    for (int i = 0; i < 8; i++)
        note(&r, "a", "t", "x", RECORD_PUSHED, false);
    assert_null(record_find(&r, 0));
    assert_null(record_find(&r, 5));
    assert_null(record_find(&r, 9));
    assert_int_equal(record_find(&r, 6)->seq, 6);
    json_t *o = ask(&r, (struct report_query){.list = true});
    assert_counts(o, 8, 8, 0, 0); /* the counts stay */
    assert_int_equal(json_array_size(json_object_get(o, "list")), 3);
    json_decref(o);
    o = ask(&r, (struct report_query){.list = true, .limit = 2});
    assert_int_equal(count(json_array_get(json_object_get(o, "list"), 0), "seq"), 7);
    json_decref(o);
    o = ask(&r, (struct report_query){.job = "a"});
    assert_int_equal(json_array_size(json_object_get(o, "list")), 3);
    json_decref(o);
    record_clear(&r);
    o = ask(&r, (struct report_query){.list = true});
    assert_counts(o, 0, 0, 0, 0);
    assert_int_equal(json_array_size(json_object_get(o, "list")), 0);
    json_decref(o);
    assert_int_equal(r.params_bytes, 0);
    record_free(&r);
}

/* Parts of one job are no duplicates of each other; the same part twice is. */
static void test_duplicates(void **state)
{
    (void)state;
    struct record r;
    struct buf out;
    record_init(&r, 10);
    note(&r, "a", "t1", "x", RECORD_PUSHED, false);
    note(&r, "a", "t2", "y", RECORD_PUSHED, false);
    note(&r, "b", "t3", "x", RECORD_PUSHED, false);
    note(&r, "b", "t3", "x", RECORD_SUPPRESSED, false);
    buf_init(&out, 65536);
    report_duplicates(&r, &out);
    assert_string_equal(buf_text(&out), "{\"tokens\":[],\"jobs\":[]}\n");
    note(&r, "a", "t2", "z", RECORD_PUSHED, true);  /* a token pushed twice */
    note(&r, "b", "t4", "x", RECORD_PUSHED, false); /* the same piece under a new token */
    buf_reset(&out);
    report_duplicates(&r, &out);
    json_t *o = json_loads(buf_text(&out), 0, NULL);
    json_t *tokens = json_object_get(o, "tokens"), *jobs = json_object_get(o, "jobs");
    assert_int_equal(json_array_size(tokens), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(tokens, 0), "token")),
                        "t2");
    assert_int_equal(json_array_size(jobs), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(jobs, 0), "job_key")),
                        "b");
    assert_int_equal(count(json_array_get(jobs, 0), "pushes"), 2);
    json_decref(o);
    buf_free(&out);
    record_free(&r);
}

static void test_odd_bytes_stay_json(void **state)
{
    (void)state;
    struct record r;
    record_init(&r, 10);
    note(&r, "a\"\\", "t", "\xff\xfe", RECORD_REFUSED, false);
    json_t *o = ask(&r, (struct report_query){.list = true, .full = true});
    json_t *c = json_array_get(json_object_get(o, "list"), 0);
    assert_string_equal(json_string_value(json_object_get(c, "job_key")), "a\"\\");
    assert_true(json_is_null(json_object_get(json_object_get(c, "parameters"), "TargetValue")));
    json_decref(o);
    record_free(&r);
}

/* --- taking back ----------------------------------------------------------------------------- */

static const char *cancel_code(struct record *r, const char *app, const char *id, const char *more)
{
    static const struct push_rules rules = {.app_keys = {"1", "2"}, .app_key_count = 2};
    static struct refusal why;
    struct made m;
    int64_t now_ms;
    why = (struct refusal){0};
    assert_true(clock_parse_rfc3339("2026-01-01T00:00:00Z", &now_ms));
    made_init(&m, "POST", true);
    m.q.action = "CancelPush";
    if (app)
        made_param(&m, "AppKey", app, false);
    if (id)
        made_param(&m, "MessageId", id, false);
    if (more)
        made_param(&m, more, "x", false);
    bool ok = params_check_request(&rules, &m.q, now_ms, &why) &&
              cancel_waiting_push(r, &m.q, now_ms, &why);
    assert_int_equal(ok, !why.status);
    made_free(&m);
    return why.code;
}

static uint64_t note_scheduled(struct record *r, const char *push_time, uint64_t message_id,
                               enum record_outcome outcome)
{
    struct made m;
    make(&m, "j", NULL, "x");
    made_param(&m, "PushTime", push_time, false);
    uint64_t seq = record_arrival(r, &m.q, 0, false);
    record_outcome(r, seq, &m.q, outcome);
    record_find(r, seq)->ids = (struct replay_ids){message_id, 1};
    made_free(&m);
    return seq;
}

static void test_cancel(void **state)
{
    (void)state;
    struct record r;
    record_init(&r, 10);
    uint64_t seq = note_scheduled(&r, "2026-01-01T00:00:01Z", 70, RECORD_PUSHED);
    note_scheduled(&r, "2026-01-01T00:00:00Z", 71, RECORD_PUSHED); /* its time has come */
    note_scheduled(&r, "2026-01-02T00:00:00Z", 72, RECORD_FAULTED);
    assert_string_equal(cancel_code(&r, NULL, "70", NULL), "MissingAppKey");
    assert_string_equal(cancel_code(&r, "1", NULL, NULL), "MissingMessageId");
    assert_string_equal(cancel_code(&r, "1", "x70", NULL), "InvalidMessageId.Format");
    assert_string_equal(cancel_code(&r, "3", "70", NULL), "InvalidAppKey.NotFound");
    assert_string_equal(cancel_code(&r, "1", "70", "Title"), "InvalidParameter");
    assert_string_equal(cancel_code(&r, "2", "70", NULL), "InvalidMessageId.NotFound");
    assert_string_equal(cancel_code(&r, "1", "71", NULL), "InvalidMessageId.NotFound");
    assert_string_equal(cancel_code(&r, "1", "72", NULL), "InvalidMessageId.NotFound");
    assert_false(record_find(&r, seq)->tasks[0].cancelled);
    assert_string_equal(cancel_code(&r, "1", "70", NULL), "");
    assert_true(record_find(&r, seq)->tasks[0].cancelled);
    assert_string_equal(cancel_code(&r, "1", "70", NULL), "InvalidMessageId.NotFound"); /* once */
    record_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repeat_within_the_window),
        cmocka_unit_test(test_a_failure_is_not_remembered),
        cmocka_unit_test(test_overlap),
        cmocka_unit_test(test_other_content),
        cmocka_unit_test(test_no_token_and_forgetting),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_secrets_are_not_remembered),
        cmocka_unit_test(test_the_ring_moves_on),
        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_odd_bytes_stay_json),
        cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests_name("mock record", tests, NULL, NULL);
}
