/* SPDX-License-Identifier: MIT */
#include "job/envelope.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/number.h"
#include "job/job_json.h"

/* --- writing --------------------------------------------------------------------------------- */

static void put_int_member(struct buf *out, const char *name, int64_t value)
{
    if (!value)
        return;
    buf_puts(out, name);
    buf_int(out, value);
}

static void put_envelope_pushes(struct buf *out, const struct envelope *v)
{
    if (!v->npushes)
        return;
    buf_puts(out, ",\"pushes\":[");
    for (size_t i = 0; i < v->npushes; i++) {
        buf_puts(out, i ? ",[" : "[");
        buf_int(out, v->pushes[i].part);
        buf_putc(out, ',');
        buf_json_or_null(out, v->pushes[i].message_id);
        buf_putc(out, ',');
        buf_json_or_null(out, v->pushes[i].request_id);
        buf_putc(out, ']');
    }
    buf_putc(out, ']');
}

static void put_call(struct buf *out, const struct envelope *v)
{
    if (!v->call[0])
        return;
    buf_puts(out, ",\"call\":");
    buf_json_or_null(out, v->call);
    put_int_member(out, ",\"task\":", v->task);
    put_int_member(out, ",\"tasks\":", v->tasks);
}

static void put_failed(struct buf *out, const struct envelope *v)
{
    for (size_t i = 0; i < v->nfailed; i++) {
        buf_puts(out, i ? "," : ",\"failed\":[");
        buf_int(out, v->failed_ms[i]);
    }
    if (v->nfailed)
        buf_putc(out, ']');
}

void envelope_write(const struct envelope *v, struct buf *out)
{
    buf_puts(out, "{\"uid\":");
    buf_json_or_null(out, v->uid);
    if (v->id_given)
        buf_puts(out, ",\"id_given\":true");
    if (v->id_given && v->origin[0]) {
        buf_puts(out, ",\"origin\":");
        buf_json_or_null(out, v->origin);
    }
    if (v->seen)
        buf_puts(out, ",\"seen\":true");
    put_call(out, v);
    put_int_member(out, ",\"gen\":", v->gen);
    put_int_member(out, ",\"attempts\":", v->attempts);
    put_int_member(out, ",\"throttles\":", v->throttles);
    put_int_member(out, ",\"alone\":", v->alone);
    put_int_member(out, ",\"alone_passed\":", v->alone_passed);
    put_int_member(out, ",\"alone_turns\":", v->alone_turns);
    put_int_member(out, ",\"t0\":", v->t0_ms);
    put_int_member(out, ",\"first_sent\":", v->first_sent_ms);
    if (v->special_used)
        buf_puts(out, ",\"special_used\":true");
    if (v->given_up)
        buf_puts(out, ",\"given_up\":true");
    /* 64 bits do not fit a JSON integer, so they are hexadecimal text. */
    if (v->unanswered)
        buf_printf(out, ",\"unanswered\":\"%" PRIx64 "\"", v->unanswered);
    if (v->digest[0]) {
        buf_puts(out, ",\"digest\":");
        buf_json_or_null(out, v->digest);
    }
    begun_write(&v->begun, out);
    put_failed(out, v);
    put_int_member(out, ",\"refused\":", v->refused);
    put_int_member(out, ",\"refused_at\":", v->refused_ms);
    put_int_member(out, ",\"blamed\":", v->blamed);
    put_envelope_pushes(out, v);
    if (v->replayed)
        buf_puts(out, ",\"replayed\":true");
    if (v->history) {
        buf_puts(out, ",\"history\":");
        buf_puts(out, v->history);
    }
    buf_putc(out, '}');
}

/* --- reading --------------------------------------------------------------------------------- */

static bool wrong(struct err *e, const char *name)
{
    return err_set(e, "envelope: %s is missing or out of range", name);
}

static bool copy_bounded(json_t *value, char *out, size_t size, size_t least)
{
    if (!json_is_string(value) || json_string_length(value) >= size ||
        json_string_length(value) < least)
        return false;
    memcpy(out, json_string_value(value), json_string_length(value) + 1);
    return true;
}

