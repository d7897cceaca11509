/* SPDX-License-Identifier: MIT */
#include "mock/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "mock/wire/port.h"
#include "mock/wire/request.h"
#include "mock/world/record.h"

#ifndef PB_VERSION
#define PB_VERSION "unknown"
#endif
#ifndef PB_COMMIT
#define PB_COMMIT "unknown"
#endif

enum option_id {
    OPT_LISTEN = 256,
    OPT_CONTROL,
    OPT_TLS,
    OPT_TLS_NAME,
    OPT_READY_FILE,
    OPT_ACCESS_KEY,
    OPT_APP_KEY,
    OPT_TOKEN_CHANGED,
    OPT_TOKEN_WINDOW,
    OPT_TOKEN_SCOPE,
    OPT_PAST_PUSH_TIME,
    OPT_ACCOUNTS_MAX,
    OPT_URL_MAX,
    OPT_CLOCK_SKEW,
    OPT_NO_VERIFY,
    OPT_IMDS,
    OPT_ROLE,
    OPT_KEY_LIFE,
    OPT_OIDC_TOKEN,
    OPT_RATE,
    OPT_MASS_RATE,
    OPT_RATE_KIND,
    OPT_RATE_HINTS,
    OPT_MASS_IDS,
    OPT_RECORD,
    OPT_WORLD,
    OPT_CERTIFICATE,
    OPT_DELIVER,
    OPT_QUIET,
    OPT_HELP,
    OPT_VERSION
};

static const struct option long_options[] = {
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"control", required_argument, NULL, OPT_CONTROL},
    {"tls", required_argument, NULL, OPT_TLS},
    {"tls-name", required_argument, NULL, OPT_TLS_NAME},
    {"ready-file", required_argument, NULL, OPT_READY_FILE},
    {"access-key", required_argument, NULL, OPT_ACCESS_KEY},
    {"app-key", required_argument, NULL, OPT_APP_KEY},
    {"token-changed", required_argument, NULL, OPT_TOKEN_CHANGED},
    {"token-window-s", required_argument, NULL, OPT_TOKEN_WINDOW},
    {"token-scope", required_argument, NULL, OPT_TOKEN_SCOPE},
    {"past-push-time", required_argument, NULL, OPT_PAST_PUSH_TIME},
    {"accounts-max", required_argument, NULL, OPT_ACCOUNTS_MAX},
    {"url-max", required_argument, NULL, OPT_URL_MAX},
    {"clock-skew-s", required_argument, NULL, OPT_CLOCK_SKEW},
    {"no-verify", no_argument, NULL, OPT_NO_VERIFY},
    {"imds", required_argument, NULL, OPT_IMDS},
    {"role", required_argument, NULL, OPT_ROLE},
    {"key-life-s", required_argument, NULL, OPT_KEY_LIFE},
    {"oidc-token", required_argument, NULL, OPT_OIDC_TOKEN},
    {"rate", required_argument, NULL, OPT_RATE},
    {"mass-rate", required_argument, NULL, OPT_MASS_RATE},
    {"rate-kind", required_argument, NULL, OPT_RATE_KIND},
    {"rate-hints", required_argument, NULL, OPT_RATE_HINTS},
    {"mass-ids", required_argument, NULL, OPT_MASS_IDS},
    {"record", required_argument, NULL, OPT_RECORD},
    {"world", required_argument, NULL, OPT_WORLD},
    {"certificate", required_argument, NULL, OPT_CERTIFICATE},
    {"deliver", required_argument, NULL, OPT_DELIVER},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {0}};

