/* SPDX-License-Identifier: MIT
 * Configuration as it is loaded and printed (config, config_load, config_print, config_apps,
 * config_keys, config_url, options, options_table, settings, settings_file, settings_env, quota).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "aliyun/quota.h"
#include "base/mem.h"
#include "config/config.h"

enum { ENV_MAX = 16, TEXT_SIZE = 128 * 1024 };
#define KEYS "PREQ_ACCESS_KEY_ID=id", "PREQ_ACCESS_KEY_SECRET=secret"
#define BASE KEYS, "PREQ_APP_KEY=23456789"

static char dir[] = "/tmp/pb-config-XXXXXX";
static char file_path[64], secret_path[64];

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(file_path, sizeof file_path, "%s/test.conf", dir);
    snprintf(secret_path, sizeof secret_path, "%s/secret", dir);
    write_file(secret_path, "from-file\n");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(file_path);
    unlink(secret_path);
    return rmdir(dir);
}

/* The variables' texts must be writable for the type's sake only; they are not changed. */
static bool load(const char *text, const char *const *vars, struct config *c, struct err *e)
{
    static char store[ENV_MAX][1024];
    char *env[ENV_MAX + 1];
    size_t n = 0;
    for (; vars[n]; n++) {
        assert_true(n < ENV_MAX);
        snprintf(store[n], sizeof store[n], "%s", vars[n]);
        env[n] = store[n];
    }
    env[n] = NULL;
    if (text)
        write_file(file_path, text);
    e->text[0] = '\0';
    return config_load(text ? file_path : NULL, env, c, e);
}

static void load_ok(const char *text, const char *const *vars, struct config *c)
{
    struct err e;
    if (!load(text, vars, c, &e))
        fail_msg("refused: %s", e.text);
}

/* --- tests ----------------------------------------------------------------------------------- */

static void test_defaults(void **state)
{
    (void)state;
    struct config c;
    load_ok(NULL, (const char *[]){BASE, "PREQ_REGION_ID=cn-hangzhou", "HOME=/", NULL}, &c);
    assert_string_equal(c.redis_url, "redis://127.0.0.1:6379/0");
    assert_string_equal(c.redis.host, "127.0.0.1");
    assert_int_equal(c.redis.port, 6379);
    assert_int_equal(c.nqueues, 1);
    assert_string_equal(c.queue_names[0], "push:jobs");
    assert_string_equal(c.queue_results, "push:results");
    assert_string_equal(c.queue_dead, "push:dead");
    assert_int_equal(c.results_max, 100000);
    assert_int_equal(c.job_max_bytes, 65536);
    assert_int_equal(c.concurrency, 64);
    assert_int_equal(c.lease_ms, 9000);
    assert_int_equal(c.extend_ms, 1000);
    assert_int_equal(c.reap_ms, 500);
    assert_int_equal(c.crash_limit, 5);
    assert_int_equal(c.parked_max, 10000);
    assert_int_equal(c.dead_warn, 1000);
    assert_int_equal(c.idle_wait_s, 5);
    assert_int_equal(c.max_attempts, 3);
    assert_int_equal(c.retry_base_ms, 500);
    assert_int_equal(c.retry_cap_ms, 60000);
    assert_int_equal(c.hint_max_ms, 60000);
    assert_string_equal(c.endpoint, "https://cloudpush.aliyuncs.com");
    assert_string_equal(c.endpoint_host, "cloudpush.aliyuncs.com");
    assert_null(c.ca_file);
    assert_null(c.proxy);
    assert_false(c.insecure);
    assert_int_equal(c.timeout_ms, 5000);
    assert_int_equal(c.settle_ms, 3000);
    assert_int_equal(c.max_url_bytes, 8000);
    assert_int_equal(c.max_connections, 64);
    assert_int_equal(c.payload_max, 1800);
    assert_int_equal(c.idempotency_window_ms, 840000);
    assert_int_equal(c.signature, SIGNATURE_V3);
    assert_int_equal(c.http_version, HTTP_1_1);
    assert_true(c.coalesce);
    assert_int_equal(c.circuit_failures, 5);
    assert_int_equal(c.circuit_probe_ms, 1000);
    assert_int_equal(c.reply_ttl_s, 300);
    assert_int_equal(c.reply_list_max, 10000);
    assert_string_equal(c.job_limits.reply_prefix, "push:reply:");
    assert_int_equal(c.drain_ms, 25000);
    assert_string_equal(c.admin_listen, "127.0.0.1:9464");
    assert_true(c.admin_listen_default);
    assert_int_equal(c.log_level, LOG_INFO);
    assert_int_equal(strlen(c.digest), 16);
    assert_memory_equal(&c.limits, &target_limits_default, sizeof c.limits);
    config_free(&c);
}

static const struct template *find_template(const struct template_set *set, const char *code,
                                            const char *locale)
{
    struct template_pick pick;
    return template_pick(set, code, "", locale, &pick) ? pick.text : NULL;
}

static void test_default_app(void **state)
{
    (void)state;
    struct config c;
    load_ok(NULL, (const char *[]){BASE, NULL}, &c);
    assert_int_equal(c.napps, 1);
    const struct config_app *a = config_app_find(&c, "default");
    assert_non_null(a);
    assert_null(config_app_find(&c, "other"));
    assert_string_equal(a->app.app_key, "23456789");
    assert_null(a->app.title);
    assert_string_equal(a->app.device_type, "ANDROID");
    assert_string_equal(a->app.push_type, "MESSAGE");
    assert_false(a->app.store_offline);
    assert_int_equal(a->app.push_delay_s, 0);
    assert_int_equal(a->app.ttl_s, 86400);
    assert_false(a->app.resend_ambiguous);
    assert_int_equal(a->app.max_attempts, 0);
    assert_string_equal(a->credentials.id, "id");
    assert_string_equal(a->credentials.secret, "secret");
    assert_null(a->credentials.security_token);
    assert_non_null(find_template(c.templates, "I10000", NULL));
    assert_non_null(find_template(c.templates, "I10001", "zh-CN"));
    assert_non_null(find_template(c.templates, "I20000", NULL));
    config_free(&c);
}

