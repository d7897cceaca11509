/* SPDX-License-Identifier: MIT */
#include "queue/queue_core.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/number.h"
#include "base/text.h"

/* --- arguments ------------------------------------------------------------------------------- */

void queue_args_init(struct queue_args *a)
{
    memset(a, 0, sizeof *a);
}

void queue_args_free(struct queue_args *a)
{
    mem_free(a->v);
    mem_free(a->lens);
    queue_args_init(a);
}

void queue_args_bytes(struct queue_args *a, const char *p, size_t len)
{
    if (a->n == a->cap) {
        a->cap = a->cap ? 2 * a->cap : 32;
        a->v = mem_resize(a->v, a->cap * sizeof *a->v);
        a->lens = mem_resize(a->lens, a->cap * sizeof *a->lens);
    }
    a->v[a->n] = p;
    a->lens[a->n++] = len;
}

void queue_args_text(struct queue_args *a, const char *text)
{
    queue_args_bytes(a, text, strlen(text));
}

void queue_args_int(struct queue_args *a, int64_t n)
{
    assert(a->nnumbers < sizeof a->numbers / sizeof a->numbers[0]);
    char *text = a->numbers[a->nnumbers++];
    snprintf(text, sizeof a->numbers[0], "%lld", (long long)n);
    queue_args_text(a, text);
}

void queue_args_keys_end(struct queue_args *a)
{
    a->nkeys = a->n;
}

/* --- requests -------------------------------------------------------------------------------- */

struct request {
    struct queue *q;
    queue_reply_fn fn;
    void *ctx;
};

static void free_when_quiet(struct queue *q)
{
    if (q->closed && q->pending == 0)
        mem_free(q);
}

static void on_reply(void *arg, redisReply *reply)
{
    struct request *request = arg;
    struct queue *q = request->q;
    if (!q->closed)
        request->fn(q, request->ctx, reply);
    mem_free(request->ctx);
    mem_free(request);
    q->pending--;
    free_when_quiet(q);
}

static struct request *request_new(struct queue *q, queue_reply_fn fn, void *ctx)
{
    assert(!q->closed);
    struct request *request = mem_alloc(sizeof *request);
    *request = (struct request){q, fn, ctx};
    q->pending++;
    return request;
}

void queue_send_script(struct queue *q, struct redis *r, enum script which, struct queue_args *a,
                       queue_reply_fn fn, void *ctx)
{
    redis_eval(r, script_get(which), (int)a->nkeys, (int)a->n, a->v, a->lens, on_reply,
               request_new(q, fn, ctx));
    queue_args_free(a);
}

void queue_send_command(struct queue *q, struct redis *r, struct queue_args *a, int wait_ms,
                        queue_reply_fn fn, void *ctx)
{
    struct request *request = request_new(q, fn, ctx);
    if (wait_ms)
        redis_command_blocking(r, (int)a->n, a->v, a->lens, wait_ms, on_reply, request);
    else
        redis_command(r, (int)a->n, a->v, a->lens, on_reply, request);
    queue_args_free(a);
}

/* --- answers --------------------------------------------------------------------------------- */

void queue_timer_set(struct event *timer, int64_t ms)
{
    struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    evtimer_add(timer, &tv);
}

int64_t queue_backoff_next(struct queue *q)
{
    int64_t ms = q->backoff_ms;
    q->backoff_ms = ms < QUEUE_BACKOFF_MAX_MS / 2 ? 2 * ms : QUEUE_BACKOFF_MAX_MS;
    return ms / 2 + (int64_t)clock_random_below((uint64_t)ms / 2 + 1);
}

static void note_error(struct queue *q, const char *what, const char *error)
{
    snprintf(q->error, sizeof q->error, "%s", error);
    int64_t now = clock_mono_ms();
    if (!q->trouble || now - q->trouble_mono_ms > QUEUE_LOG_AGAIN_MS) {
        log_warn("event=queue_redis_error queue=%s step=%s error=%s", log_value(q->name), what,
                 log_value(error));
        q->trouble = what;
        q->trouble_mono_ms = now;
    }
}

bool queue_answered(struct queue *q, const char *what, const redisReply *reply)
{
    if (!reply)
        return false;
    if (reply->type == REDIS_REPLY_ERROR) {
        note_error(q, what, reply->str);
        queue_health_note(q, what, reply->str);
        return false;
    }
    if (q->refused)
        queue_health_note(q, what, NULL);
    if (q->trouble && strcmp(q->trouble, what) == 0) {
        log_info("event=queue_redis_ok queue=%s step=%s", log_value(q->name), what);
        q->trouble = NULL;
    }
    return true;
}

int64_t queue_reply_int(const redisReply *array, size_t i)
{
    const redisReply *e = i < array->elements ? array->element[i] : NULL;
    return e && e->type == REDIS_REPLY_INTEGER ? number_bounded(e->integer) : 0;
}

const char *queue_reply_text(const redisReply *array, size_t i)
{
    const redisReply *e = i < array->elements ? array->element[i] : NULL;
    return e && e->type == REDIS_REPLY_STRING ? e->str : NULL;
}

