/* SPDX-License-Identifier: MIT
 * Accepted calls of Push and MassPush: a new push, or a repeat that only gets the first answer. */
#ifndef PB_MOCK_WORLD_PUSHING_H
#define PB_MOCK_WORLD_PUSHING_H

#include "mock/world/actions.h"

enum record_outcome pushing_act(struct deed *d);

/* Decides whether a call of so many tasks is pushed, and sets its ids; delivers and answers
 * nothing. */
enum record_outcome pushing_judge(struct deed *d, int tasks);

#endif