static const char help_text[] =
    "Usage: pushbridge-mock [OPTION…]\n"
    "Stands in for the Aliyun Mobile Push OpenAPI: checks calls, records pushes, injects faults.\n"
    "\n"
    "  --listen HOST:PORT      provider's address (127.0.0.1:8443; port 0: any free one)\n"
    "  --control HOST:PORT     control port, plain HTTP (127.0.0.1:8444; port 0: any free one)\n"
    "  --tls DIR               serve HTTPS; makes ca.pem and a server certificate in DIR\n"
    "  --tls-name NAME         one more name or address in that certificate (repeatable)\n"
    "  --ready-file FILE       written once listening: listen=PORT control=PORT\n"
    "  --access-key ID:SECRET[:TOKEN]  known key (repeatable; mock-id:mock-secret)\n"
    "  --app-key KEY           known AppKey (repeatable; any)\n"
    "  --no-verify             let everybody in: no key, time, signature or nonce check\n"
    "  --imds hardened|any|v1|off  ECS metadata service, on the control port (hardened)\n"
    "  --role NAME             role of its instance (push-role)\n"
    "  --key-life-s N          life of keys that it and STS hand out (3600)\n"
    "  --oidc-token TOKEN      the only one that AssumeRoleWithOIDC takes (any)\n"
    "  --rate N                calls a second, beyond that Throttling.User\n"
    "  --mass-rate N           calls of MassPush a second (the provider's: 500), then "
    "Throttling.Api\n"
    "  --rate-kind second|minute|bucket  how they are counted (second: of the clock)\n"
    "  --rate-hints on|off     whether a throttled call is told how long to wait (on)\n"
    "  --record N              calls remembered (100000)\n"
    "  --world FILE            devices, accounts, aliases and tags, as JSON\n"
    "  --deliver accepted|due  a push with a PushTime is in the inboxes at once (accepted)\n"
    "  --certificate STATUS    what CheckCertificate says: OK, EXPIRED, NOT_CONFIGURED,\n"
    "                          NO_PASSWORD, REVOKED (OK)\n"
    "  --quiet                 print errors only\n"
    "  --help, --version\n"
    "\n"
    "Readings where no source says how the provider behaves (docs/mock.md):\n"
    "  --token-changed replay|refuse|push   same token, other content (replay)\n"
    "  --token-window-s N      how long a token is remembered (900)\n"
    "  --token-scope app|account            where a token is unique (app)\n"
    "  --past-push-time accept|refuse       a PushTime that has passed (accept)\n"
    "  --accounts-max N        ACCOUNT ids in one call (1000; formerly 100)\n"
    "  --mass-ids all|reversed|short|extra|empty|array   a MassPush's MessageIds (all)\n"
    "  --url-max N             bytes of a URL, beyond that status 414 (16384)\n"
    "  --clock-skew-s N        the provider's clock against this machine's (0)\n";

static bool set_number(int64_t *out, int64_t min, int64_t max, const char *text)
{
    return text_int(text, min, max, out);
}

static bool set_flag(bool *out, const char *text, const char *no, const char *yes)
{
    *out = strcmp(text, yes) == 0;
    return *out || strcmp(text, no) == 0;
}

static bool set_certificate(struct options *o, const char *text)
{
    static const char *const known[] = {"OK", "EXPIRED", "NOT_CONFIGURED", "NO_PASSWORD",
                                        "REVOKED"};
    o->certificate = text;
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (strcmp(text, known[i]) == 0)
            return true;
    return false;
}

static bool add_text(const char **list, int *count, int max, const char *text)
{
    if (*count == max || !*text)
        return false;
    list[(*count)++] = text;
    return true;
}

/* A host's name, or an IPv6 address. */
static bool add_tls_name(struct options *o, const char *name)
{
    if (strpbrk(name, ",:= \n") && !strchr(name, ':'))
        return false;
    return add_text(o->tls_names, &o->tls_name_count, OPTIONS_NAMES_MAX, name);
}

/* What is remembered of IdempotentTokens. */
static bool set_tokens(struct options *o, int option, const char *arg)
{
    switch (option) {
    case OPT_TOKEN_CHANGED:
        return replay_parse_changed(arg, &o->changed);
    case OPT_TOKEN_WINDOW:
        return set_number(&o->window_s, 0, 86400, arg);
    default:
        return set_flag(&o->token_per_account, arg, "app", "account");
    }
}

static bool set_quota(struct options *o, int option, const char *arg)
{
    switch (option) {
    case OPT_RATE:
        return set_number(&o->rate_per_s, 1, INT64_MAX, arg);
    case OPT_MASS_RATE:
        return set_number(&o->mass_rate_per_s, 1, INT64_MAX, arg);
    case OPT_RATE_KIND:
        return rate_parse_kind(arg, &o->rate_kind);
    default:
        return set_flag(&o->no_rate_hints, arg, "on", "off");
    }
}

