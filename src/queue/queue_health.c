/* SPDX-License-Identifier: MIT
 * Which of the steps that serve a queue Redis refuses: what its caller goes by to set it aside. */
#include "queue/queue_core.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* By the name under which a step's answers are looked at, in the order in which they are named. */
static const struct {
    const char *what;
    enum queue_step step;
} steps[] = {{"open", QUEUE_STEP_OPEN},
             {"claim", QUEUE_STEP_CLAIM},
             {"wait_replicas", QUEUE_STEP_REPLICAS},
             {"finish", QUEUE_STEP_FINISH},
             {"extend", QUEUE_STEP_EXTEND},
             {"seen", QUEUE_STEP_SEEN}};
#define STEPS (sizeof steps / sizeof steps[0])
static_assert(STEPS == QUEUE_STEPS, "a text for each step");

static size_t find_step(const char *what)
{
    size_t i = 0;
    while (i < STEPS && strcmp(steps[i].what, what) != 0)
        i++;
    return i;
}

void queue_health_note(struct queue *q, const char *what, const char *error)
{
    size_t i = find_step(what);
    if (i == STEPS)
        return;
    if (!error) {
        q->refused &= ~(unsigned)steps[i].step;
        return;
    }
    if (!(q->refused & steps[i].step)) /* what it said first: a trial may say less */
        snprintf(q->refusals[i], sizeof q->refusals[i], "%s: %.160s", what, error);
    q->refused |= steps[i].step;
}

unsigned queue_refused(const struct queue *q)
{
    return q->refused;
}

const char *queue_refusal(const struct queue *q)
{
    for (size_t i = 0; i < STEPS; i++)
        if (q->refused & steps[i].step)
            return q->refusals[i];
    return NULL;
}
