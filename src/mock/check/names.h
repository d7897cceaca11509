/* SPDX-License-Identifier: MIT
 * The parameters that Push and the tasks of MassPush know, with the form of their values. */
#ifndef PB_MOCK_CHECK_NAMES_H
#define PB_MOCK_CHECK_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum name_form {
    FORM_TEXT,
    FORM_BOOL,
    FORM_INT,
    FORM_NUMBER,
    FORM_TIME,
    FORM_OBJECT, /* JSON text */
    FORM_ARRAY,  /* JSON text of at most max elements */
    FORM_CHOICE, /* one of the words in choices */
    FORM_CHOICES /* a comma list of them */
};

struct name {
    const char *name;
    enum name_form form;
    int64_t min, max;    /* of an integer */
    const char *choices; /* "A B C" */
};

const struct name *names_find(const char *name);

/* Of a MassPush task: without AppKey, IdempotentToken and Sms…; NULL for those too. */
const struct name *names_find_of_task(const char *name);
/* SDKs flatten a task's two parameters of type map: "AndroidOppoPrivateTitleParameters.key". */
bool names_is_map_entry(const char *name);
bool names_value_fits(const struct name *n, const char *value);
size_t names_count(void);

#endif
