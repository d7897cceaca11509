/* SPDX-License-Identifier: MIT
 * The actions beside Push and MassPush, from a call's parameters to its answer: params,
 * manage_bind, manage_device, manage_stat, continuous, simple, v2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "mock/check/params.h"
#include "mock/world/actions.h"
#include "mock/world/world_load.h"
#include "support/made_request.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccc"

static const int64_t now_ms = INT64_C(1772694489000); /* 2026-03-05T07:08:09Z */
static const char world_text[] =
    "{\"devices\":[{\"id\":\"" A "\",\"type\":\"iOS\",\"account\":\"u1\",\"aliases\":[\"x\"],"
    "\"tags\":[\"t1\",\"t2\"],\"token\":\"tok\"},{\"id\":\"" B "\",\"account\":\"u1\"},"
    "{\"id\":\"" C "\",\"app_key\":9}]}";

/* --- one call, from its parameters to its answer --------------------------------------------- */

static struct provider provider;
static char answer[65536]; /* JSON, or the code of a refusal */

static void answer_is(struct deed *d, const char *code)
{
    char *text = d->answer && !*code ? json_dumps(d->answer, JSON_COMPACT) : NULL;
    snprintf(answer, sizeof answer, "%s", text ? text : code);
    free(text);
    json_decref(d->answer);
}

/* "Name=value&Name=value", as call.c would run it at that time. */
static const char *call_at(const char *action, const char *params, const char *method,
                           int64_t at_ms)
{
    struct made m;
    struct refusal r = {0};
    struct replay_stay stay = {0};
    made_init(&m, method, true);
    m.q.action = action;
    m.q.version = "2016-08-01";
    assert_true(fields_parse(&m.q.fields, params, strlen(params), false));
    fields_sort(&m.q.fields);
    uint64_t seq = record_arrival(&provider.record, &m.q, at_ms, false);
    struct deed d = {
        .provider = &provider, .request = &m.q, .stay = &stay, .now_ms = at_ms, .refusal = &r};
    const struct action *known = actions_row(&m.q);
    assert_non_null(known);
    enum record_outcome outcome = RECORD_REFUSED;
    if (known->check(&provider.rules, &m.q, at_ms, &r))
        outcome = known->act(&d);
    assert_int_equal(outcome == RECORD_REFUSED, r.status != 0);
    record_outcome(&provider.record, seq, &m.q, outcome);
    record_find(&provider.record, seq)->ids = d.ids;
    answer_is(&d, r.code);
    made_free(&m);
    return answer;
}

static const char *call(const char *action, const char *params)
{
    return call_at(action, params, "POST", now_ms);
}

static int open_world(void **state)
{
    struct err e;
    (void)state;
    provider_init(&provider, NULL, 1000);
    provider.next_message_id = 1000;
    return world_load(&provider.world, world_text, sizeof world_text - 1, &e) ? 0 : -1;
}

static int open_nothing(void **state)
{
    (void)state;
    provider_init(&provider, NULL, 1000);
    provider.next_message_id = 1000;
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    provider_free(&provider);
    return 0;
}

struct step {
    const char *action, *params, *answer;
};

static void take(const struct step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(call(steps[i].action, steps[i].params), steps[i].answer) != 0)
            fail_msg("step %zu, %s %s: %s", i, steps[i].action, steps[i].params, answer);
}
#define TAKE(steps) take(steps, sizeof(steps) / sizeof(*(steps)))

/* --- parameters ------------------------------------------------------------------------------ */

static void compare_row(const char *action, json_t *list)
{
    size_t i;
    json_t *entry;
    char word[80];
    char row[512];
    snprintf(row, sizeof row, " %s ", params_row(action));
    json_array_foreach(list, i, entry)
    {
        const char *name = json_string_value(json_object_get(entry, "name"));
        bool required = json_is_true(json_object_get(entry, "required"));
        snprintf(word, sizeof word, " %s", name);
        const char *at = row;
        while ((at = strstr(at, word)) && strchr("! 1", at[strlen(word)]) == NULL)
            at++;
        if (!at || (at[strlen(word)] == '!') != required)
            fail_msg("%s %s: unknown, or not %s", action, name, required ? "required" : "optional");
    }
    size_t words = 0;
    for (const char *p = row; p[0] && p[1]; p++)
        words += p[0] == ' ' && p[1] != ' ';
    assert_int_equal(words, json_array_size(list));
}

