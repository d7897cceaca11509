/* SPDX-License-Identifier: MIT
 * Message templates: compiled once at start, rendered per job. Pure.
 * Arguments: {0} and {school}, {code}, {tags} (joined with ','), {params.NAME}; {{ and }} are
 * literal braces. */
#ifndef PB_TEMPLATE_H
#define PB_TEMPLATE_H

#include "base/buf.h"
#include "job/job.h"

struct template_set;
struct template;

struct template_set *template_set_new(void);
void template_set_free(struct template_set *set);

/* Compiles and adds. locale NULL is the default variant. title NULL: none (the caller then uses
 * the code). False with e on a malformed template, an unknown argument or a duplicate
 * (code, locale). */
bool template_set_add(struct template_set *set, const char *code, const char *locale,
                      const char *title, const char *message, struct err *e);

/* The variant for a locale, falling back zh-Hans-CN → zh-Hans → zh → default. NULL when the code
 * is unknown (or has no default variant and none that fits). */
const struct template *template_find(const struct template_set *set, const char *code,
                                     const char *locale);

/* Appends the rendered title (nothing when the template has none) and message. False with e that
 * names the template and the argument when the job lacks one: "template I10001: argument {school}
 * is not in the job". params values: strings as they are, integers, reals and booleans as JSON
 * text, null counts as lacking. */
bool template_render(const struct template *t, const struct job *job, struct buf *title,
                     struct buf *message, struct err *e);
bool template_has_title(const struct template *t);

/* A stable hash of every template, for the configuration digest. */
uint64_t template_set_hash(const struct template_set *set);

#endif
