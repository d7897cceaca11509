/* SPDX-License-Identifier: MIT
 * Which jobs may share a call: each rule as a table, then random batches held to a naive reading of
 * all rules at once. */
#include "job/coalesce.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define BATCH "BATCHBATCHBATCH1"
enum { ITEMS_MAX = GROUPING_MEMBERS_MAX, VALUES_MAX = 8192 };

static const struct coalesce_rules usual = {
    .devices = 1000, .accounts = 1000, .aliases = 1000, .tags = 9, .tasks = 100, .slack_ms = 60000};

/* A batch and all that its items point to. */
struct scene {
    struct coalesce_item items[ITEMS_MAX];
    struct job_list lists[ITEMS_MAX];
    const char *values[VALUES_MAX];
    size_t n, nvalues;
};

static void add(struct scene *s, enum target_kind kind, unsigned char content,
                const char *const *values, size_t n)
{
    assert_true(s->n < ITEMS_MAX && s->nvalues + n <= VALUES_MAX);
    s->lists[s->n] = (struct job_list){s->values + s->nvalues, n};
    for (size_t i = 0; i < n; i++)
        s->values[s->nvalues++] = values[i];
    struct coalesce_item *item = &s->items[s->n];
    *item = (struct coalesce_item){.pos = (unsigned)s->n,
                                   .kind = kind,
                                   .values = &s->lists[s->n],
                                   .deadline_ms = 1000000,
                                   .bytes = 100,
                                   .taskable = kind != TARGET_TAG};
    memset(item->content, content, sizeof item->content);
    s->n++;
}

/* --- each rule ------------------------------------------------------------------------------- */

/* Items as text: "d1:a,b" is a job of content 1 for two devices; u account, l alias, t tags, and
 * D, U, L the same in another app, with '!' behind the content where MassPush does not take it. */
static void read_scene(struct scene *s, char *text)
{
    char *rest = NULL, *inner = NULL;
    s->n = s->nvalues = 0;
    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        static const enum target_kind kinds[] = {TARGET_DEVICE, TARGET_ACCOUNT, TARGET_ALIAS,
                                                 TARGET_TAG};
        static const char letters[] = "dult", others[] = "DULT";
        const char *values[16], *at = strchr(letters, word[0]);
        bool other = !at;
        size_t n = 0, kind = (size_t)(other ? strchr(others, word[0]) - others : at - letters);
        char *colon = strchr(word, ':');
        for (char *v = strtok_r(colon + 1, ",", &inner); v; v = strtok_r(NULL, ",", &inner))
            values[n++] = v;
        add(s, kinds[kind], (unsigned char)word[1], values, n);
        s->items[s->n - 1].app = other;
        if (word[2] == '!')
            s->items[s->n - 1].taskable = false;
    }
}

static void expect(const struct scene *s, const struct coalesce_rules *rules, const char *wanted)
{
    struct grouping *g = malloc(sizeof *g);
    struct buf b;
    buf_init(&b, GROUPING_TEXT_MAX);
    coalesce(s->items, s->n, rules, BATCH, g);
    grouping_write(g, &b);
    assert_string_equal(buf_text(&b), wanted);
    buf_free(&b);
    free(g);
}

static void expect_of(const char *items, const struct coalesce_rules *rules, const char *wanted)
{
    static struct scene s;
    char text[512];
    snprintf(text, sizeof text, "%s", items);
    read_scene(&s, text);
    expect(&s, rules, wanted);
}

