/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/visible.h"
#include "config/config.h"
#include "config/config_load.h"
#include "job/written/numbers.h"

enum { LINE_MAX_BYTES = 64 * 1024, ORIGIN_COLUMN = 56 };

static void print_line(struct buf *line, const char *origin, FILE *out)
{
    struct buf shown;
    buf_init(&shown, 6 * LINE_MAX_BYTES);
    buf_printf(&shown, "%-*s  # ", ORIGIN_COLUMN, buf_text(line));
    buf_puts(&shown, origin);
    buf_reset(line);
    visible_add(line, buf_text(&shown), shown.len);
    fprintf(out, "%s\n", buf_text(line));
    buf_free(&shown);
    buf_reset(line);
}

static void print_list(const struct setting_list *list, const char *prefix, FILE *out)
{
    struct buf line;
    buf_init(&line, LINE_MAX_BYTES);
    for (size_t i = 0; i < list->table->n; i++) {
        buf_printf(&line, "%s%s = ", prefix, list->table->rows[i].name);
        option_show(&list->table->rows[i], list->v[i].text, &line);
        print_line(&line, list->v[i].origin, out);
    }
    buf_free(&line);
}

static void print_values(const char *prefix, const char *name, const json_t *values,
                         const char *origin, FILE *out)
{
    struct buf line;
    char *text = values ? json_dumps(values, JSON_COMPACT) : NULL;
    if (!text)
        return;
    numbers_restore(text, strlen(text));
    buf_init(&line, LINE_MAX_BYTES);
    buf_printf(&line, "%s.%s = ", prefix, name);
    buf_puts(&line, text);
    print_line(&line, origin, out);
    buf_free(&line);
    free(text);
}

static void print_template(const struct setting_template *t, FILE *out)
{
    struct buf line;
    char prefix[320];
    snprintf(prefix, sizeof prefix, "templates.%s%s%s%s%s", t->code, t->platform ? "." : "",
             t->platform ? t->platform : "", t->locale ? "." : "", t->locale ? t->locale : "");
    buf_init(&line, LINE_MAX_BYTES);
    buf_printf(&line, "%s = ", prefix);
    buf_json_or_null(&line, t->message);
    if (t->message)
        print_line(&line, t->origin, out);
    buf_free(&line);
    print_values(prefix, "parts", t->parts, t->origin, out);
    print_values(prefix, "push", t->push, t->origin, out);
}

static void print_templates(const struct settings *s, FILE *out)
{
    struct buf line;
    buf_init(&line, LINE_MAX_BYTES);
    if (!s->templates_given) {
        buf_puts(&line, "templates = I10000, I10001, I20000");
        print_line(&line, "built in", out);
    }
    for (size_t i = 0; i < s->ntemplates; i++)
        print_template(&s->templates[i], out);
    buf_free(&line);
}

/* Where the app's keys come from, after all that may say so. */
static void print_source(const struct config_app *app, FILE *out)
{
    const struct credentials_source *s = &app->source;
    const char *const by_kind[] = {[CREDENTIALS_STATIC] = "as above",
                                   [CREDENTIALS_PROFILE] = s->file,
                                   [CREDENTIALS_ECS] = s->role,
                                   [CREDENTIALS_OIDC] = s->role_arn};
    const char *from = by_kind[s->kind];
    struct buf line;
    buf_init(&line, LINE_MAX_BYTES);
    buf_printf(&line, "credentials of %s = %s", app->app.name, credentials_kind_name(s->kind));
    print_line(&line, from ? from : "the metadata service", out);
    buf_free(&line);
}

void config_print(const struct config *c, FILE *out)
{
    const struct config_raw *raw = c->internal;
    print_list(&raw->settings.general, "", out);
    for (size_t i = 0; i < raw->settings.napps; i++) {
        char prefix[96];
        const struct setting_list *list = &raw->settings.apps[i];
        snprintf(prefix, sizeof prefix, "apps.%s.", c->apps[i].app.name);
        print_list(list, prefix, out);
        prefix[strlen(prefix) - 1] = '\0';
        print_values(prefix, "push", list->push, list->origin, out);
        print_source(&c->apps[i], out);
    }
    for (size_t i = 0; i < raw->settings.ngroups; i++) {
        const struct setting_list *list = &raw->settings.groups[i];
        char prefix[96];
        snprintf(prefix, sizeof prefix, "groups.%s.", settings_get(list, "name")->text);
        print_list(list, prefix, out);
    }
    print_templates(&raw->settings, out);
    fprintf(out, "digest = %-*s  # of everything that shapes a call\n",
            ORIGIN_COLUMN - (int)strlen("digest = "), c->digest);
}

void config_print_reference(FILE *out)
{
    options_print_reference(out);
}
