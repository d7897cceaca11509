/* SPDX-License-Identifier: MIT */
#include "pipeline/shared/shareable.h"

#include <string.h>

#include "base/clock.h"

enum { PROVIDER_REMEMBERS_S = 15 * 60 };

static bool was_never_tried(const struct flight *f)
{
    const struct envelope *v = &f->env;
    return !v->first_sent_ms && !v->attempts && !v->npushes && !v->unanswered && !v->gen &&
           !v->given_up && !f->crashes;
}

static bool has_single_people(const struct flight *f)
{
    const enum target_kind kind = f->plan.calls[0].kind;
    if (kind == TARGET_TAG)
        return f->config->merge_tags && f->job.target_kind == TARGET_IMPLIED && f->job.tags.n;
    return kind == TARGET_DEVICE || kind == TARGET_ACCOUNT || kind == TARGET_ALIAS;
}

/* An id that is enqueued again within the provider's 15 minutes, in whichever queue, is known by
 * the token of a call of its own, or by our own markers where they hold for all queues. */
static bool is_known_otherwise(const struct flight *f)
{
    const struct config *c = f->config;
    return !f->env.id_given || c->coalesce_ids ||
           (c->dedup_s >= PROVIDER_REMEMBERS_S && !c->ids_by_queue);
}

static bool shows_late(const struct flight *f, int64_t now_ms)
{
    return f->plan.push_time_ms <= now_ms &&
           plan_quiet_end_ms(&f->job, &f->app->app, now_ms) > now_ms;
}

bool shareable_allows(const struct flight *f, int64_t now_ms)
{
    return f->config->coalesce && !f->group && f->plan.n == 1 && was_never_tried(f) &&
           has_single_people(f) && is_known_otherwise(f) && !shows_late(f, now_ms);
}

void shareable_describe(const struct flight *f, size_t app, const struct params *params,
                        struct coalesce_item *item)
{
    const bool tag = f->plan.calls[0].kind == TARGET_TAG;
    *item = (struct coalesce_item){.pos = f->pos,
                                   .app = app,
                                   .kind = f->plan.calls[0].kind,
                                   .values = tag ? &f->job.tags : &f->job.target_ids,
                                   .deadline_ms = f->plan.deadline_ms,
                                   .taskable = !tag && request_taskable(params)};
    for (size_t i = 0; i < params->n; i++)
        item->bytes += strlen(params->v[i].name) + strlen(params->v[i].value);
    request_content(params, tag && f->job.school ? f->job.school : "", item->content);
}

struct coalesce_rules shareable_rules(const struct config *c)
{
    struct hash_key key;
    clock_random(&key, sizeof key);
    return (struct coalesce_rules){.devices = c->limits.devices,
                                   .accounts = c->limits.accounts,
                                   .aliases = c->limits.aliases,
                                   .tags = target_tags_max(&c->limits),
                                   .tasks = c->tasks_max,
                                   .slack_ms = c->expire_slack_s * 1000,
                                   .key = key};
}
