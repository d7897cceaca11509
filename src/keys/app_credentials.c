/* SPDX-License-Identifier: MIT */
#include "keys/app_credentials.h"

#include <stdio.h>
#include <string.h>

#include "base/chars.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/minmax.h"
#include "base/timer.h"
#include "config/config_keys.h"
#include "config/settings/settings.h"
#include "host/file.h"
#include "keys/key_fetch.h"
#include "keys/stamp.h"

enum { TICK_MS = 500, LOOK_MS = 2000, HASTE_MS = 5000, WHY_SIZE = 224 };

struct source_credentials {
    struct app_credentials *all;
    const struct credentials_source *configured; /* by the configuration in force */
    const struct credentials_source *source;     /* that, or what the profile says */
    struct profile profile;
    const char *files[CREDENTIALS_FILES];
    struct stamp read[CREDENTIALS_FILES]; /* when they were read … */
    struct stamp seen[CREDENTIALS_FILES]; /* … and at the last look */
    struct credentials_owned keys;
    unsigned issue;        /* 0: none yet; another number for other keys, of whatever source */
    int64_t ends_boot_ms;  /* of the keys; 0: never */
    int64_t fetch_boot_ms; /* when to ask for others; 0: never */
    int64_t began_boot_ms; /* of the last fetch */
    struct key_fetch *fetch;
    bool renewing; /* the keys in force were refused, and others are on their way */
    bool doubted;  /* that was so since any were last accepted */
    unsigned failures;
    char why[WHY_SIZE]; /* of the last failure; "" when all is well */
};

struct app_credentials {
    const struct config *config;
    struct event_base *base;
    struct key_client *client;
    struct source_credentials **sources; /* nsources ≤ the number of apps */
    size_t nsources;
    struct source_credentials **of; /* by app */
    struct timer *tick;
    unsigned issues; /* that there have been */
    int64_t looked_ms;
    app_credentials_fn fn;
    void *arg;
};

static bool is_remote(const struct source_credentials *s)
{
    return s->source && s->source->kind != CREDENTIALS_STATIC;
}

static const char *kind(const struct source_credentials *s)
{
    return credentials_kind_name(s->configured->kind);
}

/* --- keys come, or don't --------------------------------------------------------------------- */

static int64_t keys_left_ms(const struct source_credentials *s)
{
    return max_int(0, s->ends_boot_ms - clock_boot_ms());
}

static void count_fetch(const char *result)
{
    metrics_add_at(METRIC_CREDENTIALS, metrics_find(SET_FETCH, result), 1);
}

/* Takes the keys over. */
static void take_keys(struct source_credentials *s, struct credentials_owned *keys)
{
    s->failures = 0;
    s->why[0] = '\0';
    s->renewing = false;
    if (s->issue && credentials_same(&s->keys, keys))
        return;
    credentials_free(&s->keys);
    s->keys = *keys;
    *keys = (struct credentials_owned){0};
    s->issue = ++s->all->issues;
}

static void log_keys(const struct source_credentials *s)
{
    char shown[CREDENTIALS_MASKED_SIZE];
    credentials_mask(s->keys.id, shown);
    log_info("event=credentials_refreshed source=%s key=%s expires_in_s=%lld", kind(s),
             log_value(shown), s->ends_boot_ms ? (long long)keys_left_ms(s) / 1000 : -1LL);
}

static void note_failure(struct source_credentials *s, const char *why)
{
    s->failures++;
    s->renewing = false;
    snprintf(s->why, sizeof s->why, "%s", why);
    chars_trim(s->why);
    count_fetch("failed");
    bool usable = s->issue && (!s->ends_boot_ms || keys_left_ms(s));
    log_at(usable ? LOG_WARN : LOG_ERROR,
           "event=credentials_failed source=%s failures=%u left_s=%lld why=%s", kind(s),
           s->failures, usable && s->ends_boot_ms ? (long long)keys_left_ms(s) / 1000 : -1LL,
           log_value(why));
}

