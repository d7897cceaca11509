/* SPDX-License-Identifier: MIT */
#include "mock/check/refusal.h"

#include <stdarg.h>
#include <stdio.h>

bool refusal_set(struct refusal *r, int status, const char *code, const char *fmt, ...)
{
    va_list args;
    r->status = status;
    snprintf(r->code, sizeof(r->code), "%s", code);
    va_start(args, fmt);
    vsnprintf(r->text, sizeof(r->text), fmt, args);
    va_end(args);
    return false;
}

bool refusal_named(struct refusal *r, const char *prefix, const char *name, const char *suffix,
                   const char *text)
{
    char code[sizeof(r->code)];
    int n = snprintf(code, sizeof(code), "%s%.60s%s", prefix, name, suffix);
    return refusal_set(r, 400, n > 0 ? code : prefix, "%s", text);
}
