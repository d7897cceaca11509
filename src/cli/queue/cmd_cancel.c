/* SPDX-License-Identifier: MIT
 * pushbridge cancel: takes back a job that has not reached phones yet. */
#include <string.h>

#include "base/mem.h"
#include "cli/provider.h"
#include "cli/queue/cancel_find.h"
#include "job/envelope.h"

struct cancel_args {
    struct cli_args common;
    const char *queue;
    bool with_others;
};

struct cancelling {
    struct tool *tool;
    const char *id;
    bool with_others;
    unsigned done, leased, moved, in_shared_call; /* moved: on, while it was looked for */
    bool lost;
};

/* --- the outcome ----------------------------------------------------------------------------- */

static void write_outcome(const struct found *at, const struct job *job, const struct envelope *v,
                          struct buf *out)
{
    int64_t now = queue_now_ms(at->queue);
    const struct outcome o = {
        .id = v->uid,
        .app = job->app ? job->app : "default",
        .code = job->code,
        .worker = "cancel",
        .traceparent = job->traceparent,
        .reason = REASON_CANCELLED,
        .maybe_sent = v->unanswered || v->given_up,
        .error_message = "cancelled before it was sent",
        .pushes = v->pushes,
        .npushes = v->npushes,
        .attempts = v->attempts,
        .crashes = at->value.crashes,
        .claimed_at_ms = v->t0_ms ? v->t0_ms : now,
        .done_at_ms = now,
        .meta = job->meta,
        .history = v->history,
        .queue = queue_name(at->queue),
        .gen = v->gen,
        .begun = &v->begun,
        .bytes = at->value.bytes,
        .len = at->value.len,
    };
    outcome_write(&o, out);
}

static void on_reply_to(void *arg, redisReply *reply)
{
    (void)arg;
    if (!reply || reply->type == REDIS_REPLY_ERROR)
        fputs("pushbridge cancel: reply_to did not get the outcome\n", stderr);
}

static void send_reply_to(struct cancelling *c, const char *key, const struct buf *outcome)
{
    char ttl[24], from[24];
    snprintf(ttl, sizeof ttl, "%lld", (long long)c->tool->config->reply_ttl_s);
    snprintf(from, sizeof from, "%lld", -(long long)c->tool->config->reply_list_max);
    const size_t lens[] = {5, strlen(key), outcome->len};
    link_command(c->tool->link, 3, (const char *[]){"RPUSH", key, buf_text(outcome)}, lens, 0,
                 on_reply_to, c);
    link_command(c->tool->link, 4, (const char *[]){"LTRIM", key, from, "-1"}, NULL, 0, on_reply_to,
                 c);
    link_command(c->tool->link, 3, (const char *[]){"EXPIRE", key, ttl}, NULL, 0, on_reply_to, c);
}

/* --- in the queue ---------------------------------------------------------------------------- */

struct step {
    enum queue_cancelled how;
    bool done;
};

static void on_taken_out(void *arg, enum queue_cancelled how)
{
    struct step *s = arg;
    *s = (struct step){how, true};
}

static enum queue_cancelled take_out(struct cancelling *c, const struct found *at,
                                     const struct buf *outcome)
{
    struct step s = {0};
    if (at->member)
        queue_cancel_waiting(at->queue, at->field, at->text.p, at->text.len, buf_text(outcome),
                             outcome->len, on_taken_out, &s);
    else
        queue_cancel_listed(at->queue, at->list, at->name, at->place, at->text.p, at->text.len,
                            buf_text(outcome), outcome->len, on_taken_out, &s);
    link_run(c->tool->link, &s.done);
    return s.how;
}

static void report_cancelled(struct cancelling *c, const struct found *at, enum queue_cancelled how,
                             size_t pushes)
{
    switch (how) {
    case CANCEL_DONE:
        c->done++;
        cli_put(stdout, "cancelled in %s", queue_name(at->queue));
        if (pushes)
            printf("; %zu of its parts had been pushed before", pushes);
        putchar('\n');
        break;
    case CANCEL_LEASED:
        c->leased++;
        break;
    case CANCEL_GONE:
        c->moved++;
        break;
    case CANCEL_UNKNOWN:
        c->lost = true;
    }
}

