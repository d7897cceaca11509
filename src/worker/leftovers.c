/* SPDX-License-Identifier: MIT */
#include "worker/leftovers.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* --- who has it? ----------------------------------------------------------------------------- */

enum having { HAS_IT, HAS_IT_NOT, SAYS_NOTHING };

static bool lists_name(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *one = json_string_value(json_array_get(list, i));
        if (one && strcmp(one, name) == 0)
            return true;
    }
    return false;
}

static enum having names_app(const json_t *words, const char *app)
{
    const json_t *apps = json_object_get(words, "apps");
    if (!json_is_array(apps))
        return SAYS_NOTHING;
    return lists_name(apps, app) || lists_name(json_object_get(words, "groups"), app) ? HAS_IT
                                                                                      : HAS_IT_NOT;
}

/* Of all live workers. */
static enum having had_by(json_t *const *words, size_t n, const char *app)
{
    enum having all = HAS_IT_NOT;
    for (size_t i = 0; i < n; i++) {
        enum having one = names_app(words[i], app);
        if (one == HAS_IT)
            return HAS_IT;
        if (one == SAYS_NOTHING)
            all = SAYS_NOTHING;
    }
    return all;
}

/* --- the list -------------------------------------------------------------------------------- */

static struct leftover *find_leftover(struct leftovers *l, const char *app)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->v[i].app, app) == 0)
            return &l->v[i];
    return NULL;
}

static void drop_leftover(struct leftovers *l, size_t i)
{
    memmove(&l->v[i], &l->v[i + 1], (l->n - i - 1) * sizeof l->v[0]);
    l->n--;
}

/* The wait counts from when there are jobs. Where there are none, a name makes room for those that
 * did not fit. */
static void take_lengths(struct leftovers *l, const struct queue_leftovers *found, int64_t now_ms)
{
    bool full = l->n == QUEUE_LEFTOVERS_MAX;
    for (size_t i = 0; i < l->n && i < found->nlengths; i++)
        l->v[i].jobs = found->lengths[i];
    for (size_t i = l->n; i-- > 0;) {
        if (l->v[i].jobs != 0)
            continue;
        l->v[i].since_ms = now_ms;
        l->v[i].told = false;
        if (full)
            drop_leftover(l, i);
    }
}

static void see_leftover_app(struct leftovers *l, const struct config *config, const char *app,
                             enum having had, int64_t now_ms)
{
    struct leftover *f = find_leftover(l, app);
    bool ours = config_group_find(config, app) != NULL;
    if (config_app_find(config, app) || (had == HAS_IT && !ours)) {
        if (f)
            drop_leftover(l, (size_t)(f - l->v));
        return;
    }
    if (!f && (l->n == QUEUE_LEFTOVERS_MAX || strlen(app) >= sizeof f->app))
        return;
    if (!f) {
        f = &l->v[l->n++];
        *f = (struct leftover){.since_ms = now_ms, .jobs = -1};
        snprintf(f->app, sizeof f->app, "%s", app);
    }
    f->ours = ours;
    f->wait_ms = ours ? 0 : had == SAYS_NOTHING ? LEFTOVERS_SILENT_MS : config->unserved_ms;
}

/* Who says nothing, as an earlier version does, takes jobs. */
static bool all_rest(json_t *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!json_is_true(json_object_get(words[i], "rests")))
            return false;
    return true;
}

void leftovers_see(struct leftovers *l, const struct config *config,
                   const struct queue_leftovers *found, int64_t now_ms)
{
    json_t **words = mem_alloc((found->nwords + 1) * sizeof(json_t *));
    for (size_t i = 0; i < found->nwords; i++)
        words[i] = json_loads(found->words[i], 0, NULL);
    take_lengths(l, found, now_ms);
    l->others_rest = all_rest(words, found->nwords);
    for (size_t i = 0; i < found->napps; i++) {
        const char *app = found->apps[(l->from + i) % found->napps];
        see_leftover_app(l, config, app, had_by(words, found->nwords, app), now_ms);
    }
    l->from = l->n == QUEUE_LEFTOVERS_MAX ? l->from + 1 : 0;
    for (size_t i = 0; i < found->nwords; i++)
        json_decref(words[i]);
    mem_free(words);
}

size_t leftovers_due(const struct leftovers *l, const struct config *config, int64_t now_ms,
                     struct queue_unpark *out)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        const struct leftover *f = &l->v[i];
        if (f->jobs > 0 && now_ms - f->since_ms >= f->wait_ms && !config_app_find(config, f->app))
            out[n++] = (struct queue_unpark){f->app, 0};
    }
    return n;
}

int64_t leftovers_jobs(const struct leftovers *l)
{
    int64_t sum = 0;
    for (size_t i = 0; i < l->n; i++)
        sum += l->v[i].jobs > 0 && !l->v[i].ours ? l->v[i].jobs : 0;
    return sum;
}

void leftovers_write_apps(const struct config *config, struct buf *out)
{
    for (size_t i = 0; i < config->napps; i++) {
        buf_puts(out, i ? "," : ",\"apps\":[");
        buf_json_or_null(out, config->apps[i].app.name);
    }
    buf_putc(out, ']');
    for (size_t i = 0; i < config->ngroups; i++) {
        buf_puts(out, i ? "," : ",\"groups\":[");
        buf_json_or_null(out, config->groups[i].name);
    }
    if (config->ngroups)
        buf_putc(out, ']');
}
