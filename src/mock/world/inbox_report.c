/* SPDX-License-Identifier: MIT */
#include "mock/world/inbox_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* Of one device, or of all. */
struct sums {
    uint64_t count;
    uint64_t duplicates;   /* messages of an app and JobKey that came before */
    uint64_t same_content; /* messages with a title and body that came before */
};

/* One device's inbox under the eyes of a reader. */
struct look {
    const struct inbox *inbox;
    const struct world_device *device;
    int64_t now_ms;
    struct sums sums;
};

static const struct inbox_message *message_at(const struct look *l, size_t i)
{
    const struct inbox_message *m = &l->inbox->messages[l->device->inbox[i]];
    return inbox_shows(l->inbox, m, l->now_ms) ? m : NULL;
}

static uint64_t count_key(struct table *seen, const char *key)
{
    uint64_t *times = table_put(seen, key);
    return (*times)++ > 0;
}

static void add_up(struct look *l)
{
    struct table seen;
    char key[128];
    table_init(&seen, INBOX_MESSAGES_MAX, sizeof(uint64_t));
    for (size_t i = 0; i < l->device->inbox_count; i++) {
        const struct inbox_message *m = message_at(l, i);
        if (!m)
            continue;
        const char *job = inbox_text(m, INBOX_JOB_KEY);
        l->sums.count++;
        snprintf(key, sizeof(key), "job %" PRId64 " %.64s", m->app_key, job);
        l->sums.duplicates += *job ? count_key(&seen, key) : 0;
        snprintf(key, sizeof(key), "content %" PRIx64, m->content);
        l->sums.same_content += count_key(&seen, key);
    }
    table_free(&seen);
}

static void add_sums(struct buf *out, const struct sums *s)
{
    buf_printf(out, "\"count\":%" PRIu64 ",\"duplicates\":%" PRIu64 ",\"same_content\":%" PRIu64,
               s->count, s->duplicates, s->same_content);
}

static void add_inbox_text(struct buf *out, const char *name, const char *text)
{
    buf_printf(out, ",\"%s\":", name);
    if (text_is_utf8(text, strlen(text)))
        buf_json(out, text, strlen(text));
    else
        buf_puts(out, "null");
}

static void report_message(struct buf *out, const struct inbox_message *m)
{
    static const char *const names[] = {"job_key", "token", "action", "title", "body"};
    buf_printf(out, "{\"message_id\":\"%" PRIu64 "\",\"app_key\":%" PRId64, m->id, m->app_key);
    buf_printf(out, ",\"at_ms\":%" PRId64 ",\"due_ms\":%" PRId64, m->at_ms, m->due_ms);
    for (int i = 0; i < (int)(sizeof(names) / sizeof(*names)); i++)
        add_inbox_text(out, names[i], inbox_text(m, (enum inbox_text)i));
    buf_putc(out, '}');
}

static void add_messages(struct buf *out, const struct look *l)
{
    const char *comma = "";
    buf_puts(out, ",\"messages\":[");
    for (size_t i = 0; i < l->device->inbox_count; i++) {
        const struct inbox_message *m = message_at(l, i);
        if (!m)
            continue;
        buf_puts(out, comma);
        report_message(out, m);
        comma = ",";
    }
    buf_putc(out, ']');
}

static void add_device(struct buf *out, const struct look *l, bool full)
{
    buf_printf(out, "{\"device\":\"%s\",", l->device->id);
    add_sums(out, &l->sums);
    if (full)
        add_messages(out, l);
    buf_putc(out, '}');
}

void inbox_report_device(const struct inbox *b, const struct world_device *d, int64_t now_ms,
                         struct buf *out)
{
    struct look l = {.inbox = b, .device = d, .now_ms = now_ms};
    add_up(&l);
    add_device(out, &l, true);
    buf_putc(out, '\n');
}

void inbox_report_all(const struct inbox *b, const struct world *w, int64_t now_ms, bool full,
                      struct buf *out)
{
    struct sums all = {0};
    const char *comma = "";
    buf_puts(out, "{\"list\":[");
    for (size_t i = 0; i < w->device_count; i++) {
        struct look l = {.inbox = b, .device = w->devices[i], .now_ms = now_ms};
        if (l.device->inbox_count)
            add_up(&l);
        if (!l.sums.count)
            continue;
        buf_puts(out, comma);
        add_device(out, &l, full);
        comma = ",";
        all.count += l.sums.count;
        all.duplicates += l.sums.duplicates;
        all.same_content += l.sums.same_content;
    }
    buf_puts(out, "],");
    add_sums(out, &all);
    buf_printf(out, ",\"devices\":%zu,\"messages\":%zu", w->device_count, b->count);
    buf_printf(out, ",\"unreached\":%" PRIu64 ",\"dropped\":%" PRIu64 "}\n", b->unreached,
               b->dropped);
}