/* The same option from every source: the strongest that is there wins. */
static void test_precedence(void **state)
{
    (void)state;
    static const char text[] = "aliyun: { app_key = \"1\"; access_key_id = \"file-id\"; "
                               "access_key_secret = \"file-secret\"; };";
    static const struct {
        const char *vars[6];
        const char *app_key, *id, *secret, *token;
    } rows[] = {
        {{NULL}, "1", "file-id", "file-secret", NULL},
        {{"PREQ_APP_KEY=", NULL}, "1", "file-id", "file-secret", NULL},
        {{"ALIBABA_CLOUD_ACCESS_KEY_ID=ac-id", "ALIBABA_CLOUD_ACCESS_KEY_SECRET=ac-secret",
          "ALIBABA_CLOUD_SECURITY_TOKEN=ac-token", NULL},
         "1",
         "ac-id",
         "ac-secret",
         "ac-token"},
        {{"PREQ_ACCESS_KEY_ID=p-id", "ALIBABA_CLOUD_ACCESS_KEY_ID=ac-id", "PREQ_APP_KEY=2",
          "PREQ_ACCESS_KEY_SECRET=p-secret", "ALIBABA_CLOUD_SECURITY_TOKEN=ac-token", NULL},
         "2",
         "p-id",
         "p-secret",
         NULL},
        {{"PUSHBRIDGE_ALIYUN_ACCESS_KEY_ID=o-id", "PREQ_ACCESS_KEY_ID=p-id", "PREQ_APP_KEY=2",
          "PUSHBRIDGE_APP_KEY=3", "PUSHBRIDGE_ALIYUN_ACCESS_KEY_SECRET=o-secret", NULL},
         "3",
         "o-id",
         "o-secret",
         NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config c;
        load_ok(text, rows[i].vars, &c);
        assert_string_equal(c.apps[0].app.app_key, rows[i].app_key);
        assert_string_equal(c.apps[0].credentials.id, rows[i].id);
        assert_string_equal(c.apps[0].credentials.secret, rows[i].secret);
        if (rows[i].token)
            assert_string_equal(c.apps[0].credentials.security_token, rows[i].token);
        else
            assert_null(c.apps[0].credentials.security_token);
        config_free(&c);
    }
}

/* Outcomes lie in the queue's slot, also where its name has a hash tag. */
static void test_cluster_defaults(void **state)
{
    (void)state;
    struct config c;
    load_ok(NULL,
            (const char *[]){BASE, "PUSHBRIDGE_REDIS_URL=redis+cluster://h",
                             "PUSHBRIDGE_QUEUE_NAMES=push:jobs,{a}:x", NULL},
            &c);
    static const char *const dead[] = {"{push:jobs}:dead", "{a}:x:dead"};
    for (int i = 0; i < 2; i++) {
        char *key = config_queue_key(c.queue_dead, c.queue_names[i]);
        assert_string_equal(key, dead[i]);
        mem_free(key);
    }
    assert_string_equal(c.queue_results, "{%q}:results");
    assert_false(c.serve_fair);
    config_free(&c);
    load_ok(NULL,
            (const char *[]){BASE, "PUSHBRIDGE_REDIS_URL=redis+cluster://h",
                             "PUSHBRIDGE_QUEUE_DEAD={push:jobs}:d", "PUSHBRIDGE_QUEUE_SERVE=fair",
                             NULL},
            &c);
    assert_string_equal(c.queue_dead, "{push:jobs}:d");
    assert_true(c.serve_fair);
    config_free(&c);
}

static void test_file(void **state)
{
    (void)state;
    static const char text[] =
        "redis: { url = \"unix:///run/redis.sock?db=3\"; username = \"worker\"; "
        "password = \"pass\"; command_timeout_ms = 700; };\n"
        "queue: { names = [\"a:high\", \"b:low\"]; results = \"%q:results\"; dead = \"d\"; };\n"
        "aliyun: { signature = \"v1\"; http_version = \"2\"; };\n"
        "plan: { coalesce = false; };\n"
        "limits: { devices = 100; };\n"
        "log: { level = \"debug\"; };\n"
        "admin: { listen = \"off\"; };\n"
        "apps = ( { name = \"ios\"; app_key = \"42\"; access_key_id = \"own\"; "
        "access_key_secret = \"own-secret\"; device_type = \"iOS\"; push_type = \"NOTICE\"; "
        "title = \"News\"; store_offline = true; push_delay_s = 5; ttl_s = 60; "
        "ambiguous = \"resend\"; max_attempts = 7; }, { name = \"default\"; } );\n"
        "templates = ( { code = \"X\"; message = \"Hello {school}\"; locales = ( { "
        "locale = \"zh-CN\"; title = \"T\"; message = \"M\"; } ); } );\n";
    struct config c;
    load_ok(text, (const char *[]){BASE, "PUSHBRIDGE_LOG_LEVEL=warn", NULL}, &c);
    assert_string_equal(c.redis.unix_path, "/run/redis.sock");
    assert_int_equal(c.redis.db, 3);
    assert_string_equal(c.redis.user, "worker");
    assert_string_equal(c.redis.password, "pass");
    assert_int_equal(c.redis.command_timeout_ms, 700);
    assert_int_equal(c.nqueues, 2);
    assert_string_equal(c.queue_names[1], "b:low");
    assert_int_equal(c.signature, SIGNATURE_V1);
    assert_int_equal(c.http_version, HTTP_2);
    assert_int_equal(c.max_connections, 2);
    assert_false(c.coalesce);
    assert_int_equal(c.limits.devices, 100);
    assert_int_equal(c.log_level, LOG_WARN);
    assert_false(c.admin_listen_default);
    assert_int_equal(c.napps, 2);
    const struct config_app *ios = config_app_find(&c, "ios");
    assert_string_equal(ios->app.device_type, "iOS");
    assert_string_equal(ios->app.title, "News");
    assert_true(ios->app.store_offline && ios->app.resend_ambiguous);
    assert_int_equal(ios->app.push_delay_s, 5);
    assert_int_equal(ios->app.ttl_s, 60);
    assert_int_equal(ios->app.max_attempts, 7);
    assert_string_equal(ios->credentials.id, "own");
    assert_string_equal(config_app_find(&c, "default")->app.app_key, "23456789");
    assert_string_equal(config_app_find(&c, "default")->credentials.id, "id");
    assert_non_null(find_template(c.templates, "X", "zh-CN"));
    assert_null(find_template(c.templates, "I10000", NULL));
    config_free(&c);
}

static void test_queue_list_in_environment(void **state)
{
    (void)state;
    struct config c;
    load_ok("queue: { names = \"x\"; };",
            (const char *[]){BASE, "PUSHBRIDGE_QUEUE_NAMES=high, mid,low", NULL}, &c);
    assert_int_equal(c.nqueues, 3);
    assert_string_equal(c.queue_names[0], "high");
    assert_string_equal(c.queue_names[1], "mid");
    assert_string_equal(c.queue_names[2], "low");
    config_free(&c);
}

/* Where keys come from: the strongest word, then what is there. */
static void test_credentials_source(void **state)
{
    (void)state;
    static char home[64], folder[96], file[128], var_home[96], var_file[192];
    static const struct {
        const char *file, *vars[6];
        enum credentials_kind want;
        const char *why; /* refused */
    } rows[] = {
        {NULL, {"PREQ_ACCESS_KEY_ID=i", "PREQ_ACCESS_KEY_SECRET=s"}, CREDENTIALS_STATIC, NULL},
        {NULL, {NULL}, CREDENTIALS_STATIC, "access_key_id is missing"},
        {NULL, {"PUSHBRIDGE_ALIYUN_CREDENTIALS=auto"}, CREDENTIALS_ECS, NULL},
        {NULL, {"ALIBABA_CLOUD_ECS_METADATA=r"}, CREDENTIALS_ECS, NULL},
        {NULL,
         {"PUSHBRIDGE_ALIYUN_CREDENTIALS=auto", "ALIBABA_CLOUD_ECS_METADATA_DISABLED=True"},
         CREDENTIALS_STATIC,
         "access_key_id is missing"},
        {NULL,
         {"PUSHBRIDGE_ALIYUN_CREDENTIALS=ecs", "ALIBABA_CLOUD_ECS_METADATA_DISABLED=0",
          "PREQ_ACCESS_KEY_ID=i"},
         CREDENTIALS_ECS,
         NULL},
        {NULL,
         {"ALIBABA_CLOUD_ROLE_ARN=r", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN=p",
          "ALIBABA_CLOUD_OIDC_TOKEN_FILE=/t"},
         CREDENTIALS_OIDC,
         NULL},
        {NULL,
         {"ALIBABA_CLOUD_ROLE_ARN=r", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN=p",
          "ALIBABA_CLOUD_OIDC_TOKEN_FILE=/t", "ALIBABA_CLOUD_ACCESS_KEY_ID=i",
          "ALIBABA_CLOUD_ACCESS_KEY_SECRET=s"},
         CREDENTIALS_STATIC,
         NULL},
        {NULL,
         {"PUSHBRIDGE_ALIYUN_CREDENTIALS=oidc", "ALIBABA_CLOUD_ROLE_ARN=r"},
         CREDENTIALS_OIDC,
         "oidc_provider_arn is missing"},
        {NULL, {var_home}, CREDENTIALS_PROFILE, NULL},
        {NULL, {var_file, "ALIBABA_CLOUD_PROFILE=other"}, CREDENTIALS_PROFILE, "no profile other"},
        {NULL, {"PUSHBRIDGE_ALIYUN_CREDENTIALS=profile"}, CREDENTIALS_PROFILE, "no HOME"},
        {NULL, {"PUSHBRIDGE_ALIYUN_CREDENTIALS=magic"}, 0, "is not one of static, profile"},
        {NULL,
         {"PUSHBRIDGE_ALIYUN_CREDENTIALS=ecs",
          "PUSHBRIDGE_ALIYUN_METADATA_ENDPOINT=http://10.0.0.1"},
         0,
         "loopback only"},
        {NULL,
         {"PUSHBRIDGE_ALIYUN_CREDENTIALS=ecs", "PUSHBRIDGE_ALIYUN_STS_ENDPOINT=http://sts"},
         0,
         "loopback only"},
        {"apps = ( { name = \"default\"; app_key = \"1\"; ecs_role = \"r\"; } );",
         {"PREQ_ACCESS_KEY_ID=i", "PREQ_ACCESS_KEY_SECRET=s"},
         CREDENTIALS_ECS,
         NULL},
        {"apps = ( { name = \"default\"; app_key = \"1\"; access_key_id = \"i\"; "
         "access_key_secret = \"s\"; } );",
         {"PUSHBRIDGE_ALIYUN_CREDENTIALS=ecs"},
         CREDENTIALS_STATIC,
         NULL},
        {"apps = ( { name = \"default\"; app_key = \"1\"; credentials = \"static\"; } );",
         {"PUSHBRIDGE_ALIYUN_CREDENTIALS=ecs"},
         CREDENTIALS_STATIC,
         "access_key_id is missing"},
        {"apps = ( { name = \"default\"; app_key = \"1\"; role_arn = \"own\"; } );",
         {"ALIBABA_CLOUD_ROLE_ARN=r", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN=p",
          "ALIBABA_CLOUD_OIDC_TOKEN_FILE=/t", "PREQ_ACCESS_KEY_ID=i", "PREQ_ACCESS_KEY_SECRET=s"},
         CREDENTIALS_OIDC,
         NULL},
    };
    snprintf(home, sizeof home, "%s/home", dir);
    snprintf(folder, sizeof folder, "%s/.alibabacloud", home);
    snprintf(file, sizeof file, "%s/credentials", folder);
    assert_int_equal(mkdir(home, 0700) | mkdir(folder, 0700), 0);
    snprintf(var_home, sizeof var_home, "HOME=%s", home);
    snprintf(var_file, sizeof var_file, "ALIBABA_CLOUD_CREDENTIALS_FILE=%s", file);
    write_file(file, "[default]\ntype = ecs_ram_role\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config c;
        const char *vars[8] = {"PREQ_APP_KEY=23456789"};
        for (size_t k = 0; k < 6 && rows[i].vars[k]; k++)
            vars[k + 1] = rows[i].vars[k];
        if (rows[i].why) {
            struct err e;
            assert_false(load(rows[i].file, vars, &c, &e));
            if (!strstr(e.text, rows[i].why))
                fail_msg("%s instead of %s", e.text, rows[i].why);
            continue;
        }
        load_ok(rows[i].file, vars, &c);
        assert_int_equal(c.apps[0].source.kind, rows[i].want);
        config_free(&c);
    }
    unlink(file);
    assert_int_equal(rmdir(folder) | rmdir(home), 0);
}

static void test_sts_endpoints(void **state)
{
    (void)state;
    static const struct {
        const char *vars[3], *want;
    } rows[] = {
        {{NULL}, "https://sts.aliyuncs.com"},
        {{"ALIBABA_CLOUD_STS_REGION=cn-beijing"}, "https://sts.cn-beijing.aliyuncs.com"},
        {{"ALIBABA_CLOUD_STS_REGION=cn-beijing", "ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED=TRUE"},
         "https://sts-vpc.cn-beijing.aliyuncs.com"},
        {{"ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED=true"}, "https://sts.aliyuncs.com"},
        {{"PUSHBRIDGE_ALIYUN_STS_ENDPOINT=https://STS.example:443/", "ALIBABA_CLOUD_STS_REGION=x"},
         "https://sts.example"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config c;
        load_ok(NULL, (const char *[]){BASE, rows[i].vars[0], rows[i].vars[1], NULL}, &c);
        assert_string_equal(c.sts_endpoint, rows[i].want);
        assert_string_equal(c.metadata_endpoint, "http://100.100.100.200");
        config_free(&c);
    }
}

static void test_secret_files(void **state)
{
    (void)state;
    struct config c;
    char var[128], conf[256];
    snprintf(var, sizeof var, "PUSHBRIDGE_ALIYUN_ACCESS_KEY_SECRET_FILE=%s", secret_path);
    load_ok(NULL, (const char *[]){BASE, var, NULL}, &c);
    assert_string_equal(c.apps[0].credentials.secret, "from-file");
    config_free(&c);
    snprintf(conf, sizeof conf, "redis: { password_file = \"%s\"; };", secret_path);
    load_ok(conf, (const char *[]){BASE, NULL}, &c);
    assert_string_equal(c.redis.password, "from-file");
    config_free(&c);
    /* A stronger value makes the file unnecessary: it is not even opened. */
    load_ok("redis: { password_file = \"/does/not/exist\"; };",
            (const char *[]){BASE, "PUSHBRIDGE_REDIS_PASSWORD=direct", NULL}, &c);
    assert_string_equal(c.redis.password, "direct");
    config_free(&c);
}

static void test_endpoints(void **state)
{
    (void)state;
    static const struct {
        const char *url, *endpoint, *host; /* endpoint NULL: refused */
    } rows[] = {
        {"https://Cloudpush.Aliyuncs.com/", "https://cloudpush.aliyuncs.com",
         "cloudpush.aliyuncs.com"},
        {"https://h:443", "https://h", "h"},
        {"https://h:8443", "https://h:8443", "h:8443"},
        {"http://127.0.0.1:8080/", "http://127.0.0.1:8080", "127.0.0.1:8080"},
        {"http://localhost:80", "http://localhost", "localhost"},
        {"http://[::1]:99", "http://[::1]:99", "[::1]:99"},
        {"http://example.com", NULL, NULL},
        {"http://127.0.0.1.example.com", NULL, NULL},
        {"http://localhost@example.com", NULL, NULL},
        {"https://user@h", NULL, NULL},
        {"https://h/path", NULL, NULL},
        {"https://h?x", NULL, NULL},
        {"https://h:0", NULL, NULL},
        {"https://h:65536", NULL, NULL},
        {"https://h:4433443", NULL, NULL},
        {"https://h:", NULL, NULL},
        {"https://[::1", NULL, NULL},
        {"https://", NULL, NULL},
        {"ftp://h", NULL, NULL},
        {"h", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config c;
        struct err e;
        char var[128];
        snprintf(var, sizeof var, "PUSHBRIDGE_ALIYUN_ENDPOINT=%s", rows[i].url);
        bool ok = load(NULL, (const char *[]){BASE, var, NULL}, &c, &e);
        if (ok != !!rows[i].endpoint)
            fail_msg("%s: %s", rows[i].url, ok ? "accepted" : e.text);
        if (ok) {
            assert_string_equal(c.endpoint, rows[i].endpoint);
            assert_string_equal(c.endpoint_host, rows[i].host);
            config_free(&c);
        }
    }
}

/* Each refusal names the place and the option. */
static void test_refused_environment(void **state)
{
    (void)state;
    static const struct {
        const char *vars[6];
        const char *message;
    } rows[] = {
        {{BASE, "PUSHBRIDGE_QUEUE_CONCURENCY=1", NULL},
         "PUSHBRIDGE_QUEUE_CONCURENCY: no option has this variable"},
        {{BASE, "PUSHBRIDGE_QUEUE_CONCURRENCY=0", NULL},
         "PUSHBRIDGE_QUEUE_CONCURRENCY: queue.concurrency: 0 is not within 1 to 4096"},
        {{BASE, "PUSHBRIDGE_QUEUE_CONCURRENCY=many", NULL}, "\"many\" is not an integer"},
        {{BASE, "PUSHBRIDGE_PLAN_COALESCE=maybe", NULL}, "\"maybe\" is not true or false"},
        {{BASE, "PUSHBRIDGE_ALIYUN_SIGNATURE=v2", NULL}, "\"v2\" is not one of v1, v3"},
        {{BASE, "PREQ_ACCESS_KEY_SECRET_FILE=/x", NULL},
         "PREQ_ACCESS_KEY_SECRET and PREQ_ACCESS_KEY_SECRET_FILE are both set"},
        {{BASE, "PUSHBRIDGE_APP_KEY=1", "PUSHBRIDGE_ALIYUN_APP_KEY=1", NULL}, "are both set"},
        {{BASE, "PUSHBRIDGE_REDIS_PASSWORD_FILE=/does/not/exist", NULL},
         "PUSHBRIDGE_REDIS_PASSWORD_FILE: /does/not/exist: No such file"},
        {{BASE, "PUSHBRIDGE_QUEUE_LEASE_MS=8999", NULL},
         "queue.lease_ms 8999 - queue.extend_ms 1000 must be at least aliyun.timeout_ms 5000 + "
         "aliyun.settle_ms 3000"},
        {{BASE, "PUSHBRIDGE_QUEUE_IDLE_WAIT_S=9", NULL},
         "queue.idle_wait_s 9 must be shorter than queue.lease_ms 9000"},
        {{BASE, "PUSHBRIDGE_RETRY_CAP_MS=499", NULL}, "retry.base_ms 500"},
        {{BASE, "PUSHBRIDGE_ALIYUN_INSECURE=true", NULL},
         "PUSHBRIDGE_ALIYUN_INSECURE: aliyun.insecure: is allowed with a loopback endpoint only"},
        {{BASE, "PUSHBRIDGE_QUEUE_NAMES=a,,b", NULL}, "queue.names: an empty name"},
        {{BASE, "PUSHBRIDGE_QUEUE_NAMES=a,b,a", NULL}, "queue.names: a queue is named twice"},
        {{BASE, "PUSHBRIDGE_QUEUE_NAMES=push:dead", NULL},
         "the queue \"push:dead\" and queue.dead of \"push:dead\""},
        {{BASE, "PUSHBRIDGE_QUEUE_DEAD=push:results", NULL},
         "queue.results of \"push:jobs\" and queue.dead of \"push:jobs\" overlap"},
        {{BASE, "PUSHBRIDGE_ADMIN_LISTEN=9464", NULL}, "admin.listen: must be HOST:PORT or off"},
        {{BASE, "PUSHBRIDGE_ADMIN_HOSTS=worker:9464", NULL}, "admin.hosts: names and addresses"},
        {{BASE, "PUSHBRIDGE_ADMIN_HOSTS=a,,b", NULL}, "admin.hosts: names and addresses"},
        {{BASE, "PUSHBRIDGE_ADMIN_HOSTS=a,*.example", NULL}, "admin.hosts: names and addresses"},
        {{BASE, "PUSHBRIDGE_REDIS_CA_FILE=/ca.pem", NULL}, "redis.ca_file: only with a rediss://"},
        {{BASE, "PUSHBRIDGE_REDIS_SENTINEL_PASSWORD=x", NULL},
         "redis.sentinel_password: only with a redis+sentinel://"},
        {{BASE, "PUSHBRIDGE_REDIS_SENTINEL_TLS=off", NULL},
         "redis.sentinel_tls: only with a redis+sentinel://"},
        {{BASE, "PUSHBRIDGE_REDIS_URL=redis+cluster://h", "PUSHBRIDGE_QUEUE_DEAD=push:dead", NULL},
         "queue.dead: lies in another slot than its queue"},
        {{BASE, "PUSHBRIDGE_REDIS_URL=redis+cluster://h", "PUSHBRIDGE_QUEUE_RESULTS=%q:r", NULL},
         "queue.results: lies in another slot than its queue"},
        {{BASE, "PUSHBRIDGE_REDIS_URL=redis+cluster://h/1", NULL}, "has the database 0 only"},
        {{BASE, "PUSHBRIDGE_REDIS_URL=redis+sentinel://h", NULL},
         "PUSHBRIDGE_REDIS_URL: redis.url: redis URL: no name of the master"},
        {{BASE, "PUSHBRIDGE_REDIS_URL=redis+sentinel://h/m", "PUSHBRIDGE_REDIS_CA_FILE=/ca.pem",
          NULL},
         "redis.ca_file: only with a rediss://"},
        {{BASE, "PUSHBRIDGE_REDIS_URL=http://h", NULL}, "PUSHBRIDGE_REDIS_URL: redis.url: "},
        {{KEYS, NULL}, "no app: set PREQ_APP_KEY"},
        {{KEYS, "PREQ_APP_KEY=0x12", NULL}, "app \"default\": app_key: must be a number"},
        {{"PREQ_APP_KEY=1", "PREQ_ACCESS_KEY_ID=i", NULL}, "access_key_secret is missing"},
        {{"PREQ_APP_KEY=1", "PREQ_ACCESS_KEY_SECRET=s", NULL}, "access_key_id is missing"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config c;
        struct err e;
        assert_false(load(NULL, rows[i].vars, &c, &e));
        if (!strstr(e.text, rows[i].message))
            fail_msg("\"%s\" instead of \"%s\"", e.text, rows[i].message);
        config_free(&c);
    }
}

static void test_refused_file(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"queue: {\n nmaes = \"x\";\n};", "test.conf:2: queue.nmaes: unknown option"},
        {"\nque: { };", "test.conf:2: que: unknown option"},
        {"retries = 3;", "test.conf:1: retries: unknown option"},
        {"queue = 3;", "test.conf:1: queue: must be a group"},
        {"queue: { lease_ms = \"9000\"; };", "queue.lease_ms: a string instead of an integer"},
        {"queue: { lease_ms = 9000.0; };", "queue.lease_ms: a fraction instead of an integer"},
        {"queue: { names = [1, 2]; };", "queue.names: a list instead of a list of strings"},
        {"queue: { names = [\"a,b\"]; };", "queue.names"},
        {"plan: { coalesce = 1; };", "plan.coalesce: an integer instead of true or false"},
        {"redis: { url = 5; };", "redis.url: an integer instead of a string in quotes"},
        {"redis: { password = \"a\"; password_file = \"b\"; };", "are both set"},
        {"redis: { url_file = \"/does/not/exist\"; };", "No such file"},
        {"redis: { ca_file_file = \"b\"; };", "redis.ca_file_file: unknown option"},
        {"queue: { extend_ms = 1; };", "test.conf:1: queue.extend_ms: 1 is not within 20 to"},
        {"a = ;", "test.conf:1: syntax error"},
        {"\nqueue: { lease_ms = 4294976296; };",
         "test.conf:2: 4294976296: an integer beyond 32 bits"},
        {"queue: { lease_ms = -2147483649; };", "test.conf:1: -2147483649: an integer beyond 32"},
        {"queue: { lease_ms = 0x100002328; };", "test.conf:1: 0x100002328: an integer beyond 32"},
        {"queue: { lease_ms = 4294976296L; };", "queue.lease_ms: 4294976296 is not within"},
        {"queue: { lease_ms = 9223372036854775808L; };", "test.conf:1: "},
        {"/* 1\n */ queue: { lease_ms = 010000; };",
         "test.conf:2: 010000: an integer must not begin"},
        {"queue: { lease_ms = +00L; };", "test.conf:1: +00L: an integer must not begin with 0"},
        {"\n@include \"/\"\n", "test.conf:2: @include: a configuration is one file"},
        {"@include \"/etc/hostname\"\n", "test.conf:1: @include: a configuration is one file"},
        {"@include \"test.conf\"\n", "test.conf:1: @include: a configuration is one file"},
        {"redis: {\n@include \"/etc/*.conf\"\n};", "test.conf:2: @include: a configuration is"},
        {"apps = { };", "apps: must be a list"},
        {"apps = ( 1 );", "apps: every element must be a group"},
        {"apps = ( { app_key = \"1\"; } );", "test.conf:1: name: must not be empty"},
        {"apps = ( { name = \"a b\"; app_key = \"1\"; } );", "app \"a b\": name: letters"},
        {"apps = ( { name = \"a\"; app_key = 1; } );",
         "app_key: an integer instead of a string in quotes"},
        {"apps = ( { name = \"a\"; } );", "app \"a\": app_key is missing"},
        {"apps = ( { name = \"a\"; app_key = \"1\"; }, { name = \"a\"; app_key = \"2\"; } );",
         "app \"a\": is there twice"},
        {"apps = ( { name = \"a\"; app_key = \"1\"; access_key_id = \"x\"; } );",
         "access_key_secret is missing"},
        {"apps = ( { name = \"a\"; app_key = \"1\"; device_type = \"Android\"; } );",
         "device_type: \"Android\" is not one of ANDROID, iOS, HARMONY, ALL"},
        {"apps = ( { name = \"a\"; colour = \"1\"; } );", "test.conf:1: colour: unknown option"},
        {"templates = ( { message = \"x\"; } );", "test.conf:1: code: is missing"},
        {"templates = ( { code = \"x\"; } );", "message: is missing"},
        {"templates = ( { code = \"x\"; message = \"{nobody}\"; } );", "test.conf:1: "},
        {"templates = ( { code = \"x\"; message = \"m\"; },\n{ code = \"x\"; message = \"m\"; } );",
         "test.conf:2: "},
        {"templates = ( { code = \"x\"; text = \"m\"; } );", "text: unknown member of a template"},
        {"templates = ( { code = \"x\"; message = 1; } );", "message: must be a string"},
        {"templates = ( { code = \"x\"; locales = ( { message = \"m\"; } ); } );",
         "locale: is missing"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config c;
        struct err e;
        assert_false(load(rows[i].text, (const char *[]){BASE, NULL}, &c, &e));
        if (!strstr(e.text, rows[i].message))
            fail_msg("\"%s\" instead of \"%s\"", e.text, rows[i].message);
    }
}

/* Not integers, though they look like it. */
static void test_digits_elsewhere(void **state)
{
    (void)state;
    struct config c;
    load_ok("# 010 \n// 010 4294976296\n/* 010\n4294976296 */\n"
            "queue: { names = [ \"010\", \"a\\\" 010\" ]; lease_ms = 9000L; reap_ms = 0x1f4; };\n"
            "apps = ( { name = \"a010\"; app_key = \"0\" \"1\"; },\n"
            "{ name = \"b\"; app_key = \"2\"; push = { iOSBadge = 0; }; } );",
            (const char *[]){BASE, NULL}, &c);
    assert_int_equal(c.lease_ms, 9000);
    assert_int_equal(c.reap_ms, 500);
    config_free(&c);
}

static void test_unreadable_file(void **state)
{
    (void)state;
    struct config c;
    struct err e;
    char *env[] = {NULL};
    assert_false(config_load("/does/not/exist.conf", env, &c, &e));
    assert_non_null(strstr(e.text, "/does/not/exist.conf: No such file"));
    assert_false(config_load(dir, env, &c, &e)); /* a directory, and the process still lives */
    assert_non_null(strstr(e.text, dir));
    assert_string_equal(strrchr(e.text, ':'), ": Is a directory");
    static const struct {
        const char *path, *why;
    } rows[] = {
        {"/dev/zero", "/dev/zero: not a regular file"},
        {"/proc/self/mem", "/proc/self/mem: Input/output error"}, /* regular, yet unreadable at 0 */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_false(config_load(rows[i].path, env, &c, &e));
        assert_string_equal(e.text, rows[i].why);
    }
}

/* Nobody writes to the FIFO, and nobody waits for that. */
static void test_fifo(void **state)
{
    (void)state;
    struct config c;
    struct err e;
    char fifo[sizeof dir + 8], var[sizeof fifo + 40], *env[] = {NULL};
    snprintf(fifo, sizeof fifo, "%s/fifo", dir);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_false(config_load(fifo, env, &c, &e));
    assert_non_null(strstr(e.text, "fifo: not a regular file"));
    snprintf(var, sizeof var, "PUSHBRIDGE_REDIS_PASSWORD_FILE=%s", fifo);
    assert_false(load(NULL, (const char *[]){BASE, var, NULL}, &c, &e));
    assert_non_null(strstr(e.text, "PUSHBRIDGE_REDIS_PASSWORD_FILE"));
    assert_non_null(strstr(e.text, "fifo: not a regular file"));
    assert_int_equal(unlink(fifo), 0);
}

static void test_file_too_long(void **state)
{
    (void)state;
    struct config c;
    struct err e;
    char *env[] = {NULL};
    write_file(file_path, "");
    assert_int_equal(truncate(file_path, (off_t)1 << 40), 0);
    assert_false(config_load(file_path, env, &c, &e));
    assert_non_null(strstr(e.text, "test.conf: longer than 1048576 bytes"));
}

static void test_service_links_are_passed_over(void **state)
{
    (void)state;
    struct config c;
    load_ok(NULL,
            (const char *[]){BASE, "PUSHBRIDGE_SERVICE_HOST=10.0.0.1",
                             "PUSHBRIDGE_PORT=tcp://10.0.0.1:80",
                             "PUSHBRIDGE_REDIS_PORT_6379_TCP_ADDR=10.0.0.2",
                             "PUSHBRIDGE_SERVICE_PORT_ADMIN=80", NULL},
            &c);
    config_free(&c);
}

static void test_config_named_by_environment(void **state)
{
    (void)state;
    struct config c;
    struct err e;
    char var[128],
        base[3][64] = {"PREQ_APP_KEY=1", "PREQ_ACCESS_KEY_ID=i", "PREQ_ACCESS_KEY_SECRET=s"};
    char *env[] = {base[0], base[1], base[2], var, NULL};
    write_file(file_path, "queue: { concurrency = 3; };");
    snprintf(var, sizeof var, "PUSHBRIDGE_CONFIG=%s", file_path);
    assert_true(config_load(NULL, env, &c, &e));
    assert_int_equal(c.concurrency, 3);
    config_free(&c);
}

static void test_tool_needs_no_app(void **state)
{
    (void)state;
    struct config c;
    struct err e;
    char *env[] = {NULL};
    assert_false(config_load(NULL, env, &c, &e));
    assert_true(config_load_tool(NULL, env, &c, &e));
    assert_int_equal(c.napps, 0);
    config_free(&c);
}

static void digest_of(const char *text, char out[17])
{
    struct config c;
    load_ok(text, (const char *[]){KEYS, NULL}, &c);
    memcpy(out, c.digest, 17);
    config_free(&c);
}

static void test_digest(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool same;
    } rows[] = {
        {"apps = ( { name = \"b\"; app_key = \"2\"; }, { name = \"a\"; app_key = \"1\"; } );",
         true},
        {"apps = ( { name = \"a\"; app_key = \"1\"; max_attempts = 9; }, "
         "{ name = \"b\"; app_key = \"2\"; } ); queue: { concurrency = 5; };",
         true},
        {"apps = ( { name = \"a\"; app_key = \"1\"; ttl_s = 9; }, "
         "{ name = \"b\"; app_key = \"2\"; } );",
         false},
        {"apps = ( { name = \"a\"; app_key = \"1\"; }, { name = \"b\"; app_key = \"2\"; } ); "
         "limits: { devices = 9; };",
         false},
        {"apps = ( { name = \"a\"; app_key = \"1\"; }, { name = \"b\"; app_key = \"2\"; } ); "
         "templates = ( { code = \"I10000\"; message = \"x\"; } );",
         false},
    };
    char want[17], have[17];
    digest_of("apps = ( { name = \"a\"; app_key = \"1\"; }, { name = \"b\"; app_key = \"2\"; } );",
              want);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        digest_of(rows[i].text, have);
        assert_int_equal(strcmp(want, have) == 0, rows[i].same);
    }
}

static void test_print_masks_secrets(void **state)
{
    (void)state;
    struct config c;
    char *text = NULL;
    size_t len = 0;
    load_ok("redis: { password = \"hidden-1\"; };",
            (const char *[]){"PREQ_APP_KEY=77", "PREQ_ACCESS_KEY_ID=LTAI-hidden-2",
                             "PREQ_ACCESS_KEY_SECRET=hidden-3",
                             "PUSHBRIDGE_ALIYUN_SECURITY_TOKEN=hidden-4",
                             "PUSHBRIDGE_REDIS_URL=redis://user:hidden-5@h:1/0",
                             "PUSHBRIDGE_ALIYUN_PROXY=http://u:hidden-6@p:1", NULL},
            &c);
    FILE *out = open_memstream(&text, &len);
    config_print(&c, out);
    fclose(out);
    assert_null(strstr(text, "hidden"));
    assert_non_null(strstr(text, "redis.url = \"redis://***@h:1/0\""));
    assert_non_null(strstr(text, "aliyun.access_key_id = LTAI***"));
    assert_non_null(strstr(text, "apps.default.app_key = \"77\""));
    assert_non_null(strstr(text, "# PREQ_APP_KEY"));
    assert_non_null(strstr(text, "# default"));
    assert_non_null(strstr(text, c.digest));
    free(text);
    config_free(&c);
}

static void test_reference_is_in_step(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    config_print_reference(out);
    fclose(out);
    static char doc[TEXT_SIZE];
    FILE *f = fopen("docs/options.md", "r");
    assert_non_null(f);
    doc[fread(doc, 1, sizeof doc - 1, f)] = '\0';
    fclose(f);
    if (strcmp(doc, text) != 0)
        fail_msg("write it anew: bin/pushbridge check --reference > docs/options.md");
    free(text);
}

static void test_reference_deployment(void **state)
{
    (void)state;
    struct config c;
    struct err e;
    char base[3][64] = {"PREQ_APP_KEY=1", "PREQ_ACCESS_KEY_ID=i", "PREQ_ACCESS_KEY_SECRET=s"};
    char *env[] = {base[0], base[1], base[2], NULL};
    if (!config_load("conf/pushbridge.conf", env, &c, &e))
        fail_msg("%s", e.text);
    const struct config_app *a = config_app_find(&c, "default");
    assert_string_equal(a->app.device_type, "ANDROID");
    assert_string_equal(a->app.push_type, "MESSAGE");
    assert_int_equal(a->app.push_delay_s, 5);
    assert_int_equal(a->app.ttl_s, 86400);
    assert_true(a->app.store_offline);
    assert_int_equal(c.max_attempts, 3);
    assert_non_null(find_template(c.templates, "I10000", NULL));
    assert_non_null(find_template(c.templates, "I10001", NULL));
    assert_non_null(find_template(c.templates, "I20000", NULL));
    config_free(&c);
}

static void test_queue_key(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"push:results", "q", "push:results"},
        {"{%q}:results", "push:jobs", "{push:jobs}:results"},
        {"%q%q:%", "a", "aa:%"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *key = config_queue_key(rows[i][0], rows[i][1]);
        assert_string_equal(key, rows[i][2]);
        mem_free(key);
    }
}

