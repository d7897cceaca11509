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
};

/* Codes of the reference §8.1 and §8.2: here the code counts, whatever the status, because the
 * provider's own pages disagree about statuses. */
static const struct row known[] = {
    {"ServiceUnavailable", NULL, REPLY_TRANSIENT, AMBIGUOUS},
    {"ServiceUnavailableTemporary", NULL, REPLY_TRANSIENT, AMBIGUOUS},
    {"InternalError", NULL, REPLY_TRANSIENT, AMBIGUOUS},
    {"Timeout", NULL, REPLY_TRANSIENT, GOES_ON},
    {"SignatureNonceUsed", NULL, REPLY_NONCE_USED, GOES_ON},
    {"InvalidTimeStamp.Expired", NULL, REPLY_CLOCK, ANSWERED},

    /* key, signature, permission */
    {"InvalidAccessKeyId", "", REPLY_AUTH, ANSWERED},
    {"NoEnabledAccessKey", NULL, REPLY_AUTH, ANSWERED},
    {"SignatureDoesNotMatch", NULL, REPLY_AUTH, ANSWERED},
    {"IncompleteSignature", "", REPLY_AUTH, ANSWERED},
    {"InvalidTimeStamp", "", REPLY_AUTH, ANSWERED},
    {"InvalidSecurityToken", "", REPLY_TOKEN, ANSWERED},
    {"MissingSecurityToken", NULL, REPLY_TOKEN, ANSWERED},
    {"Forbidden", "", REPLY_AUTH, ANSWERED},
    {"NoPermission", "", REPLY_AUTH, ANSWERED},

    /* endpoint */
    {"InvalidProduct.NotFound", NULL, REPLY_AUTH, ANSWERED},
    {"InvalidApi.NotFound", NULL, REPLY_AUTH, ANSWERED},
    {"InvalidAction.NotFound", NULL, REPLY_AUTH, ANSWERED},
    {"InvalidVersion", "", REPLY_AUTH, ANSWERED},
    {"InvalidProtocol.NeedSsl", NULL, REPLY_AUTH, ANSWERED},
    {"UnsupportedHTTPMethod", NULL, REPLY_AUTH, ANSWERED},

    /* the app or the account */
    {"InvalidAppKey.NotFound", NULL, REPLY_AUTH, ANSWERED},
    {"PermissionDenied", NULL, REPLY_AUTH, ANSWERED},
    {"AccountDisabled", NULL, REPLY_AUTH, ANSWERED},
    {"AccountNotSupport", NULL, REPLY_AUTH, ANSWERED},
    {"AppNotConfigIOS", NULL, REPLY_AUTH, ANSWERED},
    {"AppNotConfigAndroid", NULL, REPLY_AUTH, ANSWERED},
    {"NotApnsCertificate", NULL, REPLY_AUTH, ANSWERED},
    {"IncorrectPassword", NULL, REPLY_AUTH, ANSWERED},
    {"FileNotExist", NULL, REPLY_AUTH, ANSWERED},

    /* the job. SMS linkage that is not set up fails only jobs that ask for it, and a lane is an
     * app: pausing it would hold back the app's other jobs. */
    {"SmsProfileConfigFailed", NULL, REPLY_PERMANENT, ANSWERED},
    {"SmsProfileGetFailed", NULL, REPLY_PERMANENT, ANSWERED},
    {"SmsRoleAuthorizeFailed", NULL, REPLY_PERMANENT, ANSWERED},
    {"SmsRoleUnauthorized", NULL, REPLY_PERMANENT, ANSWERED},
    {"SmsTemplateNameEmpty", NULL, REPLY_PERMANENT, ANSWERED},
    {"SmsSignNameEmpty", NULL, REPLY_PERMANENT, ANSWERED},
    {"TargetNotSupported", NULL, REPLY_PERMANENT, ANSWERED},
    {"SendSpeedNotSupported", NULL, REPLY_PERMANENT, ANSWERED},
    {"IosBadgeConflict", NULL, REPLY_PERMANENT, ANSWERED},
    {"TagsNumberBeyondLimit", NULL, REPLY_PERMANENT, ANSWERED},
    {"AliasLimitExceed", NULL, REPLY_PERMANENT, ANSWERED},
    {"DeviceLimitExceed", NULL, REPLY_PERMANENT, ANSWERED},
    {"AccountLimitExceed", NULL, REPLY_PERMANENT, ANSWERED},
    {"InvalidDeviceType.NotMatch", NULL, REPLY_PERMANENT, ANSWERED},
    {"InvalidPeriod.Exceed", "", REPLY_PERMANENT, ANSWERED},
    {"InvalidParameter", "", REPLY_PERMANENT, ANSWERED},
    {"Invalid.Parameter", NULL, REPLY_PERMANENT, ANSWERED},
    {"Invalid", ".Format", REPLY_PERMANENT, ANSWERED},
    {"Invalid", ".Empty", REPLY_PERMANENT, ANSWERED},
    {"Invalid", ".LengthExceed", REPLY_PERMANENT, ANSWERED},
    {"Invalid", ".BytesExceed", REPLY_PERMANENT, ANSWERED},
    {"Invalid", ".NotFound", REPLY_PERMANENT, ANSWERED},
    {"Missing", "", REPLY_PERMANENT, ANSWERED},
};

/* Rule 4 and 5 of §8.3 beyond what the known rows cover. */
static const struct row unknown[] = {
    {"Signature", "", REPLY_AUTH, ANSWERED},
    {"Invalid", "", REPLY_PERMANENT, ANSWERED},
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

static struct error_class as(enum reply_class class, enum openness open)
{
    return (struct error_class){class, open != ANSWERED, open == GOES_ON};
}

/* A redirect means a wrong endpoint or a captive proxy, which no job can help. */
static struct error_class by_status(int status)
{
    if (status == 401 || status == 403 || status == 404 || status < 200 ||
        (status >= 300 && status < 400))
        return as(REPLY_AUTH, ANSWERED);
    return as(REPLY_UNKNOWN_4XX, ANSWERED);
}

struct error_class errors_classify(const char *code, int http_status)
{
    if (strstr(code, "Throttling"))
        return as(REPLY_THROTTLED, ANSWERED);
    if (is_common_missing(code))
        return as(REPLY_AUTH, ANSWERED);
    const struct row *row = look_up(known, sizeof known / sizeof known[0], code);
    if (!row) {
        if (http_status >= 500 || http_status == 408)
            return as(REPLY_TRANSIENT, GOES_ON);
        if (http_status == 429)
            return as(REPLY_THROTTLED, ANSWERED);
        if (http_status == 401 || http_status == 403)
            return as(REPLY_AUTH, ANSWERED);
        row = look_up(unknown, sizeof unknown / sizeof unknown[0], code);
    }
    return row ? as(row->class, row->open) : by_status(http_status);
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
