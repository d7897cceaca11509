/* SPDX-License-Identifier: MIT
 * Whom the calls of a batch reach (shareable, coalesce, shared_call together): random mixes of jobs
 * for two apps, to ids and to tags, some with SMS, some too large for one call. Each job is in
 * exactly one call, each call keeps the limits, and everyone is reached as often as the jobs ask
 * for it; where plan.merge_tags joins jobs, once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job/expression.h"
#include "pipeline/shared/call_params.h"
#include "pipeline/shared/shareable.h"
#include "pipeline/shared/shared_call.h"
#include "support/expression_match.h"
#include "support/worker_config.h"

enum {
    ROUNDS = 500,
    JOBS_MAX = 60,
    APPS = 2,
    KINDS = 3,
    CONTENTS = 3,
    PEOPLE = 10,
    TAGS = 40,
    DEVICES = 24,
};
#define T0_MS INT64_C(1700000000000)
static const char *const kinds[KINDS] = {"device", "account", "alias"};
static const char *const words[KINDS] = {"DEVICE", "ACCOUNT", "ALIAS"};
static const char *const keys[APPS] = {"23456789", "34567890"};
static const char sms[] = ",\"push\":{\"SmsTemplateName\":\"t\",\"SmsSignName\":\"s\","
                          "\"SmsDelaySecs\":30}";

static struct config config;

static int load(void **state)
{
    (void)state;
    worker_config_load(&config, 0, 0, NULL,
                       "apps = ( { name = \"default\"; },"
                       " { name = \"other\"; app_key = \"34567890\"; } );");
    assert_int_equal(config.napps, APPS);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    config_free(&config);
    return 0;
}

static uint64_t random_state;

static size_t below(size_t n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)((random_state >> 33) % n);
}

/* --- one batch ------------------------------------------------------------------------------- */

struct device {
    bool school, tag[TAGS];
};

/* How often each content is pushed to each id, through each app; with SMS it is another content. */
typedef unsigned unicast[APPS][KINDS][2][CONTENTS][PEOPLE];

static struct batch_of_jobs {
    struct flight flights[JOBS_MAX];
    struct job jobs[JOBS_MAX]; /* as they ask, whole: a flight keeps less */
    size_t n;
    unsigned calls_of[JOBS_MAX]; /* how many calls each job is in */
    struct device devices[DEVICES];
    unicast asked, reached;
} b;

/* That it all occurred, over all rounds. */
static struct {
    unsigned merged, split, overlapping, mass, joined_sms;
} seen;

static bool keep; /* half of the runs: the parameters are those kept from gathering */

static void draw_config(void)
{
    struct target_limits *l = &config.limits;
    *l = target_limits_default;
    if (below(3)) {
        l->operands = 2 + below(9);
        l->tags = 8 + below(43);
        l->devices = 1 + below(8);
        l->accounts = 1 + below(8);
    }
    config.tasks_max = 2 + below(6);
    config.merge_tags = below(2);
    config.coalesce_ids = below(4) == 0;
    config.expire_slack_s = below(2) ? 60 : 0;
}

static void draw_devices(void)
{
    for (size_t i = 0; i < DEVICES; i++) {
        b.devices[i] = (struct device){.school = below(4) > 0};
        for (size_t n = below(3) ? below(4) : below(TAGS); n; n--)
            b.devices[i].tag[below(TAGS)] = true;
    }
}

/* Different numbers, as a JSON array of names. */
/* As long as the id of a device has to be. */
static int put_names(char *out, size_t size, char letter, const bool *chosen, size_t of)
{
    int len = 0;
    for (size_t i = 0; i < of; i++)
        if (chosen[i])
            len += snprintf(out + len, size - (size_t)len, "%s\"%c%031zu\"", len ? "," : "", letter,
                            i);
    return len;
}

static void draw_ids(char *out, size_t size, size_t app, bool with_sms, size_t content)
{
    bool chosen[PEOPLE] = {false};
    size_t kind = below(KINDS);
    for (size_t n = 1 + below(3); n; n--)
        chosen[below(PEOPLE)] = true;
    for (size_t i = 0; i < PEOPLE; i++)
        b.asked[app][kind][with_sms][content][i] += chosen[i];
    int len = snprintf(out, size, "\"target\":{\"%s\":[", kinds[kind]);
    len += put_names(out + len, size - (size_t)len, 'p', chosen, PEOPLE);
    snprintf(out + len, size - (size_t)len, "]}");
}