static void limits_and_account_labels(void **state)
{
    (void)state;
    struct config c;
    struct err e;
    const char *const vars[] = {BASE, NULL};
    assert_true(load("apps = ( { name = \"default\"; }, { name = \"b\"; app_key = \"1\"; "
                     "account = \"acme\"; } );",
                     vars, &c, &e));
    assert_int_equal(c.limit_push_per_s, quota_per_s("Push"));
    assert_int_equal(c.limit_masspush_per_s, quota_per_s("MassPush"));
    assert_int_equal(c.limit_egress_per_s, 500);
    assert_int_equal(quota_per_s("NoSuchAction"), 100);
    assert_string_equal(c.apps[0].account_label, "acme");
    assert_null(strstr(c.apps[1].account_label, "id"));
    assert_memory_equal(c.apps[1].account_label, "key-", 4);
    config_free(&c);
    const char *const bad[] = {BASE, "PUSHBRIDGE_LIMIT_EGRESS=a@b", NULL};
    assert_false(load(NULL, bad, &c, &e));
    assert_non_null(strstr(e.text, "limit.egress"));
}

/* --- reload ---------------------------------------------------------------------------------- */

static bool reload(const char *text, char **env, const struct config *old, struct config *c,
                   struct buf *changed, struct err *e)
{
    write_file(file_path, text);
    buf_reset(changed);
    return config_reload(file_path, env, old, c, changed, e);
}

