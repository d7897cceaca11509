/* SPDX-License-Identifier: MIT
 * A world from its JSON text:
 *   {"devices": [{"id", "type", "app_key", "account", "aliases", "tags", "offline", "phone",
 * "token"}, …], "tags": {NAME: {"DEVICE": [KEY, …], "ACCOUNT": […], "ALIAS": […]}, …}} Of a device
 * only id is needed. Its tags are pairs of KeyType DEVICE. */
#ifndef PB_MOCK_WORLD_WORLD_LOAD_H
#define PB_MOCK_WORLD_WORLD_LOAD_H

#include "base/err.h"
#include "mock/world/world.h"

enum { WORLD_TEXT_MAX = 64 << 20 };

/* Makes *w anew; e says what is wrong, and then *w is as it was. */
MUST_USE bool world_load(struct world *w, const char *json, size_t len, struct err *e);
MUST_USE bool world_load_file(struct world *w, const char *path, struct err *e);

#endif
