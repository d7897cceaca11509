/* SPDX-License-Identifier: MIT */
#include "job/job_members.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "job/job_json.h"
#include "job/job_list.h"

enum {
    ID_BYTES = 128,
    REPLY_TO_BYTES = 256,
    META_BYTES = 1024,
    DELAY_MAX_S = 7 * 86400,
    TTL_MAX_S = 30 * 86400,
};

/* --- setters: plain values ------------------------------------------------------------------- */

static const char **text_at(struct job *job, size_t at)
{
    return (const char **)(void *)((char *)job + at);
}

static int64_t *number_at(struct job *job, size_t at)
{
    return (int64_t *)(void *)((char *)job + at);
}

static bool set_job_text(struct reading *r, const struct member *m, json_t *value)
{
    int64_t len = (int64_t)json_string_length(value);
    if (len < m->min)
        return reading_refuse(r, REASON_INVALID_JOB, "%s: empty", m->name);
    if (m->max && len > m->max)
        return reading_refuse(r, REASON_INVALID_JOB, "%s: %lld bytes, at most %lld", m->name,
                              (long long)len, (long long)m->max);
    *text_at(r->job, m->at) = json_string_value(value);
    return true;
}

static bool set_job_number(struct reading *r, const struct member *m, json_t *value)
{
    int64_t n = json_integer_value(value);
    if (n < m->min || n > m->max)
        return reading_refuse(r, REASON_INVALID_JOB, "%s: %lld, must be %lld to %lld", m->name,
                              (long long)n, (long long)m->min, (long long)m->max);
    *number_at(r->job, m->at) = n;
    return true;
}

static bool set_job_time(struct reading *r, const struct member *m, json_t *value)
{
    int64_t ms;
    if (!clock_parse_rfc3339(json_string_value(value), &ms))
        return reading_refuse(r, REASON_INVALID_JOB,
                              "%s: not an RFC 3339 time with 'Z' or an offset", m->name);
    *number_at(r->job, m->at) = ms;
    return true;
}

/* "1780000000000.25"; the digits before the point are few enough for a double to hold them. */
static bool read_ms_text(const char *text, double *out)
{
    enum { DIGITS_MAX = 15 };
    static const char figures[] = "0123456789";
    size_t whole = strspn(text, figures), fraction = 0;
    bool point = text[whole] == '.';
    if (point)
        fraction = strspn(text + whole + 1, figures);
    if (whole == 0 || whole > DIGITS_MAX || (point && !fraction) || text[whole + point + fraction])
        return false;
    *out = strtod(text, NULL);
    return true;
}

/* Clocks that count seconds as a real number make milliseconds with a fraction. */
int64_t job_enqueued_at_ms(const json_t *value)
{
    double ms = json_number_value(value);
    if (json_is_integer(value))
        return json_integer_value(value) < 0 ? JOB_ABSENT : json_integer_value(value);
    if (!json_is_real(value) &&
        !(json_is_string(value) && read_ms_text(json_string_value(value), &ms)))
        return JOB_ABSENT;
    return ms >= 0 && ms < 0x1p63 ? (int64_t)llround(ms) : JOB_ABSENT;
}

static bool set_enqueued_at(struct reading *r, const struct member *m, json_t *value)
{
    r->job->enqueued_at_ms = job_enqueued_at_ms(value);
    return r->job->enqueued_at_ms != JOB_ABSENT ||
           reading_refuse(r, REASON_INVALID_JOB,
                          "%s: must be milliseconds since 1970, at most 15 digits in a string",
                          m->name);
}

static bool set_job_type(struct reading *r, const struct member *m, json_t *value)
{
    static const char *const words[] = {"message", "functional"};
    const char *text = json_string_value(value);
    for (int type = 0; type < 2; type++)
        if (text ? strcmp(text, words[type]) == 0 : json_integer_value(value) == type) {
            r->job->type = type;
            return true;
        }
    return reading_refuse(r, REASON_INVALID_JOB,
                          "%s: must be 0 or \"message\", 1 or \"functional\"", m->name);
}

static bool set_reply_to(struct reading *r, const struct member *m, json_t *value)
{
    if (!text_starts(json_string_value(value), r->limits->reply_prefix))
        return reading_refuse(r, REASON_INVALID_JOB, "%s: must start with \"%s\"", m->name,
                              r->limits->reply_prefix);
    return set_job_text(r, m, value);
}

/* In the form, x stands for a hexadecimal digit. */
static bool set_traceparent(struct reading *r, const struct member *m, json_t *value)
{
    static const char form[] = "00-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";
    const char *text = json_string_value(value);
    bool ok = json_string_length(value) == sizeof form - 1;
    for (size_t i = 0; ok && i < sizeof form - 1; i++)
        ok = form[i] == 'x'
                 ? (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')
                 : text[i] == form[i];
    return ok ? set_job_text(r, m, value)
              : reading_refuse(r, REASON_INVALID_JOB,
                               "%s: must be 00-, 32, 16 and 2 lower-case hexadecimal digits",
                               m->name);
}

/* --- setters: objects ------------------------------------------------------------------------ */

static bool set_job_params(struct reading *r, const struct member *m, json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        if (!job_has_kind(value, KIND_SCALAR))
            return reading_refuse(r, REASON_INVALID_JOB, "%s.%.*s: %s, must be %s", m->name,
                                  reading_shown(key, strlen(key)), key, job_kind_name(value),
                                  job_kinds_name(KIND_SCALAR));
    }
    r->job->params = object;
    return true;
}

