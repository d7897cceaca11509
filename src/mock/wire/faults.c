/* SPDX-License-Identifier: MIT */
#include "mock/wire/faults.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/mem.h"

struct fault_rule {
    uint64_t id, hits;
    struct fault_plan plan;
    int64_t after;      /* matching calls still to pass by first */
    int64_t left;       /* calls still to hit; -1: until cleared */
    double probability; /* of a matching call */
    int64_t latency_ms, latency_max_ms;
    double p50, p99; /* of a log-normal delay; 0: not used */
    char job_key[65], token[65], app_key[25], action[40];
};

static const char *const kind_names[] = {"none",
                                         "error",
                                         "latency",
                                         "throttle",
                                         "drop_after_accept",
                                         "close_after_read",
                                         "hang",
                                         "garbage",
                                         "bad_gateway",
                                         "ids",
                                         "hold"};

const char *fault_kind_name(enum fault_kind kind)
{
    return kind_names[kind];
}

/* --- reading a rule --- */

static bool read_kind(struct fault_rule *r, const char *name, struct err *e)
{
    for (int i = FAULT_ERROR; i <= FAULT_HOLD; i++)
        if (strcmp(name, kind_names[i]) == 0) {
            r->plan.kind = (enum fault_kind)i;
            return true;
        }
    return err_set(e, "kind: unknown");
}

static void default_rule(struct fault_rule *r)
{
    struct fault_plan *p = &r->plan;
    r->left = -1;
    r->probability = 1;
    p->accepted = p->kind == FAULT_LATENCY || p->kind == FAULT_HOLD || p->kind == FAULT_DROP ||
                  p->kind == FAULT_IDS;
    p->mass_ids = MASS_IDS_SHORT;
    p->status = p->kind == FAULT_THROTTLE      ? 400
                : p->kind == FAULT_BAD_GATEWAY ? 502
                : p->kind == FAULT_GARBAGE     ? 200
                                               : 503;
    snprintf(p->code, sizeof(p->code), "%s",
             p->kind == FAULT_THROTTLE ? "Throttling.User" : "ServiceUnavailable");
}

static bool copy_text(const json_t *v, char *out, size_t size, const char *name, struct err *e)
{
    size_t len = json_string_length(v);
    if (!json_is_string(v) || len >= size)
        return err_set(e, "%s: a text of less than %zu bytes is expected", name, size);
    memcpy(out, json_string_value(v), len + 1);
    return true;
}

static bool read_int(const json_t *v, int64_t min, int64_t max, int64_t *out, const char *name,
                     struct err *e)
{
    *out = json_integer_value(v);
    return (json_is_integer(v) && *out >= min && *out <= max) ||
           err_set(e, "%s: an integer from %" PRId64 " to %" PRId64 " is expected", name, min, max);
}

static bool read_rule_number(const json_t *v, double max, double *out, const char *name,
                             struct err *e)
{
    *out = json_number_value(v);
    return (json_is_number(v) && *out >= 0 && *out <= max) ||
           err_set(e, "%s: a number from 0 to %g is expected", name, max);
}

static bool read_headers(struct fault_plan *p, json_t *v, struct err *e)
{
    const char *name;
    json_t *value;
    if (json_object_size(v) > FAULT_HEADERS_MAX || !json_is_object(v))
        return err_set(e, "headers: an object of at most %d texts", FAULT_HEADERS_MAX);
    json_object_foreach(v, name, value)
    {
        struct fault_header *h = &p->headers[p->header_count++];
        if (strlen(name) >= sizeof(h->name) || strpbrk(name, "\r\n: "))
            return err_set(e, "headers: a name is malformed");
        snprintf(h->name, sizeof(h->name), "%s", name);
        if (!copy_text(value, h->value, sizeof(h->value), "headers", e))
            return false;
        if (strpbrk(h->value, "\r\n"))
            return err_set(e, "headers: a value is malformed");
    }
    return true;
}

static bool read_match(struct fault_rule *r, json_t *v, struct err *e)
{
    const char *name;
    json_t *value;
    if (!json_is_object(v))
        return err_set(e, "match: an object is expected");
    json_object_foreach(v, name, value)
    {
        bool ok =
            strcmp(name, "job_key") == 0 ? copy_text(value, r->job_key, sizeof(r->job_key), name, e)
            : strcmp(name, "token") == 0 ? copy_text(value, r->token, sizeof(r->token), name, e)
            : strcmp(name, "app_key") == 0
                ? copy_text(value, r->app_key, sizeof(r->app_key), name, e)
            : strcmp(name, "action") == 0
                ? copy_text(value, r->action, sizeof(r->action), name, e)
                : err_set(e, "match: job_key, token, app_key and action are known");
        if (!ok)
            return false;
    }
    return true;
}