static void test_actions_match_the_vendors_list(void **state)
{
    (void)state;
    const char *action;
    json_t *entry, *root = json_load_file("tests/vectors/api-metadata.json", 0, NULL);
    json_t *all = json_object_get(root, "actions");
    assert_int_equal(json_object_size(all), 33);
    assert_int_equal(params_action_count(), 31);
    json_object_foreach(all, action, entry)
    {
        const struct request q = {.action = action, .version = "2016-08-01"};
        if (!actions_row(&q))
            fail_msg("%s is unknown", action);
        if (strcmp(action, "Push") != 0 && strcmp(action, "MassPush") != 0)
            compare_row(action, json_object_get(entry, "parameters"));
    }
    json_decref(root);
}

static char *repeated(const char *before, const char *item, int n, const char *after)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_puts(&b, before);
    for (int i = 0; i < n; i++)
        buf_printf(&b, "%s%s", i ? "," : "", item);
    buf_puts(&b, after);
    return buf_take(&b);
}

static void test_parameters(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {"ListTags", "", "MissingAppKey"},
        {"ListTags", "AppKey=x", "InvalidAppKey.Format"},
        {"ListTags", "AppKey=1&Colour=red", "InvalidParameter"},
        {"ListTags", "AppKey=1&AppKey=2", "InvalidParameter"},
        {"ListTags", "AppKey=1&RegionId=cn", "{\"TagInfos\":{\"TagInfo\":[]}}"},
        {"RemoveTag", "AppKey=1&TagName=", "InvalidTagName.Empty"},
        {"RemoveTag", "AppKey=1&TagName=a,b", "InvalidTagName.LengthExceed"},
        {"BindTag", "AppKey=1&ClientKey=a&KeyType=PHONE&TagName=t", "InvalidClientKey.Format"},
        {"BindTag", "AppKey=1&ClientKey=a&KeyType=DEVICE&TagName=t", "InvalidClientKey.Format"},
        {"BindTag", "AppKey=1&ClientKey=a&KeyType=ALIAS&TagName=t,", "InvalidTagName.Format"},
        {"BindAlias", "AppKey=1&DeviceId=short&AliasName=x", "InvalidDeviceId.Format"},
        {"QueryPushRecords", "AppKey=1&StartTime=2026-01-01T00:00:00Z", "MissingEndTime"},
        {"CheckDevices", "AppKey=1&DeviceIds=" A ",", "InvalidDeviceIds.Format"},
    };
    static const struct {
        const char *action, *before, *item, *after;
        int most;
    } lists[] = {
        {"BindTag", "AppKey=1&KeyType=ACCOUNT&TagName=t&ClientKey=", "u", "", 1000},
        {"BindTag", "AppKey=1&KeyType=ACCOUNT&ClientKey=u&TagName=", "t", "", 10},
        {"UnbindTag", "AppKey=1&KeyType=ACCOUNT&ClientKey=u&TagName=", "t", "", 10},
        {"BindAlias", "AppKey=1&DeviceId=" A "&AliasName=", "al", "", 10},
        {"UnbindAlias", "AppKey=1&DeviceId=" A "&AliasName=", "al", "", 10},
        {"CheckDevices", "AppKey=1&DeviceIds=", A, "", 100},
        {"QueryTags", "AppKey=1&KeyType=ALIAS&ClientKey=", "al", "", 1},
    };
    TAKE(steps);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        for (int over = 0; over < 2; over++) {
            char *params = repeated(lists[i].before, lists[i].item, lists[i].most + over, "");
            bool exceeds = strstr(call(lists[i].action, params), ".LengthExceed") != NULL;
            if (exceeds != over)
                fail_msg("%s of %d: %s", lists[i].action, lists[i].most + over, answer);
            mem_free(params);
        }
}

