/* SPDX-License-Identifier: MIT */
#include "aliyun/errors.h"

#include <string.h>

#include "base/text.h"

/* What an answer leaves open. A gateway that lost patience answers for a backend that goes on: so
 * do "Timeout", a nonce that an unseen repeat has used, and any 5xx or 408 whose code is not known.
 */
enum openness { ANSWERED, AMBIGUOUS, GOES_ON };

/* A row applies where the code begins with prefix and ends with suffix; NULL suffix: the code is
 * prefix, letter by letter. The first row that applies counts. */
struct row {
    const char *prefix, *suffix;
    enum reply_class class;
    enum openness open;
    enum refusal_scope scope;
};

/* Codes of the reference §8.1 and §8.2: here the code counts, whatever the status, because the
 * provider's own pages disagree about statuses. */
static const struct row known[] = {
    {"ServiceUnavailable", NULL, REPLY_TRANSIENT, AMBIGUOUS, SCOPE_CALL},
    {"ServiceUnavailableTemporary", NULL, REPLY_TRANSIENT, AMBIGUOUS, SCOPE_CALL},
    {"InternalError", NULL, REPLY_TRANSIENT, AMBIGUOUS, SCOPE_CALL},
    {"Timeout", NULL, REPLY_TRANSIENT, GOES_ON, SCOPE_CALL},
    {"SignatureNonceUsed", NULL, REPLY_NONCE_USED, GOES_ON, SCOPE_CALL},
    {"InvalidTimeStamp.Expired", NULL, REPLY_CLOCK, ANSWERED, SCOPE_ACCOUNT},

    /* key, signature, permission. A wrong signature is a wrong secret or a wrong canonical form,
     * and the page does not say how to tell them apart; a permission is one of RAM for the action
     * that was called. Either is taken for the account's until another job is let through. */
    {"InvalidAccessKeyId", "", REPLY_AUTH, ANSWERED, SCOPE_ACCOUNT},
    {"NoEnabledAccessKey", NULL, REPLY_AUTH, ANSWERED, SCOPE_ACCOUNT},
    {"SignatureDoesNotMatch", NULL, REPLY_AUTH, ANSWERED, SCOPE_ACCOUNT},
    {"IncompleteSignature", "", REPLY_AUTH, ANSWERED, SCOPE_ACCOUNT},
    {"InvalidTimeStamp", "", REPLY_AUTH, ANSWERED, SCOPE_ACCOUNT},
    {"InvalidSecurityToken", "", REPLY_TOKEN, ANSWERED, SCOPE_ACCOUNT},
    {"MissingSecurityToken", NULL, REPLY_TOKEN, ANSWERED, SCOPE_ACCOUNT},
    {"Forbidden", "", REPLY_AUTH, ANSWERED, SCOPE_ACCOUNT},
    {"NoPermission", "", REPLY_AUTH, ANSWERED, SCOPE_ACCOUNT},

    /* endpoint */
    {"InvalidProduct.NotFound", NULL, REPLY_AUTH, ANSWERED, SCOPE_ACCOUNT},
    {"InvalidApi.NotFound", NULL, REPLY_AUTH, ANSWERED, SCOPE_ACCOUNT},
    {"InvalidAction.NotFound", NULL, REPLY_AUTH, ANSWERED, SCOPE_ACCOUNT},
    {"InvalidVersion", "", REPLY_AUTH, ANSWERED, SCOPE_ACCOUNT},
    {"InvalidProtocol.NeedSsl", NULL, REPLY_AUTH, ANSWERED, SCOPE_ACCOUNT},
    {"UnsupportedHTTPMethod", NULL, REPLY_AUTH, ANSWERED, SCOPE_ACCOUNT},

    /* The app, the account, or the app on one platform, "certificate or package name missing": a
     * job chooses the platform by its DeviceType and iOSApnsEnv. Of the certificate's own troubles
     * the page says only that they are the console's, so they are the whole app's. */
    {"InvalidAppKey.NotFound", NULL, REPLY_AUTH, ANSWERED, SCOPE_APP},
    {"PermissionDenied", NULL, REPLY_AUTH, ANSWERED, SCOPE_APP},
    {"AccountDisabled", NULL, REPLY_AUTH, ANSWERED, SCOPE_ACCOUNT},
    {"AccountNotSupport", NULL, REPLY_AUTH, ANSWERED, SCOPE_ACCOUNT},
    {"AppNotConfigIOS", NULL, REPLY_AUTH, ANSWERED, SCOPE_PLATFORM},
    {"AppNotConfigAndroid", NULL, REPLY_AUTH, ANSWERED, SCOPE_PLATFORM},
    {"NotApnsCertificate", NULL, REPLY_AUTH, ANSWERED, SCOPE_APP},
    {"IncorrectPassword", NULL, REPLY_AUTH, ANSWERED, SCOPE_APP},
    {"FileNotExist", NULL, REPLY_AUTH, ANSWERED, SCOPE_APP},

    /* the job. SMS linkage that is not set up fails only jobs that ask for it, and a lane is an
     * app: pausing it would hold back the app's other jobs. */
    {"SmsProfileConfigFailed", NULL, REPLY_PERMANENT, ANSWERED, SCOPE_CALL},
    {"SmsProfileGetFailed", NULL, REPLY_PERMANENT, ANSWERED, SCOPE_CALL},
    {"SmsRoleAuthorizeFailed", NULL, REPLY_PERMANENT, ANSWERED, SCOPE_CALL},
    {"SmsRoleUnauthorized", NULL, REPLY_PERMANENT, ANSWERED, SCOPE_CALL},
    {"SmsTemplateNameEmpty", NULL, REPLY_PERMANENT, ANSWERED, SCOPE_CALL},
    {"SmsSignNameEmpty", NULL, REPLY_PERMANENT, ANSWERED, SCOPE_CALL},
    {"TargetNotSupported", NULL, REPLY_PERMANENT, ANSWERED, SCOPE_CALL},
    {"SendSpeedNotSupported", NULL, REPLY_PERMANENT, ANSWERED, SCOPE_CALL},
    {"IosBadgeConflict", NULL, REPLY_PERMANENT, ANSWERED, SCOPE_CALL},
    {"TagsNumberBeyondLimit", NULL, REPLY_PERMANENT, ANSWERED, SCOPE_CALL},
    {"AliasLimitExceed", NULL, REPLY_PERMANENT, ANSWERED, SCOPE_CALL},
    {"DeviceLimitExceed", NULL, REPLY_PERMANENT, ANSWERED, SCOPE_CALL},
    {"AccountLimitExceed", NULL, REPLY_PERMANENT, ANSWERED, SCOPE_CALL},
    {"InvalidDeviceType.NotMatch", NULL, REPLY_PERMANENT, ANSWERED, SCOPE_CALL},
    {"InvalidPeriod.Exceed", "", REPLY_PERMANENT, ANSWERED, SCOPE_CALL},
    {"InvalidParameter", "", REPLY_PERMANENT, ANSWERED, SCOPE_CALL},
    {"Invalid.Parameter", NULL, REPLY_PERMANENT, ANSWERED, SCOPE_CALL},
    {"Invalid", ".Format", REPLY_PERMANENT, ANSWERED, SCOPE_CALL},
    {"Invalid", ".Empty", REPLY_PERMANENT, ANSWERED, SCOPE_CALL},
    {"Invalid", ".LengthExceed", REPLY_PERMANENT, ANSWERED, SCOPE_CALL},
    {"Invalid", ".BytesExceed", REPLY_PERMANENT, ANSWERED, SCOPE_CALL},
    {"Invalid", ".NotFound", REPLY_PERMANENT, ANSWERED, SCOPE_CALL},
    {"Missing", "", REPLY_PERMANENT, ANSWERED, SCOPE_CALL},
};

