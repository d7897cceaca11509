/* SPDX-License-Identifier: MIT
 * Outcomes as the worker writes them, one per line: every status and reason with every choice of
 * what may be absent. */
#include <stdio.h>
#include <stdlib.h>

#include "job/outcome.h"

enum { FLAGS = 12 };

static const struct push_done pushes[] = {{.part = 0, .message_id = "501029", .request_id = "R-0"},
                                          {.part = 1, .message_id = "501030", .request_id = "R-1"}};
/* Of a job to a group of apps. */
static const struct push_done group[] = {
    {.part = 0, .message_id = "501029", .request_id = "R-0", .app = "default"},
    {.part = 1, .message_id = "501030", .request_id = "R-1", .app = "ios"}};
static const struct reply reply = {
    .http_status = 400, .code = "InvalidParameter", .message = "no", .request_id = "R"};

static void choose_bytes(struct outcome *o, bool binary, bool aside)
{
    o->bytes = binary ? "\xff\xfe" : "{\"a\":1}\n";
    o->len = binary ? 2 : 8;
    o->job_ref = aside ? "{push:jobs}:oversize 1-2" : NULL;
}

static struct outcome made(enum reason reason, unsigned flags, json_t *meta)
{
    bool has[FLAGS];
    for (int i = 0; i < FLAGS; i++)
        has[i] = flags >> i & 1;
    struct outcome o = {
        .id = "j1",
        .app = has[0] ? "default" : NULL,
        .code = has[0] ? "I10001" : NULL,
        .worker = "h-1-ab",
        .reason = reason,
        .duplicate = reason == REASON_NONE && has[1],
        .maybe_sent = has[1],
        .overlap = has[2],
        .error = has[3] ? &reply : NULL,
        .error_message = has[4] ? "school: an integer, must be a string" : NULL,
        .call = has[10] ? "BATCH.0ab" : NULL,
        .task = has[10] ? flags % 100 : 0,
        .pushes = has[11] ? group : pushes,
        .npushes = reason == REASON_NONE ? 1 + has[5] : 2 * has[5],
        .attempts = has[5],
        .crashes = has[2],
        .enqueued_at_ms = has[6] ? 1900 : JOB_ABSENT,
        .claimed_at_ms = 2000,
        .done_at_ms = has[5] ? 1800 : 2500,
        .meta = has[7] ? meta : NULL,
        .traceparent = has[7] ? "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" : NULL,
        .history = has[8] ? "[{\"reason\":\"expired\"}]" : NULL,
        .queue = has[8] ? "push:jobs" : NULL,
        .gen = has[8],
    };
    choose_bytes(&o, has[9], has[6] && has[2]);
    return o;
}

int main(void)
{
    json_t *meta = json_pack("{s:i}", "k", 1);
    for (int reason = REASON_NONE; reason <= REASON_CANCELLED; reason++)
        for (unsigned flags = 0; flags < 1u << FLAGS; flags++) {
            struct outcome o = made((enum reason)reason, flags, meta);
            struct buf out;
            buf_init(&out, 4000);
            outcome_write(&o, &out);
            if (!buf_ok(&out))
                abort();
            puts(buf_text(&out));
            buf_free(&out);
        }
    json_decref(meta);
    return 0;
}
