/* SPDX-License-Identifier: MIT
 * A call that may be out is only repeated as the same call, with its token, and the token follows
 * from its content (I3e): is it the same, made anew by this worker under its configuration? A call
 * that was refused for certain or never sent may come out as it likes. */
#ifndef PB_PIPELINE_AGAIN_H
#define PB_PIPELINE_AGAIN_H

#include "pipeline/flight.h"

/* Once its job has been read: does the flight's configuration make the same calls of it as that of
 * the claim's first holder (its digest and marks, as the claim has them), who may have sent some of
 * them? Their content is kept where it does. */
void again_compare_configs(struct flight *f, const char *digest, const char *marks);

/* May the call be out, and is it another one now? c->another says why. */
bool again_is_another(struct call *c);
/* The same of a recorded shared call, before it has gone on; what is not out goes by its jobs'
 * configurations. Its content is kept where it is the same. */
bool again_shared_differs(struct call *c);

/* Before its envelope or dead letter is written: by which configuration and in which parts the job
 * was begun, while some of it is or may be out. */
void again_keep_begun(struct flight *f);
/* The call went unanswered: all jobs of it keep its content. */
void again_keep_content(struct call *c);
/* It is given up: a new one takes its place. */
void again_forget(struct call *c);

#endif
