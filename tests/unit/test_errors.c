/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aliyun/errors.h"

enum { NOT, AMB, ON };

struct error_case {
    const char *code;
    int status;
    enum reply_class class;
    int open; /* AMB: the effect is not known; ON: and the call may go on */
};

static const struct error_case cases[] = {
    /* throttling wins, by the word */
    {"Throttling", 400, REPLY_THROTTLED, NOT},
    {"Throttling.User", 400, REPLY_THROTTLED, NOT},
    {"Throttling.Api", 429, REPLY_THROTTLED, NOT},
    {"Throttling.Other", 503, REPLY_THROTTLED, NOT},
    {"Some.Throttling", 200, REPLY_THROTTLED, NOT},

    /* known codes win over the status */
    {"InternalError", 500, REPLY_TRANSIENT, AMB},
    {"InternalError", 400, REPLY_TRANSIENT, AMB},
    {"InternalError", 200, REPLY_TRANSIENT, AMB},
    {"Timeout", 500, REPLY_TRANSIENT, ON},
    {"ServiceUnavailable", 403, REPLY_TRANSIENT, AMB},
    {"ServiceUnavailableTemporary", 503, REPLY_TRANSIENT, AMB},
    {"SignatureNonceUsed", 400, REPLY_NONCE_USED, ON},
    {"InvalidTimeStamp.Expired", 400, REPLY_CLOCK, NOT},
    {"InvalidTimeStamp.Format", 400, REPLY_AUTH, NOT},
    {"InvalidAccessKeyId.NotFound", 404, REPLY_AUTH, NOT},
    {"InvalidAccessKeyId.NotFound", 400, REPLY_AUTH, NOT},
    {"InvalidAccessKeyId.Inactive", 400, REPLY_AUTH, NOT},
    {"InvalidAccessKeyId", 400, REPLY_AUTH, NOT},
    {"NoEnabledAccessKey", 403, REPLY_AUTH, NOT},
    {"Forbidden.AccessKeyDisabled", 403, REPLY_AUTH, NOT},
    {"Forbidden.RAM", 400, REPLY_AUTH, NOT},
    {"NoPermission", 403, REPLY_AUTH, NOT},
    {"SignatureDoesNotMatch", 400, REPLY_AUTH, NOT},
    {"IncompleteSignature", 400, REPLY_AUTH, NOT},
    {"InvalidSecurityToken.Expired", 400, REPLY_TOKEN, NOT},
    {"InvalidSecurityToken.Malformed", 403, REPLY_TOKEN, NOT},
    {"InvalidSecurityToken.MismatchWithAccessKey", 400, REPLY_TOKEN, NOT},
    {"MissingSecurityToken", 400, REPLY_TOKEN, NOT},
    {"InvalidProduct.NotFound", 404, REPLY_AUTH, NOT},
    {"InvalidApi.NotFound", 404, REPLY_AUTH, NOT},
    {"InvalidAction.NotFound", 404, REPLY_AUTH, NOT},
    {"InvalidVersion", 400, REPLY_AUTH, NOT},
    {"InvalidProtocol.NeedSsl", 404, REPLY_AUTH, NOT},
    {"UnsupportedHTTPMethod", 405, REPLY_AUTH, NOT},
    {"MissingAppKey", 400, REPLY_AUTH, NOT},
    {"MissingParameter.AppKey", 400, REPLY_AUTH, NOT},
    {"MissingTimestamp", 400, REPLY_AUTH, NOT},
    {"InvalidAppKey.NotFound", 400, REPLY_AUTH, NOT},
    {"PermissionDenied", 400, REPLY_AUTH, NOT},
    {"AccountDisabled", 400, REPLY_AUTH, NOT},
    {"AccountNotSupport", 400, REPLY_AUTH, NOT},
    {"AppNotConfigIOS", 400, REPLY_AUTH, NOT},
    {"AppNotConfigAndroid", 400, REPLY_AUTH, NOT},

    /* the job's own fault */
    {"MissingBody", 400, REPLY_PERMANENT, NOT},
    {"MissingHarmonyAction", 400, REPLY_PERMANENT, NOT},
    {"MissingParameter", 400, REPLY_PERMANENT, NOT},
    {"MissingParameter.Title", 400, REPLY_PERMANENT, NOT},
    {"InvalidParameter", 400, REPLY_PERMANENT, NOT},
    {"InvalidParameter.Title", 400, REPLY_PERMANENT, NOT},
    {"Invalid.Parameter", 400, REPLY_PERMANENT, NOT},
    {"InvalidTargetValue.Format", 400, REPLY_PERMANENT, NOT},
    {"InvalidBody.Empty", 400, REPLY_PERMANENT, NOT},
    {"InvalidTitle.LengthExceed", 400, REPLY_PERMANENT, NOT},
    {"InvalidPayload.BytesExceed", 400, REPLY_PERMANENT, NOT},
    {"InvalidMessageId.NotFound", 404, REPLY_PERMANENT, NOT},
    {"InvalidAppKey.Format", 400, REPLY_PERMANENT, NOT},
    {"InvalidDeviceType.NotMatch", 400, REPLY_PERMANENT, NOT},
    {"InvalidPeriod.ExceedDays", 400, REPLY_PERMANENT, NOT},
    {"TargetNotSupported", 400, REPLY_PERMANENT, NOT},
    {"SendSpeedNotSupported", 400, REPLY_PERMANENT, NOT},
    {"IosBadgeConflict", 400, REPLY_PERMANENT, NOT},
    {"SmsSignNameEmpty", 400, REPLY_PERMANENT, NOT},
    {"SmsRoleUnauthorized", 400, REPLY_PERMANENT, NOT},
    {"AccountLimitExceed", 400, REPLY_PERMANENT, NOT},
    {"TagsNumberBeyondLimit", 400, REPLY_PERMANENT, NOT},

    /* rules for unknown codes, in their order */
    {"", 500, REPLY_TRANSIENT, ON},
    {"", 502, REPLY_TRANSIENT, ON},
    {"SomethingNew", 503, REPLY_TRANSIENT, ON},
    {"504", 504, REPLY_TRANSIENT, ON},
    {"InvalidSomethingNew", 500, REPLY_TRANSIENT, ON},
    {"", 429, REPLY_THROTTLED, NOT},
    {"", 408, REPLY_TRANSIENT, ON},
    {"SignatureSomethingNew", 400, REPLY_AUTH, NOT},
    {"InvalidTimeStampSomething", 400, REPLY_AUTH, NOT},
    {"", 401, REPLY_AUTH, NOT},
    {"SomethingNew", 403, REPLY_AUTH, NOT},
    {"InvalidSomethingNew", 400, REPLY_PERMANENT, NOT},
    {"MissingSomethingNew", 400, REPLY_PERMANENT, NOT},
    {"SomethingNew", 404, REPLY_AUTH, NOT},
    {"", 404, REPLY_AUTH, NOT},
    {"SomethingNew.NeverSeen", 400, REPLY_UNKNOWN_4XX, NOT},
    {"", 413, REPLY_UNKNOWN_4XX, NOT},
    {"SomethingNew", 200, REPLY_UNKNOWN_4XX, NOT},
    {"invalidparameter", 400, REPLY_UNKNOWN_4XX, NOT},

    /* no status of the provider's */
    {"", 301, REPLY_AUTH, NOT},
    {"", 100, REPLY_AUTH, NOT},
};

