/* SPDX-License-Identifier: MIT
 * pushbridge tag, alias, account, device, push, app: what the provider keeps. */
#include "cli/manage/manage.h"

/* --- options --------------------------------------------------------------------------------- */

#define SETTING(name_, argument_, param_, kind_, verbs_, help_)                                    \
    {                                                                                              \
        ARGS_IS_OWN(name_, argument_, manage_read_setting,                                         \
                    (&(const struct manage_setting){param_, kind_}), help_),                       \
            .verbs = (verbs_), .many = (kind_) == SETTING_MANY                                     \
    }
/* Of every command. */
#define COMMON_OPTIONS                                                                             \
    CLI_CONFIG_OPTION,                                                                             \
        {ARGS_IS_TEXT("app", "NAME", struct manage_args, app,                                      \
                      "whose AppKey and credentials (default)")},                                  \
    {                                                                                              \
        ARGS_IS_FLAG("json", struct manage_args, json, "the provider's answers, one a line")       \
    }
/* Of those that take ids. */
#define LIST_OPTIONS(verbs_)                                                                       \
    {ARGS_IS_OWN("file", "FILE", manage_read_file, NULL, "ids, one a line"), .verbs = (verbs_),    \
     .many = true},                                                                                \
        {ARGS_IS_TEXT("resume", "FILE", struct manage_args, resume,                                \
                      "keeps how far it came; removed when all is done"),                          \
         .verbs = (verbs_)},                                                                       \
    {                                                                                              \
        ARGS_IS_FLAG("keep-going", struct manage_args, keep_going,                                 \
                     "tell about what is refused and go on; exit 1 at the end"),                   \
            .verbs = (verbs_)                                                                      \
    }

enum { TAG_BIND = 1, TAG_UNBIND = 2, TAG_QUERY = 4, TAG_LS = 8, TAG_RM = 16 };
static const struct args_option tag_options[] = {
    COMMON_OPTIONS,
    SETTING("tag", "A,B", "TagName", SETTING_MANY, TAG_BIND | TAG_UNBIND, "these tags"),
    SETTING("key-type", "DEVICE|ACCOUNT|ALIAS", "KeyType", SETTING_UPPER,
            TAG_BIND | TAG_UNBIND | TAG_QUERY, "what the keys are"),
    LIST_OPTIONS(TAG_BIND | TAG_UNBIND | TAG_QUERY | TAG_RM),
};

enum { ALIAS_BIND = 1, ALIAS_UNBIND = 2 };
static const struct args_option alias_options[] = {
    COMMON_OPTIONS,
    SETTING("alias", "A,B", "AliasName", SETTING_MANY, ALIAS_BIND | ALIAS_UNBIND, "these aliases"),
    SETTING("all", NULL, "UnbindAll", SETTING_TRUE, ALIAS_UNBIND, "all that they have"),
    LIST_OPTIONS(0),
};

static const struct args_option list_options[] = {COMMON_OPTIONS, LIST_OPTIONS(0)};

enum { PUSH_CANCEL = 1, PUSH_RECORDS = 2, PUSH_STAT = 4 };
static const struct args_option push_options[] = {
    COMMON_OPTIONS,
    SETTING("since", "TIME", "StartTime", SETTING_TIME, PUSH_RECORDS,
            "from then on: 30m, 2h, 7d ago (1d), now, or RFC 3339"),
    SETTING("until", "TIME", "EndTime", SETTING_TIME, PUSH_RECORDS, "up to then (now)"),
    {ARGS_IS_NUMBER("limit", "N", struct manage_args, limit, 1, MANAGE_LIMIT_MAX,
                    "so many records (100)"),
     .verbs = PUSH_RECORDS},
    SETTING("type", "TYPE", "PushType", SETTING_UPPER, PUSH_RECORDS, "MESSAGE or NOTICE"),
    SETTING("target", "TARGET", "Target", SETTING_UPPER, PUSH_RECORDS, "to whom: ALL, TAG …"),
    SETTING("source", "SOURCE", "Source", SETTING_TEXT, PUSH_RECORDS, "API or CONSOLE"),
    SETTING("keyword", "WORD", "Keyword", SETTING_TEXT, PUSH_RECORDS, "in title or body"),
    LIST_OPTIONS(PUSH_CANCEL | PUSH_STAT),
};

static const struct args_option plain_options[] = {COMMON_OPTIONS};

/* --- verbs ----------------------------------------------------------------------------------- */

#define ROW(...) (&(const struct manage_row){__VA_ARGS__})
#define WITH_LIST(name, synopsis, words, help, row)                                                \
    {                                                                                              \
        name, synopsis, words, 0, ARGS_MANY, help, row                                             \
    }
#define WITHOUT_LIST(name, synopsis, help, row)                                                    \
    {                                                                                              \
        name, synopsis, "", 0, 0, help, row                                                        \
    }

