/* SPDX-License-Identifier: MIT
 * Configuration: file (libconfig), then environment over it, into one validated, immutable
 * struct. One table of options drives parsing, environment names, range checks, `check` output
 * and docs/options.md. */
#ifndef PB_CONFIG_CONFIG_H
#define PB_CONFIG_CONFIG_H

#include <stdio.h>

#include "aliyun/credentials.h"
#include "aliyun/request.h"
#include "base/log.h"
#include "http/http.h"
#include "job/plan.h"
#include "job/target.h"
#include "job/template/template.h"
#include "job/verdict.h"
#include "redis/redis.h"

enum { CONFIG_QUEUES_MAX = 16, CONFIG_APPS_MAX = 64, CONFIG_GROUPS_MAX = 64, CONFIG_GROUP_MAX = 3 };

/* Part of the digest: raise it when the same job and configuration make another call. */
enum { CONFIG_PLAN_VERSION = 1 };

struct config_app {
    struct app app;
    struct credentials credentials; /* static: of the app, else the general ones */
    unsigned label;                 /* of the app's metrics */
    const char *account;            /* label of the cloud account; NULL: made from the key */
    char account_label[65];         /* the label in force; never shows the key */

    struct credentials_source source; /* where its keys come from */
};

/* Stands for its apps in a job's `app`. */
struct config_group {
    const char *name; /* no app's */
    const struct config_app *apps[CONFIG_GROUP_MAX];
    size_t n;
};

struct config {
    char *redis_url;
    struct redis_opts redis;
    int64_t wait_replicas, wait_ms; /* of each claim */

    char **queue_names; /* nqueues, by priority */
    size_t nqueues;
    bool serve_fair;                  /* the queues take turns */
    bool ids_by_queue;                /* slots of a cluster keep the queues' ids apart */
    char *queue_results, *queue_dead; /* may hold %q */
    int64_t results_max, job_max_bytes, concurrency, lease_ms, extend_ms, reap_ms, crash_limit,
        parked_max, parked_all_max, unserved_ms, dead_warn, idle_wait_s, dedup_s, memory_bytes;
    bool may_forget; /* redis.may_forget */

    int64_t max_attempts, retry_base_ms, retry_cap_ms;
    int64_t hint_max_ms; /* of the provider's hints: 60000 */

    char *endpoint;        /* URL without a path */
    char *endpoint_host;   /* host[:port] */
    char *ca_file, *proxy; /* NULL: none */
    bool insecure;         /* aliyun.insecure: only with a loopback endpoint */
    int64_t timeout_ms, connect_timeout_ms, settle_ms, max_url_bytes, max_connections, payload_max,
        idempotency_window_ms;
    enum signature_version signature;
    enum http_version http_version;

    char *sts_endpoint, *metadata_endpoint; /* URLs without a path */
    bool sts_verify;                        /* false: aliyun.insecure, and it is loopback */
    bool imds_v1_disabled;

    struct config_app *apps;
    size_t napps;
    struct config_group *groups;
    size_t ngroups;
    struct template_set *templates;
    struct target_limits limits;
    struct job_limits job_limits;
    bool coalesce, coalesce_ids, merge_tags;
    int64_t expire_slack_s;
    size_t tasks_max;

    int64_t limit_push_per_s, limit_masspush_per_s, limit_egress_per_s; /* 0: none */
    int64_t limit_burst_ms, limit_all_gap_ms;
    char *limit_egress; /* label of this host's address; NULL: the host's name */

    int64_t circuit_failures, circuit_probe_ms; /* 5; first probe after 1000 ms */
    int64_t reply_ttl_s;                        /* of reply_to lists: 300 */
    int64_t reply_list_max;                     /* their length: 10000 */
    bool core_dumps;                            /* worker.core_dumps: false */
    int64_t drain_ms;                           /* 25000 */
    char *admin_listen;                         /* "off", or host:port */
    bool admin_listen_default;                  /* nobody set it: a busy port is a warning */
    char *admin_hosts;                          /* comma list; NULL: empty */
    enum log_level log_level;

    char digest[17]; /* of templates, limits, app defaults and plan version: I3(e) */
    char *marks;     /* of the same, item by item (marks.h) */
    void *internal;  /* raw option values: the loader's own */
};

/* Reads file (NULL: none, unless PUSHBRIDGE_CONFIG names one) and environment (environ-style,
 * NULL: the process's). On false, e says file, line or variable, member, value and limit. */
MUST_USE bool config_load(const char *file, char **env, struct config *out, struct err *e);
/* The same for tools that never call the provider: apps may be missing or incomplete. */
MUST_USE bool config_load_tool(const char *file, char **env, struct config *out, struct err *e);
/* For a worker that runs under old: options that need a restart keep old's value, and changed gets
 * the names of those that would be another, comma-separated. Must be valid both with the new values
 * and with the kept ones. */
MUST_USE bool config_reload(const char *file, char **env, const struct config *old,
                            struct config *out, struct buf *changed, struct err *e);
void config_free(struct config *c); /* wipes secrets; also after a load that failed */

/* A configuration that was replaced lives until the last job that was read under it has ended.
 * config_keep() moves a loaded one to the heap, with one holder; the last config_drop() frees it.
 * One that was never kept is not freed by drop: its owner has to outlive all holders. */
struct config *config_keep(const struct config *loaded);
const struct config *config_hold(const struct config *c);
void config_drop(const struct config *c);

const struct config_app *config_app_find(const struct config *c, const char *name);
const struct config_group *config_group_find(const struct config *c, const char *name);

/* What is in force, one "name = value" per line with its origin, secrets masked. */
void config_print(const struct config *c, FILE *out);
/* docs/options.md: every option with variable, default, bounds, meaning. */
void config_print_reference(FILE *out);

/* "%q" in text replaced by the queue's name, allocated. Around a name with a hash tag of its own,
 * braces that stand for one are left out: "{%q}" is always a text of the queue's slot. */
char *config_queue_key(const char *text, const char *queue);

#endif
