/* SPDX-License-Identifier: MIT
 * Message templates: compiled once at start, rendered per job. Pure.
 * A code has a template, and over it variants: for a locale, for a platform (a DeviceType), for a
 * locale of a platform. What a job gets are the ones that fit it, as layers. */
#ifndef PB_JOB_TEMPLATE_TEMPLATE_H
#define PB_JOB_TEMPLATE_TEMPLATE_H

#include "base/buf.h"
#include "job/job.h"

struct template_set;
struct template;

struct template_set *template_set_new(void);
void template_set_free(struct template_set *set);

/* Compiles and adds. locale NULL is the default variant. title NULL: none (the caller then uses
 * the code). False with e on a malformed template, an unknown argument or a duplicate
 * (code, locale). */
MUST_USE bool template_set_add(struct template_set *set, const char *code, const char *locale,
                               const char *title, const char *message, struct err *e);

/* An entry with provider parameters. Objects may be NULL, a reference is taken; their texts may
 * hold arguments. The parameters themselves are the provider's business: not checked here. */
struct template_entry {
    const char *code, *platform, *locale; /* NULL: any platform; the default variant */
    const char *title, *message;          /* message NULL: parameters only */
    json_t *parts, *push;                 /* name → value; parts are for notices only */
};
/* template_set_add() with all of it. */
MUST_USE bool template_set_add_entry(struct template_set *set, const struct template_entry *entry,
                                     struct err *e);

/* The layers of a job, weakest first: the template, its locale, the platform, its locale (each
 * falling back zh-Hans-CN → zh-Hans → zh → default). The text, title and message, is of the last
 * that has a message; the parameters of all apply, the later winning. False where there is no text.
 */
enum { TEMPLATE_LAYERS_MAX = 4 };
struct template_pick {
    const struct template *layers[TEMPLATE_LAYERS_MAX];
    size_t n;
    const struct template *text;
};
bool template_pick(const struct template_set *set, const char *code, const char *platform,
                   const char *locale, struct template_pick *out);

/* Appends the rendered title (nothing when the template has none) and message. False with e that
 * names the template and the argument when the job lacks one: "template I10001: argument {school}
 * is not in the job". params values: strings as they are, integers, reals and booleans as JSON
 * text, null counts as lacking. */
MUST_USE bool template_render(const struct template *t, const struct job *job, struct buf *title,
                              struct buf *message, struct err *e);
bool template_has_title(const struct template *t);

/* A layer's parameters for one job, as a new reference; NULL where it has none. False with e as
 * above, or for a text beyond 128 KiB. */
MUST_USE bool template_render_push(const struct template *t, const struct job *job, json_t **out,
                                   struct err *e);
MUST_USE bool template_render_parts(const struct template *t, const struct job *job, json_t **out,
                                    struct err *e);

/* A stable hash of every template, for the configuration digest. */
uint64_t template_set_hash(const struct template_set *set);
/* The codes one after the other: the one at *at, which begins with 0 and is moved on, and the hash
 * of all its variants. NULL: there are no more. */
const char *template_next_code(const struct template_set *set, size_t *at, uint64_t *hash);

#endif
