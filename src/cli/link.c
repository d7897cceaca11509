/* SPDX-License-Identifier: MIT */
#include "cli/link.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/timer.h"
#include "host/resolve.h"

enum { REDIRECT_PAUSE_MS = 20 };

struct link {
    struct event_base *base;
    struct resolver *resolver;
    struct redis *redis;
    int slot;                               /* which that was opened for */
    struct redis *owned[CONFIG_QUEUES_MAX]; /* of queues */
    size_t nowned;
    struct timer *limit;
    enum redis_state state;
    int64_t command_ms;
    int64_t again_until_ms; /* until then the command is sent again when another server has it */
    bool open, answered, again; /* open: was up once */
    redis_reply_fn fn;          /* of the command that is out */
    void *arg;
};

static void on_link_state(void *arg, enum redis_state state, const char *why)
{
    struct link *l = arg;
    l->state = state;
    if (state == REDIS_UNSUPPORTED && l->open)
        cli_line(stderr, "pushbridge: unsupported service: %s", why);
    event_base_loopbreak(l->base);
}

static void on_wait_over(void *arg)
{
    event_base_loopbreak(((struct link *)arg)->base);
}

/* One state change, or the time is over. */
static void wait_state(struct link *l, int64_t ms)
{
    timer_once(l->limit, ms);
    event_base_dispatch(l->base);
    timer_stop(l->limit);
}

bool link_wait_up(struct link *l, int64_t ms)
{
    if (!redis_is_up(l->redis))
        wait_state(l, ms);
    return redis_is_up(l->redis);
}

/* Until the connection has followed a redirection, or for a moment. */
static void wait_redirected(struct link *l)
{
    int64_t left;
    wait_state(l, REDIRECT_PAUSE_MS);
    while ((left = l->again_until_ms - clock_mono_ms()) > 0 && !redis_is_up(l->redis))
        wait_state(l, left);
}

static void explain_down(const struct link *l, const struct config *config, struct err *e)
{
    char at[512];
    const char *why = redis_why(l->redis);
    redis_opts_describe(&config->redis, at, sizeof at);
    err_set(e, "Redis at %s is not reachable%s%s", at, *why ? ": " : "", why);
}

struct link *link_try(const struct config *config, int *code, struct err *e)
{
    struct link *l = mem_zalloc(sizeof *l);
    *code = CLI_FAILED;
    l->base = event_base_new();
    if (!l->base) {
        err_set(e, "no event loop");
        mem_free(l);
        return NULL;
    }
    l->resolver = resolver_new(l->base);
    l->limit = timer_new(l->base, on_wait_over, l);
    l->command_ms = config->redis.command_timeout_ms;
    l->slot = config->redis.slot;
    l->redis = redis_new(l->base, l->resolver, &config->redis, "tool", on_link_state, l);
    l->open = link_wait_up(l, config->redis.connect_timeout_ms);
    if (l->open)
        return l;
    *code = l->state == REDIS_UNSUPPORTED ? CLI_UNSUPPORTED : CLI_FAILED;
    if (l->state == REDIS_UNSUPPORTED)
        err_set(e, "unsupported service: %s", redis_why(l->redis));
    else
        explain_down(l, config, e);
    link_close(l);
    return NULL;
}

struct link *link_open(const struct config *config, int *code)
{
    struct err e;
    struct link *l = link_try(config, code, &e);
    if (!l)
        cli_line(stderr, "pushbridge: %s", e.text);
    return l;
}

void link_close(struct link *l)
{
    for (size_t i = 0; i < l->nowned; i++)
        redis_free(l->owned[i]);
    redis_free(l->redis);
    timer_free(l->limit);
    resolver_free(l->resolver);
    event_base_free(l->base);
    mem_free(l);
}

unsigned link_version(const struct link *l)
{
    return redis_version(l->redis);
}

/* Errors that say that the command was not run and where or when it will be. */
static bool is_elsewhere(const redisReply *reply)
{
    static const char *const codes[] = {"MOVED ", "ASK ", "TRYAGAIN ", "CLUSTERDOWN ", "READONLY "};
    for (size_t i = 0; reply && i < sizeof codes / sizeof codes[0]; i++)
        if (reply->type == REDIS_REPLY_ERROR && text_starts(reply->str, codes[i]))
            return true;
    return false;
}

struct event_base *link_base(struct link *l)
{
    return l->base;
}

/* In a cluster a queue has one of its own, to its slot's owner. Waits for it; one that does not
 * come up leaves the questions unanswered. */
static struct redis *queue_connection(struct link *l, const struct config *config, const char *name)
{
    int slot = cluster_slot(name, strlen(name));
    if (config->redis.topology != TOPOLOGY_CLUSTER || l->slot == slot ||
        l->nowned == CONFIG_QUEUES_MAX)
        return l->redis;
    struct redis_opts opts = config->redis;
    opts.slot = slot;
    struct redis *r = redis_new(l->base, l->resolver, &opts, "tool", on_link_state, l);
    l->owned[l->nowned++] = r;
    int64_t left, end_ms = clock_mono_ms() + config->redis.connect_timeout_ms;
    while ((left = end_ms - clock_mono_ms()) > 0 && !redis_is_up(r))
        wait_state(l, left);
    return r;
}

struct queue *link_queue(struct link *l, const struct config *config, const char *name)
{
    char *results = config_queue_key(config->queue_results, name);
    char *dead = config_queue_key(config->queue_dead, name);
    const struct queue_opts opts = {
        .name = name,
        .results = results,
        .dead = dead,
        .worker = "tool",
        .digest = "-",
        .lease_ms = config->lease_ms,
        .idle_wait_s = config->idle_wait_s,
        .results_max = config->results_max,
        .job_max_bytes = config->job_max_bytes,
    };
    struct queue *q = queue_new(l->base, queue_connection(l, config, name), NULL, &opts);
    mem_free(results);
    mem_free(dead);
    return q;
}

void link_wait(struct event_base *base, const bool *done)
{
    while (!*done)
        event_base_loop(base, EVLOOP_ONCE);
}

void link_run(struct link *l, const bool *done)
{
    link_wait(l->base, done);
}

static void on_pause_over(void *arg)
{
    *(bool *)arg = true;
}

void link_pause(struct event_base *base, int64_t ms)
{
    bool over = false;
    if (ms <= 0)
        return;
    struct timer *timer = timer_new(base, on_pause_over, &over);
    timer_once(timer, ms);
    link_wait(base, &over);
    timer_free(timer);
}

static void on_link_reply(void *arg, redisReply *reply)
{
    struct link *l = arg;
    l->answered = true;
    l->again = is_elsewhere(reply) && clock_mono_ms() < l->again_until_ms;
    if (!l->again)
        l->fn(l->arg, reply);
    event_base_loopbreak(l->base);
}

void link_command(struct link *l, int argc, const char **argv, const size_t *lens, int wait_ms,
                  redis_reply_fn fn, void *arg)
{
    l->fn = fn;
    l->arg = arg;
    l->again_until_ms = clock_mono_ms() + l->command_ms;
    do {
        l->answered = l->again = false;
        if (wait_ms)
            redis_command_blocking(l->redis, argc, argv, lens, wait_ms, on_link_reply, l);
        else
            redis_command(l->redis, argc, argv, lens, on_link_reply, l);
        while (!l->answered)
            event_base_dispatch(l->base);
        if (l->again)
            wait_redirected(l);
    } while (l->again);
}