/* --- tags, aliases, devices ------------------------------------------------------------------ */

static void test_tags(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {"QueryTags", "AppKey=1&KeyType=DEVICE&ClientKey=" A,
         "{\"TagInfos\":{\"TagInfo\":[{\"TagName\":\"t1\"},{\"TagName\":\"t2\"}]}}"},
        {"BindTag", "AppKey=1&KeyType=ACCOUNT&ClientKey=u1,u2&TagName=t1,new", ""},
        {"QueryTags", "AppKey=1&KeyType=ACCOUNT&ClientKey=u2",
         "{\"TagInfos\":{\"TagInfo\":[{\"TagName\":\"t1\"},{\"TagName\":\"new\"}]}}"},
        {"UnbindTag", "AppKey=1&KeyType=ACCOUNT&ClientKey=u2&TagName=t1,t2", ""},
        {"QueryTags", "AppKey=1&KeyType=ACCOUNT&ClientKey=u2",
         "{\"TagInfos\":{\"TagInfo\":[{\"TagName\":\"new\"}]}}"},
        {"QueryTags", "AppKey=1&KeyType=ALIAS&ClientKey=u2", "{\"TagInfos\":{\"TagInfo\":[]}}"},
        {"RemoveTag", "AppKey=1&TagName=t1", ""},
        {"ListTags", "AppKey=1",
         "{\"TagInfos\":{\"TagInfo\":[{\"TagName\":\"t2\"},{\"TagName\":\"new\"}]}}"},
    };
    TAKE(steps);
}

static void test_no_more_than_100_tags_are_listed(void **state)
{
    (void)state;
    char params[80];
    for (int i = 0; i < 120; i++) {
        snprintf(params, sizeof params, "AppKey=1&KeyType=ALIAS&ClientKey=a&TagName=t%d", i);
        assert_string_equal(call("BindTag", params), "");
    }
    json_t *root = json_loads(call("ListTags", "AppKey=1"), 0, NULL);
    json_t *infos = json_object_get(root, "TagInfos");
    assert_int_equal(json_array_size(json_object_get(infos, "TagInfo")), 100);
    json_decref(root);
}

static void test_aliases(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {"BindAlias", "AppKey=1&DeviceId=" A "&AliasName=y,z", ""},
        {"BindAlias", "AppKey=1&DeviceId=" B "&AliasName=y", ""},
        {"BindAlias", "AppKey=1&DeviceId=" C "&AliasName=y", "InvalidDeviceId.NotFound"},
        {"QueryAliases", "AppKey=1&DeviceId=" A,
         "{\"AliasInfos\":{\"AliasInfo\":[{\"AliasName\":\"x\"},{\"AliasName\":\"y\"},"
         "{\"AliasName\":\"z\"}]}}"},
        {"QueryDevicesByAlias", "AppKey=1&Alias=y",
         "{\"DeviceIds\":{\"DeviceId\":[\"" A "\",\"" B "\"]}}"},
        {"UnbindAlias", "AppKey=1&DeviceId=" A, "MissingAliasName"},
        {"UnbindAlias", "AppKey=1&DeviceId=" A "&UnbindAll=false", "MissingAliasName"},
        {"UnbindAlias", "AppKey=1&DeviceId=" A "&AliasName=y", ""},
        {"QueryDevicesByAlias", "AppKey=1&Alias=y", "{\"DeviceIds\":{\"DeviceId\":[\"" B "\"]}}"},
        {"UnbindAlias", "AppKey=1&DeviceId=" A "&UnbindAll=true", ""},
        {"QueryAliases", "AppKey=1&DeviceId=" A, "{\"AliasInfos\":{\"AliasInfo\":[]}}"},
        {"QueryDevicesByAlias", "AppKey=1&Alias=x", "{\"DeviceIds\":{\"DeviceId\":[]}}"},
        {"QueryDevicesByAccount", "AppKey=1&Account=u1",
         "{\"DeviceIds\":{\"DeviceId\":[\"" A "\",\"" B "\"]}}"},
    };
    TAKE(steps);
}

