/* SPDX-License-Identifier: MIT
 * What Redis keeps for a claimed or waiting job beside its bytes, as compact JSON. The queue
 * stores it untouched; crashes are the queue's own count. Unknown members are ignored, so that
 * an older worker reads a newer one's envelopes. */
#ifndef PB_JOB_ENVELOPE_H
#define PB_JOB_ENVELOPE_H

#include "base/buf.h"
#include "job/begun.h"
#include "job/outcome.h"

enum {
    ENVELOPE_PARTS_MAX = BEGUN_PARTS_MAX,
    ENVELOPE_TASKS_MAX = 1000,
    ENVELOPE_FAILED_MAX = 8,
    UID_SIZE = 129,
    ORIGIN_SIZE = 32
};

struct envelope {
    char uid[UID_SIZE];
    bool id_given;
    char origin[ORIGIN_SIZE]; /* <batch>-<position> of the first claim: which of the jobs with an id
                               */
    bool seen;                /* its id has been looked up (queue.dedup_s) and was new */
    /* Of a shared call: its token is made from the call's name instead of uid, with gen and part as
     * for a call of the job's own. A repeat is the same call only with all of the call's tasks. */
    char call[UID_SIZE];  /* "": a call of its own */
    unsigned task, tasks; /* which of how many, from 0; 0, 0 without call */
    int64_t gen, attempts, throttles;
    /* alone: how often in a row the call was throttled while other calls went through. The others:
     * how far the fleet's counts of answers had come when that happened last (limits.h). */
    int64_t alone, alone_passed, alone_turns;
    int64_t t0_ms, first_sent_ms; /* first_sent 0: never sent */
    bool special_used;            /* the free repeat for a used nonce or a wrong clock is spent */
    uint64_t unanswered;          /* bit per part */
    bool given_up;                /* an unanswered call was replaced by one with a new token */
    /* Digest of the configuration that made the calls which are or may be out, where begun does not
     * name one for the call; "": none. The version before this one knows no other. */
    char digest[17];
    struct begun begun;
    struct push_done *pushes; /* parts that went out; owned */
    size_t npushes;
    /* refused: answers that sounded like the account's or the app's fault; refused_ms: when the
     * first of them came; blamed: those that speak against the job itself, which are the first one
     * and each later one before which another job was let through. */
    int64_t refused, refused_ms, blamed;
    bool replayed; /* back from the dead letters: history says how often and why */
    int64_t failed_ms[ENVELOPE_FAILED_MAX]; /* when the last attempts failed, oldest first */
    size_t nfailed;
    char *history; /* JSON array text or NULL; owned */
};

void envelope_write(const struct envelope *v, struct buf *out);
MUST_USE bool envelope_read(const char *text, size_t len, struct envelope *out, struct err *e);
/* An attempt failed and counts. Of too many the oldest is forgotten, and cannot be refunded. */
void envelope_note_failure(struct envelope *v, int64_t now_ms);
/* Takes back the attempts that failed in [since, until]: the provider's trouble, not the job's. */
void envelope_refund(struct envelope *v, int64_t since_ms, int64_t until_ms);
/* An answer that sounded like the account's or the app's fault. others_sent_ms: when another job of
 * the app was let through last; 0: that is not known, or the app is in trouble now. */
void envelope_note_refusal(struct envelope *v, int64_t others_sent_ms, int64_t now_ms);
/* Its earlier holder may have sent any call that is not known to be out: from now on each of them
 * is unanswered, since the claim that the holder made (conservative), and made under the holder's
 * configuration, of that digest, unless its content is known. */
void envelope_assume_sent(struct envelope *v, const char *digest, int64_t claimed_ms);
void envelope_free(struct envelope *v);

#endif
