/* SPDX-License-Identifier: MIT
 * What the management actions do to the world and answer; their parameters are checked already. */
#ifndef PB_MOCK_WORLD_MANAGE_H
#define PB_MOCK_WORLD_MANAGE_H

#include "mock/world/actions.h"

/* --- tags and aliases (manage_bind.c) --- */
enum record_outcome manage_bind_tag(struct deed *d);
enum record_outcome manage_unbind_tag(struct deed *d);
enum record_outcome manage_remove_tag(struct deed *d);
enum record_outcome manage_query_tags(struct deed *d);
enum record_outcome manage_list_tags(struct deed *d);
enum record_outcome manage_bind_alias(struct deed *d);
enum record_outcome manage_unbind_alias(struct deed *d);
enum record_outcome manage_query_aliases(struct deed *d);

/* --- devices and the app (manage_device.c) --- */
enum record_outcome manage_devices_by_alias(struct deed *d);
enum record_outcome manage_devices_by_account(struct deed *d);
enum record_outcome manage_device_info(struct deed *d);
enum record_outcome manage_check_device(struct deed *d);
enum record_outcome manage_check_devices(struct deed *d);
enum record_outcome manage_bind_phone(struct deed *d);
enum record_outcome manage_unbind_phone(struct deed *d);
enum record_outcome manage_check_certificate(struct deed *d);
enum record_outcome manage_list_apps(struct deed *d);

/* --- records and statistics (manage_stat.c) --- */
enum record_outcome manage_push_records(struct deed *d);
enum record_outcome manage_stat_by_message(struct deed *d);
enum record_outcome manage_stat_by_app(struct deed *d);
enum record_outcome manage_device_stat(struct deed *d);
enum record_outcome manage_unique_device_stat(struct deed *d);

/* --- shared --- */

const char *manage_get(const struct deed *d, const char *name); /* "" when absent */
int64_t manage_number(const struct deed *d, const char *name);  /* 0 when absent */

/* The world's device of that id and the call's app. Without a world every id is good. NULL after a
 * refusal. */
struct world_device *manage_device(struct deed *d, const char *id);

/* {WRAPPER: {ELEMENT: list}}; takes list. */
json_t *manage_list(const char *wrapper, const char *element, json_t *list);

#endif
