/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <string.h>

#include "aliyun/credentials.h"
#include "base/mem.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static char *trim_spaces(char *text)
{
    while (is_blank(*text))
        text++;
    for (size_t n = strlen(text); n && is_blank(text[n - 1]); n--)
        text[n - 1] = '\0';
    return text;
}

/* A remark may follow a value after a blank; a policy is JSON and keeps what it holds. */
static void cut_remark(char *value)
{
    for (char *p = value; *p; p++)
        if ((*p == ';' || *p == '#') && (p == value || is_blank(p[-1]))) {
            *p = '\0';
            return;
        }
}

struct section {
    const char *name;
    bool here, found; /* the line belongs to it; it was there at all */
    const char *type, *id, *secret, *role, *role_arn, *session, *policy;
};

static void set_value(struct section *s, const char *name, char *value)
{
    const struct {
        const char *name, **place;
    } rows[] = {
        {"type", &s->type},      {"access_key_id", &s->id},  {"access_key_secret", &s->secret},
        {"role_name", &s->role}, {"role_arn", &s->role_arn}, {"role_session_name", &s->session},
        {"policy", &s->policy},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].name, name) != 0)
            continue;
        if (rows[i].place != &s->policy)
            cut_remark(value);
        value = trim_spaces(value);
        *rows[i].place = *value ? value : NULL;
    }
}

static void read_profile_line(struct section *s, char *line)
{
    line = trim_spaces(line);
    char *close = strchr(line, ']'), *equals = strchr(line, '=');
    if (*line == '[' && close) {
        *close = '\0';
        s->here = strcmp(trim_spaces(line + 1), s->name) == 0;
        s->found |= s->here;
    } else if (s->here && *line != ';' && *line != '#' && equals) {
        *equals = '\0';
        set_value(s, trim_spaces(line), equals + 1);
    }
}

static void read_lines(struct section *s, char *text)
{
    if (strncmp(text, "\xEF\xBB\xBF", 3) == 0)
        text += 3;
    while (text) {
        char *end = strchr(text, '\n');
        if (end)
            *end = '\0';
        read_profile_line(s, text);
        text = end ? end + 1 : NULL;
    }
}

static bool need_profile_value(const struct section *s, const char *value, const char *name,
                               struct err *e)
{
    if (!value)
        err_set(e, "profile %.64s: %s is missing", s->name, name);
    return value;
}

static bool describe_section(const struct section *s, struct credentials_source *out, struct err *e)
{
    if (!s->found)
        return err_set(e, "there is no profile %.64s", s->name);
    if (!need_profile_value(s, s->type, "type", e))
        return false;
    if (strcmp(s->type, "ecs_ram_role") == 0) {
        *out = (struct credentials_source){.kind = CREDENTIALS_ECS, .role = s->role};
        return true;
    }
    bool role = strcmp(s->type, "ram_role_arn") == 0;
    if (!role && strcmp(s->type, "access_key") != 0)
        return err_set(e,
                       "profile %.64s: type %.32s is not supported; access_key, ecs_ram_role and "
                       "ram_role_arn are",
                       s->name, s->type);
    *out = (struct credentials_source){.kind = role ? CREDENTIALS_ROLE : CREDENTIALS_STATIC,
                                       .id = s->id,
                                       .secret = s->secret,
                                       .role_arn = s->role_arn,
                                       .session = s->session ? s->session : "pushbridge",
                                       .policy = s->policy};
    return need_profile_value(s, s->id, "access_key_id", e) &&
           need_profile_value(s, s->secret, "access_key_secret", e) &&
           (!role || need_profile_value(s, s->role_arn, "role_arn", e));
}

bool profile_read(const char *text, size_t len, const char *name, struct profile *out,
                  struct err *e)
{
    struct section s = {.name = name};
    *out = (struct profile){.text = mem_dup(text, len), .len = len};
    read_lines(&s, out->text);
    if (describe_section(&s, &out->source, e))
        return true;
    profile_free(out);
    return false;
}

void profile_free(struct profile *p)
{
    if (p->text)
        mem_wipe(p->text, p->len);
    mem_free(p->text);
    *p = (struct profile){0};
}
