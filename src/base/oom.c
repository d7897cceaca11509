/* SPDX-License-Identifier: MIT
 * Stands in for the C library's allocation, for all libraries of the program: where memory is
 * refused the process ends. Libraries pass on a refusal as a NULL that looks like any other of
 * theirs, and would make a verdict on the job of it: "not JSON", "not valid UTF-8", "no such host".
 * The sanitizers have an allocator of their own, which ends the process likewise. */
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fault.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OOM_SANITIZED
#endif
#endif
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(OOM_SANITIZED)

#define OOM_EXPORT __attribute__((visibility("default")))

/* glibc's own, by the names under which it keeps them for whoever stands in for them. */
extern void *libc_malloc(size_t size) __asm__("__libc_malloc");
extern void *libc_calloc(size_t n, size_t size) __asm__("__libc_calloc");
extern void *libc_realloc(void *p, size_t size) __asm__("__libc_realloc");
extern void *libc_memalign(size_t alignment, size_t size) __asm__("__libc_memalign");

OOM_EXPORT void *malloc(size_t size)
{
    void *p = fault_allocation_fails() ? NULL : libc_malloc(size);
    if (!p)
        mem_exhausted(size);
    return p;
}

OOM_EXPORT void *calloc(size_t n, size_t size)
{
    void *p = fault_allocation_fails() ? NULL : libc_calloc(n, size);
    if (!p)
        mem_exhausted(n * size);
    return p;
}

/* A size of 0 frees, and NULL is then no refusal. */
OOM_EXPORT void *realloc(void *p, size_t size)
{
    void *grown = size && fault_allocation_fails() ? NULL : libc_realloc(p, size);
    if (!grown && size)
        mem_exhausted(size);
    return grown;
}

OOM_EXPORT int posix_memalign(void **out, size_t alignment, size_t size)
{
    if (alignment % sizeof(void *) || !alignment || (alignment & (alignment - 1)))
        return EINVAL;
    *out = fault_allocation_fails() ? NULL : libc_memalign(alignment, size);
    if (!*out)
        mem_exhausted(size);
    return 0;
}

#endif
