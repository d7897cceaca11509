/* SPDX-License-Identifier: MIT
 * How the stand-in is started (options, port, cert) and what it says (answer, refusal). Calls from
 * end to end (request, call, reply, control, provider) are in tests/cli/mock.bats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <jansson.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mock/check/refusal.h"
#include "mock/options.h"
#include "mock/wire/answer.h"
#include "mock/wire/cert.h"
#include "mock/wire/port.h"

enum { WORDS_MAX = 64 };

/* --- options --------------------------------------------------------------------------------- */

static enum options_verdict parse(const char *const *words, struct options *o)
{
    static char store[WORDS_MAX][128];
    char *argv[WORDS_MAX + 1];
    int n = 0;
    snprintf(store[n++], sizeof store[0], "mock");
    for (; *words; words++)
        snprintf(store[n++], sizeof store[0], "%s", *words);
    for (int i = 0; i < n; i++)
        argv[i] = store[i];
    argv[n] = NULL;
    return options_parse(o, n, argv);
}

static void test_defaults(void **state)
{
    (void)state;
    struct options o;
    const char *const none[] = {NULL};
    assert_int_equal(parse(none, &o), OPTIONS_RUN);
    assert_string_equal(o.listen_host, "127.0.0.1");
    assert_int_equal(o.listen_port, 8443);
    assert_int_equal(o.control_port, 8444);
    assert_null(o.tls_dir);
    assert_int_equal(o.window_s, 900);
    assert_int_equal(o.rules.accounts_max, 1000);
    assert_int_equal(o.changed, CHANGED_REPLAY);
    assert_false(o.no_verify);
    assert_false(o.token_per_account || o.rules.refuse_past_times || o.quiet);
}

static void test_all_options(void **state)
{
    (void)state;
    struct options o;
    const char *const words[] = {"--listen",
                                 "[::1]:0",
                                 "--control",
                                 ":7",
                                 "--tls",
                                 "dir",
                                 "--tls-name",
                                 "mock",
                                 "--tls-name",
                                 "::2",
                                 "--ready-file",
                                 "r",
                                 "--access-key",
                                 "a:b",
                                 "--app-key",
                                 "1",
                                 "--app-key",
                                 "2",
                                 "--token-changed",
                                 "refuse",
                                 "--token-window-s",
                                 "60",
                                 "--token-scope",
                                 "account",
                                 "--past-push-time",
                                 "refuse",
                                 "--accounts-max",
                                 "100",
                                 "--url-max",
                                 "8000",
                                 "--clock-skew-s",
                                 "-3600",
                                 "--rate",
                                 "5",
                                 "--world",
                                 "w.json",
                                 "--certificate",
                                 "REVOKED",
                                 "--deliver",
                                 "due",
                                 "--rate-kind",
                                 "bucket",
                                 "--rate-hints",
                                 "off",
                                 "--mass-rate",
                                 "500",
                                 "--mass-ids",
                                 "short",
                                 "--record",
                                 "9",
                                 "--no-verify",
                                 "--quiet",
                                 NULL};
    assert_int_equal(parse(words, &o), OPTIONS_RUN);
    assert_string_equal(o.listen_host, "::1");
    assert_int_equal(o.listen_port, 0);
    assert_string_equal(o.control_host, "0.0.0.0");
    assert_int_equal(o.control_port, 7);
    assert_string_equal(o.tls_dir, "dir");
    assert_int_equal(o.tls_name_count, 2);
    assert_string_equal(o.ready_file, "r");
    assert_int_equal(o.access_key_count, 1);
    assert_int_equal(o.rules.app_key_count, 2);
    assert_int_equal(o.changed, CHANGED_REFUSE);
    assert_int_equal(o.window_s, 60);
    assert_true(o.token_per_account && o.rules.refuse_past_times && o.quiet);
    assert_true(o.no_verify);
    assert_int_equal(o.rules.accounts_max, 100);
    assert_int_equal(o.url_max, 8000);
    assert_int_equal(o.clock_skew_s, -3600);
    assert_int_equal(o.rate_per_s, 5);
    assert_int_equal(o.mass_rate_per_s, 500);
    assert_int_equal(o.rate_kind, RATE_BUCKET);
    assert_true(o.no_rate_hints);
    assert_string_equal(o.world, "w.json");
    assert_true(o.deliver_when_due);
    assert_string_equal(o.certificate, "REVOKED");
    assert_int_equal(o.mass_ids, MASS_IDS_SHORT);
    assert_int_equal(o.record_calls, 9);
}