/* Without it the call cannot be made again, and all the others would end as ambiguous. Where the
 * call was answered, they go on without it. */
static bool waits_with_others(const struct envelope *v)
{
    return v->call[0] && v->unanswered;
}

static enum queue_cancelled end_job(struct cancelling *c, const struct found *at,
                                    const struct job *job, const struct envelope *v)
{
    struct buf outcome;
    buf_init(&outcome, OUTCOME_ROOM + OUTCOME_JOB_FACTOR * at->text.len);
    write_outcome(at, job, v, &outcome);
    enum queue_cancelled how = take_out(c, at, &outcome);
    report_cancelled(c, at, how, v->npushes);
    if (how == CANCEL_DONE && job->reply_to)
        send_reply_to(c, job->reply_to, &outcome);
    buf_free(&outcome);
    return how;
}

static bool on_found(void *arg, const struct found *at)
{
    struct cancelling *c = arg;
    enum queue_cancelled how = CANCEL_GONE;
    struct job job;
    struct envelope v;
    struct err e;
    struct refusal why;
    if (c->lost)
        return false;
    bool parsed =
        job_parse(at->value.bytes, at->value.len, &c->tool->config->job_limits, &job, &why);
    (void)parsed; /* what no worker could read may be cancelled, too */
    if (!at->value.envelope_len ||
        !envelope_read(at->value.envelope, at->value.envelope_len, &v, &e)) {
        v = (struct envelope){0};
        snprintf(v.uid, sizeof v.uid, "%s", c->id);
    }
    if (waits_with_others(&v))
        c->in_shared_call++;
    else
        how = end_job(c, at, &job, &v);
    envelope_free(&v);
    job_free(&job);
    return how == CANCEL_DONE;
}

/* --- at the provider ------------------------------------------------------------------------- */

static bool cancel_message(struct cancelling *c, const struct config_app *app,
                           const char *message_id)
{
    struct params params;
    struct reply reply = {0};
    struct err e;
    params_init(&params);
    params_set(&params, "MessageId", message_id);
    bool ok = provider_call(c->tool->link, c->tool->config, app, "CancelPush", &params, &reply, &e);
    params_free(&params);
    if (!ok) {
        cli_line(stderr, "pushbridge cancel: %s", e.text);
        return false;
    }
    if (reply.class == REPLY_SENT) {
        cli_line(stdout, "cancelled at the provider: message %s", message_id);
        return true;
    }
    bool late = strcmp(reply.code, "InvalidMessageId.NotFound") == 0;
    cli_line(stderr, "pushbridge cancel: message %s: %s%s", message_id,
             *reply.code ? reply.code : reply.message, late ? ": it has been pushed already" : "");
    return false;
}

/* A part of a job of several apps says whose it is. */
static bool cancel_part(struct cancelling *c, const json_t *outcome, const json_t *push)
{
    const char *name = json_string_value(json_object_get(push, "app"));
    const char *id = json_string_value(json_object_get(push, "message_id"));
    if (!name)
        name = json_string_value(json_object_get(outcome, "app"));
    const struct config_app *app = config_app_find(c->tool->config, name ? name : "default");
    if (!app)
        fprintf(stderr, "pushbridge cancel: it was sent by an app that is not configured\n");
    if (app && id && json_object_get(push, "task") && !c->with_others) {
        cli_line(stderr,
                 "pushbridge cancel: message %s went out in a call of several jobs: other jobs may "
                 "share it (--with-others takes it back for all of them)",
                 id);
        return false;
    }
    return app && id && cancel_message(c, app, id);
}

