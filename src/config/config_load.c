/* SPDX-License-Identifier: MIT */
#include "config/config_load.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aliyun/sign.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/secrets.h"
#include "base/text.h"
#include "config/admin_host.h"
#include "config/config.h"
#include "config/config_apps.h"
#include "config/config_groups.h"
#include "config/config_keys.h"
#include "config/config_names.h"
#include "config/config_secrets.h"
#include "config/config_templates.h"
#include "config/config_url.h"
#include "config/marks.h"
#include "config/settings/settings_env.h"
#include "config/settings/settings_file.h"
#include "host/file.h"
#include "redis/tls.h"

enum { ORIGIN_SIZE = 512, DIGEST_TEXT_MAX = 256 * 1024, H2_CONNECTIONS = 2 };

static const struct settings *settings_of(const struct config *c)
{
    const struct config_raw *raw = c->internal;
    return &raw->settings;
}

static const struct setting *general(const struct config *c, const char *name)
{
    return settings_get(&settings_of(c)->general, name);
}

/* Message with the option and where its value came from. */
static bool refuse_option(const struct config *c, const char *name, const char *what, struct err *e)
{
    return err_set(e, "%s: %s: %s", general(c, name)->origin, name, what);
}

/* --- Redis ----------------------------------------------------------------------------------- */

static bool check_tls(const struct config *c, struct err *e)
{
    static const char *const names[] = {"redis.ca_file", "redis.cert_file", "redis.key_file",
                                        "redis.tls_name"};
    const struct redis_opts *r = &c->redis;
    bool any = r->tls || r->sentinel_tls == REDIS_SENTINEL_TLS_ON;
    for (size_t i = 0; i < sizeof names / sizeof *names && !any; i++)
        if (*general(c, names[i])->text)
            return refuse_option(c, names[i], "only with a rediss:// URL or redis.sentinel_tls on",
                                 e);
    if (*r->cert_file && !*r->key_file)
        return refuse_option(c, "redis.cert_file", "needs redis.key_file", e);
    if (*r->key_file && !*r->cert_file)
        return refuse_option(c, "redis.key_file", "needs redis.cert_file", e);
    return true;
}

/* They are read by libraries, which would wait for a FIFO and read an endless file. One that is not
 * there yet is no fault of the configuration. */
static bool check_tls_files(const struct config *c, struct err *e)
{
    static const char *const names[] = {"aliyun.ca_file", "redis.ca_file", "redis.cert_file",
                                        "redis.key_file"};
    struct err why;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *path = general(c, names[i])->text;
        if (*path && !file_is_harmless(path, TLS_FILE_BYTES, &why))
            return refuse_option(c, names[i], why.text, e);
    }
    return true;
}

static bool check_sentinel(const struct config *c, struct err *e)
{
    static const char *const names[] = {"redis.sentinel_username", "redis.sentinel_password",
                                        "redis.sentinel_tls"};
    if (c->redis.topology == TOPOLOGY_SENTINEL)
        return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (general(c, names[i])->source != SOURCE_DEFAULT)
            return refuse_option(c, names[i], "only with a redis+sentinel:// URL", e);
    return true;
}

static bool read_redis(struct config *c, struct err *e)
{
    redis_opts_default(&c->redis);
    const struct setting *url = general(c, "redis.url");
    char at[ORIGIN_SIZE];
    snprintf(at, sizeof at, "%s: redis.url", url->origin);
    return redis_url_parse(url->text, &c->redis, e) || err_prefix(e, at);
}

/* --- queues ---------------------------------------------------------------------------------- */

static bool split_names(struct config *c, struct err *e)
{
    const char *p = general(c, "queue.names")->text;
    c->queue_names = mem_zalloc(CONFIG_QUEUES_MAX * sizeof *c->queue_names);
    while (p) {
        size_t len;
        const char *name = text_element(&p, &len);
        if (!len)
            return refuse_option(c, "queue.names", "an empty name", e);
        if (c->nqueues == CONFIG_QUEUES_MAX)
            return refuse_option(c, "queue.names", "more than 16 queues", e);
        c->queue_names[c->nqueues++] = mem_dup(name, len);
    }
    return true;
}

static bool is_queue(const struct config *c, const char *name, size_t from)
{
    for (size_t i = from; i < c->nqueues; i++)
        if (strcmp(c->queue_names[i], name) == 0)
            return true;
    return false;
}

static bool same_slot(const char *a, const char *b)
{
    return cluster_slot(a, strlen(a)) == cluster_slot(b, strlen(b));
}

