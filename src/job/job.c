/* SPDX-License-Identifier: MIT */
#include "job/job.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

enum {
    ID_BYTES = 128,
    REPLY_TO_BYTES = 256,
    META_BYTES = 1024,
    DELAY_MAX_S = 7 * 86400,
    TTL_MAX_S = 30 * 86400,
    NAME_SHOWN = 64, /* of a member's name in a refusal */
};

const char *reason_name(enum reason r)
{
    switch (r) {
    case REASON_NONE:
        return "none";
    case REASON_INVALID_JSON:
        return "invalid_json";
    case REASON_INVALID_JOB:
        return "invalid_job";
    case REASON_UNKNOWN_TEMPLATE:
        return "unknown_template";
    case REASON_INVALID_TARGET:
        return "invalid_target";
    case REASON_PROVIDER_REJECTED:
        return "provider_rejected";
    case REASON_RETRIES_EXHAUSTED:
        return "retries_exhausted";
    case REASON_EXPIRED:
        return "expired";
    case REASON_POISON:
        return "poison";
    case REASON_AMBIGUOUS:
        return "ambiguous";
    case REASON_CANCELLED:
        return "cancelled";
    }
    return "?";
}

const char *target_kind_name(enum target_kind k)
{
    switch (k) {
    case TARGET_DEVICE:
        return "DEVICE";
    case TARGET_ACCOUNT:
        return "ACCOUNT";
    case TARGET_ALIAS:
        return "ALIAS";
    case TARGET_ALL:
        return "ALL";
    case TARGET_IMPLIED:
    case TARGET_TAG:
        break;
    }
    return "TAG";
}

/* --- one reading ----------------------------------------------------------------------------- */

struct reading {
    struct job *job;
    const struct job_limits *limits;
    enum reason why; /* of the first refusal */
    struct err *e;
};

/* Where the message of a refusal goes. Only the first one counts: reading goes on after it, so
 * that the outcome has what else the job says about itself. */
static struct err *refuse(struct reading *r, enum reason why)
{
    if (r->why != REASON_NONE)
        return NULL;
    r->why = why;
    return r->e;
}

/* How many bytes of a name to show, cut between characters. */
static int shown(const char *name, size_t len)
{
    if (len > NAME_SHOWN)
        for (len = NAME_SHOWN; len > 0 && ((unsigned char)name[len] & 0xC0) == 0x80;)
            len--;
    return (int)len;
}

/* --- members as a table ---------------------------------------------------------------------- */

enum kinds {
    KIND_STRING = 1 << JSON_STRING,
    KIND_INTEGER = 1 << JSON_INTEGER,
    KIND_BOOLEAN = 1 << JSON_TRUE | 1 << JSON_FALSE,
    KIND_LIST = 1 << JSON_ARRAY,
    KIND_OBJECT = 1 << JSON_OBJECT,
    KIND_SCALAR = KIND_STRING | KIND_INTEGER | KIND_BOOLEAN | 1 << JSON_REAL | 1 << JSON_NULL,
};

struct member {
    const char *name; /* members of target: with "target." */
    int kinds;
    bool (*set)(struct reading *r, const struct member *m, json_t *value);
    size_t at;        /* offset in struct job, for the setters that many members share */
    int64_t min, max; /* of an integer, of a string's bytes */
    enum target_kind target;
};

struct members {
    const struct member *v;
    size_t n;
    const char *prefix; /* "" or "target." */
};

static const char *kind_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number with a fraction or exponent";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        break;
    }
    return "null";
}

static const char *kinds_name(int kinds)
{
    switch (kinds) {
    case KIND_STRING:
        return "a string";
    case KIND_INTEGER:
        return "an integer";
    case KIND_BOOLEAN:
        return "a boolean";
    case KIND_LIST:
        return "a list";
    case KIND_OBJECT:
        return "an object";
    case KIND_STRING | KIND_INTEGER:
        return "a string or an integer";
    case KIND_STRING | KIND_OBJECT:
        return "a string or an object";
    default:
        return "a string, a number, a boolean or null";
    }
}

static bool has_kind(const json_t *value, int kinds)
{
    return (kinds & 1 << json_typeof(value)) != 0;
}

