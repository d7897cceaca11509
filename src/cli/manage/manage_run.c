/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "aliyun/sign.h"
#include "base/minmax.h"
#include "cli/manage/caller.h"
#include "cli/manage/manage.h"
#include "cli/manage/resume.h"
#include "cli/manage/show.h"

enum { LIST_BYTES_MAX = 1 << 20, BAR = 30 };

/* --- one run --------------------------------------------------------------------------------- */

struct running {
    const struct manage_args *args;
    char command[40];
    struct caller *caller;
    struct show show;
    struct resume resume;
    size_t calls, done, refused;
    bool bar; /* stderr is a terminal */
};

/* "", or "TagName a,b": what call i is about. */
static void say_chunk(const struct running *r, size_t i, char out[160])
{
    const struct manage_args *a = r->args;
    struct manage_chunk c = manage_chunk(a, i);
    *out = '\0';
    if (c.n == 1 && r->calls > 1)
        snprintf(out, 160, "%s %.100s: ", a->row->list, ids_get(&a->list, c.first));
    else if (r->calls > 1)
        snprintf(out, 160, "%s %zu to %zu: ", a->row->list, c.first + 1, c.first + c.n);
}

static void clear_bar(const struct running *r)
{
    if (r->bar)
        fputs("\r\033[K", stderr);
}

static void draw_bar(const struct running *r)
{
    size_t filled = r->done * BAR / r->calls;
    if (!r->bar)
        return;
    fputs("\r[", stderr);
    for (size_t i = 0; i < BAR; i++)
        putc(i < filled ? '#' : '.', stderr);
    fprintf(stderr, "] %zu/%zu calls\033[K", r->done, r->calls);
}

static void say_failed(const struct running *r, size_t i, const struct caller_result *result)
{
    char about[160];
    struct err e;
    say_chunk(r, i, about);
    caller_explain(result, &e);
    cli_put(stderr, "pushbridge %s: %s%s%s", r->command, about, e.text,
            result->maybe ? "; it may have been done" : "");
    if (r->calls > 1 && !(r->args->keep_going && result->state == CALLER_REFUSED))
        cli_put(stderr, "; %zu of %zu calls done%s", r->done, r->calls,
                r->resume.path ? ", the same command goes on there" : "");
    putc('\n', stderr);
}

static void set_list(struct params *p, const char *name, const struct ids *ids, size_t first,
                     size_t n)
{
    struct buf text;
    if (!name || !n)
        return;
    buf_init(&text, LIST_BYTES_MAX);
    ids_join(ids, first, n, &text);
    params_set_copy(p, name, buf_text(&text));
    buf_free(&text);
}

static void chunk_params(const struct manage_args *a, size_t i, struct params *out)
{
    struct manage_chunk c = manage_chunk(a, i);
    params_init(out);
    for (size_t k = 0; k < a->fixed.n; k++)
        params_set(out, a->fixed.v[k].name, a->fixed.v[k].value);
    set_list(out, a->row->list, &a->list, c.first, c.n);
    set_list(out, a->row->many, &a->many, c.many_first, c.many_n);
}

/* Makes call i of p, and says what went wrong. The exit status; out is to be freed. */
static int make_call(struct running *r, size_t i, struct params *p, struct caller_result *out)
{
    caller_call(r->caller, r->args->action, p, out);
    params_free(p);
    clear_bar(r);
    if (out->state == CALLER_DONE)
        return CLI_OK;
    say_failed(r, i, out);
    return out->state == CALLER_REFUSED ? CLI_FAILED : CLI_UNSUPPORTED;
}

static int call_chunk(struct running *r, size_t i)
{
    struct params p;
    struct caller_result result;
    struct manage_chunk c = manage_chunk(r->args, i);
    chunk_params(r->args, i, &p);
    int code = make_call(r, i, &p, &result);
    if (code == CLI_OK)
        show_answer(&r->show, r->args->row->list ? ids_get(&r->args->list, c.first) : NULL,
                    result.answer);
    caller_result_free(&result);
    return code;
}

static bool keep_place(struct running *r)
{
    struct err e;
    if (cli_flush() && resume_save(&r->resume, r->done, &e))
        return true;
    clear_bar(r);
    cli_line(stderr, "pushbridge %s: %s", r->command,
             ferror(stdout) ? "cannot write the output" : e.text);
    return false;
}

static int run_list(struct running *r)
{
    for (size_t i = r->done; i < r->calls; i++) {
        draw_bar(r);
        int code = call_chunk(r, i);
        if (code == CLI_FAILED && r->args->keep_going)
            r->refused++;
        else if (code)
            return code;
        r->done++;
        if (!keep_place(r))
            return CLI_FAILED;
    }
    clear_bar(r);
    return r->refused ? CLI_FAILED : CLI_OK;
}

static void say_done(const struct running *r, size_t before)
{
    const struct manage_args *a = r->args;
    if (!a->row->acts || a->json || r->done != r->calls)
        return;
    cli_put(stdout, "%zu %s in %zu call%s", a->list.n, a->list.n == 1 ? "id" : "ids",
            r->done - before, r->done - before == 1 ? "" : "s");
    if (before)
        printf(" after %zu of an earlier run", before);
    if (r->refused)
        printf(", %zu refused", r->refused);
    if (a->list.repeated)
        printf("; %zu repeated, left out", a->list.repeated);
    putchar('\n');
}

