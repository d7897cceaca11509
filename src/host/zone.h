/* SPDX-License-Identifier: MIT
 * A time zone by its IANA name, from the system's zone files (RFC 8536): how far local time is from
 * UTC at an instant, summer time included. The C library knows only the process' own zone, and that
 * is all that is needed here. */
#ifndef PB_HOST_ZONE_H
#define PB_HOST_ZONE_H

#include <stdint.h>

#include "base/err.h"

enum {
    ZONE_NAME_MAX = 64,
    ZONE_LAST_YEAR = 2199, /* rules that hold for ever are followed so far */
};

struct zone;

/* name: "Europe/Berlin", "UTC". The file is read once; a new version of it counts at the next
 * configuration. NULL with e: no such zone, or its file cannot be understood. */
struct zone *zone_load(const char *name, struct err *e);
void zone_free(struct zone *z); /* NULL: nothing */

/* Local time less UTC, at utc_s since the epoch. */
int64_t zone_offset_s(const struct zone *z, int64_t utc_s);
/* The first instant after utc_s at which the offset changes; INT64_MAX: never. */
int64_t zone_next_change_s(const struct zone *z, int64_t utc_s);

#endif
