/* SPDX-License-Identifier: MIT
 * The CPU that one job takes: from its bytes to its calls, signed, or to its dead letter.
 *
 * work kinds            their names, one a line
 *
 * work what KIND        in words
 *
 * work job KIND BYTES   the job's bytes
 *
 * work cost KIND BYTES  one line: CPU ms of reading (the best of several) and of all calls, number
 * of calls, bytes of memory when it has been read and that are kept, bytes of its dead letter, its
 * end
 *
 * work steps BYTES…     each kind at each size, once, then a claim that shares calls, a job that
 * was taken over, and what a server says: run.py counts the instructions */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aliyun/request.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/said.h"
#include "cost/claim.h"
#include "cost/kinds.h"
#include "cost/taken.h"
#include "job/outcome.h"

enum { JOB_MAX = 2 << 20, REPEATED = 1000, VALUES = 50, RUNS = 5, PAYLOAD_MAX = 1800 };

static const struct job_limits limits = {10000, 64000, "push:reply:"};
static const struct app app = {.name = "default",
                               .app_key = "23456789",
                               .device_type = "ANDROID",
                               .push_type = "MESSAGE",
                               .ttl_s = 86400};
static const struct credentials keys = {"id", "secret", NULL};
static const struct endpoint endpoint = {.url = "https://localhost",
                                         .host = "localhost",
                                         .signature = SIGNATURE_V3,
                                         .max_url_bytes = 8000,
                                         .payload_max = PAYLOAD_MAX};
static struct template_set *templates;

/* --- templates ------------------------------------------------------------------------------- */

static char *repeat(const char *text)
{
    struct buf b;
    buf_init(&b, REPEATED * strlen(text));
    for (int i = 0; i < REPEATED; i++)
        buf_puts(&b, text);
    return buf_take(&b);
}

static void add(const char *code, const char *message, json_t *push)
{
    struct err e;
    const struct template_entry entry = {.code = code, .message = message, .push = push};
    if (!template_set_add_entry(templates, &entry, &e)) {
        fprintf(stderr, "work: %s\n", e.text);
        exit(1);
    }
    json_decref(push);
}

static void add_templates(void)
{
    char *tags = repeat("{tags}"), *param = repeat("{params.a}"), name[16];
    json_t *values = json_object();
    for (int i = 0; i < VALUES; i++) {
        snprintf(name, sizeof name, "k%d", i);
        json_object_set_new(values, name, json_string(param));
    }
    templates = template_set_new();
    add("TAGS", tags, NULL);
    add("PARAM", param, NULL);
    add("VALUE", "m", json_pack("{s:o}", "AndroidExtParameters", values));
    mem_free(tags);
    mem_free(param);
}

/* --- one job --------------------------------------------------------------------------------- */

struct task {
    const char *bytes;
    size_t len;
    bool sendable;
    struct job job;
    struct plan plan;
    struct refusal why;
    struct wire wire;
    struct buf letter;
    size_t most; /* of the allocator, before what is needed no longer is freed */
};

