/* SPDX-License-Identifier: MIT
 * MassPush: its tasks (tasks), its checks and ids (mass), the record of them, and what an accepted
 * call does (actions, pushing). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "mock/check/mass.h"
#include "mock/check/names.h"
#include "mock/world/actions.h"
#include "mock/world/cancel.h"
#include "mock/world/pushing.h"
#include "mock/world/report.h"
#include "support/made_request.h"

static const struct push_rules rules = {.accounts_max = 1000};
static const int64_t now_ms = INT64_C(1772694489000); /* 2026-03-05T07:08:09Z */
static const char device[] = "0123456789abcdef0123456789abcdef";

/* --- tasks ----------------------------------------------------------------------------------- */

static void split(struct made *m)
{
    tasks_free(&m->q.tasks);
    tasks_split(&m->q.tasks, &m->q.fields);
}

static void set(struct made *m, int task, const char *name, const char *value)
{
    char full[160];
    snprintf(full, sizeof full, "PushTask.%d.%s", task, name);
    made_change(m, full, value);
}

static void add_task(struct made *m, int task, const char *job)
{
    set(m, task, "Target", "DEVICE");
    set(m, task, "TargetValue", device);
    set(m, task, "DeviceType", "ANDROID");
    set(m, task, "PushType", "NOTICE");
    set(m, task, "Title", "T");
    set(m, task, "Body", "B");
    if (job)
        set(m, task, "JobKey", job);
}

static void make(struct made *m, int count)
{
    made_init(m, "POST", true);
    m->q.action = "MassPush";
    m->q.version = "2016-08-01";
    made_param(m, "AppKey", "1", false);
    for (int i = 1; i <= count; i++)
        add_task(m, i, NULL);
    split(m);
}

static void test_tasks_are_sorted_out(void **state)
{
    (void)state;
    struct made m;
    make(&m, 12);
    set(&m, 10, "Title", "ten");
    set(&m, 2, "Title", "two");
    split(&m);
    assert_int_equal(m.q.tasks.count, 12);
    assert_string_equal(fields_get(&m.q.tasks.list[9], "Title"), "ten");
    assert_string_equal(fields_get(&m.q.tasks.list[1], "Title"), "two");
    assert_string_equal(fields_get(&m.q.tasks.list[0], "Title"), "T");
    assert_null(fields_get(&m.q.tasks.list[0], "AppKey"));
    made_free(&m);
}

static void test_numbers_of_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int number;
    } names[] = {{"PushTask.1.Title", 1},
                 {"PushTask.100.A", 100},
                 {"PushTask.101.A", 0},
                 {"PushTask.0.A", 0},
                 {"PushTask.01.A", 0},
                 {"PushTask.1", 0},
                 {"PushTask.1.", 0},
                 {"PushTask..A", 0},
                 {"PushTask.x.A", 0},
                 {"PushTask.11111.A", 0},
                 {"Title", 0},
                 {"PushTasks.1.A", 0}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *rest = NULL;
        assert_int_equal(tasks_number(names[i].name, &rest), names[i].number);
        assert_int_equal(rest != NULL, names[i].number > 0);
    }
}

/* --- the whole call -------------------------------------------------------------------------- */

static const char *code_of(struct made *m)
{
    static struct refusal r;
    r = (struct refusal){0};
    split(m);
    bool ok = mass_check(&rules, &m->q, now_ms, &r);
    assert_int_equal(r.status, ok ? 0 : 400);
    return r.code;
}

static void test_checks(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value, *code; /* of the second of three tasks; "" : accepted */
    } rows[] = {
        {"Title", "other", ""},
        {"Title", NULL, "MissingTitle"},
        {"Body", "", "InvalidBody.Empty"},
        {"PushType", NULL, "MissingPushType"},
        {"Target", NULL, "MissingTarget"},
        {"Target", "ACCOUNT", ""},
        {"Target", "ALIAS", ""},
        {"Target", "TAG", "TargetNotSupported"},
        {"Target", "ALL", "TargetNotSupported"},
        {"Target", "TBD", "TargetNotSupported"},
        {"Target", "FILE", "TargetNotSupported"},
        {"TargetValue", "short", "InvalidTargetValue.Format"},
        {"JobKey", "a.b", "InvalidJobKey.Format"},
        {"PushTime", "2026-03-05T08:08:09Z", ""},
        {"AppKey", "1", "InvalidParameter"},
        {"IdempotentToken", "5e0a3b62-55d4-4b5e-9d0c-6a2f4b7c1d10", "InvalidParameter"},
        {"SmsDelaySecs", "30", "InvalidParameter"},
        {"Format", "JSON", "InvalidParameter"},
        {"Colour", "red", "InvalidParameter"},
        {"AndroidOppoPrivateTitleParameters", "{\"k\":\"v\"}", ""},
        {"AndroidOppoPrivateTitleParameters.k", "v", ""},
        {"AndroidExtParameters.k", "v", "InvalidParameter"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct made m;
        make(&m, 3);
        set(&m, 2, rows[i].name, rows[i].value);
        const char *code = code_of(&m);
        if (strcmp(code, rows[i].code) != 0)
            fail_msg("%s=%s: %s", rows[i].name, rows[i].value ? rows[i].value : "-", code);
        made_free(&m);
    }
}

