/* SPDX-License-Identifier: MIT */
#include "mock/options.h"

#include <stdio.h>
#include <string.h>

#include "mock/wire/port.h"
#include "mock/wire/request.h"
#include "mock/world/record.h"

#ifndef PB_VERSION
#define PB_VERSION "unknown"
#endif
#ifndef PB_COMMIT
#define PB_COMMIT "unknown"
#endif

enum { HELP_MAX = 16 * 1024, SKEW_MAX_S = 86400 * 3650 };

/* --- values ---------------------------------------------------------------------------------- */

static bool read_listen_address(char *host, int *port, const char *text, struct err *e)
{
    return port_parse(text, host, OPTIONS_HOST_SIZE, port) ||
           err_set(e, "\"%.64s\" is not HOST:PORT", text);
}

static bool read_listen(void *args, const struct args_option *row, const char *text, struct err *e)
{
    struct options *o = args;
    (void)row;
    return read_listen_address(o->listen_host, &o->listen_port, text, e);
}

static bool read_control(void *args, const struct args_option *row, const char *text, struct err *e)
{
    struct options *o = args;
    (void)row;
    return read_listen_address(o->control_host, &o->control_port, text, e);
}

static bool add_tls_name(const char **list, int *count, int max, const char *text, struct err *e)
{
    if (!*text)
        return err_set(e, "must not be empty");
    if (*count == max)
        return err_set(e, "%d at most", max);
    list[(*count)++] = text;
    return true;
}

/* A host's name, or an IPv6 address. */
static bool read_tls_name(void *args, const struct args_option *row, const char *text,
                          struct err *e)
{
    struct options *o = args;
    (void)row;
    if (strpbrk(text, ",:= \n") && !strchr(text, ':'))
        return err_set(e, "\"%.64s\" is no name of a host", text);
    return add_tls_name(o->tls_names, &o->tls_name_count, OPTIONS_NAMES_MAX, text, e);
}

static bool read_access_key(void *args, const struct args_option *row, const char *text,
                            struct err *e)
{
    struct options *o = args;
    (void)row;
    return add_tls_name(o->access_keys, &o->access_key_count, OPTIONS_NAMES_MAX, text, e);
}

static bool read_app_key(void *args, const struct args_option *row, const char *text, struct err *e)
{
    struct push_rules *rules = &((struct options *)args)->rules;
    (void)row;
    return add_tls_name(rules->app_keys, &rules->app_key_count, PUSH_APP_KEYS_MAX, text, e);
}

static bool read_certificate(void *args, const struct args_option *row, const char *text,
                             struct err *e)
{
    static const char *const known[] = {"OK", "EXPIRED", "NOT_CONFIGURED", "NO_PASSWORD",
                                        "REVOKED"};
    (void)row;
    ((struct options *)args)->certificate = text;
    for (size_t i = 0; i < ARGS_N(known); i++)
        if (strcmp(text, known[i]) == 0)
            return true;
    return err_set(e, "\"%.64s\" is no status, see --help", text);
}

/* row->own: the setting as the control port calls it. */
static bool read_handout(void *args, const struct args_option *row, const char *text, struct err *e)
{
    return handout_set(&((struct options *)args)->handout, row->own, text) ||
           err_set(e, "\"%.64s\" is not %s", text, row->argument);
}

/* --- the table ------------------------------------------------------------------------------- */

static void begin_options(void *args)
{
    struct options *o = args;
    o->listen_port = 8443;
    o->control_port = 8444;
    snprintf(o->listen_host, sizeof o->listen_host, "127.0.0.1");
    snprintf(o->control_host, sizeof o->control_host, "127.0.0.1");
    o->window_s = 900;
    o->record_calls = RECORD_CALLS;
    o->url_max = 16384;
    o->certificate = "OK";
    o->rules.accounts_max = 1000;
    handout_init(&o->handout);
}