static void test_devices(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {"BindPhone", "AppKey=1&DeviceId=" A "&PhoneNumber=100", ""},
        {"QueryDeviceInfo", "AppKey=1&DeviceId=" A,
         "{\"DeviceInfo\":{\"DeviceId\":\"" A "\",\"DeviceType\":\"iOS\",\"DeviceToken\":\"tok\","
         "\"Account\":\"u1\",\"Alias\":\"x\",\"Tags\":\"t1,t2\",\"PhoneNumber\":\"100\","
         "\"Online\":true,\"LastOnlineTime\":\"2026-03-05T07:08:09Z\",\"PushEnabled\":true,"
         "\"Brand\":\"mock\",\"Model\":\"mock\"}}"},
        {"UnbindPhone", "AppKey=1&DeviceId=" A, ""},
        {"QueryDeviceInfo", "AppKey=1&DeviceId=" C, "InvalidDeviceId.NotFound"},
        {"CheckDevice", "AppKey=1&DeviceId=" A, "{\"Available\":true}"},
        {"CheckDevice", "AppKey=1&DeviceId=" C, "{\"Available\":false}"},
        {"CheckDevices", "AppKey=1&DeviceIds=" A "," C,
         "{\"DeviceCheckInfos\":{\"DeviceCheckInfo\":[{\"DeviceId\":\"" A "\",\"Available\":true},"
         "{\"DeviceId\":\"" C "\",\"Available\":false}]}}"},
        {"ListSummaryApps", "", "{\"SummaryAppInfos\":{\"SummaryAppInfo\":[]}}"},
        {"CheckCertificate", "AppKey=1",
         "{\"Android\":true,\"IOS\":true,\"ProductionCertInfo\":{\"Status\":\"OK\","
         "\"ExipreTime\":1804230489000},\"DevelopmentCertInfo\":{\"Status\":\"OK\","
         "\"ExipreTime\":1804230489000}}"},
    };
    TAKE(steps);
    provider.rules.app_keys[provider.rules.app_key_count++] = "17";
    assert_string_equal(call("ListSummaryApps", ""),
                        "{\"SummaryAppInfos\":{\"SummaryAppInfo\":[{\"AppKey\":17,"
                        "\"AppName\":\"app-17\"}]}}");
    assert_string_equal(call("ListTags", "AppKey=1"), "InvalidAppKey.NotFound");
}

static void test_without_a_world_every_id_is_good(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {"CheckDevice", "AppKey=1&DeviceId=" A, "{\"Available\":true}"},
        {"BindAlias", "AppKey=1&DeviceId=" A "&AliasName=x", ""},
        {"QueryDevicesByAlias", "AppKey=1&Alias=x", "{\"DeviceIds\":{\"DeviceId\":[\"" A "\"]}}"},
        {"QueryAliases", "AppKey=1&DeviceId=" B, "{\"AliasInfos\":{\"AliasInfo\":[]}}"},
    };
    TAKE(steps);
}

/* --- pushes ---------------------------------------------------------------------------------- */

#define TBD "AppKey=1&PushType=NOTICE&DeviceType=ALL&Target=TBD&TargetValue=TBD&Title=T&Body=B"
#define MORE "AppKey=1&MessageId=1000&Target=ACCOUNT&TargetValue=u1"

