/* SPDX-License-Identifier: MIT
 * pushbridge version: what this is and what it was linked with. */
#include <curl/curl.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <string.h>

#include "cli/cli.h"

static const char help[] =
    "usage: pushbridge version\n"
    "\n"
    "Prints the version and the commit, and on the second line the versions of the libraries.\n";

int cmd_version(int argc, char **argv)
{
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(help, stdout);
        return CLI_OK;
    }
    if (argc > 1)
        return cli_usage("version", "unexpected argument \"%s\"", argv[1]);
    cli_line(stdout, "pushbridge %s (%s)", cli_version, cli_commit);
    cli_line(stdout, "libcurl %s, %s, libevent %s, hiredis %d.%d.%d, jansson %s",
             curl_version_info(CURLVERSION_NOW)->version, OpenSSL_version(OPENSSL_VERSION),
             event_get_version(), HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH, JANSSON_VERSION);
    return CLI_OK;
}
