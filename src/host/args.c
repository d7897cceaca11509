/* SPDX-License-Identifier: MIT */
#include "host/args.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/visible.h"

/* Known to every command; it has no member to set. */
static const struct args_option help_option = {.letter = 'h', .name = "help", .help = "this text"};

/* --- one step along the line ----------------------------------------------------------------- */

struct args_scan {
    const struct args_command *command;
    char **argv;
    int argc, next;
    char *letters;   /* that are left of a word such as "-hc"; NULL: none */
    bool words_only; /* after "--" */
};

enum step_kind { STEP_END, STEP_WORD, STEP_OPTION, STEP_WRONG };
struct args_step {
    enum step_kind kind;
    const struct args_option *option; /* STEP_OPTION */
    char *text;                       /* its value, NULL: none; the word */
};

static const struct args_option *find_letter(const struct args_command *c, char letter)
{
    if (letter == help_option.letter)
        return &help_option;
    for (size_t i = 0; i < c->noptions; i++)
        if (letter == c->options[i].letter)
            return &c->options[i];
    return NULL;
}

static const struct args_option *option_at(const struct args_command *c, size_t i)
{
    return i < c->noptions ? &c->options[i] : &help_option;
}

/* The option of this name, or the only one whose name begins so. NULL with e. */
static const struct args_option *find_name(const struct args_command *c, const char *name,
                                           size_t len, struct err *e)
{
    const struct args_option *found = NULL, *other = NULL;
    for (size_t i = 0; i <= c->noptions; i++) {
        const struct args_option *o = option_at(c, i);
        if (!o->name || strncmp(o->name, name, len) != 0)
            continue;
        if (!o->name[len])
            return o;
        other = found;
        found = o;
        if (other)
            break;
    }
    if (!found)
        err_set(e, "unknown option '--%.*s'", (int)(len < 64 ? len : 64), name);
    else if (other)
        err_set(e, "option '--%.*s' may be --%s or --%s", (int)len, name, other->name, found->name);
    return other ? NULL : found;
}

/* value: what stands behind it in the same word, or NULL. */
static bool take_value(struct args_scan *s, const struct args_option *o, char *value,
                       struct args_step *out, struct err *e)
{
    *out = (struct args_step){.kind = STEP_OPTION, .option = o, .text = value};
    if (!o->argument)
        return !value || err_set(e, "option '--%s' takes no value", o->name);
    bool more = s->next < s->argc;
    if (!value && more && (!o->optional || isdigit((unsigned char)*s->argv[s->next])))
        out->text = s->argv[s->next++];
    return out->text || o->optional ||
           err_set(e, "option '--%s' needs its %s", o->name, o->argument);
}

static bool scan_name(struct args_scan *s, char *word, struct args_step *out, struct err *e)
{
    size_t len = strcspn(word, "=");
    const struct args_option *o = find_name(s->command, word, len, e);
    return o && take_value(s, o, word[len] ? word + len + 1 : NULL, out, e);
}

static bool scan_letter(struct args_scan *s, char *letters, struct args_step *out, struct err *e)
{
    const struct args_option *o = find_letter(s->command, *letters);
    s->letters = NULL;
    if (!o)
        return err_set(e, "unknown option '-%.*s'", *letters & 0x80 ? 4 : 1, letters);
    if (o->argument)
        return take_value(s, o, letters[1] ? letters + 1 : NULL, out, e);
    s->letters = letters[1] ? letters + 1 : NULL;
    return take_value(s, o, NULL, out, e);
}

