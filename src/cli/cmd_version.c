/* SPDX-License-Identifier: MIT
 * pushbridge version: what this is and what it was linked with. */
#include <curl/curl.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <jansson.h>
#include <openssl/crypto.h>

#include "cli/cli.h"

static int print_version(void *args, struct config *config)
{
    (void)args;
    (void)config;
    cli_line(stdout, "pushbridge %s (%s)", cli_version, cli_commit);
    cli_line(stdout, "libcurl %s, %s, libevent %s, hiredis %d.%d.%d, jansson %s",
             curl_version_info(CURLVERSION_NOW)->version, OpenSSL_version(OPENSSL_VERSION),
             event_get_version(), HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH, JANSSON_VERSION);
    return CLI_OK;
}

static const struct args_command version_args = {
    .name = "version",
    .title = "print the version",
    .about = "Prints the version and the commit, and on the second line the versions of the "
             "libraries.",
    ARGS_NO_VERB("", "", 0, 0),
    .size = sizeof(struct cli_args),
};
const struct cli_command cmd_version = {&version_args, CLI_NEEDS_NONE, print_version};
