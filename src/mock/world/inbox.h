/* SPDX-License-Identifier: MIT
 * What the devices of a world received. A push is delivered when it is accepted, to whoever its
 * target means at that moment; with a PushTime it may be shown only once that has come. */
#ifndef PB_MOCK_WORLD_INBOX_H
#define PB_MOCK_WORLD_INBOX_H

#include "base/buf.h"
#include "mock/wire/fields.h"
#include "mock/world/world.h"

enum { INBOX_MESSAGES_MAX = 2000000, INBOX_DELIVERIES_MAX = 20000000 };
#define INBOX_BYTES_MAX ((size_t)512 << 20) /* of texts */

/* One push, however many devices it reached. */
struct inbox_message {
    uint64_t id;
    int64_t at_ms, due_ms; /* accepted; PushTime, or the same */
    int64_t app_key;
    char *text; /* job key, token, action, title, body: each ended by NUL */
    uint64_t content;
    uint32_t reached;
    bool cancelled;
};

struct inbox {
    struct inbox_message *messages;
    size_t count, cap, bytes;
    uint64_t deliveries;
    uint64_t unreached; /* pushes that meant no device */
    uint64_t dropped;   /* pushes that found no room here */
    bool when_due;      /* a push is shown from its PushTime on */
};

/* A push as it was accepted. */
struct inbox_push {
    uint64_t id;
    const struct fields *fields;          /* of a Push or a task: Target … Body */
    const char *target, *target_value;    /* NULL: those of fields */
    const char *app_key, *token, *action; /* token: "" when there is none */
    int64_t now_ms;
};

void inbox_init(struct inbox *b);
void inbox_free(struct inbox *b);
/* Forgets what was received, in the world's devices too. */
void inbox_clear(struct inbox *b, struct world *w);

void inbox_deliver(struct inbox *b, struct world *w, const struct inbox_push *push);
void inbox_cancel(struct inbox *b, uint64_t message_id);

bool inbox_shows(const struct inbox *b, const struct inbox_message *m, int64_t now_ms);

enum inbox_text { INBOX_JOB_KEY, INBOX_TOKEN, INBOX_ACTION, INBOX_TITLE, INBOX_BODY };
const char *inbox_text(const struct inbox_message *m, enum inbox_text which);

#endif
