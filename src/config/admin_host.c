/* SPDX-License-Identifier: MIT */
#include "config/admin_host.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static void write_v4(const void *bytes, char out[ADMIN_HOST_SIZE])
{
    inet_ntop(AF_INET, bytes, out, ADMIN_HOST_SIZE);
}

static void write_v6(const struct in6_addr *a, char out[ADMIN_HOST_SIZE])
{
    if (IN6_IS_ADDR_V4MAPPED(a))
        write_v4(&a->s6_addr[12], out);
    else
        inet_ntop(AF_INET6, a, out, ADMIN_HOST_SIZE);
}

static bool copy_host(const char *text, size_t len, char out[ADMIN_HOST_SIZE])
{
    if (!len || len >= ADMIN_HOST_SIZE)
        return false;
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

static bool read_v6(const char *text, size_t len, char out[ADMIN_HOST_SIZE])
{
    char address[ADMIN_HOST_SIZE];
    struct in6_addr v6;
    if (!copy_host(text, len, address) || inet_pton(AF_INET6, address, &v6) != 1)
        return false;
    write_v6(&v6, out);
    return true;
}

static bool read_name(const char *text, size_t len, char out[ADMIN_HOST_SIZE])
{
    if (len && text[len - 1] == '.')
        len--;
    if (!copy_host(text, len, out))
        return false;
    for (char *p = out; *p; p++) {
        if (!isalnum((unsigned char)*p) && !strchr("-._", *p))
            return false;
        *p = (char)tolower((unsigned char)*p);
    }
    return true;
}

/* Nothing, ":" or ":" and digits. */
static bool is_port(const char *text)
{
    return !*text || (*text == ':' && text[1 + strspn(text + 1, "0123456789")] == '\0');
}

bool admin_host_read(const char *text, char out[ADMIN_HOST_SIZE])
{
    if (*text == '[') {
        size_t len = strcspn(text, "]");
        return text[len] && is_port(text + len + 1) && read_v6(text + 1, len - 1, out);
    }
    size_t len = strcspn(text, ":");
    return is_port(text + len) && read_name(text, len, out);
}

bool admin_host_read_entry(const char *text, size_t len, char out[ADMIN_HOST_SIZE])
{
    if (len == 1 && *text == '*')
        return copy_host(text, len, out);
    if (len > 2 && text[0] == '[' && text[len - 1] == ']')
        return read_v6(text + 1, len - 2, out);
    return read_v6(text, len, out) || read_name(text, len, out);
}

static bool is_loopback_name(const char *host)
{
    struct in_addr v4;
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           (inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET);
}

/* "0.0.0.0:9464" names no address of ours. */
static bool is_listened_on(const char *host, const char *listen)
{
    char own[ADMIN_HOST_SIZE];
    return admin_host_read(listen, own) && strcmp(own, "0.0.0.0") != 0 && strcmp(own, "::") != 0 &&
           strcmp(own, host) == 0;
}

static bool is_local_address(const char *host, const struct sockaddr *local)
{
    char own[ADMIN_HOST_SIZE];
    if (!local)
        return false;
    if (local->sa_family == AF_INET)
        write_v4(&((const struct sockaddr_in *)(const void *)local)->sin_addr, own);
    else if (local->sa_family == AF_INET6)
        write_v6(&((const struct sockaddr_in6 *)(const void *)local)->sin6_addr, own);
    else
        return false;
    return strcmp(own, host) == 0;
}

static bool is_host_listed(const char *host, const char *hosts)
{
    char entry[ADMIN_HOST_SIZE];
    for (const char *p = hosts; p && *p;) {
        size_t gap = strspn(p, ", "), len = strcspn(p + gap, ", ");
        if (admin_host_read_entry(p + gap, len, entry) &&
            (strcmp(entry, "*") == 0 || strcmp(entry, host) == 0))
            return true;
        p += gap + len;
    }
    return false;
}

bool admin_host_is_ours(const char *host, const char *listen, const char *hosts,
                        const struct sockaddr *local)
{
    return is_loopback_name(host) || is_listened_on(host, listen) ||
           is_local_address(host, local) || is_host_listed(host, hosts);
}
