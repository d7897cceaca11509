/* SPDX-License-Identifier: MIT
 * Answers of the provider, printed (show, answer_xml): against the samples of the reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aliyun/answer_xml.h"
#include "cli/manage/show.h"

/* What show prints of an answer; the caller frees. */
static char *shown(struct show *s, const char *key, const json_t *answer)
{
    char *text = NULL;
    size_t len;
    s->out = open_memstream(&text, &len);
    show_answer(s, key, answer);
    fclose(s->out);
    return text;
}

static json_t *parse(const char *body)
{
    json_t *answer = json_loads(body, JSON_ALLOW_NUL, NULL);
    return answer ? answer : answer_from_xml(body, strlen(body));
}

static void assert_shown(const char *action, const char *key_name, bool json, const char *body,
                         const char *want)
{
    struct show s = {.action = actions_find(action), .key_name = key_name, .json = json};
    json_t *answer = parse(body);
    assert_non_null(answer);
    char *text = shown(&s, key_name ? "k1" : NULL, answer);
    assert_string_equal(text, want);
    free(text);
    json_decref(answer);
}

/* --- the samples ----------------------------------------------------------------------------- */

static const char *text_of(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

static void append_lines(struct buf *out, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        buf_printf(out, "%s\n", json_string_value(json_array_get(list, i)));
}

/* A list of one column is one element a line, in JSON and XML and in every shape. */
static size_t show_sample(const json_t *sample)
{
    static const char *const members[] = {"tags", "aliases"};
    const struct action_row *a = actions_find(text_of(sample, "action"));
    size_t n = 0;
    for (size_t i = 0; i < 2; i++) {
        const json_t *want = json_object_get(json_object_get(sample, "expect"), members[i]);
        struct buf lines;
        if (!want)
            continue;
        buf_init(&lines, 1000);
        append_lines(&lines, want);
        assert_shown(a->name, NULL, false, text_of(sample, "body"), buf_text(&lines));
        buf_free(&lines);
        n++;
    }
    return n;
}

static void samples_are_shown(void **state)
{
    json_t *root = json_load_file("tests/vectors/responses.json", 0, NULL);
    json_t *list = json_object_get(root, "responses");
    size_t shown_n = 0, parsed = 0;
    (void)state;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *sample = json_array_get(list, i);
        if (strcmp(text_of(sample, "class"), "ok") != 0)
            continue;
        struct show s = {.action = actions_find(text_of(sample, "action"))};
        json_t *answer = parse(text_of(sample, "body"));
        assert_non_null(s.action);
        assert_non_null(answer);
        free(shown(&s, NULL, answer));
        json_decref(answer);
        parsed++;
        shown_n += show_sample(sample);
    }
    json_decref(root);
    assert_true(parsed >= 30);
    assert_true(shown_n >= 8);
}

/* --- shapes ---------------------------------------------------------------------------------- */

static void lists_in_any_shape(void **state)
{
    (void)state;
    assert_shown("MassPush", NULL, false, "{\"MessageIds\":{\"MessageId\":[\"1\",2]}}", "1\n2\n");
    assert_shown("MassPushV2", NULL, false, "{\"MessageIds\":[\"1\",9007199254740993]}",
                 "1\n9007199254740993\n");
    assert_shown("ListTags", NULL, false, "{\"TagInfos\":[{\"TagName\":\"a\"}]}", "a\n");
    assert_shown("ListTags", NULL, false, "{\"TagInfos\":{\"TagInfo\":{\"TagName\":\"a\"}}}",
                 "a\n");
    assert_shown("QueryAliases", NULL, false,
                 "<Q><AliasInfos><AliasName>a</AliasName><AliasName>b</AliasName></AliasInfos></Q>",
                 "a\nb\n");
    assert_shown("ListTags", NULL, false, "{\"RequestId\":\"r\"}", "");
    assert_shown("ListTags", NULL, false, "{\"TagInfos\":null}", "");
}

static void tables_have_a_head(void **state)
{
    (void)state;
    assert_shown("CheckDevices", NULL, false,
                 "{\"DeviceCheckInfos\":{\"DeviceCheckInfo\":[{\"DeviceId\":\"d1\",\"Available\":"
                 "true},{\"DeviceId\":\"device22\",\"Available\":false}]}}",
                 "DeviceId  Available\nd1        true\ndevice22  false\n");
    assert_shown("QueryTags", "ClientKey", false,
                 "{\"TagInfos\":{\"TagInfo\":[{\"TagName\":\"a\"}]}}",
                 "ClientKey  TagName\nk1         a\n");
}

static void objects_are_lines(void **state)
{
    (void)state;
    assert_shown("QueryDeviceInfo", NULL, false,
                 "{\"RequestId\":\"r\",\"DeviceInfo\":{\"DeviceId\":\"d\",\"Online\":false}}",
                 "DeviceId                       d\nOnline                         false\n");
    assert_shown("CheckCertificate", NULL, false,
                 "{\"IOS\":true,\"ProductionCertInfo\":{\"Status\":\"OK\",\"ExipreTime\":0}}",
                 "IOS                            true\n"
                 "ProductionCertInfo.Status      OK\n"
                 "ProductionCertInfo.ExipreTime  0\n");
    assert_shown("BindTag", NULL, false, "{\"RequestId\":\"r\"}", "");
}

static void json_is_the_answer(void **state)
{
    (void)state;
    assert_shown("ListTags", NULL, true, "{\"TagInfos\": {\"TagInfo\": []}, \"RequestId\": \"r\"}",
                 "{\"TagInfos\":{\"TagInfo\":[]},\"RequestId\":\"r\"}\n");
    assert_shown("QueryTags", "ClientKey", true, "{\"RequestId\":\"r\"}",
                 "{\"ClientKey\":\"k1\",\"RequestId\":\"r\"}\n");
}

static void nothing_steers_a_terminal(void **state)
{
    (void)state;
    assert_shown("ListTags", NULL, false,
                 "{\"TagInfos\":{\"TagInfo\":[{\"TagName\":\"\\u001b[1m\\u009b\"}]}}",
                 "\\u001b[1m\\u009b\n");
    assert_shown("CheckDevice", NULL, false, "{\"A\\nvailable\":\"a\\nb\"}",
                 "A\\nvailable                    a\\nb\n");
}

static void refuses_odd_xml(void **state)
{
    static const char *const bodies[] = {
        "",
        "<a>",
        "text",
        "<a>only text</a>",
        "<!DOCTYPE a [<!ENTITY e \"x\">]><a><b>&e;</b></a>",
        "<a><b><c><d><e><f><g><h><i>deep</i></h></g></f></e></d></c></b></a>"};
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        assert_null(answer_from_xml(bodies[i], strlen(bodies[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_are_shown),  cmocka_unit_test(lists_in_any_shape),
        cmocka_unit_test(tables_have_a_head), cmocka_unit_test(objects_are_lines),
        cmocka_unit_test(json_is_the_answer), cmocka_unit_test(nothing_steers_a_terminal),
        cmocka_unit_test(refuses_odd_xml),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
