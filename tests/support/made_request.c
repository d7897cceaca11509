/* SPDX-License-Identifier: MIT */
#include "support/made_request.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "support/cmocka.h"

void made_init(struct made *m, const char *method, bool v3)
{
    *m = (struct made){.q = {.method = method, .v3 = v3, .body = mem_dup("", 0)}};
    m->headers.tqh_last = &m->headers.tqh_first;
    m->q.headers = &m->headers;
}

void made_free(struct made *m)
{
    evhttp_clear_headers(&m->headers);
    request_free(&m->q);
}

void made_header(struct made *m, const char *name, const char *value)
{
    evhttp_remove_header(&m->headers, name);
    assert_int_equal(evhttp_add_header(&m->headers, name, value), 0);
}

/* A parameter in the query, or in the form body. */
void made_param(struct made *m, const char *name, const char *value, bool in_form)
{
    struct buf pair;
    buf_init(&pair, 8 << 20);
    fields_encode(&pair, name);
    buf_putc(&pair, '=');
    fields_encode(&pair, value);
    assert_true(fields_parse(&m->q.fields, buf_text(&pair), pair.len, in_form));
    buf_free(&pair);
    fields_sort(&m->q.fields);
}

/* Replaces, or with value NULL removes. */
void made_change(struct made *m, const char *name, const char *value)
{
    struct fields *f = &m->q.fields;
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->items[i].name, name) == 0) {
            mem_free(f->items[i].name);
            f->items[i] = f->items[--f->count];
            fields_sort(f);
            break;
        }
    if (value)
        made_param(m, name, value, false);
}

void made_body(struct made *m, const char *body)
{
    mem_free(m->q.body);
    m->q.body_len = strlen(body);
    m->q.body = mem_dup(body, m->q.body_len);
}
