/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/chars.h"
#include "base/clock.h"
#include "base/visible.h"

/* A pipe that polls writable takes at least PIPE_BUF (4096) bytes without blocking. */
enum { LINE_MAX_BYTES = 4096, VALUE_MAX = 200, VALUE_ROOM = 400, VALUE_RING = 8 };

enum log_level log_threshold = LOG_INFO;
static uint64_t dropped, reported, written[LOG_DEBUG + 1];

static const char *const names[] = {"error", "warn", "info", "debug"};

uint64_t log_dropped(void)
{
    return dropped;
}

uint64_t log_written(enum log_level level)
{
    return written[level];
}

static bool emit(const char *line, size_t len)
{
    struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) && write(STDERR_FILENO, line, len) >= 0;
}

static size_t stamp(char *out, size_t room, enum log_level level)
{
    char utc[CLOCK_UTC_SIZE];
    int64_t now = clock_wall_ms();
    clock_format_utc(now, utc);
    utc[CLOCK_UTC_SIZE - 2] = '\0'; /* the Z comes after the milliseconds */
    return (size_t)snprintf(out, room, "ts=%s.%03dZ level=%s ", utc, (int)(now % 1000),
                            names[level]);
}

void log_write(enum log_level level, const char *fmt, ...)
{
    char line[LINE_MAX_BYTES];
    size_t n = stamp(line, sizeof line, level);
    written[level]++;
    if (dropped != reported)
        n += (size_t)snprintf(line + n, sizeof line - n, "log_dropped=%llu ",
                              (unsigned long long)(dropped - reported));
    va_list ap;
    va_start(ap, fmt);
    int more = vsnprintf(line + n, sizeof line - n - 1, fmt, ap);
    va_end(ap);
    if (more < 0)
        return;
    n += (size_t)more;
    if (n > sizeof line - 2)
        n = chars_cut(line, sizeof line - 2, sizeof line - 5);
    n = visible_mask(line, n); /* whoever printed a value without log_value() */
    line[n++] = '\n';
    if (emit(line, n))
        reported = dropped; /* only a line that got out has said so */
    else
        dropped++;
}

static bool is_bare(uint32_t code)
{
    return code > ' ' && code != '"' && code != '=' && code != '\\' && chars_is_plain(code);
}

/* What stands for the character within quotes; returns its length. */
static size_t quoted(const char *p, size_t n, uint32_t code, char out[CHARS_ESCAPE_SIZE])
{
    if (!chars_is_plain(code))
        return chars_escape(code, out);
    size_t at = code == '"' || code == '\\';
    out[0] = '\\';
    memcpy(out + at, p, n);
    return at + n;
}

const char *log_value(const char *text)
{
    static char ring[VALUE_RING][VALUE_ROOM + 3];
    static unsigned turn;
    if (!text)
        return "-";
    size_t len = chars_cut(text, strnlen(text, VALUE_MAX + 4), VALUE_MAX), at = 1;
    bool bare = len > 0;
    char *out = ring[turn++ % VALUE_RING];
    out[0] = '"';
    for (size_t i = 0, n; i < len; i += n) {
        char shown[CHARS_ESCAPE_SIZE];
        uint32_t code;
        n = chars_read(text + i, len - i, &code);
        size_t m = quoted(text + i, n, code, shown);
        bare &= is_bare(code);
        if (at + m > VALUE_ROOM + 1)
            break;
        memcpy(out + at, shown, m);
        at += m;
    }
    memcpy(out + at, bare ? "" : "\"", bare ? 1 : 2);
    return out + bare;
}
