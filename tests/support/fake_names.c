/* SPDX-License-Identifier: MIT */
#include "support/fake_names.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cmocka.h"
#include "support/pump.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool any_may_answer, v4_may_answer;
atomic_int asked_any, asked_v4, inside;
atomic_int asked_none_v4, asked_by_others; /* with a port: libcurl */
const char *names_first = "127.0.0.1";     /* address; set before a question */

void names_let(bool any, bool v4)
{
    pthread_mutex_lock(&lock);
    any_may_answer = any;
    v4_may_answer = v4;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static struct addrinfo *address_new(const char *text, struct addrinfo *next)
{
    struct addrinfo *a = calloc(1, sizeof *a);
    struct sockaddr_in *at = calloc(1, sizeof *at);
    assert_true(a && at);
    at->sin_family = AF_INET;
    inet_pton(AF_INET, text, &at->sin_addr);
    *a = (struct addrinfo){.ai_family = AF_INET,
                           .ai_addr = (struct sockaddr *)at,
                           .ai_addrlen = sizeof *at,
                           .ai_next = next};
    return a;
}

void freeaddrinfo(struct addrinfo *list)
{
    for (struct addrinfo *next; list; list = next) {
        next = list->ai_next;
        free(list->ai_addr);
        free(list);
    }
}

static int addresses_of(const char *name, struct addrinfo **out)
{
    if (strcmp(name, "none.example") == 0)
        return EAI_NONAME;
    if (strcmp(name, "far.example") == 0) { /* broadcast: no plain socket goes there */
        *out = address_new("255.255.255.255", NULL);
        return 0;
    }
    for (int i = strcmp(name, "many.example") == 0 ? 40 : 2; i > 1; i--) {
        char text[32];
        snprintf(text, sizeof text, "127.0.0.%d", i);
        *out = address_new(text, *out);
    }
    *out = address_new(names_first, *out);
    return 0;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    bool v4 = hints->ai_family == AF_INET;
    *out = NULL;
    asked_by_others += service != NULL;
    inside++;
    ++*(v4 ? &asked_v4 : &asked_any);
    asked_none_v4 += v4 && strcmp(name, "none.example") == 0;
    pthread_mutex_lock(&lock);
    while (!(v4 ? v4_may_answer : any_may_answer))
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    int rc = addresses_of(name, out);
    inside--;
    return rc;
}

static int count_threads(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/task");
    assert_non_null(d);
    for (const struct dirent *entry; (entry = readdir(d));)
        n += entry->d_name[0] != '.';
    closedir(d);
    return n;
}

void names_end(struct event_base *base)
{
    names_let(true, true);
    pump_until(base, count_threads() == 1);
}
