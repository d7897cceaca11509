/* SPDX-License-Identifier: MIT
 * What the fuzz targets share. Each fuzz_X.c is one target: libFuzzer calls it in `make fuzz`, and
 * replay.c with every file of tests/fuzz/corpus/X in `make unit`. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

__attribute__((constructor)) static void be_quiet(void)
{
    log_threshold = LOG_ERROR;
}

/* A property that does not hold is a finding, like a crash. */
#define must(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* The bytes that a target has still to read. */
struct rest {
    const char *p, *end;
};

static inline struct rest rest_of(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data;
    return (struct rest){p, size ? p + size : p};
}

static inline size_t rest_len(const struct rest *r)
{
    return (size_t)(r->end - r->p);
}

/* The next line without its end, and what is behind it stays; mem_free. A NUL in it ends it for
 * whoever reads text. */
static inline char *rest_line(struct rest *r)
{
    size_t len = rest_len(r);
    const char *newline = len ? memchr(r->p, '\n', len) : NULL;
    char *line = mem_dup(r->p ? r->p : "", newline ? (size_t)(newline - r->p) : len);
    r->p = newline ? newline + 1 : r->end;
    return line;
}

/* All that is left, as text; mem_free. */
static inline char *rest_text(struct rest *r)
{
    char *text = mem_dup(r->p ? r->p : "", rest_len(r));
    r->p = r->end;
    return text;
}

#endif
