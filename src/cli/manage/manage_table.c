/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "cli/manage/manage.h"

const struct manage_row manage_rows[] = {
    {"tag", "bind", "BindTag", "ClientKey", "TagName", true,
     "--tag A,B --key-type DEVICE|ACCOUNT|ALIAS [KEY…]", "give keys these tags"},
    {"tag", "unbind", "UnbindTag", "ClientKey", "TagName", true,
     "--tag A,B --key-type DEVICE|ACCOUNT|ALIAS [KEY…]", "take these tags from keys"},
    {"tag", "query", "QueryTags", "ClientKey", NULL, false,
     "--key-type DEVICE|ACCOUNT|ALIAS [KEY…]", "the tags of each key"},
    {"tag", "ls", "ListTags", NULL, NULL, false, "",
     "the app's tags (the provider shows 100 at most)"},
    {"tag", "rm", "RemoveTag", "TagName", NULL, true, "[TAG…]",
     "remove tags from the app; do not make them anew for 5 minutes each"},
    {"alias", "bind", "BindAlias", "DeviceId", "AliasName", true, "--alias A,B [DEVICE…]",
     "give devices these aliases"},
    {"alias", "unbind", "UnbindAlias", "DeviceId", "AliasName", true,
     "--alias A,B | --all [DEVICE…]", "take these aliases, or all, from devices"},
    {"alias", "query", "QueryAliases", "DeviceId", NULL, false, "[DEVICE…]",
     "the aliases of each device"},
    {"alias", "devices", "QueryDevicesByAlias", "Alias", NULL, false, "[ALIAS…]",
     "the devices of each alias"},
    {"account", "devices", "QueryDevicesByAccount", "Account", NULL, false, "[ACCOUNT…]",
     "the devices of each account"},
    {"device", "info", "QueryDeviceInfo", "DeviceId", NULL, false, "[DEVICE…]",
     "what is known about each device"},
    {"device", "check", "CheckDevices", "DeviceIds", NULL, false, "[DEVICE…]",
     "which devices are valid"},
    {"push", "cancel", "CancelPush", "MessageId", NULL, true, "[MESSAGE_ID…]",
     "take back scheduled pushes"},
    {"push", "records", "QueryPushRecords", NULL, NULL, false,
     "[--since 2h] [--until now] [--limit 100] [--type T] [--target T] [--source S] [--keyword W]",
     "the pushes of a time; times as 30m, 2h, 7d ago, or RFC 3339"},
    {"push", "stat", "QueryPushStatByMsg", "MessageId", NULL, false, "[MESSAGE_ID…]",
     "counts of each push, from the next day on"},
    {"app", "check", "CheckCertificate", NULL, NULL, false, "",
     "platforms and APNs certificates; 1 when one in production has expired or is revoked"},
};
const size_t manage_rows_count = sizeof manage_rows / sizeof manage_rows[0];

const struct manage_row *manage_find(const char *group, const char *verb)
{
    for (size_t i = 0; i < manage_rows_count; i++)
        if (strcmp(manage_rows[i].group, group) == 0 && strcmp(manage_rows[i].verb, verb) == 0)
            return &manage_rows[i];
    return NULL;
}

static const char list_help[] =
    "\n"
    "Ids come from the arguments, from files (--file, one a line) and with - from the standard\n"
    "input; each counts once, and all are checked before the first call. They go in calls as "
    "large\n"
    "as the provider allows, paced under its quota. What can be repeated safely is repeated when\n"
    "there is no answer. After a failure the same command with the same --resume FILE goes on\n"
    "where it stopped.\n"
    "\n"
    "  --file FILE         ids, one a line; may be given several times\n"
    "  --resume FILE       keeps how far it came; removed when all is done\n"
    "  --keep-going        tell about what is refused and go on; exit 1 at the end\n";

static const char common_help[] = "  -c, --config FILE   configuration file\n"
                                  "  --app NAME          whose AppKey and credentials (default)\n"
                                  "  --json              the provider's answers, one a line\n";

void manage_help(const char *group, FILE *out)
{
    const char *lead = "usage:";
    bool lists = false;
    for (size_t i = 0; i < manage_rows_count; i++) {
        const struct manage_row *r = &manage_rows[i];
        if (strcmp(r->group, group) != 0)
            continue;
        cli_line(out, "%-6s pushbridge %s %s %s", lead, group, r->verb, r->usage);
        lead = "";
        lists |= r->list != NULL;
    }
    putc('\n', out);
    for (size_t i = 0; i < manage_rows_count; i++)
        if (strcmp(manage_rows[i].group, group) == 0)
            cli_line(out, "  %-8s %s (%s)", manage_rows[i].verb, manage_rows[i].help,
                     manage_rows[i].action);
    fputs(lists ? list_help : "", out);
    fputs(lists ? "" : "\n", out);
    fputs(common_help, out);
}
