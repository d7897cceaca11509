/* SPDX-License-Identifier: MIT
 * The credentials (credentials, key_fetch, stamp, config_keys) against a metadata service and an
 * STS on the same loop. The boot clock runs ahead by as much as a test says (mk/unit.mk). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/text.h"
#include "keys/app_credentials.h"
#include "keys/key_fetch.h"
#include "support/pump.h"

static int64_t boot_shift_ms;
int64_t __real_clock_boot_ms(void);
int64_t __wrap_clock_boot_ms(void);
int64_t __wrap_clock_boot_ms(void)
{
    return __real_clock_boot_ms() + boot_shift_ms;
}

/* --- who hands out keys ---------------------------------------------------------------------- */

struct service {
    struct evhttp *http;
    int port;
    int tokens, roles, keys, sts; /* requests */
    int serial;                   /* of the keys */
    bool down, v1, frozen;        /* frozen: the same keys again */
    int64_t life_s, skew_s;       /* skew: of its clock */
    char form[2048];              /* the last one to STS */
    struct evhttp_request *held;  /* hold: not answered yet */
    bool hold;
};

static void date(struct service *s, struct evkeyvalq *headers, int64_t wall_ms)
{
    char text[64];
    time_t t = (time_t)(wall_ms / 1000 + s->skew_s);
    struct tm tm;
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&t, &tm));
    evhttp_add_header(headers, "Date", text);
}

static void give(struct service *s, struct evhttp_request *http, const char *before,
                 const char *after)
{
    char ends[CLOCK_UTC_SIZE];
    s->serial += !s->frozen;
    clock_format_utc(clock_wall_ms() + (s->life_s + s->skew_s) * 1000, ends);
    date(s, evhttp_request_get_output_headers(http), clock_wall_ms());
    evbuffer_add_printf(evhttp_request_get_output_buffer(http),
                        "%s\"AccessKeyId\":\"STS.id%d\",\"AccessKeySecret\":\"secret%d\","
                        "\"SecurityToken\":\"token%d\",\"Expiration\":\"%s\"%s",
                        before, s->serial, s->serial, s->serial, ends, after);
    evhttp_send_reply(http, 200, NULL, NULL);
}

static void on_request(struct evhttp_request *http, void *arg)
{
    static const char path[] = "/latest/meta-data/ram/security-credentials/";
    struct service *s = arg;
    const char *uri = evhttp_request_get_uri(http);
    struct evbuffer *in = evhttp_request_get_input_buffer(http);
    const char *token =
        evhttp_find_header(evhttp_request_get_input_headers(http), "X-aliyun-ecs-metadata-token");
    bool token_asked = strcmp(uri, "/latest/api/token") == 0;
    s->tokens += token_asked;
    if (s->down || (token_asked && s->v1)) {
        evhttp_send_reply(http, s->down ? 503 : 404, NULL, NULL);
    } else if (token_asked) {
        assert_int_equal(evhttp_request_get_command(http), EVHTTP_REQ_PUT);
        evbuffer_add_printf(evhttp_request_get_output_buffer(http), "t0ken==\n");
        evhttp_send_reply(http, 200, NULL, NULL);
    } else if (strcmp(uri, path) == 0) {
        s->roles++;
        evbuffer_add_printf(evhttp_request_get_output_buffer(http), "asked-role");
        evhttp_send_reply(http, 200, NULL, NULL);
    } else if (text_starts(uri, path)) {
        assert_int_equal(evhttp_request_get_command(http), EVHTTP_REQ_GET);
        assert_true(s->v1 ? !token : strcmp(token, "t0ken==") == 0);
        s->keys++;
        if (s->hold)
            s->held = http;
        else
            give(s, http, "{\"Code\":\"Success\",", "}");
    } else {
        s->sts++;
        size_t n = evbuffer_get_length(in);
        assert_true(n < sizeof s->form);
        evbuffer_remove(in, s->form, n);
        s->form[n] = '\0';
        give(s, http, "{\"Credentials\":{", "}}");
    }
}

