/* SPDX-License-Identifier: MIT
 * pushbridge dead: looks at dead letters, and gets them back. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/visible.h"
#include "cli/queue/dead_move.h"
#include "cli/queue/dead_print.h"
#include "cli/queue/dead_walk.h"

/* --- ls -------------------------------------------------------------------------------------- */

/* One line, whatever is in it. */
static void print_json_letter(const struct dead_seen *s)
{
    if (s->letter.root) {
        cli_json_line(stdout, s->text.p, s->text.len);
        return;
    }
    struct buf b64;
    buf_init(&b64, 2 * s->text.len + 8);
    if (!s->text.large)
        text_base64(&b64, s->text.p, s->text.len);
    json_t *line = json_pack("{s:b, s:I, s:s, s:s}", "unreadable", 1, "at", (json_int_t)s->place,
                             "why", s->why.text, "bytes_b64", buf_text(&b64));
    buf_free(&b64);
    cli_json(stdout, line, JSON_COMPACT);
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
        print_json_letter(s);
    else
        dead_print_row(s);
    return ++l->n != l->args->limit;
}

static int list_letters(struct tool *t, const struct dead_args *args)
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

/* The bytes as they are, line by line, but for what could steer a terminal. */
static void print_bytes(const char *p, size_t len)
{
    struct buf shown;
    buf_init(&shown, 6 * len + 1);
    for (size_t from = 0; from <= len;) {
        const char *end = from < len ? memchr(p + from, '\n', len - from) : NULL;
        size_t n = end ? (size_t)(end - p) - from : len - from;
        visible_add(&shown, p + from, n);
        puts(buf_text(&shown));
        buf_reset(&shown);
        from += n + 1;
    }
    buf_free(&shown);
}

static void print_letter(const struct dead_seen *s)
{
    if (!s->letter.root) {
        cli_line(stdout, "unreadable: %s", s->why.text);
        if (s->text.large)
            return;
        printf("\n%zu bytes:\n", s->text.len);
        print_bytes(s->text.p, s->text.len);
        return;
    }
    json_t *rest = json_copy(s->letter.root);
    json_object_del(rest, "job");
    json_object_del(rest, "job_b64");
    cli_json(stdout, rest, JSON_INDENT(2));
    json_decref(rest);
    if (s->letter.bytes) {
        printf("\n\njob, %zu bytes:\n", s->letter.len);
        print_bytes(s->letter.bytes, s->letter.len);
    } else {
        fputs("\n\n", stdout);
        cli_line(stdout, "job: in Redis, HGET %s", s->letter.job_ref);
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
        print_json_letter(s);
    else
        print_letter(s);
    return l->args->place < 0; /* an id may have died several times */
}

static int show_letters(struct tool *t, const struct dead_args *args)
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

static int act_dead(struct tool *t, const void *args)
{
    const struct dead_args *a = args;
    if (a->action == DEAD_LS)
        return list_letters(t, a);
    return a->action == DEAD_SHOW ? show_letters(t, a) : dead_move(t, a);
}

static int run_dead(void *args, struct config *config)
{
    return tool_run(config, ((const struct dead_args *)args)->queue, act_dead, args);
}

const struct cli_command cmd_dead = {&dead_args, CLI_NEEDS_TOOL, run_dead};