static const struct member *find_member(const struct members *t, const char *key)
{
    size_t skip = strlen(t->prefix);
    for (size_t i = 0; i < t->n; i++)
        if (t->v[i].name[skip] == key[0] && strcmp(t->v[i].name + skip, key) == 0)
            return &t->v[i];
    return NULL;
}

static void read_member(struct reading *r, const struct members *t, const char *key, json_t *value)
{
    const struct member *m = find_member(t, key);
    if (!m)
        err_set(refuse(r, REASON_INVALID_JOB), "%s%.*s: unknown member", t->prefix,
                shown(key, strlen(key)), key);
    else if (!has_kind(value, m->kinds))
        err_set(refuse(r, REASON_INVALID_JOB), "%s: %s, must be %s", m->name, kind_name(value),
                kinds_name(m->kinds));
    else
        m->set(r, m, value);
}

static void read_members(struct reading *r, const struct members *t, json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) read_member(r, t, key, value);
}

/* --- setters: plain values ------------------------------------------------------------------- */

static const char **text_at(struct job *job, size_t at)
{
    return (const char **)(void *)((char *)job + at);
}

static int64_t *number_at(struct job *job, size_t at)
{
    return (int64_t *)(void *)((char *)job + at);
}

static bool set_text(struct reading *r, const struct member *m, json_t *value)
{
    int64_t len = (int64_t)json_string_length(value);
    if (len < m->min)
        return err_set(refuse(r, REASON_INVALID_JOB), "%s: empty", m->name);
    if (m->max && len > m->max)
        return err_set(refuse(r, REASON_INVALID_JOB), "%s: %lld bytes, at most %lld", m->name,
                       (long long)len, (long long)m->max);
    *text_at(r->job, m->at) = json_string_value(value);
    return true;
}

static bool set_number(struct reading *r, const struct member *m, json_t *value)
{
    int64_t n = json_integer_value(value);
    if (n < m->min || n > m->max)
        return err_set(refuse(r, REASON_INVALID_JOB), "%s: %lld, must be %lld to %lld", m->name,
                       (long long)n, (long long)m->min, (long long)m->max);
    *number_at(r->job, m->at) = n;
    return true;
}

static bool set_time(struct reading *r, const struct member *m, json_t *value)
{
    int64_t ms;
    if (!clock_parse_rfc3339(json_string_value(value), &ms))
        return err_set(refuse(r, REASON_INVALID_JOB),
                       "%s: not an RFC 3339 time with 'Z' or an offset", m->name);
    *number_at(r->job, m->at) = ms;
    return true;
}

static bool set_type(struct reading *r, const struct member *m, json_t *value)
{
    static const char *const words[] = {"message", "functional"};
    const char *text = json_string_value(value);
    for (int type = 0; type < 2; type++)
        if (text ? strcmp(text, words[type]) == 0 : json_integer_value(value) == type) {
            r->job->type = type;
            return true;
        }
    return err_set(refuse(r, REASON_INVALID_JOB),
                   "%s: must be 0 or \"message\", 1 or \"functional\"", m->name);
}

static bool set_reply_to(struct reading *r, const struct member *m, json_t *value)
{
    if (!text_starts(json_string_value(value), r->limits->reply_prefix))
        return err_set(refuse(r, REASON_INVALID_JOB), "%s: must start with \"%s\"", m->name,
                       r->limits->reply_prefix);
    return set_text(r, m, value);
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
    return ok ? set_text(r, m, value)
              : err_set(refuse(r, REASON_INVALID_JOB),
                        "%s: must be 00-, 32, 16 and 2 lower-case hexadecimal digits", m->name);
}

/* --- setters: objects ------------------------------------------------------------------------ */

static bool set_params(struct reading *r, const struct member *m, json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) if (!has_kind(value, KIND_SCALAR)) return err_set(
        refuse(r, REASON_INVALID_JOB), "%s.%.*s: %s, must be %s", m->name, shown(key, strlen(key)),
        key, kind_name(value), kinds_name(KIND_SCALAR));
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

static bool set_push(struct reading *r, const struct member *m, json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) if (is_reserved(key)) return err_set(
        refuse(r, REASON_INVALID_JOB), "%s.%.*s: not for a job to set", m->name,
        shown(key, strlen(key)), key);
    r->job->push = object;
    return true;
}

