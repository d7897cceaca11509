/* SPDX-License-Identifier: MIT */
#include "admin/reload.h"

#include "base/log.h"
#include "base/metrics.h"
#include "pipeline/reading.h"
#include "pipeline/tally.h"

enum { NAMES_MAX = 4096 };

static void count_changes(const char *result)
{
    metrics_add_at(METRIC_CONFIG_RELOADS, metrics_find(SET_RESULT, result), 1);
}

static void refuse_reload(const struct reload *r, const char *why)
{
    count_changes("refused");
    log_error("event=reload_refused digest=%s why=%s", r->config->digest, log_value(why));
}

/* Everybody goes over before the old one is let go. */
static void swap(struct reload *r, const struct config *next)
{
    const struct config *was = r->config;
    log_threshold = next->log_level;
    reading_announce_dedup(next);
    dispatch_set_config(r->dispatch, next);
    monitor_set_config(r->monitor, next);
    admin_set_config(r->admin, next);
    r->config = next;
    count_changes("ok");
    log_warn("event=reload_done from=%s to=%s apps=%zu", was->digest, next->digest, next->napps);
    config_drop(was);
}

static void try(struct reload *r, struct buf *changed)
{
    struct config next;
    struct err e;
    if (!config_reload(r->file, NULL, r->config, &next, changed, &e)) {
        refuse_reload(r, e.text);
        return;
    }
    if (changed->len)
        log_warn("event=reload_needs_restart options=%s", buf_text(changed));
    tally_name(&next);
    swap(r, config_keep(&next));
}

void reload_now(struct reload *r)
{
    struct dispatch_status s;
    struct buf changed;
    dispatch_status(r->dispatch, &s);
    if (s.draining) {
        refuse_reload(r, "the worker is draining");
        return;
    }
    buf_init(&changed, NAMES_MAX);
    monitor_reloading(r->monitor, true);
    try(r, &changed);
    monitor_reloading(r->monitor, false);
    buf_free(&changed);
}

void reload_free(struct reload *r)
{
    config_drop(r->config);
}
