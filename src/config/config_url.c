/* SPDX-License-Identifier: MIT */
#include "config/config_url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { HOST_SIZE = 254, AUTHORITY_SIZE = HOST_SIZE + 6 };

/* The port after text's colon, 0 where there is none, -1 where it is wrong. */
static int read_port(const char *text)
{
    int64_t n;
    char digits[6];
    size_t len = strcspn(text, "/");
    if (*text != ':')
        return 0;
    if (len > sizeof digits)
        return -1;
    snprintf(digits, sizeof digits, "%.*s", (int)len - 1, text + 1);
    return text_int(digits, 1, 65535, &n) ? (int)n : -1;
}

/* host[:port], lower-case and without a default port: what libcurl puts into the Host header and
 * what is therefore signed. */
static bool split_authority(const char *text, int default_port, char host[HOST_SIZE],
                            char authority[AUTHORITY_SIZE])
{
    bool bracket = *text == '[';
    size_t len = bracket ? strcspn(text, "]") + 1 : strcspn(text, ":/");
    if (len < 1 || len >= HOST_SIZE || (bracket && text[len - 1] != ']'))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)text[i]) && !strchr(bracket ? "[]:." : ".-_", text[i]))
            return false;
        host[i] = (char)tolower((unsigned char)text[i]);
    }
    host[len] = '\0';
    const char *rest = text + len;
    int port = read_port(rest);
    rest += strcspn(rest, "/");
    if (port > 0 && port != default_port)
        snprintf(authority, AUTHORITY_SIZE, "%s:%u", host, (unsigned)port & 0xFFFF);
    else
        snprintf(authority, AUTHORITY_SIZE, "%s", host);
    return port >= 0 && (!*rest || strcmp(rest, "/") == 0);
}

static bool is_loopback_host(const char *host)
{
    struct in_addr v4;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0;
}

bool config_url_read(const char *url, const char *plain_host, struct config_url *out, struct err *e)
{
    bool https = text_starts(url, "https://");
    char host[HOST_SIZE], authority[AUTHORITY_SIZE];
    if (!https && !text_starts(url, "http://"))
        return err_set(e, "must begin with https:// (or, to loopback, http://)");
    if (!split_authority(url + (https ? 8 : 7), https ? 443 : 80, host, authority))
        return err_set(e, "must be https://HOST or https://HOST:PORT, without a path");
    out->loopback = is_loopback_host(host);
    bool plain = out->loopback || (plain_host && strcmp(host, plain_host) == 0);
    if (!https && !plain)
        return err_set(e, "http:// is allowed to loopback only");
    snprintf(out->whole, sizeof out->whole, "%s://%s", https ? "https" : "http", authority);
    snprintf(out->host, sizeof out->host, "%s", authority);
    return true;
}