static const struct args_verb tag_verbs[] = {
    WITH_LIST("bind", "--tag A,B --key-type DEVICE|ACCOUNT|ALIAS", "[KEY…]",
              "give keys these tags (BindTag)",
              ROW("tag", "BindTag", "ClientKey", "TagName", true)),
    WITH_LIST("unbind", "--tag A,B --key-type DEVICE|ACCOUNT|ALIAS", "[KEY…]",
              "take these tags from keys (UnbindTag)",
              ROW("tag", "UnbindTag", "ClientKey", "TagName", true)),
    WITH_LIST("query", "--key-type DEVICE|ACCOUNT|ALIAS", "[KEY…]",
              "the tags of each key (QueryTags)",
              ROW("tag", "QueryTags", "ClientKey", NULL, false)),
    WITHOUT_LIST("ls", "", "the app's tags (the provider shows 100 at most) (ListTags)",
                 ROW("tag", "ListTags", NULL, NULL, false)),
    WITH_LIST("rm", "", "[TAG…]",
              "remove tags from the app; do not make them anew for 5 minutes each (RemoveTag)",
              ROW("tag", "RemoveTag", "TagName", NULL, true)),
};
static const struct args_verb alias_verbs[] = {
    WITH_LIST("bind", "--alias A,B", "[DEVICE…]", "give devices these aliases (BindAlias)",
              ROW("alias", "BindAlias", "DeviceId", "AliasName", true)),
    WITH_LIST("unbind", "--alias A,B | --all", "[DEVICE…]",
              "take these aliases, or all, from devices (UnbindAlias)",
              ROW("alias", "UnbindAlias", "DeviceId", "AliasName", true)),
    WITH_LIST("query", "", "[DEVICE…]", "the aliases of each device (QueryAliases)",
              ROW("alias", "QueryAliases", "DeviceId", NULL, false)),
    WITH_LIST("devices", "", "[ALIAS…]", "the devices of each alias (QueryDevicesByAlias)",
              ROW("alias", "QueryDevicesByAlias", "Alias", NULL, false)),
};
static const struct args_verb account_verbs[] = {
    WITH_LIST("devices", "", "[ACCOUNT…]", "the devices of each account (QueryDevicesByAccount)",
              ROW("account", "QueryDevicesByAccount", "Account", NULL, false)),
};
static const struct args_verb device_verbs[] = {
    WITH_LIST("info", "", "[DEVICE…]", "what is known about each device (QueryDeviceInfo)",
              ROW("device", "QueryDeviceInfo", "DeviceId", NULL, false)),
    WITH_LIST("check", "", "[DEVICE…]", "which devices are valid (CheckDevices)",
              ROW("device", "CheckDevices", "DeviceIds", NULL, false)),
};
static const struct args_verb push_verbs[] = {
    WITH_LIST("cancel", "", "[MESSAGE_ID…]", "take back scheduled pushes (CancelPush)",
              ROW("push", "CancelPush", "MessageId", NULL, true)),
    WITHOUT_LIST("records",
                 "[--since 2h] [--until now] [--limit 100] [--type T] [--target T] [--source S] "
                 "[--keyword W]",
                 "the pushes of a time (QueryPushRecords)",
                 ROW("push", "QueryPushRecords", NULL, NULL, false)),
    WITH_LIST("stat", "", "[MESSAGE_ID…]",
              "counts of each push, from the next day on (QueryPushStatByMsg)",
              ROW("push", "QueryPushStatByMsg", "MessageId", NULL, false)),
};
static const struct args_verb app_verbs[] = {
    WITHOUT_LIST("check", "",
                 "platforms and APNs certificates; 1 when one in production has expired or is "
                 "revoked (CheckCertificate)",
                 ROW("app", "CheckCertificate", NULL, NULL, false)),
};

/* --- commands -------------------------------------------------------------------------------- */

static const char about_lists[] =
    "Ids come from the arguments, from files (--file, one a line) and with - from the standard "
    "input; each counts once, and all are checked before the first call. They go in calls as large "
    "as the provider allows, paced under its quota. What can be repeated safely is repeated when "
    "there is no answer. After a failure the same command with the same --resume FILE goes on "
    "where it stopped.";

#define GROUP(name_, title_, about_, verbs_, options_)                                             \
    {                                                                                              \
        .name = (name_), .title = (title_), .about = (about_), ARGS_VERBS(verbs_),                 \
        ARGS_OPTIONS(options_), .size = sizeof(struct manage_args), .begin = manage_args_begin,    \
        .check = manage_args_check, .end = manage_args_end                                         \
    }
const struct args_command manage_groups[MANAGE_GROUPS] = {
    GROUP("tag", "bind, unbind, query, list and remove tags", about_lists, tag_verbs, tag_options),
    GROUP("alias", "bind, unbind and query aliases", about_lists, alias_verbs, alias_options),
    GROUP("account", "the devices of an account", about_lists, account_verbs, list_options),
    GROUP("device", "what the provider knows about devices", about_lists, device_verbs,
          list_options),
    GROUP("push", "cancel pushes, list them, count what became of them", about_lists, push_verbs,
          push_options),
    GROUP("app", "check an app's certificates", "What the provider knows of the app.", app_verbs,
          plain_options),
};

#define COMMAND(i)                                                                                 \
    {                                                                                              \
        &manage_groups[i], CLI_NEEDS_TOOL, manage_run                                              \
    }
const struct cli_command cmd_tag = COMMAND(0), cmd_alias = COMMAND(1), cmd_account = COMMAND(2),
                         cmd_device = COMMAND(3), cmd_push = COMMAND(4), cmd_app = COMMAND(5);