static void test_the_envelope(void **state)
{
    (void)state;
    struct made m;
    make(&m, 100);
    made_param(&m, "IdempotentToken", "5e0a3b62-55d4-4b5e-9d0c-6a2f4b7c1d10", false);
    made_param(&m, "RegionId", "cn-hangzhou", false);
    assert_string_equal(code_of(&m), "");
    made_change(&m, "IdempotentToken", "no-uuid");
    assert_string_equal(code_of(&m), "InvalidIdempotentToken.Format");
    made_change(&m, "IdempotentToken", NULL);
    made_change(&m, "AppKey", NULL);
    assert_string_equal(code_of(&m), "MissingAppKey");
    made_change(&m, "AppKey", "x");
    assert_string_equal(code_of(&m), "InvalidAppKey.Format");
    made_change(&m, "AppKey", "1");
    made_param(&m, "Title", "T", false);
    assert_string_equal(code_of(&m), "InvalidParameter");
    made_change(&m, "Title", NULL);
    made_param(&m, "PushTask.1.Title", "again", true);
    assert_string_equal(code_of(&m), "InvalidParameter");
    made_free(&m);
}

static void test_counting_of_tasks(void **state)
{
    (void)state;
    struct made m;
    make(&m, 0);
    assert_string_equal(code_of(&m), "MissingPushTask");
    add_task(&m, 1, NULL);
    assert_string_equal(code_of(&m), "");
    add_task(&m, 3, NULL);
    assert_string_equal(code_of(&m), "InvalidParameter"); /* a gap */
    add_task(&m, 2, NULL);
    assert_string_equal(code_of(&m), "");
    set(&m, 101, "Title", "T");
    assert_string_equal(code_of(&m), "InvalidParameter");
    made_free(&m);
}

/* The names that a task takes are the vendor's, and five later ones. */
static void test_names_match_the_vendors_list(void **state)
{
    (void)state;
    size_t i, known = 0;
    json_t *entry, *root = json_load_file("tests/vectors/api-metadata.json", 0, NULL);
    json_t *mass = json_object_get(json_object_get(json_object_get(root, "actions"), "MassPush"),
                                   "parameters");
    json_array_foreach(mass, i, entry) if (json_object_get(entry, "fields"))
    {
        size_t k;
        json_t *field;
        json_array_foreach(json_object_get(entry, "fields"), k, field)
        {
            const char *name = json_string_value(json_object_get(field, "name"));
            if (!names_find_of_task(name))
                fail_msg("%s is unknown", name);
            known++;
        }
    }
    json_decref(root);
    assert_int_equal(names_count() - 7 - 5, known); /* without AppKey, token and five Sms… */
    assert_null(names_find_of_task("AppKey"));
    assert_null(names_find_of_task("SmsParams"));
}

/* --- ids ------------------------------------------------------------------------------------- */

static void assert_ids(const char *how, const char *expected)
{
    enum mass_ids ids;
    assert_true(mass_parse_ids(how, &ids));
    json_t *answer = mass_answer((struct replay_ids){41, 3}, ids);
    char *text = json_dumps(answer, JSON_COMPACT);
    assert_string_equal(text, expected);
    free(text);
    json_decref(answer);
}

static void test_readings_of_ids(void **state)
{
    (void)state;
    enum mass_ids ids;
    assert_ids("all", "{\"MessageIds\":{\"MessageId\":[\"41\",\"42\",\"43\"]}}");
    assert_ids("reversed", "{\"MessageIds\":{\"MessageId\":[\"43\",\"42\",\"41\"]}}");
    assert_ids("short", "{\"MessageIds\":{\"MessageId\":[\"41\",\"42\"]}}");
    assert_ids("extra", "{\"MessageIds\":{\"MessageId\":[\"41\",\"42\",\"43\",\"44\"]}}");
    assert_ids("empty", "{\"MessageIds\":{\"MessageId\":[]}}");
    assert_ids("array", "{\"MessageIds\":[\"41\",\"42\",\"43\"]}");
    assert_false(mass_parse_ids("guess", &ids));
}