/* Absent members keep the zero that the writer left out. */
static bool read_int_member(json_t *root, const char *name, int64_t *out, struct err *e)
{
    json_t *value = json_object_get(root, name);
    if (!value)
        return true;
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > NUMBER_MAX)
        return wrong(e, name);
    *out = json_integer_value(value);
    return true;
}

static bool read_flag(json_t *root, const char *name, bool *out, struct err *e)
{
    json_t *value = json_object_get(root, name);
    if (value && !json_is_boolean(value))
        return wrong(e, name);
    *out = json_is_true(value);
    return true;
}

static bool read_bits(json_t *root, const char *name, uint64_t *out, struct err *e)
{
    json_t *value = json_object_get(root, name);
    if (!value)
        return true;
    const char *text = json_string_value(value);
    size_t len = text ? strlen(text) : 0;
    if (len < 1 || len > 16 || strspn(text, "0123456789abcdef") != len)
        return wrong(e, name);
    *out = strtoull(text, NULL, 16);
    return true;
}

/* An absent text stays empty. */
static bool read_text(json_t *root, const char *name, char *out, size_t size, size_t least,
                      struct err *e)
{
    json_t *value = json_object_get(root, name);
    return !value || copy_bounded(value, out, size, least) || wrong(e, name);
}

static bool read_envelope_begun(json_t *root, struct envelope *out, struct err *e)
{
    return begun_read(json_object_get(root, "begun"), &out->begun) || wrong(e, "begun");
}

static bool read_envelope_call(json_t *root, struct envelope *out, struct err *e)
{
    json_t *call = json_object_get(root, "call");
    int64_t task = 0, tasks = 0;
    if (!call)
        return true;
    if (!copy_bounded(call, out->call, sizeof out->call, 1))
        return wrong(e, "call");
    if (!read_int_member(root, "task", &task, e) || !read_int_member(root, "tasks", &tasks, e))
        return false;
    if (tasks > ENVELOPE_TASKS_MAX || task >= tasks)
        return wrong(e, "task");
    out->task = (unsigned)task;
    out->tasks = (unsigned)tasks;
    return true;
}

static bool read_push_done(json_t *value, struct push_done *out)
{
    json_t *part = json_array_get(value, 0);
    if (!json_is_integer(part) || json_integer_value(part) < 0 ||
        json_integer_value(part) >= ENVELOPE_PARTS_MAX)
        return false;
    out->part = (unsigned)json_integer_value(part);
    return copy_bounded(json_array_get(value, 1), out->message_id, sizeof out->message_id, 0) &&
           copy_bounded(json_array_get(value, 2), out->request_id, sizeof out->request_id, 0);
}

static bool read_envelope_pushes(json_t *root, struct envelope *out, struct err *e)
{
    json_t *list = json_object_get(root, "pushes");
    size_t n = json_array_size(list);
    if ((list && !json_is_array(list)) || n > ENVELOPE_PARTS_MAX)
        return wrong(e, "pushes");
    if (n)
        out->pushes = mem_zalloc(n * sizeof *out->pushes);
    for (; out->npushes < n; out->npushes++)
        if (!read_push_done(json_array_get(list, out->npushes), &out->pushes[out->npushes]))
            return wrong(e, "pushes");
    return true;
}

static bool read_failed_times(json_t *root, struct envelope *out, struct err *e)
{
    json_t *list = json_object_get(root, "failed");
    size_t n = json_array_size(list);
    if ((list && !json_is_array(list)) || n > ENVELOPE_FAILED_MAX)
        return wrong(e, "failed");
    for (; out->nfailed < n; out->nfailed++) {
        json_t *at = json_array_get(list, out->nfailed);
        if (!json_is_integer(at) || json_integer_value(at) < 0 ||
            json_integer_value(at) > NUMBER_MAX)
            return wrong(e, "failed");
        out->failed_ms[out->nfailed] = json_integer_value(at);
    }
    return true;
}

static bool read_history(json_t *root, size_t len, struct envelope *out, struct err *e)
{
    json_t *list = json_object_get(root, "history");
    if (!list)
        return true;
    struct buf text;
    buf_init(&text, 4 * len); /* a number may grow when it is written again */
    bool ok = json_is_array(list) && job_json_dump(list, &text);
    if (ok)
        out->history = buf_take(&text);
    buf_free(&text);
    return out->history || wrong(e, "history");
}

