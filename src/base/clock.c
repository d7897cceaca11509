/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static int64_t now_ms(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_mono_ms(void)
{
    return now_ms(CLOCK_MONOTONIC);
}

int64_t clock_mono_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_boot_ms(void)
{
    return now_ms(CLOCK_BOOTTIME);
}

int64_t clock_cpu_ms(void)
{
    return now_ms(CLOCK_PROCESS_CPUTIME_ID);
}

int64_t clock_wall_ms(void)
{
    return now_ms(CLOCK_REALTIME);
}

/* n with that many digits and what follows it; strftime takes several times as long, and each call
 * has two stamps. */
static char *put_digits(char *p, int n, int width, char after)
{
    for (int i = width; i-- > 0; n /= 10)
        p[i] = (char)('0' + n % 10);
    p[width] = after;
    return p + width + 1;
}

void clock_format_utc(int64_t wall_ms, char out[CLOCK_UTC_SIZE])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    if (!gmtime_r(&seconds, &tm) || tm.tm_year < -900 || tm.tm_year > 8099) {
        out[0] = '\0';
        return;
    }
    char *p = put_digits(out, 1900 + tm.tm_year, 4, '-');
    p = put_digits(p, 1 + tm.tm_mon, 2, '-');
    p = put_digits(p, tm.tm_mday, 2, 'T');
    p = put_digits(p, tm.tm_hour, 2, ':');
    p = put_digits(p, tm.tm_min, 2, ':');
    *put_digits(p, tm.tm_sec, 2, 'Z') = '\0';
}

/* Reads exactly n digits at *p and steps over them. */
static bool digits(const char **p, int n, int *out)
{
    *out = 0;
    for (int i = 0; i < n; i++, (*p)++) {
        if (**p < '0' || **p > '9')
            return false;
        *out = *out * 10 + (**p - '0');
    }
    return true;
}

static bool literal(const char **p, char c)
{
    return *(*p)++ == c;
}

static int64_t fraction_ms(const char **p)
{
    int64_t ms = 0, unit = 100;
    for (; **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
        ms += (**p - '0') * unit;
    return ms;
}

/* "Z", "+08:00", "+0800" or "+08". */
static bool offset_minutes(const char **p, int *out)
{
    *out = 0;
    char sign = *(*p)++;
    if (sign == 'Z' || sign == 'z')
        return true;
    int hours, minutes = 0;
    if ((sign != '+' && sign != '-') || !digits(p, 2, &hours))
        return false;
    bool colon = **p == ':';
    *p += colon;
    if ((colon || **p) && !digits(p, 2, &minutes))
        return false;
    *out = (hours * 60 + minutes) * (sign == '-' ? -1 : 1);
    return hours <= 23 && minutes <= 59;
}

/* ":05.25"; nothing at a full minute, as some libraries write it. */
static bool read_seconds(const char **p, int *seconds, int64_t *ms)
{
    *seconds = 0;
    *ms = 0;
    if (**p != ':')
        return true;
    ++*p;
    if (!digits(p, 2, seconds))
        return false;
    if (**p != '.')
        return true;
    ++*p;
    if (**p < '0' || **p > '9')
        return false;
    *ms = fraction_ms(p);
    return true;
}

/* timegm accepts the 31st of February; what it made of the date must be the date. */
static bool to_epoch(struct tm tm, int64_t *seconds)
{
    struct tm asked = tm;
    time_t t = timegm(&tm);
    *seconds = (int64_t)t;
    return tm.tm_mday == asked.tm_mday && tm.tm_mon == asked.tm_mon &&
           tm.tm_hour == asked.tm_hour && tm.tm_min == asked.tm_min;
}

bool clock_parse_rfc3339(const char *p, int64_t *wall_ms)
{
    struct tm tm = {0};
    int year, month, offset;
    if (!digits(&p, 4, &year) || !literal(&p, '-') || !digits(&p, 2, &month) || !literal(&p, '-') ||
        !digits(&p, 2, &tm.tm_mday) || !(*p == 'T' || *p == 't' || *p == ' '))
        return false;
    p++;
    int64_t ms, seconds;
    if (!digits(&p, 2, &tm.tm_hour) || !literal(&p, ':') || !digits(&p, 2, &tm.tm_min) ||
        !read_seconds(&p, &tm.tm_sec, &ms))
        return false;
    if (!offset_minutes(&p, &offset) || *p)
        return false;
    if (year < 1970 || month < 1 || month > 12 || tm.tm_mday < 1 || tm.tm_hour > 23 ||
        tm.tm_min > 59 || tm.tm_sec > 60)
        return false;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    if (!to_epoch(tm, &seconds))
        return false;
    *wall_ms = (seconds - offset * 60) * 1000 + ms;
    return true;
}

bool clock_parse_http_date(const char *text, int64_t *wall_ms)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm = {0};
    char name[4] = "";
    int year;
    if (sscanf(text, "%*3s, %2d %3s %4d %2d:%2d:%2d GMT", &tm.tm_mday, name, &year, &tm.tm_hour,
               &tm.tm_min, &tm.tm_sec) != 6)
        return false;
    const char *at = strstr(months, name);
    if (!at || strlen(name) != 3 || (at - months) % 3 || year < 1970)
        return false;
    tm.tm_mon = (int)(at - months) / 3;
    tm.tm_year = year - 1900;
    int64_t seconds;
    if (!to_epoch(tm, &seconds))
        return false;
    *wall_ms = seconds * 1000;
    return true;
}

void clock_random(void *out, unsigned len)
{
    /* A system call per nonce is dear; a pool of kernel bytes, each used once, is not. */
    static unsigned char pool[4096];
    static unsigned used = sizeof pool;
    unsigned char *p = out;
    while (len--) {
        if (used == sizeof pool) {
            for (size_t got = 0; got < sizeof pool;) {
                ssize_t n =
                    getrandom(pool + got, sizeof pool - got < 256 ? sizeof pool - got : 256, 0);
                if (n < 0)
                    abort();
                got += (size_t)n;
            }
            used = 0;
        }
        *p++ = pool[used];
        pool[used++] = 0;
    }
}

uint64_t clock_random_below(uint64_t n)
{
    uint64_t r;
    clock_random(&r, sizeof r);
    return n ? r % n : 0;
}
