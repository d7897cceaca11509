/* SPDX-License-Identifier: MIT
 * The stand-in's devices (world, world_load), whom a target means (audience), and what was received
 * (inbox, inbox_report). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "mock/world/audience.h"
#include "mock/world/inbox.h"
#include "mock/world/inbox_report.h"
#include "mock/world/world_load.h"
#include "support/made_request.h"

/* Devices are known here by one letter: ID("a") is 32 of them. */
static const char *id_of(char letter)
{
    static char ids[256][WORLD_DEVICE_ID_LEN + 1];
    char *id = ids[(unsigned char)letter];
    memset(id, letter, WORLD_DEVICE_ID_LEN);
    return id;
}

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccc"
#define D "dddddddddddddddddddddddddddddddd"

static const char small_world[] =
    "{\"devices\":["
    "{\"id\":\"" A
    "\",\"account\":\"u1\",\"aliases\":[\"x\",\"y\"],\"tags\":[\"male\",\"active\"]},"
    "{\"id\":\"" B "\",\"type\":\"iOS\",\"account\":\"u1\",\"tags\":[\"male\",\"abroad\"]},"
    "{\"id\":\"" C "\",\"type\":\"HARMONY\",\"account\":\"u2\",\"aliases\":[\"x\"],"
    "\"tags\":[\"male\",\"old\",\"active\"]},"
    "{\"id\":\"" D "\",\"app_key\":7,\"tags\":[\"male\"],\"offline\":true}],"
    "\"tags\":{\"vip\":{\"ACCOUNT\":[\"u1\"]},\"club\":{\"ALIAS\":[\"x\"],\"DEVICE\":[\"" A
    "\"]}}}";

static void load(struct world *w, const char *json)
{
    struct err e;
    world_init(w);
    if (!world_load(w, json, strlen(json), &e))
        fail_msg("%s", e.text);
}

/* --- loading --------------------------------------------------------------------------------- */

static void test_what_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *json, *text;
    } rows[] = {
        {"{\"devices\":[", "line 1: "},
        {"[]", "devices: a list is expected"},
        {"{\"tags\":{}}", "devices: a list is expected"},
        {"{\"devices\":[],\"x\":1}", "x: unknown member"},
        {"{\"devices\":[{}]}", "devices[0]: id: "},
        {"{\"devices\":[{\"id\":\"A\"}]}", "devices[0]: id: "},
        {"{\"devices\":[{\"id\":\"" A "\"},{\"id\":\"" A "\"}]}", "devices[1]: id: given twice"},
        {"{\"devices\":[{\"id\":\"" A "\",\"type\":\"ios\"}]}", "devices[0]: type: "},
        {"{\"devices\":[{\"id\":\"" A "\",\"account\":\"\"}]}", "devices[0]: account: "},
        {"{\"devices\":[{\"id\":\"" A "\",\"account\":\"a,b\"}]}", "devices[0]: account: "},
        {"{\"devices\":[{\"id\":\"" A "\",\"aliases\":\"x\"}]}", "devices[0]: aliases: "},
        {"{\"devices\":[{\"id\":\"" A "\",\"tags\":[1]}]}", "devices[0]: tags: "},
        {"{\"devices\":[{\"id\":\"" A "\",\"tags\":[\"a,b\"]}]}", "devices[0]: tag a,b: "},
        {"{\"devices\":[{\"id\":\"" A "\",\"app_key\":0}]}", "devices[0]: app_key: "},
        {"{\"devices\":[{\"id\":\"" A "\",\"offline\":1}]}", "devices[0]: offline: "},
        {"{\"devices\":[{\"id\":\"" A "\",\"colour\":1}]}", "devices[0]: colour: unknown"},
        {"{\"devices\":[],\"tags\":[]}", "tags: an object"},
        {"{\"devices\":[],\"tags\":{\"t\":[]}}", "tag t: an object"},
        {"{\"devices\":[],\"tags\":{\"t\":{\"DEVICE\":1}}}", "tag t: DEVICE: a list"},
        {"{\"devices\":[],\"tags\":{\"t\":{\"PHONE\":[\"1\"]}}}", "tag t: PHONE: a key"},
        {"{\"devices\":[],\"tags\":{\"\":{\"ALIAS\":[\"1\"]}}}", "tag : a name"},
    };
    struct world w;
    load(&w, small_world);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err e = {0};
        assert_false(world_load(&w, rows[i].json, strlen(rows[i].json), &e));
        if (strncmp(e.text, rows[i].text, strlen(rows[i].text)) != 0)
            fail_msg("%s: %s", rows[i].json, e.text);
    }
    assert_int_equal(w.device_count, 4); /* as it was */
    world_free(&w);
}

