/* SPDX-License-Identifier: MIT
 * What becomes of a call before it is sent (admit): a table of what is known of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "pipeline/admit.h"

enum { NOW = 1000000, WINDOW = 840000, LATER = NOW + 5000 };

/* All is well, nothing was ever sent. */
static const struct admit_in well = {.now_ms = NOW,
                                     .lease_safe = true,
                                     .slot = true,
                                     .may_call = true,
                                     .circuit = true,
                                     .own = true,
                                     .send_by_ms = NOW + 60000,
                                     .loud_ms = NOW,
                                     .policy = {.window_ms = WINDOW}};

static void expect(const char *name, const struct decision *d, const struct decision *want)
{
    if (d->what != want->what || d->at_ms != want->at_ms || d->reason != want->reason ||
        d->maybe_sent != want->maybe_sent || d->new_token != want->new_token ||
        d->aside != want->aside)
        fail_msg("%s: what %d at %lld reason %d maybe %d new %d aside %d", name, (int)d->what,
                 (long long)d->at_ms, (int)d->reason, d->maybe_sent, d->new_token, d->aside);
    if (want->text && (!d->text || !strstr(d->text, want->text)))
        fail_msg("%s: %s", name, d->text ? d->text : "no text");
}

/* A row: what differs from a call that may go. */
#define ROW(name, want, ...)                                                                       \
    {                                                                                              \
        struct admit_in in = well;                                                                 \
        __VA_ARGS__;                                                                               \
        const struct decision d = admit(&in), w = {want};                                          \
        expect(name, &d, &w);                                                                      \
    }
#define IS(x) .what = DECIDED_##x
#define RETRY_AT(ms) .what = DECIDED_RETRY, .at_ms = (ms)
#define BURIED(why, maybe, words)                                                                  \
    .what = DECIDED_DEAD, .reason = REASON_##why, .maybe_sent = (maybe), .text = (words)

static void test_goes(void **state)
{
    (void)state;
    ROW("well", IS(SEND), (void)in);
    ROW("at its deadline", IS(SEND), in.send_by_ms = NOW);
    ROW("a repeat", IS(SEND), in.open = true, in.first_sent_ms = NOW - WINDOW);
    ROW("a repeat in quiet hours", IS(SEND), in.open = true, in.first_sent_ms = NOW - 1,
        in.loud_ms = LATER);
    ROW("of another part", IS(SEND), in.begun = true, in.first_sent_ms = 1);
}

static void test_goes_back(void **state)
{
    (void)state;
    ROW("lost lease", IS(BACK), in.lease_lost = true);
    ROW("drain", IS(BACK), in.draining = true);
    ROW("another configuration", IS(BACK), in.outdated = true);
    ROW("refused queue", IS(BACK), in.refused = true);
    ROW("before all else", IS(BACK), in.draining = true, in.aside = true, in.slot = false,
        in.send_by_ms = 1);
    ROW("whole", RETRY_AT(NOW), in.draining = true, in.shared = in.whole = true);
}

static void test_waits_here(void **state)
{
    (void)state;
    ROW("no slot", IS(WAIT), in.slot = false);
    ROW("no slot, first", IS(WAIT), in.slot = false, in.lease_safe = false, in.may_call = false);
    ROW("short lease", IS(HOLD), in.lease_safe = false);
    ROW("short lease, then", IS(HOLD), in.lease_safe = false, in.may_call = false);
}

static void test_waits_for_its_app(void **state)
{
    (void)state;
    ROW("paused", IS(PARK), in.may_call = false);
    ROW("open circuit", IS(PARK), in.circuit = false);
    ROW("own trouble", IS(PARK), in.own = false);
    ROW("in quiet hours", IS(PARK), in.own = false, in.loud_ms = LATER);
    ROW("whole", RETRY_AT(NOW + DECISION_PARK_AGAIN_MS), in.circuit = false,
        in.shared = in.whole = true);
    {
        struct admit_in in = well;
        in.aside = true;
        in.slot = in.lease_safe = false; /* are not asked for */
        const struct decision d = admit(&in), w = {.what = DECIDED_PARK, .aside = true};
        expect("set aside", &d, &w);
    }
    ROW("too late", BURIED(EXPIRED, false, "deadline"), in.circuit = false,
        in.send_by_ms = NOW - 1);
}

