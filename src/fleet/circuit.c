/* SPDX-License-Identifier: MIT */
#include "fleet/circuit.h"

#include "base/hash.h"

#include <stdio.h>
#include <string.h>

const char *circuit_state_name(enum circuit_state s)
{
    switch (s) {
    case CIRCUIT_CLOSED:
        return "closed";
    case CIRCUIT_OPEN:
        return "open";
    case CIRCUIT_PROBING:
        return "probing";
    }
    return "?";
}

uint64_t circuit_job(const char *uid)
{
    uint64_t h = hash_text(uid);
    return h ? h : 1;
}

void circuit_init(struct circuit *c, int64_t failures_max, int64_t probe_base_ms)
{
    *c = (struct circuit){.failures_max = failures_max,
                          .probe_base_ms = probe_base_ms,
                          .probe_wait_ms = probe_base_ms};
}

static void reset_rows(struct circuit *c)
{
    c->row = 0;
    c->unknown_row = 0;
    c->row_job = 0;
    c->row_began_ms = 0;
    c->row_of_many = false;
    c->unknown_code[0] = '\0';
}

void circuit_close(struct circuit *c, int64_t now_ms)
{
    if (c->state != CIRCUIT_CLOSED) {
        memcpy(c->doubted, c->why, sizeof c->doubted);
        c->doubted_till_ms = now_ms + CIRCUIT_DOUBT_MS;
    }
    circuit_leave(c);
}

void circuit_leave(struct circuit *c)
{
    reset_rows(c);
    c->failed = (struct circuit_failed){.n = 0};
    c->state = CIRCUIT_CLOSED;
    c->probe_wait_ms = c->probe_base_ms;
    c->leased_till_ms = 0;
}

static bool has_failed(const struct circuit *c, uint64_t job)
{
    for (size_t i = 0; i < c->failed.n; i++)
        if (c->failed.jobs[i] == job)
            return true;
    return false;
}

static void remember(struct circuit_failed *f, uint64_t job)
{
    if (f->n == CIRCUIT_FAILED_MAX)
        memmove(f->jobs, f->jobs + 1, --f->n * sizeof f->jobs[0]);
    f->jobs[f->n++] = job;
}

static int64_t doubled(int64_t wait_ms)
{
    return 2 * wait_ms < CIRCUIT_PROBE_CAP_MS ? 2 * wait_ms : CIRCUIT_PROBE_CAP_MS;
}

/* Only the failed probe of a job that is new to it proves that waiting longer is wise for all. */
static void note_failed(struct circuit *c, uint64_t job, int64_t now_ms)
{
    struct circuit_failed *f = &c->failed;
    bool known = has_failed(c, job);
    if (c->state == CIRCUIT_PROBING && known)
        f->wait_ms = doubled(f->wait_ms);
    else if (c->state == CIRCUIT_PROBING)
        c->probe_wait_ms = doubled(c->probe_wait_ms);
    else
        f->wait_ms = c->probe_base_ms;
    if (!known)
        remember(f, job);
    c->failed_job = job;
    c->probe_at_ms = now_ms + c->probe_wait_ms;
    int64_t patient_ms = c->probe_at_ms + CIRCUIT_PATIENCE_MS;
    f->at_ms = now_ms + f->wait_ms > patient_ms ? now_ms + f->wait_ms : patient_ms;
}

void circuit_trip(struct circuit *c, const char *why, uint64_t job, int64_t now_ms)
{
    /* Late answers of calls that were out when it opened say nothing new. */
    if (c->state == CIRCUIT_OPEN)
        return;
    note_failed(c, job, now_ms);
    c->state = CIRCUIT_OPEN;
    c->leased_till_ms = 0;
    snprintf(c->why, sizeof c->why, "%s", why);
}

static void join_row(struct circuit *c, uint64_t job, int64_t now_ms)
{
    if (!c->row_began_ms)
        c->row_began_ms = now_ms;
    if (c->row_job && c->row_job != job)
        c->row_of_many = true;
    c->row_job = job;
}

static void note_circuit_trouble(struct circuit *c, const struct reply *reply, uint64_t job,
                                 int64_t now_ms)
{
    c->row++;
    join_row(c, job, now_ms);
    if (c->state == CIRCUIT_PROBING || (c->row >= c->failures_max && c->row_of_many))
        circuit_trip(c, reply->code[0] ? reply->code : reply_class_name(reply->class), job, now_ms);
}

