/* SPDX-License-Identifier: MIT
 * A call against the vendor's list (tests/vectors/api-*.json): every parameter is on it, its
 * value has the listed type, and what is required is there. */
#ifndef TEST_API_LIST_H
#define TEST_API_LIST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "aliyun/params.h"
#include "base/err.h"

/* v is without the common parameters of signature V1. False with e. */
bool api_list_check(const char *action, const struct param *v, size_t n, struct err *e);
/* One parameter alone: name and type. */
bool api_list_check_one(const char *action, const char *name, const char *value, struct err *e);
/* The listed type of a parameter's name on the wire, or NULL. */
const char *api_list_type(const char *action, const char *name);
/* What V1 puts among the parameters without belonging to the action. */
bool api_list_is_common(const char *name);

/* The same, failing the test. */
void assert_on_list(const char *action, const struct param *v, size_t n);
/* The list itself; fails the test when it cannot be read. json_decref. */
json_t *api_list_load(const char *path);
const char *api_list_member(const json_t *row, const char *name);

#endif