/* --- faults ---------------------------------------------------------------------------------- */

static void add_rule(struct faults *f, const char *json)
{
    struct err e;
    uint64_t id;
    if (!faults_add(f, json, strlen(json), &id, &e))
        fail_msg("%s: %s", json, e.text);
}

static void test_faults_of_a_batch(void **state)
{
    (void)state;
    struct faults f = {0};
    struct fault_plan plan;
    struct made m, push;
    struct err e;
    uint64_t id;
    made_init(&push, "POST", true);
    push.q.action = "Push";
    make(&m, 3);
    set(&m, 3, "JobKey", "third");
    split(&m);
    static const char wrong[] = "{\"kind\":\"ids\",\"ids\":\"guess\"}";
    assert_false(faults_add(&f, wrong, sizeof wrong - 1, &id, &e));
    add_rule(&f, "{\"kind\":\"ids\",\"ids\":\"empty\",\"count\":1}");
    add_rule(&f, "{\"kind\":\"hang\",\"match\":{\"job_key\":\"third\",\"action\":\"MassPush\"}}");
    faults_pick(&f, &push.q, &plan);
    assert_int_equal(plan.kind, FAULT_NONE);
    faults_pick(&f, &m.q, &plan);
    assert_int_equal(plan.kind, FAULT_IDS);
    assert_int_equal(plan.mass_ids, MASS_IDS_EMPTY);
    assert_true(plan.accepted);
    faults_pick(&f, &m.q, &plan);
    assert_int_equal(plan.kind, FAULT_HANG);
    set(&m, 3, "JobKey", "another");
    split(&m);
    faults_pick(&f, &m.q, &plan);
    assert_int_equal(plan.kind, FAULT_NONE);
    faults_clear(&f);
    made_free(&push);
    made_free(&m);
}

/* --- accepted -------------------------------------------------------------------------------- */

struct fixture {
    struct provider p;
    struct refusal refusal;
    struct deed deed;
};

/* One call from arrival to outcome, as call.c does it. */
static enum record_outcome run(struct fixture *f, struct made *m, const char *token)
{
    struct replay_stay stay = {0};
    snprintf(stay.key, sizeof stay.key, "%s", token);
    split(m);
    replay_enter(&f->p.replay, &stay);
    uint64_t seq = record_arrival(&f->p.record, &m->q, now_ms, stay.overlapped);
    json_decref(f->deed.answer);
    f->deed = (struct deed){.provider = &f->p,
                            .request = &m->q,
                            .stay = &stay,
                            .now_ms = now_ms,
                            .refusal = &f->refusal};
    enum record_outcome outcome = actions_row(&m->q)->act(&f->deed);
    record_outcome(&f->p.record, seq, &m->q, outcome);
    record_find(&f->p.record, seq)->ids = f->deed.ids;
    replay_leave(&f->p.replay, &stay);
    return outcome;
}

static void open_fixture(struct fixture *f)
{
    *f = (struct fixture){0};
    provider_init(&f->p, NULL, 100);
    f->p.next_message_id = 1000;
}

static void close_fixture(struct fixture *f)
{
    json_decref(f->deed.answer);
    provider_free(&f->p);
}

static json_t *report(struct fixture *f, struct report_query query)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    report_record(&f->p.record, &query, 0, 0, &out);
    json_t *root = json_loads(buf_text(&out), JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    buf_free(&out);
    return root;
}

static int64_t number(const json_t *o, const char *name)
{
    return json_integer_value(json_object_get(o, name));
}

static const char *text_at(const json_t *tasks, size_t i, const char *name)
{
    const char *text = json_string_value(json_object_get(json_array_get(tasks, i), name));
    return text ? text : "";
}

static void test_tasks_are_recorded(void **state)
{
    (void)state;
    struct fixture f;
    struct made m;
    open_fixture(&f);
    make(&m, 2);
    set(&m, 1, "JobKey", "a");
    set(&m, 2, "JobKey", "b");
    set(&m, 2, "Title", "second");
    assert_int_equal(run(&f, &m, "t"), RECORD_PUSHED);
    assert_int_equal(run(&f, &m, "t"), RECORD_SUPPRESSED);
    assert_int_equal(f.deed.ids.first, 1000);
    assert_int_equal(f.deed.ids.count, 2);
    assert_int_equal(run(&f, &m, "u"), RECORD_PUSHED);
    json_t *o = report(&f, (struct report_query){.list = true});
    assert_int_equal(number(o, "calls"), 3);
    assert_int_equal(number(o, "pushes"), 2);
    assert_int_equal(number(o, "tasks"), 4);
    assert_int_equal(number(o, "jobs"), 2);
    json_t *tasks = json_object_get(json_array_get(json_object_get(o, "list"), 2), "tasks");
    assert_string_equal(text_at(tasks, 0, "job_key"), "a");
    assert_string_equal(text_at(tasks, 0, "title"), "T");
    assert_string_equal(text_at(tasks, 0, "message_id"), "1002");
    assert_string_equal(text_at(tasks, 1, "job_key"), "b");
    assert_string_equal(text_at(tasks, 1, "title"), "second");
    assert_string_equal(text_at(tasks, 1, "message_id"), "1003");
    assert_string_equal(text_at(tasks, 1, "target"), "DEVICE");
    json_decref(o);
    made_free(&m);
    close_fixture(&f);
}