static void test_continuous(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {"ContinuouslyPush", MORE, "InvalidMessageId.NotFound"},
        {"Push", TBD, "{\"MessageId\":\"1000\"}"},
        {"ContinuouslyPush", MORE, "{\"MessageId\":\"1000\"}"},
        {"ContinuouslyPush", "AppKey=2&MessageId=1000&Target=ACCOUNT&TargetValue=u1",
         "InvalidMessageId.NotFound"},
        {"ContinuouslyPush", "AppKey=1&MessageId=1000&Target=TAG&TargetValue=t1",
         "TargetNotSupported"},
        {"ContinuouslyPush", "AppKey=1&MessageId=1000&Target=DEVICE&TargetValue=x",
         "InvalidTargetValue.Format"},
        {"ContinuouslyPush", "AppKey=1&MessageId=1000&Target=DEVICE&TargetValue=" B,
         "{\"MessageId\":\"1000\"}"},
        {"CompleteContinuouslyPush", "AppKey=1&MessageId=1000", "{\"MessageId\":\"1000\"}"},
        {"ContinuouslyPush", MORE, "InvalidMessageId.NotFound"},
        {"CompleteContinuouslyPush", "AppKey=1&MessageId=1000", "InvalidMessageId.NotFound"},
        {"Push", TBD, "{\"MessageId\":\"1001\"}"},
    };
    TAKE(steps);
    assert_int_equal(provider.inbox.deliveries, 3); /* u1's two devices, and one of them again */
    const struct inbox_message *m = &provider.inbox.messages[0];
    assert_string_equal(inbox_text(m, INBOX_BODY), "B");
    assert_int_equal(m->id, 1000);
    assert_int_equal(provider.inbox.unreached, 0); /* storing a message is no push */
    static const char late[] = "AppKey=1&MessageId=1001&Target=ALIAS&TargetValue=x";
    call_at("ContinuouslyPush", late, "POST", now_ms + 86399999);
    assert_string_equal(answer, "{\"MessageId\":\"1001\"}");
    call_at("ContinuouslyPush", late, "POST", now_ms + 86400000);
    assert_string_equal(answer, "InvalidMessageId.NotFound");
}

static void test_simple(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {"PushMessageToAndroid", "AppKey=1&Target=TAG&TargetValue=t1&Title=T&Body=B&JobKey=j",
         "{\"MessageId\":\"1000\"}"},
        {"PushMessageToiOS", "AppKey=1&Target=TAG&TargetValue=t1&Title=T&Body=B&StoreOffline=true",
         "{\"MessageId\":\"1001\"}"},
        {"PushNoticeToAndroid",
         "AppKey=1&Target=ALL&TargetValue=ALL&Title=T&Body=B&ExtParameters={\"a\":1}",
         "{\"MessageId\":\"1002\"}"},
        {"PushNoticeToiOS", "AppKey=1&ApnsEnv=DEV&Target=ACCOUNT&TargetValue=u1&Body=B",
         "{\"MessageId\":\"1003\"}"},
        {"PushNoticeToiOS", "AppKey=1&Target=ACCOUNT&TargetValue=u1&Body=B", "MissingApnsEnv"},
        {"PushMessageToiOS", "AppKey=1&Target=DEVICE&TargetValue=x&Title=T&Body=B",
         "InvalidTargetValue.Format"},
        {"PushNoticeToAndroid",
         "AppKey=1&Target=ALL&TargetValue=ALL&Title=T&Body=B&ExtParameters=[]",
         "InvalidExtParameters.Format"},
    };
    static const uint32_t reached[] = {0, 1, 1, 1}; /* a is iOS, b Android, c another app's */
    TAKE(steps);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(provider.inbox.messages[i].reached, reached[i]);
    assert_string_equal(inbox_text(&provider.inbox.messages[0], INBOX_JOB_KEY), "j");
}

#define V2_TASK(type, value)                                                                       \
    "{\"Target\":{\"Type\":\"" type "\",\"Value\":\"" value "\"},\"Notification\":"                \
    "{\"Title\":\"T\",\"Body\":\"B\"},\"Options\":{\"JobKey\":\"j\"}}"

