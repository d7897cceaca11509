/* SPDX-License-Identifier: MIT */
#include "fleet/own_trouble.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/said.h"
#include "base/text.h"
#include "fleet/circuit.h"

/* A vote is renewed by each probe that fails, so it holds for longer than the longest pause. */
enum { VOTE_MS = 2 * CIRCUIT_PROBE_CAP_MS };

enum whose {
    NOBODYS, /* all is well, or it is the circuit's business */
    ASKED,   /* the others are being asked */
    OWN,
};

struct entry {
    char app[OWN_APP_SIZE];
    enum whose whose;
    bool denied; /* everybody's once, and others have closed it since without a success of ours:
                    what comes next is our own, and no vote */
    bool voted;
    char why[96], message[256];
    int64_t row_began_ms;
    uint64_t job;
};

struct own_trouble {
    const struct config *config;
    struct fleet_store *store;
    struct entry *v; /* per app */
    size_t n;
    bool any; /* an entry is not as new */
    bool probing;
    int64_t wait_ms, probe_at_ms;
    own_open_fn open;
    own_fn fn;
    void *arg;
};

/* --- life ------------------------------------------------------------------------------------ */

static struct entry *find_entry(struct entry *v, size_t n, const char *app)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(v[i].app, app) == 0)
            return &v[i];
    return NULL;
}

static void make_entries(struct own_trouble *o, struct entry *old, size_t n)
{
    o->n = o->config->napps;
    o->v = mem_zalloc((o->n + 1) * sizeof *o->v);
    for (size_t i = 0; i < o->n; i++) {
        const char *app = o->config->apps[i].app.name;
        const struct entry *was = find_entry(old, n, app);
        if (was)
            o->v[i] = *was;
        else
            snprintf(o->v[i].app, sizeof o->v[i].app, "%s", app);
    }
}

struct own_trouble *own_new(const struct config *config, struct fleet_store *store,
                            own_open_fn open, own_fn fn, void *arg)
{
    struct own_trouble *o = mem_zalloc(sizeof *o);
    *o = (struct own_trouble){.config = config, .store = store, .open = open, .fn = fn, .arg = arg};
    make_entries(o, NULL, 0);
    return o;
}

void own_set_config(struct own_trouble *o, const struct config *config)
{
    struct entry *old = o->v;
    size_t n = o->n;
    o->config = config;
    make_entries(o, old, n);
    mem_free(old);
    o->wait_ms = config->circuit_probe_ms;
    o->probe_at_ms = clock_mono_ms();
}

void own_free(struct own_trouble *o)
{
    if (!o)
        return;
    mem_free(o->v);
    mem_free(o);
}

/* --- what may be one's own ------------------------------------------------------------------- */

/* Of keys that this worker alone may have. */
static bool is_keys_code(const char *code)
{
    static const char *const begins[] = {"InvalidAccessKeyId", "NoEnabledAccessKey", "Signature",
                                         "IncompleteSignature", "InvalidTimeStamp"};
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++)
        if (text_starts(code, begins[i]))
            return true;
    return false;
}

bool own_may_be(const struct reply *reply)
{
    switch (reply->class) {
    case REPLY_NOT_SENT:
    case REPLY_UNANSWERED:
    case REPLY_CERTIFICATE:
    case REPLY_CLOCK:
    case REPLY_TOKEN:
        return true;
    case REPLY_AUTH:
        /* Without a code it is no word of the provider's: a proxy's, say. */
        return !reply->code[0] || is_keys_code(reply->code);
    case REPLY_TRANSIENT:
    case REPLY_UNKNOWN_4XX:
        return !reply->code[0];
    case REPLY_NONCE_USED:
    case REPLY_SENT:
    case REPLY_PERMANENT:
    case REPLY_THROTTLED:
        break;
    }
    return false;
}

/* --- whose is it? ---------------------------------------------------------------------------- */

static void show_own_trouble(const struct entry *e)
{
    metrics_set_at(METRIC_OWN_TROUBLE, metrics_find(SET_APP, e->app), e->whose == OWN);
}

static void set_own(struct entry *e)
{
    if (e->whose == OWN)
        return;
    e->whose = OWN;
    log_error("event=own_trouble app=%s why=%s message=%s", log_value(e->app), log_value(e->why),
              log_value(e->message));
    show_own_trouble(e);
}

static void set_everybodys(struct own_trouble *o, struct entry *e)
{
    bool was_own = e->whose == OWN;
    e->whose = NOBODYS;
    e->denied = true; /* until a call of ours goes through */
    if (was_own)
        log_warn("event=own_trouble_over app=%s by=fleet", log_value(e->app));
    show_own_trouble(e);
    o->fn(o->arg);
}

struct vote {
    struct own_trouble *own;
    char app[OWN_APP_SIZE];
};