static bool read_latency(struct fault_rule *r, json_t *v, const char *name, struct err *e)
{
    if (!json_is_object(v))
        return read_int(v, 0, FAULT_LATENCY_MAX_MS, &r->latency_ms, name, e);
    return read_rule_number(json_object_get(v, "p50"), FAULT_LATENCY_MAX_MS, &r->p50, "p50", e) &&
           read_rule_number(json_object_get(v, "p99"), FAULT_LATENCY_MAX_MS, &r->p99, "p99", e);
}

static bool read_status(struct fault_rule *r, const json_t *v, const char *name, struct err *e)
{
    int64_t status;
    bool ok = read_int(v, 200, 599, &status, name, e);
    r->plan.status = (int)status;
    return ok;
}

static bool read_ids(struct fault_rule *r, const json_t *v, struct err *e)
{
    const char *name = json_string_value(v);
    return (name && mass_parse_ids(name, &r->plan.mass_ids)) || err_set(e, "ids: unknown");
}

static bool read_bool(const json_t *v, bool *out, const char *name, struct err *e)
{
    *out = json_is_true(v);
    return json_is_boolean(v) || err_set(e, "%s: true or false is expected", name);
}

static bool read_rule_member(struct fault_rule *r, const char *name, json_t *v, struct err *e)
{
    if (strcmp(name, "kind") == 0)
        return true;
    if (strcmp(name, "count") == 0)
        return read_int(v, 1, INT64_MAX, &r->left, name, e);
    if (strcmp(name, "after") == 0)
        return read_int(v, 0, INT64_MAX, &r->after, name, e);
    if (strcmp(name, "probability") == 0)
        return read_rule_number(v, 1, &r->probability, name, e);
    if (strcmp(name, "code") == 0)
        return copy_text(v, r->plan.code, sizeof(r->plan.code), name, e);
    if (strcmp(name, "status") == 0)
        return read_status(r, v, name, e);
    if (strcmp(name, "accepted") == 0)
        return read_bool(v, &r->plan.accepted, name, e);
    if (strcmp(name, "late") == 0)
        return read_bool(v, &r->plan.late, name, e);
    if (strcmp(name, "ids") == 0)
        return read_ids(r, v, e);
    if (strcmp(name, "headers") == 0)
        return read_headers(&r->plan, v, e);
    if (strcmp(name, "latency_ms") == 0)
        return read_latency(r, v, name, e);
    if (strcmp(name, "latency_max_ms") == 0)
        return read_int(v, 0, FAULT_LATENCY_MAX_MS, &r->latency_max_ms, name, e);
    if (strcmp(name, "p50") == 0)
        return read_rule_number(v, FAULT_LATENCY_MAX_MS, &r->p50, name, e);
    if (strcmp(name, "p99") == 0)
        return read_rule_number(v, FAULT_LATENCY_MAX_MS, &r->p99, name, e);
    if (strcmp(name, "match") == 0)
        return read_match(r, v, e);
    return err_set(e, "%.40s: unknown member", name);
}

static bool check_rule(const struct fault_rule *r, struct err *e)
{
    bool settled = r->plan.kind == FAULT_DROP || r->plan.kind == FAULT_CLOSE ||
                   r->plan.kind == FAULT_IDS || r->plan.kind == FAULT_HOLD;
    if (settled && r->plan.accepted != (r->plan.kind != FAULT_CLOSE))
        return err_set(e, "accepted: follows from this kind");
    if (r->plan.kind == FAULT_HOLD && (r->latency_ms || r->latency_max_ms || r->p50 > 0))
        return err_set(e, "latency: a held call waits for the end of its rule");
    if (r->latency_max_ms && r->latency_max_ms < r->latency_ms)
        return err_set(e, "latency_max_ms: less than latency_ms");
    if ((r->p50 > 0) != (r->p99 > 0) || r->p99 < r->p50)
        return err_set(e, "p50, p99: both are needed, p99 not below p50");
    return true;
}

static bool read_fault_rule(struct fault_rule *r, json_t *root, struct err *e)
{
    const char *name;
    json_t *value;
    const char *kind = json_string_value(json_object_get(root, "kind"));
    if (!kind)
        return err_set(e, "an object with a text \"kind\" is expected");
    if (!read_kind(r, kind, e))
        return false;
    default_rule(r);
    json_object_foreach(root, name, value) if (!read_rule_member(r, name, value, e)) return false;
    return check_rule(r, e);
}

/* --- using rules --- */

static double random_unit(void) /* above 0, at most 1 */
{
    return ((double)clock_random_below(UINT64_C(1) << 53) + 1) / 9007199254740992.0;
}