static void test_a_file(void **state)
{
    (void)state;
    struct world w;
    struct err e;
    char path[] = "/tmp/test-mock-world-XXXXXX";
    FILE *f = fdopen(mkstemp(path), "w");
    assert_non_null(f);
    fputs(small_world, f);
    fclose(f);
    world_init(&w);
    assert_true(world_load_file(&w, path, &e));
    assert_int_equal(w.device_count, 4);
    assert_int_equal(w.pair_count, 11);
    remove(path);
    assert_false(world_load_file(&w, path, &e));
    world_free(&w);
}

/* --- audiences ------------------------------------------------------------------------------- */

/* The letters of the devices found, in the order of the alphabet. */
static const char *who(struct world *w, const char *target, const char *value, const char *type,
                       int64_t app_key)
{
    static char letters[32];
    struct audience found;
    struct audience_ask ask = {target, value, type, app_key};
    size_t n = 0;
    audience_find(w, &ask, &found);
    for (char c = 'a'; c <= 'z'; c++)
        for (size_t i = 0; i < found.count; i++)
            if (w->devices[found.items[i]]->id[0] == c)
                letters[n++] = c; /* twice, if it is there twice */
    letters[n] = '\0';
    audience_free(&found);
    return letters;
}

static void test_targets(void **state)
{
    (void)state;
    static const struct {
        const char *target, *value, *type, *devices;
        int64_t app_key;
    } rows[] = {
        {"DEVICE", A "," B "," A, "ALL", "ab", 1},
        {"DEVICE", A "," B, "iOS", "b", 1},
        {"DEVICE", "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee", "ALL", "", 1},
        {"DEVICE", D, "ALL", "", 1}, /* another app's */
        {"DEVICE", D, "ALL", "d", 7},
        {"ACCOUNT", "u1", "ALL", "ab", 1},
        {"ACCOUNT", "u1,u2,u3", "ALL", "abc", 1},
        {"ALIAS", "x,y", "ALL", "ac", 1},
        {"ALIAS", "x", "HARMONY", "c", 1},
        {"ALL", "ALL", "ALL", "abc", 1},
        {"ALL", "ALL", "ALL", "abcd", 7},
        {"ALL", "ALL", "ANDROID", "a", 1},
        {"TBD", "TBD", "ALL", "", 1},
    };
    struct world w;
    load(&w, small_world);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *found = who(&w, rows[i].target, rows[i].value, rows[i].type, rows[i].app_key);
        if (strcmp(found, rows[i].devices) != 0)
            fail_msg("%s %s: %s", rows[i].target, rows[i].value, found);
    }
    world_free(&w);
}

static void test_tags(void **state)
{
    (void)state;
    static const struct {
        const char *expression, *devices;
    } rows[] = {
        {"male", "abc"},
        {"{\"tag\":\"male\"}", "abc"},
        {"nobody", ""},
        {"{\"and\":[{\"tag\":\"male\"},{\"tag\":\"active\"}]}", "ac"},
        {"{\"or\":[{\"tag\":\"abroad\"},{\"tag\":\"old\"}]}", "bc"},
        {"{\"and\":[{\"tag\":\"male\"},{\"not\":{\"tag\":\"old\"}}]}", "ab"},
        /* the page's own example: male, not old, and active or not abroad */
        {"{\"and\":[{\"tag\":\"male\"},{\"not\":{\"tag\":\"old\"}},"
         "{\"or\":[{\"tag\":\"active\"},{\"not\":{\"tag\":\"abroad\"}}]}]}",
         "a"},
        {"{\"and\":[{\"tag\":\"male\"},{\"or\":[{\"tag\":\"nobody\"},{\"not\":{\"tag\":\"abroad\"}}"
         "]}]}",
         "ac"},
        /* a "not" adds nobody who has none of the tags */
        {"{\"or\":[{\"tag\":\"old\"},{\"not\":{\"tag\":\"abroad\"}}]}", "c"},
        {"vip", "ab"},
        {"club", "ac"},
        /* evaluated on pairs: u1 is logged in on a, which is male, but (ACCOUNT,u1) is not */
        {"{\"and\":[{\"tag\":\"male\"},{\"tag\":\"vip\"}]}", ""},
        {"{\"or\":[{\"tag\":\"old\"},{\"tag\":\"vip\"}]}", "abc"},
        {"{\"and\":[{\"tag\":\"male\"},{\"tag\":\"club\"}]}", "a"},
        {"{\"and\":[{\"tag\":\"club\"},{\"not\":{\"tag\":\"male\"}}]}", "ac"}, /* by (ALIAS,x) */
    };
    struct world w;
    load(&w, small_world);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *found = who(&w, "TAG", rows[i].expression, "ALL", 1);
        if (strcmp(found, rows[i].devices) != 0)
            fail_msg("%s: %s", rows[i].expression, found);
    }
    world_free(&w);
}

