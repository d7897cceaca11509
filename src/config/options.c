/* SPDX-License-Identifier: MIT */
#include "config/options.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "base/chars.h"
#include "base/text.h"

enum { SHOWN_CHARS = 4, CHOICES_SIZE = 64 };
static const char mask[] = "***";

void option_variable(const struct option_row *o, char out[OPTION_VARIABLE_SIZE])
{
    int n = snprintf(out, OPTION_VARIABLE_SIZE, "PUSHBRIDGE_%s", o->name);
    assert(n > 0 && n < OPTION_VARIABLE_SIZE);
    for (char *p = out; *p; p++)
        *p = *p == '.' ? '_' : (char)toupper((unsigned char)*p);
}

int option_find(const struct option_table *t, const char *name, bool *twin)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct option_row *o = &t->rows[i];
        size_t len = strlen(o->name);
        if (strncmp(name, o->name, len) != 0)
            continue;
        bool is_twin = twin && (o->flags & OPTION_TWIN) && strcmp(name + len, "_file") == 0;
        if (name[len] && !is_twin)
            continue;
        if (twin)
            *twin = is_twin;
        return (int)i;
    }
    return -1;
}

/* --- checking -------------------------------------------------------------------------------- */

static bool is_numeric_option(const struct option_row *o)
{
    return o->type == OPTION_INT || o->type == OPTION_SIZE || o->type == OPTION_INT32;
}

/* Index of text among "a|b|c", −1 when it is not there. */
static int choice_index(const char *choices, const char *text)
{
    size_t len = strlen(text);
    int i = 0;
    for (const char *p = choices; p; i++) {
        size_t n = strcspn(p, "|");
        if (n == len && memcmp(p, text, n) == 0)
            return i;
        p = p[n] ? p + n + 1 : NULL;
    }
    return -1;
}

/* "v1|v3" as "v1, v3": a bar would split a table cell. */
static const char *choices_text(const char *choices, char out[CHOICES_SIZE])
{
    size_t n = 0;
    for (const char *p = choices; *p && n + 3 < CHOICES_SIZE; p++) {
        out[n++] = *p == '|' ? ',' : *p;
        if (*p == '|')
            out[n++] = ' ';
    }
    out[n] = '\0';
    return out;
}

/* Marks of direction may belong to a title; what steers a terminal or ends a line belongs nowhere.
 */
static bool is_clean(const char *text)
{
    size_t len = strlen(text);
    for (uint32_t code; len;) {
        size_t n = chars_read(text, len, &code);
        bool line = code == 0x2028 || code == 0x2029;
        if (code < 0x20 || (code >= 0x7F && code <= 0x9F) || line || code == CHARS_NONE)
            return false;
        text += n;
        len -= n;
    }
    return true;
}

static bool check_option_text(const struct option_row *o, const char *text, struct err *e)
{
    size_t len = strlen(text);
    if (len < (size_t)o->min)
        return err_set(e, "must not be empty");
    if (len > (size_t)o->max)
        return err_set(e, "%zu bytes, at most %lld", len, (long long)o->max);
    if (!is_clean(text))
        return err_set(e, "holds a control character or is not UTF-8");
    return true;
}

static bool check_number(const struct option_row *o, const char *text, struct err *e)
{
    int64_t n;
    if (!text_int(text, INT64_MIN, INT64_MAX, &n))
        return err_set(e, "\"%.40s\" is not an integer", text);
    if (n < o->min || n > o->max)
        return err_set(e, "%lld is not within %lld to %lld", (long long)n, (long long)o->min,
                       (long long)o->max);
    return true;
}

bool option_check(const struct option_row *o, const char *text, struct err *e)
{
    char words[CHOICES_SIZE];
    if (o->choices && choice_index(o->choices, text) < 0)
        return err_set(e, "\"%.40s\" is not one of %s", text, choices_text(o->choices, words));
    if (o->choices)
        return true;
    if (is_numeric_option(o))
        return check_number(o, text, e);
    if (o->type != OPTION_BOOL)
        return check_option_text(o, text, e);
    if (choice_index("true|false|1|0", text) < 0)
        return err_set(e, "\"%.40s\" is not true or false", text);
    return true;
}

/* --- storing --------------------------------------------------------------------------------- */