/* Two parts of a job in one call are no duplicates; pushed again in another call they are. */
static void test_jobs_of_tasks(void **state)
{
    (void)state;
    struct fixture f;
    struct made m;
    struct buf out;
    open_fixture(&f);
    make(&m, 2);
    set(&m, 1, "JobKey", "a");
    set(&m, 2, "JobKey", "a");
    set(&m, 2, "TargetValue", "f123456789abcdef0123456789abcdef");
    run(&f, &m, "");
    json_t *o = report(&f, (struct report_query){.job = "a"});
    assert_int_equal(number(o, "pushes"), 2);
    assert_int_equal(json_array_size(json_object_get(o, "list")), 1);
    json_decref(o);
    buf_init(&out, 1 << 20);
    report_duplicates(&f.p.record, &out);
    assert_string_equal(buf_text(&out), "{\"tokens\":[],\"jobs\":[]}\n");
    run(&f, &m, "");
    o = report(&f, (struct report_query){.job = "a"});
    assert_int_equal(json_array_size(json_object_get(o, "list")), 2);
    json_decref(o);
    buf_reset(&out);
    report_duplicates(&f.p.record, &out);
    o = json_loads(buf_text(&out), 0, NULL);
    assert_int_equal(json_array_size(json_object_get(o, "jobs")), 2);
    json_decref(o);
    buf_free(&out);
    made_free(&m);
    close_fixture(&f);
}

static void test_other_content_under_a_token(void **state)
{
    (void)state;
    struct fixture f;
    struct made m;
    open_fixture(&f);
    f.p.replay.changed = CHANGED_REFUSE;
    make(&m, 2);
    run(&f, &m, "t");
    set(&m, 2, "PushTime", "2026-03-05T08:08:09Z"); /* a time is no content */
    assert_int_equal(run(&f, &m, "t"), RECORD_SUPPRESSED);
    set(&m, 2, "Title", "other");
    assert_int_equal(run(&f, &m, "t"), RECORD_REFUSED);
    assert_string_equal(f.refusal.code, "IdempotentParameterMismatch");
    made_free(&m);
    close_fixture(&f);
}

static void test_one_task_is_cancelled(void **state)
{
    (void)state;
    struct fixture f;
    struct made m, cancel;
    struct refusal r = {0};
    open_fixture(&f);
    make(&m, 2);
    set(&m, 2, "PushTime", "2026-03-05T08:08:09Z");
    run(&f, &m, "");
    made_init(&cancel, "POST", true);
    made_param(&cancel, "AppKey", "1", false);
    made_param(&cancel, "MessageId", "1000", false);
    assert_false(cancel_waiting_push(&f.p.record, &cancel.q, now_ms, &r)); /* was pushed at once */
    made_change(&cancel, "MessageId", "1001");
    assert_true(cancel_waiting_push(&f.p.record, &cancel.q, now_ms, &r));
    json_t *o = report(&f, (struct report_query){.list = true});
    json_t *tasks = json_object_get(json_array_get(json_object_get(o, "list"), 0), "tasks");
    assert_null(json_object_get(json_array_get(tasks, 0), "cancelled"));
    assert_true(json_is_true(json_object_get(json_array_get(tasks, 1), "cancelled")));
    json_decref(o);
    made_free(&cancel);
    made_free(&m);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tasks_are_sorted_out),
        cmocka_unit_test(test_numbers_of_names),
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_the_envelope),
        cmocka_unit_test(test_counting_of_tasks),
        cmocka_unit_test(test_names_match_the_vendors_list),
        cmocka_unit_test(test_readings_of_ids),
        cmocka_unit_test(test_faults_of_a_batch),
        cmocka_unit_test(test_tasks_are_recorded),
        cmocka_unit_test(test_jobs_of_tasks),
        cmocka_unit_test(test_other_content_under_a_token),
        cmocka_unit_test(test_one_task_is_cancelled),
    };
    return cmocka_run_group_tests_name("mock mass", tests, NULL, NULL);
}
