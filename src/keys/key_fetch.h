/* SPDX-License-Identifier: MIT
 * Fetches keys once from the metadata service or from STS. */
#ifndef PB_KEYS_KEY_FETCH_H
#define PB_KEYS_KEY_FETCH_H

#include <event2/event.h>

#include "config/config.h"

/* The connections; config is borrowed. Nothing is opened before it is needed. */
struct key_client;
struct key_client *key_client_new(struct event_base *base, const struct config *config);
void key_client_free(struct key_client *c); /* after its fetches were cancelled or have ended */
void key_client_set_config(struct key_client *c, const struct config *config);

/* keys: to be taken or left, valid during the callback; left_ms: how long they live by the clock of
 * the one who gave them. keys NULL: failed, why says for what. */
typedef void (*key_fetch_fn)(void *arg, struct credentials_owned *keys, int64_t left_ms,
                             const char *why);

/* source (borrowed until the end): kinds ECS, OIDC, ROLE. The callback comes exactly once, never
 * before this returned, and not after key_fetch_cancel(). */
struct key_fetch;
struct key_fetch *key_fetch_start(struct key_client *c, const struct credentials_source *source,
                                  key_fetch_fn fn, void *arg);
void key_fetch_cancel(struct key_fetch *f); /* NULL: nothing */

#endif
