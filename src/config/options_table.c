/* SPDX-License-Identifier: MIT
 * The rows themselves. A new option is a row here and a member in config.h. */
#include "config/config.h"
#include "config/options.h"

#define AT(member) (int)offsetof(struct config, member)
#define APP(member) (int)offsetof(struct config_app, member)
#define HOUR_S INT64_C(3600)

#define ROW(type, name, initial, min, max, flags, at, choices, first, second, help)                \
    {                                                                                              \
        name, type, initial, min, max, flags, at, choices, {first, second}, help                   \
    }
#define TEXT(name, initial, min, max, flags, at, help)                                             \
    ROW(OPTION_TEXT, name, initial, min, max, flags, at, NULL, NULL, NULL, help)
#define WORD(name, initial, choices, at, help)                                                     \
    ROW(OPTION_TEXT, name, initial, 1, 16, 0, at, choices, NULL, NULL, help)
#define FIXED(name, max, flags, at, help)                                                          \
    ROW(OPTION_FIXED, name, "", 0, max, flags, at, NULL, NULL, NULL, help)
#define NUMBER(type, flags, name, initial, min, max, at, help)                                     \
    ROW(type, name, initial, min, max, flags, at, NULL, NULL, NULL, help)
#define INT(...) NUMBER(OPTION_INT, 0, __VA_ARGS__)
#define FIRM(...) NUMBER(OPTION_INT, OPTION_RESTART, __VA_ARGS__) /* an INT for a whole life */
#define INT32(...) NUMBER(OPTION_INT32, OPTION_RESTART, __VA_ARGS__)
#define SIZE(...) NUMBER(OPTION_SIZE, 0, __VA_ARGS__)
#define BOOL(name, initial, flags, at, help)                                                       \
    ROW(OPTION_BOOL, name, initial, 0, 0, flags, at, NULL, NULL, NULL, help)
#define CHOICE(type, name, initial, choices, flags, at, help)                                      \
    ROW(type, name, initial, 0, 0, flags, at, choices, NULL, NULL, help)

#define KEYS(name, initial, choices, variable, help)                                               \
    ROW(OPTION_TEXT, name, initial, 1, 16, 0, OPTION_NOWHERE, choices, variable, NULL, help)
#define FROM(name, initial, max, variable, help)                                                   \
    ROW(OPTION_TEXT, name, initial, 0, max, 0, OPTION_NOWHERE, NULL, variable, NULL, help)

