/* SPDX-License-Identifier: MIT
 * pushbridge send: puts jobs into a queue, checked first, and waits for their outcomes. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/jobs/send_args.h"
#include "cli/link.h"
#include "job/written/numbers.h"

enum { BATCH_MAX = 100, SLICE_S = 5, REPLY_KEY_SIZE = 320 };

struct send {
    const struct send_args *args;
    const struct config *config;
    struct link *link;
    const char *queue;
    char reply_key[REPLY_KEY_SIZE]; /* with --wait */
    char *batch[BATCH_MAX];
    size_t lens[BATCH_MAX], n;
    unsigned long queued, invalid, sent, dead;
    bool lost;
};

/* --- pushing --------------------------------------------------------------------------------- */

static void on_batch_pushed(void *arg, redisReply *reply)
{
    struct send *s = arg;
    if (reply && reply->type == REDIS_REPLY_INTEGER) {
        s->queued += s->n;
        return;
    }
    s->lost = true;
    cli_line(stderr, "pushbridge send: %s",
             reply && reply->str ? reply->str
                                 : "Redis did not answer: the last jobs may or may not be queued");
}

static bool push_batch(struct send *s)
{
    const char *argv[BATCH_MAX + 2] = {"RPUSH", s->queue};
    size_t lens[BATCH_MAX + 2] = {5, strlen(s->queue)};
    for (size_t i = 0; i < s->n; i++) {
        argv[i + 2] = s->batch[i];
        lens[i + 2] = s->lens[i];
    }
    if (s->n && !s->lost)
        link_command(s->link, (int)s->n + 2, argv, lens, 0, on_batch_pushed, s);
    for (size_t i = 0; i < s->n; i++)
        mem_free(s->batch[i]);
    s->n = 0;
    return !s->lost;
}

static bool batch_job(struct send *s, const char *bytes, size_t len)
{
    s->batch[s->n] = mem_dup(bytes, len);
    s->lens[s->n++] = len;
    return s->n < BATCH_MAX || push_batch(s);
}

/* --- checking -------------------------------------------------------------------------------- */

static bool check_job_bytes(const struct send *s, const char *bytes, size_t len, struct err *e)
{
    struct job job;
    struct refusal why;
    if (len > (size_t)s->config->job_max_bytes)
        return err_set(e, "longer than %lld bytes (queue.job_max_bytes)",
                       (long long)s->config->job_max_bytes);
    bool ok = job_parse(bytes, len, &s->config->job_limits, &job, &why) ||
              err_set(e, "%s: %s", reason_name(why.reason), why.err.text);
    job_free(&job);
    return ok;
}

/* --wait: the outcome must come to our list. False where the job has a list of its own. */
static bool add_reply_to(const struct send *s, json_t *job)
{
    if (!s->args->wait)
        return true;
    return !json_object_get(job, "reply_to") &&
           json_object_set_new(job, "reply_to", json_string(s->reply_key)) == 0;
}

static char *dump_job(const json_t *job)
{
    char *text = json_dumps(job, JSON_COMPACT);
    char *copy = mem_strdup(text ? text : "");
    numbers_restore(copy, strlen(copy));
    free(text);
    return copy;
}

/* --- from options ---------------------------------------------------------------------------- */

/* The job's bytes, NULL after a message when it would be refused. */
static char *make_job(const struct send *s)
{
    struct err e;
    json_t *job = s->args->job;
    json_object_set_new(job, "enqueued_at", json_integer(clock_wall_ms()));
    add_reply_to(s, job);
    char *text = dump_job(job);
    if (check_job_bytes(s, text, strlen(text), &e))
        return text;
    cli_line(stderr, "pushbridge send: %s", e.text);
    mem_free(text);
    return NULL;
}

/* --- from lines ------------------------------------------------------------------------------ */

static bool send_line(struct send *s, const struct buf *line, struct err *e)
{
    if (!buf_ok(line))
        return err_set(e, "longer than %lld bytes (queue.job_max_bytes)",
                       (long long)s->config->job_max_bytes);
    if (!check_job_bytes(s, buf_text(line), line->len, e))
        return false;
    if (!s->args->wait)
        return batch_job(s, buf_text(line), line->len) || err_set(e, "not queued");
    json_t *job = numbers_load(buf_text(line), line->len, 0, NULL);
    numbers_keep(job, buf_text(line), line->len, numbers_everywhere, SIZE_MAX);
    char *text = NULL;
    bool ok = add_reply_to(s, job) || err_set(e, "reply_to: cannot be kept with --wait");
    if (ok) {
        text = dump_job(job);
        ok = check_job_bytes(s, text, strlen(text), e) &&
             (batch_job(s, text, strlen(text)) || err_set(e, "not queued"));
    }
    mem_free(text);
    json_decref(job);
    return ok;
}

