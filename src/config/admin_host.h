/* SPDX-License-Identifier: MIT
 * For whom is a request meant? A page that a browser was lured to can ask any address by a name of
 * its own (DNS rebinding), but it cannot choose what Host says then: so pages that tell something
 * are shown under names that the operator knows. */
#ifndef PB_CONFIG_ADMIN_HOST_H
#define PB_CONFIG_ADMIN_HOST_H

#include <stdbool.h>
#include <sys/socket.h>

enum { ADMIN_HOST_SIZE = 256 };

/* The host of a Host header or of a request target's authority: "name", "name:port",
 * "1.2.3.4:port", "[v6]:port". In small letters, without port, brackets and a last dot; addresses
 * in their usual form, those of IPv4 within IPv6 as IPv4. False: none of these. */
bool admin_host_read(const char *text, char out[ADMIN_HOST_SIZE]);

/* An entry of admin.hosts: a name or an address without port, IPv6 with or without brackets, or "*"
 * for any. False: none of these. */
bool admin_host_read_entry(const char *text, size_t len, char out[ADMIN_HOST_SIZE]);

/* Is host, as admin_host_read() gives it, one of ours: loopback, what admin.listen names, the
 * address at which the connection came in (local; NULL: unknown), or on the comma list hosts
 * (NULL: empty)? listen is admin.listen's text. */
bool admin_host_is_ours(const char *host, const char *listen, const char *hosts,
                        const struct sockaddr *local);

#endif