static void draw_tags(char *out, size_t size)
{
    bool chosen[TAGS] = {false};
    const bool school = below(3) > 0;
    size_t n = below(8) ? 1 + below(3) : 1 + below(TAGS);
    if (school && below(8) == 0)
        n = 0; /* the whole school */
    for (; n; n--)
        chosen[below(TAGS)] = true;
    int len = snprintf(out, size, "%s\"tags\":[", school ? "\"school\":\"S\"," : "");
    len += put_names(out + len, size - (size_t)len, 't', chosen, TAGS);
    snprintf(out + len, size - (size_t)len, "]");
}

static void board(const char *job)
{
    struct err e = {""};
    struct refusal why;
    const struct queue_claim claim = {
        .batch = "BATCHBATCHBATCH1", .t0_ms = T0_MS, .now_ms = T0_MS, .digest = config.digest};
    const struct queue_member m = {
        .pos = (unsigned)b.n, .envelope = "", .bytes = job, .len = strlen(job)};
    assert_true(job_parse(job, strlen(job), &config.job_limits, &b.jobs[b.n], &why));
    struct flight *f = &b.flights[b.n++];
    assert_true(flight_init(f, &claim, &m, &e));
    f->config = &config;
    if (!flight_read(f, &config, &why))
        fail_msg("%s: %s", job, why.err.text);
}

static void draw_job(void)
{
    static const int ttl_s[] = {600, 600, 640, 700};
    char audience[4096], id[32] = "", job[5000];
    const size_t app = below(APPS), content = below(CONTENTS);
    const bool with_sms = below(6) == 0;
    if (below(2))
        draw_ids(audience, sizeof audience, app, with_sms, content);
    else
        draw_tags(audience, sizeof audience);
    if (below(6) == 0)
        snprintf(id, sizeof id, "\"id\":\"j%zu\",", b.n);
    snprintf(job, sizeof job, "{%s\"message\":\"%zu\",\"app\":\"%s\",\"ttl_s\":%d,%s%s}", id,
             content, app ? "other" : "default", ttl_s[below(4)], audience, with_sms ? sms : "");
    board(job);
}

/* --- the calls, as a worker makes them ------------------------------------------------------- */

static void describe(struct flight *f, struct coalesce_item *item)
{
    struct params p;
    struct err e = {""};
    if (!(keep ? call_keep_params(&f->lone) : call_params(&f->lone, &p, &e)))
        fail_msg("%s", e.text);
    shareable_describe(f, (size_t)(f->app - config.apps), keep ? f->lone.made : &p, item);
    if (!keep)
        params_free(&p);
}

static void put_together(const struct grouping *g)
{
    for (size_t i = 0; i < g->ncalls; i++) {
        const struct grouping_call *call = &g->calls[i];
        struct call *c = shared_call_new(call);
        for (size_t k = call->first; k < call->first + call->n; k++)
            shared_add(c, &b.flights[g->members[k].pos], g->members[k].task);
        shared_close(c);
    }
}

static void gather(void)
{
    static struct grouping g;
    struct coalesce_item items[JOBS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < b.n; i++)
        if (shareable_allows(&b.flights[i], T0_MS))
            describe(&b.flights[i], &items[n++]);
    const struct coalesce_rules rules = shareable_rules(&config);
    coalesce(items, n, &rules, "BATCHBATCHBATCH1", &g);
    put_together(&g);
}

static void disperse(void)
{
    for (size_t i = 0; i < b.n; i++) {
        if (call_is_shared(b.flights[i].call))
            shared_leave(b.flights[i].call);
        flight_free(&b.flights[i]);
        job_free(&b.jobs[i]);
    }
}

/* --- what is on the wire --------------------------------------------------------------------- */

/* A push: the parameters of a Push, or those of one task of a MassPush. */
struct push {
    const struct params *params;
    char prefix[32];
    const char *app_key; /* of the call */
};