/* A script stays in one slot. */
static bool check_lists(const struct config *c, const char *queue, struct err *e)
{
    char *results = config_queue_key(c->queue_results, queue);
    char *dead = config_queue_key(c->queue_dead, queue);
    bool ok = true, cluster = c->redis.topology == TOPOLOGY_CLUSTER;
    if (cluster && !same_slot(results, queue))
        ok = refuse_option(c, "queue.results",
                           "lies in another slot than its queue; {%q}:… does not", e);
    else if (cluster && !same_slot(dead, queue))
        ok = refuse_option(c, "queue.dead", "lies in another slot than its queue; {%q}:… does not",
                           e);
    mem_free(results);
    mem_free(dead);
    return ok;
}

static bool read_queues(struct config *c, struct err *e)
{
    if (!split_names(c, e))
        return false;
    for (size_t i = 0; i < c->nqueues; i++) {
        c->ids_by_queue |= c->redis.topology == TOPOLOGY_CLUSTER &&
                           !same_slot(c->queue_names[0], c->queue_names[i]);
        if (is_queue(c, c->queue_names[i], i + 1))
            return refuse_option(c, "queue.names", "a queue is named twice", e);
        if (!check_lists(c, c->queue_names[i], e))
            return false;
    }
    return true;
}

/* --- endpoint -------------------------------------------------------------------------------- */

static bool read_endpoint(struct config *c, struct err *e)
{
    static const char name[] = "aliyun.endpoint";
    struct config_url url;
    struct err what;
    if (!config_url_read(general(c, name)->text, NULL, &url, &what))
        return refuse_option(c, name, what.text, e);
    if (c->insecure && !url.loopback)
        return refuse_option(c, "aliyun.insecure", "is allowed with a loopback endpoint only", e);
    c->endpoint = mem_strdup(url.whole);
    c->endpoint_host = mem_strdup(url.host);
    return true;
}

/* --- values that depend on each other -------------------------------------------------------- */

static bool check_durations(struct config *c, struct err *e)
{
    if (c->lease_ms - c->extend_ms < c->timeout_ms + c->settle_ms)
        return err_set(e,
                       "queue.lease_ms %lld - queue.extend_ms %lld must be at least "
                       "aliyun.timeout_ms %lld + aliyun.settle_ms %lld: a call must fit into a "
                       "lease",
                       (long long)c->lease_ms, (long long)c->extend_ms, (long long)c->timeout_ms,
                       (long long)c->settle_ms);
    if (c->wait_replicas && c->lease_ms - c->wait_ms < c->timeout_ms + c->settle_ms)
        return err_set(e,
                       "queue.lease_ms %lld - redis.wait_ms %lld must be at least "
                       "aliyun.timeout_ms %lld + aliyun.settle_ms %lld: a call must fit into "
                       "what is left of a lease",
                       (long long)c->lease_ms, (long long)c->wait_ms, (long long)c->timeout_ms,
                       (long long)c->settle_ms);
    if (c->idle_wait_s * 1000 >= c->lease_ms)
        return err_set(e,
                       "queue.idle_wait_s %lld must be shorter than queue.lease_ms %lld "
                       "(in milliseconds)",
                       (long long)c->idle_wait_s, (long long)c->lease_ms);
    if (c->retry_base_ms > c->retry_cap_ms)
        return err_set(e, "retry.base_ms %lld must not be above retry.cap_ms %lld",
                       (long long)c->retry_base_ms, (long long)c->retry_cap_ms);
    if (c->connect_timeout_ms > c->timeout_ms)
        c->connect_timeout_ms = c->timeout_ms;
    return true;
}

static bool check_egress(const struct config *c, struct err *e)
{
    return settings_is_label(c->limit_egress) ||
           refuse_option(c, "limit.egress", "letters, digits, '_', '-' and '.' only", e);
}

static bool check_hosts(const struct config *c, struct err *e)
{
    char host[ADMIN_HOST_SIZE];
    for (const char *p = c->admin_hosts; p;) {
        size_t len;
        const char *entry = text_element(&p, &len);
        if (!admin_host_read_entry(entry, len, host))
            return refuse_option(c, "admin.hosts", "names and addresses without port, or \"*\"", e);
    }
    return true;
}