static void test_rules(void **state)
{
    (void)state;
    static const struct {
        const char *items, *wanted;
    } rows[] = {
        {"", "0 0"},
        {"d1:a", "0 0"},
        {"d1:a d1:b", "1 2 P:" BATCH ".0:0,1"},
        {"d1:a,b d1:c d1:d", "1 3 P:" BATCH ".0:0,1,2"},
        /* another content or kind: a task of its own */
        {"d1:a d2:b", "1 2 M:" BATCH ".0:0/1"},
        {"d1:a u1:a", "1 2 M:" BATCH ".0:0/1"},
        {"d1:a d2:b d1:c l3:d d2:e", "1 5 M:" BATCH ".0:0,2/1,4/3"},
        /* an id that several name is as many pushes */
        {"d1:a d1:a", "1 2 M:" BATCH ".0:0/1"},
        {"d1:a,b d1:b,c d1:d", "1 3 M:" BATCH ".0:0/1,2"},
        {"d1:a d2:a", "1 2 M:" BATCH ".0:0/1"},
        /* apps never share */
        {"d1:a D1:b", "0 0"},
        {"d1:a D1:b d1:c D1:d", "2 4 P:" BATCH ".0:0,2 P:" BATCH ".1:1,3"},
        {"d1:a D2:b d3:c D4:d", "2 4 M:" BATCH ".0:0/2 M:" BATCH ".1:1/3"},
        /* what MassPush does not take */
        {"d1!:a d2:b d3:c", "1 2 M:" BATCH ".0:1/2"},
        {"d1!:a d1!:b d2:c", "1 2 P:" BATCH ".0:0,1"},
        {"d1!:a d2:b", "0 0"},
        /* tags become one audience, of which several may be named twice; they are no task */
        {"t1:a t1:b", "1 2 P:" BATCH ".0:0,1"},
        {"t1:a t1:a", "1 2 P:" BATCH ".0:0,1"},
        {"t1:a t2:b", "0 0"},
        {"t1:a d1:b d2:c", "1 2 M:" BATCH ".0:1/2"},
        {"t1:a,b,c,d,e t1:f,g,h,i,j t1:e,k", "1 2 P:" BATCH ".0:1,2"},
        {"t1:a,b,c,d,e t1:e,f,g,h,i", "1 2 P:" BATCH ".0:0,1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect_of(rows[i].items, &usual, rows[i].wanted);
}

static void test_ids_of_a_task(void **state)
{
    (void)state;
    struct coalesce_rules rules = usual;
    rules.devices = 3;
    rules.accounts = 2;
    rules.aliases = 1;
    rules.tasks = 2;
    expect_of("d1:a d1:b d1:c d1:d", &rules, "1 4 M:" BATCH ".0:0,1,2/3");
    expect_of("d1:a,b d1:c,d d1:e", &rules, "1 3 M:" BATCH ".0:0/1,2");
    expect_of("u1:a u1:b u1:c", &rules, "1 3 M:" BATCH ".0:0,1/2");
    expect_of("l1:a l1:b l1:c", &rules, "1 2 M:" BATCH ".0:0/1");
    /* tasks of a call: the third is left alone, the fourth finds no company either */
    expect_of("d1:a d2:b d3:c d4:d d5:e", &rules, "2 4 M:" BATCH ".0:0/1 M:" BATCH ".1:2/3");
}

/* A job with many ids goes as a task of its own; 100 do not. */
static void test_many_ids(void **state)
{
    (void)state;
    static struct scene s;
    static char names[COALESCE_IDS_MAX + 1][8];
    const char *ids[COALESCE_IDS_MAX + 1], *one = "one";
    for (size_t i = 0; i <= COALESCE_IDS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "i%zu", i);
        ids[i] = names[i];
    }
    for (size_t n = COALESCE_IDS_MAX; n <= COALESCE_IDS_MAX + 1; n++)
        for (int many_first = 0; many_first < 2; many_first++) {
            s.n = s.nvalues = 0;
            for (int i = 0; i < 2; i++)
                if (i == many_first)
                    add(&s, TARGET_DEVICE, 1, &one, 1);
                else
                    add(&s, TARGET_DEVICE, 1, ids, n);
            expect(&s, &usual,
                   n > COALESCE_IDS_MAX ? "1 2 M:" BATCH ".0:0/1" : "1 2 P:" BATCH ".0:0,1");
        }
}

static void test_deadlines(void **state)
{
    (void)state;
    static struct scene s;
    static const struct {
        int64_t ms[3];
        const char *same, *different; /* contents */
    } rows[] = {
        {{0, 60000, 0}, "1 3 P:" BATCH ".0:0,1,2", "1 3 M:" BATCH ".0:0/1/2"},
        {{0, 60001, 0}, "1 2 M:" BATCH ".0:0/2", "1 2 M:" BATCH ".0:0/2"},
        {{60001, 0, 0}, "1 2 P:" BATCH ".0:1,2", "1 2 M:" BATCH ".0:1/2"},
        /* each near the first, but not near each other */
        {{40000, 0, 80000}, "1 2 P:" BATCH ".0:0,1", "1 2 M:" BATCH ".0:0/1"},
        {{40000, 80000, 0}, "1 2 P:" BATCH ".0:0,1", "1 2 M:" BATCH ".0:0/1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int different = 0; different < 2; different++) {
            static const char *const ids[] = {"a", "b", "c"};
            s.n = s.nvalues = 0;
            for (size_t k = 0; k < 3; k++) {
                add(&s, TARGET_DEVICE, (unsigned char)(different * (int)k), &ids[k], 1);
                s.items[k].deadline_ms = 1000000 + rows[i].ms[k];
            }
            const char *wanted = different ? rows[i].different : rows[i].same;
            expect(&s, &usual, wanted);
        }
}

static void test_bytes(void **state)
{
    (void)state;
    static struct scene s;
    static const char *const ids[] = {"a", "b", "c"};
    enum { HALF = COALESCE_CALL_BYTES / 2 };
    for (int different = 0; different < 2; different++)
        for (size_t over = 0; over < 2; over++) {
            s.n = s.nvalues = 0;
            for (size_t k = 0; k < 2; k++) {
                add(&s, TARGET_DEVICE, (unsigned char)(different * (int)k), &ids[k], 1);
                s.items[k].bytes = HALF + over;
            }
            const char *one = different ? "1 2 M:" BATCH ".0:0/1" : "1 2 P:" BATCH ".0:0,1";
            expect(&s, &usual, over ? "0 0" : one);
        }
}

/* --- all rules at once ----------------------------------------------------------------------- */

enum { ROUNDS = 6000 };

static uint64_t random_state;

static uint64_t next_random(void)
{
    random_state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = random_state;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static size_t below(size_t n)
{
    return (size_t)(next_random() % n);
}

static size_t between(size_t from, size_t to)
{
    return from + below(to - from + 1);
}

/* Different ones of the first pool names. */
static size_t draw_values(const char **out, size_t pool)
{
    static char names[600][24];
    size_t most = below(40) ? 6 : 140, n = between(1, most < pool ? most : pool);
    size_t at = below(pool), step = 1;
    for (size_t i = 0; i < n; i++, at += step) {
        snprintf(names[at % pool], sizeof names[0], "v%zu", at % pool);
        out[i] = names[at % pool];
    }
    return n;
}

/* How different the jobs of one round are. */
struct mix {
    size_t apps, contents, pool;
    int64_t spread_ms;
    bool large, sms, tags;
};

static void draw_item(struct scene *s, const struct mix *m)
{
    const char *values[600];
    static const enum target_kind kinds[] = {TARGET_DEVICE, TARGET_ACCOUNT, TARGET_ALIAS,
                                             TARGET_TAG};
    size_t n = draw_values(values, m->pool), before = s->n ? s->items[s->n - 1].pos + 1 : 0;
    if (s->nvalues + n > VALUES_MAX || before + 1 >= ITEMS_MAX)
        return;
    add(s, kinds[below(m->tags ? 4 : 3)], (unsigned char)below(m->contents), values, n);
    struct coalesce_item *item = &s->items[s->n - 1];
    item->pos = (unsigned)before + (below(8) == 0);
    item->app = below(m->apps);
    item->deadline_ms = 1000000 + (int64_t)below((size_t)m->spread_ms + 1);
    item->bytes = m->large && below(4) == 0 ? below(COALESCE_CALL_BYTES + 50000) : below(2000);
    if (m->sms && below(5) == 0)
        item->taskable = false;
    if (!item->taskable && item->kind != TARGET_TAG)
        item->content[0] ^= 0x80; /* it is of another content than one without SMS */
}

static void draw(struct scene *s, struct coalesce_rules *rules, struct mix *m)
{
    *m = (struct mix){.apps = between(1, 3),
                      .contents = below(3) ? between(1, 5) : 200,
                      .pool = below(3) ? between(1, 12) : 600,
                      .spread_ms = below(2) ? 0 : (int64_t)below(200),
                      .large = below(3) == 0,
                      .sms = below(3) == 0,
                      .tags = below(2)};
    *rules = (struct coalesce_rules){.devices = below(2) ? between(1, 10) : 1000,
                                     .accounts = below(2) ? between(1, 10) : 1000,
                                     .aliases = below(2) ? between(1, 10) : 1000,
                                     .tags = between(1, 10),
                                     .tasks = below(2) ? between(2, 6) : 100,
                                     .slack_ms = (int64_t)below(120)};
    s->n = s->nvalues = 0;
    for (size_t n = below(4) ? below(24) : below(220); n; n--)
        draw_item(s, m);
}

/* A task or a call, as the rules see it. */
struct sum {
    const struct coalesce_item *first;
    size_t jobs, bytes, values; /* values: different ones, all of them where ids are meant */
    int64_t from_ms, to_ms;
    bool twice; /* a value that two name */
    bool many;  /* a job with more ids than share a task */
};

static void sum_up(struct sum *sum, const struct coalesce_item *item)
{
    if (!sum->jobs++)
        *sum = (struct sum){
            .first = item, .jobs = 1, .from_ms = item->deadline_ms, .to_ms = item->deadline_ms};
    sum->bytes += item->bytes;
    sum->from_ms = item->deadline_ms < sum->from_ms ? item->deadline_ms : sum->from_ms;
    sum->to_ms = item->deadline_ms > sum->to_ms ? item->deadline_ms : sum->to_ms;
    sum->many |= item->values->n > COALESCE_IDS_MAX;
}

static bool names(const struct coalesce_item *item, const char *value)
{
    for (size_t i = 0; i < item->values->n; i++)
        if (strcmp(item->values->v[i], value) == 0)
            return true;
    return false;
}

static const struct coalesce_item *at_pos(const struct scene *s, unsigned pos)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->items[i].pos == pos)
            return &s->items[i];
    fail_msg("no job at position %u", pos);
    return s->items;
}

static size_t limit_of(const struct coalesce_rules *rules, enum target_kind kind)
{
    return kind == TARGET_DEVICE    ? rules->devices
           : kind == TARGET_ACCOUNT ? rules->accounts
           : kind == TARGET_ALIAS   ? rules->aliases
                                    : rules->tags;
}

#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("seed %" PRIu64 ": %s", seed, #condition);                                    \
    } while (0)