static void classifies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct error_case *c = &cases[i];
        struct error_class got = errors_classify(c->code, c->status);
        int open = got.goes_on ? ON : got.ambiguous ? AMB : NOT;
        if (got.class != c->class || open != c->open || (got.goes_on && !got.ambiguous))
            fail_msg("\"%s\" %d: class %d, ambiguous %d, goes on %d", c->code, c->status,
                     (int)got.class, got.ambiguous, got.goes_on);
    }
}

/* Whom a refusal speaks of: API reference §8; where it does not say, of everybody. */
static void tells_whom_it_speaks_of(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        int status;
        enum refusal_scope scope;
    } scopes[] = {
        {"InvalidAccessKeyId.Inactive", 400, SCOPE_ACCOUNT},
        {"SignatureDoesNotMatch", 400, SCOPE_ACCOUNT},
        {"InvalidSecurityToken.Expired", 400, SCOPE_ACCOUNT},
        {"Forbidden.RAM", 403, SCOPE_ACCOUNT},
        {"NoPermission", 403, SCOPE_ACCOUNT},
        {"InvalidProduct.NotFound", 404, SCOPE_ACCOUNT},
        {"AccountDisabled", 400, SCOPE_ACCOUNT},
        {"MissingParameter.AppKey", 400, SCOPE_ACCOUNT},
        {"SomethingNew", 403, SCOPE_ACCOUNT},
        {"", 302, SCOPE_ACCOUNT},
        {"PermissionDenied", 400, SCOPE_APP},
        {"InvalidAppKey.NotFound", 400, SCOPE_APP},
        {"NotApnsCertificate", 400, SCOPE_APP},
        {"AppNotConfigIOS", 400, SCOPE_PLATFORM},
        {"AppNotConfigAndroid", 400, SCOPE_PLATFORM},
        {"InvalidTitle.Empty", 400, SCOPE_CALL},
        {"InvalidDeviceType.NotMatch", 400, SCOPE_CALL},
        {"SomethingNew", 400, SCOPE_CALL},
        {"InternalError", 500, SCOPE_CALL},
    };
    for (size_t i = 0; i < sizeof scopes / sizeof scopes[0]; i++)
        if (errors_classify(scopes[i].code, scopes[i].status).scope != scopes[i].scope)
            fail_msg("\"%s\" %d", scopes[i].code, scopes[i].status);
}

static void names_the_action(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        bool names;
    } rows[] = {{"NoPermission", true},
                {"NoPermission.Push", true},
                {"Forbidden", true},
                {"Forbidden.RAM", true},
                {"InvalidApi.NotFound", true},
                {"InvalidAction.NotFound", true},
                {"AccountNotSupport", true},
                {"Forbidden.AccessKeyDisabled", false},
                {"SignatureDoesNotMatch", false},
                {"InvalidAccessKeyId.NotFound", false},
                {"PermissionDenied", false},
                {"", false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(errors_names_action(rows[i].code), rows[i].names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(classifies),
                                       cmocka_unit_test(tells_whom_it_speaks_of),
                                       cmocka_unit_test(names_the_action)};
    return cmocka_run_group_tests_name("errors", tests, NULL, NULL);
}