bool queue_answered_array(struct queue *q, const char *what, const redisReply *reply, size_t n)
{
    if (!queue_answered(q, what, reply))
        return false;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < n || queue_reply_int(reply, 0) <= 0) {
        metrics_add_at(METRIC_REDIS_ERRORS, metrics_find(SET_KIND, "protocol"), 1);
        note_error(q, what, "unexpected shape of the reply");
        return false;
    }
    q->backoff_ms = QUEUE_BACKOFF_MIN_MS;
    q->redis_ms = queue_reply_int(reply, 0);
    q->redis_mono_ms = clock_mono_ms();
    return true;
}

int64_t queue_now_ms(const struct queue *q)
{
    return q->redis_ms ? q->redis_ms + clock_mono_ms() - q->redis_mono_ms : 0;
}

/* --- names ----------------------------------------------------------------------------------- */

unsigned queue_server_version(const struct queue *q, const struct redis *r)
{
    return q->force_version ? q->force_version : redis_version(r);
}

void queue_random_id(char out[QUEUE_ID_SIZE])
{
    unsigned char random[12];
    clock_random(random, sizeof random);
    text_base64url(random, sizeof random, out);
}

static bool has_hash_tag(const char *name)
{
    const char *open = strchr(name, '{');
    const char *close = open ? strchr(open, '}') : NULL;
    return close && close > open + 1;
}

static char *join(const char *a, const char *b, const char *c)
{
    size_t size = strlen(a) + strlen(b) + strlen(c) + 1;
    char *text = mem_alloc(size);
    snprintf(text, size, "%s%s%s", a, b, c);
    return text;
}

char *queue_prefix(const char *name)
{
    return has_hash_tag(name) ? mem_strdup(name) : join("{", name, "}");
}

char *queue_key(const struct queue *q, const char *kind, const char *name)
{
    char *part = join(":", kind, ":");
    char *key = join(q->keys.prefix, part, name);
    mem_free(part);
    return key;
}

static void keys_init(struct queue *q, const struct queue_opts *opts)
{
    struct queue_keys *k = &q->keys;
    k->prefix = queue_prefix(q->name);
    k->ready = mem_strdup(q->name);
    k->inbox = queue_key(q, "inbox", q->worker);
    k->due = join(k->prefix, ":due", "");
    k->batch = join(k->prefix, ":batch", "");
    k->member = join(k->prefix, ":member", "");
    k->oversize = join(k->prefix, ":oversize", "");
    k->count = join(k->prefix, ":count", "");
    k->workers = join(k->prefix, ":workers", "");
    k->run = join(k->prefix, ":run", "");
    k->version = join(k->prefix, ":v", "");
    k->apps = join(k->prefix, ":apps", "");
    k->stat = join(k->prefix, ":stat", "");
    k->config = join(k->prefix, ":config", "");
    k->ids = opts->ids && strcmp(opts->ids, q->name) != 0 ? queue_prefix(opts->ids) : NULL;
    k->results = mem_strdup(opts->results);
    k->dead = mem_strdup(opts->dead);
}

static void keys_free(struct queue_keys *k)
{
    char *const all[] = {k->prefix,   k->ready,  k->inbox,   k->due,  k->batch,   k->member,
                         k->oversize, k->count,  k->workers, k->run,  k->version, k->apps,
                         k->stat,     k->config, k->results, k->dead, k->ids};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        mem_free(all[i]);
}

void queue_app_known(struct queue *q, const char *app)
{
    if (!app)
        return;
    for (size_t i = 0; i < q->napps; i++)
        if (strcmp(q->apps[i], app) == 0)
            return;
    if (q->napps < QUEUE_APPS_MAX)
        q->apps[q->napps++] = mem_strdup(app);
}

static void set_config(struct queue *q, const char *digest, const char *marks)
{
    assert(digest[0] && !strchr(digest, ' '));
    mem_free(q->digest);
    mem_free(q->marks);
    q->opts.digest = q->digest = mem_strdup(digest);
    q->opts.marks = q->marks = marks ? mem_strdup(marks) : NULL;
}

void queue_set_digest(struct queue *q, const char *digest, const char *marks)
{
    set_config(q, digest, marks);
    queue_note_config(q);
}

const char *queue_name(const struct queue *q)
{
    return q->name;
}

/* --- the configuration ----------------------------------------------------------------------- */

static void on_config_noted(struct queue *q, void *ctx, redisReply *reply)
{
    (void)ctx;
    queue_answered(q, "config", reply);
}

/* On the connection of the claims, so before the next of them. */
void queue_note_config(struct queue *q)
{
    struct queue_args a;
    if (!q->marks || !redis_is_up(q->cmd))
        return;
    queue_args_init(&a);
    queue_args_text(&a, q->keys.config);
    queue_args_keys_end(&a);
    queue_args_text(&a, q->digest);
    queue_args_text(&a, q->marks);
    queue_args_int(&a, QUEUE_CONFIGS_MAX);
    queue_send_script(q, q->cmd, SCRIPT_CONFIG, &a, on_config_noted, NULL);
}