static void test_is_too_late(void **state)
{
    (void)state;
    ROW("deadline", BURIED(EXPIRED, false, "its deadline is over"), in.send_by_ms = NOW - 1);
    ROW("deadline of a repeat", BURIED(AMBIGUOUS, true, "was never answered"), in.open = true,
        in.send_by_ms = NOW - 1);
    ROW("forgotten token", BURIED(AMBIGUOUS, true, "would not be recognised"), in.open = true,
        in.first_sent_ms = NOW - WINDOW - 1);
    ROW("another call", BURIED(AMBIGUOUS, true, "Title"), in.open = in.is_another = true,
        in.first_sent_ms = NOW, in.another = "it is another: Title");
}

static void test_resend(void **state)
{
    (void)state;
    struct admit_in in = well;
    in.policy.resend_ambiguous = in.open = true;
    in.first_sent_ms = NOW - WINDOW - 1;
    in.loud_ms = LATER; /* it may be out already: quiet hours are not for it */
    struct decision d = admit(&in);
    const struct decision want = {
        .what = DECIDED_SEND, .new_token = true, .text = "would not be recognised"};
    expect("forgotten token", &d, &want);
    in.first_sent_ms = NOW;
    in.is_another = true;
    in.another = "Title";
    d = admit(&in);
    const struct decision other = {.what = DECIDED_SEND, .new_token = true, .text = "Title"};
    expect("another call", &d, &other);
    in.send_by_ms = NOW - 1; /* nothing is sent past the deadline */
    d = admit(&in);
    const struct decision late = {BURIED(AMBIGUOUS, true, "deadline")};
    expect("past the deadline", &d, &late);
}

static void test_quiet_hours(void **state)
{
    (void)state;
    ROW("till they end", RETRY_AT(LATER), in.loud_ms = LATER);
    ROW("beyond its deadline", BURIED(EXPIRED, false, "quiet hours"), in.loud_ms = LATER,
        in.send_by_ms = LATER - 1);
    ROW("for some of its jobs", IS(BACK), in.shared = in.quiet_for_some = true, in.loud_ms = LATER);
}

/* --- tokens ---------------------------------------------------------------------------------- */

static void test_tokens(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum limit_token token;
        int64_t wait_ms;
        bool shared, whole, begun, all;
        struct decision want;
    } rows[] = {
        {"taken", LIMIT_GO, 0, false, false, false, false, {IS(SEND)}},
        {"asked for", LIMIT_WAIT, 0, false, false, false, false, {IS(HOLD)}},
        {"none", LIMIT_NONE, 50, false, false, false, false, {IS(PARK)}},
        {"none, shared, soon", LIMIT_NONE, LIMIT_MOMENT_MS, true, false, false, false, {IS(HOLD)}},
        {"none, shared", LIMIT_NONE, LIMIT_MOMENT_MS + 1, true, false, false, false, {IS(PARK)}},
        {"none, whole",
         LIMIT_NONE,
         LIMIT_MOMENT_MS + 1,
         true,
         true,
         false,
         false,
         {RETRY_AT(NOW + DECISION_PARK_AGAIN_MS)}},
        {"none, another part", LIMIT_NONE, 50, false, false, true, false, {RETRY_AT(NOW + 50)}},
        {"none, to all", LIMIT_NONE, 70, false, false, false, true, {RETRY_AT(NOW + 70)}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct admit_in in = well;
        in.shared = rows[i].shared;
        in.whole = rows[i].whole;
        in.begun = rows[i].begun;
        in.all = rows[i].all;
        const struct decision d = admit_token(&in, rows[i].token, rows[i].wait_ms);
        expect(rows[i].name, &d, &rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goes),        cmocka_unit_test(test_goes_back),
        cmocka_unit_test(test_waits_here),  cmocka_unit_test(test_waits_for_its_app),
        cmocka_unit_test(test_is_too_late), cmocka_unit_test(test_resend),
        cmocka_unit_test(test_quiet_hours), cmocka_unit_test(test_tokens),
    };
    return cmocka_run_group_tests_name("admit", tests, NULL, NULL);
}
