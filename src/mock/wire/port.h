/* SPDX-License-Identifier: MIT
 * Opening listening ports. */
#ifndef PB_MOCK_WIRE_PORT_H
#define PB_MOCK_WIRE_PORT_H

#include <stdbool.h>
#include <stddef.h>

struct evhttp;

/* "HOST:PORT", "[V6]:PORT", ":PORT". False when malformed. */
bool port_parse(const char *text, char *host, size_t host_size, int *port);

/* Binds http (port 0: any free one). The result is the port; 0, with errno set, on failure. */
int port_open(struct evhttp *http, const char *host, int port);

#endif
