/* SPDX-License-Identifier: MIT
 * What a reply says of others than the job (I5): the app's circuit, its probes, trouble that is
 * this worker's own, and the account's rate limits. */
#ifndef PB_PIPELINE_TROUBLE_H
#define PB_PIPELINE_TROUBLE_H

#include "fleet/circuit.h"
#include "pipeline/admit.h"
#include "pipeline/call.h"

/* Would a probe's place be free for the call, if its app takes no other? Nothing is taken. */
bool trouble_lets(const struct call *c, int64_t mono_ms);
bool trouble_own_lets(const struct call *c, int64_t mono_ms);
/* Takes these places, which are free, where the app takes no other call. */
void trouble_take_probes(struct call *c, int64_t mono_ms);
/* The call is not made: its places are free again. */
void trouble_leave_probes(struct call *c);

/* The circuit hears of the call's reply. Returns its state before. */
enum circuit_state trouble_note(struct call *c, int64_t mono_ms);
/* And of what follows from it. True when the app takes no jobs now. */
bool trouble_follow(struct call *c, const struct verdict *v, enum circuit_state before,
                    int64_t mono_ms);

/* The call's app takes no jobs, as trouble_follow() said, and that is why v is no success; or it
 * lacks the keys. */
bool trouble_is_apps(const struct call *c, const struct verdict *v, bool open);
/* What sounded like the app's trouble does not open its circuit: it may be this job's own doing. So
 * others flow past it, and it is tried again later and later; those of a shared call each by
 * itself. */
struct decision trouble_wait_alone(const struct call *c);

/* Reports the call's reply to the rate limits, and notes in the envelopes of its jobs whether it
 * was throttled alone (verdict_input.alone). */
void trouble_note_limits(struct call *c);
/* When a throttled call is due, Redis ms: not before its account's rest is over. */
int64_t trouble_rested_ms(const struct call *c, int64_t at_ms);

/* Whoever stands between us and the provider may answer with any number: how long a reply asks to
 * wait is cut to the configured most. named_ms: when that was last logged, 0: never. */
void trouble_cut_hint(const struct call *c, struct reply *reply, int64_t *named_ms);

#endif
