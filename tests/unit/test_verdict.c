/* SPDX-License-Identifier: MIT */
#include "job/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { SETTLE = 3000, HINT = 7000 };
#define NOW INT64_C(1700000000000)
#define WINDOW INT64_C(840000)
#define DAY INT64_C(86400000)

static const struct verdict_policy policy_dead = {3, 500, 60000, SETTLE, WINDOW, 5, false};
static const struct verdict_policy policy_resend = {3, 500, 60000, SETTLE, WINDOW, 5, true};

/* One row: what came back, and what was before it. Times are relative to NOW. */
struct row {
    enum reply_class class;
    bool ambiguous;
    int64_t hint, attempts, throttles, alone;
    bool unanswered, special, renewed;
    int64_t first_sent, deadline; /* 0: now, a day */
    uint64_t random;
    bool resend;
    struct verdict want; /* at_ms relative to NOW */
};

#define SENT                                                                                       \
    {                                                                                              \
        .kind = VERDICT_SENT, .counts = true                                                       \
    }
#define DEAD(why, maybe, count)                                                                    \
    {                                                                                              \
        .kind = VERDICT_DEAD, .reason = REASON_##why, .maybe_sent = maybe, .counts = count         \
    }
#define RETRY(at, maybe, count)                                                                    \
    {                                                                                              \
        .kind = VERDICT_RETRY, .maybe_sent = maybe, .counts = count, .at_ms = at                   \
    }
#define RESEND(at, count)                                                                          \
    {                                                                                              \
        .kind = VERDICT_RETRY, .new_token = true, .counts = count, .at_ms = at                     \
    }
#define PAUSE(at, maybe)                                                                           \
    {                                                                                              \
        .kind = VERDICT_PAUSE, .maybe_sent = maybe, .at_ms = at                                    \
    }

