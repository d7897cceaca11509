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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

struct rest rest_of(const uint8_t *data, size_t size);
size_t rest_len(const struct rest *r);
/* The next line without its end, and what is behind it stays; mem_free. A NUL in it ends it for
 * whoever reads text. */
char *rest_line(struct rest *r);
/* All that is left, as text; mem_free. */
char *rest_text(struct rest *r);

#endif