/* --- changes --------------------------------------------------------------------------------- */

static void test_changes(void **state)
{
    (void)state;
    struct world w;
    char pair[WORLD_PAIR_SIZE];
    load(&w, small_world);
    struct world_device *a = world_find(&w, id_of('a')), *b = world_find(&w, id_of('b'));
    world_unbind_alias(&w, a, "x");
    world_unbind_alias(&w, a, "x");
    assert_string_equal(who(&w, "ALIAS", "x", "ALL", 1), "c");
    assert_int_equal(world_bind_alias(&w, b, "x"), WORLD_BOUND);
    assert_int_equal(world_bind_alias(&w, b, "x"), WORLD_BOUND);
    assert_string_equal(who(&w, "ALIAS", "x", "ALL", 1), "bc");
    assert_string_equal(who(&w, "TAG", "club", "ALL", 1), "abc");
    world_log_in(&w, b, "u2"); /* one account on a device */
    assert_string_equal(who(&w, "ACCOUNT", "u1", "ALL", 1), "a");
    assert_string_equal(who(&w, "ACCOUNT", "u2", "ALL", 1), "bc");
    world_log_in(&w, b, NULL);
    assert_string_equal(who(&w, "ACCOUNT", "u2", "ALL", 1), "c");
    assert_true(world_pair("ACCOUNT", "u1,rest", 2, pair));
    world_untag(&w, "vip", pair);
    assert_string_equal(who(&w, "TAG", "vip", "ALL", 1), "");
    assert_true(world_tag(&w, "vip", pair));
    assert_string_equal(who(&w, "TAG", "vip", "ALL", 1), "a");
    size_t before = w.pair_count;
    assert_true(world_remove_tag(&w, "male"));
    assert_false(world_remove_tag(&w, "male"));
    assert_int_equal(before - w.pair_count, 4);
    assert_string_equal(who(&w, "TAG", "male", "ALL", 1), "");
    assert_false(world_pair("PHONE", "1", 1, pair));
    assert_false(world_pair("ALIAS", "", 0, pair));
    world_free(&w);
}

static void test_bounds(void **state)
{
    (void)state;
    struct world w;
    char name[33];
    world_init(&w);
    struct world_device *first = world_add(&w, id_of('a'));
    for (int i = 0; i < WORLD_ALIASES_PER_DEVICE; i++) {
        snprintf(name, sizeof name, "alias%d", i);
        assert_int_equal(world_bind_alias(&w, first, name), WORLD_BOUND);
    }
    assert_int_equal(world_bind_alias(&w, first, "more"), WORLD_DEVICE_FULL);
    for (int i = 1; i < WORLD_DEVICES_PER_ALIAS; i++) {
        snprintf(name, sizeof name, "%032d", i);
        assert_int_equal(world_bind_alias(&w, world_add(&w, name), "alias0"), WORLD_BOUND);
    }
    assert_int_equal(world_bind_alias(&w, world_add(&w, id_of('b')), "alias0"), WORLD_ALIAS_FULL);
    for (int i = 0; i < WORLD_TAGS_MAX; i++) {
        snprintf(name, sizeof name, "t%d", i);
        assert_true(world_tag(&w, name, "U:u"));
    }
    assert_false(world_tag(&w, "more", "U:u"));
    assert_true(world_tag(&w, "t1", "U:v"));
    world_free(&w);
}

/* --- inboxes --------------------------------------------------------------------------------- */

struct post {
    struct world w;
    struct inbox b;
    uint64_t id;
};

static void post(struct post *p, const char *target, const char *value, const char *const *more)
{
    struct made m;
    made_init(&m, "POST", true);
    made_param(&m, "Target", target, false);
    made_param(&m, "TargetValue", value, false);
    for (; more && *more; more += 2)
        made_param(&m, more[0], more[1], false);
    struct inbox_push push = {.id = ++p->id,
                              .fields = &m.q.fields,
                              .app_key = "7",
                              .token = "",
                              .action = "Push",
                              .now_ms = 1000};
    inbox_deliver(&p->b, &p->w, &push);
    made_free(&m);
}

static json_t *report(const struct post *p, char device, int64_t now_ms)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    if (device)
        inbox_report_device(&p->b, world_find(&p->w, id_of(device)), now_ms, &out);
    else
        inbox_report_all(&p->b, &p->w, now_ms, true, &out);
    json_t *root = json_loads(buf_text(&out), JSON_REJECT_DUPLICATES, NULL);
    if (!root)
        fail_msg("not JSON: %s", buf_text(&out));
    buf_free(&out);
    return root;
}