static int cancel_sent(struct cancelling *c, const json_t *outcome)
{
    const json_t *push, *pushes = json_object_get(outcome, "pushes");
    size_t i;
    int code = CLI_OK;
    json_array_foreach(pushes, i, push)
    {
        if (!cancel_part(c, outcome, push))
            code = CLI_FAILED;
    }
    return code;
}

static int look_in_results(struct cancelling *c)
{
    json_t *outcome = NULL;
    for (size_t i = 0; i < c->tool->n && !outcome; i++)
        outcome = cancel_find_sent(c->tool, c->tool->queues[i], c->id);
    int code = outcome ? cancel_sent(c, outcome) : CLI_FAILED;
    if (!outcome)
        fputs("pushbridge cancel: no job with that id is queued, waiting or sent\n", stderr);
    json_decref(outcome);
    return code;
}

/* --- the whole ------------------------------------------------------------------------------- */

enum { ROUNDS = 3 }; /* a job that moved on while it was looked for */

static bool look_in_queues(struct cancelling *c)
{
    for (int round = 0; round < ROUNDS; round++) {
        c->moved = c->leased = c->in_shared_call = 0;
        for (size_t i = 0; i < c->tool->n; i++)
            if (!tool_clock(c->tool, c->tool->queues[i]) ||
                !cancel_find(c->tool, c->tool->queues[i], c->id, on_found, c))
                return false;
        if (!c->moved)
            break;
    }
    return !c->lost;
}

static int cancel_job(struct tool *t, const void *args)
{
    const struct cancel_args *a = args;
    struct cancelling cancelling = {
        .tool = t, .id = a->common.given.words[0], .with_others = a->with_others};
    struct cancelling *c = &cancelling;
    if (!look_in_queues(c)) {
        if (c->lost)
            fputs("pushbridge cancel: Redis did not answer: it may or may not be cancelled\n",
                  stderr);
        return CLI_FAILED;
    }
    if (c->leased || c->moved) {
        fputs("pushbridge cancel: a worker holds it and may be sending it: ask again\n", stderr);
        return CLI_FAILED;
    }
    if (c->in_shared_call) {
        fputs(
            "pushbridge cancel: it shares a call with other jobs that may have reached phones and "
            "can only be repeated whole: it stays\n",
            stderr);
        return CLI_FAILED;
    }
    return c->done ? CLI_OK : look_in_results(c);
}

static bool check_cancel(void *args, struct err *e)
{
    const struct args *given = args;
    return *given->words[0] || err_set(e, "ID must not be empty");
}

static int run_cancel(void *args, struct config *config)
{
    const struct cancel_args *a = args;
    return tool_run(config, a->queue, cancel_job, args);
}

static const struct args_option options[] = {
    CLI_CONFIG_OPTION,
    {ARGS_IS_TEXT("queue", "NAME", struct cancel_args, queue, "only this queue"), .min = 1},
    {ARGS_IS_FLAG("with-others", struct cancel_args, with_others,
                  "at the provider: also a push that other jobs may share, which takes it back for "
                  "all of them")},
};
static const struct args_command cancel_args = {
    .name = "cancel",
    .title = "take back a job that has not reached phones yet",
    .about =
        "A job that is ready, parked or waiting for a retry is taken out and ends as a dead letter "
        "with the reason cancelled. One that a worker holds is left alone (exit 1): ask again. So "
        "is one that shares an unanswered call with other jobs, since that can only be repeated "
        "whole. One that was sent with a PushTime still to come is cancelled at the provider "
        "(CancelPush; looked for in the last 100000 results). Exit 1 when there was nothing to "
        "cancel, or not all of it could be.",
    ARGS_NO_VERB("[-c FILE] [--queue NAME] [--with-others]", "ID", 1, 1),
    ARGS_OPTIONS(options),
    .size = sizeof(struct cancel_args),
    .check = check_cancel,
};
const struct cli_command cmd_cancel = {&cancel_args, CLI_NEEDS_TOOL, run_cancel};
