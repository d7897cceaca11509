/* SPDX-License-Identifier: MIT
 * A job as a member or a parked list keeps it, "<crashes> <envelope length> <envelope><bytes>", and
 * the batch of members that a claim's answer has. */
#include "queue/queue_core.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A number that ends in a space; NULL when there is none before end. */
static const char *read_value_number(const char *p, const char *end, size_t *out)
{
    size_t n = 0, digits = 0;
    for (; p < end && *p >= '0' && *p <= '9' && digits < 10; p++, digits++)
        n = 10 * n + (size_t)(*p - '0');
    *out = n;
    return digits && p < end && *p == ' ' ? p + 1 : NULL;
}

bool queue_value_read(const char *value, size_t len, struct queue_value *out)
{
    const char *end = value + len;
    size_t crashes, envelope_len;
    const char *p = read_value_number(value, end, &crashes);
    p = p ? read_value_number(p, end, &envelope_len) : NULL;
    if (!p || envelope_len > (size_t)(end - p))
        return false;
    *out = (struct queue_value){.crashes = (unsigned)crashes,
                                .oversize = envelope_len && *p == '!',
                                .envelope = p,
                                .envelope_len = envelope_len,
                                .bytes = p + envelope_len,
                                .len = (size_t)(end - p) - envelope_len};
    return true;
}

/* "!<length> <key>[ <envelope>]" instead of an envelope: the bytes are not here. */
bool queue_member_oversize(struct queue_lease *lease, struct queue_member *m)
{
    const char *end = m->envelope + m->envelope_len;
    const char *key = memchr(m->envelope, ' ', m->envelope_len);
    if (!key || memchr(m->envelope, '\0', (size_t)(key - m->envelope)))
        return false;
    const char *stop = memchr(key + 1, ' ', (size_t)(end - key - 1));
    const char *rest = stop ? stop + 1 : end;
    m->oversize = true;
    m->len = (size_t)strtoull(m->envelope + 1, NULL, 10);
    queue_lease_add_oversize(lease, m->pos, m->envelope,
                             (size_t)((stop ? stop : end) - m->envelope));
    m->envelope = rest;
    m->envelope_len = (size_t)(end - rest);
    return true;
}

/* --- written --------------------------------------------------------------------------------- */

void queue_item_member(struct queue_item *item, const struct queue_end *end, const char *ref)
{
    assert(!end->envelope_len || end->envelope[0] != '!');
    size_t ref_len = ref ? strlen(ref) + (end->envelope_len ? 1 : 0) : 0;
    size_t len = ref ? 0 : end->len;
    char head[48];
    int n = snprintf(head, sizeof head, "%u %zu ", end->crashes, ref_len + end->envelope_len);
    struct buf b;
    buf_init(&b, (size_t)n + ref_len + end->envelope_len + len);
    buf_add(&b, head, (size_t)n);
    if (ref) {
        buf_puts(&b, ref);
        if (end->envelope_len)
            buf_putc(&b, ' ');
    }
    buf_add(&b, end->envelope ? end->envelope : "", end->envelope_len);
    buf_add(&b, end->bytes ? end->bytes : "", len);
    assert(buf_ok(&b));
    item->len = b.len;
    item->value = buf_take(&b);
}

/* --- batches --------------------------------------------------------------------------------- */

static bool is_reply_text(const redisReply *r)
{
    return r->type == REDIS_REPLY_STRING;
}

bool queue_is_batch(const redisReply *b)
{
    if (b->type != REDIS_REPLY_ARRAY || b->elements < CLAIM_BATCH_FIXED + 2 ||
        (b->elements - CLAIM_BATCH_FIXED) % 2)
        return false;
    static const unsigned texts[] = {CLAIM_BATCH_ID, CLAIM_BATCH_T0, CLAIM_BATCH_DIGEST,
                                     CLAIM_BATCH_GROUPING, CLAIM_BATCH_MARKS};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!is_reply_text(b->element[texts[i]]))
            return false;
    if (b->element[CLAIM_BATCH_ID]->len != QUEUE_ID_SIZE - 1)
        return false;
    /* With none there twice it has at most as many members as there are positions. */
    bool there[QUEUE_CLAIM_MAX] = {false};
    for (size_t i = CLAIM_BATCH_FIXED; i < b->elements; i += 2) {
        int64_t pos = queue_reply_int(b, i);
        if (pos < 0 || pos >= QUEUE_CLAIM_MAX || there[pos] || !is_reply_text(b->element[i + 1]))
            return false;
        there[pos] = true;
    }
    return true;
}