static void test_reload_keeps_what_needs_a_restart(void **state)
{
    (void)state;
    char app_key[] = "PREQ_APP_KEY=23456789", id[] = "PREQ_ACCESS_KEY_ID=id",
         secret[] = "PREQ_ACCESS_KEY_SECRET=secret", *env[] = {app_key, id, secret, NULL};
    const char *const vars[] = {BASE, NULL};
    struct config old, c;
    struct err e;
    struct buf changed;
    buf_init(&changed, 4096);
    assert_true(load("queue: { lease_ms = 20000; };", vars, &old, &e));
    const char text[] = "queue: { lease_ms = 9000; names = ( \"a\", \"b\" ); dead_warn = 5; };\n"
                        "aliyun: { timeout_ms = 4000; signature = \"v1\"; };\n"
                        "admin: { listen = \"off\"; };\n"
                        "templates = ( { code = \"A\"; message = \"a\"; } );";
    if (!reload(text, env, &old, &c, &changed, &e))
        fail_msg("%s", e.text);
    assert_string_equal(buf_text(&changed),
                        "queue.names,queue.lease_ms,aliyun.timeout_ms,admin.listen");
    assert_int_equal(c.lease_ms, 20000);
    assert_int_equal(c.timeout_ms, old.timeout_ms);
    assert_int_equal(c.nqueues, 1);
    assert_string_equal(c.admin_listen, old.admin_listen);
    assert_true(c.admin_listen_default);
    assert_int_equal(c.dead_warn, 5);
    assert_int_equal(c.signature, SIGNATURE_V1);
    assert_string_not_equal(c.digest, old.digest);
    config_free(&c);
    /* sound with what stays, but not by itself: it would not start again */
    assert_false(reload("aliyun: { timeout_ms = 15000; };", env, &old, &c, &changed, &e));
    assert_non_null(strstr(e.text, "queue.lease_ms 9000"));
    assert_true(reload("queue: { lease_ms = 20000; };", env, &old, &c, &changed, &e));
    assert_int_equal(changed.len, 0);
    assert_string_equal(c.digest, old.digest);
    config_free(&c);
    config_free(&old);
    buf_free(&changed);
}

