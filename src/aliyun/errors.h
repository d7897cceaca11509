/* SPDX-License-Identifier: MIT
 * The error table of the API reference §8 and its rules for unknown codes, as data. */
#ifndef PB_ALIYUN_ERRORS_H
#define PB_ALIYUN_ERRORS_H

#include "job/verdict.h"

struct error_class {
    enum reply_class class;
    bool ambiguous; /* the call may have had its effect */
    bool goes_on;   /* and may still be under way */
    enum refusal_scope scope;
};

/* Classifies an answered refusal by Code (may be "") and HTTP status. */
struct error_class errors_classify(const char *code, int http_status);

/* Refusals that may be of the called action alone: a permission of RAM, which is given per action
 * (API reference §8.1), an action that the endpoint does not know, an account that is without. */
bool errors_names_action(const char *code);

#endif