static const struct row rows[] = {
    {REPLY_SENT, .want = SENT},
    {REPLY_SENT, .unanswered = true, .attempts = 2, .want = SENT},

    {REPLY_PERMANENT, .want = DEAD(PROVIDER_REJECTED, false, true)},
    {REPLY_PERMANENT, .unanswered = true, .want = DEAD(PROVIDER_REJECTED, true, true)},
    {REPLY_UNKNOWN_4XX, .want = DEAD(PROVIDER_REJECTED, false, true)},

    /* transient: the back-off is what random says, within [1, 500 << attempts] */
    {REPLY_TRANSIENT, .random = 123, .want = RETRY(123, false, true)},
    {REPLY_TRANSIENT, .random = 0, .want = RETRY(1, false, true)},
    {REPLY_TRANSIENT, .random = 501, .want = RETRY(1, false, true)},
    {REPLY_TRANSIENT, .random = 1000, .attempts = 1, .want = RETRY(1000, false, true)},
    {REPLY_TRANSIENT, .hint = HINT, .random = 9, .want = RETRY(HINT, false, true)},
    {REPLY_TRANSIENT, .attempts = 2, .want = DEAD(RETRIES_EXHAUSTED, false, true)},
    {REPLY_TRANSIENT, .ambiguous = true, .random = 123, .want = RETRY(SETTLE, true, true)},
    {REPLY_TRANSIENT, .ambiguous = true, .hint = HINT, .want = RETRY(HINT, true, true)},
    {REPLY_TRANSIENT, .unanswered = true, .random = 123, .want = RETRY(SETTLE, true, true)},
    {REPLY_TRANSIENT, .ambiguous = true, .attempts = 2,
     .want = DEAD(RETRIES_EXHAUSTED, true, true)},
    {REPLY_TRANSIENT, .unanswered = true, .attempts = 2,
     .want = DEAD(RETRIES_EXHAUSTED, true, true)},

    {REPLY_UNANSWERED, .ambiguous = true, .random = 9, .want = RETRY(SETTLE, true, true)},
    {REPLY_UNANSWERED, .random = 9, .want = RETRY(SETTLE, true, true)},
    {REPLY_UNANSWERED, .attempts = 2, .want = DEAD(AMBIGUOUS, true, true)},
    {REPLY_UNANSWERED, .attempts = 2, .resend = true, .want = DEAD(AMBIGUOUS, true, true)},

    /* the window: the last repeat may start exactly at its end */
    {REPLY_UNANSWERED, .first_sent = SETTLE - WINDOW, .want = RETRY(SETTLE, true, true)},
    {REPLY_UNANSWERED, .first_sent = SETTLE - WINDOW - 1, .want = DEAD(AMBIGUOUS, true, true)},
    {REPLY_UNANSWERED, .first_sent = SETTLE - WINDOW - 1, .resend = true,
     .want = RESEND(SETTLE, true)},
    {REPLY_TRANSIENT, .first_sent = -2 * WINDOW, .random = 7, .want = RETRY(7, false, true)},
    {REPLY_THROTTLED, .unanswered = true, .first_sent = -WINDOW,
     .want = DEAD(AMBIGUOUS, true, false)},

    /* the deadline */
    {REPLY_TRANSIENT, .random = 100, .deadline = 100, .want = RETRY(100, false, true)},
    {REPLY_TRANSIENT, .random = 100, .deadline = 99, .want = DEAD(EXPIRED, false, true)},
    {REPLY_UNANSWERED, .deadline = SETTLE - 1, .want = DEAD(AMBIGUOUS, true, true)},
    {REPLY_UNANSWERED, .deadline = SETTLE - 1, .resend = true, .want = DEAD(AMBIGUOUS, true, true)},
    {REPLY_NOT_SENT, .random = 100, .deadline = 50, .want = DEAD(EXPIRED, false, false)},
    {REPLY_THROTTLED, .hint = HINT, .deadline = HINT - 1, .want = DEAD(EXPIRED, false, false)},

    /* throttling: its own pace, never counted, whatever the attempts */
    {REPLY_THROTTLED, .random = 500, .want = RETRY(500, false, false)},
    {REPLY_THROTTLED, .random = 500, .attempts = 9, .want = RETRY(500, false, false)},
    {REPLY_THROTTLED, .random = 2000, .throttles = 2, .want = RETRY(2000, false, false)},
    {REPLY_THROTTLED, .random = 20000, .throttles = 99, .want = RETRY(20000, false, false)},
    {REPLY_THROTTLED, .random = 20001, .throttles = 99, .want = RETRY(1, false, false)},
    /* after the hint, and not all of one moment at once */
    {REPLY_THROTTLED, .hint = HINT, .random = 5, .want = RETRY(HINT + 5, false, false)},
    {REPLY_THROTTLED, .hint = HINT, .throttles = 3, .random = 2000,
     .want = RETRY(HINT + 2000, false, false)},
    {REPLY_THROTTLED, .hint = HINT, .throttles = 3, .random = 2001,
     .want = RETRY(HINT + 1, false, false)},
    /* chance does not take it past its deadline */
    {REPLY_THROTTLED, .random = 400, .deadline = 300, .want = RETRY(150, false, false)},
    {REPLY_THROTTLED, .hint = HINT, .random = 400, .deadline = HINT + 100,
     .want = RETRY(HINT + 50, false, false)},
    {REPLY_THROTTLED, .hint = HINT, .random = 400, .deadline = HINT,
     .want = RETRY(HINT, false, false)},
    /* alone, later and later; and in the end it is the call's own doing */
    {REPLY_THROTTLED, .alone = 1, .throttles = 1, .random = 700, .want = RETRY(1700, false, false)},
    {REPLY_THROTTLED, .alone = 2, .throttles = 2, .random = 2000,
     .want = RETRY(3000, false, false)},
    {REPLY_THROTTLED, .alone = 4, .throttles = 4, .random = 5000,
     .want = RETRY(6000, false, false)},
    {REPLY_THROTTLED, .alone = 5, .want = DEAD(RETRIES_EXHAUSTED, false, false)},
    {REPLY_THROTTLED, .alone = INT64_MAX, .want = DEAD(RETRIES_EXHAUSTED, false, false)},
    {REPLY_THROTTLED, .alone = 5, .unanswered = true, .want = DEAD(RETRIES_EXHAUSTED, true, false)},
    {REPLY_THROTTLED, .unanswered = true, .random = 5, .want = RETRY(SETTLE, true, false)},

    {REPLY_NOT_SENT, .random = 77, .attempts = 2, .want = RETRY(77, false, false)},
    {REPLY_NOT_SENT, .random = 77, .unanswered = true, .want = RETRY(SETTLE, true, false)},

    {REPLY_AUTH, .want = PAUSE(0, false)},
    {REPLY_AUTH, .unanswered = true, .want = PAUSE(SETTLE, true)},
    {REPLY_CERTIFICATE, .attempts = 2, .want = PAUSE(0, false)},

    /* temporary keys: once more with others at no cost, else as AUTH */
    {REPLY_TOKEN, .want = PAUSE(0, false)},
    {REPLY_TOKEN, .renewed = true, .want = RETRY(0, false, false)},
    {REPLY_TOKEN, .renewed = true, .attempts = 2, .want = RETRY(0, false, false)},
    {REPLY_TOKEN, .renewed = true, .unanswered = true, .want = RETRY(SETTLE, true, false)},

    {REPLY_NONCE_USED, .ambiguous = true, .attempts = 2, .want = RETRY(SETTLE, true, false)},
    {REPLY_NONCE_USED, .special = true, .want = DEAD(AMBIGUOUS, true, true)},
    {REPLY_CLOCK, .attempts = 2, .want = RETRY(0, false, false)},
    {REPLY_CLOCK, .unanswered = true, .want = RETRY(SETTLE, true, false)},
    {REPLY_CLOCK, .special = true, .want = PAUSE(0, false)},

    /* a senseless hint is cut to a day */
    {REPLY_THROTTLED, .hint = INT64_MAX, .want = RETRY(DAY, false, false)},
};

