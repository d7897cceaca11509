/* SPDX-License-Identifier: MIT
 * A dead letter, read back: for showing, filtering, and for the envelope with which its job
 * returns to the queue. Pure. */
#ifndef PB_JOB_LETTER_H
#define PB_JOB_LETTER_H

#include "job/envelope.h"

enum { LETTER_HISTORY_MAX = 10 }; /* deaths that a job's history keeps, the newest */

/* Texts point into root, or are NULL where unknown, and live as long as the letter. */
struct letter {
    json_t *root; /* NULL: unreadable, and so is everything below */
    const char *id, *app, *code, *reason, *queue, *error_code, *error_message;
    const char *call; /* its last call, where it shared that with other jobs */
    bool maybe_sent;
    int64_t attempts, gen, done_at_ms;
    const char *job_ref; /* "<key> <uid>": its bytes are elsewhere, bytes is NULL */
    const char *bytes;   /* the original job; may hold NUL */
    size_t len;
    char *decoded; /* owns bytes that were not UTF-8 */
};

/* False with e when text is no dead letter: not JSON, or without id, reason or job. letter_free()
 * in both cases. */
MUST_USE bool letter_read(const char *text, size_t len, struct letter *out, struct err *e);
void letter_free(struct letter *l);

/* NULL and 0: not asked for. */
struct letter_filter {
    const char *reason, *app, *code, *error;
    int64_t older_ms, newer_ms; /* age */
    const char **ids;
    size_t nids;
    bool unreadable; /* only what cannot be read, which nothing else selects */
};
/* l->root NULL is an unreadable letter. */
bool letter_matches(const struct letter *l, const struct letter_filter *f, int64_t now_ms);

/* Appends the envelope of its replay: the same uid, attempts from zero, parts that went out kept,
 * this death at the end of the history, t0 now. new_token: gen + 1; else a call
 * that may be out and has a known content is held to it. False with e when the letter
 * holds something that an envelope cannot. */
MUST_USE bool letter_envelope(const struct letter *l, bool new_token, int64_t now_ms,
                              struct buf *out, struct err *e);

#endif
