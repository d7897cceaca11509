/* SPDX-License-Identifier: MIT */
#include "aliyun/quota.h"

#include <stddef.h>
#include <string.h>

enum { UNPUBLISHED_PER_S = 100 };

/* Quotas by the minute are divided by 60 and rounded down. */
static const struct {
    const char *action;
    int64_t per_s;
} table[] = {
    {"Push", 16666},
    {"MassPush", 500},
    {"PushV2", 16666},
    {"MassPushV2", 500},
    {"ContinuouslyPush", 500},
    {"CompleteContinuouslyPush", 166},
    {"PushMessageToAndroid", 1000},
    {"PushMessageToiOS", 1000},
    {"PushNoticeToiOS", 1000},
    {"BindAlias", 100},
    {"UnbindTag", 100},
    {"QueryTags", 100},
    {"ListTags", 100},
    {"QueryDevicesByAccount", 100},
    {"CheckDevice", 100},
    {"QueryPushStatByMsg", 50},
    {"BindPhone", 50},
    {"QueryPushRecords", 10},
    {"ListSummaryApps", 10},
    {"QueryUniqueDeviceStat", 6},
};

int64_t quota_per_s(const char *action)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].action, action) == 0)
            return table[i].per_s;
    return UNPUBLISHED_PER_S;
}