static const char *value_of(const struct push *u, const char *name)
{
    char full[96];
    snprintf(full, sizeof full, "%s%s", u->prefix, name);
    const char *value = params_get(u->params, full);
    return value ? value : "";
}

static size_t app_of(const struct push *u)
{
    for (size_t app = 0; app < APPS; app++)
        if (strcmp(u->app_key, keys[app]) == 0)
            return app;
    fail_msg("AppKey %s", u->app_key);
    return 0;
}

static size_t ids_max(size_t kind)
{
    const size_t most[KINDS] = {config.limits.devices, config.limits.accounts,
                                config.limits.aliases};
    return most[kind];
}

static void note_ids(const struct push *u)
{
    char values[1024], *rest = NULL;
    size_t kind = 0, n = 0;
    while (strcmp(words[kind], value_of(u, "Target")) != 0)
        assert_true(++kind < KINDS);
    const bool with_sms = *value_of(u, "SmsTemplateName");
    const size_t content = strtoul(strrchr(value_of(u, "Body"), ':') + 2, NULL, 10);
    snprintf(values, sizeof values, "%s", value_of(u, "TargetValue"));
    for (char *v = strtok_r(values, ",", &rest); v; v = strtok_r(NULL, ",", &rest), n++)
        b.reached[app_of(u)][kind][with_sms][content][strtoul(v + 1, NULL, 10)]++;
    assert_in_range(n, 1, ids_max(kind));
}

static bool carries(const void *device, const char *name)
{
    const struct device *d = device;
    return name[0] == 'S' ? d->school : d->tag[strtoul(name + 1, NULL, 10)];
}

static void note_tags(const struct push *u, unsigned hits[DEVICES])
{
    const struct target_limits *l = &config.limits;
    const struct expression_limits limits = {l->depth, l->operands, l->tags, l->tag_chars};
    struct err e = {""};
    const char *value = value_of(u, "TargetValue");
    json_t *root = expression_of(value);
    if (!expression_check(root, &limits, &e))
        fail_msg("%s: %s", e.text, value);
    for (size_t i = 0; i < DEVICES; i++)
        hits[i] += expression_matches(root, carries, &b.devices[i]);
    json_decref(root);
}

static void check_no_sms(const struct params *p)
{
    for (size_t i = 0; i < p->n; i++)
        assert_null(strstr(p->v[i].name, ".Sms"));
}

/* The pushes of a call that is sent with the parameters p. */
static void note_call(const struct flight *f, const struct params *p, unsigned hits[DEVICES])
{
    const bool mass = call_action(f->call) == LIMIT_MASSPUSH;
    struct push u = {.params = p, .app_key = params_get(p, "AppKey")};
    if (!mass && strcmp(value_of(&u, "Target"), "TAG") == 0)
        note_tags(&u, hits);
    else if (!mass)
        note_ids(&u);
    if (!mass)
        return;
    check_no_sms(p);
    assert_in_range(f->call->tasks, 2, config.tasks_max);
    for (size_t t = 1; t <= f->call->tasks; t++) {
        snprintf(u.prefix, sizeof u.prefix, "PushTask.%zu.", t);
        note_ids(&u);
    }
    snprintf(u.prefix, sizeof u.prefix, "PushTask.%zu.", f->call->tasks + 1);
    assert_string_equal(value_of(&u, "Target"), "");
}

/* --- what its jobs ask for ------------------------------------------------------------------- */

static bool wants(const struct flight *f, const struct device *d)
{
    const struct job *job = &b.jobs[f->pos];
    bool any = job->tags.n == 0;
    for (size_t i = 0; i < job->tags.n; i++)
        any |= carries(d, job->tags.v[i]);
    return any && (!job->school || d->school);
}

static bool any_wants(struct flight *const *members, size_t n, const struct device *d)
{
    for (size_t i = 0; i < n; i++)
        if (wants(members[i], d))
            return true;
    return false;
}

