/* SPDX-License-Identifier: MIT
 * One text with arguments, compiled: {0} and {school}, {code}, {tags} (joined with ','),
 * {params.NAME}; {{ and }} are literal braces. Pure. */
#ifndef PB_JOB_TEMPLATE_TEMPLATE_TEXT_H
#define PB_JOB_TEMPLATE_TEMPLATE_TEXT_H

#include "base/buf.h"
#include "job/job.h"

struct segment;
struct template_text {
    struct segment *v;
    size_t n;
};

/* t is zeroed. False with e on a malformed text or an unknown argument. template_text_free() in
 * both cases. */
MUST_USE bool template_text_compile(struct template_text *t, const char *text, struct err *e);
void template_text_free(struct template_text *t);

/* Appends. NULL, or the argument that the job lacks (as the text names it). params values: strings
 * as they are, integers, reals and booleans as JSON text, null counts as lacking. */
const char *template_text_render(const struct template_text *t, const struct job *job,
                                 struct buf *out);

#endif