static void on_fetched(void *arg, struct credentials_owned *keys, int64_t left, const char *why)
{
    struct source_credentials *s = arg;
    int64_t now = clock_boot_ms();
    s->fetch = NULL;
    if (keys) {
        take_keys(s, keys);
        s->ends_boot_ms = now + left;
        s->fetch_boot_ms =
            now + credentials_refresh_in_ms(left, credentials_lead_ms(s->source->kind),
                                            clock_random_below(UINT64_MAX));
        count_fetch("ok");
        log_keys(s);
    } else {
        note_failure(s, why);
        s->fetch_boot_ms =
            now + credentials_retry_in_ms(s->failures, clock_random_below(UINT64_MAX));
    }
    s->all->fn(s->all->arg);
}

static void fetch_source(struct source_credentials *s)
{
    if (s->fetch)
        return;
    s->began_boot_ms = clock_boot_ms();
    s->fetch_boot_ms = 0;
    s->fetch = key_fetch_start(s->all->client, s->source, on_fetched, s);
}

static void stop_fetch(struct source_credentials *s)
{
    key_fetch_cancel(s->fetch);
    s->fetch = NULL;
}

/* --- files ----------------------------------------------------------------------------------- */

/* Files that changed and have come to rest: a rotation may touch several, one after the other. */
static bool files_changed(struct source_credentials *s)
{
    bool changed = false, moving = false;
    for (size_t i = 0; i < CREDENTIALS_FILES; i++) {
        struct stamp now = stamp_of(s->files[i]);
        changed |= !stamp_same(&now, &s->read[i]);
        moving |= !stamp_same(&now, &s->seen[i]);
        s->seen[i] = now;
    }
    return changed && !moving;
}

static bool files_differ(const struct source_credentials *s)
{
    bool differ = false;
    for (size_t i = 0; i < CREDENTIALS_FILES; i++) {
        struct stamp now = stamp_of(s->files[i]);
        differ |= !stamp_same(&now, &s->read[i]);
    }
    return differ;
}

static void note_files(struct source_credentials *s)
{
    for (size_t i = 0; i < CREDENTIALS_FILES; i++)
        s->read[i] = s->seen[i] = stamp_of(s->files[i]);
}

static bool take_static(struct source_credentials *s, const char *const v[CREDENTIALS_FILES],
                        struct err *e)
{
    struct credentials_owned keys;
    if (!credentials_own(&keys, v[0], v[1], v[2], e))
        return false;
    take_keys(s, &keys);
    credentials_free(&keys);
    s->ends_boot_ms = s->fetch_boot_ms = 0;
    return true;
}

/* The configured values, over them what their files hold now. */
static bool read_values(struct source_credentials *s, struct err *e)
{
    const char *v[CREDENTIALS_FILES] = {s->configured->id, s->configured->secret,
                                        s->configured->token};
    struct buf held[CREDENTIALS_FILES] = {0};
    bool ok = true;
    for (size_t i = 0; i < CREDENTIALS_FILES && ok; i++) {
        if (!s->files[i])
            continue;
        ok = settings_read_value(s->files[i], &held[i], e);
        v[i] = buf_text(&held[i]);
    }
    ok = ok && take_static(s, v, e);
    for (size_t i = 0; i < CREDENTIALS_FILES; i++) {
        buf_wipe(&held[i]);
        buf_free(&held[i]);
    }
    return ok;
}

/* What the profile says may be another kind than before. */
static bool read_profile(struct source_credentials *s, struct err *e)
{
    struct profile profile;
    if (!config_keys_profile(s->configured, &profile, e))
        return false;
    stop_fetch(s);
    profile_free(&s->profile);
    s->profile = profile;
    s->source = &s->profile.source;
    const struct credentials_source *p = s->source;
    if (!is_remote(s))
        return take_static(s, (const char *const[]){p->id, p->secret, p->token}, e);
    fetch_source(s);
    return true;
}

/* Reads what lies in files. When it cannot be read, what was there before stays. */
static void read_files(struct source_credentials *s)
{
    struct err e;
    unsigned before = s->issue;
    note_files(s);
    bool ok = s->configured->kind == CREDENTIALS_PROFILE ? read_profile(s, &e) : read_values(s, &e);
    if (!ok)
        note_failure(s, e.text);
    if (s->issue == before || (!before && s->configured->kind == CREDENTIALS_STATIC))
        return; /* the latter: as configured */
    count_fetch("ok");
    log_keys(s);
}

