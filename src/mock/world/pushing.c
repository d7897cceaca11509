/* SPDX-License-Identifier: MIT */
#include "mock/world/pushing.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/clock.h"
#include "mock/check/mass.h"

/* What reaches the receivers: everything but the times and what identifies the call. */
static void digest_content(const struct request *q, unsigned char out[REPLAY_DIGEST_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
    for (size_t i = 0; i < q->fields.count; i++) {
        const struct field *f = &q->fields.items[i];
        const char *name = f->name;
        bool of_task = tasks_number(f->name, &name) > 0;
        if ((!of_task && request_name_is_common(q, name)) || strcmp(name, "PushTime") == 0 ||
            strcmp(name, "ExpireTime") == 0 || strcmp(name, "IdempotentToken") == 0)
            continue;
        EVP_DigestUpdate(ctx, f->name, strlen(f->name) + 1);
        EVP_DigestUpdate(ctx, f->value, strlen(f->value) + 1);
    }
    EVP_DigestFinal_ex(ctx, digest, NULL);
    EVP_MD_CTX_free(ctx);
    memcpy(out, digest, REPLAY_DIGEST_SIZE);
}

/* Push and MassPush share the tokens: no source keeps them apart. */
enum record_outcome pushing_judge(struct deed *d, int tasks)
{
    struct provider *p = d->provider;
    unsigned char digest[REPLAY_DIGEST_SIZE];
    struct replay_ids fresh = {p->next_message_id, tasks};
    int64_t now_ms = clock_mono_ms();
    if (d->stay->key[0])
        digest_content(d->request, digest);
    switch (replay_judge(&p->replay, d->stay, digest, now_ms, &d->ids)) {
    case REPLAY_REPEAT:
        return RECORD_SUPPRESSED;
    case REPLAY_REFUSED:
        refusal_set(d->refusal, 400, "IdempotentParameterMismatch",
                    "The token was used with other parameters.");
        return RECORD_REFUSED;
    case REPLAY_PUSH:
    case REPLAY_OVERLAP:
        break;
    }
    d->ids = fresh;
    p->next_message_id += (uint64_t)fresh.count;
    replay_success(&p->replay, d->stay, digest, now_ms, fresh);
    return RECORD_PUSHED;
}

static void deliver_push(struct deed *d)
{
    const struct request *q = d->request;
    const char *token = fields_get(&q->fields, "IdempotentToken");
    struct inbox_push push = {.app_key = fields_get(&q->fields, "AppKey"),
                              .token = token ? token : "",
                              .action = q->action,
                              .now_ms = d->now_ms};
    for (int i = 0; i < d->ids.count; i++) {
        push.id = d->ids.first + (uint64_t)i;
        push.fields = q->tasks.count ? &q->tasks.list[i] : &q->fields;
        inbox_deliver(&d->provider->inbox, &d->provider->world, &push);
    }
}

static json_t *one_id(uint64_t id)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRIu64, id);
    return json_pack("{s:s}", "MessageId", text);
}

enum record_outcome pushing_act(struct deed *d)
{
    int tasks = d->request->tasks.count;
    enum record_outcome outcome = pushing_judge(d, tasks ? tasks : 1);
    if (outcome == RECORD_PUSHED)
        deliver_push(d);
    if (outcome != RECORD_REFUSED)
        d->answer = tasks ? mass_answer(d->ids, d->mass_ids) : one_id(d->ids.first);
    return outcome;
}
