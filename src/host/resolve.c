/* SPDX-License-Identifier: MIT */
#include "host/resolve.h"

#include <assert.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/timer.h"

enum {
    THREAD_STACK = 512 * 1024, /* what name service modules need, not the default of 8 MiB */
    NO_THREAD = 1,             /* no code of getaddrinfo(): these are negative */
};

TAILQ_HEAD(lookup_list, lookup);
TAILQ_HEAD(question_list, question);
TAILQ_HEAD(asking_list, asking);

/* Where threads leave what they found. It outlives the resolver while one of them still asks. */
struct letterbox {
    pthread_mutex_t lock;
    struct asking_list answered;
    size_t owners; /* the resolver, and each thread */
    int wake;      /* an eventfd; −1 once the resolver is gone */
};

/* One getaddrinfo() in a thread of its own. */
struct asking {
    TAILQ_ENTRY(asking) link;
    struct letterbox *box;
    struct question *question; /* the loop's; it lives as long as its threads and the resolver */
    int family;
    char host[RESOLVE_HOST_MAX + 1];
    int result; /* as getaddrinfo() says; NO_THREAD: it was not asked */
    struct sockaddr_storage found[RESOLVE_ADDRESSES_MAX];
    size_t n;
};

/* A name, who waits for it, and the threads that ask for it. */
struct question {
    TAILQ_ENTRY(question) link;
    struct resolver *resolver;
    struct lookup_list waiting;
    struct timer *timer;         /* until IPv4 alone is asked for as well */
    bool any, alone;             /* there is a thread that asks for any family, for IPv4 alone */
    bool slow;                   /* it asks for any family for longer than RESOLVE_ALONE_MS */
    bool tried_any, tried_alone; /* for the next answer: each family once, whatever comes of it */
    unsigned round;              /* of answers */
    char host[RESOLVE_HOST_MAX + 1];
};

struct lookup {
    TAILQ_ENTRY(lookup) link;
    struct question *question;
    unsigned round; /* the answer that it waits for */
    resolve_fn fn;
    void *arg;
};

struct resolver {
    struct event_base *base;
    struct letterbox *box;
    struct event *event;
    struct question_list questions;
    size_t threads;
    bool telling, freed; /* freed from within a callback: gone when it returns */
};

/* --- the threads' side ----------------------------------------------------------------------- */

/* Called with the lock held, which it releases. */
static void release_box(struct letterbox *box)
{
    bool last = --box->owners == 0;
    pthread_mutex_unlock(&box->lock);
    if (!last)
        return;
    pthread_mutex_destroy(&box->lock);
    mem_free(box);
}

static void post_answer(struct asking *a)
{
    const uint64_t one = 1;
    struct letterbox *box = a->box;
    pthread_mutex_lock(&box->lock);
    if (box->wake < 0) {
        mem_free(a);
    } else {
        TAILQ_INSERT_TAIL(&box->answered, a, link);
        ssize_t n = write(box->wake, &one, sizeof one);
        assert(n == (ssize_t)sizeof one);
        (void)n;
    }
    release_box(box);
}

/* Sends nothing: only looks for a route. */
static bool has_route(const struct addrinfo *to)
{
    int fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at;
    if (fd < 0)
        return false;
    memcpy(&at, to->ai_addr, sizeof at);
    at.sin_port = htons(9);
    bool yes = connect(fd, (struct sockaddr *)&at, sizeof at) == 0;
    close(fd);
    return yes;
}

/* An IPv4 address that came first must not hide IPv6 addresses from a host that has only these. */
static void keep_addresses(struct asking *a, const struct addrinfo *found)
{
    for (; found && a->n < RESOLVE_ADDRESSES_MAX; found = found->ai_next)
        if (a->family == AF_UNSPEC || has_route(found))
            memcpy(&a->found[a->n++], found->ai_addr, found->ai_addrlen);
}

