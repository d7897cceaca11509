/* SPDX-License-Identifier: MIT */
#include "mock/world/cancel.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"

bool cancel_waiting_push(struct record *record, const struct request *q, int64_t now_ms,
                         struct refusal *r)
{
    struct record_call *c;
    int64_t id = 0, push_ms = 0;
    text_int(fields_get(&q->fields, "MessageId"), 1, INT64_MAX, &id);
    struct record_task *task = record_find_message(record, (uint64_t)id, &c);
    bool waiting =
        task && !task->cancelled &&
        strcmp(record_param(c, "AppKey"), fields_get(&q->fields, "AppKey")) == 0 &&
        clock_parse_rfc3339(record_task_param(c, (int)(task - c->tasks), "PushTime"), &push_ms) &&
        push_ms > now_ms;
    if (!waiting)
        return refusal_named(r, "Invalid", "MessageId", ".NotFound",
                             "The message is unknown or was pushed already.");
    task->cancelled = true;
    return true;
}
