/* SPDX-License-Identifier: MIT
 * The allocator of a process that lives long and works in bursts. */
#ifndef PB_HOST_HEAP_H
#define PB_HOST_HEAP_H

enum { HEAP_TRIM_S = 20 }; /* how often heap_trim() is worth its page faults */

/* Once, at the start, before any thread: what is freed stays with the process for the next burst.
 * libcurl takes and frees some 100 KB of buffers for each call; with glibc's defaults the top of
 * the heap would be given back and faulted in again every time, which costs more than the call. And
 * a thread, such as one that reads a file, has no heap of its own: glibc would map 64 MiB for it,
 * which is no memory but counts where RLIMIT_AS is set. */
void heap_setup(void);

/* Now and then: whole pages that nothing uses go back to the system, those between used ones too.
 * Without it a long run keeps the most that it ever needed, in pieces. Takes some milliseconds:
 * about one for each MiB of a heap in pieces. */
void heap_trim(void);

#endif
