/* SPDX-License-Identifier: MIT */
#include "host/zone.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "host/file.h"

enum { FILE_MAX = 256 * 1024, HEADER = 44, DAY_S = 24 * 3600, RULE_FIRST_YEAR = 1970 };

struct change {
    int64_t at_s;
    int32_t offset_s;
};

struct zone {
    struct change *v; /* in the order of time; the first holds from ever on */
    size_t n;
};

/* --- the calendar ---------------------------------------------------------------------------- */

/* Days since the epoch; a month or day beyond its end goes on into the next. */
static int64_t day_number(int year, int month, int day)
{
    struct tm t = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    return timegm(&t) / DAY_S;
}

/* 0: Sunday. The epoch was a Thursday. */
static int weekday(int64_t day)
{
    return (int)((day + 4) % 7);
}

/* --- rules, as in "CET-1CEST,M3.5.0,M10.5.0/3" ------------------------------------------------ */

/* When in a year the clocks are changed. */
struct turn {
    char kind; /* 'M': month, week, weekday. 'J': day 1 to 365 without 29 February. 'n': day from 0
                */
    int month, week, day;
    int64_t time_s; /* of the local time until then */
};

struct rule {
    int32_t standard_s, summer_s; /* offsets from UTC */
    bool has_summer;
    struct turn begin, end;
};

/* -1: no number there. */
static long read_digits(const char **p)
{
    char *end;
    if (!isdigit((unsigned char)**p))
        return -1;
    long n = strtol(*p, &end, 10);
    *p = end;
    return n;
}

/* "2", "-3:30", "+10:30:15" in seconds. */
static bool read_time(const char **p, int64_t *out)
{
    int64_t sign = 1, unit = 3600, total = 0;
    if (**p == '+' || **p == '-')
        sign = *(*p)++ == '-' ? -1 : 1;
    do {
        long n = read_digits(p);
        if (n < 0 || n > 167)
            return false;
        total += n * unit;
        unit /= 60;
    } while (unit && **p == ':' && (*p)++);
    *out = sign * total;
    return true;
}

/* "CET", "<-03>". */
static bool skip_name(const char **p)
{
    const char *from = *p;
    if (**p == '<') {
        *p += strcspn(*p, ">");
        return *(*p)++ == '>';
    }
    while (isalpha((unsigned char)**p))
        ++*p;
    return *p - from >= 3;
}

static bool read_dot(const char **p, int *out, int least, int most)
{
    if (*(*p)++ != '.')
        return false;
    long n = read_digits(p);
    *out = (int)n;
    return n >= least && n <= most;
}

static bool read_turn(const char **p, struct turn *out)
{
    *out = (struct turn){.kind = 'n', .time_s = 2 * 3600};
    if (*(*p)++ != ',')
        return false;
    if (**p == 'J' || **p == 'M')
        out->kind = *(*p)++;
    long n = read_digits(p);
    out->month = out->day = (int)n;
    if (n < (out->kind != 'n') || n > (out->kind == 'M' ? 12 : 365))
        return false;
    if (out->kind == 'M' && (!read_dot(p, &out->week, 1, 5) || !read_dot(p, &out->day, 0, 6)))
        return false;
    return **p != '/' || (++*p, read_time(p, &out->time_s));
}

/* POSIX counts west of Greenwich. */
static bool read_rule(const char *p, struct rule *out)
{
    int64_t west;
    *out = (struct rule){0};
    if (!skip_name(&p) || !read_time(&p, &west))
        return false;
    out->standard_s = (int32_t)-west;
    if (!*p)
        return true;
    out->has_summer = true;
    out->summer_s = out->standard_s + 3600;
    if (!skip_name(&p))
        return false;
    if (*p && *p != ',') {
        if (!read_time(&p, &west))
            return false;
        out->summer_s = (int32_t)-west;
    }
    return read_turn(&p, &out->begin) && read_turn(&p, &out->end) && !*p;
}

/* Week 5 is the last, also where there are but four such days. */
static int64_t month_turn(const struct turn *t, int year)
{
    int64_t first = day_number(year, t->month, 1), next = day_number(year, t->month + 1, 1);
    int64_t day = first + (t->day - weekday(first) + 7) % 7 + 7 * (t->week - 1);
    return day < next ? day : day - 7;
}

/* J60 is the first of March in each year. */
static int64_t day_turn(const struct turn *t, int year)
{
    bool leap = day_number(year, 3, 1) - day_number(year, 1, 1) == 60;
    return day_number(year, 1, t->day) + (leap && t->day > 59);
}

/* In UTC, where local time is offset_s ahead until then. */
static int64_t turn_at_s(const struct turn *t, int year, int32_t offset_s)
{
    int64_t day = t->kind == 'M'   ? month_turn(t, year)
                  : t->kind == 'J' ? day_turn(t, year)
                                   : day_number(year, 1, 1) + t->day;
    return day * DAY_S + t->time_s - offset_s;
}

static void add_change(struct zone *z, int64_t at_s, int32_t offset_s)
{
    z->v[z->n++] = (struct change){at_s, offset_s};
}

/* What the rule says after the last change of the table. In the south summer ends before it begins
 * in a year. */
static void add_rule(struct zone *z, const struct rule *r)
{
    int64_t after = z->n > 1 ? z->v[z->n - 1].at_s : INT64_MIN;
    if (!r->has_summer && z->n <= 1)
        z->v[0].offset_s = r->standard_s;
    for (int year = RULE_FIRST_YEAR; r->has_summer && year <= ZONE_LAST_YEAR; year++) {
        const struct change begin = {turn_at_s(&r->begin, year, r->standard_s), r->summer_s};
        const struct change end = {turn_at_s(&r->end, year, r->summer_s), r->standard_s};
        bool south = end.at_s < begin.at_s;
        const struct change both[] = {south ? end : begin, south ? begin : end};
        for (size_t i = 0; i < 2; i++)
            if (both[i].at_s > after)
                add_change(z, both[i].at_s, both[i].offset_s);
    }
}

