/* SPDX-License-Identifier: MIT
 * Allocation that cannot return NULL: out of memory is a bug of sizing, and the queue survives a
 * crash, so the process aborts; libraries' allocations end likewise (oom.c). Every input-sized
 * allocation is bounded by its caller. */
#ifndef PB_BASE_MEM_H
#define PB_BASE_MEM_H

#include <stddef.h>

/* Says so in the log and aborts. */
_Noreturn void mem_exhausted(size_t size);

void *mem_alloc(size_t size);             /* uninitialised; size > 0 */
void *mem_zalloc(size_t size);            /* zeroed */
void *mem_resize(void *p, size_t size);   /* realloc */
void *mem_dup(const void *p, size_t len); /* copy plus a terminating NUL */
char *mem_strdup(const char *text);       /* NULL in, NULL out */
void mem_free(void *p);                   /* free */
void mem_wipe(void *p, size_t len);       /* zero that the compiler keeps: for secrets */

#endif