static const char *const kinds[] = {[VERDICT_SENT] = "sent",
                                    [VERDICT_RETRY] = "retry",
                                    [VERDICT_DEAD] = "dead",
                                    [VERDICT_PAUSE] = "pause"};

static void check_verdict(size_t row, const struct verdict *got, const struct verdict *want)
{
    bool timed = want->kind == VERDICT_RETRY || want->kind == VERDICT_PAUSE;
    int64_t at_ms = timed ? got->at_ms - NOW : 0;
    if (got->kind != want->kind || got->reason != want->reason ||
        got->maybe_sent != want->maybe_sent || got->new_token != want->new_token ||
        got->counts != want->counts || at_ms != (timed ? want->at_ms : 0))
        fail_msg("row %zu: %s %s maybe_sent=%d new_token=%d counts=%d at=%lld", row,
                 kinds[got->kind], reason_name(got->reason), got->maybe_sent, got->new_token,
                 got->counts, (long long)at_ms);
}

static void test_decide(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        const struct reply reply = {
            .class = row->class, .ambiguous = row->ambiguous, .retry_after_ms = row->hint};
        const struct verdict_input in = {
            .reply = &reply,
            .attempts = row->attempts,
            .throttles = row->throttles,
            .alone = row->alone,
            .unanswered = row->unanswered,
            .keys_renewed = row->renewed,
            .retried_special = row->special,
            .first_sent_ms = NOW + row->first_sent,
            .now_ms = NOW,
            .deadline_ms = NOW + (row->deadline ? row->deadline : DAY),
            .random = row->random,
        };
        const struct verdict got = verdict_decide(row->resend ? &policy_resend : &policy_dead, &in);
        check_verdict(i, &got, &row->want);
    }
}

/* A connection that is lost early ends nothing at the provider, nor does a gateway's answer in its
 * place. */
