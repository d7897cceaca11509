/* SPDX-License-Identifier: MIT
 * The states of a call: which moves are legal, what they count, and that another one is a bug that
 * ends the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pipeline/pipeline_core.h"

#define STATES (CALL_OVER + 1)
static struct config_app app;
static const struct config config = {.apps = &app, .napps = 1};
static struct pipeline p;
static struct flight f;

static int setup(void **state)
{
    (void)state;
    struct err e;
    const struct queue_claim claim = {.batch = "B", .digest = ""};
    const struct queue_member m = {.envelope = "", .bytes = "{}", .len = 2};
    p = (struct pipeline){.config = &config};
    turns_init(&p.turns, config.napps);
    assert_true(flight_init(&f, &claim, &m, &e));
    f.pipeline = f.lone.pipeline = &p;
    f.config = &config;
    f.app = &app;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    flight_free(&f);
    turns_free(&p.turns);
    return 0;
}

/* From each state to which, as a string of their numbers; docs: pipeline/call.c. */
static const char *const legal[STATES] = {
    [CALL_EMPTY] = "1",   [CALL_FORMING] = "0237", [CALL_RECORDING] = "3", [CALL_READY] = "4567",
    [CALL_WAITING] = "3", [CALL_HELD] = "3",       [CALL_OUT] = "3",       [CALL_OVER] = "",
};
/* A way to each. */
static const char *const way[STATES] = {"", "1", "12", "13", "134", "135", "136", "137"};

static void walk_to(enum call_state state)
{
    for (const char *s = way[state]; *s; s++)
        call_move(&f.lone, (enum call_state)(*s - '0'));
    assert_int_equal(f.lone.state, state);
}

/* In a process of its own, as it may die. */
static bool survives(enum call_state from, enum call_state to)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        signal(SIGABRT, SIG_DFL);
        if (!freopen("/dev/null", "w", stderr))
            _exit(1);
        walk_to(from);
        call_move(&f.lone, to);
        _exit(0);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) || WTERMSIG(status) == SIGABRT);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void test_legal_moves(void **state)
{
    (void)state;
    for (enum call_state from = 0; from <= CALL_OVER; from++)
        for (enum call_state to = 0; to <= CALL_OVER; to++)
            if (survives(from, to) != (strchr(legal[from], '0' + (int)to) != NULL))
                fail_msg("%d to %d", (int)from, (int)to);
}

static void test_what_is_counted(void **state)
{
    (void)state;
    static const struct {
        enum call_state to;
        size_t busy, out, held, turns;
    } rows[] = {
        {CALL_FORMING, 1, 0, 0, 0}, {CALL_RECORDING, 1, 0, 0, 0}, {CALL_READY, 1, 0, 0, 0},
        {CALL_WAITING, 1, 0, 0, 1}, {CALL_READY, 1, 0, 0, 0},     {CALL_HELD, 1, 0, 1, 0},
        {CALL_READY, 1, 0, 0, 0},   {CALL_OUT, 1, 1, 0, 1},       {CALL_READY, 1, 0, 0, 0},
        {CALL_OVER, 0, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        call_move(&f.lone, rows[i].to);
        assert_int_equal(p.busy, rows[i].busy);
        assert_int_equal(p.out, rows[i].out);
        assert_int_equal(p.held, rows[i].held);
        assert_int_equal(p.turns.all, rows[i].turns);
    }
}

/* One that waits is where the turns look for it. */
static void test_waits_for_its_turn(void **state)
{
    (void)state;
    walk_to(CALL_WAITING);
    assert_ptr_equal(turns_next(&p.turns), &f.lone);
    call_move(&f.lone, CALL_READY);
    assert_null(turns_next(&p.turns));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_legal_moves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waits_for_its_turn, setup, teardown),
    };
    return cmocka_run_group_tests_name("call", tests, NULL, NULL);
}
