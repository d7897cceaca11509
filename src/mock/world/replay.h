/* SPDX-License-Identifier: MIT
 * IdempotentToken: what the provider remembers. A repeat within the window after the first
 * success is not pushed again; calls that overlap in time are not protected at all. */
#ifndef PB_MOCK_WORLD_REPLAY_H
#define PB_MOCK_WORLD_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "mock/world/table.h"

enum { REPLAY_TOKENS_MAX = 2000000, REPLAY_DIGEST_SIZE = 16 };

/* The same token with other content: no source says what happens. */
enum replay_changed { CHANGED_REPLAY, CHANGED_REFUSE, CHANGED_PUSH };

/* MessageIds of one success: 1 of a Push, one for each task of a MassPush; they follow another. */
struct replay_ids {
    uint64_t first;
    int count;
};

struct replay {
    struct table tokens;
    int64_t window_ms;
    enum replay_changed changed;
};

/* One call's stay between "request read" and "answer sent or dropped". */
struct replay_stay {
    char key[160]; /* "" for a call without a token */
    uint64_t entered;
    bool overlapped; /* another call with the token was in flight when this one came */
};

enum replay_verdict {
    REPLAY_PUSH,    /* first, after a failure, or after the window */
    REPLAY_OVERLAP, /* pushed too, since it was concurrent */
    REPLAY_REPEAT,  /* the first ids once more */
    REPLAY_REFUSED  /* other content under the token */
};

void replay_init(struct replay *m);
void replay_free(struct replay *m);
void replay_forget(struct replay *m); /* all of it */

void replay_enter(struct replay *m, struct replay_stay *s);
enum replay_verdict replay_judge(const struct replay *m, const struct replay_stay *s,
                                 const unsigned char digest[REPLAY_DIGEST_SIZE], int64_t now_ms,
                                 struct replay_ids *first);
void replay_success(struct replay *m, const struct replay_stay *s,
                    const unsigned char digest[REPLAY_DIGEST_SIZE], int64_t now_ms,
                    struct replay_ids ids);
void replay_leave(struct replay *m, const struct replay_stay *s);

#endif