static void service_open(struct service *s, struct event_base *base)
{
    struct sockaddr_in a = {0};
    socklen_t len = sizeof a;
    *s = (struct service){.http = evhttp_new(base), .life_s = 3600};
    evhttp_set_allowed_methods(s->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT);
    evhttp_set_gencb(s->http, on_request, s);
    struct evhttp_bound_socket *socket = evhttp_bind_socket_with_handle(s->http, "127.0.0.1", 0);
    getsockname(evhttp_bound_socket_get_fd(socket), (struct sockaddr *)&a, &len);
    s->port = ntohs(a.sin_port);
}

/* --- the credentials
 * ------------------------------------------------------------------------------- */

struct stage {
    struct event_base *base;
    struct service service;
    struct config config;
    struct app_credentials *all;
    char dir[32], path[64];
    int told;
};

static void on_keys(void *arg)
{
    ((struct stage *)arg)->told++;
}

static void put_file(struct stage *s, const char *name, const char *text)
{
    char next[80];
    snprintf(s->path, sizeof s->path, "%s/%s", s->dir, name);
    snprintf(next, sizeof next, "%s.new", s->path);
    FILE *f = fopen(next, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(rename(next, s->path), 0);
}

static void load(struct stage *s, const char *text, struct config *out)
{
    static char port[96], sts[96];
    char path[64];
    struct err e;
    snprintf(port, sizeof port, "PUSHBRIDGE_ALIYUN_METADATA_ENDPOINT=http://127.0.0.1:%d",
             s->service.port);
    snprintf(sts, sizeof sts, "PUSHBRIDGE_ALIYUN_STS_ENDPOINT=http://localhost:%d",
             s->service.port);
    char *env[] = {port, sts, NULL};
    snprintf(path, sizeof path, "%s/conf", s->dir);
    FILE *f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
    if (!config_load(path, env, out, &e))
        fail_msg("%s", e.text);
}

static void stage_new(struct stage *s)
{
    *s = (struct stage){.base = event_base_new(), .dir = "/tmp/pb-credentials-XXXXXX"};
    assert_non_null(mkdtemp(s->dir));
    service_open(&s->service, s->base);
}

static void stage_open(struct stage *s, const char *text)
{
    load(s, text, &s->config);
    s->all = app_credentials_new(s->base, &s->config, on_keys, s);
}

static void stage_close(struct stage *s)
{
    app_credentials_free(s->all);
    evhttp_free(s->service.http);
    config_free(&s->config);
    event_base_free(s->base);
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", s->dir);
    assert_int_equal(system(command), 0);
}

static const char *key_of(const struct stage *s, size_t app)
{
    struct credentials c;
    unsigned issue;
    return app_credentials_get(s->all, app, &c, &issue) ? c.id : "none";
}

static unsigned issue_of(const struct stage *s, size_t app)
{
    struct credentials c;
    unsigned issue;
    app_credentials_get(s->all, app, &c, &issue);
    return issue;
}

#define APP(name, more) "{ name = \"" name "\"; app_key = \"1\"; " more " }"
#define ECS "aliyun: { credentials = \"ecs\"; };\napps = ( " APP("a", "") " );"

/* --- tests ----------------------------------------------------------------------------------- */

static void plain_keys_need_nothing(void **state)
{
    (void)state;
    struct stage s;
    stage_new(&s);
    stage_open(&s, "aliyun: { access_key_id = \"id\"; access_key_secret = \"s\"; };\napps = ( " APP(
                       "a", "") " );");
    assert_true(app_credentials_ready(s.all, 0));
    assert_string_equal(key_of(&s, 0), "id");
    assert_false(app_credentials_refused(s.all, 0, 0, "InvalidSecurityToken.Expired"));
    app_credentials_accepted(s.all, 0, 0);
    assert_null(app_credentials_trouble(s.all, 0));
    stage_close(&s);
}

static void one_supply_for_one_source(void **state)
{
    (void)state;
    struct stage s;
    stage_new(&s);
    stage_open(
        &s,
        "aliyun: { credentials = \"ecs\"; };\napps = ( " APP("a", "") ", " APP("b", "") ", " APP(
            "c", "ecs_role = \"other\";") ", " APP("d", "access_key_id = \"own\"; "
                                                        "access_key_secret = \"s\";") " );");
    assert_false(app_credentials_ready(s.all, 0));
    assert_string_equal(app_credentials_trouble(s.all, 0), "none have come yet");
    assert_true(app_credentials_ready(s.all, 3));
    pump_until(s.base, app_credentials_ready(s.all, 0) && app_credentials_ready(s.all, 2));
    assert_string_equal(key_of(&s, 0), key_of(&s, 1));
    assert_string_not_equal(key_of(&s, 0), key_of(&s, 2));
    assert_string_equal(key_of(&s, 3), "own");
    assert_int_equal(s.service.keys, 2);
    assert_int_equal(s.service.roles, 1); /* the other one's name is known */
    assert_int_equal(s.service.tokens, 2);
    assert_int_equal(s.told, 2);
    stage_close(&s);
}

static void keys_are_exchanged_before_their_end(void **state)
{
    (void)state;
    struct stage s;
    stage_new(&s);
    s.service.skew_s = -7200; /* whose clock is right does not matter */
    s.service.life_s = 6 * 3600;
    stage_open(&s, ECS);
    pump_until(s.base, app_credentials_ready(s.all, 0));
    assert_string_equal(key_of(&s, 0), "STS.id1");
    boot_shift_ms += 4 * 3600 * 1000;
    int ticks = s.service.keys;
    pump_until(s.base, metrics_get_at(METRIC_CREDENTIALS_EXPIRY, 0, 0) < 2 * 3600 * 1000 + 1);
    assert_int_equal(s.service.keys, ticks); /* two hours are left */
    boot_shift_ms += 3600 * 1000;
    pump_until(s.base, strcmp(key_of(&s, 0), "STS.id2") == 0);
    assert_true(app_credentials_ready(s.all, 0));
    assert_int_equal(s.service.keys, 2);
    stage_close(&s);
}

static void failures_keep_what_is_there(void **state)
{
    (void)state;
    struct stage s;
    stage_new(&s);
    stage_open(&s, ECS);
    pump_until(s.base, app_credentials_ready(s.all, 0));
    s.service.down = true;
    int64_t failed = metrics_get_at(METRIC_CREDENTIALS, metrics_find(SET_FETCH, "failed"), 0);
    boot_shift_ms += 50 * 60 * 1000;
    pump_until(s.base, app_credentials_trouble(s.all, 0));
    assert_non_null(strstr(app_credentials_trouble(s.all, 0), "503"));
    assert_true(app_credentials_ready(s.all, 0));
    assert_string_equal(key_of(&s, 0), "STS.id1");
    int asked = s.service.tokens;
    boot_shift_ms += 1000; /* the first pause */
    pump_until(s.base, s.service.tokens > asked);
    pump_until(s.base, metrics_get_at(METRIC_CREDENTIALS, metrics_find(SET_FETCH, "failed"), 0) ==
                           failed + 2);
    s.service.down = false;
    boot_shift_ms += 60 * 1000;
    pump_until(s.base, !app_credentials_trouble(s.all, 0));
    assert_string_equal(key_of(&s, 0), "STS.id2");
    stage_close(&s);
}

static void refused_keys_are_renewed_once(void **state)
{
    (void)state;
    struct stage s;
    stage_new(&s);
    stage_open(&s, ECS);
    pump_until(s.base, app_credentials_ready(s.all, 0));
    unsigned first = issue_of(&s, 0);
    for (int i = 0; i < 10; i++)
        assert_true(app_credentials_refused(s.all, 0, first, "InvalidSecurityToken.Expired"));
    assert_false(app_credentials_ready(s.all, 0));
    pump_until(s.base, app_credentials_ready(s.all, 0));
    assert_int_equal(s.service.keys, 2);
    unsigned second = issue_of(&s, 0);
    assert_int_not_equal(first, second);
    assert_true(app_credentials_refused(s.all, 0, first, "late"));
    assert_true(app_credentials_ready(s.all, 0)); /* the late answer is about keys that are gone */
    /* new ones that are refused as well are no reason to go round in circles … */
    assert_false(app_credentials_refused(s.all, 0, second, "InvalidSecurityToken.Malformed"));
    assert_true(app_credentials_ready(s.all, 0));
    assert_int_equal(s.service.keys, 2);
    /* … but others are asked for after a while */
    boot_shift_ms += 5000;
    assert_false(app_credentials_refused(s.all, 0, second, "InvalidSecurityToken.Malformed"));
    pump_until(s.base, issue_of(&s, 0) != second);
    unsigned third = issue_of(&s, 0);
    app_credentials_accepted(s.all, 0, third);
    assert_true(app_credentials_refused(s.all, 0, third, "InvalidSecurityToken.Expired"));
    stage_close(&s);
}

static void the_same_keys_again_are_no_others(void **state)
{
    (void)state;
    struct stage s;
    stage_new(&s);
    stage_open(&s, ECS);
    pump_until(s.base, app_credentials_ready(s.all, 0));
    unsigned issue = issue_of(&s, 0);
    s.service.frozen = true;
    assert_true(app_credentials_refused(s.all, 0, issue, "InvalidSecurityToken.Expired"));
    pump_until(s.base, app_credentials_ready(s.all, 0));
    assert_int_equal(issue_of(&s, 0), issue);
    assert_false(app_credentials_refused(s.all, 0, issue, "InvalidSecurityToken.Expired"));
    stage_close(&s);
}

static void the_older_mode_is_tried_where_it_may(void **state)
{
    (void)state;
    struct stage s;
    stage_new(&s);
    s.service.v1 = true;
    stage_open(&s, ECS);
    pump_until(s.base, app_credentials_ready(s.all, 0));
    stage_close(&s);
    stage_new(&s);
    s.service.v1 = true;
    stage_open(&s, "aliyun: { credentials = \"ecs\"; imds_v1_disabled = true; };\napps = ( " APP(
                       "a", "") " );");
    pump_until(s.base, s.told);
    assert_false(app_credentials_ready(s.all, 0));
    assert_string_equal(app_credentials_trouble(s.all, 0), "metadata service, token: status 404");
    assert_int_equal(s.service.keys, 0);
    stage_close(&s);
}

static void oidc_reads_its_file_each_time(void **state)
{
    (void)state;
    struct stage s;
    char text[512];
    stage_new(&s);
    put_file(&s, "oidc", "first\n");
    snprintf(text, sizeof text,
             "aliyun: { role_arn = \"r\"; oidc_provider_arn = \"p\"; oidc_token_file = \"%s\"; "
             "};\napps = ( " APP("a", "") " );",
             s.path);
    stage_open(&s, text);
    pump_until(s.base, app_credentials_ready(s.all, 0));
    assert_non_null(strstr(s.service.form, "OIDCToken=first&"));
    put_file(&s, "oidc", "second");
    boot_shift_ms += 46 * 60 * 1000;
    pump_until(s.base, strcmp(key_of(&s, 0), "STS.id2") == 0);
    assert_non_null(strstr(s.service.form, "OIDCToken=second&"));
    unlink(s.path);
    boot_shift_ms += 46 * 60 * 1000;
    pump_until(s.base, app_credentials_trouble(s.all, 0));
    assert_non_null(strstr(app_credentials_trouble(s.all, 0), "No such file"));
    assert_int_equal(s.service.sts, 2);
    stage_close(&s);
}

static void files_are_watched(void **state)
{
    (void)state;
    struct stage s;
    char text[512];
    stage_new(&s);
    put_file(&s, "credentials",
             "[default]\ntype = access_key\naccess_key_id = one\naccess_key_secret = s\n");
    snprintf(text, sizeof text,
             "aliyun: { credentials_file = \"%s\"; };\napps = ( " APP("a", "") " );", s.path);
    stage_open(&s, text);
    assert_string_equal(key_of(&s, 0), "one");
    unsigned first = issue_of(&s, 0);
    assert_false(app_credentials_refused(s.all, 0, first, "MissingSecurityToken"));
    /* a refusal is a reason to look at once */
    put_file(&s, "credentials",
             "[default]\ntype = access_key\naccess_key_id = two\naccess_key_secret = s\n");
    assert_true(app_credentials_refused(s.all, 0, first, "InvalidSecurityToken.Expired"));
    assert_true(app_credentials_ready(s.all, 0));
    assert_string_equal(key_of(&s, 0), "two");
    assert_false(
        app_credentials_refused(s.all, 0, issue_of(&s, 0), "InvalidSecurityToken.Expired"));
    put_file(&s, "credentials", "[default]\ntype = nonsense\n");
    boot_shift_ms += 2000;
    pump_until(s.base, metrics_get_at(METRIC_CREDENTIALS_EXPIRY, 0, 0) == METRIC_ABSENT);
    boot_shift_ms += 2000;
    pump_until(s.base, app_credentials_trouble(s.all, 0));
    assert_string_equal(key_of(&s, 0), "two");
    put_file(&s, "credentials", "[default]\ntype = ecs_ram_role\n");
    for (int i = 0; i < 3; i++) {
        boot_shift_ms += 2000;
        int64_t until_ms = clock_mono_ms() + 600;
        pump_until(s.base, clock_mono_ms() > until_ms || s.service.keys);
    }
    pump_until(s.base, strcmp(key_of(&s, 0), "STS.id1") == 0);
    stage_close(&s);
}

static void a_reload_keeps_what_stays(void **state)
{
    (void)state;
    struct stage s;
    struct config next;
    stage_new(&s);
    stage_open(&s, "aliyun: { credentials = \"ecs\"; };\napps = ( " APP("a", "") ", " APP(
                       "b", "ecs_role = \"other\";") " );");
    pump_until(s.base, app_credentials_ready(s.all, 0) && app_credentials_ready(s.all, 1));
    struct config was = s.config;
    char *kept = mem_strdup(key_of(&s, 1));
    load(&s,
         "aliyun: { credentials = \"ecs\"; };\napps = ( " APP(
             "b", "ecs_role = \"other\";") ", " APP("c", "ecs_role = \"third\";") " );",
         &next);
    s.service.hold = true;
    app_credentials_set_config(s.all, &next);
    config_free(&was);
    s.config = next;
    assert_true(app_credentials_ready(s.all, 0));
    assert_string_equal(key_of(&s, 0), kept);
    assert_false(app_credentials_ready(s.all, 1));
    pump_until(s.base, s.service.held);
    /* the third is asked for when the next reload comes: its question is put again */
    struct config again;
    was = s.config;
    load(&s,
         "aliyun: { credentials = \"ecs\"; };\napps = ( " APP("c", "ecs_role = \"third\";") " );",
         &again);
    app_credentials_set_config(s.all, &again);
    config_free(&was);
    s.config = again;
    s.service.hold = false;
    give(&s.service, s.service.held, "{\"Code\":\"Success\",", "}");
    pump_until(s.base, app_credentials_ready(s.all, 0));
    assert_int_equal(s.service.keys, 4);
    mem_free(kept);
    stage_close(&s);
}

static void it_ends_with_questions_open(void **state)
{
    (void)state;
    struct stage s;
    stage_new(&s);
    stage_open(&s, ECS);
    stage_close(&s); /* before the first */
    stage_new(&s);
    s.service.hold = true;
    stage_open(&s, ECS);
    pump_until(s.base, s.service.held);
    stage_close(&s);
}

int main(void)
{
    log_threshold = LOG_ERROR;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_keys_need_nothing),
        cmocka_unit_test(one_supply_for_one_source),
        cmocka_unit_test(keys_are_exchanged_before_their_end),
        cmocka_unit_test(failures_keep_what_is_there),
        cmocka_unit_test(refused_keys_are_renewed_once),
        cmocka_unit_test(the_same_keys_again_are_no_others),
        cmocka_unit_test(the_older_mode_is_tried_where_it_may),
        cmocka_unit_test(oidc_reads_its_file_each_time),
        cmocka_unit_test(files_are_watched),
        cmocka_unit_test(a_reload_keeps_what_stays),
        cmocka_unit_test(it_ends_with_questions_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