static bool read_envelope_members(json_t *root, size_t len, struct envelope *out, struct err *e)
{
    return (copy_bounded(json_object_get(root, "uid"), out->uid, sizeof out->uid, 1) ||
            wrong(e, "uid")) &&
           read_flag(root, "id_given", &out->id_given, e) &&
           read_text(root, "origin", out->origin, sizeof out->origin, 1, e) &&
           read_flag(root, "seen", &out->seen, e) && read_envelope_call(root, out, e) &&
           read_int_member(root, "gen", &out->gen, e) &&
           read_int_member(root, "attempts", &out->attempts, e) &&
           read_int_member(root, "throttles", &out->throttles, e) &&
           read_int_member(root, "alone", &out->alone, e) &&
           read_int_member(root, "alone_passed", &out->alone_passed, e) &&
           read_int_member(root, "alone_turns", &out->alone_turns, e) &&
           read_int_member(root, "t0", &out->t0_ms, e) &&
           read_int_member(root, "first_sent", &out->first_sent_ms, e) &&
           read_int_member(root, "refused", &out->refused, e) &&
           read_int_member(root, "refused_at", &out->refused_ms, e) &&
           read_int_member(root, "blamed", &out->blamed, e) &&
           read_flag(root, "special_used", &out->special_used, e) &&
           read_flag(root, "given_up", &out->given_up, e) &&
           read_flag(root, "replayed", &out->replayed, e) &&
           read_bits(root, "unanswered", &out->unanswered, e) &&
           read_text(root, "digest", out->digest, sizeof out->digest, 0, e) &&
           read_envelope_begun(root, out, e) && read_failed_times(root, out, e) &&
           read_envelope_pushes(root, out, e) && read_history(root, len, out, e);
}

bool envelope_read(const char *text, size_t len, struct envelope *out, struct err *e)
{
    *out = (struct envelope){0};
    json_error_t error;
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    bool ok = root ? read_envelope_members(root, len, out, e)
                   : err_set(e, "envelope: not JSON at byte %d", error.position);
    json_decref(root);
    if (!ok)
        envelope_free(out);
    return ok;
}

/* --- failures -------------------------------------------------------------------------------- */

void envelope_note_failure(struct envelope *v, int64_t now_ms)
{
    if (v->nfailed == ENVELOPE_FAILED_MAX)
        memmove(v->failed_ms, v->failed_ms + 1, --v->nfailed * sizeof *v->failed_ms);
    v->failed_ms[v->nfailed++] = now_ms;
}

void envelope_refund(struct envelope *v, int64_t since_ms, int64_t until_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < v->nfailed; i++) {
        int64_t at = v->failed_ms[i];
        if (at >= since_ms && at <= until_ms && v->attempts > 0)
            v->attempts--;
        else
            v->failed_ms[kept++] = at;
    }
    v->nfailed = kept;
}

void envelope_note_refusal(struct envelope *v, int64_t others_sent_ms, int64_t now_ms)
{
    if (!v->refused)
        v->refused_ms = now_ms;
    if (!v->refused || others_sent_ms > v->refused_ms)
        v->blamed++;
    v->refused++;
}

/* Is there a call that may be out and whose content is not known? */
static bool is_open_unknown(const struct envelope *v)
{
    uint64_t known = 0;
    for (size_t i = 0; i < v->begun.ncalls; i++)
        known |= UINT64_C(1) << v->begun.calls[i].part;
    return (v->unanswered & ~known) != 0;
}

void envelope_assume_sent(struct envelope *v, const char *digest, int64_t claimed_ms)
{
    if (!v->digest[0] || !is_open_unknown(v))
        snprintf(v->digest, sizeof v->digest, "%s", digest);
    v->unanswered = UINT64_MAX;
    for (size_t i = 0; i < v->npushes; i++)
        v->unanswered &= ~(UINT64_C(1) << v->pushes[i].part);
    if (!v->first_sent_ms)
        v->first_sent_ms = claimed_ms;
}

void envelope_free(struct envelope *v)
{
    begun_free(&v->begun);
    mem_free(v->pushes);
    mem_free(v->history);
    *v = (struct envelope){0};
}