/* A job's parts, or the one call of several jobs: whoever is meant is reached once. */
static void check_tags(struct flight *const *members, size_t n, const unsigned hits[DEVICES])
{
    const bool overlap = members[0]->plan.target.overlap;
    for (size_t i = 0; i < DEVICES; i++) {
        const bool wanted = any_wants(members, n, &b.devices[i]);
        if (!wanted ? hits[i] > 0 : overlap ? hits[i] < 1 : hits[i] != 1)
            fail_msg("%zu jobs, wanted %d, overlap %d: reached %u times", n, wanted, overlap,
                     hits[i]);
    }
    assert_true(n == 1 || config.merge_tags);
    seen.merged += n > 1;
    seen.overlapping += overlap;
}

static void check_members(struct flight *const *members, size_t n)
{
    int64_t from_ms = INT64_MAX, to_ms = 0;
    for (size_t i = 0; i < n; i++) {
        const struct flight *f = members[i];
        b.calls_of[f->pos]++;
        assert_ptr_equal(f->app, members[0]->app);
        assert_true(n == 1 || shareable_allows(f, T0_MS));
        from_ms = f->plan.deadline_ms < from_ms ? f->plan.deadline_ms : from_ms;
        to_ms = f->plan.deadline_ms > to_ms ? f->plan.deadline_ms : to_ms;
    }
    assert_true(to_ms - from_ms <= config.expire_slack_s * 1000);
}

static void note_kind(const struct flight *f, size_t n, const struct params *p)
{
    const bool mass = call_action(f->call) == LIMIT_MASSPUSH;
    seen.mass += mass;
    seen.split += f->plan.n > 1;
    seen.joined_sms += n > 1 && !mass && params_get(p, "SmsTemplateName");
}

/* All calls of a leader, or of a job that goes by itself. */
static void check_calls_of(struct flight *f)
{
    const struct call *c = f->call;
    struct flight *members[JOBS_MAX];
    unsigned hits[DEVICES] = {0};
    const size_t n = c->n;
    for (size_t i = 0; i < n; i++)
        members[i] = c->members[i].flight;
    check_members(members, n);
    for (f->next = 0; f->next < f->plan.n; f->next++) {
        struct params p;
        struct err e = {""};
        if (!call_params(c, &p, &e))
            fail_msg("%s", e.text);
        assert_string_equal(params_get(&p, "AppKey"), f->app->app.app_key);
        note_call(f, &p, hits);
        note_kind(f, n, &p);
        params_free(&p);
    }
    if (f->plan.calls[0].kind == TARGET_TAG)
        check_tags(members, n, hits);
}

static uint64_t seed_now; /* 0: none is being tried */

static void check_seed(void)
{
    memset(&b, 0, sizeof b);
    random_state = seed_now;
    draw_config();
    draw_devices();
    for (size_t n = 2 + below(JOBS_MAX - 1); n; n--)
        draw_job();
    gather();
    for (size_t i = 0; i < b.n; i++)
        if (call_leader(b.flights[i].call) == &b.flights[i])
            check_calls_of(&b.flights[i]);
    for (size_t i = 0; i < b.n; i++)
        assert_int_equal(b.calls_of[i], 1);
    assert_memory_equal(b.asked, b.reached, sizeof b.asked);
    disperse();
}

/* A failed seed is tried again with SEED=<the seed printed>. */
static void test_everyone_is_reached_as_asked(void **state)
{
    const char *given = getenv("SEED");
    const uint64_t from = given ? strtoull(given, NULL, 10) : 1, to = given ? from : ROUNDS;
    (void)state;
    memset(&seen, 0, sizeof seen);
    for (seed_now = from; seed_now <= to; seed_now++)
        check_seed();
    seed_now = 0;
    if (!given && !(seen.merged && seen.split && seen.overlapping && seen.mass && seen.joined_sms))
        fail_msg("merged %u, split %u, overlapping %u, mass %u, SMS %u", seen.merged, seen.split,
                 seen.overlapping, seen.mass, seen.joined_sms);
}

static int print_failed_seed(void **state)
{
    (void)state;
    if (seed_now)
        print_error("SEED=%" PRIu64 "\n", seed_now);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_everyone_is_reached_as_asked, print_failed_seed),
    };
    int failed = cmocka_run_group_tests_name("audience of calls", tests, load, unload);
    keep = true;
    return failed + cmocka_run_group_tests_name("audience, parameters kept", tests, load, unload);
}