static bool set_meta(struct reading *r, const struct member *m, json_t *object)
{
    size_t len = json_dumpb(object, NULL, 0, JSON_COMPACT);
    if (len > META_BYTES)
        return err_set(refuse(r, REASON_INVALID_JOB), "%s: %zu bytes of JSON, at most %d", m->name,
                       len, META_BYTES);
    r->job->meta = object;
    return true;
}

/* --- setters: lists -------------------------------------------------------------------------- */

struct entry {
    uint64_t hash;
    const char *text;
    size_t pos;
};

static uint64_t hash_text(const char *text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return h;
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    int c = strcmp(x->text, y->text);
    return c ? c : x->pos < y->pos ? -1 : x->pos > y->pos;
}

static bool is_listed(const struct job_list *list, const char *text)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->v[i], text) == 0)
            return true;
    return false;
}

static void dedup_short(struct job_list *list)
{
    struct job_list kept = {.v = list->v};
    for (size_t i = 0; i < list->n; i++)
        if (!is_listed(&kept, list->v[i]))
            kept.v[kept.n++] = list->v[i];
    list->n = kept.n;
}

/* Sorts by hash and settles equal hashes by text, rather than filling a hash table: no choice of
 * names makes it slow. */
static void dedup_long(struct job_list *list)
{
    struct entry *sorted = mem_alloc(list->n * sizeof *sorted);
    for (size_t i = 0; i < list->n; i++)
        sorted[i] = (struct entry){hash_text(list->v[i]), list->v[i], i};
    qsort(sorted, list->n, sizeof *sorted, compare_entries);
    for (size_t i = 1; i < list->n; i++)
        if (sorted[i].hash == sorted[i - 1].hash && strcmp(sorted[i].text, sorted[i - 1].text) == 0)
            list->v[sorted[i].pos] = NULL;
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++)
        if (list->v[i])
            list->v[n++] = list->v[i];
    list->n = n;
    mem_free(sorted);
}

static void dedup(struct job_list *list)
{
    enum { SHORT = 16 };
    if (list->n <= SHORT)
        dedup_short(list);
    else
        dedup_long(list);
}

/* Elements of tags are template arguments too, so an empty one is the job's fault; ids are only
 * the target. The provider joins ids with commas and has no way to escape one. */
static bool check_element(struct reading *r, const struct member *m, size_t i, json_t *value)
{
    bool ids = m->target != TARGET_IMPLIED;
    enum reason why = ids ? REASON_INVALID_TARGET : REASON_INVALID_JOB;
    if (!json_is_string(value))
        return err_set(refuse(r, REASON_INVALID_JOB), "%s[%zu]: %s, must be a string", m->name, i,
                       kind_name(value));
    if (json_string_length(value) == 0)
        return err_set(refuse(r, why), "%s[%zu]: empty", m->name, i);
    if (ids && strchr(json_string_value(value), ','))
        return err_set(refuse(r, why), "%s[%zu]: has a comma", m->name, i);
    return true;
}

static bool read_list(struct reading *r, const struct member *m, json_t *array, size_t max,
                      struct job_list *out)
{
    size_t n = json_array_size(array);
    if (n > max)
        return err_set(refuse(r, REASON_INVALID_TARGET), "%s: %zu elements, at most %zu", m->name,
                       n, max);
    for (size_t i = 0; i < n; i++)
        if (!check_element(r, m, i, json_array_get(array, i)))
            return false;
    if (n == 0)
        return true;
    mem_free(out->v);
    *out = (struct job_list){.v = mem_alloc(n * sizeof *out->v), .n = n};
    for (size_t i = 0; i < n; i++)
        out->v[i] = json_string_value(json_array_get(array, i));
    dedup(out);
    return true;
}

static bool set_tags(struct reading *r, const struct member *m, json_t *array)
{
    return read_list(r, m, array, r->limits->tags_max, &r->job->tags);
}

/* --- setters: target ------------------------------------------------------------------------- */