static int64_t draw_delay(const struct fault_rule *r)
{
    if (r->p50 > 0) {
        /* log-normal: 2.3263 is the normal distribution's 99th percentile */
        double sigma = log(r->p99 / r->p50) / 2.3263;
        double normal = sqrt(-2 * log(random_unit())) * cos(2 * M_PI * random_unit());
        return (int64_t)fmin(r->p50 * exp(sigma * normal), FAULT_LATENCY_MAX_MS);
    }
    if (r->latency_max_ms > r->latency_ms)
        return r->latency_ms +
               (int64_t)clock_random_below((uint64_t)(r->latency_max_ms - r->latency_ms) + 1);
    return r->latency_ms;
}

static bool rule_field_is(const struct fields *f, const char *name, const char *wanted)
{
    const char *given = fields_get(f, name);
    return !*wanted || (given && strcmp(given, wanted) == 0);
}

/* Of a MassPush one task is enough. */
static bool job_is(const struct request *q, const char *wanted)
{
    bool found = rule_field_is(&q->fields, "JobKey", wanted);
    for (int i = 0; i < q->tasks.count && !found; i++)
        found = rule_field_is(&q->tasks.list[i], "JobKey", wanted);
    return found;
}

static bool rule_hits(struct fault_rule *r, const struct request *q)
{
    if (r->left == 0 || (r->plan.kind == FAULT_IDS && !q->tasks.count) || !job_is(q, r->job_key) ||
        !rule_field_is(&q->fields, "IdempotentToken", r->token) ||
        !rule_field_is(&q->fields, "AppKey", r->app_key) ||
        (r->action[0] && (!q->action || strcmp(q->action, r->action) != 0)))
        return false;
    if (r->probability < 1 && random_unit() > r->probability)
        return false;
    if (r->after > 0) {
        r->after--;
        return false;
    }
    if (r->left > 0)
        r->left--;
    r->hits++;
    return true;
}

void faults_clear(struct faults *f)
{
    for (int i = 0; i < f->count; i++)
        mem_free(f->rules[i]);
    f->count = 0;
}

bool faults_remove(struct faults *f, uint64_t id)
{
    for (int i = 0; i < f->count; i++)
        if (f->rules[i]->id == id) {
            mem_free(f->rules[i]);
            f->count--;
            memmove(f->rules + i, f->rules + i + 1, (size_t)(f->count - i) * sizeof(*f->rules));
            return true;
        }
    return false;
}

/* Rules that have had all their calls make room for new ones; calls may still wait for one's end.
 */
static void drop_spent(struct faults *f)
{
    for (int i = f->count - 1; i >= 0; i--)
        if (f->rules[i]->left == 0 && f->rules[i]->plan.kind != FAULT_HOLD)
            faults_remove(f, f->rules[i]->id);
}

bool faults_add(struct faults *f, const char *json, size_t len, uint64_t *id, struct err *e)
{
    if (f->count == FAULTS_MAX)
        drop_spent(f);
    if (f->count == FAULTS_MAX)
        return err_set(e, "at most %d rules", FAULTS_MAX);
    json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);
    struct fault_rule *r = mem_zalloc(sizeof(*r));
    bool ok = root ? read_fault_rule(r, root, e) : err_set(e, "not a JSON text");
    json_decref(root);
    if (!ok) {
        mem_free(r);
        return false;
    }
    *id = r->id = ++f->next_id;
    f->rules[f->count++] = r;
    return true;
}

void faults_pick(struct faults *f, const struct request *q, struct fault_plan *plan)
{
    bool delayed = false, late = false;
    int64_t delay_ms = 0;
    uint64_t hold_id = 0;
    *plan = (struct fault_plan){.accepted = true};
    for (int i = 0; i < f->count; i++) {
        struct fault_rule *r = f->rules[i];
        bool hold = r->plan.kind == FAULT_HOLD, delays = hold || r->plan.kind == FAULT_LATENCY;
        if ((delays ? delayed : plan->kind != FAULT_NONE) || !rule_hits(r, q))
            continue;
        if (hold)
            hold_id = r->id;
        delay_ms += draw_delay(r);
        late |= r->plan.late;
        delayed |= delays;
        if (!delays)
            *plan = r->plan;
    }
    if (plan->kind == FAULT_NONE && delayed)
        plan->kind = hold_id ? FAULT_HOLD : FAULT_LATENCY;
    plan->delay_ms = delay_ms;
    plan->hold_id = hold_id;
    plan->late = late;
}

void faults_report(const struct faults *f, struct buf *out)
{
    buf_puts(out, "{\"faults\":[");
    for (int i = 0; i < f->count; i++) {
        const struct fault_rule *r = f->rules[i];
        buf_printf(out, "%s{\"id\":%" PRIu64 ",\"kind\":\"%s\",\"hits\":%" PRIu64 ",\"left\":",
                   i ? "," : "", r->id, fault_kind_name(r->plan.kind), r->hits);
        if (r->left < 0)
            buf_puts(out, "null}");
        else
            buf_printf(out, "%" PRId64 "}", r->left);
    }
    buf_puts(out, "]}\n");
}
