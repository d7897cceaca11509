/* SPDX-License-Identifier: MIT */
#include "job/letter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/number.h"
#include "base/text.h"
#include "job/written/numbers.h"

/* --- reading --------------------------------------------------------------------------------- */

static const char *letter_text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static int64_t int_of(const json_t *object, const char *name)
{
    return number_bounded(json_integer_value(json_object_get(object, name)));
}

static bool decode_job(struct letter *l, const json_t *value, struct err *e)
{
    struct buf bytes;
    size_t len = json_string_length(value);
    buf_init(&bytes, len + 1);
    bool ok = text_base64_decode(&bytes, json_string_value(value), len);
    l->len = bytes.len;
    l->bytes = l->decoded = mem_dup(buf_text(&bytes), bytes.len);
    buf_free(&bytes);
    return ok || err_set(e, "job_b64: not base64");
}

static bool read_letter_job(struct letter *l, struct err *e)
{
    const json_t *text = json_object_get(l->root, "job");
    const json_t *b64 = json_object_get(l->root, "job_b64");
    l->job_ref = letter_text(l->root, "job_ref");
    if (json_is_string(text)) {
        l->bytes = json_string_value(text);
        l->len = json_string_length(text);
        return true;
    }
    if (json_is_string(b64))
        return decode_job(l, b64, e);
    return l->job_ref || err_set(e, "no job");
}

static bool read_letter_members(struct letter *l, struct err *e)
{
    const json_t *error = json_object_get(l->root, "error");
    const char *status = letter_text(l->root, "status");
    l->id = letter_text(l->root, "id");
    l->app = letter_text(l->root, "app");
    l->code = letter_text(l->root, "code");
    l->reason = letter_text(l->root, "reason");
    l->queue = letter_text(l->root, "queue");
    l->call = letter_text(l->root, "call");
    l->error_code = letter_text(error, "code");
    l->error_message = letter_text(error, "message");
    l->maybe_sent = json_is_true(json_object_get(l->root, "maybe_sent"));
    l->attempts = int_of(l->root, "attempts");
    l->gen = int_of(l->root, "gen");
    l->done_at_ms = int_of(l->root, "done_at");
    if (!status || strcmp(status, "dead") != 0)
        return err_set(e, "status: not dead");
    if (!l->id || !*l->id || !l->reason)
        return err_set(e, "%s: missing", l->reason ? "id" : "reason");
    return read_letter_job(l, e);
}

bool letter_read(const char *text, size_t len, struct letter *out, struct err *e)
{
    json_error_t error;
    *out = (struct letter){.root = numbers_load(text, len, JSON_ALLOW_NUL, &error)};
    if (!out->root)
        return err_set(e, "not JSON at byte %d", error.position);
    if (read_letter_members(out, e))
        return true;
    letter_free(out);
    return false;
}

void letter_free(struct letter *l)
{
    json_decref(l->root);
    mem_free(l->decoded);
    *l = (struct letter){0};
}

/* --- filtering ------------------------------------------------------------------------------- */

static bool allows_value(const char *wanted, const char *value)
{
    return !wanted || (value && strcmp(wanted, value) == 0);
}

static bool allows_id(const struct letter_filter *f, const char *id)
{
    for (size_t i = 0; i < f->nids; i++)
        if (strcmp(f->ids[i], id) == 0)
            return true;
    return f->nids == 0;
}

static bool selects_all(const struct letter_filter *f)
{
    return !f->reason && !f->app && !f->code && !f->error && !f->older_ms && !f->newer_ms &&
           !f->nids && !f->unreadable;
}

bool letter_matches(const struct letter *l, const struct letter_filter *f, int64_t now_ms)
{
    if (!l->root)
        return f->unreadable || selects_all(f);
    int64_t age_ms = now_ms - l->done_at_ms;
    return !f->unreadable && allows_value(f->reason, l->reason) && allows_value(f->app, l->app) &&
           allows_value(f->code, l->code) && allows_value(f->error, l->error_code) &&
           (!f->older_ms || age_ms >= f->older_ms) && (!f->newer_ms || age_ms <= f->newer_ms) &&
           allows_id(f, l->id);
}

