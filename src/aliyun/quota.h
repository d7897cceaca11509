/* SPDX-License-Identifier: MIT
 * The provider's documented rate quotas: per cloud account and API (reference §6.2). */
#ifndef PB_ALIYUN_QUOTA_H
#define PB_ALIYUN_QUOTA_H

#include <stdint.h>

/* Calls per second that one account may make of an action. Where no figure is published: 100. */
int64_t quota_per_s(const char *action);

#endif
