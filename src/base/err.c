/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/chars.h"

/* Where it was cut, it still ends with a whole character. */
static void cut(struct err *e)
{
    size_t len = strlen(e->text), at = len;
    uint32_t code;
    for (size_t i = len > 3 ? len - 3 : 0; i < len; i++)
        if (((unsigned char)e->text[i] & 0xC0) == 0xC0 && at == len &&
            chars_read(e->text + i, len - i, &code) == 1 && code == CHARS_NONE)
            at = i;
    e->text[at] = '\0';
}

bool err_set(struct err *e, const char *fmt, ...)
{
    if (!e)
        return false;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    if (n >= (int)sizeof e->text)
        cut(e);
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
            cut(e);
    }
    return false;
}
