/* SPDX-License-Identifier: MIT
 * The control port: faults, record, duplicates, health. Plain HTTP, for tests only. */
#ifndef PB_MOCK_WIRE_CONTROL_H
#define PB_MOCK_WIRE_CONTROL_H

#include "mock/wire/provider.h"

struct evhttp;

/* Opens the port (0: any free one) and answers there. NULL when it cannot be opened. */
struct evhttp *control_listen(struct provider *p, const char *host, int port, int *bound_port);

#endif
