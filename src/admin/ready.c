/* SPDX-License-Identifier: MIT */
#include "admin/ready.h"

#include <stdio.h>
#include <string.h>

#include "base/chars.h"

const char *ready_check_name(enum ready_check c)
{
    static const char *const names[READY_CHECKS] = {
        [READY_CONFIG] = "config",   [READY_REDIS] = "redis",       [READY_WRITE] = "write",
        [READY_SCRIPTS] = "scripts", [READY_DRAINING] = "draining", [READY_WATCHDOG] = "watchdog",
        [READY_QUEUES] = "queues",   [READY_CALLS] = "calls",       [READY_KEYS] = "keys",
    };
    return names[c];
}

static void fail_check(struct ready *r, enum ready_check check, const char *queue, const char *why)
{
    if (!r->why[check][0])
        snprintf(r->why[check], READY_WHY_SIZE, "%s%s%.128s", why, queue ? " queue=" : "",
                 queue ? queue : "");
    chars_trim(r->why[check]);
    r->ok = false;
}

static void judge_write(const struct ready_lane *lane, int64_t now_ms, struct ready *r)
{
    char late[64];
    int64_t waited = now_ms - lane->wrote_ms;
    if (lane->writing && waited > READY_WRITE_LATE_MS) {
        snprintf(late, sizeof late, "no answer for %lld ms", (long long)waited);
        fail_check(r, READY_WRITE, lane->queue, late);
    } else if (!lane->written) {
        fail_check(r, READY_WRITE, lane->queue, "not tried yet");
    } else if (lane->refusal[0]) {
        fail_check(r, READY_WRITE, lane->queue, lane->refusal);
    }
}

void ready_judge(const struct ready_lane *lanes, size_t n, bool draining, int64_t now_ms,
                 struct ready *out)
{
    *out = (struct ready){.ok = true};
    for (size_t i = 0; i < n; i++) {
        const struct ready_lane *lane = &lanes[i];
        if (!lane->up)
            fail_check(out, READY_REDIS, lane->queue,
                       lane->down_why && lane->down_why[0] ? lane->down_why : "no connection");
        judge_write(lane, now_ms, out);
        if (!lane->open)
            fail_check(out, READY_SCRIPTS, lane->queue, "not run on this connection yet");
        if (lane->aside)
            fail_check(out, READY_QUEUES, lane->queue, lane->aside);
        if (lane->dropped_ms > lane->claimed_ms)
            fail_check(out, READY_WATCHDOG, lane->queue,
                       "no claim answered since it dropped the connection");
    }
    if (draining)
        fail_check(out, READY_DRAINING, NULL, "draining");
}

static void fail_app(struct ready *r, enum ready_check check, const char *app, const char *why)
{
    char text[READY_WHY_SIZE];
    snprintf(text, sizeof text, "%.96s app=%.64s", why, app);
    fail_check(r, check, NULL, text);
}

void ready_note_calls(struct ready *r, const char *app, const char *why)
{
    fail_app(r, READY_CALLS, app, why);
}

void ready_note_keys(struct ready *r, const char *app, const char *why)
{
    fail_app(r, READY_KEYS, app, why);
}

enum ready_check ready_first(const struct ready *r)
{
    unsigned i = 0;
    while (i < READY_CHECKS && !r->why[i][0])
        i++;
    return (enum ready_check)i;
}

void ready_write(const struct ready *r, struct buf *out)
{
    buf_printf(out, "{\"ready\":%s,\"checks\":{", r->ok ? "true" : "false");
    for (unsigned i = 0; i < READY_CHECKS; i++) {
        const char *why = r->why[i][0] ? r->why[i] : "ok";
        buf_printf(out, "%s\"%s\":", i ? "," : "", ready_check_name((enum ready_check)i));
        buf_json(out, why, strlen(why));
    }
    buf_putc(out, '}');
}
