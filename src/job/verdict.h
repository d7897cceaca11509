/* SPDX-License-Identifier: MIT
 * What follows from one call's reply. Pure: numbers in, a decision out; the whole retry policy is
 * a table test. */
#ifndef PB_JOB_VERDICT_H
#define PB_JOB_VERDICT_H

#include "job/job.h"

/* Classes of the API reference §8: what a reply means for the job. */
enum reply_class {
    REPLY_SENT,
    REPLY_PERMANENT,   /* P: this job is refused */
    REPLY_TRANSIENT,   /* R, answered; ambiguous where the reference says so */
    REPLY_THROTTLED,   /* T */
    REPLY_AUTH,        /* A: every job of the app would fail, unless it is this one's own doing */
    REPLY_TOKEN,       /* temporary keys ended: again with others, where there are some, else A */
    REPLY_UNKNOWN_4XX, /* rule 7: P, but a row of them opens the circuit */
    REPLY_NONCE_USED,  /* ambiguous; once more with a fresh nonce */
    REPLY_CLOCK,       /* InvalidTimeStamp.Expired: once more with a corrected clock, then A */
    REPLY_NOT_SENT,    /* no byte of the request was written */
    REPLY_UNANSWERED,  /* written at least in part, no usable answer */
    REPLY_CERTIFICATE, /* verification failed: as AUTH, and nothing was written */
};
const char *reply_class_name(enum reply_class c);

/* Whom the code of a refusal speaks of, as far as the API reference §8 says. */
enum refusal_scope {
    SCOPE_CALL,     /* this call's own parameters */
    SCOPE_PLATFORM, /* the app on the platform of this call */
    SCOPE_APP,
    SCOPE_ACCOUNT, /* key, account, permission or endpoint: everybody with these keys */
};

struct reply {
    enum reply_class class;
    bool ambiguous; /* the push may have happened */
    bool goes_on;   /* and the provider may still be handling the call */
    enum refusal_scope scope;
    int64_t retry_after_ms;  /* the provider's hint, 0: none */
    int64_t clock_offset_ms; /* CLOCK only: provider time − ours, from its Date header; else 0 */
    int http_status;         /* 0: no answer */
    char code[96], message[256], request_id[64], message_id[32]; /* "" where unknown */
};

struct verdict_policy {
    int64_t max_attempts, base_ms, cap_ms; /* 3, 500, 60000 */
    int64_t settle_ms;                     /* 3000 */
    int64_t window_ms;                     /* 15 min − 60 s */
    int64_t max_refusals;                  /* 5; 0: none */
    bool resend_ambiguous;
};

struct verdict_input {
    const struct reply *reply;
    int64_t attempts;     /* completed before this one, throttled and refunded ones not counted */
    int64_t throttles;    /* throttled answers in a row before this one */
    int64_t alone;        /* THROTTLED: in a row while others went through, this one included */
    int64_t refusals;     /* AUTH answers that speak against this job, this one included */
    bool unanswered;      /* an earlier attempt of this call went unanswered */
    bool keys_renewed;    /* TOKEN: a repeat would be signed with other keys */
    bool retried_special; /* the one free repeat for NONCE_USED or CLOCK was used */
    int64_t first_sent_ms, now_ms, deadline_ms; /* Redis' clock */
    int64_t busy_till_ms; /* the end of the call's time, for one that may go on until then; 0: not
                             known */
    uint64_t random;      /* for the jitter */
};

enum verdict_kind { VERDICT_SENT, VERDICT_RETRY, VERDICT_DEAD, VERDICT_PAUSE };

struct verdict {
    enum verdict_kind kind;
    enum reason reason; /* DEAD */
    bool maybe_sent;    /* DEAD: an attempt is still unanswered; RETRY, PAUSE: keep as unanswered */
    bool new_token;     /* RETRY under policy resend after the window: gen + 1 */
    bool counts;        /* this attempt uses up one of max_attempts */
    int64_t at_ms;      /* RETRY, PAUSE: not before, Redis' clock */
};

/* THROTTLED: RETRY when the provider's hint is over and a random time after it, so that calls which
 * were throttled at one moment do not come back at one moment. That time doubles with each
 * throttled answer in a row, up to half of what the deadline leaves. A throttled answer is no
 * failed attempt; but max_attempts of them (five at least) while other calls go through are
 * DEAD(retries_exhausted).
 * Other RETRY: exponential from base with full jitter, capped; not before the provider's hint, nor
 * before now + settle_ms where this or an earlier attempt is unanswered, nor, where the provider
 * may still be handling the call, before the end of the call's own time + settle_ms. A repeat that
 * could only start after the deadline is DEAD(expired) or, while unanswered, as the ambiguous
 * policy says. Repeats of an unanswered call end at first_sent + window. AUTH: PAUSE, but DEAD
 * after max_refusals, which are then the job's own doing. */
struct verdict verdict_decide(const struct verdict_policy *policy, const struct verdict_input *in);

/* How long a job waits by itself after so many AUTH answers (≥ 1) to it: base, doubled for each
 * answer but the first, capped; half of that is certain, half is random. */
int64_t verdict_refused_wait_ms(int64_t base_ms, int64_t cap_ms, int64_t refusals, uint64_t random);

/* Back-off: uniform in [0, min(cap, base << attempt)], at least 1 ms. */
int64_t verdict_backoff(int64_t base_ms, int64_t cap_ms, int64_t attempt, uint64_t random);

/* Whether a call of a job that was claimed again may be sent. The call may be out already (the
 * worker before crashed) or went unanswered. The rules are those above, without a reply: RETRY with
 * at_ms ≤ now means "send now". is_another: made anew, the call has another content than the one
 * that may be out, so that the provider would not know them for the same by their tokens; then the
 * ambiguous policy decides. A call that is certainly not out may be made anew. */
struct verdict verdict_before_send(const struct verdict_policy *policy, bool unanswered,
                                   bool is_another, int64_t first_sent_ms, int64_t now_ms,
                                   int64_t deadline_ms);

#endif