static void store_number(const struct option_row *o, const char *text, void *place)
{
    int64_t n = 0;
    bool ok = text_int(text, o->min, o->max, &n);
    assert(ok);
    (void)ok;
    if (o->type == OPTION_INT)
        *(int64_t *)place = n;
    else if (o->type == OPTION_SIZE)
        *(size_t *)place = (size_t)n;
    else
        *(int *)place = (int)n;
}

void option_store(const struct option_row *o, char *text, void *base)
{
    if (o->offset == OPTION_NOWHERE)
        return;
    void *place = (char *)base + o->offset;
    switch (o->type) {
    case OPTION_TEXT:
    case OPTION_LIST:
        *(char **)place = *text ? text : NULL;
        break;
    case OPTION_FIXED:
        if (*text)
            snprintf(place, (size_t)o->max + 1, "%s", text);
        break;
    case OPTION_BOOL:
        *(bool *)place = *text == 't' || *text == '1';
        break;
    case OPTION_CHOICE:
        *(int *)place = choice_index(o->choices, text);
        break;
    case OPTION_EITHER:
        *(bool *)place = choice_index(o->choices, text) == 1;
        break;
    case OPTION_INT:
    case OPTION_SIZE:
    case OPTION_INT32:
        store_number(o, text, place);
        break;
    }
}

/* --- showing --------------------------------------------------------------------------------- */

static void show_url(const char *text, struct buf *out)
{
    const char *start = strstr(text, "://");
    start = start ? start + 3 : text;
    const char *at = strrchr(start, '@');
    buf_putc(out, '"');
    buf_add(out, text, (size_t)(start - text));
    if (at)
        buf_puts(out, mask);
    buf_puts(out, at ? at : start);
    buf_putc(out, '"');
}

void option_show(const struct option_row *o, const char *text, struct buf *out)
{
    if (is_numeric_option(o) || o->type == OPTION_BOOL)
        buf_puts(out, text);
    else if (!*text)
        buf_puts(out, "\"\"");
    else if (o->flags & OPTION_SECRET)
        buf_puts(out, mask);
    else if (o->flags & OPTION_PARTIAL)
        buf_printf(out, "%.*s%s", strlen(text) > 2 * SHOWN_CHARS ? SHOWN_CHARS : 0, text, mask);
    else if (o->flags & OPTION_URL)
        show_url(text, out);
    else
        buf_json(out, text, strlen(text));
}

/* --- docs/options.md ------------------------------------------------------------------------- */

static const char intro[] =
    "# Options\n"
    "\n"
    "<!-- Written by `pushbridge check --reference`; a test holds it in step. -->\n"
    "\n"
    "Where a value comes from, the stronger first:\n"
    "\n"
    "1. its variable `PUSHBRIDGE_…` (third column);\n"
    "2. `PREQ_ACCESS_KEY_ID`, `PREQ_ACCESS_KEY_SECRET`, `PREQ_APP_KEY` (for the app `default`);\n"
    "3. `ALIBABA_CLOUD_ACCESS_KEY_ID`, `ALIBABA_CLOUD_ACCESS_KEY_SECRET`,\n"
    "   `ALIBABA_CLOUD_SECURITY_TOKEN` and the other `ALIBABA_CLOUD_…` names beside their "
    "options;\n"
    "4. the file that `-c FILE` or `PUSHBRIDGE_CONFIG` names: `aliyun.endpoint` is the member\n"
    "   `endpoint` of the group `aliyun: { … };`;\n"
    "5. the default.\n"
    "\n"
    "- An empty variable counts as not set.\n"
    "- Options marked *file* may also come from a file: `NAME_file` in the configuration,\n"
    "  `VARIABLE_FILE` in the environment (trailing line breaks are dropped). Both forms at once\n"
    "  in one place are an error.\n"
    "- The configuration is one file (`@include` is refused). It and the files with secrets are\n"
    "  regular files: a directory, a pipe or a device is refused.\n"
    "- Options marked *restart* keep their value over a reload (HUP), which names those that\n"
    "  changed; all others come into force with it.\n"
    "- An unknown option in the file and an unknown `PUSHBRIDGE_…` variable are errors. Service\n"
    "  links that Kubernetes and Docker set (`PUSHBRIDGE_…_SERVICE_HOST`, `PUSHBRIDGE_…_PORT`)\n"
    "  are passed over.\n"
    "- `PREQ_REGION_ID` is accepted and has no effect: this product has one host for all regions.\n"
    "- `pushbridge check` prints what is in force and where each value came from.\n";

