/* SPDX-License-Identifier: MIT
 * When a management command repeats a call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/manage/caller.h"

static void repeats_what_may_help(void **state)
{
    enum { NO = -1, YES = 0 };
    static const struct {
        struct reply reply;
        enum action_repeat repeat;
        struct caller_tries tries;
        int64_t low, high; /* of the wait; low NO: none */
    } rows[] = {
        {{.class = REPLY_SENT}, REPEAT_SAFE, {0}, NO, NO},
        {{.class = REPLY_PERMANENT}, REPEAT_SAFE, {0}, NO, NO},
        {{.class = REPLY_AUTH}, REPEAT_SAFE, {0}, NO, NO},
        {{.class = REPLY_CLOCK}, REPEAT_SAFE, {0}, NO, NO},
        {{.class = REPLY_CERTIFICATE}, REPEAT_SAFE, {0}, NO, NO},
        {{.class = REPLY_NOT_SENT}, REPEAT_NEVER, {0}, 1, 500},
        {{.class = REPLY_NOT_SENT}, REPEAT_SAFE, {.attempts = 1}, 1, 1000},
        {{.class = REPLY_NOT_SENT}, REPEAT_SAFE, {.attempts = 2}, NO, NO},
        {{.class = REPLY_UNANSWERED}, REPEAT_SAFE, {0}, 1, 500},
        {{.class = REPLY_UNANSWERED, .goes_on = true}, REPEAT_TOKEN, {0}, 8000, 8000},
        {{.class = REPLY_TRANSIENT, .ambiguous = true, .goes_on = true},
         REPEAT_TOKEN,
         {0},
         8000,
         8000},
        {{.class = REPLY_TRANSIENT, .ambiguous = true}, REPEAT_TOKEN, {0}, 3000, 3000},
        {{.class = REPLY_UNANSWERED}, REPEAT_NEVER, {0}, NO, NO},
        {{.class = REPLY_TRANSIENT, .ambiguous = true}, REPEAT_NEVER, {0}, NO, NO},
        {{.class = REPLY_TRANSIENT, .ambiguous = true}, REPEAT_SAFE, {0}, 1, 500},
        {{.class = REPLY_TRANSIENT, .retry_after_ms = 2000}, REPEAT_SAFE, {0}, 2000, 2000},
        {{.class = REPLY_TRANSIENT, .retry_after_ms = 3600000}, REPEAT_SAFE, {0}, 60000, 60000},
        {{.class = REPLY_THROTTLED, .retry_after_ms = 700}, REPEAT_NEVER, {0}, 700, 700},
        {{.class = REPLY_THROTTLED}, REPEAT_SAFE, {.attempts = 9}, 1, 500},
        {{.class = REPLY_THROTTLED}, REPEAT_SAFE, {.throttled = 8}, 1, 60000},
        {{.class = REPLY_THROTTLED}, REPEAT_SAFE, {.throttled = 9}, NO, NO},
        {{.class = REPLY_THROTTLED, .retry_after_ms = 3600000}, REPEAT_SAFE, {0}, 60000, 60000},
    };
    const struct caller_policy policy = {3, 500, 60000, 3000, 5000};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (uint64_t random = 0; random < 50; random++) {
            int64_t ms = caller_wait_ms(&policy, rows[i].repeat, &rows[i].reply, &rows[i].tries,
                                        random * UINT64_C(0x9E3779B97F4A7C15));
            if (ms < rows[i].low || ms > rows[i].high)
                fail_msg("case %zu: %lld", i, (long long)ms);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(repeats_what_may_help)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
