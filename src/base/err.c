/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <stdio.h>
#include <string.h>

#include "base/chars.h"

bool err_set_args(struct err *e, const char *fmt, va_list args)
{
    if (e && vsnprintf(e->text, sizeof e->text, fmt, args) >= (int)sizeof e->text)
        chars_trim(e->text);
    return false;
}

bool err_set(struct err *e, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    err_set_args(e, fmt, args);
    va_end(args);
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