static void test_version_two(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {"PushV2", "AppKey=1&PushTask=" V2_TASK("ACCOUNT", "u1"), "{\"MessageId\":\"1000\"}"},
        {"PushV2", "AppKey=1&PushTask=" V2_TASK("TAG", "t1"), "{\"MessageId\":\"1001\"}"},
        {"MassPushV2", "AppKey=1&PushTasks=[" V2_TASK("ALIAS", "x") "," V2_TASK("DEVICE", B) "]",
         "{\"MessageIds\":[\"1002\",\"1003\"]}"},
        {"MassPushV2", "AppKey=1&PushTasks=[" V2_TASK("TAG", "t1") "]", "TargetNotSupported"},
        {"MassPushV2", "AppKey=1&PushTasks=[]", "InvalidPushTasks.Empty"},
        {"PushV2", "AppKey=1&PushTask=[]", "InvalidPushTask.Format"},
        {"PushV2", "AppKey=1&PushTask={}", "MissingMessage"},
        {"PushV2", "AppKey=1&PushTask={\"Message\":{\"Body\":\"B\"}}", "MissingTarget"},
        {"PushV2", "AppKey=1&IdempotentToken=x&PushTask=" V2_TASK("TAG", "t1"),
         "InvalidIdempotentToken.Format"},
    };
    static const uint32_t reached[] = {2, 1, 1, 1};
    TAKE(steps);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(provider.inbox.messages[i].reached, reached[i]);
    call_at("PushV2", "AppKey=1&PushTask=" V2_TASK("TAG", "t1"), "GET", now_ms);
    assert_string_equal(answer, "UnsupportedHTTPMethod");
}

/* --- records and statistics ------------------------------------------------------------------ */

#define SPAN "AppKey=1&StartTime=2026-03-05T00:00:00Z&EndTime=2026-03-06T00:00:00Z"
#define PUSH "AppKey=1&PushType=NOTICE&DeviceType=ALL&Target=ACCOUNT&TargetValue=u1&Title=T&Body="

static void assert_records(const char *more, int total, int shown, const char *first_id)
{
    char params[256];
    snprintf(params, sizeof params, SPAN "%s", more);
    json_t *root = json_loads(call("QueryPushRecords", params), 0, NULL);
    json_t *list = json_object_get(json_object_get(root, "PushInfos"), "PushInfo");
    const char *id = json_string_value(json_object_get(json_array_get(list, 0), "MessageId"));
    if (json_integer_value(json_object_get(root, "Total")) != total ||
        json_array_size(list) != (size_t)shown || strcmp(id ? id : "", first_id) != 0)
        fail_msg("%s: %s", more, answer);
    json_decref(root);
}

static void test_push_records(void **state)
{
    (void)state;
    call("Push", PUSH "one");
    call("Push", PUSH "two&PushTime=2026-03-05T08:00:00Z");
    call("Push", PUSH "three&PushTime=2026-03-07T08:00:00Z");
    call_at("Push", PUSH "gone&PushTime=2026-03-05T07:10:00Z", "POST", now_ms);
    assert_string_equal(call("CancelPush", "AppKey=1&MessageId=1003"), "");
    assert_records("", 3, 3, "1003");
    assert_string_equal(
        call("QueryPushRecords", SPAN "&Keyword=tw"),
        "{\"Total\":1,\"Page\":1,\"PageSize\":20,\"PushInfos\":{\"PushInfo\":[{\"MessageId\":"
        "\"1001\",\"AppKey\":1,\"PushTime\":\"2026-03-05T08:00:00Z\",\"Source\":\"API\","
        "\"Status\":\"WAITING\",\"PushType\":\"NOTICE\",\"DeviceType\":\"ALL\",\"Target\":"
        "\"ACCOUNT\",\"Title\":\"T\",\"Body\":\"two\"}]}}");
    assert_records("&PageSize=2", 3, 2, "1003");
    assert_records("&PageSize=2&Page=2", 3, 1, "1000");
    assert_records("&PageSize=2&Page=3", 3, 0, "");
    assert_records("&Keyword=1000", 1, 1, "1000");
    assert_records("&PushType=MESSAGE", 0, 0, "");
    assert_records("&Target=ACCOUNT&Source=API", 3, 3, "1003");
    assert_records("&Source=CONSOLE", 0, 0, "");
    assert_non_null(strstr(call("QueryPushRecords", SPAN "&Keyword=gone"), "\"CANCELED\""));
    assert_non_null(strstr(call("QueryPushRecords", SPAN "&Keyword=one"), "\"SENT\""));
    assert_string_equal(call("QueryPushRecords", "AppKey=1&StartTime=2026-03-05T00:00:00Z&EndTime="
                                                 "2026-03-04T00:00:00Z"),
                        "InvalidEndTime.Format");
}

