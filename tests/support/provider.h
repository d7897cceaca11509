/* SPDX-License-Identifier: MIT
 * A provider on the test's own loop: keeps what arrives, holds each call to the vendor's list, and
 * answers as told. It checks no signature: that is the mock's part. */
#ifndef TEST_PROVIDER_H
#define TEST_PROVIDER_H

#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "aliyun/params.h"

enum { PROVIDER_CALLS_MAX = 256, PROVIDER_SCRIPT_MAX = 32 };

enum provider_does { PROVIDER_ANSWERS, PROVIDER_HOLDS, PROVIDER_CLOSES };

struct provider_step {
    enum provider_does does;
    int status;       /* 0: a push that went well */
    const char *code; /* of an error */
    const char *body; /* instead of the provider's own form */
    const char *header, *value;
};

struct provider_call {
    struct params params; /* without the common ones of V1 */
    char action[32];
    size_t tasks;                /* of MassPush, else 0 */
    struct evhttp_request *held; /* not answered yet */
    struct evkeyvalq query;      /* owns names and values */
    char stamp[32], nonce[64];   /* of V3 */
    bool v3;
};

struct provider {
    struct evhttp *http;
    struct event_base *base;
    int port;
    struct provider_call calls[PROVIDER_CALLS_MAX];
    size_t n, held, held_most;
    struct provider_step script[PROVIDER_SCRIPT_MAX]; /* for the next calls, in this order */
    size_t script_n, script_at;
    struct provider_step otherwise; /* and then */
};

void provider_open(struct provider *p, struct event_base *base);
void provider_close(struct provider *p);
void provider_script(struct provider *p, struct provider_step step); /* adds a step */
void provider_forget(struct provider *p);                            /* calls and script */

/* Answers what is held, as the step says. */
void provider_release(struct provider *p, size_t call, struct provider_step step);
void provider_release_all(struct provider *p);

/* A parameter of the call, "" when absent. */
const char *provider_param(const struct provider *p, size_t call, const char *name);

#endif
