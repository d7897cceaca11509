/* SPDX-License-Identifier: MIT */
#include "job/target.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "job/expression.h"

/* Longest TargetValue. What a job of 1 MiB can name fits with room for the JSON around it. */
enum { VALUE_MAX = 2 << 20 };

const struct target_limits target_limits_default = {
    .devices = 1000,
    .accounts = 1000,
    .aliases = 1000,
    .account_bytes = 64,
    .alias_bytes = 128,
    .tag_chars = 128,
    .depth = 2,
    .operands = 10,
    .tags = 50,
    .max_parts = 64,
};

static struct expression_limits limits_of_expression(const struct target_limits *l)
{
    return (struct expression_limits){
        .depth = l->depth, .operands = l->operands, .tags = l->tags, .tag_chars = l->tag_chars};
}

/* --- parts ---------------------------------------------------------------------------------- */

static bool open_parts(struct target *out, size_t n, const struct target_limits *l, struct err *e)
{
    if (n > l->max_parts)
        return err_set(e, "target: takes %zu calls, at most %zu (plan.max_parts)", n, l->max_parts);
    out->values = mem_alloc(n * sizeof *out->values);
    return true;
}

static bool add_target_part(struct target *out, struct buf *value, struct err *e)
{
    if (!buf_ok(value)) {
        buf_free(value);
        return err_set(e, "target: a value of more than %d bytes", (int)VALUE_MAX);
    }
    out->values[out->n++] = buf_take(value);
    return true;
}

static bool add_tag_name(struct target *out, const char *name, const struct target_limits *l,
                         struct err *e)
{
    struct buf b;
    buf_init(&b, VALUE_MAX);
    if (!open_parts(out, 1, l, e))
        return false;
    expression_write_name(&b, name);
    return add_target_part(out, &b, e);
}

/* --- lists of ids --------------------------------------------------------------------------- */

/* What one kind of id list may hold. */
struct id_rule {
    const char *member;
    size_t per_call, bytes; /* bytes 0: not limited */
};

static struct id_rule id_rule(enum target_kind kind, const struct target_limits *l)
{
    switch (kind) {
    case TARGET_DEVICE:
        return (struct id_rule){"target.device", l->devices, 0};
    case TARGET_ACCOUNT:
        return (struct id_rule){"target.account", l->accounts, l->account_bytes};
    default:
        assert(kind == TARGET_ALIAS);
        return (struct id_rule){"target.alias", l->aliases, l->alias_bytes};
    }
}

static bool check_ids(const struct job_list *ids, const struct id_rule *rule, struct err *e)
{
    if (ids->n == 0)
        return err_set(e, "%s: empty list", rule->member);
    for (size_t i = 0; i < ids->n; i++) {
        const size_t len = strlen(ids->v[i]);
        if (len == 0)
            return err_set(e, "%s: an empty id", rule->member);
        if (rule->bytes && len > rule->bytes)
            return err_set(e, "%s: an id of %zu bytes, at most %zu", rule->member, len,
                           rule->bytes);
        if (memchr(ids->v[i], ',', len))
            return err_set(e, "%s: an id with a comma", rule->member);
    }
    return true;
}

static bool add_ids(struct target *out, const char *const *ids, size_t n, struct err *e)
{
    struct buf b;
    buf_init(&b, VALUE_MAX);
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_putc(&b, ',');
        buf_puts(&b, ids[i]);
    }
    return add_target_part(out, &b, e);
}

static bool build_ids(const struct job *job, const struct target_limits *l, struct target *out,
                      struct err *e)
{
    const struct job_list *ids = &job->target_ids;
    const struct id_rule rule = id_rule(job->target_kind, l);
    assert(rule.per_call > 0);
    if (!check_ids(ids, &rule, e) ||
        !open_parts(out, (ids->n + rule.per_call - 1) / rule.per_call, l, e))
        return false;
    for (size_t i = 0; i < ids->n; i += rule.per_call)
        if (!add_ids(out, ids->v + i, min_size(rule.per_call, ids->n - i), e))
            return false;
    return true;
}

/* --- explicit tag --------------------------------------------------------------------------- */

static int dump_to_buf(const char *text, size_t len, void *arg)
{
    buf_add(arg, text, len);
    return 0;
}

/* Sent as the producer wrote it, blanks aside: over a limit, only he knows what may be cut. */
static bool build_expression(json_t *root, const struct target_limits *l, struct target *out,
                             struct err *e)
{
    const struct expression_limits limits = limits_of_expression(l);
    struct buf b;
    buf_init(&b, VALUE_MAX);
    if (!expression_check(root, &limits, e))
        return err_prefix(e, "target.tag");
    if (!open_parts(out, 1, l, e))
        return false;
    const int failed = json_dump_callback(root, dump_to_buf, &b, JSON_COMPACT);
    assert(!failed); /* it was parsed, so it is well formed */
    (void)failed;
    return add_target_part(out, &b, e);
}

static bool build_tag(json_t *tag, const struct target_limits *l, struct target *out, struct err *e)
{
    if (!json_is_string(tag))
        return build_expression(tag, l, out, e);
    const char *name = json_string_value(tag);
    if (!expression_check_name(name, l->tag_chars, e))
        return err_prefix(e, "target.tag");
    return add_tag_name(out, name, l, e);
}

/* --- school and tags ------------------------------------------------------------------------ */

