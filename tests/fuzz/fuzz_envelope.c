/* SPDX-License-Identifier: MIT
 * Envelopes: what is accepted is written again and read again as the same. */
#include "fuzz/fuzz.h"

#include "job/envelope.h"

enum { TEXT_MAX = 1 << 20 };

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_pushes(const struct envelope *a, const struct envelope *b)
{
    bool same = a->npushes == b->npushes;
    for (size_t i = 0; same && i < a->npushes; i++)
        same = a->pushes[i].part == b->pushes[i].part &&
               same_text(a->pushes[i].message_id, b->pushes[i].message_id) &&
               same_text(a->pushes[i].request_id, b->pushes[i].request_id);
    return same;
}

static bool same_begun(const struct begun *a, const struct begun *b)
{
    bool same = same_text(a->apps, b->apps) && a->ncalls == b->ncalls &&
                memcmp(a->split, b->split, sizeof a->split) == 0 &&
                (!a->ncalls || same_text(a->checks, b->checks));
    for (size_t i = 0; same && i < a->ncalls; i++)
        same = a->calls[i].part == b->calls[i].part &&
               same_text(a->calls[i].content, b->calls[i].content) &&
               same_text(a->calls[i].config, b->calls[i].config);
    return same;
}

static bool same(const struct envelope *a, const struct envelope *b)
{
    return same_text(a->uid, b->uid) && same_text(a->digest, b->digest) &&
           same_text(a->history, b->history) && same_pushes(a, b) &&
           same_begun(&a->begun, &b->begun) && a->id_given == b->id_given && a->gen == b->gen &&
           a->attempts == b->attempts && a->throttles == b->throttles && a->t0_ms == b->t0_ms &&
           a->first_sent_ms == b->first_sent_ms && a->special_used == b->special_used &&
           a->unanswered == b->unanswered && a->given_up == b->given_up;
}

static void write_twice(const struct envelope *v, struct buf *first, struct buf *second)
{
    struct envelope again;
    struct err e = {""};
    buf_init(first, TEXT_MAX);
    buf_init(second, TEXT_MAX);
    envelope_write(v, first);
    must(buf_ok(first) && first->data[0] == '{');
    must(envelope_read(buf_text(first), first->len, &again, &e));
    must(same(v, &again));
    envelope_write(&again, second);
    envelope_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct envelope v;
    struct err e = {""};
    struct buf first, second;
    if (!envelope_read((const char *)data, size, &v, &e)) {
        must(e.text[0] && !v.pushes && !v.history);
        return 0;
    }
    must(v.uid[0] && v.npushes <= ENVELOPE_PARTS_MAX);
    write_twice(&v, &first, &second);
    must(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    buf_free(&first);
    buf_free(&second);
    envelope_free(&v);
    return 0;
}