/* --- the way back ---------------------------------------------------------------------------- */

static bool keep_push(const json_t *value, struct push_done *out)
{
    const char *message = letter_text(value, "message_id"),
               *request = letter_text(value, "request_id");
    int64_t part = int_of(value, "part");
    if (part < 0 || part >= ENVELOPE_PARTS_MAX || !message ||
        strlen(message) >= sizeof out->message_id)
        return false;
    out->part = (unsigned)part;
    snprintf(out->message_id, sizeof out->message_id, "%s", message);
    snprintf(out->request_id, sizeof out->request_id, "%.63s", request ? request : "");
    return true;
}

static bool keep_pushes(const struct letter *l, struct envelope *v, struct err *e)
{
    const json_t *list = json_object_get(l->root, "pushes");
    size_t n = json_array_size(list);
    if (n > ENVELOPE_PARTS_MAX)
        return err_set(e, "pushes: %zu, at most %d", n, (int)ENVELOPE_PARTS_MAX);
    if (n)
        v->pushes = mem_zalloc(n * sizeof *v->pushes);
    for (; v->npushes < n; v->npushes++)
        if (!keep_push(json_array_get(list, v->npushes), &v->pushes[v->npushes]))
            return err_set(e, "pushes: number %zu cannot be read", v->npushes + 1);
    return true;
}

static json_t *this_death(const struct letter *l)
{
    json_t *error = l->error_code ? json_string(l->error_code) : json_null();
    return json_pack("{s:s, s:o, s:I, s:I, s:b}", "reason", l->reason, "error", error, "at",
                     (json_int_t)l->done_at_ms, "attempts", (json_int_t)l->attempts, "maybe_sent",
                     l->maybe_sent);
}

static char *write_history(const struct letter *l)
{
    json_t *old = json_object_get(l->root, "history");
    json_t *all = json_is_array(old) ? json_copy(old) : json_array();
    json_array_append_new(all, this_death(l));
    while (json_array_size(all) > LETTER_HISTORY_MAX)
        json_array_remove(all, 0);
    char *text = json_dumps(all, JSON_COMPACT);
    char *copy = mem_strdup(text ? text : "[]");
    free(text);
    json_decref(all);
    return copy;
}

/* The same token is the same call only while its content is; what is not known cannot be held to.
 */
static bool keep_begun(const struct letter *l, bool new_token, int64_t now_ms, struct envelope *v,
                       struct err *e)
{
    if (!begun_read(json_object_get(l->root, "begun"), &v->begun))
        return err_set(e, "begun: cannot be read");
    if (new_token || !l->maybe_sent || l->call)
        begun_drop_all(&v->begun);
    for (size_t i = 0; i < v->begun.ncalls; i++)
        v->unanswered |= UINT64_C(1) << v->begun.calls[i].part;
    v->first_sent_ms = v->begun.ncalls ? now_ms : 0;
    return true;
}

bool letter_envelope(const struct letter *l, bool new_token, int64_t now_ms, struct buf *out,
                     struct err *e)
{
    struct envelope v = {.t0_ms = now_ms, .replayed = true};
    if (strlen(l->id) >= sizeof v.uid)
        return err_set(e, "id: longer than %zu bytes", sizeof v.uid - 1);
    snprintf(v.uid, sizeof v.uid, "%s", l->id);
    v.gen = (l->gen > 0 ? l->gen : 0) + new_token;
    v.given_up = l->maybe_sent; /* nobody will hear of its old call any more */
    bool ok = keep_pushes(l, &v, e) && keep_begun(l, new_token, now_ms, &v, e);
    if (ok) {
        v.history = write_history(l);
        envelope_write(&v, out);
    }
    envelope_free(&v);
    return ok && (buf_ok(out) || err_set(e, "envelope: too long"));
}
