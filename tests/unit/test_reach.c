/* SPDX-License-Identifier: MIT
 * Every parameter of Push can be set by a job's push object, unless pushbridge sets it itself, and
 * comes out in a signed call that the vendor's list allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "aliyun/request.h"
#include "aliyun/sign.h"
#include "support/api_list.h"

/* What has to stand beside a parameter. The rest passes alone, as a notice. */
static const struct {
    const char *name, *push_type, *beside; /* beside: JSON members */
} company[] = {
    {"AndroidMessageOppoNotifyLevel", "NOTICE", "\"AndroidMessageOppoCategory\":\"IM\""},
    {"AndroidPopupActivity", "NOTICE", "\"AndroidPopupTitle\":\"t\",\"AndroidPopupBody\":\"b\""},
    {"AndroidRemind", "MESSAGE", ""},
    {"DeviceType", "MESSAGE", ""},
    {"HarmonyRemind", "MESSAGE", ""},
    {"HarmonyRemindBody", "MESSAGE", "\"HarmonyRemind\":true"},
    {"HarmonyRemindTitle", "MESSAGE", "\"HarmonyRemind\":true"},
    {"SmsDelaySecs", "NOTICE", "\"SmsTemplateName\":\"t\",\"SmsSignName\":\"s\""},
    {"SmsParams", "NOTICE", "\"SmsTemplateName\":\"t\",\"SmsSignName\":\"s\",\"SmsDelaySecs\":15"},
    {"SmsSendPolicy", "NOTICE",
     "\"SmsTemplateName\":\"t\",\"SmsSignName\":\"s\",\"SmsDelaySecs\":15"},
    {"SmsSignName", "NOTICE", "\"SmsTemplateName\":\"t\",\"SmsDelaySecs\":15"},
    {"SmsTemplateName", "NOTICE", "\"SmsSignName\":\"s\",\"SmsDelaySecs\":15"},
    {"iOSLiveActivityEvent", "NOTICE",
     "\"iOSLiveActivityAttributes\":{},\"iOSLiveActivityAttributesType\":\"t\""},
    {"iOSRemindBody", "MESSAGE", "\"iOSRemind\":true,\"iOSApnsEnv\":\"PRODUCT\""},
    {"iOSSilentNotification", "NOTICE", "\"iOSMutableContent\":true"},
};

static const char *device_type_of(const struct param_row *row)
{
    if (row->platforms & PLATFORM_IOS)
        return "iOS";
    return row->platforms & PLATFORM_HARMONY ? "HARMONY" : "ANDROID";
}

/* A value that the row allows, as it is sent. */
static const char *value_of(const struct param_row *row, char out[80])
{
    if (row->type == PARAM_JSON)
        return row->values && strcmp(row->values, "array") == 0 ? "[\"x\"]" : "{\"k\":1}";
    if (row->type == PARAM_BOOL)
        return "true";
    if (row->type == PARAM_DOUBLE)
        return "0.5";
    if (row->values) {
        size_t len = strcspn(row->values, "|");
        assert_true(len < 80);
        memcpy(out, row->values, len);
        out[len] = '\0';
        return out;
    }
    if (row->type == PARAM_STRING)
        return "https://x/1";
    snprintf(out, 80, "%lld", (long long)(row->min < row->max ? row->max : 7));
    return out;
}

static json_t *push_object(const struct param_row *row, const char *value, const char **push_type)
{
    char text[400];
    const char *beside = "", *quote = row->type == PARAM_STRING ? "\"" : "";
    *push_type = "NOTICE";
    for (size_t i = 0; i < sizeof company / sizeof company[0]; i++)
        if (strcmp(company[i].name, row->name) == 0) {
            beside = company[i].beside;
            *push_type = company[i].push_type;
        }
    bool is_ios = (row->platforms & PLATFORM_IOS) && !strstr(beside, "iOSApnsEnv");
    snprintf(text, sizeof text, "{%s%s%s\"%s\":%s%s%s}", beside, *beside ? "," : "",
             is_ios && strcmp(row->name, "iOSApnsEnv") != 0 ? "\"iOSApnsEnv\":\"DEV\"," : "",
             row->name, quote, value, quote);
    json_t *push = json_loads(text, 0, NULL);
    if (!push)
        fail_msg("%s", text);
    return push;
}

static void set_base(struct params *p, const char *device_type, const char *push_type)
{
    params_init(p);
    params_set(p, "AppKey", "333000111");
    params_set(p, "Target", "ALL");
    params_set(p, "TargetValue", "ALL");
    params_set(p, "DeviceType", device_type);
    params_set(p, "PushType", push_type);
    params_set(p, "Title", "t");
    params_set(p, "Body", "b");
}

static void assert_signed(struct params *p, const char *name, const char *value)
{
    const struct endpoint ep = {"https://x", "x", SIGNATURE_V3, 8000, 1800};
    const struct credentials key = {"id", "secret", NULL};
    struct wire wire;
    struct buf pair;
    wire_init(&wire);
    buf_init(&pair, 1000);
    buf_puts(&pair, name);
    buf_putc(&pair, '=');
    sign_encode(&pair, value);
    wire_sign(&ep, &key, "Push", p, "2026-03-05T07:08:09Z", "n", &wire);
    if (!strstr(buf_text(&wire.target), buf_text(&pair)))
        fail_msg("%s is not in %s", buf_text(&pair), buf_text(&wire.target));
    buf_free(&pair);
    wire_free(&wire);
}

static void reach(const struct param_row *row)
{
    char text[80];
    const char *push_type, *name, *sent = value_of(row, text);
    struct params p;
    struct err e = {""};
    json_t *value;
    json_t *push = push_object(row, sent, &push_type);
    set_base(&p, device_type_of(row), push_type);
    json_object_foreach(push, name, value)
    {
        if (!params_override(&p, name, value, &e))
            fail_msg("%s", e.text);
    }
    if (!params_check(&p, 1800, &e))
        fail_msg("%s: %s", row->name, e.text);
    assert_string_equal(params_get(&p, row->name), sent);
    assert_on_list("Push", p.v, p.n);
    assert_signed(&p, row->name, sent);
    params_free(&p);
    json_decref(push);
}

static void every_parameter_reaches_the_wire(void **state)
{
    size_t reached = 0;
    (void)state;
    for (size_t i = 0; i < params_push_count; i++)
        if (!params_push[i].reserved) {
            reach(&params_push[i]);
            reached++;
        }
    assert_int_equal(reached, 116 + 5 - 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_parameter_reaches_the_wire)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