static struct args_step next_step(struct args_scan *s, struct err *e)
{
    struct args_step out = {.kind = STEP_END};
    bool ok = true;
    if (s->letters) {
        ok = scan_letter(s, s->letters, &out, e);
    } else if (s->next < s->argc) {
        char *word = s->argv[s->next++];
        if (!s->words_only && strcmp(word, "--") == 0) {
            s->words_only = true;
            return next_step(s, e);
        }
        if (s->words_only || word[0] != '-' || !word[1])
            out = (struct args_step){.kind = STEP_WORD, .text = word};
        else if (word[1] == '-')
            ok = scan_name(s, word + 2, &out, e);
        else
            ok = scan_letter(s, word + 1, &out, e);
    }
    if (!ok)
        out.kind = STEP_WRONG;
    return out;
}

/* --- values ---------------------------------------------------------------------------------- */

bool args_read_number(const struct args_option *o, const char *text, int64_t *out, struct err *e)
{
    if (text_int(text, o->min, o->max, out))
        return true;
    if (o->min == INT64_MIN && o->max == INT64_MAX)
        return err_set(e, "\"%.64s\" is not an integer", text);
    if (o->max == INT64_MAX)
        return err_set(e, "\"%.64s\" is not a number from %lld", text, (long long)o->min);
    return err_set(e, "\"%.64s\" is not a number from %lld to %lld", text, (long long)o->min,
                   (long long)o->max);
}

bool args_read_duration(const struct args_option *o, const char *text, int64_t *out, struct err *e)
{
    if (text_duration(text, out) && *out >= o->min && *out <= o->max)
        return true;
    if (o->max == INT64_MAX)
        return err_set(e, "\"%.64s\" is not a time like 30s, 10m, 1h, 2d", text);
    return err_set(e, "\"%.64s\" is not a time like 30s, 10m, 1h, 2d, at most %lldd", text,
                   (long long)(o->max / (24 * 3600 * 1000)));
}

/* words: "same|new" */
static bool read_choice(const char *words, const char *text, int *out, struct err *e)
{
    size_t len = strlen(text);
    const char *at = words;
    for (*out = 0; *at; ++*out) {
        size_t n = strcspn(at, "|");
        if (n == len && strncmp(at, text, n) == 0)
            return true;
        at += n + (at[n] == '|');
    }
    return err_set(e, "\"%.64s\" is none of %s", text, words);
}

static bool read_value(void *args, const struct args_option *o, const char *text, struct err *e)
{
    void *member = (char *)args + o->at;
    assert(text || o->kind == ARGS_FLAG || o->kind == ARGS_OWN); /* only those may have none */
    switch (o->kind) {
    case ARGS_FLAG:
        *(bool *)member = true;
        return true;
    case ARGS_TEXT:
        *(const char **)member = text;
        return strlen(text) >= (size_t)o->min || err_set(e, "must not be empty");
    case ARGS_NUMBER:
        return args_read_number(o, text, member, e);
    case ARGS_DURATION:
        return args_read_duration(o, text, member, e);
    case ARGS_CHOICE:
        return read_choice(o->argument, text, member, e);
    case ARGS_OWN:
        break;
    }
    return o->read(args, o, text, e);
}

/* "is for peek" */
static bool refuse_for_verb(const struct args_command *c, const struct args_option *o,
                            struct err *e)
{
    struct buf names;
    buf_init(&names, 256);
    for (size_t i = 0; i < c->nverbs; i++)
        if (o->verbs & 1u << i) {
            buf_puts(&names, names.len ? ", " : "");
            buf_puts(&names, c->verbs[i].name);
        }
    err_set(e, "is for %s", buf_text(&names));
    buf_free(&names);
    return false;
}

static bool set_option(void *args, const struct args_step *step, struct err *e)
{
    const struct args_option *o = step->option;
    const struct args *given = args;
    char name[64];
    bool ok = true;
    snprintf(name, sizeof name, "--%s", o->name);
    if (!args_takes(given, o))
        ok = refuse_for_verb(given->command, o, e);
    else
        ok = read_value(args, o, step->text, e);
    return ok || err_prefix(e, name);
}

/* --- verbs ----------------------------------------------------------------------------------- */

