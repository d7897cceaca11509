/* SPDX-License-Identifier: MIT
 * An XML answer as the JSON one that was asked for: the gateway answers XML now and then. */
#ifndef PB_ALIYUN_ANSWER_XML_H
#define PB_ALIYUN_ANSWER_XML_H

#include <jansson.h>
#include <stddef.h>

/* Children of the root as an object: an element with children is an object, a name that repeats
 * an array, anything else text. NULL: not well-formed, deeper than 8, or with a DOCTYPE. */
json_t *answer_from_xml(const char *body, size_t len);

#endif
