/* SPDX-License-Identifier: MIT
 * Which limits a configuration has. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fleet/limits_core.h"

#define RATE_MIN 0.001
#define RATE_MAX 1e7

const char *const limit_types[LIMIT_TYPES] = {"ANDROID", "iOS", "HARMONY", "ALL"};

static void host_label(char *out, size_t size)
{
    memset(out, 0, size);
    gethostname(out, size - 1);
    for (char *p = out; *p; p++)
        if (*p <= ' ' || *p == '@' || *p >= 0x7F)
            *p = '_';
    if (!*out)
        snprintf(out, size, "host");
}

/* burst_ms' worth of calls, at least one. */
static void set_setting(struct limit_setting *l, double per_s, int64_t burst_ms)
{
    l->per_s = per_s;
    l->burst = fmax(1, per_s * (double)burst_ms / 1000);
}

static size_t account_of(const struct config *c, size_t app)
{
    size_t i = 0;
    while (strcmp(c->apps[i].account_label, c->apps[app].account_label) != 0)
        i++;
    return i;
}

/* The accounts in the order of the first app that has each. */
static size_t add_accounts(const struct config *c, struct limit_setting *out, size_t *app_account)
{
    size_t n = 0, number[CONFIG_APPS_MAX] = {0};
    for (size_t i = 0; i < c->napps; i++) {
        size_t first = account_of(c, i);
        if (first == i) {
            const char *label = c->apps[i].account_label;
            number[i] = n / LIMIT_ACTIONS;
            snprintf(out[n].name, LIMIT_NAME_SIZE, "Push@%s", label);
            set_setting(&out[n++], (double)c->limit_push_per_s, c->limit_burst_ms);
            snprintf(out[n].name, LIMIT_NAME_SIZE, "MassPush@%s", label);
            set_setting(&out[n++], (double)c->limit_masspush_per_s, c->limit_burst_ms);
        }
        if (app_account)
            app_account[i] = number[first];
    }
    return n;
}

static size_t add_types(const struct config *c, size_t app, struct limit_setting *out)
{
    double gap = (double)c->limit_all_gap_ms;
    for (size_t t = 0; t < LIMIT_TYPES; t++) {
        snprintf(out[t].name, LIMIT_NAME_SIZE, "all@%s@%s", c->apps[app].app.name, limit_types[t]);
        out[t].per_s = gap > 0 ? 1000 / gap : 0;
        out[t].burst = 1;
    }
    return LIMIT_TYPES;
}

bool limit_rate_read(const char *text, double *per_s)
{
    char *end;
    *per_s = strtod(text, &end);
    return end != text && !*end && *per_s <= RATE_MAX &&
           (*per_s >= RATE_MIN || fpclassify(*per_s) == FP_ZERO);
}

size_t limits_of_config(const struct config *c, struct limit_setting *out, size_t *app_account)
{
    char host[65];
    host_label(host, sizeof host);
    snprintf(out[0].name, LIMIT_NAME_SIZE, "egress@%s", c->limit_egress ? c->limit_egress : host);
    set_setting(&out[0], (double)c->limit_egress_per_s, c->limit_burst_ms);
    size_t n = 1 + add_accounts(c, out + 1, app_account);
    for (size_t i = 0; i < c->napps; i++)
        n += add_types(c, i, out + n);
    return n;
}