static bool check_names(const struct job *job, size_t tag_chars, struct err *e)
{
    if (!job->school && job->tags.n == 0)
        return err_set(e, "target: the job has no school, no tags and no target");
    if (job->school && !expression_check_name(job->school, tag_chars, e))
        return err_prefix(e, "school");
    for (size_t i = 0; i < job->tags.n; i++)
        if (!expression_check_name(job->tags.v[i], tag_chars, e))
            return err_prefix(e, "tags");
    return true;
}

static bool build_any(const struct job_list *tags, const struct target_limits *l,
                      const struct expression_limits *limits, struct target *out, struct err *e)
{
    const size_t per_call = expression_any_max(limits);
    const size_t parts = (tags->n + per_call - 1) / per_call;
    if (!open_parts(out, parts, l, e))
        return false;
    out->overlap = parts > 1;
    for (size_t i = 0; i < tags->n; i += per_call) {
        struct buf b;
        buf_init(&b, VALUE_MAX);
        expression_write_any(&b, tags->v + i, min_size(per_call, tags->n - i), limits->operands);
        if (!add_target_part(out, &b, e))
            return false;
    }
    return true;
}

/* How many of the tags left the next part takes while it excludes all `done` tags of the parts
 * before it; 0: none fits. */
static size_t disjoint_take(const struct expression_limits *limits, size_t done, size_t left)
{
    size_t take = min_size(expression_mine_max(limits), left);
    while (take && done && expression_excluded_max(limits, take) < done)
        take--;
    return take;
}

/* Number of parts in which n tags can be reached without reaching anyone twice; 0: impossible. */
static size_t disjoint_parts(const struct expression_limits *limits, size_t n)
{
    size_t parts = 0;
    for (size_t done = 0; done < n; parts++) {
        const size_t take = disjoint_take(limits, done, n - done);
        if (take == 0)
            return 0;
        done += take;
    }
    return parts;
}

/* Where parts have to overlap, each is as large as can be and excludes as many of the tags just
 * before its own as it has room for: fewer devices are reached twice, nobody is left out. */
static bool add_school_part(const struct job *job, const struct expression_limits *limits,
                            size_t *done, struct target *out, struct err *e)
{
    const size_t left = job->tags.n - *done;
    const size_t take = out->overlap ? min_size(expression_mine_max(limits), left)
                                     : disjoint_take(limits, *done, left);
    const size_t excluded = min_size(expression_excluded_max(limits, take), *done);
    const struct expression_part part = {.school = job->school,
                                         .mine = job->tags.v + *done,
                                         .nmine = take,
                                         .excluded = job->tags.v + *done - excluded,
                                         .nexcluded = excluded};
    struct buf b;
    buf_init(&b, VALUE_MAX);
    expression_write_part(&b, &part, limits->operands);
    *done += take;
    return add_target_part(out, &b, e);
}

static bool build_school(const struct job *job, const struct target_limits *l,
                         const struct expression_limits *limits, struct target *out, struct err *e)
{
    const size_t n = job->tags.n, mine_max = expression_mine_max(limits);
    if (mine_max == 0)
        return err_set(e,
                       "target: school and tags take 2 levels, 2 operands and 2 tags, the limits "
                       "are %zu, %zu and %zu",
                       l->depth, l->operands, l->tags);
    size_t parts = disjoint_parts(limits, n);
    out->overlap = parts == 0;
    if (out->overlap)
        parts = (n + mine_max - 1) / mine_max;
    if (!open_parts(out, parts, l, e))
        return false;
    for (size_t done = 0; done < n;)
        if (!add_school_part(job, limits, &done, out, e))
            return false;
    return true;
}

static bool build_implied(const struct job *job, const struct target_limits *l, struct target *out,
                          struct err *e)
{
    const struct expression_limits limits = limits_of_expression(l);
    if (!check_names(job, l->tag_chars, e))
        return false;
    if (!job->school)
        return build_any(&job->tags, l, &limits, out, e);
    if (job->tags.n == 0)
        return add_tag_name(out, job->school, l, e);
    return build_school(job, l, &limits, out, e);
}

/* -------------------------------------------------------------------------------------------- */

bool target_is_device_id(const char *text, size_t len)
{
    return len == TARGET_DEVICE_CHARS &&
           strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz") >= len;
}

size_t target_tags_max(const struct target_limits *limits)
{
    const struct expression_limits l = limits_of_expression(limits);
    const size_t mine = expression_mine_max(&l), any = expression_any_max(&l);
    return min_size(min_size(mine ? mine : 1, any), l.operands);
}

bool target_build(const struct job *job, const struct target_limits *limits, struct target *out,
                  struct err *e)
{
    const enum target_kind kind = job->target_kind;
    *out = (struct target){.kind = kind == TARGET_IMPLIED ? TARGET_TAG : kind};
    switch (kind) {
    case TARGET_IMPLIED:
        return build_implied(job, limits, out, e);
    case TARGET_TAG:
        return build_tag(job->target_tag, limits, out, e);
    case TARGET_ALL:
        return add_tag_name(out, "ALL", limits, e);
    case TARGET_DEVICE:
    case TARGET_ACCOUNT:
    case TARGET_ALIAS:
        break;
    }
    return build_ids(job, limits, out, e);
}

void target_free(struct target *t)
{
    for (size_t i = 0; i < t->n; i++)
        mem_free(t->values[i]);
    mem_free(t->values);
    *t = (struct target){.kind = t->kind};
}