/* --- opening --------------------------------------------------------------------------------- */

static void open_done(struct queue *q, bool ok, const char *why)
{
    queue_ready_fn fn = q->open_fn;
    q->open_fn = NULL;
    fn(q->open_arg, ok, why);
}

/* Nothing of it is touched until its layout is one that this program knows. */
static void open_newer(struct queue *q, int64_t schema)
{
    char why[160];
    snprintf(why, sizeof why, "%.64s holds schema %lld, this program knows up to %d",
             q->keys.version, (long long)schema, QUEUE_SCHEMA);
    q->newer = true;
    queue_health_note(q, "open", why);
    queue_timer_set(q->open_timer, queue_backoff_next(q));
    q->open_fn(q->open_arg, false, why);
}

static void on_open(struct queue *q, void *ctx, redisReply *reply)
{
    (void)ctx;
    if (!q->open_fn)
        return;
    if (!reply) {
        open_done(q, false, NULL); /* the next connection opens it again */
        return;
    }
    if (!queue_answered(q, "open", reply) || reply->type != REDIS_REPLY_ARRAY) {
        queue_timer_set(q->open_timer, queue_backoff_next(q));
        return;
    }
    int64_t schema = queue_reply_int(reply, 0);
    if (schema > QUEUE_SCHEMA) {
        open_newer(q, schema);
        return;
    }
    q->newer = false;
    q->backoff_ms = QUEUE_BACKOFF_MIN_MS;
    for (size_t i = 2; i < reply->elements; i++)
        queue_app_known(q, queue_reply_text(reply, i));
    q->redis_ms = queue_reply_int(reply, 1);
    q->redis_mono_ms = clock_mono_ms();
    queue_note_config(q);
    open_done(q, true, NULL);
    queue_finish_flush(q);
}

static void open_send(struct queue *q)
{
    struct queue_args a;
    queue_args_init(&a);
    queue_args_text(&a, q->keys.version);
    queue_args_text(&a, q->keys.workers);
    queue_args_text(&a, q->keys.apps);
    queue_args_keys_end(&a);
    queue_args_int(&a, QUEUE_SCHEMA);
    queue_args_text(&a, q->worker);
    queue_args_int(&a, q->opts.lease_ms);
    queue_send_script(q, q->cmd, SCRIPT_OPEN, &a, on_open, NULL);
}

static void on_open_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    open_send(arg);
}

void queue_open(struct queue *q, queue_ready_fn fn, void *arg)
{
    evtimer_del(q->open_timer);
    q->open_fn = fn;
    q->open_arg = arg;
    open_send(q);
}

/* --- life ------------------------------------------------------------------------------------ */

struct queue *queue_new(struct event_base *base, struct redis *cmd, struct redis *wait,
                        const struct queue_opts *opts)
{
    assert(!strchr(opts->worker, ' '));
    struct queue *q = mem_zalloc(sizeof *q);
    q->base = base;
    q->cmd = cmd;
    q->wait = wait;
    q->opts = *opts;
    q->opts.name = q->name = mem_strdup(opts->name);
    q->opts.worker = q->worker = mem_strdup(opts->worker);
    set_config(q, opts->digest, opts->marks);
    keys_init(q, opts);
    q->opts.results = q->keys.results;
    q->opts.dead = q->keys.dead;
    q->opts.ids = NULL; /* borrowed until here */
    q->backoff_ms = QUEUE_BACKOFF_MIN_MS;
    TAILQ_INIT(&q->leases);
    TAILQ_INIT(&q->items);
    TAILQ_INIT(&q->items_sent);
    q->open_timer = evtimer_new(base, on_open_timer, q);
    q->flush_event = evtimer_new(base, queue_on_flush, q);
    q->wait_timer = evtimer_new(base, queue_on_wait_timer, q);
    q->unblock_timer = evtimer_new(base, queue_on_unblock_timer, q);
    q->leave_timer = evtimer_new(base, queue_on_leave_timer, q);
    return q;
}

void queue_free(struct queue *q)
{
    if (!q)
        return;
    struct event *const timers[] = {q->open_timer, q->flush_event, q->wait_timer, q->unblock_timer,
                                    q->leave_timer};
    for (size_t i = 0; i < sizeof timers / sizeof timers[0]; i++)
        event_free(timers[i]);
    queue_finish_free(q);
    struct queue_lease *lease;
    while ((lease = TAILQ_FIRST(&q->leases))) {
        lease->refs = 0;
        lease->members = 1;
        queue_lease_member_done(lease);
    }
    for (size_t i = 0; i < q->napps; i++)
        mem_free(q->apps[i]);
    keys_free(&q->keys);
    mem_free(q->name);
    mem_free(q->worker);
    mem_free(q->digest);
    mem_free(q->marks);
    mem_free(q->stat);
    q->closed = true;
    free_when_quiet(q);
}
