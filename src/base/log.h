/* SPDX-License-Identifier: MIT
 * Levelled logfmt lines to stderr: "ts=… level=… event=… key=value". Writing never blocks: when
 * the reader of the pipe does not keep up, lines are dropped and counted, and the next line that
 * fits says how many. Never pass a secret, a signature, a full device id or a message body. */
#ifndef PB_BASE_LOG_H
#define PB_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

extern enum log_level log_threshold; /* default LOG_INFO */

uint64_t log_dropped(void);                 /* lines lost since the start */
uint64_t log_written(enum log_level level); /* lines since the start, lost ones included */

/* Writes one line. Use the macros: they skip the arguments when the level is off. */
void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* text as a logfmt value: quoted where it must be, with the escapes of JSON for what could act on a
 * reader (base/chars.h), cut at a character, after 200 bytes at most. The result lives in a ring of
 * static buffers, so up to eight may be used in one call. */
const char *log_value(const char *text);

#define log_at(level, ...)                                                                         \
    do {                                                                                           \
        if ((level) <= log_threshold)                                                              \
            log_write((level), __VA_ARGS__);                                                       \
    } while (0)
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

#endif