static bool set_ids(struct reading *r, const struct member *m, json_t *array)
{
    if (json_array_size(array) == 0)
        return err_set(refuse(r, REASON_INVALID_TARGET), "%s: empty", m->name);
    r->job->target_kind = m->target;
    return read_list(r, m, array, r->limits->ids_max, &r->job->target_ids);
}

static bool set_tag(struct reading *r, const struct member *m, json_t *value)
{
    if (json_is_string(value) && json_string_length(value) == 0)
        return err_set(refuse(r, REASON_INVALID_TARGET), "%s: empty", m->name);
    r->job->target_kind = TARGET_TAG;
    r->job->target_tag = value;
    return true;
}

static bool set_all(struct reading *r, const struct member *m, json_t *value)
{
    if (!json_is_true(value))
        return err_set(refuse(r, REASON_INVALID_TARGET), "%s: must be true", m->name);
    r->job->target_kind = TARGET_ALL;
    return true;
}

static bool set_target(struct reading *r, const struct member *m, json_t *object)
{
    static const struct member v[] = {
        {"target.device", KIND_LIST, set_ids, .target = TARGET_DEVICE},
        {"target.account", KIND_LIST, set_ids, .target = TARGET_ACCOUNT},
        {"target.alias", KIND_LIST, set_ids, .target = TARGET_ALIAS},
        {"target.tag", KIND_STRING | KIND_OBJECT, set_tag, .target = TARGET_TAG},
        {"target.all", KIND_BOOLEAN, set_all, .target = TARGET_ALL},
    };
    static const struct members table = {v, sizeof v / sizeof *v, "target."};
    read_members(r, &table, object);
    if (json_object_size(object) != 1)
        return err_set(refuse(r, REASON_INVALID_TARGET),
                       "%s: %zu members, must be one of device, account, alias, tag, all", m->name,
                       json_object_size(object));
    return true;
}

/* --- the job --------------------------------------------------------------------------------- */

#define TEXT(name, min, max)                                                                       \
    {                                                                                              \
#name, KIND_STRING, set_text, offsetof(struct job, name), min, max, 0                      \
    }

static const struct member job_member[] = {
    TEXT(code, 1, 0),
    TEXT(title, 0, 0),
    TEXT(message, 0, 0),
    {"type", KIND_STRING | KIND_INTEGER, set_type, 0, 0, 0, 0},
    TEXT(school, 1, 0),
    {"tags", KIND_LIST, set_tags, 0, 0, 0, TARGET_IMPLIED},
    TEXT(id, 1, ID_BYTES),
    TEXT(app, 1, 0),
    {"params", KIND_OBJECT, set_params, 0, 0, 0, 0},
    TEXT(locale, 0, 0),
    {"target", KIND_OBJECT, set_target, 0, 0, 0, 0},
    {"push", KIND_OBJECT, set_push, 0, 0, 0, 0},
    {"delay_s", KIND_INTEGER, set_number, offsetof(struct job, delay_s), 0, DELAY_MAX_S, 0},
    {"push_at", KIND_STRING, set_time, offsetof(struct job, push_at_ms), 0, 0, 0},
    {"ttl_s", KIND_INTEGER, set_number, offsetof(struct job, ttl_s), 1, TTL_MAX_S, 0},
    {"expire_at", KIND_STRING, set_time, offsetof(struct job, expire_at_ms), 0, 0, 0},
    {"enqueued_at", KIND_INTEGER, set_number, offsetof(struct job, enqueued_at_ms), 0, INT64_MAX,
     0},
    {"reply_to", KIND_STRING, set_reply_to, offsetof(struct job, reply_to), 1, REPLY_TO_BYTES, 0},
    {"meta", KIND_OBJECT, set_meta, 0, 0, 0, 0},
    {"traceparent", KIND_STRING, set_traceparent, offsetof(struct job, traceparent), 1, 0, 0},
};
static const struct members job_members = {job_member, sizeof job_member / sizeof *job_member, ""};

static bool check_text(struct reading *r)
{
    const struct job *job = r->job;
    if (job->code && job->message)
        return err_set(refuse(r, REASON_INVALID_JOB), "code and message: only one of them");
    if (!job->code && !job->message)
        return err_set(refuse(r, REASON_INVALID_JOB), "code or message: one of them is required");
    if (job->title && !job->message)
        return err_set(refuse(r, REASON_INVALID_JOB), "title: only with message");
    return true;
}

