/* SPDX-License-Identifier: MIT
 * Templates. Input: title, message and locale on a line each, then a job. */
#include "fuzz/fuzz.h"

#include "base/mem.h"
#include "base/text.h"
#include "job/template/template.h"

enum { TEXT_MAX = 1 << 20 };
static const struct job_limits limits = {10000, 64000, "push:reply:"};

static void render(const struct template *t, const struct job *job, struct buf *message)
{
    struct buf title, title_again, again;
    struct err e = {""};
    buf_init(&title, TEXT_MAX);
    buf_init(&title_again, TEXT_MAX);
    buf_init(&again, TEXT_MAX);
    buf_reset(message);
    bool ok = template_render(t, job, &title, message, &e);
    must(ok || strstr(e.text, "is not in the job"));
    must(template_render(t, job, &title_again, &again, &e) == ok);
    must(again.len == message->len && title_again.len == title.len);
    must(!ok || text_is_utf8(buf_text(message), message->len));
    buf_free(&title);
    buf_free(&title_again);
    buf_free(&again);
}

static const struct template *find_template(const struct template_set *set, const char *code,
                                            const char *locale)
{
    struct template_pick pick;
    return template_pick(set, code, "", locale, &pick) ? pick.text : NULL;
}

/* Any text with its braces doubled is a template that renders to that text. */
static void check_literal(const char *text, const struct job *job)
{
    struct buf doubled, out;
    struct err e = {""};
    struct template_set *set = template_set_new();
    buf_init(&doubled, TEXT_MAX);
    buf_init(&out, TEXT_MAX);
    for (const char *p = text; *p; p++) {
        buf_putc(&doubled, *p);
        if (*p == '{' || *p == '}')
            buf_putc(&doubled, *p);
    }
    bool ok = template_set_add(set, "T", NULL, NULL, buf_text(&doubled), &e);
    must(ok == text_is_utf8(text, strlen(text)));
    if (ok) {
        render(find_template(set, "T", NULL), job, &out);
        must(strcmp(buf_text(&out), text) == 0);
    }
    template_set_free(set);
    buf_free(&doubled);
    buf_free(&out);
}

static void check_set(const char *title, const char *message, const char *locale,
                      const struct job *job)
{
    struct template_set *set = template_set_new();
    struct err e = {""};
    struct buf out;
    buf_init(&out, TEXT_MAX);
    bool ok =
        template_set_add(set, "T", *locale ? locale : NULL, *title ? title : NULL, message, &e);
    must(ok || strstr(e.text, "template T"));
    uint64_t hash = template_set_hash(set);
    must(!template_set_add(set, "T", *locale ? locale : NULL, NULL, ok ? "" : message, &e) || !ok);
    must(!ok || template_set_hash(set) == hash);
    const struct template *t = find_template(set, "T", locale);
    must(!ok || t);
    if (ok)
        render(t, job, &out);
    template_set_free(set);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rest r = rest_of(data, size);
    char *title = rest_line(&r), *message = rest_line(&r), *locale = rest_line(&r);
    struct job job;
    struct refusal why;
    if (job_parse(r.p ? r.p : "", rest_len(&r), &limits, &job, &why)) {
        check_set(title, message, locale, &job);
        check_literal(message, &job);
    }
    job_free(&job);
    mem_free(title);
    mem_free(message);
    mem_free(locale);
    return 0;
}
