/* SPDX-License-Identifier: MIT
 * Clocks and stamps. Durations use the monotonic clock; lease safety uses the boot clock, which
 * also counts while the machine is suspended; the wall clock only makes stamps. */
#ifndef PB_BASE_CLOCK_H
#define PB_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

int64_t clock_mono_ms(void);
int64_t clock_mono_us(void); /* for measuring */
int64_t clock_boot_ms(void);
int64_t clock_cpu_ms(void);  /* that the process has used */
int64_t clock_wall_ms(void); /* since the epoch */

enum { CLOCK_UTC_SIZE = 21 };

/* "YYYY-MM-DDThh:mm:ssZ"; milliseconds are cut. "" after the year 9999. */
void clock_format_utc(int64_t wall_ms, char out[CLOCK_UTC_SIZE]);

/* RFC 3339 with 'Z' or a numeric offset, optional fraction; and what libraries write of ISO 8601
 * beside it: no seconds at a full minute, offsets as +0800 and +08. False when malformed. */
bool clock_parse_rfc3339(const char *text, int64_t *wall_ms);

/* HTTP date ("Sun, 06 Nov 1994 08:49:37 GMT"). False when malformed. */
bool clock_parse_http_date(const char *text, int64_t *wall_ms);

/* Random bytes from the kernel (nonces, batch ids, fences, jitter). */
void clock_random(void *out, unsigned len);
uint64_t clock_random_below(uint64_t n); /* 0 … n − 1, 0 for n = 0 */

#endif
