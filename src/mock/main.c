/* SPDX-License-Identifier: MIT
 * pushbridge-mock: a stand-in for the push provider. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/http.h>
#include <openssl/ssl.h>

#include "base/log.h"
#include "host/start.h"
#include "mock/options.h"
#include "mock/wire/cert.h"
#include "mock/wire/control.h"
#include "mock/wire/provider.h"
#include "mock/world/world_load.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 64 };

static bool write_ready_file(const char *path, int listen_port, int control_port)
{
    char temporary[4200];
    int n = snprintf(temporary, sizeof(temporary), "%s.%ld", path, (long)getpid());
    FILE *f = n > 0 && (size_t)n < sizeof(temporary) ? fopen(temporary, "w") : NULL;
    if (!f)
        return false;
    bool ok = fprintf(f, "listen=%d control=%d\n", listen_port, control_port) > 0;
    ok = fclose(f) == 0 && ok;
    if (ok && rename(temporary, path) == 0)
        return true;
    unlink(temporary);
    return false;
}

static bool apply_options(struct provider *p, const struct options *o)
{
    static const char *const default_key[] = {"mock-id:mock-secret"};
    const char *const *keys = o->access_key_count ? o->access_keys : default_key;
    for (int i = 0; i < (o->access_key_count ? o->access_key_count : 1); i++)
        if (!auth_add_key(&p->auth, keys[i]))
            return false;
    p->auth.verify = !o->no_verify;
    p->rules = o->rules;
    p->handout = o->handout;
    p->replay.changed = o->changed;
    p->replay.window_ms = o->window_s * 1000;
    p->token_per_account = o->token_per_account;
    p->clock_skew_ms = o->clock_skew_s * 1000;
    p->rate.per_s = o->rate_per_s;
    p->mass_rate.per_s = o->mass_rate_per_s;
    p->rate.kind = p->mass_rate.kind = o->rate_kind;
    p->rate_hints = !o->no_rate_hints;
    p->mass_ids = o->mass_ids;
    p->certificate = o->certificate;
    p->inbox.when_due = o->deliver_when_due;
    p->url_max = (size_t)o->url_max;
    return true;
}

/* Opens both ports and says so. Returns false, after a message, when something is in the way. */
static bool open_ports(struct provider *p, const struct options *o, struct evhttp **control)
{
    struct err e;
    int control_port;
    if (!apply_options(p, o)) {
        log_error("event=bad_option option=access-key expected=ID:SECRET");
        return false;
    }
    if (o->world && !world_load_file(&p->world, o->world, &e)) {
        log_error("event=world_failed path=%s error=%s", log_value(o->world), log_value(e.text));
        return false;
    }
    if (o->tls_dir &&
        !(p->tls = cert_server_context(o->tls_dir, o->tls_names, o->tls_name_count, &e))) {
        log_error("event=tls_failed error=%s", log_value(e.text));
        return false;
    }
    int port = provider_listen(p, o->listen_host, o->listen_port);
    if (!port) {
        log_error("event=listen_failed host=%s port=%d error=%s", log_value(o->listen_host),
                  o->listen_port, log_value(strerror(errno)));
        return false;
    }
    *control = control_listen(p, o->control_host, o->control_port, &control_port);
    if (!*control) {
        log_error("event=listen_failed host=%s port=%d error=%s", log_value(o->control_host),
                  o->control_port, log_value(strerror(errno)));
        return false;
    }
    if (o->ready_file && !write_ready_file(o->ready_file, port, control_port)) {
        log_error("event=ready_file_failed path=%s error=%s", log_value(o->ready_file),
                  log_value(strerror(errno)));
        return false;
    }
    log_info("event=listening scheme=%s host=%s port=%d control_host=%s control_port=%d",
             p->tls ? "https" : "http", log_value(o->listen_host), port, log_value(o->control_host),
             control_port);
    return true;
}

static void stop_on_signal(evutil_socket_t signal_number, short what, void *arg)
{
    (void)what;
    log_info("event=stopping signal=%d", (int)signal_number);
    event_base_loopbreak(arg);
}

/* As process 1 a signal without a handler is ignored, so the handlers come first of all. */
static int serve_until_signal(struct event_base *base, const struct options *o)
{
    struct provider provider;
    struct evhttp *control = NULL;
    struct event *term = evsignal_new(base, SIGTERM, stop_on_signal, base);
    struct event *interrupt = evsignal_new(base, SIGINT, stop_on_signal, base);
    event_add(term, NULL);
    event_add(interrupt, NULL);
    provider_init(&provider, base, (size_t)o->record_calls);
    bool ok = open_ports(&provider, o, &control);
    if (ok)
        event_base_dispatch(base);
    provider_free(&provider);
    if (control)
        evhttp_free(control);
    event_free(term);
    event_free(interrupt);
    return ok ? EXIT_OK : EXIT_FAILED;
}

int main(int argc, char **argv)
{
    struct options options;
    struct err e;
    if (!start_process(&e)) {
        log_error("event=start_failed error=%s", log_value(e.text));
        return EXIT_FAILED;
    }
    enum options_verdict verdict = options_parse(&options, argc, argv);
    if (verdict != OPTIONS_RUN)
        return verdict == OPTIONS_EXIT_OK ? EXIT_OK : EXIT_USAGE;
    if (options.quiet)
        log_threshold = LOG_ERROR;
    struct event_base *base = event_base_new();
    int rc = serve_until_signal(base, &options);
    event_base_free(base);
    libevent_global_shutdown();
    return rc;
}