static void test_usage_errors(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"--nonsense"},
        {"--listen"},
        {"surplus"},
        {"--listen", "nowhere"},
        {"--listen", "host:65536"},
        {"--tls-name", "a,b"},
        {"--tls-name", "a=b"},
        {"--app-key", ""},
        {"--token-changed", "perhaps"},
        {"--token-window-s", "86401"},
        {"--token-scope", "galaxy"},
        {"--past-push-time", "yes"},
        {"--accounts-max", "0"},
        {"--url-max", "255"},
        {"--rate", "0"},
        {"--mass-rate", "0"},
        {"--rate-kind", "hour"},
        {"--rate-hints", "perhaps"},
        {"--world", ""},
        {"--deliver", "never"},
        {"--certificate", "FINE"},
        {"--mass-ids", "some"},
        {"--rate", "1.5"},
        {"--record", "0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct options o;
        if (parse(rows[i], &o) != OPTIONS_EXIT_USAGE)
            fail_msg("%s %s is accepted", rows[i][0], rows[i][1] ? rows[i][1] : "");
    }
}

static void test_lists_are_bounded(void **state)
{
    (void)state;
    struct options o;
    const char *words[WORDS_MAX];
    size_t n = 0;
    for (; n < OPTIONS_NAMES_MAX; n++)
        words[n] = "--access-key=a:b";
    words[n] = NULL;
    assert_int_equal(parse(words, &o), OPTIONS_RUN);
    words[n++] = "--access-key=a:b";
    words[n] = NULL;
    assert_int_equal(parse(words, &o), OPTIONS_EXIT_USAGE);
}

static void test_ports(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host; /* NULL: refused */
        int port;
    } rows[] = {
        {"127.0.0.1:80", "127.0.0.1", 80},
        {"[::1]:0", "::1", 0},
        {":65535", "0.0.0.0", 65535},
        {"h:", NULL, 0},
        {"80", NULL, 0},
        {"h:-1", NULL, 0},
        {"h:65536", NULL, 0},
        {"averylonghostname:1", NULL, 0}, /* than the room for it */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char host[16];
        int port = -1;
        assert_int_equal(port_parse(rows[i].text, host, sizeof host, &port), rows[i].host != NULL);
        if (rows[i].host) {
            assert_string_equal(host, rows[i].host);
            assert_int_equal(port, rows[i].port);
        }
    }
}

/* --- certificates ---------------------------------------------------------------------------- */

static char dir[64], tls_dir[80];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/pushbridge-tls-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(tls_dir, sizeof tls_dir, "%s/tls", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    char path[400];
    DIR *d = opendir(tls_dir);
    for (const struct dirent *entry; d && (entry = readdir(d));) {
        snprintf(path, sizeof path, "%s/%s", tls_dir, entry->d_name);
        unlink(path);
    }
    if (d)
        closedir(d);
    rmdir(tls_dir);
    return rmdir(dir);
}

static X509 *read_cert(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", tls_dir, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    X509 *cert = PEM_read_X509(f, NULL, NULL, NULL);
    fclose(f);
    assert_non_null(cert);
    return cert;
}

static SSL_CTX *context(const char *const *names, int count)
{
    struct err e = {""};
    SSL_CTX *ctx = cert_server_context(tls_dir, names, count, &e);
    if (!ctx)
        fail_msg("%s", e.text);
    return ctx;
}

