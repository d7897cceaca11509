/* SPDX-License-Identifier: MIT
 * The keys of all apps: one set for each different source, whatever the number of apps. Keys are
 * exchanged in the background before they end, and when files that hold them change. */
#ifndef PB_KEYS_KEYRING_H
#define PB_KEYS_KEYRING_H

#include "config/config.h"

struct event_base;
struct keyring;

/* Keys came, or the wait for some is over: apps may take jobs. Never before keyring_new returned,
 * nor from within a function of this module. */
typedef void (*keyring_fn)(void *arg);

/* config is borrowed. */
struct keyring *keyring_new(struct event_base *base, const struct config *config, keyring_fn fn,
                            void *arg);
void keyring_free(struct keyring *k);

/* Another configuration (borrowed): a source that stays keeps its keys. */
void keyring_set_config(struct keyring *k, const struct config *config);

/* app: index in the configuration. Not ready: none have come yet, or those in force were refused
 * and others are on their way. Then its jobs wait. */
bool keyring_ready(const struct keyring *k, size_t app);

/* The keys in force, borrowed until the loop runs on; false when there are none. *issue says which
 * they are. */
bool keyring_get(const struct keyring *k, size_t app, struct credentials *out, unsigned *issue);

/* The provider refused the token of these keys. True: a repeat makes sense, since others are there
 * or on their way, after which the app is ready again. False: others were tried or there can be
 * none; it may be asked again at every refusal. */
bool keyring_refused(struct keyring *k, size_t app, unsigned issue, const char *code);
/* The provider took them. */
void keyring_accepted(struct keyring *k, size_t app, unsigned issue);

/* What is wrong with the app's keys; NULL: nothing. */
const char *keyring_trouble(const struct keyring *k, size_t app);

#endif
