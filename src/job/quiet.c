/* SPDX-License-Identifier: MIT */
#include "job/quiet.h"

#include <ctype.h>
#include <string.h>

#include "base/minmax.h"

enum { DAY_MIN = 24 * 60, WEEK_MIN = 7 * DAY_MIN, OFFSET_MAX_MIN = 14 * 60, ALL_DAYS = 0x7f };
static const int64_t minute_ms = 60 * 1000, week_ms = (int64_t)WEEK_MIN * 60 * 1000;
/* Midnight of the Monday before the epoch, which was a Thursday. */
static const int64_t monday_ms = (int64_t)-3 * DAY_MIN * 60 * 1000;

/* --- the text -------------------------------------------------------------------------------- */

/* "hh:mm" at *p, which moves behind it; −1 when it is none. */
static int read_clock(const char **p)
{
    const char *s = *p;
    for (int i = 0; i < 5; i++)
        if (i == 2 ? s[i] != ':' : !isdigit((unsigned char)s[i]))
            return -1;
    int hours = (s[0] - '0') * 10 + s[1] - '0', minutes = (s[3] - '0') * 10 + s[4] - '0';
    if (hours > 24 || minutes > 59 || (hours == 24 && minutes))
        return -1;
    *p += 5;
    return hours * 60 + minutes;
}

/* 0: Monday; −1: no day. */
static int read_day(const char **p)
{
    static const char names[7][4] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    for (int i = 0; i < 7; i++)
        if (strncmp(*p, names[i], 3) == 0) {
            *p += 3;
            return i;
        }
    return -1;
}

/* "Mon-Fri ", "Sat "; none: all days. "Sat-Mon" goes over the week's end. */
static bool read_days(const char **p, unsigned *out)
{
    *out = ALL_DAYS;
    if (!isalpha((unsigned char)**p))
        return true;
    int first = read_day(p), last = first;
    if (first >= 0 && **p == '-') {
        ++*p;
        last = read_day(p);
    }
    if (first < 0 || last < 0 || *(*p)++ != ' ')
        return false;
    *out = 1u << last;
    for (int day = first; day != last; day = (day + 1) % 7)
        *out |= 1u << day;
    return true;
}

static bool read_window(const char **p, struct quiet_window *w, struct err *e)
{
    if (!read_days(p, &w->days))
        return err_set(e,
                       "quiet: days are Mon, Tue, Wed, Thu, Fri, Sat, Sun, or two of them with -");
    w->from_min = read_clock(p);
    if (w->from_min < 0 || w->from_min == DAY_MIN || *(*p)++ != '-')
        return err_set(e, "quiet: must begin with hh:mm-hh:mm, as in 22:00-07:00 +08:00");
    w->to_min = read_clock(p);
    if (w->to_min < 0 || (**p != ' ' && **p != ','))
        return err_set(e, "quiet: the end must be hh:mm and a space, as in 22:00-07:00 +08:00");
    if (w->from_min == w->to_min)
        return err_set(e, "quiet: begin and end are the same");
    return true;
}

static bool read_windows(const char **p, struct quiet *out, struct err *e)
{
    size_t n = 0;
    do {
        if (n == QUIET_WINDOWS_MAX)
            return err_set(e, "quiet: more than %d windows", QUIET_WINDOWS_MAX);
        if (!read_window(p, &out->v[n++], e))
            return false;
    } while (*(*p)++ == ',' && (**p != ' ' || *++*p));
    out->n = n;
    return true;
}

static bool read_offset(const char *p, int *out)
{
    if (strcmp(p, "Z") == 0)
        return true;
    char sign = *p++;
    *out = sign == '+' || sign == '-' ? read_clock(&p) : -1;
    if (*out < 0 || *out > OFFSET_MAX_MIN || *p)
        return false;
    if (sign == '-')
        *out = -*out;
    return true;
}

static bool read_place(const char *p, struct quiet *out, struct err *e)
{
    if (read_offset(p, &out->offset_min))
        return true;
    if (!isalpha((unsigned char)*p))
        return err_set(e, "quiet: must end with the offset from UTC, +hh:mm, -hh:mm (at most 14 "
                          "hours) or Z, or with a time zone such as Europe/Berlin");
    out->zone = zone_load(p, e);
    return out->zone || err_prefix(e, "quiet");
}

/* --- windows --------------------------------------------------------------------------------- */

/* Minutes until the window's end, from a minute of the week; 0: it is not in it. */
static int window_left(const struct quiet_window *w, int minute)
{
    int length =
        w->to_min > w->from_min ? w->to_min - w->from_min : w->to_min + DAY_MIN - w->from_min;
    for (int day = 0; day < 7; day++) {
        int since = (minute - day * DAY_MIN - w->from_min + WEEK_MIN) % WEEK_MIN;
        if (w->days >> day & 1 && since < length)
            return length - since;
    }
    return 0;
}

/* … until the end of whichever lasts longest. */
static int windows_left(const struct quiet *q, int minute)
{
    int left = 0;
    for (size_t i = 0; i < q->n; i++) {
        int of_this = window_left(&q->v[i], minute);
        left = of_this > left ? of_this : left;
    }
    return left;
}

static bool is_never_loud(const struct quiet *q)
{
    for (int minute = 0; minute < WEEK_MIN; minute++)
        if (!windows_left(q, minute))
            return false;
    return true;
}

bool quiet_parse(const char *text, struct quiet *out, struct err *e)
{
    *out = (struct quiet){0};
    if (!text || !*text)
        return true;
    struct quiet q = {0};
    const char *p = text;
    bool ok = read_windows(&p, &q, e) && read_place(p, &q, e);
    if (ok && is_never_loud(&q))
        ok = err_set(e, "quiet: no minute of the week is left");
    if (ok)
        *out = q;
    else
        quiet_free(&q);
    return ok;
}

void quiet_free(struct quiet *q)
{
    zone_free(q->zone);
    *q = (struct quiet){0};
}

/* --- instants -------------------------------------------------------------------------------- */

static int64_t floor_s(int64_t ms)
{
    return ms / 1000 - (ms % 1000 < 0);
}

static int64_t offset_ms(const struct quiet *q, int64_t at_ms)
{
    return q->zone ? zone_offset_s(q->zone, floor_s(at_ms)) * 1000 : q->offset_min * minute_ms;
}

static int64_t next_change_ms(const struct quiet *q, int64_t at_ms)
{
    int64_t at_s = q->zone ? zone_next_change_s(q->zone, floor_s(at_ms)) : INT64_MAX;
    return at_s == INT64_MAX ? INT64_MAX : at_s * 1000;
}

/* The end of the windows that at_ms lies in; at_ms: in none. */
static int64_t next_end_ms(const struct quiet *q, int64_t at_ms)
{
    int64_t of_week = (at_ms + offset_ms(q, at_ms) - monday_ms) % week_ms;
    of_week += of_week < 0 ? week_ms : 0;
    int left = windows_left(q, (int)(of_week / minute_ms));
    return left ? at_ms - of_week % minute_ms + left * minute_ms : at_ms;
}

/* Where the clock changes on the way, it is looked at anew from there. Each step goes on by a
 * minute at least, and by the end of a window or of a season at most: the windows of a week leave
 * room, so that it ends within days. */
int64_t quiet_end_ms(const struct quiet *q, int64_t at_ms)
{
    for (;;) {
        int64_t end_ms = q->n ? next_end_ms(q, at_ms) : at_ms;
        if (end_ms == at_ms)
            return at_ms;
        at_ms = min_int(end_ms, next_change_ms(q, at_ms));
    }
}