/* What pushbridge sets itself: addressing, identity, times, and what belongs to the signature. */
static bool is_reserved(const char *name)
{
    static const char *const names[] = {
        "AppKey",    "Target", "TargetValue", "IdempotentToken", "JobKey",
        "PushTime",  "Action", "ExpireTime",  "Version",         "AccessKeyId",
        "Timestamp", "Format", "RegionId",    "SecurityToken",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return text_starts(name, "Signature");
}

/* A null is not given: what the template or the app says about the parameter stands. */
static bool set_push(struct reading *r, const struct member *m, json_t *object)
{
    const char *key;
    void *next;
    json_t *value;
    json_object_foreach_safe(object, next, key, value)
    {
        if (is_reserved(key))
            return reading_refuse(r, REASON_INVALID_JOB, "%s.%.*s: not for a job to set", m->name,
                                  reading_shown(key, strlen(key)), key);
        if (json_is_null(value))
            json_object_del(object, key);
    }
    r->job->push = object;
    return true;
}

/* The library's own count is right unless numbers are kept, and never too small. */
static size_t compact_len(const json_t *object)
{
    size_t len = json_dumpb(object, NULL, 0, JSON_COMPACT);
    if (len <= META_BYTES)
        return len;
    struct buf text;
    buf_init(&text, len + 1);
    job_json_dump(object, &text);
    len = text.len;
    buf_free(&text);
    return len;
}

static bool set_meta(struct reading *r, const struct member *m, json_t *object)
{
    size_t len = compact_len(object);
    if (len > META_BYTES)
        return reading_refuse(r, REASON_INVALID_JOB, "%s: %zu bytes of JSON, at most %d", m->name,
                              len, META_BYTES);
    r->job->meta = object;
    return true;
}

static bool set_tags(struct reading *r, const struct member *m, json_t *array)
{
    return job_list_read(r, m, array, r->limits->tags_max, &r->job->tags);
}

/* --- setters: target ------------------------------------------------------------------------- */

static bool set_ids(struct reading *r, const struct member *m, json_t *array)
{
    if (json_array_size(array) == 0)
        return reading_refuse(r, REASON_INVALID_TARGET, "%s: empty", m->name);
    r->job->target_kind = m->target;
    return job_list_read(r, m, array, r->limits->ids_max, &r->job->target_ids);
}

static bool set_target_tag(struct reading *r, const struct member *m, json_t *value)
{
    if (json_is_string(value) && json_string_length(value) == 0)
        return reading_refuse(r, REASON_INVALID_TARGET, "%s: empty", m->name);
    r->job->target_kind = TARGET_TAG;
    r->job->target_tag = value;
    return true;
}

static bool set_all(struct reading *r, const struct member *m, json_t *value)
{
    if (!json_is_true(value))
        return reading_refuse(r, REASON_INVALID_TARGET, "%s: must be true", m->name);
    r->job->target_kind = TARGET_ALL;
    return true;
}

static bool set_target(struct reading *r, const struct member *m, json_t *object)
{
    static const struct member v[] = {
        {"target.device", KIND_LIST, set_ids, .target = TARGET_DEVICE},
        {"target.account", KIND_LIST, set_ids, .target = TARGET_ACCOUNT},
        {"target.alias", KIND_LIST, set_ids, .target = TARGET_ALIAS},
        {"target.tag", KIND_STRING | KIND_OBJECT, set_target_tag, .target = TARGET_TAG},
        {"target.all", KIND_BOOLEAN, set_all, .target = TARGET_ALL},
    };
    static const struct members kinds = {v, sizeof v / sizeof *v, "target."};
    members_read(r, &kinds, object);
    size_t given = members_given(object);
    if (given != 1)
        return reading_refuse(r, REASON_INVALID_TARGET,
                              "%s: %zu members, must be one of device, account, alias, tag, all",
                              m->name, given);
    return true;
}

/* --- the table ------------------------------------------------------------------------------- */

#define TEXT(name, min, max)                                                                       \
    {                                                                                              \
#name, KIND_STRING, set_job_text, offsetof(struct job, name), min, max, 0                  \
    }

static const struct member table[] = {
    TEXT(code, 1, 0),
    TEXT(title, 0, 0),
    TEXT(message, 0, 0),
    {"type", KIND_STRING | KIND_INTEGER, set_job_type, 0, 0, 0, 0},
    TEXT(school, 1, 0),
    {"tags", KIND_LIST, set_tags, 0, 0, 0, TARGET_IMPLIED},
    TEXT(id, 1, ID_BYTES),
    TEXT(app, 1, 0),
    {"params", KIND_OBJECT, set_job_params, 0, 0, 0, 0},
    TEXT(locale, 0, 0),
    {"target", KIND_OBJECT, set_target, 0, 0, 0, 0},
    {"push", KIND_OBJECT, set_push, 0, 0, 0, 0},
    {"delay_s", KIND_INTEGER, set_job_number, offsetof(struct job, delay_s), 0, DELAY_MAX_S, 0},
    {"push_at", KIND_STRING, set_job_time, offsetof(struct job, push_at_ms), 0, 0, 0},
    {"ttl_s", KIND_INTEGER, set_job_number, offsetof(struct job, ttl_s), 1, TTL_MAX_S, 0},
    {"expire_at", KIND_STRING, set_job_time, offsetof(struct job, expire_at_ms), 0, 0, 0},
    {"enqueued_at", KIND_STRING | KIND_NUMBER, set_enqueued_at, 0, 0, 0, 0},
    {"reply_to", KIND_STRING, set_reply_to, offsetof(struct job, reply_to), 1, REPLY_TO_BYTES, 0},
    {"meta", KIND_OBJECT, set_meta, 0, 0, 0, 0},
    {"traceparent", KIND_STRING, set_traceparent, offsetof(struct job, traceparent), 1, 0, 0},
};
const struct members job_members = {table, sizeof table / sizeof *table, ""};
