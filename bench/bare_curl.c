/* SPDX-License-Identifier: MIT
 * The floor for any libcurl client: sends the same request N times with C transfers at once over
 * curl_multi_poll-free multi_socket on libevent, pooled handles, nothing else. Prints CPU us per
 * request. Usage: bare_curl URL CA_FILE TARGET N C HTTP(1|2) [HEADER-LINE…] */
#include <curl/curl.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static struct event_base *base;
static struct event *timer;
static CURLM *multi;
static struct curl_slist *headers;
static long left, done;

static void check_done(void);

static void on_fd(evutil_socket_t fd, short what, void *arg)
{
    int running,
        flags = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
    (void)arg;
    curl_multi_socket_action(multi, fd, flags, &running);
    check_done();
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    int running;
    (void)fd, (void)what, (void)arg;
    curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
    check_done();
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socketp)
{
    struct event *ev = socketp;
    (void)easy, (void)arg;
    if (ev)
        event_free(ev);
    ev = NULL;
    if (what != CURL_POLL_REMOVE) {
        short kind = (short)((what & CURL_POLL_IN ? EV_READ : 0) |
                             (what & CURL_POLL_OUT ? EV_WRITE : 0) | EV_PERSIST);
        ev = event_new(base, fd, kind, on_fd, NULL);
        event_add(ev, NULL);
    }
    curl_multi_assign(multi, fd, ev);
    return 0;
}

static int want_timer(CURLM *m, long ms, void *arg)
{
    const struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    (void)m, (void)arg;
    if (ms < 0)
        evtimer_del(timer);
    else
        evtimer_add(timer, &tv);
    return 0;
}

static size_t swallow(char *p, size_t size, size_t n, void *arg)
{
    (void)p, (void)arg;
    return size * n;
}

static void check_done(void)
{
    CURLMsg *msg;
    int queued;
    while ((msg = curl_multi_info_read(multi, &queued))) {
        CURL *easy = msg->easy_handle;
        if (msg->msg != CURLMSG_DONE)
            continue;
        if (msg->data.result != CURLE_OK) {
            fprintf(stderr, "bare_curl: %s\n", curl_easy_strerror(msg->data.result));
            exit(1);
        }
        done++;
        curl_multi_remove_handle(multi, easy);
        if (left > 0) {
            left--;
            curl_multi_add_handle(multi, easy);
        } else {
            curl_easy_cleanup(easy);
        }
    }
}

static CURL *make_handle(char **argv)
{
    CURL *easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, argv[1]);
    curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, argv[3]);
    curl_easy_setopt(easy, CURLOPT_CAINFO, argv[2]);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                     argv[6][0] == '2' ? (long)CURL_HTTP_VERSION_2TLS
                                       : (long)CURL_HTTP_VERSION_1_1);
    return easy;
}

int main(int argc, char **argv)
{
    if (argc < 7)
        return 64;
    for (int i = 7; i < argc; i++)
        headers = curl_slist_append(headers, argv[i]);
    long n = atol(argv[4]), at_once = atol(argv[5]);
    curl_global_init(CURL_GLOBAL_ALL);
    base = event_base_new();
    timer = evtimer_new(base, on_timer, NULL);
    multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, want_timer);
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, argv[6][0] == '2' ? 2L : at_once);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, at_once);
    left = n - at_once;
    for (long i = 0; i < at_once; i++)
        curl_multi_add_handle(multi, make_handle(argv));
    while (done < n && event_base_loop(base, EVLOOP_ONCE) >= 0)
        ;
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    double us = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
                (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
    printf("%.2f\n", us / (double)n);
    return 0;
}