static void check_task(const struct scene *s, const struct coalesce_rules *rules,
                       const struct grouping_member *members, size_t n, uint64_t seed)
{
    struct sum task = {0};
    const struct coalesce_item *first = at_pos(s, members[0].pos);
    for (size_t i = 0; i < n; i++) {
        const struct coalesce_item *item = at_pos(s, members[i].pos);
        sum_up(&task, item);
        HOLDS(item->kind == first->kind);
        HOLDS(memcmp(item->content, first->content, sizeof item->content) == 0);
        for (size_t v = 0; v < item->values->n; v++) {
            bool before = false;
            for (size_t k = 0; k < i; k++)
                before |= names(at_pos(s, members[k].pos), item->values->v[v]);
            task.twice |= before;
            task.values += !before;
        }
    }
    if (n == 1)
        return; /* a job by itself is the planner's matter */
    HOLDS(!task.many);
    HOLDS(first->kind == TARGET_TAG || !task.twice);
    HOLDS(task.values <= limit_of(rules, first->kind));
}

static void check_call(const struct scene *s, const struct coalesce_rules *rules,
                       const struct grouping *g, const struct grouping_call *c, uint64_t seed)
{
    struct sum call = {0};
    const struct grouping_member *m = g->members + c->first;
    HOLDS(c->n >= 2 && c->first + c->n <= g->n);
    HOLDS(c->mass == (c->tasks > 1) && c->tasks <= rules->tasks);
    HOLDS(m[0].task == 0 && m[c->n - 1].task == c->tasks - 1);
    for (size_t i = 0, from = 0; i < c->n; i++) {
        const struct coalesce_item *item = at_pos(s, m[i].pos);
        sum_up(&call, item);
        HOLDS(item->app == call.first->app);
        HOLDS(!c->mass || item->taskable);
        HOLDS(i == 0 || m[i].task == m[i - 1].task || m[i].task == m[i - 1].task + 1);
        if (i + 1 == c->n || m[i + 1].task != m[i].task) {
            check_task(s, rules, m + from, i + 1 - from, seed);
            from = i + 1;
        }
    }
    HOLDS(call.bytes <= COALESCE_CALL_BYTES);
    HOLDS(call.to_ms - call.from_ms <= rules->slack_ms);
}

