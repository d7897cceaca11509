/* SPDX-License-Identifier: MIT */
#include "pipeline/flight_outcome.h"

#include <stdio.h>

/* Message ids belong to the apps of their parts. */
static void name_apps(const struct flight *f)
{
    for (size_t i = 0; f->group && i < f->env.npushes; i++) {
        const struct config_app *app = legs_app_of(f->group, f->env.pushes[i].part);
        f->env.pushes[i].app = app ? app->app.name : NULL;
    }
}

void flight_write_outcome(const struct flight *f, enum reason reason, bool maybe_sent,
                          const char *text, const char *worker, int64_t now_ms, struct buf *out)
{
    char ref[512];
    name_apps(f);
    if (f->oversize)
        snprintf(ref, sizeof ref, "%s:oversize %s", queue_key_prefix(f->lease), f->env.uid);
    const struct outcome o = {
        .id = f->env.uid,
        .app = flight_app_name(f),
        .code = f->job.code,
        .worker = worker,
        .traceparent = f->job.traceparent,
        .reason = reason,
        .duplicate = f->end == END_DUPLICATE,
        .maybe_sent = maybe_sent,
        .overlap = f->plan.target.overlap,
        .error = reason && f->call->has_reply ? &f->call->last : NULL,
        .error_message = text,
        .call = f->env.call[0] ? f->env.call : NULL,
        .task = f->env.task,
        .pushes = f->env.pushes,
        .npushes = f->env.npushes,
        .attempts = f->env.attempts,
        .crashes = f->crashes,
        .enqueued_at_ms = f->job.root ? f->job.enqueued_at_ms : JOB_ABSENT,
        .claimed_at_ms = f->claimed_at_ms,
        .done_at_ms = now_ms,
        .meta = f->job.meta,
        .history = f->env.history,
        .queue = queue_lease_queue(f->lease),
        .gen = f->env.gen,
        .begun = &f->env.begun,
        .job_ref = f->oversize ? ref : NULL,
        .bytes = f->bytes,
        .len = f->len,
    };
    outcome_write(&o, out);
}
