/* SPDX-License-Identifier: MIT */
#include "cli/manage/show.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/tool.h"

enum { COLUMNS_MAX = 13, VALUE_SIZE = 512, NAME_WIDTH = 30 };

/* --- shapes ---------------------------------------------------------------------------------- */

/* An XML list without its inner element: {"AliasName": ["a", "b"]} for the rows of one column. */
static json_t *rows_of_column(const json_t *list, const char *column)
{
    const json_t *value = json_object_get(list, column);
    json_t *rows = json_array();
    if (!json_is_array(value)) {
        json_array_append_new(rows, json_copy((json_t *)(uintptr_t)list));
        return rows;
    }
    for (size_t i = 0; i < json_array_size(value); i++)
        json_array_append_new(rows, json_pack("{s:O}", column, json_array_get(value, i)));
    return rows;
}

json_t *show_list(const struct action_answer *shape, const json_t *answer)
{
    json_t *list = json_object_get(answer, shape->list);
    json_t *items = json_object_get(list, shape->item);
    const char *column = shape->columns[0];
    if (!items && column && json_object_get(list, column))
        return rows_of_column(list, column);
    if (!items && json_is_array(list))
        items = list;
    if (json_is_array(items))
        return json_incref(items);
    json_t *rows = json_array();
    if (items)
        json_array_append(rows, items);
    return rows;
}

/* --- values ---------------------------------------------------------------------------------- */

static const char *value_text(const json_t *v, char out[VALUE_SIZE])
{
    if (json_is_string(v))
        return json_string_value(v);
    if (json_is_boolean(v))
        return json_is_true(v) ? "true" : "false";
    if (json_is_integer(v))
        snprintf(out, VALUE_SIZE, "%" PRId64, (int64_t)json_integer_value(v));
    else if (json_is_real(v))
        snprintf(out, VALUE_SIZE, "%.15g", json_real_value(v));
    else
        return NULL;
    return out;
}

static const char *element_text(const json_t *element, const char *column, char out[VALUE_SIZE])
{
    const json_t *v =
        column && json_is_object(element) ? json_object_get(element, column) : element;
    return value_text(v, out);
}

/* --- a list ---------------------------------------------------------------------------------- */

struct grid {
    const char *names[COLUMNS_MAX]; /* NULL: the elements themselves */
    size_t widths[COLUMNS_MAX], n;
};

static void add_column(struct grid *g, const char *name)
{
    assert(g->n < COLUMNS_MAX);
    g->names[g->n] = name;
    g->widths[g->n++] = tool_columns(name);
}

static void measure(struct grid *g, const json_t *rows)
{
    char text[VALUE_SIZE];
    for (size_t c = 0; c < g->n; c++)
        for (size_t i = 0; i < json_array_size(rows); i++) {
            size_t w = tool_columns(element_text(json_array_get(rows, i), g->names[c], text));
            if (w > g->widths[c])
                g->widths[c] = w;
        }
}

/* The last column is not padded: a list of ids can be read as one. */
static void print_cell(FILE *out, const char *text, size_t width, bool last)
{
    tool_cell(out, text, last ? 0 : width);
    fputs(last ? "\n" : " ", out);
}

static void print_head(struct show *s, const struct grid *g, size_t key_width)
{
    if (s->headed || (g->n == 1 && !s->key_name))
        return;
    s->headed = true;
    if (s->key_name)
        print_cell(s->out, s->key_name, key_width, false);
    for (size_t c = 0; c < g->n; c++)
        print_cell(s->out, g->names[c] ? g->names[c] : s->action->answer.item, g->widths[c],
                   c + 1 == g->n);
}

static void print_table(struct show *s, const char *key, const json_t *rows)
{
    struct grid g = {0};
    char text[VALUE_SIZE];
    const char *const *columns = s->action->answer.columns;
    size_t key_width = s->key_name ? tool_columns(key) : 0;
    if (s->key_name && tool_columns(s->key_name) > key_width)
        key_width = tool_columns(s->key_name);
    for (size_t c = 0; columns[c]; c++)
        add_column(&g, columns[c]);
    if (!g.n)
        add_column(&g, NULL);
    measure(&g, rows);
    print_head(s, &g, key_width);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        if (s->key_name)
            print_cell(s->out, key, key_width, false);
        for (size_t c = 0; c < g.n; c++)
            print_cell(s->out, element_text(json_array_get(rows, i), g.names[c], text), g.widths[c],
                       c + 1 == g.n);
    }
}

/* --- one object ------------------------------------------------------------------------------ */

/* The provider's own spelling of a time of expiry, in milliseconds (§7.4). */
static const char *member_text(const char *name, const json_t *value, char out[VALUE_SIZE])
{
    int64_t ms = json_is_integer(value) ? json_integer_value(value) : 0;
    if (strcmp(name, "ExipreTime") != 0 || ms <= 0 || ms >= INT64_C(253402300800000))
        return value_text(value, out);
    clock_format_utc(ms, out);
    return out;
}

static void print_members(FILE *out, const char *prefix, const json_t *object)
{
    char name[128], text[VALUE_SIZE];
    void *it = json_object_iter((json_t *)(uintptr_t)object);
    for (; it; it = json_object_iter_next((json_t *)(uintptr_t)object, it)) {
        const char *key = json_object_iter_key(it);
        const json_t *value = json_object_iter_value(it);
        snprintf(name, sizeof name, "%s%s%s", prefix, *prefix ? "." : "", key);
        if (strcmp(name, "RequestId") == 0)
            continue;
        if (json_is_object(value) && !*prefix) {
            print_members(out, name, value);
            continue;
        }
        tool_cell(out, name, strlen(name) < NAME_WIDTH ? NAME_WIDTH : strlen(name));
        tool_cell(out, member_text(key, value, text), 0);
        putc('\n', out);
    }
}

static void print_object(struct show *s, const char *key, const json_t *answer)
{
    const char *member = s->action->answer.object;
    const json_t *object = member ? json_object_get(answer, member) : answer;
    if (s->headed)
        putc('\n', s->out);
    s->headed = json_object_size(object) > (member ? 0 : 1);
    if (s->key_name && s->headed && !json_object_get(object, s->key_name)) {
        tool_cell(s->out, s->key_name, NAME_WIDTH);
        tool_cell(s->out, key, 0);
        putc('\n', s->out);
    }
    if (object)
        print_members(s->out, "", object);
}

/* --- the whole ------------------------------------------------------------------------------- */

static void print_json_answer(struct show *s, const char *key, const json_t *answer)
{
    json_t *line = json_object();
    if (s->key_name && key && !json_object_get(answer, s->key_name))
        json_object_set_new(line, s->key_name, json_string(key));
    json_object_update(line, (json_t *)(uintptr_t)answer);
    cli_json(s->out, line, JSON_COMPACT);
    putc('\n', s->out);
    json_decref(line);
}

void show_answer(struct show *s, const char *key, const json_t *answer)
{
    const struct action_answer *shape = &s->action->answer;
    if (s->json) {
        print_json_answer(s, key, answer);
    } else if (shape->list) {
        json_t *rows = show_list(shape, answer);
        print_table(s, key, rows);
        json_decref(rows);
    } else {
        print_object(s, key, answer);
    }
}