/* Two that are left alone have no company in each other. */
static void check_lonely(const struct scene *s, const struct coalesce_rules *rules,
                         const bool *placed, uint64_t seed)
{
    for (size_t i = 0; i < s->n; i++)
        for (size_t k = i + 1; k < s->n && !placed[s->items[i].pos]; k++) {
            const struct coalesce_item *a = &s->items[i], *b = &s->items[k];
            int64_t apart = llabs(a->deadline_ms - b->deadline_ms);
            HOLDS(placed[b->pos] || a->app != b->app || !a->taskable || !b->taskable ||
                  apart > rules->slack_ms);
        }
}

static void check(const struct scene *s, const struct coalesce_rules *rules, const struct mix *mix,
                  uint64_t seed)
{
    static struct grouping g;
    bool placed[ITEMS_MAX] = {false};
    char id[GROUPING_ID_SIZE];
    memset(&g, 0x5a, sizeof g);
    coalesce(s->items, s->n, rules, BATCH, &g);
    for (size_t i = 0; i < g.n; i++) {
        HOLDS(!placed[g.members[i].pos]); /* nobody twice */
        placed[g.members[i].pos] = true;
    }
    size_t members = 0;
    for (size_t i = 0; i < g.ncalls; i++) {
        snprintf(id, sizeof id, BATCH ".%zu", i);
        HOLDS(strcmp(g.calls[i].id, id) == 0 && g.calls[i].first == members);
        check_call(s, rules, &g, &g.calls[i], seed);
        members += g.calls[i].n;
    }
    HOLDS(members == g.n);
    if (!mix->large)
        check_lonely(s, rules, placed, seed);
}

