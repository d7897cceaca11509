/* SPDX-License-Identifier: MIT
 * What a job becomes in each of the apps that it names: one plan for an app, several for a group.
 * Parts are numbered on over the plans. */
#ifndef PB_PIPELINE_LEGS_H
#define PB_PIPELINE_LEGS_H

#include "config/config.h"

struct flight;

struct leg {
    const struct config_app *app;
    struct plan plan; /* may be taken out; the other members stay */
    unsigned part;    /* its first */
    size_t parts;
};

struct legs {
    const char *name; /* the app or group; of the job or the configuration */
    struct leg v[CONFIG_GROUP_MAX];
    size_t n;
};

/* limits: to split by. apps: NULL, or the comma-separated names of the apps that the job was begun
 * for, whatever its group has now. False with why as of plan_build(), also where no app or
 * group has the name or a group's parts are more than limits->max_parts. A group's calls are all
 * checked here, so that none goes out where a later one could not. legs_free() in both cases. */
MUST_USE bool legs_build(struct legs *out, const struct config *c,
                         const struct target_limits *limits, const struct job *job,
                         const char *apps, int64_t t0_ms, struct refusal *why);
void legs_free(struct legs *l);

/* The app of a part, NULL: it is not one of these. */
const struct config_app *legs_app_of(const struct legs *l, unsigned part);

/* Of a flight that names a group: builds its legs (legs_build()), and takes the first for its plan.
 */
MUST_USE bool legs_plan(struct flight *f, const struct config *config,
                        const struct target_limits *limits, const struct job *job,
                        struct refusal *why);
/* The plan of the group's next app becomes the flight's; false where there is none. */
bool legs_take_next(struct flight *f);

#endif
