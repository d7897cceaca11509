/* SPDX-License-Identifier: MIT
 * A call against the vendor's list (tests/vectors/api-*.json): every parameter is on it, its
 * value has the listed type, and what is required is there. Include api_list.c in the one source
 * file of the test program. */
#ifndef TEST_API_LIST_H
#define TEST_API_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "aliyun/params.h"
#include "base/err.h"

/* v is without the common parameters of signature V1. False with e. */
bool api_list_check(const char *action, const struct param *v, size_t n, struct err *e);
/* One parameter alone: name and type. */
bool api_list_check_one(const char *action, const char *name, const char *value, struct err *e);
/* What V1 puts among the parameters without belonging to the action. */
bool api_list_is_common(const char *name);

/* The same, failing the test. */
void assert_on_list(const char *action, const struct param *v, size_t n);

#endif