static int64_t number(const struct post *p, char device, const char *name)
{
    json_t *root = report(p, device, 1000);
    const json_t *n = json_object_get(root, name);
    int64_t result = json_is_integer(n) ? json_integer_value(n) : -1;
    json_decref(root);
    return result;
}

static void open_post(struct post *p)
{
    *p = (struct post){0};
    inbox_init(&p->b);
    load(&p->w, small_world);
}

static void close_post(struct post *p)
{
    inbox_free(&p->b);
    world_free(&p->w);
}

static void test_inboxes(void **state)
{
    (void)state;
    static const char *const one[] = {"JobKey", "j1", "Title", "T", "Body", "one", NULL},
                             *const two[] = {"JobKey", "j2", "Body", "two", NULL},
                             *const again[] = {"JobKey", "j3", "Body", "two", NULL};
    struct post p;
    open_post(&p);
    post(&p, "ACCOUNT", "u1", one);
    post(&p, "DEVICE", A, two);
    post(&p, "DEVICE", id_of('e'), two);
    assert_int_equal(number(&p, 'a', "count"), 2);
    assert_int_equal(number(&p, 'b', "count"), 1);
    assert_int_equal(number(&p, 'c', "count"), 0);
    assert_int_equal(number(&p, 0, "count"), 3);
    assert_int_equal(number(&p, 0, "messages"), 3);
    assert_int_equal(number(&p, 0, "unreached"), 1);
    assert_int_equal(number(&p, 0, "duplicates"), 0);
    post(&p, "DEVICE", A, two);
    assert_int_equal(number(&p, 'a', "duplicates"), 1); /* the JobKey came before */
    assert_int_equal(number(&p, 'a', "same_content"), 1);
    post(&p, "DEVICE", A, again);
    assert_int_equal(number(&p, 'a', "duplicates"), 1);
    assert_int_equal(number(&p, 0, "same_content"), 2);
    json_t *root = report(&p, 'a', 1000);
    json_t *m = json_array_get(json_object_get(root, "messages"), 0);
    assert_string_equal(json_string_value(json_object_get(m, "title")), "T");
    assert_string_equal(json_string_value(json_object_get(m, "body")), "one");
    assert_string_equal(json_string_value(json_object_get(m, "message_id")), "1");
    json_decref(root);
    inbox_clear(&p.b, &p.w);
    assert_int_equal(number(&p, 0, "count"), 0);
    close_post(&p);
}

static void test_scheduled_and_cancelled(void **state)
{
    (void)state;
    static const char *const later[] = {"PushTime", "1970-01-01T00:01:00Z", NULL};
    struct post p;
    open_post(&p);
    post(&p, "DEVICE", A, later);
    assert_int_equal(number(&p, 'a', "count"), 1); /* at once */
    p.b.when_due = true;
    assert_int_equal(number(&p, 'a', "count"), 0);
    json_t *root = report(&p, 'a', 60000);
    assert_int_equal(json_array_size(json_object_get(root, "messages")), 1);
    json_decref(root);
    p.b.when_due = false;
    inbox_cancel(&p.b, 2);
    assert_int_equal(number(&p, 'a', "count"), 1);
    inbox_cancel(&p.b, 1);
    assert_int_equal(number(&p, 'a', "count"), 0);
    close_post(&p);
}

/* d is an Android device that is offline. */
static void test_offline(void **state)
{
    (void)state;
    static const char *const notice[] = {"PushType", "NOTICE", NULL},
                             *const kept[] = {"PushType", "NOTICE", "StoreOffline", "true", NULL},
                             *const message[] = {"PushType", "MESSAGE", NULL},
                             *const remind[] = {"PushType", "MESSAGE", "AndroidRemind", "true",
                                                NULL};
    struct post p;
    open_post(&p);
    post(&p, "DEVICE", D, notice);
    post(&p, "DEVICE", D, message);
    assert_int_equal(number(&p, 'd', "count"), 0);
    post(&p, "DEVICE", D, kept);
    post(&p, "DEVICE", D, remind);
    assert_int_equal(number(&p, 'd', "count"), 2);
    close_post(&p);
}

static void test_without_a_world_nothing_is_kept(void **state)
{
    (void)state;
    struct post p = {0};
    inbox_init(&p.b);
    world_init(&p.w);
    post(&p, "ALL", "ALL", NULL);
    assert_int_equal(p.b.count, 0);
    close_post(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_wrong_is_named),
        cmocka_unit_test(test_a_file),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_inboxes),
        cmocka_unit_test(test_scheduled_and_cancelled),
        cmocka_unit_test(test_offline),
        cmocka_unit_test(test_without_a_world_nothing_is_kept),
    };
    return cmocka_run_group_tests_name("mock world", tests, NULL, NULL);
}