static void digest_input(const struct manage_args *a, const struct config_app *app, char out[65])
{
    struct buf text;
    char list[65], many[65];
    sign_sha256_hex(buf_text(&a->list.text), a->list.text.len, list);
    sign_sha256_hex(buf_text(&a->many.text), a->many.text.len, many);
    buf_init(&text, LIST_BYTES_MAX);
    buf_printf(&text, "%s\n%s\n%s\n%s\n", a->action->name, app->app.app_key, list, many);
    for (size_t i = 0; i < a->fixed.n; i++)
        buf_printf(&text, "%s=%s\n", a->fixed.v[i].name, a->fixed.v[i].value);
    sign_sha256_hex(buf_text(&text), text.len, out);
    buf_free(&text);
}

static int run_chunks(struct running *r, const struct config_app *app)
{
    char digest[65];
    struct err e;
    size_t before;
    r->calls = manage_calls(r->args);
    digest_input(r->args, app, digest);
    if (!resume_open(&r->resume, r->args->resume, digest, &before, &e)) {
        cli_line(stderr, "pushbridge %s: --resume: %s", r->command, e.text);
        return CLI_FAILED;
    }
    r->done = before = min_size(before, r->calls);
    r->bar = r->calls > 1 && isatty(STDERR_FILENO);
    int code = run_list(r);
    say_done(r, before);
    resume_close(&r->resume, r->done == r->calls);
    return code;
}

/* --- without a list -------------------------------------------------------------------------- */

/* Page after page; each is cut to what is still wanted. */
static int run_pages(struct running *r)
{
    int64_t left = r->args->limit ? r->args->limit : MANAGE_PAGE_MAX, total = 0, seen = 0;
    int64_t size = left < MANAGE_PAGE_MAX ? left : MANAGE_PAGE_MAX;
    bool last = false;
    for (int64_t page = 1; page <= 10000 && left > 0 && !last; page++) {
        struct params p;
        struct caller_result result;
        chunk_params(r->args, 0, &p);
        params_set_int(&p, "Page", page);
        params_set_int(&p, "PageSize", size);
        int code = make_call(r, 0, &p, &result);
        if (code) {
            caller_result_free(&result);
            return code;
        }
        json_t *rows = show_list(&r->args->action->answer, result.answer);
        total = json_integer_value(json_object_get(result.answer, "Total"));
        last = (int64_t)json_array_size(rows) < size;
        while ((int64_t)json_array_size(rows) > left)
            json_array_remove(rows, json_array_size(rows) - 1);
        left -= (int64_t)json_array_size(rows);
        seen += (int64_t)json_array_size(rows);
        json_decref(rows);
        show_answer(&r->show, NULL, result.answer);
        caller_result_free(&result);
    }
    if (seen < total)
        fprintf(stderr,
                "pushbridge push records: %" PRId64 " of %" PRId64 "; --limit N shows more\n", seen,
                total);
    return CLI_OK;
}

/* The certificates in production, where the app has iOS. */
static int judge_certificate(const json_t *answer)
{
    static const char *const bad[] = {"EXPIRED", "REVOKED"};
    const char *status =
        json_string_value(json_object_get(json_object_get(answer, "ProductionCertInfo"), "Status"));
    for (size_t i = 0; status && i < sizeof bad / sizeof bad[0]; i++)
        if (strcmp(status, bad[i]) == 0) {
            cli_line(stderr, "pushbridge app check: the certificate of production: %s", status);
            return CLI_FAILED;
        }
    return CLI_OK;
}

static int run_once(struct running *r)
{
    struct params p;
    struct caller_result result;
    chunk_params(r->args, 0, &p);
    int code = make_call(r, 0, &p, &result);
    if (code == CLI_OK) {
        show_answer(&r->show, NULL, result.answer);
        if (strcmp(r->args->action->name, "CheckCertificate") == 0)
            code = judge_certificate(result.answer);
    }
    caller_result_free(&result);
    return code;
}

/* --- the whole ------------------------------------------------------------------------------- */

const struct config_app *manage_app(const struct config *config, const char *name)
{
    const struct config_app *app = config_app_find(config, name ? name : "default");
    if (!app && !name && config->napps == 1)
        app = &config->apps[0];
    if (!app && name)
        cli_line(stderr, "pushbridge: --app: \"%.64s\" is not configured", name);
    else if (!app)
        cli_line(stderr, "pushbridge: %s",
                 config->napps ? "which app? --app NAME" : "no app is configured");
    return app;
}

static int run_calls(struct running *r, const struct config *config, const struct config_app *app)
{
    struct err e;
    r->caller = caller_open(config, app, &e);
    if (!r->caller) {
        cli_line(stderr, "pushbridge: %s", e.text);
        return CLI_CONFIG;
    }
    int code;
    if (r->args->row->list)
        code = run_chunks(r, app);
    else
        code = actions_param(r->args->action, "Page") ? run_pages(r) : run_once(r);
    caller_close(r->caller);
    return code;
}

int manage_run(void *args, struct config *config)
{
    struct manage_args *a = args;
    struct running r = {.args = a, .calls = 1, .resume.fd = -1};
    bool singly = a->row->list && manage_list_max(a, a->row->list) == 1;
    r.show = (struct show){.out = stdout,
                           .action = a->action,
                           .json = a->json,
                           .key_name = singly && a->list.n > 1 ? a->row->list : NULL};
    snprintf(r.command, sizeof r.command, "%s %s", a->row->group, a->common.given.verb->name);
    const struct config_app *app = manage_app(config, a->app);
    return app ? run_calls(&r, config, app) : CLI_CONFIG;
}