unsigned args_verb_number(const struct args *given)
{
    return (unsigned)(given->verb - given->command->verbs);
}

bool args_takes(const struct args *given, const struct args_option *o)
{
    return !o->verbs || o->verbs & 1u << args_verb_number(given);
}

static const struct args_verb *find_verb(const struct args_command *c, const char *name)
{
    for (size_t i = 0; i < c->nverbs; i++)
        if (strcmp(c->verbs[i].name, name) == 0)
            return &c->verbs[i];
    return NULL;
}

static enum args_end refuse_verb(const struct args_command *c, const char *word, struct err *e)
{
    struct buf names;
    buf_init(&names, 256);
    for (size_t i = 0; i < c->nverbs; i++) {
        buf_puts(&names, i ? ", " : "");
        buf_puts(&names, c->verbs[i].name);
    }
    if (word)
        err_set(e, "\"%.64s\" is none of %s", word, buf_text(&names));
    else
        err_set(e, "which of %s?", buf_text(&names));
    buf_free(&names);
    return ARGS_WRONG;
}

/* Whatever options stand before it, the first word is the verb: they are read when it is known. */
static enum args_end choose_verb(struct args_scan s, struct args *given, struct err *e)
{
    const struct args_command *c = s.command;
    if (!c->verbs[0].name) {
        given->verb = c->verbs;
        return ARGS_RUN;
    }
    for (;;) {
        struct args_step step = next_step(&s, e);
        if (step.kind == STEP_WRONG)
            return ARGS_WRONG;
        if (step.kind == STEP_OPTION && step.option == &help_option)
            return ARGS_HELP;
        if (step.kind == STEP_END)
            return refuse_verb(c, NULL, e);
        if (step.kind == STEP_OPTION)
            continue;
        given->verb = find_verb(c, step.text);
        return given->verb ? ARGS_RUN : refuse_verb(c, step.text, e);
    }
}

/* --- the whole ------------------------------------------------------------------------------- */

static bool check_words(const struct args *given, struct err *e)
{
    const struct args_verb *v = given->verb;
    if (given->nwords > v->most)
        return err_set(e, "unexpected argument \"%.64s\"", given->words[v->most]);
    return given->nwords >= v->least || err_set(e, "%s is expected", v->words);
}

/* Words move up to the front of argv, over what was read already. */
static enum args_end read_arguments(struct args_scan s, void *args, struct err *e)
{
    struct args *given = args;
    bool verb_is_next = given->verb->name != NULL;
    for (;;) {
        struct args_step step = next_step(&s, e);
        switch (step.kind) {
        case STEP_END:
            return ARGS_RUN;
        case STEP_WRONG:
            return ARGS_WRONG;
        case STEP_WORD:
            if (!verb_is_next)
                given->words[given->nwords++] = step.text;
            verb_is_next = false;
            continue;
        case STEP_OPTION:
            break;
        }
        if (step.option == &help_option)
            return ARGS_HELP;
        if (!set_option(args, &step, e))
            return ARGS_WRONG;
    }
}

enum args_end args_parse(const struct args_command *c, int argc, char **argv, void *args,
                         struct err *e)
{
    const struct args_scan start = {.command = c, .argv = argv, .argc = argc, .next = 1};
    struct args *given = args;
    char text[sizeof e->text];
    *e = (struct err){""};
    memset(args, 0, c->size);
    given->command = c;
    given->words = argv;
    if (c->begin)
        c->begin(args);
    enum args_end end = choose_verb(start, given, e);
    if (end == ARGS_RUN)
        end = read_arguments(start, args, e);
    if (end == ARGS_RUN && !(check_words(given, e) && (!c->check || c->check(args, e))))
        end = ARGS_WRONG;
    visible_copy(text, sizeof text, e->text);
    memcpy(e->text, text, sizeof text);
    return end;
}

void args_free(const struct args_command *c, void *args)
{
    if (c->end)
        c->end(args);
}