/* Rule 4 and 5 of §8.3 beyond what the known rows cover. */
static const struct row unknown[] = {
    {"Signature", "", REPLY_AUTH, ANSWERED, SCOPE_ACCOUNT},
    {"Invalid", "", REPLY_PERMANENT, ANSWERED, SCOPE_CALL},
};

/* A parameter that every call of the app carries: its absence is no job's fault. */
static bool is_common_missing(const char *code)
{
    static const char *const names[] = {
        "AppKey",          "Action",           "Version",        "AccessKeyId", "Signature",
        "SignatureMethod", "SignatureVersion", "SignatureNonce", "Timestamp",   "TimeStamp",
    };
    static const char missing[] = "Missing", parameter[] = "Parameter.";
    if (!text_starts(code, missing))
        return false;
    code += strlen(missing);
    if (text_starts(code, parameter))
        code += strlen(parameter);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(code, names[i]) == 0)
            return true;
    return false;
}

static bool applies(const struct row *row, const char *code)
{
    if (!row->suffix)
        return strcmp(code, row->prefix) == 0;
    return text_starts(code, row->prefix) && text_ends(code + strlen(row->prefix), row->suffix);
}

static const struct row *look_up(const struct row *rows, size_t n, const char *code)
{
    for (size_t i = 0; i < n; i++)
        if (applies(&rows[i], code))
            return &rows[i];
    return NULL;
}

static struct error_class as(enum reply_class class, enum openness open, enum refusal_scope scope)
{
    return (struct error_class){class, open != ANSWERED, open == GOES_ON, scope};
}

/* A redirect means a wrong endpoint or a captive proxy, which no job can help. Of a refusal without
 * a code that we know the page gives the class only: it may be everybody's. */
static struct error_class by_status(int status)
{
    if (status == 401 || status == 403 || status == 404 || status < 200 ||
        (status >= 300 && status < 400))
        return as(REPLY_AUTH, ANSWERED, SCOPE_ACCOUNT);
    return as(REPLY_UNKNOWN_4XX, ANSWERED, SCOPE_CALL);
}

struct error_class errors_classify(const char *code, int http_status)
{
    if (strstr(code, "Throttling"))
        return as(REPLY_THROTTLED, ANSWERED, SCOPE_CALL);
    if (is_common_missing(code))
        return as(REPLY_AUTH, ANSWERED, SCOPE_ACCOUNT); /* AppKey too: of each call of the worker */
    const struct row *row = look_up(known, sizeof known / sizeof known[0], code);
    if (!row) {
        if (http_status >= 500 || http_status == 408)
            return as(REPLY_TRANSIENT, GOES_ON, SCOPE_CALL);
        if (http_status == 429)
            return as(REPLY_THROTTLED, ANSWERED, SCOPE_CALL);
        if (http_status == 401 || http_status == 403)
            return as(REPLY_AUTH, ANSWERED, SCOPE_ACCOUNT);
        row = look_up(unknown, sizeof unknown / sizeof unknown[0], code);
    }
    return row ? as(row->class, row->open, row->scope) : by_status(http_status);
}

bool errors_names_action(const char *code)
{
    static const char *const whole[] = {"InvalidApi.NotFound", "InvalidAction.NotFound",
                                        "AccountNotSupport"};
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++)
        if (strcmp(code, whole[i]) == 0)
            return true;
    bool key = strcmp(code, "Forbidden.AccessKeyDisabled") == 0;
    return !key && (text_starts(code, "NoPermission") || text_starts(code, "Forbidden"));
}