static void look_at_files(struct source_credentials *s)
{
    unsigned before = s->issue;
    if (!files_changed(s))
        return;
    read_files(s);
    if (s->issue != before)
        s->all->fn(s->all->arg);
}

/* --- the clockwork --------------------------------------------------------------------------- */

static void show_expiry(const struct app_credentials *k)
{
    for (size_t i = 0; i < k->config->napps; i++) {
        const struct source_credentials *s = k->of[i];
        metrics_set_at(METRIC_CREDENTIALS_EXPIRY, k->config->apps[i].label,
                       s && s->ends_boot_ms ? keys_left_ms(s) : METRIC_ABSENT);
    }
}

static void on_credentials_tick(void *arg)
{
    struct app_credentials *k = arg;
    int64_t now = clock_boot_ms();
    bool look = now - k->looked_ms >= LOOK_MS;
    if (look)
        k->looked_ms = now;
    for (size_t i = 0; i < k->nsources; i++) {
        struct source_credentials *s = k->sources[i];
        if (look)
            look_at_files(s);
        if (s->fetch_boot_ms && now >= s->fetch_boot_ms)
            fetch_source(s);
    }
    show_expiry(k);
}

/* --- sources -------------------------------------------------------------------------------- */

static void name_files(struct source_credentials *s)
{
    memcpy(s->files, s->configured->files, sizeof s->files);
    if (s->configured->kind == CREDENTIALS_PROFILE)
        s->files[0] = s->configured->file;
}

static void begin_source(struct source_credentials *s)
{
    if (s->configured->kind == CREDENTIALS_STATIC || s->configured->kind == CREDENTIALS_PROFILE)
        read_files(s);
    else
        fetch_source(s);
}

static void source_credentials_free(struct source_credentials *s)
{
    if (!s)
        return;
    stop_fetch(s);
    credentials_free(&s->keys);
    profile_free(&s->profile);
    mem_free(s);
}

/* Plain static ones change by a reload only, and have no source_credentials. */
static bool may_change(const struct credentials_source *c)
{
    return c->kind != CREDENTIALS_STATIC || c->files[0] || c->files[1] || c->files[2];
}

static struct source_credentials *find_source(struct source_credentials **v, size_t n,
                                              const struct credentials_source *configured)
{
    for (size_t i = 0; i < n; i++)
        if (v[i] && credentials_source_same(v[i]->configured, configured))
            return v[i];
    return NULL;
}

/* The old configuration's texts go away: a fetch that reads them begins anew. A reload is the
 * moment to look at files, too. */
static void take_over_source(struct source_credentials *s,
                             const struct credentials_source *configured)
{
    bool again = s->source == s->configured && s->fetch;
    if (again)
        stop_fetch(s);
    if (s->source == s->configured)
        s->source = configured;
    s->configured = configured;
    name_files(s);
    if (again)
        fetch_source(s);
    if (files_differ(s))
        read_files(s);
}

static struct source_credentials *
source_credentials_new(struct app_credentials *k, const struct credentials_source *configured)
{
    struct source_credentials *s = mem_zalloc(sizeof *s);
    *s = (struct source_credentials){.all = k, .configured = configured, .source = configured};
    name_files(s);
    return s;
}

/* One for each different source of the configuration, those of old that stay among them; the rest
 * is freed. */
static void make_sources(struct app_credentials *k, struct source_credentials **old, size_t n)
{
    size_t napps = k->config->napps;
    k->sources = mem_zalloc((napps + 1) * sizeof(struct source_credentials *));
    k->of = mem_zalloc((napps + 1) * sizeof(struct source_credentials *));
    k->nsources = 0;
    for (size_t i = 0; i < napps; i++) {
        const struct credentials_source *configured = &k->config->apps[i].source;
        if (!may_change(configured))
            continue;
        k->of[i] = find_source(k->sources, k->nsources, configured);
        if (k->of[i])
            continue;
        struct source_credentials *s = find_source(old, n, configured);
        for (size_t j = 0; j < n && s; j++)
            if (old[j] == s)
                old[j] = NULL;
        if (s)
            take_over_source(s, configured);
        else
            s = source_credentials_new(k, configured);
        k->sources[k->nsources++] = k->of[i] = s;
    }
    for (size_t j = 0; j < n; j++)
        source_credentials_free(old[j]);
}