static const char app_intro[] =
    "\n"
    "## apps\n"
    "\n"
    "`apps = ( { name = \"…\"; … }, … );`, at most 64. Without an entry `default`, and with an\n"
    "AppKey from `aliyun.app_key` or its variables, the app `default` is there with the defaults\n"
    "below. Beside these members an app may have `push = { … };`, defaults of any parameter that "
    "a\n"
    "job's `push` may set (but Body): see [templates.md](templates.md).\n"
    "\n"
    "| member | default | allowed | meaning |\n"
    "|---|---|---|---|\n";

static const char group_intro[] =
    "\n"
    "## groups\n"
    "\n"
    "`groups = ( { name = \"…\"; apps = [ \"…\", … ]; }, … );`, at most 64: a job whose `app` "
    "names\n"
    "a group is pushed to each of its apps, one after the other, each by its own defaults.\n"
    "\n"
    "| member | default | allowed | meaning |\n"
    "|---|---|---|---|\n";

static const char template_intro[] =
    "\n"
    "## templates\n"
    "\n"
    "`templates = ( { code = \"…\"; title = \"…\"; message = \"…\"; locales = ( { locale = "
    "\"zh-CN\";\n"
    "title = \"…\"; message = \"…\"; } ); }, … );`\n"
    "\n"
    "- `title` may be missing: then it is the code. `locales` may be missing, and `message` where\n"
    "  there are locales (then the code has no default variant).\n"
    "- Arguments in both texts: `{0}` and `{school}`, `{code}`, `{tags}`, `{params.NAME}`; `{{` "
    "and\n"
    "  `}}` are literal braces.\n"
    "- Parts of a notice (`subtitle`, `sound`, `badge`, `category`, `channel`, `open`, `ext`,\n"
    "  `image`), any provider parameter (`push`) and variants for `platforms`:\n"
    "  [templates.md](templates.md).\n"
    "- Without `templates`, three are built in: `I10000` \"Arranging Result Initialized. (School:\n"
    "  {0})\", `I10001` \"Arranging Result Changed. (School: {0})\", `I20000` \"Restart. (School:\n"
    "  {0})\".\n";

static void print_allowed(const struct option_row *o, FILE *out)
{
    char words[CHOICES_SIZE];
    if (o->choices)
        fputs(choices_text(o->choices, words), out);
    else if (is_numeric_option(o))
        fprintf(out, "%lld to %lld", (long long)o->min, (long long)o->max);
    else if (o->type == OPTION_BOOL)
        fputs("true, false", out);
    else
        fprintf(out, "%s up to %lld bytes", o->type == OPTION_LIST ? "list" : "text",
                (long long)o->max);
    if (o->flags & OPTION_TWIN)
        fputs(", *file*", out);
    if (o->flags & OPTION_RESTART)
        fputs(", *restart*", out);
}

static void print_initial(const struct option_row *o, FILE *out)
{
    if (*o->initial)
        fprintf(out, "`%s`", o->initial);
    else
        fputs("–", out);
}

static void print_variables(const struct option_row *o, FILE *out)
{
    char variable[OPTION_VARIABLE_SIZE];
    option_variable(o, variable);
    fprintf(out, "`%s`", variable);
    for (size_t i = 0; i < 2 && o->aliases[i]; i++)
        fprintf(out, ", `%s`", o->aliases[i]);
}

static void print_option_rows(const struct option_table *t, bool variables, FILE *out)
{
    size_t section = 0;
    for (size_t i = 0; i < t->n; i++) {
        const struct option_row *o = &t->rows[i];
        size_t len = strcspn(o->name, ".");
        if (variables && (len != section || strncmp(o->name, t->rows[i - 1].name, len) != 0))
            fprintf(out,
                    "\n## %.*s\n\n| option | default | variable | allowed | meaning |\n"
                    "|---|---|---|---|---|\n",
                    (int)len, o->name);
        section = len;
        fprintf(out, "| `%s` | ", o->name);
        print_initial(o, out);
        fputs(" | ", out);
        if (variables) {
            print_variables(o, out);
            fputs(" | ", out);
        }
        print_allowed(o, out);
        fprintf(out, " | %s |\n", o->help);
    }
}

void options_print_reference(FILE *out)
{
    fputs(intro, out);
    print_option_rows(&options_general, true, out);
    fputs(app_intro, out);
    print_option_rows(&options_app, false, out);
    fputs(group_intro, out);
    print_option_rows(&options_group, false, out);
    fputs(template_intro, out);
}