static void test_an_unanswered_call_keeps_its_time(void **state)
{
    (void)state;
    static const struct {
        enum reply_class class;
        bool ambiguous, goes_on;
        int64_t busy, want; /* from now */
    } cases[] = {{REPLY_UNANSWERED, true, true, 4000, 4000 + SETTLE},
                 {REPLY_UNANSWERED, true, true, -1, SETTLE},
                 {REPLY_UNANSWERED, true, true, 0, SETTLE},
                 {REPLY_TRANSIENT, true, true, 4000, 4000 + SETTLE},
                 {REPLY_TRANSIENT, true, false, 4000, SETTLE},
                 {REPLY_NONCE_USED, true, true, 4000, 4000 + SETTLE},
                 {REPLY_NOT_SENT, false, false, 4000, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct reply reply = {
            .class = cases[i].class, .ambiguous = cases[i].ambiguous, .goes_on = cases[i].goes_on};
        const struct verdict_input in = {.reply = &reply,
                                         .first_sent_ms = NOW - 1000,
                                         .now_ms = NOW,
                                         .busy_till_ms = NOW + cases[i].busy,
                                         .deadline_ms = NOW + DAY};
        const struct verdict got = verdict_decide(&policy_dead, &in);
        assert_int_equal(got.kind, VERDICT_RETRY);
        assert_int_equal(got.at_ms, NOW + cases[i].want);
    }
}

static void test_before_send(void **state)
{
    (void)state;
    static const struct {
        bool unanswered, another;
        int64_t first_sent, deadline;
        bool resend;
        struct verdict want;
    } cases[] = {
        {false, false, 0, DAY, false, RETRY(0, false, false)},
        /* what is not out may be made anew, under either policy */
        {false, true, -2 * WINDOW, DAY, false, RETRY(0, false, false)},
        {false, true, -2 * WINDOW, DAY, true, RETRY(0, false, false)},
        {false, true, -2 * WINDOW, -1, false, DEAD(EXPIRED, false, false)},
        {false, false, 0, 0, false, RETRY(0, false, false)},
        {false, false, 0, -1, false, DEAD(EXPIRED, false, false)},
        {true, false, -1000, DAY, false, RETRY(0, true, false)},
        {true, false, -WINDOW, DAY, false, RETRY(0, true, false)},
        {true, false, -WINDOW - 1, DAY, false, DEAD(AMBIGUOUS, true, false)},
        {true, false, -WINDOW - 1, DAY, true, RESEND(0, false)},
        {true, true, -1000, DAY, false, DEAD(AMBIGUOUS, true, false)},
        {true, true, -1000, DAY, true, RESEND(0, false)},
        {true, true, -1000, -1, true, DEAD(AMBIGUOUS, true, false)},
        {true, false, -1000, -1, true, DEAD(AMBIGUOUS, true, false)},
        {true, false, -1000, -1, false, DEAD(AMBIGUOUS, true, false)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct verdict got = verdict_before_send(
            cases[i].resend ? &policy_resend : &policy_dead, cases[i].unanswered, cases[i].another,
            NOW + cases[i].first_sent, NOW, NOW + cases[i].deadline);
        check_verdict(i, &got, &cases[i].want);
    }
}

/* The account's word stands until it speaks against this job so often. */
static void test_refusals(void **state)
{
    (void)state;
    for (int64_t refusals = 0; refusals < 8; refusals++) {
        const struct reply reply = {.class = REPLY_AUTH};
        const struct verdict_input in = {.reply = &reply,
                                         .refusals = refusals,
                                         .now_ms = NOW,
                                         .deadline_ms = NOW + DAY,
                                         .first_sent_ms = NOW,
                                         .unanswered = refusals == 7};
        const struct verdict got = verdict_decide(&policy_dead, &in);
        const struct verdict pause = PAUSE(NOW, false);
        const struct verdict dead = DEAD(PROVIDER_REJECTED, refusals == 7, true);
        assert_memory_equal(&got, refusals < 5 ? &pause : &dead, sizeof got);
    }
    static const struct {
        int64_t refusals, most;
    } cases[] = {{0, 1000}, {1, 1000}, {2, 2000}, {5, 16000}, {6, 30000}, {INT64_MAX, 30000}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t most = cases[i].most;
        assert_int_equal(verdict_refused_wait_ms(1000, 30000, cases[i].refusals, 0), most);
        assert_int_equal(
            verdict_refused_wait_ms(1000, 30000, cases[i].refusals, (uint64_t)most / 2), most / 2);
    }
}

static void test_backoff(void **state)
{
    (void)state;
    static const struct {
        int64_t base, cap, attempt;
        uint64_t random;
        int64_t want;
    } cases[] = {
        {500, 60000, 0, 500, 500},     {500, 60000, 0, 0, 1},
        {500, 60000, 3, 4000, 4000},   {500, 60000, 3, 4001, 1},
        {500, 60000, 7, 60000, 60000}, {500, 60000, 500, 60000, 60000},
        {500, 60000, 500, 60001, 1},   {500, 100, 0, 100, 100},
        {500, 100, 0, 101, 1},         {0, 60000, 9, 7, 1},
        {1, INT64_MAX, 62, 0, 1},      {1, INT64_MAX, INT64_MAX, UINT64_MAX >> 1, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(
            verdict_backoff(cases[i].base, cases[i].cap, cases[i].attempt, cases[i].random),
            cases[i].want);
}

static void test_names(void **state)
{
    (void)state;
    for (int c = REPLY_SENT; c <= REPLY_CERTIFICATE; c++)
        assert_string_not_equal(reply_class_name((enum reply_class)c), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decide),
        cmocka_unit_test(test_an_unanswered_call_keeps_its_time),
        cmocka_unit_test(test_before_send),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_backoff),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
