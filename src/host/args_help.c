/* SPDX-License-Identifier: MIT
 * A command's table as text for people. */
#include <stdio.h>
#include <string.h>

#include "host/args.h"

enum { COLUMNS = 90, HEAD_MAX = 26, HEAD_SIZE = 128 };

static void put_blanks(struct buf *out, size_t n)
{
    while (n--)
        buf_putc(out, ' ');
}

static size_t columns_of(const char *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += (text[i] & 0xC0) != 0x80; /* a character of UTF-8 begins here */
    return n;
}

/* The length of the next word, or of the line end that stands there. What is in brackets, as lines
 * of usage have it, stays together. */
static size_t word_len(const char *text)
{
    size_t len = 0;
    if (*text == '\n')
        return 1;
    for (int depth = 0; text[len] && text[len] != '\n' && (depth || text[len] != ' '); len++)
        depth += (text[len] == '[') - (text[len] == ']');
    return len;
}

void args_wrap(struct buf *out, const char *text, size_t indent)
{
    size_t column = indent;
    while (*text) {
        size_t len = word_len(text), width = columns_of(text, len);
        bool ends = *text == '\n', first = column == indent;
        if (ends || (!first && column + 1 + width > COLUMNS)) {
            buf_putc(out, '\n');
            put_blanks(out, ends && (text[1] == '\n' || !text[1]) ? 0 : indent);
            column = indent;
        } else if (!first) {
            buf_putc(out, ' ');
            column++;
        }
        if (!ends) {
            buf_add(out, text, len);
            column += width;
        }
        text += len;
        text += !ends && *text == ' ';
    }
    buf_putc(out, '\n');
}

/* --- usage ----------------------------------------------------------------------------------- */

static size_t longest_verb(const struct args_command *c)
{
    size_t most = 0;
    for (size_t i = 0; i < c->nverbs; i++)
        if (c->verbs[i].name && strlen(c->verbs[i].name) > most)
            most = strlen(c->verbs[i].name);
    return most;
}

static void put_usage(const struct args_command *c, const char *program, struct buf *out)
{
    for (size_t i = 0; i < c->nverbs; i++) {
        const struct args_verb *v = &c->verbs[i];
        const char *name = v->name ? v->name : "";
        struct buf rest;
        buf_init(&rest, 1024);
        buf_printf(&rest, "%s%s%s", v->synopsis, *v->synopsis && *v->words ? " " : "", v->words);
        buf_printf(out, "%s %s", i ? "      " : "usage:", program);
        size_t width = v->name ? 1 + longest_verb(c) : 0;
        if (v->name)
            buf_printf(out, " %s", name);
        if (rest.len) {
            put_blanks(out, width ? width - strlen(name) : 1);
            args_wrap(out, buf_text(&rest), strlen("usage: ") + strlen(program) + 1 + width);
        } else {
            buf_putc(out, '\n');
        }
        buf_free(&rest);
    }
}

/* --- rows of two columns --------------------------------------------------------------------- */

static void option_head(const struct args_option *o, char out[HEAD_SIZE])
{
    char letter[8] = "";
    if (o->letter)
        snprintf(letter, sizeof letter, "-%c, ", o->letter);
    snprintf(out, HEAD_SIZE, o->optional ? "%s--%s%s[%s]" : "%s--%s%s%s", letter, o->name,
             o->argument ? " " : "", o->argument ? o->argument : "");
}

static const struct args_option help_row = {.letter = 'h', .name = "help", .help = "this text"};

static size_t heads_width(const struct args_command *c)
{
    char head[HEAD_SIZE];
    size_t width = longest_verb(c);
    option_head(&help_row, head);
    width = width > strlen(head) ? width : strlen(head);
    for (size_t i = 0; i < c->noptions; i++) {
        if (!c->options[i].name)
            continue;
        option_head(&c->options[i], head);
        size_t n = columns_of(head, strlen(head));
        if (n > width && n <= HEAD_MAX)
            width = n;
    }
    return width;
}

static void put_row(struct buf *out, const char *head, const char *text, size_t width)
{
    size_t n = columns_of(head, strlen(head));
    buf_printf(out, "  %s", head);
    if (n > width) {
        buf_putc(out, '\n');
        put_blanks(out, width + 4);
    } else {
        put_blanks(out, width - n + 2);
    }
    args_wrap(out, text, width + 4);
}

static void put_option(struct buf *out, const struct args_option *o, size_t width)
{
    char head[HEAD_SIZE], text[512];
    if (!o->name) {
        buf_printf(out, "%s\n", o->help);
        return;
    }
    option_head(o, head);
    snprintf(text, sizeof text, "%s%s", o->help, o->many ? "; repeat for more" : "");
    put_row(out, head, text, width);
}

/* --help closes the general ones, which stand before the first title. */
static void put_options(const struct args_command *c, size_t width, struct buf *out)
{
    bool helped = false;
    for (size_t i = 0; i < c->noptions; i++) {
        if (!c->options[i].name && !helped)
            put_option(out, &help_row, width);
        helped |= !c->options[i].name;
        put_option(out, &c->options[i], width);
    }
    if (!helped)
        put_option(out, &help_row, width);
}

void args_help(const struct args_command *c, const char *program, struct buf *out)
{
    size_t width = heads_width(c);
    put_usage(c, program, out);
    buf_putc(out, '\n');
    args_wrap(out, c->about, 0);
    buf_putc(out, '\n');
    for (size_t i = 0; i < c->nverbs; i++)
        if (c->verbs[i].help)
            put_row(out, c->verbs[i].name, c->verbs[i].help, width);
    if (c->verbs[0].help)
        buf_putc(out, '\n');
    put_options(c, width, out);
    if (c->appendix)
        c->appendix(out);
}