static void test_random_batches(void **state)
{
    (void)state;
    static struct scene s;
    struct coalesce_rules rules;
    struct mix mix;
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        random_state = seed;
        draw(&s, &rules, &mix);
        check(&s, &rules, &mix, seed);
    }
}

/* The most that a claim brings, in every extreme. */
static void test_full_batches(void **state)
{
    (void)state;
    static struct scene s;
    static char names[ITEMS_MAX][8];
    struct coalesce_rules rules = usual;
    for (int shape = 0; shape < 4; shape++) {
        const char *id;
        s.n = s.nvalues = 0;
        for (unsigned i = 0; i < ITEMS_MAX; i++) {
            snprintf(names[i], sizeof names[i], "i%u", shape & 1 ? 0 : i);
            id = names[i];
            add(&s, TARGET_DEVICE, shape & 2 ? (unsigned char)i : 0, &id, 1);
        }
        rules.tasks = shape ? 2 : 100;
        check(&s, &rules, &(struct mix){0}, (uint64_t)shape);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),        cmocka_unit_test(test_ids_of_a_task),
        cmocka_unit_test(test_many_ids),     cmocka_unit_test(test_deadlines),
        cmocka_unit_test(test_bytes),        cmocka_unit_test(test_random_batches),
        cmocka_unit_test(test_full_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
