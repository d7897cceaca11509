/* SPDX-License-Identifier: MIT
 * pushbridge run: the worker. */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/reload.h"
#include "base/log.h"
#include "base/timer.h"
#include "cli/cli.h"
#include "host/file.h"
#include "host/heap.h"
#include "host/memory.h"
#include "host/start.h"
#include "pipeline/reading.h"
#include "pipeline/tally.h"
#include "worker/worker.h"

/* Descriptors: the loop's, the admin endpoint and some of its clients, two connections at work; of
 * a queue: those to Redis, and one more while it is lost. */
enum { FDS_SELF = 20, FDS_QUEUE = 3 };

struct run {
    struct event_base *base;
    struct dispatch *dispatch;
    struct monitor *monitor;
    struct reload reload;
    int signals, exit_code;
    bool timed_out;
};

struct run_args {
    struct cli_args common;
    bool until_empty;
    int64_t timeout_s;
};

static void on_dispatch_end(void *arg, enum dispatch_end end, const char *why)
{
    struct run *run = arg;
    log_info("event=worker_end why=%s", log_value(why));
    if (end == DISPATCH_UNSUPPORTED)
        cli_line(stderr, "pushbridge: unsupported service: %s", why);
    run->exit_code = end == DISPATCH_DRAINED     ? CLI_OK
                     : end == DISPATCH_LEFT_OVER ? CLI_FAILED
                                                 : CLI_UNSUPPORTED;
    event_base_loopbreak(run->base);
}

static void on_stop_signal(evutil_socket_t number, short what, void *arg)
{
    (void)what;
    struct run *run = arg;
    if (run->signals++)
        _exit(128 + (int)number);
    log_info("event=signal number=%d", (int)number);
    dispatch_drain(run->dispatch);
    monitor_look(run->monitor);
}

static void on_reload(evutil_socket_t number, short what, void *arg)
{
    (void)number;
    (void)what;
    struct run *run = arg;
    reload_now(&run->reload);
}

static void on_timeout(void *arg)
{
    struct run *run = arg;
    run->timed_out = true;
    dispatch_drain(run->dispatch);
}

static void on_trim(void *arg)
{
    (void)arg;
    heap_trim();
}

static int run_loop(struct run *run, const struct config *config, const struct run_args *args)
{
    struct err e;
    bool fatal;
    struct admin *admin = admin_new(run->base, config, &fatal, &e);
    if (!admin && fatal) {
        cli_line(stderr, "pushbridge: %s", e.text);
        return CLI_CONFIG;
    }
    struct worker *worker =
        worker_open(run->base, config, args->until_empty, on_dispatch_end, run, &e);
    if (!worker) {
        cli_line(stderr, "pushbridge: %s", e.text);
        return CLI_CONFIG;
    }
    run->dispatch = worker_dispatch(worker);
    run->monitor = monitor_new(run->base, config, run->dispatch);
    admin_show(admin, run->monitor);
    run->reload = (struct reload){.file = args->common.config,
                                  .dispatch = run->dispatch,
                                  .monitor = run->monitor,
                                  .admin = admin,
                                  .config = config_hold(config)};
    struct event *hup = evsignal_new(run->base, SIGHUP, on_reload, run);
    struct event *term = evsignal_new(run->base, SIGTERM, on_stop_signal, run);
    struct event *intr = evsignal_new(run->base, SIGINT, on_stop_signal, run);
    struct timer *limit = timer_new(run->base, on_timeout, run);
    struct timer *trim = timer_new(run->base, on_trim, NULL);
    timer_each(trim, HEAP_TRIM_S * 1000);
    event_add(term, NULL);
    event_add(intr, NULL);
    event_add(hup, NULL);
    if (args->timeout_s)
        timer_once(limit, args->timeout_s * 1000);
    file_bound_waits();
    event_base_dispatch(run->base);
    event_free(term);
    event_free(intr);
    event_free(hup);
    timer_free(limit);
    timer_free(trim);
    worker_close(worker);
    admin_free(admin);
    monitor_free(run->monitor);
    reload_free(&run->reload);
    return run->timed_out ? CLI_TIMED_OUT : run->exit_code;
}

/* With fewer it would start and then meet the limit with every connection. */
static bool has_descriptors(const struct config *c)
{
    int64_t least = FDS_SELF + FDS_QUEUE * (int64_t)c->nqueues, most = start_fds_max();
    if (most < least)
        cli_line(
            stderr,
            "pushbridge: at most %lld open files are allowed (LimitNOFILE, ulimit -n), a worker "
            "with %zu queues needs at least %lld",
            (long long)most, c->nqueues, (long long)least);
    else if (most < least + c->max_connections)
        log_warn("event=descriptors_few limit=%lld needed=%lld", (long long)most,
                 (long long)(least + c->max_connections));
    return most >= least;
}

/* Before the first JSON text is parsed and the heap has grown. */
static void begin_run(void *args)
{
    (void)args;
    memory_count_parsed();
    heap_setup();
}

static bool check_run(void *args, struct err *e)
{
    const struct run_args *a = args;
    return !a->timeout_s || a->until_empty || err_set(e, "--timeout needs --until-empty");
}

static int run_worker(void *args, struct config *config)
{
    struct run run = {.exit_code = CLI_FAILED};
    log_threshold = config->log_level;
    if (config->core_dumps)
        start_allow_dumps();
    if (!has_descriptors(config))
        return CLI_CONFIG;
    tally_build(cli_version, cli_commit);
    tally_name(config);
    reading_announce_dedup(config);
    signal(SIGHUP, SIG_IGN); /* one that comes before there is anything to reload */
    run.base = event_base_new();
    if (!run.base) {
        fputs("pushbridge: no event loop\n", stderr);
        return CLI_FAILED;
    }
    int code = run_loop(&run, config, args);
    event_base_free(run.base);
    return code;
}

static const struct args_option options[] = {
    CLI_CONFIG_OPTION,
    {ARGS_IS_FLAG("until-empty", struct run_args, until_empty,
                  "end when every queue is empty, other workers' jobs included")},
    {ARGS_IS_NUMBER("timeout", "SECONDS", struct run_args, timeout_s, 1, 86400,
                    "with --until-empty: give up after this (exit 75)")},
};
static const struct args_command run_args = {
    .name = "run",
    .title = "the worker: take jobs from Redis and deliver them",
    .about =
        "Takes jobs from Redis and delivers them until TERM or INT. A first signal drains: no new "
        "jobs, calls on the wire are finished within worker.drain_ms, the rest goes back; exit 0 "
        "when nothing was left leased, else 1. A second signal ends at once (128 + its number).\n"
        "HUP reads the configuration again: in force at once when it is valid, else the old one "
        "stays.",
    ARGS_NO_VERB("[-c FILE] [--until-empty [--timeout SECONDS]]", "", 0, 0),
    ARGS_OPTIONS(options),
    .size = sizeof(struct run_args),
    .begin = begin_run,
    .check = check_run,
};
const struct cli_command cmd_run = {&run_args, CLI_NEEDS_WORKER, run_worker};
