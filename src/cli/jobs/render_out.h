/* SPDX-License-Identifier: MIT
 * How render shows jobs and calls: lines for people, or JSON, an object a line. Appends to buf. */
#ifndef PB_CLI_JOBS_RENDER_OUT_H
#define PB_CLI_JOBS_RENDER_OUT_H

#include "pipeline/flight.h"

struct render_out {
    bool json;
    unsigned long first; /* number of the job at position 0, from 1 */
    struct buf buf;
};

void render_refusal(struct render_out *o, const struct flight *f, const struct refusal *why);
/* A job: its beginning, each call of its own, its end. shared: number of the call that it shares
 * with others, 0: none. */
void render_begin(struct render_out *o, const struct flight *f, unsigned long shared);
void render_call(struct render_out *o, const struct flight *f, const struct params *params);
void render_end(struct render_out *o);
/* A call of several jobs. params NULL: it cannot be made, and text says why. */
void render_shared(struct render_out *o, const struct call *c, unsigned long number,
                   const struct params *params, const char *text);

#endif