static int send_lines(struct send *s)
{
    struct buf line;
    struct err e;
    buf_init(&line, (size_t)s->config->job_max_bytes);
    for (unsigned long number = 1; !s->lost && cli_read_line(stdin, &line); number++) {
        if ((!line.len && buf_ok(&line)) || send_line(s, &line, &e))
            continue;
        s->invalid++;
        cli_line(stderr, "pushbridge send: line %lu: %s", number, e.text);
    }
    bool read = s->lost || cli_input_ok();
    buf_free(&line);
    push_batch(s);
    return s->lost || s->invalid || !read ? CLI_FAILED : CLI_OK;
}

/* --- waiting --------------------------------------------------------------------------------- */

static void on_outcome(void *arg, redisReply *reply)
{
    struct send *s = arg;
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
        return; /* nothing yet, or the connection was lost: asked again */
    const redisReply *text = reply->element[1];
    json_t *outcome = text->str ? numbers_load(text->str, text->len, 0, NULL) : NULL;
    const char *status = json_string_value(json_object_get(outcome, "status"));
    if (!status || strcmp(status, "dead") == 0)
        s->dead++; /* or nobody knows */
    else
        s->sent++;
    cli_json_line(stdout, text->str ? text->str : "", text->str ? text->len : 0);
    cli_flush();
    json_decref(outcome);
}

static int wait_outcomes(struct send *s)
{
    int64_t end_ms = clock_mono_ms() + s->args->timeout_s * 1000;
    while (s->sent + s->dead < s->queued) {
        int64_t left_ms = end_ms - clock_mono_ms();
        char seconds[24];
        if (left_ms <= 0)
            break;
        if (!link_wait_up(s->link, left_ms))
            continue;
        int64_t slice = (left_ms + 999) / 1000;
        if (slice > SLICE_S)
            slice = SLICE_S;
        snprintf(seconds, sizeof seconds, "%lld", (long long)slice);
        link_command(s->link, 3, (const char *[]){"BLPOP", s->reply_key, seconds}, NULL,
                     (int)slice * 1000, on_outcome, s);
    }
    if (s->sent + s->dead < s->queued) {
        fprintf(stderr, "pushbridge send: %lu of %lu outcomes did not come within %lld s\n",
                s->queued - s->sent - s->dead, s->queued, (long long)s->args->timeout_s);
        return CLI_TIMED_OUT;
    }
    return s->dead ? CLI_FAILED : CLI_OK;
}

/* --- command --------------------------------------------------------------------------------- */

static void name_reply_list(struct send *s)
{
    unsigned char random[16];
    char hex[33];
    clock_random(random, sizeof random);
    text_hex(random, sizeof random, hex);
    snprintf(s->reply_key, sizeof s->reply_key, "%s%s", s->config->job_limits.reply_prefix, hex);
}

/* job NULL: from lines. */
static int push_and_wait(struct send *s, const char *job)
{
    int code = CLI_OK;
    if (!job)
        code = send_lines(s);
    else if (!batch_job(s, job, strlen(job)) || !push_batch(s))
        code = CLI_FAILED;
    if (s->lost)
        return CLI_FAILED;
    if (!s->args->wait) {
        cli_line(stderr, "pushbridge send: %lu queued in %s", s->queued, s->queue);
        return code;
    }
    int waited = wait_outcomes(s);
    return waited ? waited : code;
}

static int run_send(void *args, struct config *config)
{
    const struct send_args *a = args;
    struct send s = {
        .args = a, .config = config, .queue = a->queue ? a->queue : config->queue_names[0]};
    int code = CLI_USAGE;
    name_reply_list(&s);
    char *job = a->lines ? NULL : make_job(&s);
    if (!job && !a->lines)
        return code;
    s.link = link_open(config, &code);
    if (s.link) {
        code = push_and_wait(&s, job);
        link_close(s.link);
    }
    mem_free(job);
    return code;
}

const struct cli_command cmd_send = {&send_args, CLI_NEEDS_TOOL, run_send};