static size_t held(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

static void read_job(struct task *t)
{
    t->plan = (struct plan){0};
    t->why.err.text[0] = '\0';
    t->sendable =
        job_parse(t->bytes, t->len, &limits, &t->job, &t->why) &&
        plan_build(&t->job, &app, templates, &target_limits_default, 1, &t->plan, &t->why);
    t->most = held();
    job_trim(&t->job, t->sendable && t->plan.n == 1);
}

static void make_call(struct task *t, const struct plan_call *call)
{
    struct params params;
    char token[TOKEN_SIZE];
    if (request_params(&t->job, &app, &t->plan, call, PAYLOAD_MAX, &params, &t->why.err)) {
        request_token(&params, "uid", 0, call->part, token);
        params_set(&params, "IdempotentToken", token);
        wire_reset(&t->wire);
        wire_sign(&endpoint, &keys, "Push", &params, "2026-01-01T00:00:00Z", "nonce", &t->wire);
    } else {
        t->sendable = false;
        t->why.reason = REASON_INVALID_JOB;
    }
    params_free(&params);
}

static void make_calls(struct task *t)
{
    for (size_t i = 0; t->sendable && i < t->plan.n; i++)
        make_call(t, &t->plan.calls[i]);
}

static void write_letter(struct task *t)
{
    const struct outcome o = {.id = "uid",
                              .app = t->job.app,
                              .code = t->job.code,
                              .worker = "w",
                              .traceparent = t->job.traceparent,
                              .reason = t->why.reason ? t->why.reason : REASON_RETRIES_EXHAUSTED,
                              .error_message = t->why.err.text,
                              .enqueued_at_ms = JOB_ABSENT,
                              .meta = t->job.meta,
                              .bytes = t->bytes,
                              .len = t->len};
    buf_reset(&t->letter);
    outcome_write(&o, &t->letter);
}

static void free_job(struct task *t)
{
    plan_free(&t->plan);
    job_free(&t->job);
}

/* --- what is counted ------------------------------------------------------------------------- */

/* All that fn does is counted. It returns something: a call in the last place would be a jump out
 * of it. */
bool work_step(void (*fn)(void *arg), void *arg);
__attribute__((noinline)) bool work_step(void (*fn)(void *arg), void *arg)
{
    fn(arg);
    return true;
}

/* But the calls after the first, each of which is a step of the loop by itself. */
static void do_job(void *arg)
{
    struct task *t = arg;
    read_job(t);
    if (t->sendable)
        make_call(t, &t->plan.calls[0]);
    write_letter(t);
    free_job(t);
}

static void do_claim(void *arg)
{
    struct claim *c = arg;
    static const struct coalesce_rules rules = {
        .accounts = 1000, .tasks = 100, .slack_ms = 1, .key = {{1, 2}}};
    coalesce(c->items, c->n, &rules, "BATCHBATCHBATCH1", &c->grouping);
}

static void do_text(void *arg)
{
    struct buf *text = arg;
    text->len = said_clean(text->data, text->len);
}

/* --- commands -------------------------------------------------------------------------------- */

static void open_task(struct task *t, const struct kind *kind, size_t bytes, struct buf *job)
{
    buf_init(job, JOB_MAX);
    kind->make(job, bytes);
    *t = (struct task){.bytes = buf_text(job), .len = job->len};
    buf_init(&t->letter, OUTCOME_ROOM + OUTCOME_JOB_FACTOR * t->len);
    wire_init(&t->wire);
}

static void close_task(struct task *t, struct buf *job)
{
    wire_free(&t->wire);
    buf_free(&t->letter);
    buf_free(job);
}

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void cost(const struct kind *kind, size_t bytes)
{
    struct task t;
    struct buf job;
    double best_ms = 1e9, calls_ms = 0;
    size_t memory = 0, most = 0;
    open_task(&t, kind, bytes, &job);
    for (int i = 0; i < RUNS; i++) {
        size_t before = held();
        double began_ms = cpu_ms();
        read_job(&t);
        double read_ms = cpu_ms();
        memory = held() - before;
        most = t.most - before;
        make_calls(&t);
        calls_ms = cpu_ms() - read_ms;
        double letter_ms = cpu_ms();
        write_letter(&t);
        if (i + 1 < RUNS)
            free_job(&t);
        double ms = read_ms - began_ms + (t.sendable ? 0 : cpu_ms() - letter_ms);
        best_ms = ms < best_ms ? ms : best_ms;
    }
    printf("%.2f %.2f %zu %zu %zu %zu %s\n", best_ms, t.sendable ? calls_ms : 0.0,
           t.sendable ? t.plan.n : 0, most, memory, t.letter.len,
           t.sendable ? "sent" : reason_name(t.why.reason));
    free_job(&t);
    close_task(&t, &job);
}

static void steps(const struct kind *kind, size_t bytes)
{
    struct task t;
    struct buf job;
    open_task(&t, kind, bytes, &job);
    work_step(do_job, &t);
    printf("%s %zu\n", kind->name, t.len);
    close_task(&t, &job);
}

static void claim_steps(size_t bytes)
{
    struct claim *c = mem_alloc(sizeof *c);
    claim_make(c, bytes);
    work_step(do_claim, c);
    printf("(claim) %zu\n", c->text.len);
    claim_free(c);
    mem_free(c);
}

static void taken_steps(size_t bytes)
{
    struct taken *t = mem_alloc(sizeof *t);
    taken_make(t, bytes);
    work_step(taken_compare, t);
    printf("(taken) %zu\n", t->job.len);
    taken_free(t);
    mem_free(t);
}

/* All of it is the name of something that must not be shown. */
static void text_steps(size_t bytes)
{
    struct buf text;
    buf_init(&text, bytes);
    while (text.len + strlen("signature") <= bytes)
        buf_puts(&text, "signature");
    size_t len = text.len;
    work_step(do_text, &text);
    printf("(said) %zu\n", len);
    buf_free(&text);
}

static void all_steps(size_t n, char *const *bytes)
{
    for (size_t i = 0; i < nkinds; i++)
        for (size_t k = 0; k < n; k++)
            steps(&kinds[i], strtoull(bytes[k], NULL, 10));
    for (size_t k = 0; k < n; k++)
        claim_steps(strtoull(bytes[k], NULL, 10));
    for (size_t k = 0; k < n; k++)
        taken_steps(strtoull(bytes[k], NULL, 10));
    for (size_t k = 0; k < n; k++)
        text_steps(strtoull(bytes[k], NULL, 10));
}

static const struct kind *kind_of(const char *name)
{
    const struct kind *kind = name ? kind_find(name) : NULL;
    if (kind)
        return kind;
    fprintf(stderr, "work: no such kind\n");
    exit(64);
}

static void print_job(const struct kind *kind, size_t bytes)
{
    struct buf job;
    buf_init(&job, JOB_MAX);
    kind->make(&job, bytes);
    fwrite(buf_text(&job), 1, job.len, stdout);
    buf_free(&job);
}

static int run(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";
    if (strcmp(command, "kinds") == 0)
        for (size_t i = 0; i < nkinds; i++)
            puts(kinds[i].name);
    else if (strcmp(command, "steps") == 0)
        all_steps((size_t)argc - 2, argv + 2);
    else if (argc == 3 && strcmp(command, "what") == 0)
        puts(kind_of(argv[2])->what);
    else if (argc == 4 && strcmp(command, "job") == 0)
        print_job(kind_of(argv[2]), strtoull(argv[3], NULL, 10));
    else if (argc == 4 && strcmp(command, "cost") == 0)
        cost(kind_of(argv[2]), strtoull(argv[3], NULL, 10));
    else
        return 64;
    return 0;
}

int main(int argc, char **argv)
{
    log_threshold = LOG_ERROR;
    add_templates();
    int rc = run(argc, argv);
    template_set_free(templates);
    return rc;
}