/* As the control port calls it. */
static const char *handout_name(int option)
{
    switch (option) {
    case OPT_IMDS:
        return "imds";
    case OPT_ROLE:
        return "role";
    case OPT_KEY_LIFE:
        return "life_s";
    default:
        return "oidc_token";
    }
}

static bool set_option(struct options *o, int option, const char *arg)
{
    switch (option) {
    case OPT_LISTEN:
        return port_parse(arg, o->listen_host, sizeof(o->listen_host), &o->listen_port);
    case OPT_CONTROL:
        return port_parse(arg, o->control_host, sizeof(o->control_host), &o->control_port);
    case OPT_TLS:
        o->tls_dir = arg;
        return true;
    case OPT_TLS_NAME:
        return add_tls_name(o, arg);
    case OPT_READY_FILE:
        o->ready_file = arg;
        return true;
    case OPT_ACCESS_KEY:
        return add_text(o->access_keys, &o->access_key_count, OPTIONS_NAMES_MAX, arg);
    case OPT_APP_KEY:
        return add_text(o->rules.app_keys, &o->rules.app_key_count, PUSH_APP_KEYS_MAX, arg);
    case OPT_TOKEN_CHANGED:
    case OPT_TOKEN_WINDOW:
    case OPT_TOKEN_SCOPE:
        return set_tokens(o, option, arg);
    case OPT_PAST_PUSH_TIME:
        return set_flag(&o->rules.refuse_past_times, arg, "accept", "refuse");
    case OPT_ACCOUNTS_MAX:
        return set_number(&o->rules.accounts_max, 1, 100000, arg);
    case OPT_URL_MAX:
        return set_number(&o->url_max, 256, REQUEST_HEADERS_MAX, arg);
    case OPT_CLOCK_SKEW:
        return set_number(&o->clock_skew_s, -86400 * 3650LL, 86400 * 3650LL, arg);
    case OPT_RATE:
    case OPT_MASS_RATE:
    case OPT_RATE_KIND:
    case OPT_RATE_HINTS:
        return set_quota(o, option, arg);
    case OPT_MASS_IDS:
        return mass_parse_ids(arg, &o->mass_ids);
    case OPT_WORLD:
        o->world = arg;
        return *arg != '\0';
    case OPT_CERTIFICATE:
        return set_certificate(o, arg);
    case OPT_DELIVER:
        return set_flag(&o->deliver_when_due, arg, "accepted", "due");
    case OPT_RECORD:
        return set_number(&o->record_calls, 1, 10000000, arg);
    case OPT_IMDS:
    case OPT_ROLE:
    case OPT_KEY_LIFE:
    case OPT_OIDC_TOKEN:
        return handout_set(&o->handout, handout_name(option), arg);
    case OPT_NO_VERIFY:
        o->verify = false;
        return true;
    default:
        o->quiet = true;
        return true;
    }
}

static void set_defaults(struct options *o)
{
    *o = (struct options){.listen_port = 8443,
                          .control_port = 8444,
                          .listen_host = "127.0.0.1",
                          .control_host = "127.0.0.1",
                          .window_s = 900,
                          .record_calls = RECORD_CALLS,
                          .url_max = 16384,
                          .certificate = "OK",
                          .verify = true,
                          .rules = {.accounts_max = 1000}};
    handout_init(&o->handout);
}

enum options_verdict options_parse(struct options *o, int argc, char **argv)
{
    int option, index = 0;
    set_defaults(o);
    while ((option = getopt_long(argc, argv, "", long_options, &index)) != -1) {
        if (option == OPT_HELP) {
            fputs(help_text, stdout);
            return OPTIONS_EXIT_OK;
        }
        if (option == OPT_VERSION) {
            puts("pushbridge-mock " PB_VERSION " (" PB_COMMIT ")");
            return OPTIONS_EXIT_OK;
        }
        if (option == '?')
            return OPTIONS_EXIT_USAGE;
        if (!set_option(o, option, optarg)) {
            fprintf(stderr, "pushbridge-mock: --%s: malformed, out of range or too many\n",
                    long_options[index].name);
            return OPTIONS_EXIT_USAGE;
        }
    }
    if (optind == argc)
        return OPTIONS_RUN;
    fprintf(stderr, "pushbridge-mock: no arguments are expected, see --help\n");
    return OPTIONS_EXIT_USAGE;
}
