/* SPDX-License-Identifier: MIT */
#include "mock/world/replay.h"

#include <string.h>

struct memory {
    uint64_t entered; /* calls so far */
    int in_flight;
    bool succeeded;
    int64_t success_ms;
    struct replay_ids ids;
    unsigned char digest[REPLAY_DIGEST_SIZE];
};

void replay_init(struct replay *m)
{
    *m = (struct replay){.window_ms = 900000};
    table_init(&m->tokens, REPLAY_TOKENS_MAX, sizeof(struct memory));
}

void replay_free(struct replay *m)
{
    table_free(&m->tokens);
}

void replay_forget(struct replay *m)
{
    table_clear(&m->tokens);
}

void replay_enter(struct replay *m, struct replay_stay *s)
{
    if (!s->key[0])
        return;
    struct memory *known = table_put(&m->tokens, s->key);
    s->overlapped = known->in_flight > 0;
    s->entered = ++known->entered;
    known->in_flight++;
}

enum replay_verdict replay_judge(const struct replay *m, const struct replay_stay *s,
                                 const unsigned char digest[REPLAY_DIGEST_SIZE], int64_t now_ms,
                                 struct replay_ids *first)
{
    const struct memory *known = s->key[0] ? table_get(&m->tokens, s->key) : NULL;
    if (!known)
        return REPLAY_PUSH;
    if (s->overlapped || known->entered != s->entered)
        return REPLAY_OVERLAP;
    if (!known->succeeded || now_ms - known->success_ms >= m->window_ms)
        return REPLAY_PUSH;
    *first = known->ids;
    if (m->changed == CHANGED_REPLAY || memcmp(known->digest, digest, REPLAY_DIGEST_SIZE) == 0)
        return REPLAY_REPEAT;
    return m->changed == CHANGED_REFUSE ? REPLAY_REFUSED : REPLAY_PUSH;
}

void replay_success(struct replay *m, const struct replay_stay *s,
                    const unsigned char digest[REPLAY_DIGEST_SIZE], int64_t now_ms,
                    struct replay_ids ids)
{
    struct memory *known = s->key[0] ? table_get(&m->tokens, s->key) : NULL;
    if (!known || (known->succeeded && now_ms - known->success_ms < m->window_ms &&
                   memcmp(known->digest, digest, REPLAY_DIGEST_SIZE) == 0))
        return; /* the first success is the one that counts */
    known->succeeded = true;
    known->success_ms = now_ms;
    known->ids = ids;
    memcpy(known->digest, digest, REPLAY_DIGEST_SIZE);
}

void replay_leave(struct replay *m, const struct replay_stay *s)
{
    struct memory *known = s->key[0] ? table_get(&m->tokens, s->key) : NULL;
    if (known && known->in_flight > 0)
        known->in_flight--;
}
