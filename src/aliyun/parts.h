/* SPDX-License-Identifier: MIT
 * Parts of a notice under one name for every platform ("sound"), as a template gives them, and the
 * provider's parameters that they stand for (API reference §3.4 to §3.5b). */
#ifndef PB_ALIYUN_PARTS_H
#define PB_ALIYUN_PARTS_H

#include "aliyun/params.h"

/* The n-th part's name, NULL behind the last: "subtitle", "open" … */
const char *parts_name(size_t n);

/* The parameters of all platforms that parts (an object by part name) stand for, as a new object.
 * A value is checked against the parameters of the given platforms (of enum param_platform, or-ed);
 * for the others it is checked where a call uses it. Texts with braces are left for later. NULL
 * with e: part, parameter and what it may be. */
json_t *parts_expand(json_t *parts, int platforms, struct err *e);

#endif