static bool check_times(struct reading *r)
{
    const struct job *job = r->job;
    if (job->delay_s != JOB_ABSENT && job->push_at_ms != JOB_ABSENT)
        return err_set(refuse(r, REASON_INVALID_JOB), "delay_s and push_at: only one of them");
    if (job->ttl_s != JOB_ABSENT && job->expire_at_ms != JOB_ABSENT)
        return err_set(refuse(r, REASON_INVALID_JOB), "ttl_s and expire_at: only one of them");
    return true;
}

static bool check_audience(struct reading *r)
{
    const struct job *job = r->job;
    if (job->target_kind == TARGET_IMPLIED && !job->school && !job->tags.n)
        return err_set(refuse(r, REASON_INVALID_TARGET),
                       "no audience: school, tags or target is required");
    return true;
}

/* --- bytes to JSON --------------------------------------------------------------------------- */

/* Not the library's text, which quotes what it stumbled over. */
static const char *syntax_name(enum json_error_code code)
{
    switch (code) {
    case json_error_stack_overflow:
        return "nested too deeply";
    case json_error_invalid_utf8:
        return "not valid UTF-8";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "a NUL character";
    case json_error_premature_end_of_input:
        return "cut short";
    case json_error_end_of_input_expected:
        return "more after its end";
    case json_error_numeric_overflow:
        return "a number out of range";
    default:
        return "syntax error";
    }
}

/* The key whose closing quote stands before end, as written. */
static const char *key_before(const char *bytes, size_t end, size_t *len)
{
    size_t from = end > 0 ? end - 1 : 0;
    while (from > 0) {
        size_t slashes = 0;
        from--;
        while (slashes < from && bytes[from - 1 - slashes] == '\\')
            slashes++;
        if (bytes[from] == '"' && slashes % 2 == 0)
            break;
    }
    *len = end > from + 1 ? end - from - 2 : 0;
    return bytes + from + 1;
}

/* A doubled member is refused; for the outcome, the others are read all the same. */
static void refuse_duplicate(struct reading *r, const char *bytes, size_t len, size_t end)
{
    size_t n;
    const char *key = key_before(bytes, end, &n);
    err_set(refuse(r, REASON_INVALID_JOB), "%.*s: member given twice", shown(key, n), key);
    r->job->root = json_loadb(bytes, len, 0, NULL);
    if (r->job->root)
        json_object_deln(r->job->root, key, n);
}

static void load(struct reading *r, const char *bytes, size_t len)
{
    json_error_t error;
    r->job->root = json_loadb(bytes, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (r->job->root)
        return;
    enum json_error_code code = json_error_code(&error);
    if (code == json_error_out_of_memory)
        abort();
    if (code == json_error_duplicate_key)
        refuse_duplicate(r, bytes, len, (size_t)error.position);
    else
        err_set(refuse(r, REASON_INVALID_JSON), "not JSON: %s at byte %d", syntax_name(code),
                error.position);
}

bool job_parse(const char *bytes, size_t len, const struct job_limits *limits, struct job *job,
               enum reason *why, struct err *e)
{
    *job = (struct job){.delay_s = JOB_ABSENT,
                        .push_at_ms = JOB_ABSENT,
                        .ttl_s = JOB_ABSENT,
                        .expire_at_ms = JOB_ABSENT,
                        .enqueued_at_ms = JOB_ABSENT};
    struct reading r = {.job = job, .limits = limits, .e = e};
    load(&r, bytes, len);
    if (json_is_object(job->root))
        read_members(&r, &job_members, job->root);
    else if (job->root)
        err_set(refuse(&r, REASON_INVALID_JOB), "job: %s, must be an object", kind_name(job->root));
    *why = r.why;
    if (r.why != REASON_NONE)
        return false;
    bool ok = check_text(&r) && check_times(&r) && check_audience(&r);
    *why = r.why;
    return ok;
}

void job_free(struct job *job)
{
    json_decref(job->root);
    mem_free(job->tags.v);
    mem_free(job->target_ids.v);
    *job = (struct job){0};
}