static void test_statistics(void **state)
{
    (void)state;
    static const char counts[] =
        "\"AcceptCount\":2,\"SentCount\":2,\"ReceivedCount\":2,\"OpenedCount\":0,\"DeletedCount\":"
        "0,"
        "\"SmsSentCount\":0,\"SmsSkipCount\":0,\"SmsFailedCount\":0,\"SmsReceiveSuccessCount\":0,"
        "\"SmsReceiveFailedCount\":0";
    char expected[1024];
    call("Push", PUSH "one");
    snprintf(expected, sizeof expected,
             "{\"PushStats\":{\"PushStat\":[{%s,\"MessageId\":\"1000\"}]}}", counts);
    assert_string_equal(call("QueryPushStatByMsg", "AppKey=1&MessageId=1000"), expected);
    assert_string_equal(call("QueryPushStatByMsg", "AppKey=2&MessageId=1000"),
                        "InvalidMessageId.NotFound");
    /* days are Beijing's: 07:08 UTC is in the one that began at 16:00 UTC */
    snprintf(expected, sizeof expected,
             "{\"AppPushStats\":{\"AppPushStat\":[{%s,\"Time\":\"2026-03-04T16:00:00Z\"}]}}",
             counts);
    assert_string_equal(call("QueryPushStatByApp",
                             "AppKey=1&Granularity=DAY&StartTime=2026-03-05T00:00:00Z&EndTime="
                             "2026-03-05T15:59:59Z"),
                        expected);
    assert_string_equal(call("QueryPushStatByApp", SPAN "&Granularity=MONTH"),
                        "InvalidGranularity.Format");
    assert_string_equal(
        call("QueryDeviceStat", "AppKey=1&QueryType=TOTAL&StartTime=2026-03-05T00:00:00Z&EndTime="
                                "2026-03-05T01:00:00Z&DeviceType=iOS"),
        "{\"AppDeviceStats\":{\"AppDeviceStat\":[{\"DeviceType\":\"iOS\",\"Count\":1,"
        "\"Time\":\"2026-03-04T16:00:00Z\"}]}}");
    assert_string_equal(call("QueryUniqueDeviceStat", "AppKey=1&Granularity=MONTH&StartTime="
                                                      "2026-02-20T00:00:00Z&EndTime="
                                                      "2026-03-05T00:00:00Z"),
                        "{\"AppDeviceStats\":{\"AppDeviceStat\":[{\"Count\":2,\"Time\":"
                        "\"2026-02-19T16:00:00Z\"},{\"Count\":2,\"Time\":\"2026-02-28T16:00:00Z\"}"
                        "]}}");
    assert_string_equal(call("QueryUniqueDeviceStat", "AppKey=1&Granularity=DAY&StartTime="
                                                      "2026-02-01T00:00:00Z&EndTime="
                                                      "2026-03-05T00:00:00Z"),
                        "InvalidPeriod.ExceedDays");
}

#define WITH(setup, test) cmocka_unit_test_setup_teardown(test, setup, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_actions_match_the_vendors_list),
        WITH(open_nothing, test_parameters),
        WITH(open_world, test_tags),
        WITH(open_nothing, test_no_more_than_100_tags_are_listed),
        WITH(open_world, test_aliases),
        WITH(open_world, test_devices),
        WITH(open_nothing, test_without_a_world_every_id_is_good),
        WITH(open_world, test_continuous),
        WITH(open_world, test_simple),
        WITH(open_world, test_version_two),
        WITH(open_world, test_push_records),
        WITH(open_world, test_statistics),
    };
    return cmocka_run_group_tests_name("mock manage", tests, NULL, NULL);
}
