/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/chars.h"

bool err_set(struct err *e, const char *fmt, ...)
{
    if (!e)
        return false;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    if (n >= (int)sizeof e->text)
        chars_trim(e->text);
    return false;
}

bool err_prefix(struct err *e, const char *prefix)
{
    if (!e)
        return false;
    struct err old = *e;
    int n = snprintf(e->text, sizeof e->text, "%s: ", prefix);
    if (n > 0 && (size_t)n < sizeof e->text) {
        size_t room = sizeof e->text - (size_t)n - 1;
        size_t len = strnlen(old.text, room);
        memcpy(e->text + n, old.text, len);
        e->text[(size_t)n + len] = '\0';
        if (len == room)
            chars_trim(e->text);
    }
    return false;
}
