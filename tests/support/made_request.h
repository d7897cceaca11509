/* SPDX-License-Identifier: MIT
 * A call as the stand-in's modules see it, made without a connection. */
#ifndef TEST_MADE_REQUEST_H
#define TEST_MADE_REQUEST_H

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdbool.h>

#include "mock/wire/request.h"

struct made {
    struct request q;
    struct evkeyvalq headers;
};

void made_init(struct made *m, const char *method, bool v3);
void made_free(struct made *m);
void made_header(struct made *m, const char *name, const char *value); /* replaces */
/* A parameter in the query, or in the form body. */
void made_param(struct made *m, const char *name, const char *value, bool in_form);
/* Replaces a parameter of the query, or with value NULL removes it. */
void made_change(struct made *m, const char *name, const char *value);
void made_body(struct made *m, const char *body);

#endif