static void test_certificate(void **state)
{
    (void)state;
    static const char *const names[] = {"mock.example", "10.1.2.3"};
    SSL_CTX_free(context(names, 2));
    X509 *ca = read_cert("ca.pem"), *cert = read_cert("server.pem");
    EVP_PKEY *ca_key = X509_get_pubkey(ca);
    assert_int_equal(X509_verify(cert, ca_key), 1);
    assert_int_equal(X509_check_ca(ca), 1);
    assert_int_equal(X509_check_ca(cert), 0);
    assert_int_equal(X509_check_host(cert, "localhost", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(cert, "mock.example", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(cert, "other.example", 0, 0, NULL), 0);
    assert_int_equal(X509_check_ip_asc(cert, "127.0.0.1", 0), 1);
    assert_int_equal(X509_check_ip_asc(cert, "::1", 0), 1);
    assert_int_equal(X509_check_ip_asc(cert, "10.1.2.3", 0), 1);
    assert_int_equal(X509_check_ip_asc(cert, "10.1.2.4", 0), 0);
    struct stat st;
    char path[128];
    snprintf(path, sizeof path, "%s/server-key.pem", tls_dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    EVP_PKEY_free(ca_key);
    X509_free(cert);

    SSL_CTX_free(context(NULL, 0)); /* those that are there are used again */
    cert = read_cert("ca.pem");
    assert_int_equal(X509_cmp(ca, cert), 0);
    X509_free(cert);
    unlink(path); /* one is missing: all are made anew */
    SSL_CTX_free(context(NULL, 0));
    cert = read_cert("ca.pem");
    assert_int_not_equal(X509_cmp(ca, cert), 0);
    X509_free(cert);
    X509_free(ca);
}

static void spoil(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", tls_dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("nonsense\n", f);
    fclose(f);
}

static void test_certificate_failures(void **state)
{
    (void)state;
    struct err e = {""};
    assert_null(cert_server_context("/proc/nowhere", NULL, 0, &e));
    assert_true(e.text[0] != '\0');
    SSL_CTX_free(context(NULL, 0));
    spoil("ca.pem"); /* is no certificate: all are made anew */
    SSL_CTX_free(context(NULL, 0));
    spoil("server-key.pem");
    e.text[0] = '\0';
    assert_null(cert_server_context(tls_dir, NULL, 0, &e));
    assert_non_null(strstr(e.text, "server.pem: "));
}

/* --- answers --------------------------------------------------------------------------------- */

static void test_answers(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, ANSWER_MAX);
    answer_success(&b, true, "BindTag", "R-1", NULL);
    assert_string_equal(buf_text(&b), "{\"RequestId\":\"R-1\"}");
    json_t *members = json_pack("{s:s, s:{s:[{s:b, s:i}, s]}}", "Id", "7", "Infos", "Info", "On", 1,
                                "N", 5, "<&>");
    buf_reset(&b);
    answer_success(&b, true, "Push", "R-1", members);
    assert_string_equal(buf_text(&b), "{\"RequestId\":\"R-1\",\"Id\":\"7\",\"Infos\":{\"Info\":"
                                      "[{\"On\":true,\"N\":5},\"<&>\"]}}");
    buf_reset(&b);
    answer_success(&b, false, "Push", "R-1", members);
    assert_string_equal(buf_text(&b),
                        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><PushResponse>"
                        "<RequestId>R-1</RequestId><Id>7</Id><Infos><Info><On>true</On><N>5</N>"
                        "</Info><Info>&lt;&amp;&gt;</Info></Infos></PushResponse>");
    json_decref(members);
    buf_reset(&b);
    answer_error(&b, true, "R-1", "Code.X", "say \"no\"\nfor <a> & b");
    json_t *o = json_loads(buf_text(&b), JSON_REJECT_DUPLICATES, NULL);
    assert_string_equal(json_string_value(json_object_get(o, "Code")), "Code.X");
    assert_string_equal(json_string_value(json_object_get(o, "Message")),
                        "say \"no\"\nfor <a> & b");
    json_decref(o);
    buf_reset(&b);
    answer_error(&b, false, "R-1", "Code.X", "a\nfor <a> & b");
    assert_non_null(strstr(buf_text(&b), "<Message>a&#10;for &lt;a&gt; &amp; b</Message>"));
    buf_free(&b);
}

static void test_request_ids(void **state)
{
    (void)state;
    char a[ANSWER_ID_SIZE], b[ANSWER_ID_SIZE];
    answer_new_request_id(a);
    answer_new_request_id(b);
    assert_int_equal(strlen(a), 36);
    assert_int_equal(a[14], '4');
    assert_string_not_equal(a, b);
    assert_int_equal(strspn(a, "0123456789ABCDEF-"), 36);
}

static void test_refusals(void **state)
{
    (void)state;
    struct refusal r = {0};
    char longer[8192];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_false(refusal_named(&r, "Invalid", "Title", ".Empty", "It is empty."));
    assert_int_equal(r.status, 400);
    assert_string_equal(r.code, "InvalidTitle.Empty");
    assert_string_equal(r.text, "It is empty.");
    assert_false(refusal_set(&r, 404, longer, "%s", longer));
    assert_int_equal(strlen(r.code), sizeof r.code - 1);
    assert_int_equal(strlen(r.text), sizeof r.text - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_all_options),
        cmocka_unit_test(test_usage_errors),
        cmocka_unit_test(test_lists_are_bounded),
        cmocka_unit_test(test_ports),
        cmocka_unit_test_setup_teardown(test_certificate, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_certificate_failures, make_dir, remove_dir),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_request_ids),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("mock options", tests, NULL, NULL);
}
