/* SPDX-License-Identifier: MIT */
#include "fleet/shared_stop.h"

#include <stdio.h>
#include <string.h>

static size_t find_account(const struct shared_stop *s, const char *account)
{
    size_t i = 0;
    while (i < s->n && strcmp(s->v[i].account, account) != 0)
        i++;
    return i;
}

/* There are never more accounts than apps; those of a configuration before are cleared. */
bool shared_stop_note(struct shared_stop *s, const char *account, int64_t now_ms)
{
    size_t i = find_account(s, account);
    if (i == CONFIG_APPS_MAX)
        return false;
    bool news = i == s->n || s->v[i].till_ms <= now_ms;
    s->n += i == s->n;
    snprintf(s->v[i].account, sizeof s->v[i].account, "%s", account);
    s->v[i].till_ms = now_ms + SHARED_STOP_MS;
    return news;
}

bool shared_stop_holds(const struct shared_stop *s, const char *account, int64_t now_ms)
{
    size_t i = find_account(s, account);
    return i < s->n && s->v[i].till_ms > now_ms;
}

void shared_stop_lift(struct shared_stop *s, const char *account)
{
    size_t i = find_account(s, account);
    if (i < s->n)
        s->v[i].till_ms = 0;
}

void shared_stop_clear(struct shared_stop *s)
{
    s->n = 0;
}

size_t shared_stop_count(const struct shared_stop *s, int64_t now_ms)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += s->v[i].till_ms > now_ms;
    return n;
}
