/* SPDX-License-Identifier: MIT
 * pushbridge dead: looks at dead letters, and gets them back. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/dead_move.h"
#include "cli/dead_walk.h"

/* --- ls -------------------------------------------------------------------------------------- */

void dead_print_head(void)
{
    puts("AT       ID                       REASON             APP        CODE       ERROR"
         "                    AGE   TRIES MAYBE SENT");
}

void dead_print_row(const struct dead_seen *s)
{
    const struct letter *l = &s->letter;
    char place[24], age[TOOL_AGE_SIZE], tries[24];
    snprintf(place, sizeof place, "%" PRId64, s->place);
    tool_cell(stdout, place, 8);
    if (!l->root) {
        tool_cell(stdout, "unreadable:", 11);
        tool_cell(stdout, s->why.text, 0);
        putchar('\n');
        return;
    }
    tool_age(queue_now_ms(s->list) - l->done_at_ms, age);
    snprintf(tries, sizeof tries, "%" PRId64, l->attempts);
    tool_cell(stdout, l->id, 24);
    tool_cell(stdout, l->reason, 18);
    tool_cell(stdout, l->app, 10);
    tool_cell(stdout, l->code, 10);
    tool_cell(stdout, l->error_code, 24);
    tool_cell(stdout, age, 5);
    tool_cell(stdout, tries, 5);
    puts(l->maybe_sent ? "yes" : "no");
}

/* One line, whatever is in it. */
static void print_json(const struct dead_seen *s)
{
    json_t *line;
    if (s->letter.root && !memchr(s->text.p, '\n', s->text.len)) {
        fwrite(s->text.p, 1, s->text.len, stdout);
        putchar('\n');
        return;
    }
    if (s->letter.root) {
        line = json_incref(s->letter.root);
    } else {
        struct buf b64;
        buf_init(&b64, 2 * s->text.len + 8);
        text_base64(&b64, s->text.p, s->text.len);
        line = json_pack("{s:b, s:I, s:s, s:s}", "unreadable", 1, "at", (json_int_t)s->place, "why",
                         s->why.text, "bytes_b64", buf_text(&b64));
        buf_free(&b64);
    }
    json_dumpf(line, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(line);
}

struct listing {
    const struct dead_args *args;
    int64_t n;
};

static bool list_letter(void *arg, const struct dead_seen *s)
{
    struct listing *l = arg;
    if (l->args->json)
        print_json(s);
    else
        dead_print_row(s);
    return ++l->n != l->args->limit;
}

static int list(struct tool *t, const struct dead_args *args)
{
    struct listing l = {.args = args};
    if (!args->json)
        dead_print_head();
    int code = dead_walk(t, &args->filter, &(struct dead_visitor){list_letter, NULL, &l});
    if (l.n == args->limit)
        fprintf(stderr, "pushbridge dead: the first %" PRId64 "; --limit N shows more\n", l.n);
    return code;
}

/* --- show ------------------------------------------------------------------------------------ */

/* The bytes as they are, but for what could steer a terminal. */
static void print_bytes(const char *p, size_t len)
{
    bool utf8 = text_is_utf8(p, len);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)p[i];
        bool control = (c < 0x20 && c != '\n' && c != '\t') || c == 0x7F;
        bool c1 = c == 0xC2 && i + 1 < len && (unsigned char)p[i + 1] < 0xA0;
        if (control || c1 || (!utf8 && c >= 0x80))
            printf("\\x%02x", c);
        else
            putchar(c);
    }
    putchar('\n');
}

static void print_letter(const struct dead_seen *s)
{
    if (!s->letter.root) {
        printf("unreadable: %s\n\n%zu bytes:\n", s->why.text, s->text.len);
        print_bytes(s->text.p, s->text.len);
        return;
    }
    json_t *rest = json_copy(s->letter.root);
    json_object_del(rest, "job");
    json_object_del(rest, "job_b64");
    json_dumpf(rest, stdout, JSON_INDENT(2));
    json_decref(rest);
    if (s->letter.bytes) {
        printf("\n\njob, %zu bytes:\n", s->letter.len);
        print_bytes(s->letter.bytes, s->letter.len);
    } else {
        printf("\n\njob: in Redis, HGET %s\n", s->letter.job_ref);
    }
}

static bool show_letter(void *arg, const struct dead_seen *s)
{
    struct listing *l = arg;
    if (l->args->place >= 0 && s->place != l->args->place)
        return true;
    if (l->n++ && !l->args->json)
        putchar('\n');
    if (l->args->json)
        print_json(s);
    else
        print_letter(s);
    return l->args->place < 0; /* an id may have died several times */
}

static int show(struct tool *t, const struct dead_args *args)
{
    struct listing l = {.args = args};
    int code = dead_walk(t, &args->filter, &(struct dead_visitor){show_letter, NULL, &l});
    if (code || l.n)
        return code;
    fputs(args->place >= 0 ? "pushbridge dead: no letter stands there\n"
                           : "pushbridge dead: no dead letter has that id\n",
          stderr);
    return CLI_FAILED;
}

/* --- command --------------------------------------------------------------------------------- */

static int run(const struct dead_args *args, const struct config *config)
{
    struct tool t;
    int code;
    if (!tool_open(&t, config, args->queue, &code))
        return code;
    if (args->action == DEAD_LS)
        code = list(&t, args);
    else if (args->action == DEAD_SHOW)
        code = show(&t, args);
    else
        code = dead_move(&t, args);
    tool_close(&t);
    return code;
}

int cmd_dead(int argc, char **argv)
{
    struct dead_args args;
    struct config config;
    int code = dead_args_parse(argc, argv, &args);
    if (!code && args.help) {
        dead_args_help(stdout);
    } else if (!code && !cli_load(args.config, false, &config)) {
        code = CLI_CONFIG;
    } else if (!code) {
        code = run(&args, &config);
        config_free(&config);
    }
    dead_args_free(&args);
    return code;
}
