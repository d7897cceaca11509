/* SPDX-License-Identifier: MIT */
#include "redis/redis_info.h"

#include <stdio.h>
#include <string.h>

bool redis_info_field(const char *text, const char *key, char *out, size_t room)
{
    const char *at = strstr(text, key);
    while (at && at != text && at[-1] != '\n')
        at = strstr(at + 1, key);
    if (!at)
        return false;
    at += strlen(key);
    size_t len = strcspn(at, "\r\n");
    if (len == 0 || len >= room)
        return false;
    memcpy(out, at, len);
    out[len] = '\0';
    return true;
}

/* Development builds call themselves 255.255.255. */
static unsigned two_digits(unsigned n)
{
    return n < 99 ? n : 99;
}

bool redis_info_read(const char *text, struct redis_info *out)
{
    unsigned major = 0, minor = 0, patch = 0;
    if (!redis_info_field(text, "redis_version:", out->version_text, sizeof out->version_text) ||
        !redis_info_field(text, "run_id:", out->run_id, sizeof out->run_id))
        return false;
    if (sscanf(out->version_text, "%3u.%3u.%3u", &major, &minor, &patch) < 2)
        return false;
    out->version = major * 10000 + two_digits(minor) * 100 + two_digits(patch);
    return true;
}
