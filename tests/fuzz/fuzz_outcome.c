/* SPDX-License-Identifier: MIT
 * Outcomes: whatever a job and a reply hold, the outcome is JSON, fits the room that the pipeline
 * has for it, and a dead letter gives back the job's exact bytes. The input's first line says
 * which outcome, five lines are texts, the rest is the job. */
#include "fuzz/fuzz.h"

#include <jansson.h>

#include "base/chars.h"
#include "base/err.h"
#include "base/mem.h"
#include "job/outcome.h"

/* What the pipeline lets through: ids and names of workers, the JSON of meta. */
enum { ID_MAX = 128, META_MAX = 1024 };

static int digit_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

static size_t decode_base64(const char *text, char *out)
{
    size_t n = 0;
    for (; *text; text += 4) {
        unsigned v = 0;
        size_t digits = strcspn(text, "=");
        digits = digits < 4 ? digits : 4;
        must(digits >= 2 && strnlen(text, 4) == 4);
        for (size_t i = 0; i < 4; i++)
            v = v << 6 | (unsigned)(i < digits ? digit_of(text[i]) : 0);
        for (size_t i = 0; i + 1 < digits; i++)
            out[n++] = (char)(v >> (16 - 8 * i));
    }
    return n;
}

static void check_bytes(const json_t *root, const char *bytes, size_t len)
{
    const json_t *job = json_object_get(root, "job");
    const char *base64 = json_string_value(json_object_get(root, "job_b64"));
    must(!job != !base64);
    if (job) {
        must(json_string_length(job) == len && memcmp(json_string_value(job), bytes, len) == 0);
        return;
    }
    char *decoded = mem_alloc(strlen(base64) + 1);
    must(decode_base64(base64, decoded) == len && memcmp(decoded, bytes, len) == 0);
    mem_free(decoded);
}

static void check(const struct outcome *o)
{
    struct buf out;
    buf_init(&out, OUTCOME_ROOM + OUTCOME_JOB_FACTOR * o->len);
    outcome_write(o, &out);
    must(buf_ok(&out));
    json_t *root =
        json_loadb(buf_text(&out), out.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    must(json_is_object(root));
    must(json_is_string(json_object_get(root, "status")));
    if (o->reason != REASON_NONE)
        check_bytes(root, o->bytes, o->len);
    json_decref(root);
    buf_free(&out);
}

static void set_reply(struct reply *r, const char *code, const char *message, const char *id)
{
    *r = (struct reply){.class = REPLY_PERMANENT, .http_status = 400};
    snprintf(r->code, sizeof r->code, "%s", code);
    snprintf(r->message, sizeof r->message, "%s", message);
    snprintf(r->request_id, sizeof r->request_id, "%s", id);
}

static void cut(char *text, size_t max)
{
    text[chars_cut(text, strlen(text), max)] = '\0';
}

static json_t *read_meta(const char *text)
{
    json_t *meta = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (json_dumpb(meta, NULL, 0, JSON_COMPACT) <= META_MAX)
        return meta;
    json_decref(meta);
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { TEXTS = 5 };
    struct rest r = rest_of(data, size);
    char *kind = rest_line(&r), *text[TEXTS];
    for (size_t i = 0; i < TEXTS; i++)
        text[i] = rest_line(&r);
    for (size_t i = 0; i < 3; i++)
        cut(text[i], ID_MAX);
    struct err why;
    err_set(&why, "%s", text[4]);
    struct reply reply;
    set_reply(&reply, text[0], text[1], text[2]);
    struct push_done push = {.part = 63};
    snprintf(push.message_id, sizeof push.message_id, "%s", text[2]);
    snprintf(push.request_id, sizeof push.request_id, "%s", text[3]);
    struct outcome o = {.id = text[0],
                        .app = text[3],
                        .code = strchr(kind, 'c') ? text[4] : NULL,
                        .worker = text[1],
                        .traceparent = strchr(kind, 't') ? text[2] : NULL,
                        .reason = strchr(kind, 'd') ? REASON_PROVIDER_REJECTED : REASON_NONE,
                        .duplicate = strchr(kind, 'u') != NULL,
                        .maybe_sent = strchr(kind, 'm') != NULL,
                        .error = strchr(kind, 'e') ? &reply : NULL,
                        .error_message = strchr(kind, 'o') ? why.text : NULL,
                        .pushes = &push,
                        .npushes = 1,
                        .enqueued_at_ms = strchr(kind, 'q') ? INT64_MAX : JOB_ABSENT,
                        .done_at_ms = 1780000000000,
                        .bytes = r.p ? r.p : "",
                        .len = rest_len(&r)};
    o.meta = read_meta(text[4]);
    check(&o);
    json_decref(o.meta);
    for (size_t i = 0; i < TEXTS; i++)
        mem_free(text[i]);
    mem_free(kind);
    return 0;
}
