/* SPDX-License-Identifier: MIT */
#include "pipeline/shared/shared_settle.h"

#include <assert.h>
#include <string.h>

#include "aliyun/response.h"
#include "base/log.h"
#include "pipeline/flight.h"

/* After so long a call that MassPush was refused for, and that may be out, is tried again. */
enum { MASS_AGAIN_MS = 5000 };

int64_t shared_throttled_alone(const struct call *c)
{
    int64_t alone = call_leader(c)->env.alone;
    if (!alone || !call_is_shared(c))
        return alone;
    return call_stays_whole(c) ? 0 : INT64_MAX;
}

/* It was refused for certain: what comes of its jobs next are other calls. */
static void note_all_refused(struct call *c)
{
    for (size_t i = 0; i < c->n; i++) {
        struct envelope *env = &c->members[i].flight->env;
        env->gen++;
        env->first_sent_ms = 0;
    }
}

bool shared_is_ones_fault(const struct call *c, const struct verdict *v)
{
    bool refused = v->reason == REASON_PROVIDER_REJECTED || c->last.class == REPLY_THROTTLED;
    return call_is_shared(c) && v->kind == VERDICT_DEAD && refused && !v->maybe_sent &&
           !call_leader(c)->env.given_up;
}

struct decision shared_split(struct call *c)
{
    note_all_refused(c);
    for (size_t i = 0; i < c->n; i++) {
        struct envelope *env = &c->members[i].flight->env;
        env->alone = env->alone_turns = 0;
    }
    return (struct decision){.what = DECIDED_SPLIT, .at_ms = call_now_ms(c)};
}

struct decision shared_dissolve(struct call *c)
{
    if (call_stays_whole(c))
        return decision_retry(call_now_ms(c) + MASS_AGAIN_MS);
    note_all_refused(c);
    return (struct decision){.what = DECIDED_SPLIT, .apart = true, .at_ms = call_now_ms(c)};
}

void shared_keep_ids(struct call *c, char (*ids)[32], size_t n)
{
    static_assert((int)RESPONSE_IDS_MAX >= (int)GROUPING_MEMBERS_MAX, "one for each task");
    assert(c->tasks <= RESPONSE_IDS_MAX);
    c->nids = n;
    memcpy(c->ids, ids, (n < c->tasks ? n : c->tasks) * sizeof *ids);
}

bool shared_lacks_ids(const struct call *c)
{
    return c->mass && c->last.class == REPLY_SENT && c->nids != c->tasks;
}

void shared_note_ids(struct call *c)
{
    log_error("event=mass_ids_differ call=%s tasks=%zu ids=%zu request_id=%s", log_value(c->id),
              c->tasks, c->nids, log_value(c->last.request_id));
    for (size_t i = 0; i < c->n; i++)
        c->members[i].flight->env.attempts++;
}