static const struct option_row general[] = {
    TEXT("redis.url", "redis://127.0.0.1:6379/0", 1, 1024,
         OPTION_URL | OPTION_TWIN | OPTION_RESTART, AT(redis_url),
         "`redis://[user[:password]@]host[:port][/db]`, `rediss://…` for TLS, "
         "`unix:///path[?db=N]`, `redis+sentinel://host[:port],…/master[/db]`, "
         "`redis+cluster://host[:port],…`: see [redis.md](redis.md)"),
    FIXED("redis.username", 127, OPTION_RESTART, AT(redis.user),
          "ACL user; stronger than the one in `redis.url`"),
    FIXED("redis.password", 255, OPTION_SECRET | OPTION_TWIN | OPTION_RESTART, AT(redis.password),
          "Password; stronger than the one in `redis.url`"),
    FIXED("redis.ca_file", 255, OPTION_RESTART, AT(redis.ca_file),
          "CA certificates (PEM) for `rediss://`; empty: the system's"),
    FIXED("redis.cert_file", 255, OPTION_RESTART, AT(redis.cert_file),
          "Client certificate (PEM), with `redis.key_file`"),
    FIXED("redis.key_file", 255, OPTION_RESTART, AT(redis.key_file),
          "Client key (PEM), with `redis.cert_file`"),
    FIXED("redis.tls_name", 255, OPTION_RESTART, AT(redis.tls_name),
          "Name that every server's certificate must carry; empty: the host or address"),
    FIXED("redis.sentinel_username", 127, OPTION_RESTART, AT(redis.sentinel_user),
          "ACL user on the sentinels, when they ask for one"),
    FIXED("redis.sentinel_password", 255, OPTION_SECRET | OPTION_TWIN | OPTION_RESTART,
          AT(redis.sentinel_password), "Password on the sentinels"),
    CHOICE(OPTION_CHOICE, "redis.sentinel_tls", "auto", "auto|on|off", OPTION_RESTART,
           AT(redis.sentinel_tls), "TLS to the sentinels; `auto`: as to the servers"),
    INT32("redis.connect_timeout_ms", "3000", 50, 60000, AT(redis.connect_timeout_ms),
          "Time for connecting to each address, TLS included"),
    INT32("redis.command_timeout_ms", "5000", 50, 60000, AT(redis.command_timeout_ms),
          "A command without an answer for so long drops the connection"),
    BOOL("redis.may_forget", "false", OPTION_RESTART, AT(may_forget),
         "Redis may lose what it confirmed when it restarts or fails over (AOF everysec, replicas "
         "without WAIT): claim nothing for `queue.lease_ms` after that, so that no call of a "
         "forgotten claim is repeated while it is under way"),
    INT32("redis.keepalive_s", "15", 0, 7200, AT(redis.keepalive_s),
          "TCP keepalive after so much silence; 0: none"),
    FIRM("redis.wait_replicas", "0", 0, 16, AT(wait_replicas),
         "Replicas that must have a claim before its jobs are sent; else they are given back. 0: "
         "none"),
    FIRM("redis.wait_ms", "500", 1, 10000, AT(wait_ms), "How long `redis.wait_replicas` may take"),
    ROW(OPTION_LIST, "queue.names", "push:jobs", 1, 4096, OPTION_RESTART, OPTION_NOWHERE, NULL,
        NULL, NULL, "Queues; a list in the file, a comma list in the environment"),
    CHOICE(OPTION_EITHER, "queue.serve", "priority", "priority|fair", OPTION_RESTART,
           AT(serve_fair),
           "`priority`: a queue only when those before it have nothing ready; `fair`: they take "
           "turns and share the calls"),
    TEXT("queue.results", "push:results", 1, 256, OPTION_RESTART, AT(queue_results),
         "List of the outcomes of sent jobs; `%q` stands for the queue's name. With a cluster it "
         "must lie in the queue's slot, and the default is `{%q}:results`"),
    TEXT("queue.dead", "push:dead", 1, 256, OPTION_RESTART, AT(queue_dead),
         "List of dead letters, never trimmed; `%q` stands for the queue's name. With a cluster "
         "as `queue.results`, and the default is `{%q}:dead`"),
    FIRM("queue.results_max", "100000", 0, 100000000, AT(results_max),
         "Longest results list; what is trimmed is counted"),
    FIRM("queue.job_max_bytes", "65536", 64, 1048576, AT(job_max_bytes),
         "Longest job; a longer element is moved aside whole"),
    FIRM("queue.concurrency", "64", 1, 4096, AT(concurrency), "Calls to the provider at once"),
    FIRM("queue.lease_ms", "9000", 200, 600000, AT(lease_ms),
         "How long a claim holds without being extended: the time until another worker takes "
         "over"),
    FIRM("queue.extend_ms", "1000", 20, 60000, AT(extend_ms),
         "Interval of heartbeat and extension"),
    FIRM("queue.reap_ms", "500", 20, 60000, AT(reap_ms), "Interval of looking for what is due"),
    INT("queue.dedup_s", "0", 0, 7 * 24 * HOUR_S, AT(dedup_s),
        "A job whose `id` (of the same app) was seen within this time, in any of the queues, ends "
        "as `duplicate`; 0: off. In a cluster each queue has to itself what lies in its slot: "
        "[producers.md](producers.md#several-queues)"),
    FIRM("queue.crash_limit", "5", 1, 100, AT(crash_limit),
         "A job that outlived so many workers is looked at singly, then `poison`"),
    FIRM("queue.parked_max", "10000", 1, 10000000, AT(parked_max),
         "Parked jobs of one app that takes none at which the log and a metric say so; other apps "
         "flow past them. With only one app no more are claimed"),
    FIRM("queue.parked_all_max", "1000000", 1, 100000000, AT(parked_all_max),
         "Most jobs in all parked lists of a queue; beyond it no ready job is claimed"),
    INT("queue.unserved_ms", "300000", 0, 86400000, AT(unserved_ms),
        "How long parked jobs wait for an app that no live worker has; then they end as "
        "`invalid_job`"),
    INT("queue.dead_warn", "1000", 0, 100000000, AT(dead_warn),
        "Number of dead letters at which an alarm is raised; 0: never"),
    FIRM("queue.idle_wait_s", "5", 1, 300, AT(idle_wait_s),
         "Time limit of one blocking wait; shorter than the lease"),
    INT("retry.max_attempts", "3", 1, 1000, AT(max_attempts),
        "Attempts before `retries_exhausted`; throttled ones do not count"),
    INT("retry.base_ms", "500", 1, 3600000, AT(retry_base_ms),
        "First back-off; doubles with each attempt, with full jitter"),
    INT("retry.cap_ms", "60000", 1, 86400000, AT(retry_cap_ms), "Longest back-off"),
    INT("retry.hint_max_ms", "60000", 100, 3600000, AT(hint_max_ms),
        "Longest wait that the provider's `Retry-After` and its like may ask for; what is longer "
        "is "
        "cut to it, so that one answer does not rest an account for an hour"),
    TEXT("aliyun.endpoint", "https://cloudpush.aliyuncs.com", 1, 512, OPTION_RESTART, AT(endpoint),
         "URL of the provider, without a path; `http://` only to loopback"),
    ROW(OPTION_TEXT, "aliyun.app_key", "", 0, 19, 0, OPTION_NOWHERE, NULL, "PUSHBRIDGE_APP_KEY",
        "PREQ_APP_KEY", "AppKey of the app `default`"),
    ROW(OPTION_TEXT, "aliyun.access_key_id", "", 0, 256, OPTION_PARTIAL | OPTION_TWIN,
        OPTION_NOWHERE, NULL, "PREQ_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_ID",
        "AccessKey of every app that has none of its own"),
    ROW(OPTION_TEXT, "aliyun.access_key_secret", "", 0, 256, OPTION_SECRET | OPTION_TWIN,
        OPTION_NOWHERE, NULL, "PREQ_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
        "Its secret"),
    ROW(OPTION_TEXT, "aliyun.security_token", "", 0, 8192, OPTION_SECRET | OPTION_TWIN,
        OPTION_NOWHERE, NULL, "ALIBABA_CLOUD_SECURITY_TOKEN", NULL,
        "Token of temporary credentials; one from a weaker source than `aliyun.access_key_id` "
        "is not used, since it belongs to another key"),
    KEYS("aliyun.credentials", "auto", "static|profile|ecs|oidc|auto", NULL,
         "Where keys come from, see [credentials.md](credentials.md). `auto`: the keys above, else "
         "OIDC where its three options are set, else the credentials file where it is there; the "
         "metadata service only where `auto` is written out or `aliyun.ecs_role` is set"),
    FROM("aliyun.profile", "default", 128, "ALIBABA_CLOUD_PROFILE",
         "Section of the credentials file"),
    FROM("aliyun.credentials_file", "", 1024, "ALIBABA_CLOUD_CREDENTIALS_FILE",
         "The file; empty: `~/.alibabacloud/credentials`"),
    FROM("aliyun.ecs_role", "", 64, "ALIBABA_CLOUD_ECS_METADATA",
         "Role of the ECS instance; empty: the metadata service is asked for its name"),
    FROM("aliyun.role_arn", "", 512, "ALIBABA_CLOUD_ROLE_ARN", "OIDC: the role"),
    FROM("aliyun.oidc_provider_arn", "", 512, "ALIBABA_CLOUD_OIDC_PROVIDER_ARN",
         "OIDC: the identity provider"),
    FROM("aliyun.oidc_token_file", "", 1024, "ALIBABA_CLOUD_OIDC_TOKEN_FILE",
         "OIDC: file of the token, read at each refresh"),
    FROM("aliyun.role_session_name", "pushbridge", 64, "ALIBABA_CLOUD_ROLE_SESSION_NAME",
         "OIDC: what the session is called in the account's audit log"),
    ROW(OPTION_TEXT, "aliyun.sts_endpoint", "", 0, 256, OPTION_RESTART, OPTION_NOWHERE, NULL, NULL,
        NULL, "URL of STS; empty: `https://sts.aliyuncs.com`, or the region's"),
    ROW(OPTION_TEXT, "aliyun.sts_region", "", 0, 64, OPTION_RESTART, OPTION_NOWHERE, NULL,
        "ALIBABA_CLOUD_STS_REGION", NULL, "Region whose STS is asked"),
    ROW(OPTION_BOOL, "aliyun.sts_vpc", "false", 0, 0, OPTION_RESTART, OPTION_NOWHERE, NULL,
        "ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED", NULL, "Ask that region's address inside the VPC"),
    ROW(OPTION_TEXT, "aliyun.metadata_endpoint", "http://100.100.100.200", 1, 256, OPTION_RESTART,
        OPTION_NOWHERE, NULL, NULL, NULL,
        "URL of the ECS metadata service; another `http://` address only on loopback. Never "
        "through a proxy"),
    ROW(OPTION_BOOL, "aliyun.ecs_metadata_disabled", "false", 0, 0, 0, OPTION_NOWHERE, NULL,
        "ALIBABA_CLOUD_ECS_METADATA_DISABLED", NULL, "`auto` never asks the metadata service"),
    ROW(OPTION_BOOL, "aliyun.imds_v1_disabled", "false", 0, 0, 0, AT(imds_v1_disabled), NULL,
        "ALIBABA_CLOUD_IMDSV1_DISABLED", NULL,
        "Ask the metadata service in the hardened mode only: no keys without a metadata token"),
    TEXT("aliyun.ca_file", "", 0, 1024, OPTION_RESTART, AT(ca_file),
         "CA certificates (PEM); empty: the system's"),
    BOOL("aliyun.insecure", "false", OPTION_RESTART, AT(insecure),
         "Do not verify the certificate; only with a loopback endpoint"),
    TEXT("aliyun.proxy", "", 0, 1024, OPTION_URL | OPTION_TWIN | OPTION_RESTART, AT(proxy),
         "HTTP proxy, `http://[user:password@]host:port`; the environment's own proxy "
         "variables are ignored"),
    FIRM("aliyun.timeout_ms", "5000", 50, 120000, AT(timeout_ms),
         "Time for one call; then it is unanswered"),
    FIRM("aliyun.connect_timeout_ms", "3000", 50, 120000, AT(connect_timeout_ms),
         "Time for connecting and TLS, a part of `aliyun.timeout_ms`"),
    FIRM("aliyun.settle_ms", "3000", 0, 120000, AT(settle_ms),
         "Pause after the end of an unanswered call's time, before it is repeated, so that no two "
         "run at once"),
    INT("aliyun.idempotency_window_ms", "840000", 1000, 86400000, AT(idempotency_window_ms),
        "How long an unanswered call may be repeated: the provider's 15 minutes less one; never, "
        "where it is not above `aliyun.timeout_ms` + `aliyun.settle_ms`"),
    CHOICE(OPTION_CHOICE, "aliyun.signature", "v3", "v1|v3", 0, AT(signature), "Signature scheme"),
    INT("aliyun.max_url_bytes", "8000", 256, 65536, AT(max_url_bytes),
        "A longer V3 query goes out as V1 with a form body, with the same token"),
    CHOICE(OPTION_CHOICE, "aliyun.http_version", "1.1", "1.1|2", OPTION_RESTART, AT(http_version),
           "`2` is negotiated, with fallback"),
    FIRM("aliyun.max_connections", "0", 0, 4096, AT(max_connections),
         "Most connections; 0: as `queue.concurrency`, and 2 with HTTP/2"),
    BOOL("plan.coalesce", "true", 0, AT(coalesce),
         "Jobs to devices, accounts and aliases that are claimed together share calls: the same "
         "content goes out as one Push, different ones as tasks of one MassPush"),
    BOOL("plan.coalesce_ids", "false", 0, AT(coalesce_ids),
         "Also jobs with an `id` where `queue.dedup_s` is below 900 or does not hold for all "
         "queues: "
         "the same id enqueued again within 15 minutes may then be another push"),
    INT("plan.expire_slack_s", "60", 0, 86400, AT(expire_slack_s),
        "Jobs whose deadlines lie so far apart at most may share a call; the earliest "
        "holds"),
    BOOL("plan.merge_tags", "false", 0, AT(merge_tags),
         "Also jobs of the same content and school, with few tags: one Push to all of their tags, "
         "which reaches a device that has several of them once"),
    SIZE("plan.max_parts", "64", 1, 64, AT(limits.max_parts), "Most calls that one job may become"),
    SIZE("limits.devices", "1000", 1, 10000, AT(limits.devices), "Device ids per call"),
    SIZE("limits.accounts", "1000", 1, 10000, AT(limits.accounts), "Accounts per call"),
    SIZE("limits.aliases", "1000", 1, 10000, AT(limits.aliases), "Aliases per call"),
    SIZE("limits.tasks", "100", 2, 128, AT(tasks_max), "Tasks of one MassPush"),
    SIZE("limits.account_bytes", "64", 1, 1024, AT(limits.account_bytes), "Longest account"),
    SIZE("limits.alias_bytes", "128", 1, 1024, AT(limits.alias_bytes), "Longest alias"),
    SIZE("limits.tag_chars", "128", 1, 1024, AT(limits.tag_chars), "Longest tag, in characters"),
    SIZE("limits.depth", "2", 1, 8, AT(limits.depth), "Levels of a tag expression"),
    SIZE("limits.operands", "10", 2, 1000, AT(limits.operands), "Operands of one `and` or `or`"),
    SIZE("limits.tags", "50", 1, 10000, AT(limits.tags), "Tags in one expression"),
    INT("limits.payload_max_bytes", "1800", 100, 65536, AT(payload_max),
        "Bytes of the fields that the provider counts together"),
    SIZE("limits.job_tags", "10000", 1, 100000, AT(job_limits.tags_max),
         "Elements of a job's `tags`"),
    SIZE("limits.job_ids", "64000", 1, 1000000, AT(job_limits.ids_max),
         "Elements of a job's explicit id list"),
    INT("limit.push_per_s", "16666", 0, 10000000, AT(limit_push_per_s),
        "Push calls per second of one cloud account, all workers together; 0: no limit"),
    INT("limit.masspush_per_s", "500", 0, 10000000, AT(limit_masspush_per_s),
        "The same for MassPush calls"),
    INT("limit.egress_per_s", "500", 0, 10000000, AT(limit_egress_per_s),
        "Calls per second of all workers with one `limit.egress`; the provider may limit by source "
        "address. 0: no limit"),
    TEXT("limit.egress", "", 0, 64, 0, AT(limit_egress),
         "Label of the address that this worker's calls come from: workers behind one NAT need one "
         "label; empty: the host's name"),
    INT("limit.burst_ms", "1000", 1, 60000, AT(limit_burst_ms),
        "How much of a rate is saved up while idle, in milliseconds' worth, at least one call"),
    INT("limit.all_gap_ms", "1000", 0, 60000, AT(limit_all_gap_ms),
        "Least time between two pushes to ALL of one app and device type"),
    INT("circuit.failures", "5", 1, 1000, AT(circuit_failures),
        "Failures in a row, over at least two jobs, that open an app's circuit"),
    INT("circuit.probe_ms", "1000", 10, 60000, AT(circuit_probe_ms),
        "Time until the first probe; doubles with each that fails"),
    TEXT("reply.prefix", "push:reply:", 1, 256, 0, AT(job_limits.reply_prefix),
         "What a job's `reply_to` must begin with; no queue, list or other key of a queue may "
         "begin so"),
    INT("reply.ttl_s", "300", 1, 86400, AT(reply_ttl_s), "Life of a `reply_to` list"),
    INT("reply.list_max", "10000", 1, 1000000, AT(reply_list_max),
        "Longest `reply_to` list; of more outcomes the newest stay, and what is trimmed is "
        "counted"),
    INT("worker.drain_ms", "25000", 0, 600000, AT(drain_ms),
        "Time that TERM gives to calls on the wire"),
    FIRM("worker.memory_bytes", "0", 0, INT64_C(1) << 46, AT(memory_bytes),
         "Memory that jobs in a worker may take; near it fewer are claimed, then none until some "
         "have ended. 0: half of the cgroup's limit, or of what the process may map, or of the "
         "machine's memory, whichever is least. See [operations.md](operations.md#memory)"),
    BOOL("worker.core_dumps", "false", OPTION_RESTART, AT(core_dumps),
         "Let the kernel write a core of the worker, and its user look into its memory: both hold "
         "keys and passwords"),
    TEXT("admin.listen", "127.0.0.1:9464", 1, 256, OPTION_RESTART, AT(admin_listen),
         "`HOST:PORT` of `/livez` and `/metrics`, or `off`; when nobody set it, a busy port is "
         "a warning"),
    ROW(OPTION_LIST, "admin.hosts", "", 0, 4096, 0, AT(admin_hosts), NULL, NULL, NULL,
        "Names and addresses, without port, under which `/metrics` and `/stats` may be asked for, "
        "beside loopback and the address that the request came in at; `*`: any. See "
        "[admin.md](admin.md#host)"),
    CHOICE(OPTION_CHOICE, "log.level", "info", "error|warn|info|debug", 0, AT(log_level),
           "Least important lines that are written"),
};

