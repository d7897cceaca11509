/* SPDX-License-Identifier: MIT
 * Replies of Redis: a server on a unix socket answers each command with the next piece of the
 * input, to a connection with a queue on top that claims, finishes, waits, counts and leaves.
 * Pieces are parted by "%\n". An input that begins with '!' also answers the handshake. */
#include "fuzz/fuzz.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <sys/un.h>
#include <unistd.h>

#include "queue/queue_core.h"

enum { CONNECTIONS_MAX = 3, ROUNDS = 3, IDLE_TURNS = 8, TURNS_MAX = 5000 };

static const char greeting[] = "*1\r\n$6\r\nmaster\r\n$86\r\nredis_version:7.0.15\r\n"
                               "run_id:0123456789abcdef0123456789abcdef01234567\r\n"
                               "tcp_port:6379\r\n\r\n+OK\r\n";

static struct event_base *base;
static struct evconnlistener *listener;
static struct sockaddr_un address = {.sun_family = AF_UNIX};

/* --- the server ------------------------------------------------------------------------------ */

static struct server {
    struct rest script;
    bool raw; /* the handshake, too, is the script's */
    struct bufferevent *bev;
    redisReader *commands;
    bool done;                /* hangs up when the last reply is out */
    unsigned accepted, greet; /* greet: commands of the handshake still to come */
    size_t progress;
} server;

static void hang_up(void)
{
    if (server.bev)
        bufferevent_free(server.bev);
    if (server.commands)
        redisReaderFree(server.commands);
    server.bev = NULL;
    server.commands = NULL;
}

/* False when there is nothing left to say. */
static bool say_next(void)
{
    struct rest *r = &server.script;
    if (r->p == r->end)
        return false;
    const char *mark = memmem(r->p, rest_len(r), "%\n", 2);
    bufferevent_write(server.bev, r->p, (size_t)((mark ? mark : r->end) - r->p));
    r->p = mark ? mark + 2 : r->end;
    return true;
}

/* The two commands of the handshake are sent at once and answered at once. */
static bool answer(void)
{
    if (server.greet == 0)
        return say_next();
    if (--server.greet == 0)
        bufferevent_write(server.bev, greeting, sizeof greeting - 1);
    return true;
}

static void on_commands(struct bufferevent *bev, void *arg)
{
    (void)arg;
    static char bytes[64 * 1024];
    size_t n;
    void *command = NULL;
    while ((n = bufferevent_read(bev, bytes, sizeof bytes)) > 0)
        must(redisReaderFeed(server.commands, bytes, n) == REDIS_OK);
    for (;;) {
        must(redisReaderGetReply(server.commands, &command) == REDIS_OK);
        if (!command)
            break;
        freeReplyObject(command);
        server.progress++;
        server.done |= !answer();
    }
    if (server.done && evbuffer_get_length(bufferevent_get_output(bev)) == 0)
        hang_up();
}

static void on_written(struct bufferevent *bev, void *arg)
{
    (void)bev, (void)arg;
    if (server.done)
        hang_up();
}

static void on_gone(struct bufferevent *bev, short what, void *arg)
{
    (void)bev, (void)what, (void)arg;
    hang_up();
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from, int len,
                      void *arg)
{
    (void)l, (void)from, (void)len, (void)arg;
    hang_up();
    if (server.accepted++ >= CONNECTIONS_MAX) {
        close(fd);
        return;
    }
    server.progress++;
    server.greet = server.raw ? 0 : 2;
    server.done = false;
    server.commands = redisReaderCreate();
    server.bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(server.bev, on_commands, on_written, on_gone, NULL);
    bufferevent_enable(server.bev, EV_READ | EV_WRITE);
}

static void remove_socket(void)
{
    unlink(address.sun_path);
}

static void listen_once(void)
{
    base = event_base_new();
    snprintf(address.sun_path, sizeof address.sun_path, "/tmp/pushbridge-fuzz-%ld.sock",
             (long)getpid());
    unlink(address.sun_path);
    listener = evconnlistener_new_bind(base, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE, -1,
                                       (struct sockaddr *)&address, sizeof address);
    must(listener);
    atexit(remove_socket);
}

/* --- the client ------------------------------------------------------------------------------ */

static struct client {
    struct redis *redis;
    struct queue *queue;
    unsigned rounds;
    size_t finishing, finished;
    bool left;
} client;

static void on_finish(void *arg, enum queue_done done)
{
    (void)arg, (void)done;
    client.finished++;
    must(client.finished <= client.finishing);
}

static void on_leave(void *arg, enum queue_done done)
{
    (void)arg, (void)done;
}

/* Every byte that is handed out can be read. */
static unsigned sum(const char *p, size_t len)
{
    unsigned n = 0;
    for (size_t i = 0; i < len; i++)
        n += (unsigned char)p[i];
    return n;
}

