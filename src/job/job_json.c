/* SPDX-License-Identifier: MIT */
#include "job/job_json.h"

#include <stdlib.h>
#include <string.h>

#include "job/written/foreign.h"
#include "job/written/numbers.h"

/* Far more than fit into any call: each value takes thousands of instructions until it is written
 * again, and a number that is kept several times the work of another. */
enum { VALUES_MAX = 10000, KEPT_MAX = 2000 };

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

/* Is the quote there one of the key's own characters? Each backslash is looked at once over all of
 * a key, since a run of them belongs to the one quote behind it. */
static bool is_escaped(const char *bytes, size_t at)
{
    size_t slashes = 0;
    while (slashes < at && bytes[at - 1 - slashes] == '\\')
        slashes++;
    return slashes % 2 == 1;
}

/* The key whose closing quote stands before end, as written. */
static const char *key_before(const char *bytes, size_t end, size_t *len)
{
    size_t from = end > 0 ? end - 1 : 0;
    while (from > 0) {
        from--;
        if (bytes[from] == '"' && !is_escaped(bytes, from))
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
    reading_refuse(r, REASON_INVALID_JOB, "%.*s: member given twice", reading_shown(key, n), key);
    r->job->root = numbers_load(bytes, len, 0, NULL);
    if (r->job->root)
        json_object_deln(r->job->root, key, n);
}

static void refuse_syntax(struct reading *r, const char *foreign, const char *what, int place)
{
    if (foreign)
        reading_refuse(r, REASON_INVALID_JSON, "looks like %s: not JSON: %s at byte %d", foreign,
                       what, place);
    else
        reading_refuse(r, REASON_INVALID_JSON, "not JSON: %s at byte %d", what, place);
}

/* Where numbers reach phones and outcomes as they were written: below a parameter of push, a number
 * itself is checked as a value of that parameter. */
static int levels_of_member(const char *member)
{
    if (strcmp(member, "push") == 0)
        return 2;
    return strcmp(member, "params") == 0 || strcmp(member, "meta") == 0 ? 1 : NUMBERS_NOWHERE;
}

/* Those in value, at any depth; more than most are not all counted. */
static size_t count_values(json_t *value, size_t most)
{
    size_t n = json_object_size(value) + json_array_size(value), i;
    const char *name;
    json_t *v;
    if (n > most)
        return n;
    json_object_foreach(value, name, v) n += n > most ? 0 : count_values(v, most - n);
    json_array_foreach(value, i, v) n += n > most ? 0 : count_values(v, most - n);
    return n;
}

/* What is written again as a whole must not be many values. The member that has too many is
 * dropped: nobody needs it, and it would be held until its dead letter is written. */
static bool drop_many_values(json_t *root)
{
    static const char *const members[] = {"meta", "push"};
    size_t n = 0;
    bool dropped = false;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        size_t more = count_values(json_object_get(root, members[i]), VALUES_MAX - n);
        if (n + more > VALUES_MAX)
            dropped = json_object_del(root, members[i]) == 0;
        else
            n += more;
    }
    return dropped;
}

void job_json_load(struct reading *r, const char *bytes, size_t len)
{
    json_error_t error;
    r->job->root = numbers_load(bytes, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (drop_many_values(r->job->root))
        reading_refuse(r, REASON_INVALID_JOB, "push, meta: at most %d values", VALUES_MAX);
    else if (json_is_object(r->job->root) &&
             !numbers_keep(r->job->root, bytes, len, levels_of_member, KEPT_MAX))
        reading_refuse(r, REASON_INVALID_JOB,
                       "params, push, meta: at most %d numbers that are no plain integers",
                       KEPT_MAX);
    if (r->job->root)
        return;
    enum json_error_code code = json_error_code(&error);
    if (code == json_error_out_of_memory)
        abort();
    if (code == json_error_duplicate_key)
        refuse_duplicate(r, bytes, len, (size_t)error.position);
    else
        refuse_syntax(r, foreign_bytes(bytes, len), syntax_name(code), error.position);
}

static int add_json_chunk(const char *text, size_t len, void *out)
{
    buf_add(out, text, len);
    return 0;
}

bool job_json_dump(const json_t *value, struct buf *out)
{
    size_t start = out->len;
    bool ok = json_dump_callback(value, add_json_chunk, out, JSON_COMPACT) == 0 && buf_ok(out);
    if (out->len > start)
        out->len = start + numbers_restore(out->data + start, out->len - start);
    return ok;
}