static const struct option_row app[] = {
    TEXT("name", "", 1, 64, 0, APP(app.name),
         "What a job's `app` says: letters, digits, `_`, `-`, `.`"),
    TEXT("app_key", "", 0, 19, 0, APP(app.app_key),
         "AppKey, a string of digits. For `default`, one from the environment is stronger, and "
         "`aliyun.app_key` stands in for a missing one"),
    TEXT("access_key_id", "", 0, 256, OPTION_PARTIAL | OPTION_TWIN, APP(credentials.id),
         "Own AccessKey; without it, `aliyun.access_key_id`"),
    TEXT("access_key_secret", "", 0, 256, OPTION_SECRET | OPTION_TWIN, APP(credentials.secret),
         "Its secret"),
    TEXT("security_token", "", 0, 8192, OPTION_SECRET | OPTION_TWIN,
         APP(credentials.security_token), "Token of temporary credentials"),
    KEYS("credentials", "inherit", "inherit|static|profile|ecs|oidc|auto", NULL,
         "Where its keys come from; `inherit`: what its own members name, else "
         "`aliyun.credentials`"),
    FROM("profile", "", 128, NULL, "Own `aliyun.profile`"),
    FROM("credentials_file", "", 1024, NULL, "Own `aliyun.credentials_file`"),
    FROM("ecs_role", "", 64, NULL, "Own `aliyun.ecs_role`"),
    FROM("role_arn", "", 512, NULL, "Own `aliyun.role_arn`"),
    FROM("oidc_provider_arn", "", 512, NULL, "Own `aliyun.oidc_provider_arn`"),
    FROM("oidc_token_file", "", 1024, NULL, "Own `aliyun.oidc_token_file`"),
    FROM("role_session_name", "", 64, NULL, "Own `aliyun.role_session_name`"),
    TEXT("account", "", 0, 64, 0, APP(account),
         "Label of the cloud account whose rate quota the app shares: letters, digits, `_`, `-`, "
         "`.`; without it, one made from the AccessKey, so give keys of one account one label"),
    WORD("device_type", "ANDROID", "ANDROID|iOS|HARMONY|ALL", APP(app.device_type), "DeviceType"),
    WORD("push_type", "MESSAGE", "MESSAGE|NOTICE", APP(app.push_type), "PushType"),
    TEXT("title", "", 0, 200, 0, APP(app.title),
         "Title of literal messages without one; empty: the app's name"),
    BOOL("store_offline", "false", 0, APP(app.store_offline),
         "StoreOffline: keep the push for devices that are offline"),
    INT("push_delay_s", "0", 0, 7 * 24 * HOUR_S, APP(app.push_delay_s),
        "PushTime = first claim + this; 0: at once"),
    INT("ttl_s", "86400", 1, 30 * 24 * HOUR_S, APP(app.ttl_s), "Deadline of jobs that name none"),
    CHOICE(OPTION_EITHER, "ambiguous", "dead", "dead|resend", 0, APP(app.resend_ambiguous),
           "What becomes of a call that stayed unanswered until it may not be repeated: a dead "
           "letter, or a new push that may reach phones twice"),
    TEXT("quiet", "", 0, 256, 0, APP(app.quiet_text),
         "Quiet hours, `22:00-07:00 +08:00` or `Mon-Fri 22:00-07:00, Sat-Sun 20:00-10:00 "
         "Europe/Berlin`, each window by the day on which it begins, up to 7 of them: a push of "
         "type message that would show then gets their end as PushTime, or ends as `expired` "
         "where its deadline is earlier; functional ones pass"),
    INT("max_attempts", "0", 0, 1000, APP(app.max_attempts),
        "Own number of attempts; 0: `retry.max_attempts`"),
};

static const struct option_row group[] = {
    TEXT("name", "", 1, 64, 0, OPTION_NOWHERE,
         "What jobs call it in `app`: letters, digits, `_`, `-`, `.`; no app's name"),
    ROW(OPTION_LIST, "apps", "", 1, 256, 0, OPTION_NOWHERE, NULL, NULL, NULL,
        "Names of its apps, 1 to 3, in the order in which they are pushed to"),
};

const struct option_table options_general = {general, sizeof general / sizeof *general};
const struct option_table options_app = {app, sizeof app / sizeof *app};
const struct option_table options_group = {group, sizeof group / sizeof *group};