/* The last holder frees it, as ASan sees. */
static void test_a_kept_one_lives_as_long_as_its_holders(void **state)
{
    (void)state;
    const char *const vars[] = {BASE, NULL};
    struct config c;
    struct err e;
    assert_true(load(NULL, vars, &c, &e));
    config_drop(config_hold(&c)); /* never kept: stays */
    assert_int_equal(c.napps, 1);
    struct config *kept = config_keep(&c);
    assert_ptr_equal(config_hold(kept), kept);
    config_drop(kept);
    assert_string_equal(kept->apps[0].app.name, "default");
    config_drop(kept);
    config_drop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_default_app),
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_cluster_defaults),
        cmocka_unit_test(test_queue_list_in_environment),
        cmocka_unit_test(test_credentials_source),
        cmocka_unit_test(test_sts_endpoints),
        cmocka_unit_test(test_secret_files),
        cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_refused_environment),
        cmocka_unit_test(test_refused_file),
        cmocka_unit_test(test_digits_elsewhere),
        cmocka_unit_test(test_unreadable_file),
        cmocka_unit_test(test_fifo),
        cmocka_unit_test(test_file_too_long),
        cmocka_unit_test(test_service_links_are_passed_over),
        cmocka_unit_test(test_config_named_by_environment),
        cmocka_unit_test(test_tool_needs_no_app),
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_print_masks_secrets),
        cmocka_unit_test(test_reference_is_in_step),
        cmocka_unit_test(test_reference_deployment),
        cmocka_unit_test(test_queue_key),
        cmocka_unit_test(limits_and_account_labels),
        cmocka_unit_test(test_reload_keeps_what_needs_a_restart),
        cmocka_unit_test(test_a_kept_one_lives_as_long_as_its_holders),
    };
    return cmocka_run_group_tests_name("config", tests, setup, teardown);
}
