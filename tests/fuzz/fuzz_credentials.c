/* SPDX-License-Identifier: MIT
 * Credentials files and what hands out keys. Input: the profile's name on a line, then a file or an
 * answer. */
#include "fuzz/fuzz.h"

#include "aliyun/credentials.h"
#include "base/mem.h"

static void check_profile(const char *text, size_t len, const char *name)
{
    struct profile p;
    struct err e = {""};
    if (!profile_read(text, len, name, &p, &e)) {
        must(e.text[0] && !p.text);
        return;
    }
    const struct credentials_source *s = &p.source;
    must(s->kind == CREDENTIALS_ECS || (s->id && *s->id && s->secret && *s->secret));
    must(s->kind != CREDENTIALS_ROLE || (s->role_arn && s->session));
    must(credentials_source_same(s, s));
    profile_free(&p);
    must(!p.text);
}

/* What goes into a header can end none. */
static void check_text(const char *text)
{
    must(text && *text && !strpbrk(text, "\r\n \t"));
}

static void check_answer(const char *text, size_t len, bool sts)
{
    struct credentials_owned g;
    struct err e = {""};
    bool ok =
        sts ? credentials_read_sts(text, len, &g, &e) : credentials_read_ecs(text, len, &g, &e);
    must(ok == !e.text[0] && ok == !!g.id && ok == !!g.secret && ok == !!g.token);
    if (ok) {
        check_text(g.id);
        check_text(g.secret);
        check_text(g.token);
    }
    credentials_free(&g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rest r = rest_of(data, size);
    char *name = rest_line(&r);
    size_t len = rest_len(&r);
    char *text = rest_text(&r);
    check_profile(text, len, name);
    check_answer(text, len, false);
    check_answer(text, len, true);
    mem_free(name);
    mem_free(text);
    return 0;
}
