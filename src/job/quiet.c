/* SPDX-License-Identifier: MIT */
#include "job/quiet.h"

#include <ctype.h>
#include <stddef.h>

enum { DAY_MIN = 24 * 60, OFFSET_MAX_MIN = 14 * 60 };
static const int64_t minute_ms = 60 * 1000;

/* "hh:mm" at *p, which moves behind it; −1 when it is none. */
static int read_clock(const char **p)
{
    const char *s = *p;
    for (int i = 0; i < 5; i++)
        if (i == 2 ? s[i] != ':' : !isdigit((unsigned char)s[i]))
            return -1;
    int hours = (s[0] - '0') * 10 + s[1] - '0', minutes = (s[3] - '0') * 10 + s[4] - '0';
    if (hours > 23 || minutes > 59)
        return -1;
    *p += 5;
    return hours * 60 + minutes;
}

static bool read_offset(const char **p, int *out)
{
    if (**p == 'Z') {
        ++*p;
        *out = 0;
        return true;
    }
    char sign = *(*p)++;
    *out = sign == '+' || sign == '-' ? read_clock(p) : -1;
    if (*out < 0 || *out > OFFSET_MAX_MIN)
        return false;
    if (sign == '-')
        *out = -*out;
    return true;
}

bool quiet_parse(const char *text, struct quiet *out, struct err *e)
{
    *out = (struct quiet){0};
    if (!text || !*text)
        return true;
    const char *p = text;
    out->from_min = read_clock(&p);
    if (out->from_min < 0 || *p++ != '-')
        return err_set(e, "quiet: must begin with hh:mm-hh:mm, as in 22:00-07:00 +08:00");
    out->to_min = read_clock(&p);
    if (out->to_min < 0 || *p++ != ' ')
        return err_set(e, "quiet: the end must be hh:mm and a space, as in 22:00-07:00 +08:00");
    if (out->from_min == out->to_min)
        return err_set(e, "quiet: begin and end are the same");
    if (!*p || !read_offset(&p, &out->offset_min) || *p)
        return err_set(e, "quiet: must end with the offset from UTC, +hh:mm, -hh:mm (at most 14 "
                          "hours) or Z");
    out->on = true;
    return true;
}

int64_t quiet_end_ms(const struct quiet *q, int64_t at_ms)
{
    if (!q->on)
        return at_ms;
    const int64_t day_ms = DAY_MIN * minute_ms;
    int64_t local = at_ms + q->offset_min * minute_ms;
    int64_t midnight = local - ((local % day_ms) + day_ms) % day_ms;
    int64_t from = q->from_min * minute_ms, to = q->to_min * minute_ms, of_day = local - midnight;
    bool over_midnight = from > to;
    bool inside = over_midnight ? of_day >= from || of_day < to : of_day >= from && of_day < to;
    if (!inside)
        return at_ms;
    int64_t end = midnight + to + (over_midnight && of_day >= from ? day_ms : 0);
    return end - q->offset_min * minute_ms;
}
