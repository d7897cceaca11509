/* SPDX-License-Identifier: MIT
 * A pipeline with all that it needs, on a real redis-server, against a provider on the same loop;
 * the test claims for it, and link with
 * --wrap=clock_mono_ms (mono_shift.h). */
#ifndef TEST_STAGE_H
#define TEST_STAGE_H

#include "pipeline/pipeline.h"
#include "support/provider.h"
#include "support/queue_fixture.h"

enum { STAGE_CLAIM_MAX = 256 };

struct stage {
    struct provider provider;
    struct config config;
    struct sender *sender;
    struct worker *w; /* connections and queue; its own claims are not used */
    struct app_credentials *credentials;
    struct fleet *fleet;
    struct router *router;
    struct pipeline *p;
    int freed;
    bool claiming, closing;
    bool reads_later; /* the test calls pipeline_read() for what is taken */
    /* what the next claims are made to say */
    unsigned crashes;
    bool taken_over;
    const char *envelope, *digest;
};

/* Repeats at once, and one account a call. */
extern const char *const quick[];

/* vars, file: as worker_config_load() takes them. */
void open_stage_with(struct stage *s, const char *const *vars, const char *file, int64_t lease_ms);
void open_stage(struct stage *s); /* quick */
void close_stage(struct stage *s);

void take(struct stage *s, unsigned n); /* one claim of at most n */
/* One look at the parked jobs of apps that rest, at most n; false: there are no such apps. */
bool sweep(struct stage *s, unsigned n, bool room);
bool claims_on(struct stage *s); /* starts a claim where none is under way; true */
void settle(struct stage *s);    /* until nothing is held */
bool idle(const struct stage *s);
long long ended(void); /* outcomes so far */
/* Takes and sends until n jobs have come to their end. */
void run_until_ended(struct stage *s, long long n);

void enqueue(const char *job);
/* A job for the accounts u0 … u<n-1>; more: further members, with a comma before them. */
void enqueue_accounts(const char *id, int n, const char *more);
json_t *pop(const char *list); /* an outcome, to be freed */
const char *text_of(const json_t *o, const char *name);
int64_t int_of(const json_t *o, const char *name);
/* The provider's next answer; status 0: sent. */
void script(struct stage *s, int status, const char *code);

#endif
