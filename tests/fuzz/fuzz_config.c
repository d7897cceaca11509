/* SPDX-License-Identifier: MIT
 * Configuration. Input: environment variables (NAME=value) on a line each, an empty line, the
 * file. Either everything is there or a message that says where it is wrong. */
#include "fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/config.h"
#include "config/config_load.h"

enum { ENV_MAX = 16, PATH_SIZE = 32, SHOWN = 24 };
#define MARK "S3cr3tM4rk" /* shown by none who print secrets masked */

/* libconfig 1.5 forgets a string when a syntax error follows it; asked by the leak checker. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig.so";
}

/* A file that is nowhere on disk. */
static const char *write_file(const struct rest *r)
{
    static int fd = -1;
    static char path[PATH_SIZE];
    if (fd < 0) {
        fd = memfd_create("fuzz", MFD_CLOEXEC);
        must(fd >= 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    must(ftruncate(fd, 0) == 0);
    must(pwrite(fd, r->p, rest_len(r), 0) == (ssize_t)rest_len(r));
    return path;
}

static size_t read_env(struct rest *r, char *env[ENV_MAX + 1])
{
    size_t n = 0;
    while (r->p < r->end && n < ENV_MAX) {
        char *line = rest_line(r);
        if (!*line) {
            mem_free(line);
            break;
        }
        env[n++] = line;
    }
    env[n] = NULL;
    return n;
}

static bool names_an_option(const char *text, const struct option_table *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (strstr(text, t->rows[i].name))
            return true;
    return false;
}

/* A refusal names the file, a variable, or an option. */
static void check_refusal(const struct err *e, const char *path, char *const *env)
{
    bool found = strstr(e->text, path) || names_an_option(e->text, &options_general) ||
                 names_an_option(e->text, &options_app) || strstr(e->text, "PREQ_") ||
                 strstr(e->text, "app");
    for (; *env && !found; env++) {
        size_t len = strcspn(*env, "=");
        char *name = mem_dup(*env, len < SHOWN ? len : SHOWN);
        found = len && strstr(e->text, name);
        mem_free(name);
    }
    if (!found)
        fprintf(stderr, "message: %s\n", e->text);
    must(e->text[0] && found);
}

/* --- secrets --------------------------------------------------------------------------------- */

static bool shows_mark(const struct setting_list *list)
{
    for (size_t i = 0; i < list->table->n; i++)
        if (!(list->table->rows[i].flags & (OPTION_SECRET | OPTION_URL)) &&
            strstr(list->v[i].text, MARK))
            return true;
    return false;
}

static bool holds_mark(const json_t *values)
{
    char *text = values ? json_dumps(values, 0) : NULL;
    bool holds = text && strstr(text, MARK);
    free(text);
    return holds;
}

static bool is_in_template(const struct setting_template *t)
{
    return strstr(t->code, MARK) || (t->platform && strstr(t->platform, MARK)) ||
           (t->locale && strstr(t->locale, MARK)) || (t->message && strstr(t->message, MARK)) ||
           holds_mark(t->parts) || holds_mark(t->push);
}

/* The mark stands also where everybody may read it. */
static bool is_public(const struct config *c)
{
    const struct config_raw *raw = c->internal;
    const struct settings *s = &raw->settings;
    bool found =
        shows_mark(&s->general) || strstr(c->redis.host, MARK) || strstr(c->redis.unix_path, MARK);
    for (size_t i = 0; i < s->napps && !found; i++)
        found = shows_mark(&s->apps[i]) || holds_mark(s->apps[i].push);
    for (size_t i = 0; i < s->ngroups && !found; i++)
        found = shows_mark(&s->groups[i]);
    for (size_t i = 0; i < s->ntemplates && !found; i++)
        found = is_in_template(&s->templates[i]);
    return found;
}

static void check_print(const struct config *c)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    must(out);
    config_print(c, out);
    fclose(out);
    must(len > 0 && (!strstr(text, MARK) || is_public(c)));
    free(text);
}

/* --------------------------------------------------------------------------------------------- */

static void check_accepted(const struct config *c)
{
    must(c->nqueues > 0 && c->nqueues <= CONFIG_QUEUES_MAX && c->napps <= CONFIG_APPS_MAX);
    must(c->endpoint && c->endpoint_host && c->templates && strlen(c->digest) == 16);
    must(c->lease_ms - c->extend_ms >= c->timeout_ms + c->settle_ms);
    must(c->concurrency > 0 && c->max_connections > 0 && c->job_max_bytes > 0);
    check_print(c);
}

static void check(const char *path, char **env,
                  bool (*load)(const char *, char **, struct config *, struct err *))
{
    struct config c;
    struct err e = {""};
    if (load(path, env, &c, &e)) {
        check_accepted(&c);
        config_free(&c);
    } else {
        check_refusal(&e, path, env);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rest r = rest_of(data, size);
    char *env[ENV_MAX + 1];
    size_t n = read_env(&r, env);
    const char *path = write_file(&r);
    check(path, env, config_load);
    check(path, env, config_load_tool);
    for (size_t i = 0; i < n; i++)
        mem_free(env[i]);
    return 0;
}
