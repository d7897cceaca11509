/* SPDX-License-Identifier: MIT
 * The bytes of a target; and what is tested logs only errors. */
#include "base/log.h"
#include "base/mem.h"
#include "fuzz/fuzz.h"

__attribute__((constructor)) static void be_quiet(void)
{
    log_threshold = LOG_ERROR;
}

struct rest rest_of(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data;
    return (struct rest){p, size ? p + size : p};
}

size_t rest_len(const struct rest *r)
{
    return (size_t)(r->end - r->p);
}

char *rest_line(struct rest *r)
{
    size_t len = rest_len(r);
    const char *newline = len ? memchr(r->p, '\n', len) : NULL;
    char *line = mem_dup(r->p ? r->p : "", newline ? (size_t)(newline - r->p) : len);
    r->p = newline ? newline + 1 : r->end;
    return line;
}

char *rest_text(struct rest *r)
{
    char *text = mem_dup(r->p ? r->p : "", rest_len(r));
    r->p = r->end;
    return text;
}
