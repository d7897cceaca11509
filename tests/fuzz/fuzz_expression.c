/* SPDX-License-Identifier: MIT
 * Tag expressions, checked and written. The mock's checker was written apart from ours: both must
 * say the same. Input: an expression; or, where it does not begin with '{', a line of limits
 * (depth operands tags), the school, and a tag on each line after it. */
#include "fuzz/fuzz.h"

#include <jansson.h>

#include "base/mem.h"
#include "base/text.h"
#include "job/expression.h"
#include "job/target.h"
#include "mock/check/tagexpr.h"

enum { TAGS_MAX = 512 };

static const struct expression_limits provider = {.depth = TAGEXPR_LEVELS,
                                                  .operands = TAGEXPR_OPERANDS,
                                                  .tags = TAGEXPR_TAGS,
                                                  .tag_chars = TAGEXPR_NAME_CHARS};

/* --- checking -------------------------------------------------------------------------------- */

static void check_written(json_t *root)
{
    struct err e = {""};
    bool ok = expression_check(root, &provider, &e);
    char *text = json_dumps(root, JSON_COMPACT);
    must(text && (ok || e.text[0]));
    must(tagexpr_check(text, &e) == ok);
    json_t *again = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    must(json_equal(root, again) && expression_check(again, &provider, &e) == ok);
    json_decref(again);
    free(text);
}

static void check_text(const char *text, size_t len)
{
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    if (root)
        check_written(root);
    json_decref(root);
}

/* --- writing --------------------------------------------------------------------------------- */

struct found {
    const struct job *job;
    bool tags[TAGS_MAX]; /* reached by some part */
};

static void find_tags(const json_t *node, struct found *f)
{
    const char *name = json_string_value(json_object_get(node, "tag"));
    const char *op;
    json_t *operands, *operand;
    size_t i;
    for (i = 0; name && i < f->job->tags.n; i++) {
        const char *tag = f->job->tags.v[i];
        f->tags[i] |= *tag == *name && strcmp(name, tag) == 0; /* most differ at once */
    }
    json_object_foreach((json_t *)(uintptr_t)node, op, operands)
    {
        if (strcmp(op, "not") != 0) /* left out here: some other part must have it */
            json_array_foreach(operands, i, operand) find_tags(operand, f);
    }
}

static void check_part(const char *value, const struct expression_limits *l, struct found *f)
{
    struct err e = {""};
    if (value[0] != '{') {
        json_t *node = json_pack("{s:s}", "tag", value);
        find_tags(node, f);
        json_decref(node);
        return;
    }
    json_t *root = json_loads(value, JSON_REJECT_DUPLICATES, NULL);
    must(root);
    must(expression_check(root, l, &e));
    find_tags(root, f);
    json_decref(root);
}

/* Every tag is in some part, and every part is within the limits. */
static void check_target(const struct job *job, const struct target_limits *limits)
{
    struct target t;
    struct err e = {""};
    struct found f = {.job = job};
    const struct expression_limits l = {limits->depth, limits->operands, limits->tags,
                                        limits->tag_chars};
    if (!target_build(job, limits, &t, &e)) {
        must(e.text[0]);
        target_free(&t);
        return;
    }
    must(t.kind == TARGET_TAG && t.n > 0 && t.n <= limits->max_parts);
    for (size_t i = 0; i < t.n; i++)
        check_part(t.values[i], &l, &f);
    for (size_t i = 0; i < job->tags.n; i++)
        must(f.tags[i]);
    target_free(&t);
}

static size_t within(int n, size_t min, size_t max)
{
    return n < (int)min ? min : n > (int)max ? max : (size_t)n;
}

/* The job's parser hands on valid UTF-8, each tag once. */
static bool is_tag(const struct job_list *tags, const char *text)
{
    for (size_t i = 0; i < tags->n; i++)
        if (strcmp(tags->v[i], text) == 0)
            return false;
    return *text && text_is_utf8(text, strlen(text));
}

static void check_lines(struct rest r)
{
    struct target_limits limits = target_limits_default;
    int depth = 2, operands = 10, tags = 50;
    static const char *names[TAGS_MAX];
    char *lines[TAGS_MAX], *numbers = rest_line(&r), *school = rest_line(&r);
    size_t n = 0;
    struct job job = {.target_kind = TARGET_IMPLIED, .tags = {names, 0}};
    sscanf(numbers, "%d %d %d", &depth, &operands, &tags);
    limits.depth = within(depth, 1, 8); /* the bounds of the options */
    limits.operands = within(operands, 2, 1000);
    limits.tags = within(tags, 1, 10000);
    for (; r.p < r.end && n < TAGS_MAX; n++) {
        lines[n] = rest_line(&r);
        if (is_tag(&job.tags, lines[n]))
            names[job.tags.n++] = lines[n];
    }
    job.school = *school && text_is_utf8(school, strlen(school)) ? school : NULL;
    check_target(&job, &limits);
    for (size_t i = 0; i < n; i++)
        mem_free(lines[i]);
    mem_free(numbers);
    mem_free(school);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size && data[0] == '{')
        check_text((const char *)data, size);
    else
        check_lines(rest_of(data, size));
    return 0;
}