static void *ask_library(void *arg)
{
    struct asking *a = arg;
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_family = a->family,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_protocol = IPPROTO_TCP,
                                   .ai_flags = a->family == AF_UNSPEC ? AI_ADDRCONFIG : 0};
    a->result = getaddrinfo(a->host, NULL, &hints, &found);
    if (a->result == 0) {
        keep_addresses(a, found);
        freeaddrinfo(found);
    }
    post_answer(a);
    return NULL;
}

/* Signals are the loop's. */
static int start_lookup(struct asking *a)
{
    pthread_t thread;
    pthread_attr_t attr;
    sigset_t all, before;
    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, THREAD_STACK);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&thread, &attr, ask_library, a);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return rc;
}

/* --- questions ------------------------------------------------------------------------------- */

/* Where no thread can be made, that is the answer. */
static void ask_family(struct question *q, int family)
{
    struct resolver *r = q->resolver;
    struct asking *a = mem_zalloc(sizeof *a);
    a->box = r->box;
    a->question = q;
    a->family = family;
    memcpy(a->host, q->host, sizeof a->host);
    *(family == AF_UNSPEC ? &q->any : &q->alone) = true;
    r->threads++;
    pthread_mutex_lock(&r->box->lock);
    r->box->owners++;
    pthread_mutex_unlock(&r->box->lock);
    if (start_lookup(a) == 0)
        return;
    a->result = NO_THREAD;
    post_answer(a);
}

static bool is_full(const struct resolver *r)
{
    return r->threads >= RESOLVE_THREADS_MAX;
}

static void ask_alone(struct question *q)
{
    if (q->alone || q->tried_alone || is_full(q->resolver) || TAILQ_EMPTY(&q->waiting))
        return;
    q->tried_alone = true;
    ask_family(q, AF_INET);
}

static void on_slow(void *arg)
{
    struct question *q = arg;
    q->slow = true;
    ask_alone(q);
}

/* Without a thread to spare the question waits: on_answers() comes back to it. */
static void ask_question(struct question *q)
{
    if (q->any && q->slow)
        ask_alone(q);
    if (q->any || q->tried_any || is_full(q->resolver))
        return;
    q->tried_any = true;
    q->slow = false;
    ask_family(q, AF_UNSPEC);
    timer_once(q->timer, RESOLVE_ALONE_MS);
}

static struct question *question_new(struct resolver *r, const char *host)
{
    struct question *q = mem_zalloc(sizeof *q);
    q->resolver = r;
    TAILQ_INIT(&q->waiting);
    snprintf(q->host, sizeof q->host, "%s", host);
    q->timer = timer_new(r->base, on_slow, q);
    TAILQ_INSERT_TAIL(&r->questions, q, link);
    return q;
}

static void cancel_waiting(struct question *q)
{
    while (!TAILQ_EMPTY(&q->waiting))
        resolve_cancel(TAILQ_FIRST(&q->waiting));
}

static void question_free(struct question *q)
{
    cancel_waiting(q);
    TAILQ_REMOVE(&q->resolver->questions, q, link);
    timer_free(q->timer);
    mem_free(q);
}

static struct question *find_question(const struct resolver *r, const char *host)
{
    struct question *q;
    TAILQ_FOREACH(q, &r->questions, link)
    if (strcmp(q->host, host) == 0)
        return q;
    return NULL;
}

/* --- answers --------------------------------------------------------------------------------- */

/* Who asks again from within the callback waits for the next answer. */
static void tell_askers(struct question *q, const struct resolve_answer *answer)
{
    struct lookup *l;
    const unsigned round = q->round++;
    q->tried_any = q->tried_alone = false;
    while ((l = TAILQ_FIRST(&q->waiting)) && l->round == round) {
        resolve_fn fn = l->fn;
        void *arg = l->arg;
        resolve_cancel(l);
        fn(arg, answer);
    }
}

static const char *why_none(const struct asking *a)
{
    if (a->result == NO_THREAD)
        return "no thread can be made for it";
    return a->result ? gai_strerror(a->result) : "no address that a route leads to";
}

