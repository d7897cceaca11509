/* SPDX-License-Identifier: MIT */
#include "http/multi.h"

#include <assert.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/timer.h"

enum { SLOTS_FIRST = 64 };

/* What libcurl wants to know about a descriptor, and what the loop watches. libcurl stops wanting
 * a kept connection between two transfers; the loop goes on watching it, which saves two system
 * calls a transfer. That is sound only for sockets whose closing goes through us (ours). */
struct slot {
    struct event *event;
    short want, armed;
    bool ours;
};

struct multi {
    struct event_base *base;
    CURLM *curl;
    multi_done_fn fn;
    void *arg;
    struct slot *slots; /* by descriptor */
    size_t nslots;
    struct timer *timer, *kick;
    int64_t deadline_ms, armed_ms; /* −1: none. The timer may be armed for an earlier time */
    unsigned depth;                /* callbacks on the stack */
    bool freed;
};

/* Failures are out of memory or a wrong call: neither can be handled. */
static void must_curl(CURLMcode code)
{
    assert(code == CURLM_OK);
    (void)code;
}

static struct slot *slot_at(struct multi *m, curl_socket_t fd)
{
    size_t need = (size_t)fd + 1;
    if (need > m->nslots) {
        size_t n = m->nslots ? m->nslots : SLOTS_FIRST;
        while (n < need)
            n *= 2;
        m->slots = mem_resize(m->slots, n * sizeof *m->slots);
        for (size_t i = m->nslots; i < n; i++)
            m->slots[i] = (struct slot){0};
        m->nslots = n;
    }
    return &m->slots[fd];
}

static void destroy(struct multi *m)
{
    curl_multi_cleanup(m->curl);
    for (size_t i = 0; i < m->nslots; i++)
        if (m->slots[i].event)
            event_free(m->slots[i].event);
    mem_free(m->slots);
    timer_free(m->timer);
    timer_free(m->kick);
    mem_free(m);
}

static void drain(struct multi *m)
{
    CURLMsg *msg;
    int left;
    m->depth++;
    while (!m->freed && (msg = curl_multi_info_read(m->curl, &left))) {
        if (msg->msg != CURLMSG_DONE)
            continue;
        CURL *easy = msg->easy_handle;
        CURLcode code = msg->data.result;
        curl_multi_remove_handle(m->curl, easy);
        m->fn(m->arg, easy, code);
    }
    if (--m->depth == 0 && m->freed)
        destroy(m);
}

static void socket_act(struct multi *m, curl_socket_t fd, int mask)
{
    int running;
    must_curl(curl_multi_socket_action(m->curl, fd, mask, &running));
    drain(m);
}

static void watch(struct multi *m, curl_socket_t fd, short flags);

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    struct multi *m = arg;
    /* An idle connection that became readable was closed by the peer. libcurl finds out when it
     * wants to use it; until then nobody may be woken by it. */
    if (!slot_at(m, fd)->want) {
        watch(m, fd, 0);
        return;
    }
    socket_act(m, fd,
               ((what & EV_READ) ? CURL_CSELECT_IN : 0) |
                   ((what & EV_WRITE) ? CURL_CSELECT_OUT : 0));
}

static void watch(struct multi *m, curl_socket_t fd, short flags)
{
    struct slot *s = slot_at(m, fd);
    if (flags == s->armed)
        return;
    if (s->armed)
        event_del(s->event);
    s->armed = flags;
    if (!flags)
        return;
    short events = (short)(flags | EV_PERSIST);
    if (s->event)
        event_assign(s->event, m->base, fd, events, on_socket, m);
    else
        s->event = event_new(m->base, fd, events, on_socket, m);
    event_add(s->event, NULL);
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
    (void)easy;
    (void)unused;
    struct multi *m = arg;
    struct slot *s = slot_at(m, fd);
    s->want = (short)(((what & CURL_POLL_IN) && what != CURL_POLL_REMOVE ? EV_READ : 0) |
                      ((what & CURL_POLL_OUT) && what != CURL_POLL_REMOVE ? EV_WRITE : 0));
    if (s->want || !s->ours || s->armed != EV_READ)
        watch(m, fd, s->want);
    return 0;
}

static curl_socket_t on_curl_open(void *arg, curlsocktype purpose, struct curl_sockaddr *addr)
{
    (void)purpose;
    int fd = socket(addr->family, addr->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, addr->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    slot_at(arg, fd)->ours = true;
    return fd;
}

static int on_close(void *arg, curl_socket_t fd)
{
    struct multi *m = arg;
    watch(m, fd, 0);
    struct slot *s = slot_at(m, fd);
    s->want = 0;
    s->ours = false;
    return close(fd);
}

static void arm(struct multi *m, int64_t now_ms)
{
    m->armed_ms = m->deadline_ms;
    timer_once(m->timer, m->deadline_ms - now_ms);
}

static void on_multi_timer(void *arg)
{
    struct multi *m = arg;
    int64_t now = clock_mono_ms();
    m->armed_ms = -1;
    if (m->deadline_ms < 0)
        return;
    if (now < m->deadline_ms) {
        arm(m, now);
        return;
    }
    m->deadline_ms = -1;
    socket_act(m, CURL_SOCKET_TIMEOUT, 0);
}

static void on_kick(void *arg)
{
    socket_act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_timer(CURLM *curl, long ms, void *arg)
{
    (void)curl;
    struct multi *m = arg;
    m->deadline_ms = -1;
    if (ms == 0)
        timer_now(m->kick);
    if (ms <= 0)
        return 0;
    int64_t now = clock_mono_ms();
    m->deadline_ms = now + ms;
    if (m->armed_ms < 0 || m->armed_ms > m->deadline_ms)
        arm(m, now);
    return 0;
}

struct multi *multi_new(struct event_base *base, long max_connections, multi_done_fn fn, void *arg)
{
    CURLM *curl = curl_multi_init();
    if (!curl)
        return NULL;
    struct multi *m = mem_zalloc(sizeof *m);
    *m = (struct multi){.base = base, .curl = curl, .fn = fn, .arg = arg};
    m->deadline_ms = m->armed_ms = -1;
    m->timer = timer_new(base, on_multi_timer, m);
    m->kick = timer_new(base, on_kick, m);
    must_curl(curl_multi_setopt(curl, CURLMOPT_SOCKETFUNCTION, on_curl_socket));
    must_curl(curl_multi_setopt(curl, CURLMOPT_SOCKETDATA, m));
    must_curl(curl_multi_setopt(curl, CURLMOPT_TIMERFUNCTION, on_curl_timer));
    must_curl(curl_multi_setopt(curl, CURLMOPT_TIMERDATA, m));
    must_curl(curl_multi_setopt(curl, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX));
    must_curl(curl_multi_setopt(curl, CURLMOPT_MAXCONNECTS, max_connections));
    must_curl(curl_multi_setopt(curl, CURLMOPT_MAX_HOST_CONNECTIONS, max_connections));
    must_curl(curl_multi_setopt(curl, CURLMOPT_MAX_TOTAL_CONNECTIONS, max_connections));
    return m;
}

void multi_free(struct multi *m)
{
    if (m->depth)
        m->freed = true;
    else
        destroy(m);
}

void multi_adopt(struct multi *m, CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_curl_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, m);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, m);
}

void multi_add(struct multi *m, CURL *easy)
{
    must_curl(curl_multi_add_handle(m->curl, easy));
}

void multi_remove(struct multi *m, CURL *easy)
{
    must_curl(curl_multi_remove_handle(m->curl, easy));
}