static void end_member(const struct queue_claim *claim, const struct queue_member *m, unsigned kind)
{
    struct queue_end end = {.kind = (enum queue_end_kind)(kind % (END_RETURN + 1)),
                            .outcome = "{}",
                            .outcome_len = 2,
                            .envelope = "{}",
                            .envelope_len = 2,
                            .bytes = m->oversize ? NULL : m->bytes,
                            .len = m->oversize ? 0 : m->len,
                            .crashes = m->crashes,
                            .at_ms = claim->now_ms,
                            .app = "a"};
    client.finishing++;
    queue_finish(claim->lease, m->pos, &end, on_finish, NULL);
}

static void on_mark(void *arg, enum queue_done done, const char *text, size_t len)
{
    static volatile unsigned sink;
    sink = sink + (text ? sum(text, len) : 0);
    on_finish(arg, done);
}

static void use_claim(const struct queue_claim *claim)
{
    static volatile unsigned sink;
    must(claim->n > 0 && strlen(claim->batch) <= QUEUE_ID_SIZE - 1);
    client.finishing++;
    queue_mark(claim->lease, "group", 5, on_mark, NULL);
    for (size_t i = 0; i < claim->n; i++) {
        const struct queue_member *m = &claim->members[i];
        sink = sink + sum(claim->grouping, claim->grouping_len) +
               sum(claim->marks, strlen(claim->marks));
        sink = sink + sum(m->envelope, m->envelope_len) + (m->oversize ? 0 : sum(m->bytes, m->len));
        end_member(claim, m, (unsigned)i + client.rounds);
    }
}

static void go_on(void);

static void on_claim(void *arg, const struct queue_claim *claim, enum claim_end end, unsigned ready)
{
    (void)arg, (void)end, (void)ready;
    server.progress++;
    if (claim)
        use_claim(claim);
    else
        go_on();
}

static void on_wait(void *arg, bool moved)
{
    (void)arg, (void)moved;
    server.progress++;
    go_on();
}

static void on_counts(void *arg, const struct queue_counts *c)
{
    (void)arg, (void)c;
    server.progress++;
}

/* One of each, as often as the rounds allow. */
static void go_on(void)
{
    static const struct queue_unpark unparks[] = {{"a", 5}, {"b", 5}};
    struct queue *q = client.queue;
    if (client.rounds++ >= ROUNDS) {
        if (!client.left)
            queue_leave(q, on_leave, NULL);
        client.left = true;
        return;
    }
    if (!queue_claiming(q))
        queue_claim(q,
                    &(struct queue_ask){.n = 100,
                                        .unparks = unparks,
                                        .nunparks = 2,
                                        .parked_max = 1000,
                                        .order = client.rounds % 2 ? QUEUE_IN_TURN : QUEUE_BESIDE,
                                        .alone = true},
                    on_claim, NULL);
    if (!queue_waiting(q))
        queue_wait(q, on_wait, NULL);
    queue_extend(q);
    queue_housekeep(q);
    queue_count(q, on_counts, NULL);
    if (client.rounds == 2)
        queue_wait_cancel(q);
}

static void on_ready(void *arg, bool ok, const char *why)
{
    (void)arg, (void)why;
    if (ok)
        go_on();
}

static void on_state(void *arg, enum redis_state state, const char *why)
{
    (void)arg;
    must(why);
    if (state == REDIS_UP)
        queue_open(client.queue, on_ready, NULL);
}

static void client_start(void)
{
    struct redis_opts o;
    redis_opts_default(&o);
    snprintf(o.unix_path, sizeof o.unix_path, "%s", address.sun_path);
    o.backoff_base_ms = o.backoff_cap_ms = 0; /* nothing here waits for a clock */
    if (server.raw) {
        o.db = 1;
        snprintf(o.password, sizeof o.password, "x");
    }
    const struct queue_opts q = {.name = "q",
                                 .results = "results",
                                 .dead = "dead",
                                 .worker = "w",
                                 .digest = "0123456789abcdef",
                                 .lease_ms = 9000,
                                 .idle_wait_s = 5,
                                 .results_max = 1000,
                                 .job_max_bytes = 65536};
    client = (struct client){.redis = redis_new(base, NULL, &o, "fuzz", on_state, NULL)};
    client.queue = queue_new(base, client.redis, client.redis, &q);
}

/* -------------------------------------------------------------------------------------------- */

/* Until nothing moves any more; that must come to an end. */
static void run(void)
{
    size_t seen = 0;
    unsigned turns = 0;
    for (unsigned idle = 0; idle < IDLE_TURNS; turns++) {
        event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
        queue_finish_flush(client.queue);
        idle = server.progress == seen ? idle + 1 : 0;
        seen = server.progress;
        must(turns < TURNS_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!base)
        listen_once();
    server = (struct server){.script = rest_of(data, size), .raw = size && data[0] == '!'};
    server.script.p += server.raw;
    client_start();
    run();
    queue_free(client.queue);
    redis_free(client.redis);
    hang_up();
    event_base_loop(base,
                    EVLOOP_ONCE | EVLOOP_NONBLOCK); /* what is still in the listener's queue */
    hang_up();
    return 0;
}
