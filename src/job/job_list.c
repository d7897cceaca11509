/* SPDX-License-Identifier: MIT */
#include "job/job_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "job/target.h"

struct entry {
    uint64_t hash;
    const char *text;
    size_t pos;
};

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    int c = strcmp(x->text, y->text);
    return c ? c : x->pos < y->pos ? -1 : x->pos > y->pos;
}

static bool is_in_list(const struct job_list *list, const char *text)
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
        if (!is_in_list(&kept, list->v[i]))
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

/* The id of a device without the blanks around it, which no device has in its id; value is set to
 * it and counted when there were any. */
static bool check_device_id(struct reading *r, const struct member *m, size_t i, json_t *value)
{
    static const char blanks[] = " \t\r\n";
    const char *text = json_string_value(value);
    size_t whole = json_string_length(value), from = strspn(text, blanks), len = whole - from;
    while (len && strchr(blanks, text[from + len - 1]))
        len--;
    if (!target_is_device_id(text + from, len))
        return reading_refuse(
            r, REASON_INVALID_TARGET,
            "%s[%zu]: not a device id, which has %d digits and lower-case letters", m->name, i,
            TARGET_DEVICE_CHARS);
    if (len == whole)
        return true;
    json_string_setn_nocheck(value, text + from, len);
    metrics_add(METRIC_IDS_TRIMMED, 1);
    return true;
}

/* Elements of tags are template arguments too, so an empty one is the job's fault; ids are only
 * the target. The provider joins ids with commas and has no way to escape one. */
static bool check_listed(struct reading *r, const struct member *m, size_t i, json_t *value)
{
    bool ids = m->target != TARGET_IMPLIED;
    enum reason reason = ids ? REASON_INVALID_TARGET : REASON_INVALID_JOB;
    if (!json_is_string(value))
        return reading_refuse(r, REASON_INVALID_JOB, "%s[%zu]: %s, must be a string", m->name, i,
                              job_kind_name(value));
    if (json_string_length(value) == 0)
        return reading_refuse(r, reason, "%s[%zu]: empty", m->name, i);
    if (ids && strchr(json_string_value(value), ','))
        return reading_refuse(r, reason, "%s[%zu]: has a comma", m->name, i);
    return m->target != TARGET_DEVICE || check_device_id(r, m, i, value);
}

bool job_list_read(struct reading *r, const struct member *m, json_t *array, size_t max,
                   struct job_list *out)
{
    size_t n = json_array_size(array);
    if (n > max)
        return reading_refuse(r, REASON_INVALID_TARGET, "%s: %zu elements, at most %zu", m->name, n,
                              max);
    for (size_t i = 0; i < n; i++)
        if (!check_listed(r, m, i, json_array_get(array, i)))
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
