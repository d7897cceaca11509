/* SPDX-License-Identifier: MIT
 * Jobs and workers are interchangeable: every step treats them alike. So after each step they may
 * be named anew, and states that differ in names only become one. That is sound whatever order is
 * chosen; a good one leaves fewer states. Not with LIVE: there worker 0 is the one that may stop.
 * In C, because inlined into each step it would be most of the verifier, and slow to compile.
 */
#ifdef LIVE
#define rename() skip
#else
#define rename() c_code { rename_all(); }

c_code {
static void swap(unsigned char *v, int a, int c)
{
    unsigned char x = v[a];
    v[a] = v[c];
    v[c] = x;
}

static void swap_workers(void)
{
    unsigned char *const all[] = {now.doing, now.held, now.left, now.fence, now.fresh, now.group,
                                  now.safe, now.call, now.wire, now.ending, now.wait,
#ifdef COUNTS
                                  now.inbox, now.beat, now.quiet,
#endif
    };
    for (int i = 0; i < sizeof all / sizeof all[0]; i++)
        swap(all[i], 0, 1);
#ifdef COUNTS
    for (int j = 0; j < JOBS; j++)
        if (now.leased[j] && now.owner[j] != GONE)
            now.owner[j] = 1 - now.owner[j];
#endif
}

static int worker_order(int w)
{
    int n = now.doing[w];
    n = n * 4 + now.fence[w];
    n = n * 4 + now.safe[w];
    n = n * 2 + now.wire[w];
    n = n * 8 + now.ending[w];
    n = n * 2 + now.wait[w];
    n = n * 2 + now.fresh[w];
    n = n * 8 + now.left[w];
    n = n * 8 + now.call[w];
#ifdef COUNTS
    return ((n * 4 + now.beat[w]) * 4 + now.quiet[w]) * 8 + now.inbox[w];
#else
    return (n * 16 + now.group[w]) * 4 + now.held[w];
#endif
}

/* In a set, a and the one after it in each other's place. */
static void swap_in(unsigned char *set, int a)
{
    *set ^= ((*set >> a ^ *set >> (a + 1)) & 1) * (3 << a);
}

static void swap_batches(int a)
{
    swap(now.member, a, a + 1);
    swap(now.leased, a, a + 1);
    swap(now.due, a, a + 1);
    swap(now.mark, a, a + 1);
#ifdef COUNTS
    swap(now.owner, a, a + 1);
#endif
    for (int w = 0; w < WORKERS; w++)
        if (now.doing[w] != IDLE && FITS(now.fence[w]) &&
            (now.held[w] == a || now.held[w] == a + 1))
            now.held[w] = 2 * a + 1 - now.held[w];
}

/* A batch has the name of its lowest member, so one with both keeps it. */
static void swap_jobs(int a)
{
    int together = 0;
    swap_in(&now.ready, a);
    swap_in(&now.parked, a);
    swap_in(&now.ended, a);
    for (int k = 0; k < JOBS; k++) {
        together |= (now.member[k] >> a & 3) == 3;
        swap_in(&now.member[k], a);
        swap_in(&now.mark[k], a);
        swap_in(&now.first[k], a);
    }
    for (int w = 0; w < WORKERS; w++) {
        swap_in(&now.left[w], a);
        swap_in(&now.call[w], a);
        swap_in(&now.group[w], a);
#ifdef COUNTS
        swap_in(&now.inbox[w], a);
#endif
    }
    swap(now.air, a, a + 1);
    swap(now.first, a, a + 1);
#ifdef COUNTS
    swap(now.tries, a, a + 1);
    swap(now.crashes, a, a + 1);
    swap(now.told, a, a + 1);
#endif
    if (!together)
        swap_batches(a);
}

static int job_order(int j)
{
    int n = (now.ended >> j & 1) * 3 + (now.parked >> j & 1) * 2 + (now.ready >> j & 1);
    n = n * 16 + (now.member[j] == BIT(j) ? now.due[j] * 2 + now.leased[j] : 0);
    for (int w = 0; w < WORKERS; w++)
        n = n * 4 + (now.left[w] >> j & 1) * 2 + (now.call[w] >> j & 1);
    n = n * 2 + now.air[j];
    n = n * 4 + (now.first[j] != 0) * 2 + SINGLE(now.first[j]);
#ifdef COUNTS
    n = n * 64 + now.told[j] * 16 + now.tries[j] * 4 + now.crashes[j];
#endif
    return n;
}

static void sort_jobs(int a)
{
    if (a + 1 < JOBS && job_order(a) > job_order(a + 1))
        swap_jobs(a);
}

static void rename_all(void)
{
    if (worker_order(0) > worker_order(1))
        swap_workers();
    sort_jobs(0);
    sort_jobs(1);
    sort_jobs(0);
}
}
#endif
