/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/buf.h"
#include "worker/config.h"
#include "worker/config_load.h"

enum { LINE_MAX_BYTES = 64 * 1024, ORIGIN_COLUMN = 56 };

static void print_line(struct buf *line, const char *origin, FILE *out)
{
    fprintf(out, "%-*s  # %s\n", ORIGIN_COLUMN, buf_text(line), origin);
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

static void print_templates(const struct settings *s, FILE *out)
{
    struct buf line;
    buf_init(&line, LINE_MAX_BYTES);
    if (!s->templates_given) {
        buf_puts(&line, "templates = I10000, I10001, I20000");
        print_line(&line, "built in", out);
    }
    for (size_t i = 0; i < s->ntemplates; i++) {
        const struct setting_template *t = &s->templates[i];
        if (!t->message)
            continue;
        buf_printf(&line, "templates.%s%s%s = ", t->code, t->locale ? "." : "",
                   t->locale ? t->locale : "");
        buf_json(&line, t->message, strlen(t->message));
        print_line(&line, t->origin, out);
    }
    buf_free(&line);
}

void config_print(const struct config *c, FILE *out)
{
    const struct config_raw *raw = c->internal;
    print_list(&raw->settings.general, "", out);
    for (size_t i = 0; i < raw->settings.napps; i++) {
        char prefix[96];
        snprintf(prefix, sizeof prefix, "apps.%s.", c->apps[i].app.name);
        print_list(&raw->settings.apps[i], prefix, out);
    }
    print_templates(&raw->settings, out);
    fprintf(out, "digest = %-*s  # of everything that shapes a call\n",
            ORIGIN_COLUMN - (int)strlen("digest = "), c->digest);
}

void config_print_reference(FILE *out)
{
    options_print_reference(out);
}