static bool check_admin(struct config *c, struct err *e)
{
    static const char name[] = "admin.listen";
    int64_t port;
    c->admin_listen_default = general(c, name)->source == SOURCE_DEFAULT;
    if (!check_hosts(c, e))
        return false;
    if (strcmp(c->admin_listen, "off") == 0)
        return true;
    const char *colon = strrchr(c->admin_listen, ':');
    if (!colon || colon == c->admin_listen || !text_int(colon + 1, 1, 65535, &port))
        return refuse_option(c, name, "must be HOST:PORT or off", e);
    return true;
}

/* --- digest ---------------------------------------------------------------------------------- */

static void digest_push(struct buf *b, const json_t *push)
{
    char hex[65], *text = push ? json_dumps(push, JSON_COMPACT) : NULL;
    if (!text)
        return;
    sign_sha256_hex(text, strlen(text), hex);
    buf_printf(b, " push %s", hex);
    free(text);
}

/* Everything that decides what call a job becomes (I3(e)); apps are sorted by name. */
static void digest_config(struct config *c)
{
    struct buf b;
    char hex[65];
    const struct target_limits *l = &c->limits;
    buf_init(&b, DIGEST_TEXT_MAX);
    buf_printf(&b, "plan %d templates %016llx\n", CONFIG_PLAN_VERSION,
               (unsigned long long)template_set_hash(c->templates));
    buf_printf(&b, "limits %zu %zu %zu %zu %zu %zu %zu %zu %zu %zu\n", l->devices, l->accounts,
               l->aliases, l->account_bytes, l->alias_bytes, l->tag_chars, l->depth, l->operands,
               l->tags, l->max_parts);
    for (size_t i = 0; i < c->napps; i++) {
        const struct app *a = &c->apps[i].app;
        buf_printf(&b, "app %s %s %s %s %d %lld %lld ", a->name, a->app_key ? a->app_key : "",
                   a->device_type, a->push_type, a->store_offline, (long long)a->push_delay_s,
                   (long long)a->ttl_s);
        if (a->title)
            buf_json_raw(&b, a->title, strlen(a->title));
        else
            buf_puts(&b, "null");
        if (a->quiet.n)
            buf_printf(&b, " quiet %s", a->quiet_text);
        digest_push(&b, a->push);
        buf_putc(&b, '\n');
    }
    for (size_t i = 0; i < c->ngroups; i++) {
        buf_printf(&b, "group %s", c->groups[i].name);
        for (size_t k = 0; k < c->groups[i].n; k++)
            buf_printf(&b, " %s", c->groups[i].apps[k]->app.name);
        buf_putc(&b, '\n');
    }
    assert(buf_ok(&b)); /* else two configurations would pass for one */
    sign_sha256_hex(buf_text(&b), b.len, hex);
    snprintf(c->digest, sizeof c->digest, "%.16s", hex);
    buf_free(&b);
}

static void make_marks(struct config *c)
{
    struct buf b;
    buf_init(&b, MARKS_MAX);
    marks_write(c, &b);
    assert(buf_ok(&b));
    c->marks = buf_take(&b);
}

/* --- public ---------------------------------------------------------------------------------- */

static bool read_sources(const char *file, char **env, struct settings *s, struct err *e)
{
    settings_init(s);
    if (!file)
        file = settings_env_find(env, "PUSHBRIDGE_CONFIG");
    if (file && !settings_file_read(file, s, e))
        return false;
    if (!settings_env_read(env, s, e))
        return false;
    return config_apps_add_default(s, e) && settings_settle(s, e) &&
           config_keys_default_file(env, s);
}

static void set_default(struct setting_list *list, const char *name, const char *text)
{
    struct setting *s = settings_get(list, name);
    if (s->source != SOURCE_DEFAULT)
        return;
    mem_free(s->text);
    s->text = mem_strdup(text);
}

/* The plain names lie in other slots than the queues. */
static void set_cluster_defaults(struct config *c)
{
    struct config_raw *raw = c->internal;
    if (c->redis.topology != TOPOLOGY_CLUSTER)
        return;
    set_default(&raw->settings.general, "queue.results", "{%q}:results");
    set_default(&raw->settings.general, "queue.dead", "{%q}:dead");
}

static void store_general(struct config *c)
{
    const struct setting_list *list = &settings_of(c)->general;
    for (size_t i = 0; i < list->table->n; i++)
        option_store(&list->table->rows[i], list->v[i].text, c);
}

/* --- reload ---------------------------------------------------------------------------------- */

/* The setting that a reload may not change becomes what it was, so that all that depends on it is
 * checked against the value in force. */
