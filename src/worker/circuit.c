/* SPDX-License-Identifier: MIT */
#include "worker/circuit.h"

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

void circuit_close(struct circuit *c)
{
    reset_rows(c);
    c->state = CIRCUIT_CLOSED;
    c->probe_wait_ms = c->probe_base_ms;
    c->leased_till_ms = 0;
}

void circuit_trip(struct circuit *c, const char *why, int64_t now_ms)
{
    /* Only a failed probe proves that waiting longer is wise; late answers of calls that were
     * out when it opened do not. */
    if (c->state == CIRCUIT_OPEN)
        return;
    if (c->state == CIRCUIT_PROBING) {
        c->probe_wait_ms *= 2;
        if (c->probe_wait_ms > CIRCUIT_PROBE_CAP_MS)
            c->probe_wait_ms = CIRCUIT_PROBE_CAP_MS;
    }
    c->state = CIRCUIT_OPEN;
    c->leased_till_ms = 0;
    c->probe_at_ms = now_ms + c->probe_wait_ms;
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

static void note_trouble(struct circuit *c, const struct reply *reply, uint64_t job, int64_t now_ms)
{
    c->row++;
    join_row(c, job, now_ms);
    if (c->state == CIRCUIT_PROBING || (c->row >= c->failures_max && c->row_of_many))
        circuit_trip(c, reply->code[0] ? reply->code : reply_class_name(reply->class), now_ms);
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
        circuit_trip(c, reply->code, now_ms);
}

bool circuit_note(struct circuit *c, const struct reply *reply, uint64_t job, int64_t now_ms)
{
    switch (reply->class) {
    case REPLY_SENT:
    case REPLY_PERMANENT:
    case REPLY_THROTTLED:
        circuit_close(c);
        break;
    case REPLY_UNKNOWN_4XX:
        note_unknown(c, reply, job, now_ms);
        break;
    case REPLY_TRANSIENT:
    case REPLY_NOT_SENT:
    case REPLY_UNANSWERED:
    case REPLY_NONCE_USED:
        note_trouble(c, reply, job, now_ms);
        break;
    case REPLY_AUTH:
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
    return c->state == CIRCUIT_OPEN && now_ms >= c->probe_at_ms && c->shared &&
           now_ms >= c->leased_till_ms;
}

bool circuit_admit(struct circuit *c, int64_t now_ms)
{
    if (c->state == CIRCUIT_CLOSED)
        return true;
    if (!circuit_probe_due(c, now_ms))
        return false;
    c->state = CIRCUIT_PROBING;
    return true;
}

void circuit_probe_lost(struct circuit *c)
{
    if (c->state != CIRCUIT_PROBING)
        return;
    c->state = CIRCUIT_OPEN;
    c->leased_till_ms = 0;
}

void circuit_adopt(struct circuit *c, int64_t wait_ms, int64_t probe_at_ms, const char *why)
{
    if (c->state == CIRCUIT_PROBING)
        return; /* our own probe is about to say more */
    if (c->state == CIRCUIT_CLOSED)
        snprintf(c->why, sizeof c->why, "%s", why);
    c->state = CIRCUIT_OPEN;
    c->probe_wait_ms = wait_ms;
    c->probe_at_ms = probe_at_ms;
}
