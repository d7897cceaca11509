/* SPDX-License-Identifier: MIT */
#include "cost/taken.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cost/kinds.h"
#include "pipeline/again.h"

enum { JOB_MAX = 2 << 20, T0_MS = 1, NOW_MS = 2 };

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "work: %s\n", what);
    exit(1);
}

static void load_config(struct config *out)
{
    static char text[][64] = {"PREQ_ACCESS_KEY_ID=id", "PREQ_ACCESS_KEY_SECRET=secret",
                              "PREQ_APP_KEY=23456789", "PUSHBRIDGE_QUEUE_JOB_MAX_BYTES=1048576"};
    char *env[] = {text[0], text[1], text[2], text[3], NULL};
    struct err e = {""};
    must(config_load(NULL, env, out, &e), e.text);
}

void taken_make(struct taken *t, size_t bytes)
{
    struct err e = {""};
    struct refusal why = {0};
    static char name[] = "jobs", prefix[] = "{jobs}";
    *t = (struct taken){.queue = {.name = name, .prefix = prefix}};
    t->lease.queue = &t->queue;
    load_config(&t->config);
    buf_init(&t->job, JOB_MAX);
    kind_find("parts")->make(&t->job, bytes);
    t->claim = (struct queue_claim){.lease = &t->lease,
                                    .batch = "BATCHBATCHBATCH1",
                                    .t0_ms = T0_MS,
                                    .now_ms = NOW_MS,
                                    .digest = t->config.digest,
                                    .marks = t->config.marks};
    const struct queue_member m = {
        .taken_over = true, .envelope = "", .bytes = buf_text(&t->job), .len = t->job.len};
    must(flight_init(&t->flight, &t->claim, &m, &e), e.text);
    t->flight.config = &t->config;
    must(flight_read(&t->flight, &t->config, &why), why.err.text);
    must(flight_next_call(&t->flight), "no call");
}

void taken_compare(void *arg)
{
    struct taken *t = arg;
    again_compare_configs(&t->flight, t->claim.digest, t->claim.marks);
    must(t->flight.env.begun.ncalls == t->flight.plan.n && t->flight.plan.n > 30, "few calls");
}

void taken_free(struct taken *t)
{
    flight_free(&t->flight);
    buf_free(&t->job);
    config_free(&t->config);
}