/* --- the file -------------------------------------------------------------------------------- */

struct counts {
    size_t utc_local, standard, leaps, times, types, chars;
};

static int64_t read_big(const unsigned char *p, size_t bytes)
{
    uint64_t n = p[0] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < bytes; i++)
        n = n << 8 | p[i];
    return (int64_t)n;
}

static bool read_header(const unsigned char *p, size_t left, struct counts *out)
{
    size_t *v[] = {&out->utc_local, &out->standard, &out->leaps,
                   &out->times,     &out->types,    &out->chars};
    if (left < HEADER || memcmp(p, "TZif", 4) != 0 || p[4] < '2')
        return false;
    for (size_t i = 0; i < 6; i++) {
        int64_t n = read_big(p + 20 + 4 * i, 4);
        if (n < 0 || n > FILE_MAX)
            return false;
        *v[i] = (size_t)n;
    }
    return out->types >= 1;
}

/* Of the data behind a header, with times of so many bytes. */
static size_t data_size(const struct counts *c, size_t time)
{
    return c->times * (time + 1) + c->types * 6 + c->chars + c->leaps * (time + 4) + c->standard +
           c->utc_local;
}

static bool read_changes(struct zone *z, const unsigned char *p, const struct counts *c)
{
    const unsigned char *index = p + 8 * c->times, *types = index + c->times;
    add_change(z, INT64_MIN, (int32_t)read_big(types, 4));
    for (size_t i = 0; i < c->times; i++) {
        int64_t at_s = read_big(p + 8 * i, 8);
        if (index[i] >= c->types || at_s < z->v[z->n - 1].at_s)
            return false;
        add_change(z, at_s, (int32_t)read_big(types + 6 * (size_t)index[i], 4));
    }
    return true;
}

/* "\nRULE\n" at the file's end; an empty one says that nothing is known of later times. */
static bool read_footer(struct zone *z, const unsigned char *p, size_t left)
{
    char text[128];
    struct rule rule;
    const unsigned char *end = left > 1 && *p == '\n' ? memchr(p + 1, '\n', left - 1) : NULL;
    if (!end || (size_t)(end - p) > sizeof text)
        return false;
    snprintf(text, sizeof text, "%.*s", (int)(end - p - 1), (const char *)p + 1);
    if (!text[0])
        return true;
    if (!read_rule(text, &rule))
        return false;
    add_rule(z, &rule);
    return true;
}

/* The first part of the file has times of four bytes, for old readers. */
static struct zone *read_zone(const unsigned char *p, size_t left)
{
    struct counts c;
    if (!read_header(p, left, &c) || left - HEADER < data_size(&c, 4))
        return NULL;
    left -= HEADER + data_size(&c, 4);
    p += HEADER + data_size(&c, 4);
    if (!read_header(p, left, &c) || left - HEADER < data_size(&c, 8))
        return NULL;
    struct zone *z = mem_zalloc(sizeof *z);
    z->v = mem_alloc((1 + c.times + 2 * (ZONE_LAST_YEAR - RULE_FIRST_YEAR + 1)) * sizeof *z->v);
    size_t size = HEADER + data_size(&c, 8);
    if (read_changes(z, p + HEADER, &c) && read_footer(z, p + size, left - size))
        return z;
    zone_free(z);
    return NULL;
}

/* --- public ---------------------------------------------------------------------------------- */

/* No way out of the folder of zones. */
static bool is_zone_name(const char *name)
{
    if (!isalpha((unsigned char)name[0]) || strlen(name) > ZONE_NAME_MAX)
        return false;
    for (const char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("/_+-", *p))
            return false;
    return true;
}

struct zone *zone_load(const char *name, struct err *e)
{
    static const char folder[] = "/usr/share/zoneinfo";
    char path[sizeof folder + 1 + ZONE_NAME_MAX];
    struct buf file;
    if (!is_zone_name(name)) {
        err_set(e, "\"%.64s\" is no name of a time zone, such as Europe/Berlin", name);
        return NULL;
    }
    snprintf(path, sizeof path, "%s/%s", folder, name);
    bool ok = file_read(path, FILE_MAX, &file, e);
    struct zone *z = ok ? read_zone((const unsigned char *)buf_text(&file), file.len) : NULL;
    buf_free(&file);
    if (!ok)
        err_prefix(e, "time zone");
    else if (!z)
        err_set(e, "time zone: %s is no zone file of version 2 or later", path);
    return z;
}

void zone_free(struct zone *z)
{
    if (z)
        mem_free(z->v);
    mem_free(z);
}

/* The last change at or before utc_s; there is one from ever on. */
static size_t change_before(const struct zone *z, int64_t utc_s)
{
    size_t low = 0, high = z->n;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (z->v[middle].at_s <= utc_s)
            low = middle;
        else
            high = middle;
    }
    return low;
}

int64_t zone_offset_s(const struct zone *z, int64_t utc_s)
{
    return z->v[change_before(z, utc_s)].offset_s;
}

int64_t zone_next_change_s(const struct zone *z, int64_t utc_s)
{
    size_t next = change_before(z, utc_s) + 1;
    return next < z->n ? z->v[next].at_s : INT64_MAX;
}