static void note_unknown(struct circuit *c, const struct reply *reply, uint64_t job, int64_t now_ms)
{
    if (strcmp(c->unknown_code, reply->code) != 0) {
        reset_rows(c);
        snprintf(c->unknown_code, sizeof c->unknown_code, "%s", reply->code);
    }
    c->unknown_row++;
    join_row(c, job, now_ms);
    if (c->state == CIRCUIT_PROBING || (c->unknown_row >= c->failures_max && c->row_of_many))
        circuit_trip(c, reply->code, job, now_ms);
}

static bool is_doubted(const struct circuit *c, const char *code, int64_t now_ms)
{
    return now_ms < c->doubted_till_ms && strcmp(c->doubted, code) == 0;
}

/* What speaks of the account or the app opens it at once, unless that came out otherwise lately. */
static void note_circuit_refusal(struct circuit *c, const struct reply *reply, uint64_t job,
                                 bool again, int64_t now_ms)
{
    bool of_all = reply->scope >= SCOPE_APP && !is_doubted(c, reply->code, now_ms);
    if (c->state != CIRCUIT_PROBING && again)
        return;
    if (c->state != CIRCUIT_PROBING && !of_all)
        note_unknown(c, reply, job, now_ms);
    else
        circuit_trip(c, reply->code[0] ? reply->code : reply_class_name(reply->class), job, now_ms);
}

bool circuit_note(struct circuit *c, const struct reply *reply, uint64_t job, bool again,
                  int64_t now_ms)
{
    switch (reply->class) {
    case REPLY_SENT:
    case REPLY_PERMANENT:
    case REPLY_THROTTLED:
        circuit_close(c, now_ms);
        break;
    case REPLY_UNKNOWN_4XX:
        note_unknown(c, reply, job, now_ms);
        break;
    case REPLY_TRANSIENT:
    case REPLY_NOT_SENT:
    case REPLY_UNANSWERED:
    case REPLY_NONCE_USED:
        note_circuit_trouble(c, reply, job, now_ms);
        break;
    case REPLY_AUTH:
        note_circuit_refusal(c, reply, job, again, now_ms);
        break;
    case REPLY_TOKEN:
    case REPLY_CERTIFICATE:
    case REPLY_CLOCK:
        break; /* the verdict decides whether to pause */
    }
    return c->state != CIRCUIT_CLOSED;
}

bool circuit_probe_due(const struct circuit *c, int64_t now_ms)
{
    return c->state == CIRCUIT_OPEN && now_ms >= c->probe_at_ms &&
           (!c->shared || now_ms < c->leased_till_ms);
}

bool circuit_wants_lease(const struct circuit *c, int64_t now_ms)
{
    int64_t at_ms = c->probe_at_ms + (c->behind ? CIRCUIT_BEHIND_MS : 0);
    return c->state == CIRCUIT_OPEN && now_ms >= at_ms && c->shared && now_ms >= c->leased_till_ms;
}

bool circuit_admits(const struct circuit *c, uint64_t job, int64_t now_ms)
{
    return c->state == CIRCUIT_CLOSED ||
           (circuit_probe_due(c, now_ms) && (!has_failed(c, job) || now_ms >= c->failed.at_ms));
}

bool circuit_admit(struct circuit *c, uint64_t job, int64_t now_ms)
{
    bool admitted = circuit_admits(c, job, now_ms);
    if (admitted && c->state != CIRCUIT_CLOSED)
        c->state = CIRCUIT_PROBING;
    return admitted;
}

void circuit_probe_lost(struct circuit *c)
{
    if (c->state != CIRCUIT_PROBING)
        return;
    c->state = CIRCUIT_OPEN;
    c->leased_till_ms = 0;
}

void circuit_adopt(struct circuit *c, int64_t wait_ms, int64_t probe_at_ms, const char *why,
                   const struct circuit_failed *failed)
{
    if (c->state == CIRCUIT_PROBING)
        return; /* our own probe is about to say more */
    if (c->state == CIRCUIT_CLOSED)
        snprintf(c->why, sizeof c->why, "%s", why);
    c->state = CIRCUIT_OPEN;
    c->probe_wait_ms = wait_ms;
    c->probe_at_ms = probe_at_ms;
    c->failed = *failed;
}