static void begin_new(struct app_credentials *k)
{
    for (size_t i = 0; i < k->nsources; i++)
        if (!k->sources[i]->issue && !k->sources[i]->fetch && !k->sources[i]->fetch_boot_ms)
            begin_source(k->sources[i]);
    if (k->nsources)
        timer_each(k->tick, TICK_MS);
    else
        timer_stop(k->tick);
}

struct app_credentials *app_credentials_new(struct event_base *base, const struct config *config,
                                            app_credentials_fn fn, void *arg)
{
    struct app_credentials *k = mem_zalloc(sizeof *k);
    *k = (struct app_credentials){.config = config, .base = base, .fn = fn, .arg = arg};
    k->client = key_client_new(base, config);
    k->tick = timer_new(base, on_credentials_tick, k);
    make_sources(k, NULL, 0);
    begin_new(k);
    return k;
}

void app_credentials_set_config(struct app_credentials *k, const struct config *config)
{
    struct source_credentials **old = k->sources;
    size_t n = k->nsources;
    for (size_t i = 0; i < k->config->napps; i++)
        metrics_set_at(METRIC_CREDENTIALS_EXPIRY, k->config->apps[i].label, METRIC_ABSENT);
    mem_free(k->of);
    k->config = config;
    key_client_set_config(k->client, config);
    make_sources(k, old, n);
    mem_free(old);
    begin_new(k);
}

void app_credentials_free(struct app_credentials *k)
{
    if (!k)
        return;
    timer_free(k->tick);
    for (size_t i = 0; i < k->nsources; i++)
        source_credentials_free(k->sources[i]);
    key_client_free(k->client);
    mem_free(k->sources);
    mem_free(k->of);
    mem_free(k);
}

/* --- for those who sign ---------------------------------------------------------------------- */

bool app_credentials_ready(const struct app_credentials *k, size_t app)
{
    const struct source_credentials *s = k->of[app];
    return !s || (s->issue && !s->renewing);
}

bool app_credentials_get(const struct app_credentials *k, size_t app, struct credentials *out,
                         unsigned *issue)
{
    const struct source_credentials *s = k->of[app];
    *issue = s ? s->issue : 0;
    if (!s)
        *out = k->config->apps[app].credentials;
    else
        *out = (struct credentials){s->keys.id, s->keys.secret, s->keys.token};
    return !s || s->issue;
}

void app_credentials_accepted(struct app_credentials *k, size_t app, unsigned issue)
{
    struct source_credentials *s = k->of[app];
    if (s && s->issue == issue)
        s->doubted = false;
}

/* Others were refused too, or none came: asked for again, but not with every refusal. */
static void hasten(struct source_credentials *s)
{
    if (!s->failures && clock_boot_ms() - s->began_boot_ms >= HASTE_MS)
        fetch_source(s);
}

/* Others may lie there already, since the last look. */
static bool read_at_once(struct source_credentials *s)
{
    unsigned before = s->issue;
    if (files_differ(s))
        read_files(s);
    return s->issue != before;
}

bool app_credentials_refused(struct app_credentials *k, size_t app, unsigned issue,
                             const char *code)
{
    struct source_credentials *s = k->of[app];
    if (!s || s->issue != issue || s->renewing)
        return s != NULL;
    if (!is_remote(s))
        return read_at_once(s);
    if (s->doubted) {
        hasten(s);
        return false;
    }
    s->renewing = s->doubted = true;
    log_warn("event=credentials_refused source=%s code=%s", kind(s), log_value(code));
    fetch_source(s);
    return true;
}

const char *app_credentials_trouble(const struct app_credentials *k, size_t app)
{
    const struct source_credentials *s = k->of[app];
    if (!s || (s->issue && !s->failures))
        return NULL;
    return s->why[0] ? s->why : "none have come yet";
}