static void keep_setting(const struct option_row *row, const struct setting *was,
                         struct setting *now, struct buf *changed)
{
    if (!(row->flags & OPTION_RESTART) || strcmp(was->text, now->text) == 0)
        return;
    buf_puts(changed, changed->len ? "," : "");
    buf_puts(changed, row->name);
    setting_copy(now, was);
}

static void keep_settings(const struct config *old, struct settings *s, struct buf *changed)
{
    const struct setting_list *was = &settings_of(old)->general;
    for (size_t i = 0; i < was->table->n; i++)
        keep_setting(&was->table->rows[i], &was->v[i], &s->general.v[i], changed);
}

struct load_base {
    const struct config *old;
    struct buf *changed;
};

static bool settle_config(struct config *c, bool calls, struct err *e)
{
    struct config_raw *raw = c->internal;
    config_learn_secrets(&raw->settings);
    if (!read_redis(c, e))
        return false;
    secrets_add_name(c->redis.user);
    set_cluster_defaults(c);
    store_general(c);
    c->endpoint = NULL; /* the setting's text so far; now its normal form */
    c->sts_endpoint = c->metadata_endpoint = NULL;
    if (!check_sentinel(c, e) || !check_tls(c, e) || !check_tls_files(c, e) || !read_queues(c, e) ||
        !config_names_check(c, e) || !read_endpoint(c, e) ||
        !config_keys_endpoints(c, &raw->settings, e) || !check_durations(c, e) ||
        !check_admin(c, e) || !check_egress(c, e) ||
        !config_apps_read(c, &raw->settings, calls, e) ||
        !config_groups_read(c, &raw->settings, calls, e) ||
        !config_templates_read(c, &raw->settings, e))
        return false;
    if (!c->max_connections)
        c->max_connections = c->http_version == HTTP_2 ? H2_CONNECTIONS : c->concurrency;
    digest_config(c);
    make_marks(c);
    return true;
}

/* base NULL: no reload. */
static bool load_config(const char *file, char **env, bool calls, const struct load_base *base,
                        struct config *c, struct err *e)
{
    struct config_raw *raw = mem_zalloc(sizeof *raw);
    *c = (struct config){.internal = raw};
    bool ok = read_sources(file, env ? env : environ, &raw->settings, e);
    if (ok && base)
        keep_settings(base->old, &raw->settings, base->changed);
    ok = ok && settle_config(c, calls, e);
    if (!ok)
        config_free(c);
    return ok;
}

bool config_load(const char *file, char **env, struct config *out, struct err *e)
{
    return load_config(file, env, true, NULL, out, e);
}

bool config_load_tool(const char *file, char **env, struct config *out, struct err *e)
{
    return load_config(file, env, false, NULL, out, e);
}

bool config_reload(const char *file, char **env, const struct config *old, struct config *out,
                   struct buf *changed, struct err *e)
{
    const struct load_base base = {old, changed};
    if (!config_load(file, env, out, e))
        return false;
    config_free(out); /* sound by itself; now with what stays */
    return load_config(file, env, true, &base, out, e);
}

struct config *config_keep(const struct config *loaded)
{
    struct config *c = mem_dup(loaded, sizeof *loaded);
    struct config_raw *raw = c->internal;
    raw->kept = c;
    raw->holders = 1;
    return c;
}

const struct config *config_hold(const struct config *c)
{
    struct config_raw *raw = c->internal;
    if (raw)
        raw->holders++;
    return c;
}

void config_drop(const struct config *c)
{
    struct config_raw *raw = c ? c->internal : NULL;
    if (!raw)
        return;
    assert(raw->holders);
    if (--raw->holders || !raw->kept)
        return;
    struct config *kept = raw->kept;
    config_free(kept);
    mem_free(kept);
}

void config_free(struct config *c)
{
    struct config_raw *raw = c->internal;
    if (raw) {
        settings_free(&raw->settings);
        mem_free(raw);
    }
    for (size_t i = 0; i < c->nqueues; i++)
        mem_free(c->queue_names[i]);
    mem_free(c->queue_names);
    mem_free(c->endpoint);
    mem_free(c->endpoint_host);
    mem_free(c->sts_endpoint);
    mem_free(c->metadata_endpoint);
    mem_free(c->marks);
    for (size_t i = 0; i < c->napps; i++)
        quiet_free(&c->apps[i].app.quiet);
    mem_free(c->apps);
    mem_free(c->groups);
    if (c->templates)
        template_set_free(c->templates);
    mem_wipe(c, sizeof *c);
}
