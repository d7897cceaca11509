/* SPDX-License-Identifier: MIT */
#include "base/mem.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Without an allocation, and without waiting for a reader of the log. */
void mem_exhausted(size_t size)
{
    char line[96];
    struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
    int n = snprintf(line, sizeof line,
                     "level=error "
                     "event=out_of_memory bytes=%zu\n",
                     size);
    if (n > 0 && poll(&p, 1, 0) == 1 && write(STDERR_FILENO, line, (size_t)n) < 0)
        abort();
    abort();
}

void *mem_alloc(size_t size)
{
    void *p = malloc(size);
    if (!p)
        mem_exhausted(size);
    return p;
}

void *mem_zalloc(size_t size)
{
    void *p = calloc(1, size);
    if (!p)
        mem_exhausted(size);
    return p;
}

void *mem_resize(void *p, size_t size)
{
    void *grown = realloc(p, size);
    if (!grown)
        mem_exhausted(size);
    return grown;
}

void *mem_dup(const void *p, size_t len)
{
    char *copy = mem_alloc(len + 1);
    if (len)
        memcpy(copy, p, len);
    copy[len] = '\0';
    return copy;
}

char *mem_strdup(const char *text)
{
    return text ? mem_dup(text, strlen(text)) : NULL;
}

void mem_free(void *p)
{
    free(p);
}

void mem_wipe(void *p, size_t len)
{
    explicit_bzero(p, len);
}
