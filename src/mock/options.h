/* SPDX-License-Identifier: MIT
 * The command line of pushbridge-mock. */
#ifndef PB_MOCK_OPTIONS_H
#define PB_MOCK_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "host/args.h"
#include "mock/check/mass.h"
#include "mock/check/push.h"
#include "mock/world/handout.h"
#include "mock/world/rate.h"
#include "mock/world/replay.h"

enum { OPTIONS_NAMES_MAX = 32, OPTIONS_HOST_SIZE = 256 };

struct options {
    struct args given;
    char listen_host[OPTIONS_HOST_SIZE], control_host[OPTIONS_HOST_SIZE];
    int listen_port, control_port;
    const char *tls_dir, *ready_file, *world; /* NULL: none */
    const char *certificate;
    const char *tls_names[OPTIONS_NAMES_MAX];
    const char *access_keys[OPTIONS_NAMES_MAX];
    int tls_name_count, access_key_count;
    struct push_rules rules;
    struct handout handout;
    enum replay_changed changed;
    enum mass_ids mass_ids;
    int64_t window_s, rate_per_s, mass_rate_per_s, record_calls, url_max, clock_skew_s;
    enum rate_kind rate_kind;
    int deliver_when_due, no_rate_hints, token_per_account; /* 0: no, 1: yes */
    bool no_verify, quiet, version;
};

enum options_verdict { OPTIONS_RUN, OPTIONS_EXIT_OK, OPTIONS_EXIT_USAGE };

/* Help and version are printed here; so is what is wrong. Texts are borrowed of argv. */
enum options_verdict options_parse(struct options *o, int argc, char **argv);

#endif
