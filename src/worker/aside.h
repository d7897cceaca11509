/* SPDX-License-Identifier: MIT
 * When a queue that Redis refuses to serve is set aside, and when it is tried again. Pure: what was
 * answered and a clock in, a decision out. */
#ifndef PB_WORKER_ASIDE_H
#define PB_WORKER_ASIDE_H

#include <stdbool.h>
#include <stdint.h>

enum { ASIDE_WAIT_MIN_MS = 100, ASIDE_WAIT_MAX_MS = 3000 };

struct aside {
    bool on;
    int64_t since_ms; /* while on */
    int64_t try_ms;   /* no claim before; 0: at once */
    int64_t wait_ms;  /* the last pause; 0: none since the last claim that was answered */
};

enum aside_change { ASIDE_SAME, ASIDE_BEGINS, ASIDE_ENDS };

/* What is known of the queue now: does Redis refuse one of its steps? */
enum aside_change aside_see(struct aside *a, bool refused, int64_t now_ms);

/* A claim was refused or not answered: the next one comes after a pause that doubles from
 * ASIDE_WAIT_MIN_MS to ASIDE_WAIT_MAX_MS, half of it by chance. */
void aside_failed(struct aside *a, int64_t now_ms, uint64_t random);
/* A claim was answered, or there is another connection: no pause any more. */
void aside_answered(struct aside *a);

/* only_claims: nothing but claims is refused, so that one may show that all is well again. */
bool aside_may_claim(const struct aside *a, bool only_claims, int64_t now_ms);

#endif
