/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/manage/manage.h"

enum { DAY_MS = 24 * 3600 * 1000, SECOND_MS = 1000 };

/* Stamps have seconds: up to "now" is up to the end of this one. */
static int64_t end_of_second(int64_t ms)
{
    return ms + SECOND_MS - 1;
}

/* Of the verb, which is known before an option is read. */
static void find_row(struct manage_args *a)
{
    a->row = a->common.given.verb->own;
    a->action = actions_find(a->row->action);
}

/* "now", "2h" ago, or RFC 3339. */
static bool read_ago(const char *text, int64_t now_ms, char out[CLOCK_UTC_SIZE])
{
    int64_t ms;
    if (strcmp(text, "now") == 0)
        ms = end_of_second(now_ms);
    else if (text_duration(text, &ms))
        ms = now_ms - ms;
    else if (!clock_parse_rfc3339(text, &ms))
        return false;
    if (ms < 0)
        return false;
    clock_format_utc(ms, out);
    return true;
}

static void set_upper(struct params *p, const char *name, const char *text)
{
    char upper[64];
    size_t i;
    for (i = 0; text[i] && i + 1 < sizeof upper; i++)
        upper[i] = (char)toupper((unsigned char)text[i]);
    upper[i] = '\0';
    params_set_copy(p, name, upper);
}

static bool set_many(struct manage_args *a, const char *param, const char *text, struct err *e)
{
    const struct ids_form form = {.id = actions_param(a->action, param)->id};
    return ids_add_list(&a->many, &form, text, e);
}

static bool set_setting_time(struct manage_args *a, const char *param, const char *text,
                             struct err *e)
{
    char stamp[CLOCK_UTC_SIZE];
    if (!read_ago(text, a->now_ms, stamp))
        return err_set(e, "\"%.64s\" must be now, a time ago (30m, 2h, 7d) or RFC 3339", text);
    params_set_copy(&a->fixed, param, stamp);
    return true;
}

bool manage_read_setting(void *args, const struct args_option *o, const char *text, struct err *e)
{
    struct manage_args *a = args;
    const struct manage_setting *setting = o->own;
    find_row(a);
    switch (setting->kind) {
    case SETTING_MANY:
        return set_many(a, setting->param, text, e);
    case SETTING_TIME:
        return set_setting_time(a, setting->param, text, e);
    case SETTING_UPPER:
        set_upper(&a->fixed, setting->param, text);
        break;
    case SETTING_TRUE:
        params_set(&a->fixed, setting->param, "true");
        break;
    case SETTING_TEXT:
        params_set(&a->fixed, setting->param, text);
        break;
    }
    return params_check_text(&actions_param(a->action, setting->param)->row,
                             params_get(&a->fixed, setting->param), e);
}

bool manage_read_file(void *args, const struct args_option *o, const char *text, struct err *e)
{
    struct manage_args *a = args;
    (void)o;
    if (a->nfiles == MANAGE_FILES_MAX)
        return err_set(e, "%d at most", (int)MANAGE_FILES_MAX);
    a->files[a->nfiles++] = text;
    return true;
}

/* --- lists ----------------------------------------------------------------------------------- */

static struct ids_form form_of(const struct manage_args *a)
{
    const struct action_param *row = actions_param(a->action, a->row->list);
    const char *key_type = params_get(&a->fixed, "KeyType");
    struct ids_form form = {.id = row->id};
    if (form.id == ID_KEY && key_type)
        form.id = actions_id_of(key_type);
    if (row->row.type == PARAM_INT)
        form.row = &row->row;
    return form;
}

static bool add_argument(struct manage_args *a, const struct ids_form *form, const char *text,
                         int n, struct err *e)
{
    char place[32];
    if (strcmp(text, "-") == 0)
        return ids_add_file(&a->list, form, text, e);
    if (ids_add(&a->list, form, text, e))
        return true;
    snprintf(place, sizeof place, "argument %d", n);
    return err_prefix(e, place);
}

static bool read_id_list(struct manage_args *a, struct err *e)
{
    const struct ids_form form = form_of(a);
    const struct args *given = &a->common.given;
    for (int i = 0; i < given->nwords; i++)
        if (!add_argument(a, &form, given->words[i], i + 1, e))
            return false;
    for (size_t i = 0; i < a->nfiles; i++)
        if (!ids_add_file(&a->list, &form, a->files[i], e))
            return false;
    return a->list.n ||
           err_set(e, "no ids: give them as arguments, with --file FILE, or - for stdin");
}

/* --- the whole ------------------------------------------------------------------------------- */

/* What the action needs and an option sets. */
static bool check_required_options(const struct manage_args *a, struct err *e)
{
    const struct args_command *c = a->common.given.command;
    for (size_t i = 0; i < c->noptions; i++) {
        const struct args_option *o = &c->options[i];
        if (o->read != manage_read_setting || !args_takes(&a->common.given, o))
            continue;
        const struct manage_setting *s = o->own;
        bool given =
            s->kind == SETTING_MANY ? a->many.n > 0 : params_get(&a->fixed, s->param) != NULL;
        if (actions_param(a->action, s->param)->row.required && !given)
            return err_set(e, "--%s: required", o->name);
    }
    bool all = params_get(&a->fixed, "UnbindAll") != NULL;
    return strcmp(a->action->name, "UnbindAlias") != 0 || all != (a->many.n > 0) ||
           err_set(e, "either --alias or --all");
}

/* The last day, unless options say more. */
static void set_period(struct manage_args *a)
{
    char stamp[CLOCK_UTC_SIZE];
    if (!actions_param(a->action, "StartTime"))
        return;
    if (!params_get(&a->fixed, "EndTime")) {
        clock_format_utc(end_of_second(a->now_ms), stamp);
        params_set_copy(&a->fixed, "EndTime", stamp);
    }
    if (!params_get(&a->fixed, "StartTime")) {
        clock_format_utc(a->now_ms - DAY_MS, stamp);
        params_set_copy(&a->fixed, "StartTime", stamp);
    }
}

void manage_args_begin(void *args)
{
    struct manage_args *a = args;
    params_init(&a->fixed);
    ids_init(&a->list);
    ids_init(&a->many);
    a->now_ms = clock_wall_ms();
}

bool manage_args_check(void *args, struct err *e)
{
    struct manage_args *a = args;
    find_row(a);
    set_period(a);
    return check_required_options(a, e) && (!a->row->list || read_id_list(a, e));
}

void manage_args_end(void *args)
{
    struct manage_args *a = args;
    params_free(&a->fixed);
    ids_free(&a->list);
    ids_free(&a->many);
}
