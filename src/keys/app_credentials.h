/* SPDX-License-Identifier: MIT
 * The keys of all apps: one set for each different source, whatever the number of apps. Keys are
 * exchanged in the background before they end, and when files that hold them change. */
#ifndef PB_KEYS_APP_CREDENTIALS_H
#define PB_KEYS_APP_CREDENTIALS_H

#include "config/config.h"

struct event_base;
struct app_credentials;

/* Keys came, or the wait for some is over: apps may take jobs. Never before app_credentials_new
 * returned, nor from within a function of this module. */
typedef void (*app_credentials_fn)(void *arg);

/* config is borrowed. */
struct app_credentials *app_credentials_new(struct event_base *base, const struct config *config,
                                            app_credentials_fn fn, void *arg);
void app_credentials_free(struct app_credentials *k);

/* Another configuration (borrowed): a source that stays keeps its keys. */
void app_credentials_set_config(struct app_credentials *k, const struct config *config);

/* app: index in the configuration. Not ready: none have come yet, or those in force were refused
 * and others are on their way. Then its jobs wait. */
bool app_credentials_ready(const struct app_credentials *k, size_t app);

/* The keys in force, borrowed until the loop runs on; false when there are none. *issue says which
 * they are. */
bool app_credentials_get(const struct app_credentials *k, size_t app, struct credentials *out,
                         unsigned *issue);

/* The provider refused the token of these keys. True: a repeat makes sense, since others are there
 * or on their way, after which the app is ready again. False: others were tried or there can be
 * none; it may be asked again at every refusal. */
bool app_credentials_refused(struct app_credentials *k, size_t app, unsigned issue,
                             const char *code);
/* The provider took them. */
void app_credentials_accepted(struct app_credentials *k, size_t app, unsigned issue);

/* What is wrong with the app's keys; NULL: nothing. */
const char *app_credentials_trouble(const struct app_credentials *k, size_t app);

#endif
