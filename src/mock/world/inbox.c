/* SPDX-License-Identifier: MIT */
#include "mock/world/inbox.h"

#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "mock/world/audience.h"

void inbox_init(struct inbox *b)
{
    *b = (struct inbox){0};
}

void inbox_free(struct inbox *b)
{
    for (size_t i = 0; i < b->count; i++)
        mem_free(b->messages[i].text);
    mem_free(b->messages);
    *b = (struct inbox){.when_due = b->when_due};
}

void inbox_clear(struct inbox *b, struct world *w)
{
    for (size_t i = 0; i < w->device_count; i++) {
        mem_free(w->devices[i]->inbox);
        w->devices[i]->inbox = NULL;
        w->devices[i]->inbox_count = w->devices[i]->inbox_cap = 0;
    }
    inbox_free(b);
}

static const char *inbox_field(const struct fields *f, const char *name)
{
    const char *value = fields_get(f, name);
    return value ? value : "";
}

static int64_t due_ms(const struct inbox_push *push)
{
    int64_t ms = push->now_ms;
    const char *time = fields_get(push->fields, "PushTime");
    return time && clock_parse_rfc3339(time, &ms) && ms > push->now_ms ? ms : push->now_ms;
}

static size_t add_texts(struct inbox_message *m, const struct inbox_push *push)
{
    const char *texts[] = {inbox_field(push->fields, "JobKey"), push->token, push->action,
                           inbox_field(push->fields, "Title"), inbox_field(push->fields, "Body")};
    size_t size = 0, n = sizeof(texts) / sizeof(*texts);
    for (size_t i = 0; i < n; i++)
        size += strlen(texts[i]) + 1;
    char *at = m->text = mem_alloc(size);
    for (size_t i = 0; i < n; i++)
        at = stpcpy(at, texts[i]) + 1;
    m->content = hash_add(HASH_START, texts[INBOX_TITLE], strlen(texts[INBOX_TITLE]) + 1);
    m->content = hash_add(m->content, texts[INBOX_BODY], strlen(texts[INBOX_BODY]) + 1);
    return size;
}

static struct inbox_message *new_message(struct inbox *b, const struct inbox_push *push)
{
    if (b->count == b->cap) {
        b->cap = b->cap ? b->cap * 2 : 256;
        b->messages = mem_resize(b->messages, b->cap * sizeof(*b->messages));
    }
    struct inbox_message *m = &b->messages[b->count++];
    *m = (struct inbox_message){.id = push->id, .at_ms = push->now_ms, .due_ms = due_ms(push)};
    text_int(push->app_key, 0, INT64_MAX, &m->app_key);
    b->bytes += add_texts(m, push);
    return m;
}

/* What the page says of a device that is not connected: a notice finds it, unless it depends on the
 * provider's own channel alone; a message waits for StoreOffline, or becomes a notice by …Remind.
 */
static bool finds_offline(const struct fields *f, const struct world_device *d)
{
    bool stored = strcmp(inbox_field(f, "StoreOffline"), "true") == 0;
    bool ios = strcmp(d->type, "iOS") == 0;
    const char *remind = ios                               ? "iOSRemind"
                         : strcmp(d->type, "ANDROID") == 0 ? "AndroidRemind"
                                                           : "HarmonyRemind";
    if (strcmp(inbox_field(f, "PushType"), "NOTICE") == 0)
        return stored || ios;
    return stored || strcmp(inbox_field(f, remind), "true") == 0;
}

static void put_message(struct world_device *d, uint32_t message)
{
    if (d->inbox_count == d->inbox_cap) {
        d->inbox_cap = d->inbox_cap ? d->inbox_cap * 2 : 4;
        d->inbox = mem_resize(d->inbox, d->inbox_cap * sizeof(*d->inbox));
    }
    d->inbox[d->inbox_count++] = message;
}

static void deliver_to(struct inbox *b, struct world *w, const struct inbox_push *push,
                       const struct audience *who)
{
    struct inbox_message *m = new_message(b, push);
    for (size_t i = 0; i < who->count; i++) {
        struct world_device *d = w->devices[who->items[i]];
        if (d->offline && !finds_offline(push->fields, d))
            continue;
        put_message(d, (uint32_t)(b->count - 1));
        m->reached++;
    }
    b->deliveries += m->reached;
    b->unreached += !m->reached;
}

void inbox_deliver(struct inbox *b, struct world *w, const struct inbox_push *push)
{
    struct audience who;
    const char *type = fields_get(push->fields, "DeviceType");
    struct audience_ask ask = {
        .target = push->target ? push->target : inbox_field(push->fields, "Target"),
        .value = push->target ? push->target_value : inbox_field(push->fields, "TargetValue"),
        .device_type = type ? type : "ALL"};
    text_int(push->app_key, 0, INT64_MAX, &ask.app_key);
    if (!w->seeded || strcmp(ask.target, "TBD") == 0)
        return;
    audience_find(w, &ask, &who);
    if (b->count < INBOX_MESSAGES_MAX && b->bytes < INBOX_BYTES_MAX &&
        b->deliveries + who.count <= INBOX_DELIVERIES_MAX)
        deliver_to(b, w, push, &who);
    else
        b->dropped++;
    audience_free(&who);
}

void inbox_cancel(struct inbox *b, uint64_t message_id)
{
    for (size_t i = b->count; i-- > 0;)
        if (b->messages[i].id == message_id)
            b->messages[i].cancelled = true;
}

bool inbox_shows(const struct inbox *b, const struct inbox_message *m, int64_t now_ms)
{
    return !m->cancelled && (!b->when_due || m->due_ms <= now_ms);
}

const char *inbox_text(const struct inbox_message *m, enum inbox_text which)
{
    const char *p = m->text;
    for (int i = 0; i < (int)which; i++)
        p += strlen(p) + 1;
    return p;
}
