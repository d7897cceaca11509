/* SPDX-License-Identifier: MIT
 * Accounts that make no MassPush for a while, because the provider refuses them that action: their
 * jobs go out one by one. Pure state; time is an argument. */
#ifndef PB_FLEET_SHARED_STOP_H
#define PB_FLEET_SHARED_STOP_H

#include "config/config.h"

enum { SHARED_STOP_MS = 3600000 }; /* then it is tried again */

struct shared_stop {
    struct {
        char account[sizeof((struct config_app){0}.account_label)];
        int64_t till_ms;
    } v[CONFIG_APPS_MAX];
    size_t n;
};

/* The action was refused. True when that is news. */
bool shared_stop_note(struct shared_stop *s, const char *account, int64_t now_ms);
bool shared_stop_holds(const struct shared_stop *s, const char *account, int64_t now_ms);
/* It was not the action: another is refused as well. */
void shared_stop_lift(struct shared_stop *s, const char *account);
void shared_stop_clear(struct shared_stop *s);
size_t shared_stop_count(const struct shared_stop *s,
                         int64_t now_ms); /* accounts that are stopped */

#endif