/* Without an answer of Redis each worker goes by its circuit. */
static void on_own_vote(void *arg, enum fleet_vote agreed, int64_t now_redis_ms)
{
    struct vote vote = *(struct vote *)arg;
    struct own_trouble *o = vote.own;
    mem_free(arg);
    struct entry *e = find_entry(o->v, o->n, vote.app);
    if (!e || e->whose == NOBODYS)
        return;
    if (agreed == FLEET_VOTE_ALONE) {
        set_own(e);
        return;
    }
    const struct own_trip trip = {e->why, e->message, e->row_began_ms, e->job};
    o->open(o->arg, (size_t)(e - o->v), &trip, now_redis_ms);
    set_everybodys(o, e);
}

static void cast_vote(struct own_trouble *o, struct entry *e)
{
    struct vote *v = mem_alloc(sizeof *v);
    *v = (struct vote){.own = o};
    memcpy(v->app, e->app, sizeof v->app);
    e->voted = true;
    fleet_store_vote(o->store, e->app, VOTE_MS, on_own_vote, v);
}

void own_trip(struct own_trouble *o, size_t app, const struct own_trip *trip, int64_t now_ms)
{
    if (app >= o->n || o->v[app].whose != NOBODYS)
        return;
    struct entry *e = &o->v[app];
    bool first = true;
    for (size_t i = 0; i < o->n; i++)
        first &= o->v[i].whose == NOBODYS;
    if (first) {
        o->wait_ms = o->config->circuit_probe_ms;
        o->probe_at_ms = now_ms + o->wait_ms;
    }
    o->any = true;
    e->whose = ASKED;
    e->row_began_ms = trip->row_began_ms;
    e->job = trip->job;
    snprintf(e->why, sizeof e->why, "%s", trip->why);
    said_copy(e->message, sizeof e->message, trip->message);
    if (e->denied)
        set_own(e);
    else
        cast_vote(o, e);
}

void own_probe_failed(struct own_trouble *o, size_t app, int64_t now_ms)
{
    o->probing = false;
    o->wait_ms = o->wait_ms < CIRCUIT_PROBE_CAP_MS / 2 ? 2 * o->wait_ms : CIRCUIT_PROBE_CAP_MS;
    o->probe_at_ms = now_ms + o->wait_ms;
    if (app < o->n && o->v[app].whose == OWN && !o->v[app].denied)
        cast_vote(o, &o->v[app]);
}

void own_probe_lost(struct own_trouble *o)
{
    o->probing = false;
}

static void free_entry(struct own_trouble *o, struct entry *e)
{
    if (e->voted)
        fleet_store_well(o->store, e->app);
    if (e->whose == OWN)
        log_warn("event=own_trouble_over app=%s", log_value(e->app));
    e->whose = NOBODYS;
    e->denied = e->voted = false;
    show_own_trouble(e);
}

void own_well(struct own_trouble *o, size_t app)
{
    if (!o->any || app >= o->n)
        return;
    bool held = own_holds(o, app);
    free_entry(o, &o->v[app]);
    o->any = false;
    for (size_t i = 0; i < o->n; i++)
        o->any |= o->v[i].whose != NOBODYS || o->v[i].denied || o->v[i].voted;
    if (!held)
        return;
    o->probing = false;
    o->wait_ms = o->config->circuit_probe_ms; /* the others are tried at once */
    o->probe_at_ms = 0;
    o->fn(o->arg);
}

void own_adopt(struct own_trouble *o, size_t app)
{
    if (own_holds(o, app))
        set_everybodys(o, &o->v[app]);
}

/* --- looking --------------------------------------------------------------------------------- */

bool own_holds(const struct own_trouble *o, size_t app)
{
    return app < o->n && o->v[app].whose != NOBODYS;
}

bool own_probe_due(const struct own_trouble *o, int64_t now_ms)
{
    return !o->probing && now_ms >= o->probe_at_ms;
}

bool own_admit(struct own_trouble *o, size_t app, int64_t now_ms)
{
    if (!own_holds(o, app))
        return true;
    if (!own_probe_due(o, now_ms))
        return false;
    o->probing = true;
    return true;
}

const char *own_why(const struct own_trouble *o, size_t app)
{
    return app < o->n && o->v[app].whose == OWN ? o->v[app].why : NULL;
}

void own_write(const struct own_trouble *o, struct buf *out)
{
    bool any = false;
    for (size_t i = 0; i < o->n; i++) {
        const char *why = own_why(o, i);
        if (!why)
            continue;
        buf_puts(out, any ? "," : ",\"own_trouble\":{");
        buf_json_or_null(out, o->v[i].app);
        buf_putc(out, ':');
        buf_json_or_null(out, why);
        any = true;
    }
    if (any)
        buf_putc(out, '}');
}
