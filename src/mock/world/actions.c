/* SPDX-License-Identifier: MIT */
#include "mock/world/actions.h"

#include <string.h>

#include "base/text.h"
#include "mock/check/mass.h"
#include "mock/check/params.h"
#include "mock/check/simple.h"
#include "mock/check/v2.h"
#include "mock/world/cancel.h"
#include "mock/world/continuous.h"
#include "mock/world/manage.h"
#include "mock/world/pushing.h"

static enum record_outcome take_back(struct deed *d)
{
    bool done = cancel_waiting_push(&d->provider->record, d->request, d->now_ms, d->refusal);
    int64_t id;
    if (done && text_int(fields_get(&d->request->fields, "MessageId"), 1, INT64_MAX, &id))
        inbox_cancel(&d->provider->inbox, (uint64_t)id);
    return done ? RECORD_DONE : RECORD_REFUSED;
}

static const struct action actions[] = {
    {"Push", push_check, pushing_act},
    {"MassPush", mass_check, pushing_act},
    {"PushV2", v2_check, v2_act},
    {"MassPushV2", v2_check, v2_act},
    {"CancelPush", params_check_request, take_back},
    {"ContinuouslyPush", continuous_check, continuous_push},
    {"CompleteContinuouslyPush", params_check_request, continuous_complete},
    {"PushMessageToAndroid", simple_check, simple_act},
    {"PushMessageToiOS", simple_check, simple_act},
    {"PushNoticeToAndroid", simple_check, simple_act},
    {"PushNoticeToiOS", simple_check, simple_act},
    {"BindTag", params_check_request, manage_bind_tag},
    {"UnbindTag", params_check_request, manage_unbind_tag},
    {"RemoveTag", params_check_request, manage_remove_tag},
    {"QueryTags", params_check_request, manage_query_tags},
    {"ListTags", params_check_request, manage_list_tags},
    {"BindAlias", params_check_request, manage_bind_alias},
    {"UnbindAlias", params_check_request, manage_unbind_alias},
    {"QueryAliases", params_check_request, manage_query_aliases},
    {"QueryDevicesByAlias", params_check_request, manage_devices_by_alias},
    {"QueryDevicesByAccount", params_check_request, manage_devices_by_account},
    {"QueryDeviceInfo", params_check_request, manage_device_info},
    {"CheckDevice", params_check_request, manage_check_device},
    {"CheckDevices", params_check_request, manage_check_devices},
    {"BindPhone", params_check_request, manage_bind_phone},
    {"UnbindPhone", params_check_request, manage_unbind_phone},
    {"CheckCertificate", params_check_request, manage_check_certificate},
    {"ListSummaryApps", params_check_request, manage_list_apps},
    {"QueryPushRecords", params_check_request, manage_push_records},
    {"QueryPushStatByMsg", params_check_request, manage_stat_by_message},
    {"QueryPushStatByApp", params_check_request, manage_stat_by_app},
    {"QueryDeviceStat", params_check_request, manage_device_stat},
    {"QueryUniqueDeviceStat", params_check_request, manage_unique_device_stat},
};

const struct action *actions_row(const struct request *q)
{
    for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++)
        if (strcmp(q->action, actions[i].name) == 0 && strcmp(q->version, "2016-08-01") == 0)
            return &actions[i];
    return NULL;
}