static const struct args_option rows[] = {
    {ARGS_IS_OWN("listen", "HOST:PORT", read_listen, NULL,
                 "provider's address (127.0.0.1:8443; port 0: any free one)")},
    {ARGS_IS_OWN("control", "HOST:PORT", read_control, NULL,
                 "control port, plain HTTP (127.0.0.1:8444; port 0: any free one)")},
    {ARGS_IS_TEXT("tls", "DIR", struct options, tls_dir,
                  "serve HTTPS; makes ca.pem and a server certificate in DIR")},
    {ARGS_IS_OWN("tls-name", "NAME", read_tls_name, NULL,
                 "one more name or address in that certificate"),
     .many = true},
    {ARGS_IS_TEXT("ready-file", "FILE", struct options, ready_file,
                  "written once listening: listen=PORT control=PORT")},
    {ARGS_IS_OWN("access-key", "ID:SECRET[:TOKEN]", read_access_key, NULL,
                 "known key (mock-id:mock-secret)"),
     .many = true},
    {ARGS_IS_OWN("app-key", "KEY", read_app_key, NULL, "known AppKey (any)"), .many = true},
    {ARGS_IS_FLAG("no-verify", struct options, no_verify,
                  "let everybody in: no key, time, signature or nonce check")},
    {ARGS_IS_OWN("imds", "hardened|any|v1|off", read_handout, "imds",
                 "ECS metadata service, on the control port (hardened)")},
    {ARGS_IS_OWN("role", "NAME", read_handout, "role", "role of its instance (push-role)")},
    {ARGS_IS_OWN("key-life-s", "N", read_handout, "life_s",
                 "life of keys that it and STS hand out (3600)")},
    {ARGS_IS_OWN("oidc-token", "TOKEN", read_handout, "oidc_token",
                 "the only one that AssumeRoleWithOIDC takes (any)")},
    {ARGS_IS_NUMBER("rate", "N", struct options, rate_per_s, 1, INT64_MAX,
                    "calls a second, beyond that Throttling.User")},
    {ARGS_IS_NUMBER("mass-rate", "N", struct options, mass_rate_per_s, 1, INT64_MAX,
                    "calls of MassPush a second (the provider's: 500), then Throttling.Api")},
    {ARGS_IS_CHOICE("rate-kind", "second|minute|bucket", struct options, rate_kind,
                    "how they are counted (second: of the clock)")},
    {ARGS_IS_CHOICE("rate-hints", "on|off", struct options, no_rate_hints,
                    "whether a throttled call is told how long to wait (on)")},
    {ARGS_IS_NUMBER("record", "N", struct options, record_calls, 1, 10000000,
                    "calls remembered (100000)")},
    {ARGS_IS_TEXT("world", "FILE", struct options, world,
                  "devices, accounts, aliases and tags, as JSON"),
     .min = 1},
    {ARGS_IS_CHOICE("deliver", "accepted|due", struct options, deliver_when_due,
                    "when a push with a PushTime is in the inboxes: at once (accepted), or then")},
    {ARGS_IS_OWN("certificate", "STATUS", read_certificate, NULL,
                 "what CheckCertificate says: OK, EXPIRED, NOT_CONFIGURED, NO_PASSWORD, REVOKED "
                 "(OK)")},
    {ARGS_IS_FLAG("quiet", struct options, quiet, "print errors only")},
    {ARGS_IS_FLAG("version", struct options, version, "print the version")},
    {ARGS_TITLE("Readings where no source says how the provider behaves (docs/mock.md):")},
    {ARGS_IS_CHOICE("token-changed", "replay|refuse|push", struct options, changed,
                    "same token, other content (replay)")},
    {ARGS_IS_NUMBER("token-window-s", "N", struct options, window_s, 0, 86400,
                    "how long a token is remembered (900)")},
    {ARGS_IS_CHOICE("token-scope", "app|account", struct options, token_per_account,
                    "where a token is unique (app)")},
    {ARGS_IS_CHOICE("past-push-time", "accept|refuse", struct options, rules.refuse_past_times,
                    "a PushTime that has passed (accept)")},
    {ARGS_IS_NUMBER("accounts-max", "N", struct options, rules.accounts_max, 1, 100000,
                    "ACCOUNT ids in one call (1000; formerly 100)")},
    {ARGS_IS_CHOICE("mass-ids", "all|reversed|short|extra|empty|array", struct options, mass_ids,
                    "a MassPush's MessageIds (all)")},
    {ARGS_IS_NUMBER("url-max", "N", struct options, url_max, 256, REQUEST_HEADERS_MAX,
                    "bytes of a URL, beyond that status 414 (16384)")},
    {ARGS_IS_NUMBER("clock-skew-s", "N", struct options, clock_skew_s, -SKEW_MAX_S, SKEW_MAX_S,
                    "the provider's clock against this machine's (0)")},
};
static const struct args_command mock_args = {
    .name = "pushbridge-mock",
    .about = "Stands in for the Aliyun Mobile Push OpenAPI: checks calls, records pushes, injects "
             "faults.",
    ARGS_NO_VERB("[OPTION…]", "", 0, 0),
    ARGS_OPTIONS(rows),
    .size = sizeof(struct options),
    .begin = begin_options,
};

static void print_help(void)
{
    struct buf text;
    buf_init(&text, HELP_MAX);
    args_help(&mock_args, mock_args.name, &text);
    fputs(buf_text(&text), stdout);
    buf_free(&text);
}

enum options_verdict options_parse(struct options *o, int argc, char **argv)
{
    struct err e;
    switch (args_parse(&mock_args, argc, argv, o, &e)) {
    case ARGS_HELP:
        print_help();
        return OPTIONS_EXIT_OK;
    case ARGS_WRONG:
        fprintf(stderr, "%s: %s (see %s --help)\n", mock_args.name, e.text, mock_args.name);
        return OPTIONS_EXIT_USAGE;
    case ARGS_RUN:
        break;
    }
    if (!o->version)
        return OPTIONS_RUN;
    puts("pushbridge-mock " PB_VERSION " (" PB_COMMIT ")");
    return OPTIONS_EXIT_OK;
}