/* No addresses are an answer only when nobody else asks for the name. */
static void take_answer(struct asking *a)
{
    struct question *q = a->question;
    *(a->family == AF_UNSPEC ? &q->any : &q->alone) = false;
    if (a->family == AF_UNSPEC)
        timer_stop(q->timer);
    if (a->n || (!q->any && !q->alone)) {
        struct resolve_answer answer = {.n = a->n, .why = a->n ? "" : why_none(a)};
        memcpy(answer.v, a->found, sizeof answer.v);
        tell_askers(q, &answer);
    }
}

static struct asking *next_answer(struct letterbox *box)
{
    pthread_mutex_lock(&box->lock);
    struct asking *a = TAILQ_FIRST(&box->answered);
    if (a)
        TAILQ_REMOVE(&box->answered, a, link);
    pthread_mutex_unlock(&box->lock);
    return a;
}

static void ask_waiting(struct resolver *r)
{
    struct question *next;
    for (struct question *q = TAILQ_FIRST(&r->questions); q; q = next) {
        next = TAILQ_NEXT(q, link);
        if (!TAILQ_EMPTY(&q->waiting))
            ask_question(q);
        else if (!q->any && !q->alone)
            question_free(q);
    }
}

static void close_box(struct letterbox *box)
{
    struct asking *a;
    pthread_mutex_lock(&box->lock);
    while ((a = TAILQ_FIRST(&box->answered))) {
        TAILQ_REMOVE(&box->answered, a, link);
        mem_free(a);
    }
    close(box->wake);
    box->wake = -1;
    release_box(box);
}

static void resolver_destroy(struct resolver *r)
{
    while (!TAILQ_EMPTY(&r->questions))
        question_free(TAILQ_FIRST(&r->questions));
    event_free(r->event);
    close_box(r->box);
    mem_free(r);
}

static void on_answers(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    uint64_t count;
    struct resolver *r = arg;
    struct asking *a;
    ssize_t n = read(fd, &count, sizeof count);
    (void)n; /* nothing to read: the letterbox tells */
    r->telling = true;
    while (!r->freed && (a = next_answer(r->box))) {
        r->threads--;
        take_answer(a);
        mem_free(a);
    }
    r->telling = false;
    if (r->freed)
        resolver_destroy(r);
    else
        ask_waiting(r);
}

/* --- public ---------------------------------------------------------------------------------- */

struct resolver *resolver_new(struct event_base *base)
{
    int wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake < 0)
        return NULL;
    struct resolver *r = mem_zalloc(sizeof *r);
    r->base = base;
    TAILQ_INIT(&r->questions);
    r->box = mem_zalloc(sizeof *r->box);
    pthread_mutex_init(&r->box->lock, NULL);
    TAILQ_INIT(&r->box->answered);
    r->box->owners = 1;
    r->box->wake = wake;
    r->event = event_new(base, r->box->wake, EV_READ | EV_PERSIST, on_answers, r);
    event_add(r->event, NULL);
    return r;
}

void resolver_free(struct resolver *r)
{
    struct question *q;
    if (!r)
        return;
    TAILQ_FOREACH(q, &r->questions, link)
    cancel_waiting(q);
    r->freed = true;
    if (!r->telling)
        resolver_destroy(r);
}

struct lookup *resolve_start(struct resolver *r, const char *host, resolve_fn fn, void *arg)
{
    struct question *q = find_question(r, host);
    if (!q)
        q = question_new(r, host);
    struct lookup *l = mem_alloc(sizeof *l);
    *l = (struct lookup){.question = q, .round = q->round, .fn = fn, .arg = arg};
    TAILQ_INSERT_TAIL(&q->waiting, l, link);
    ask_question(q);
    return l;
}

/* Its question is left to its threads. */
void resolve_cancel(struct lookup *l)
{
    TAILQ_REMOVE(&l->question->waiting, l, link);
    mem_free(l);
}
