/* SPDX-License-Identifier: MIT
 * Command lines by tables: what is read, what is refused, what the help says (args, args_help). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/args.h"

enum { WORDS_MAX = 20, DAY_MS = 24 * 3600 * 1000 };

struct tool_args {
    struct args given;
    const char *config, *queue;
    int64_t limit, older_ms, watch_s;
    int token;
    bool json, dry;
    char tags[64];
};

enum { VERB_LS, VERB_MOVE };
static const struct args_verb tool_verbs[] = {
    {"ls", "[--json]", "", 0, 0, "list them", NULL},
    {"move", "[--dry-run] [--token same|new]", "FROM TO", 2, 2, "move them", NULL},
};

static bool read_tag(void *args, const struct args_option *o, const char *text, struct err *e)
{
    struct tool_args *a = args;
    size_t len = strlen(a->tags), room = sizeof a->tags - len;
    (void)o;
    return (size_t)snprintf(a->tags + len, room, "%s;", text) < room || err_set(e, "too many");
}

static bool read_watch(void *args, const struct args_option *o, const char *text, struct err *e)
{
    struct tool_args *a = args;
    a->watch_s = 2;
    return !text || args_read_number(o, text, &a->watch_s, e);
}

static const struct args_option tool_options[] = {
    {ARGS_IS_TEXT("config", "FILE", struct tool_args, config, "configuration file"), .letter = 'c'},
    {ARGS_IS_TEXT("queue", "NAME", struct tool_args, queue, "only this queue"), .min = 1},
    {ARGS_IS_FLAG("json", struct tool_args, json, "as JSON"), .verbs = 1u << VERB_LS},
    {ARGS_TITLE("Moving:")},
    {ARGS_IS_FLAG("dry-run", struct tool_args, dry, "move nothing"), .verbs = 1u << VERB_MOVE},
    {ARGS_IS_NUMBER("limit", "N", struct tool_args, limit, 1, 1000, "so many"), .letter = 'l'},
    {ARGS_IS_DURATION("older", "AGE", struct tool_args, older_ms, (int64_t)30 * DAY_MS,
                      "older ones")},
    {ARGS_IS_CHOICE("token", "same|new", struct tool_args, token, "which"),
     .verbs = 1u << VERB_MOVE},
    {ARGS_IS_OWN("tag", "TAG", read_tag, NULL, "this tag"), .many = true},
    {ARGS_IS_OWN("watch", "S", read_watch, NULL, "again and again"), .optional = true, .min = 1,
     .max = 60},
};

static bool check_tool(void *args, struct err *e)
{
    const struct tool_args *a = args;
    return !a->json || !a->limit || err_set(e, "--limit does not go with --json");
}

static void append_actions(struct buf *out)
{
    buf_puts(out, "\nThe end.\n");
}

static const struct args_command tool = {
    .name = "tool",
    .title = "a tool",
    .about = "What it does, and for whom.\nAnother line.",
    ARGS_VERBS(tool_verbs),
    ARGS_OPTIONS(tool_options),
    .size = sizeof(struct tool_args),
    .check = check_tool,
    .appendix = append_actions,
};

/* line: words with single blanks between them; "''" stands for an empty one. */
static enum args_end parse(const char *line, struct tool_args *a, struct err *e)
{
    static char text[1024], *argv[WORDS_MAX + 1];
    char *save = NULL;
    int argc = 0;
    snprintf(text, sizeof text, "tool %s", line);
    for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        assert_true(argc < WORDS_MAX);
        argv[argc++] = strcmp(w, "''") == 0 ? w + 2 : w;
    }
    argv[argc] = NULL;
    return args_parse(&tool, argc, argv, a, e);
}

static void values_reach_their_members(void **state)
{
    struct tool_args a;
    struct err e;
    (void)state;
    assert_int_equal(parse("move -c x --queue=q from --limit 7 --older 2h --token new to --dry-run "
                           "--tag a --tag=b",
                           &a, &e),
                     ARGS_RUN);
    assert_ptr_equal(a.given.verb, &tool_verbs[VERB_MOVE]);
    assert_int_equal(args_verb_number(&a.given), VERB_MOVE);
    assert_string_equal(a.config, "x");
    assert_string_equal(a.queue, "q");
    assert_int_equal(a.limit, 7);
    assert_int_equal(a.older_ms, 2 * 3600 * 1000);
    assert_int_equal(a.token, 1);
    assert_true(a.dry);
    assert_false(a.json);
    assert_string_equal(a.tags, "a;b;");
    assert_int_equal(a.given.nwords, 2);
    assert_string_equal(a.given.words[0], "from");
    assert_string_equal(a.given.words[1], "to");
}

static void lines_are_taken_or_refused(void **state)
{
    static const struct {
        const char *line, *error; /* NULL: it runs; "help": that */
    } rows[] = {
        {"ls", NULL},
        {"-c x ls", NULL},
        {"-cx ls", NULL},
        {"--con x ls", NULL},
        {"ls --js", NULL},
        {"ls --watch", NULL},
        {"ls --watch 5", NULL},
        {"ls --watch=5", NULL},
        {"ls --watch x", "unexpected argument \"x\""},
        {"ls --watch=61", "--watch: \"61\" is not a number from 1 to 60"},
        {"ls --watch 0", "--watch: \"0\" is not a number from 1 to 60"},
        {"move -- --json -", NULL},
        {"move - ''", NULL},
        {"ls --older 30d", NULL},
        {"--help", "help"},
        {"ls -h", "help"},
        {"-hc", "help"},
        {"move --help --nonsense", "help"},
        {"", "which of ls, move?"},
        {"--json", "which of ls, move?"},
        {"list", "\"list\" is none of ls, move"},
        {"ls x", "unexpected argument \"x\""},
        {"move a", "FROM TO is expected"},
        {"move a b c", "unexpected argument \"c\""},
        {"ls --colour", "unknown option '--colour'"},
        {"--colour", "unknown option '--colour'"},
        {"ls -x", "unknown option '-x'"},
        {"ls --t x", "option '--t' may be --token or --tag"},
        {"ls --config", "option '--config' needs its FILE"},
        {"ls -c", "option '--config' needs its FILE"},
        {"ls --json=yes", "option '--json' takes no value"},
        {"move --json a b", "--json: is for ls"},
        {"ls --token new", "--token: is for move"},
        {"move a b --token old", "--token: \"old\" is none of same|new"},
        {"move a b --token same|new", "--token: \"same|new\" is none of same|new"},
        {"move a b --token ''", "--token: \"\" is none of same|new"},
        {"ls --queue ''", "--queue: must not be empty"},
        {"ls --limit 0", "--limit: \"0\" is not a number from 1 to 1000"},
        {"ls --limit 1001", "--limit: \"1001\" is not a number from 1 to 1000"},
        {"ls -l 9x", "--limit: \"9x\" is not a number from 1 to 1000"},
        {"ls --older soon", "--older: \"soon\" is not a time like 30s, 10m, 1h, 2d, at most 30d"},
        {"ls --older 31d", "--older: \"31d\" is not a time like 30s, 10m, 1h, 2d, at most 30d"},
        {"ls --json --limit 5", "--limit does not go with --json"},
        {"ls --\033[2J", "unknown option '--\\u001b[2J'"},
        {"ls -\033", "unknown option '-\\u001b'"},
        {"ls -\xc2\x9b", "unknown option '-\\u009b'"},
        {"ls \xe2\x80\xae", "unexpected argument \"\\u202e\""},
        {"ls --limit \xff", "--limit: \"\\xff\" is not a number from 1 to 1000"},
    };
    (void)state;
    for (size_t i = 0; i < ARGS_N(rows); i++) {
        struct tool_args a;
        struct err e;
        const char *want = rows[i].error;
        enum args_end end = parse(rows[i].line, &a, &e);
        enum args_end wanted = !want                       ? ARGS_RUN
                               : strcmp(want, "help") == 0 ? ARGS_HELP
                                                           : ARGS_WRONG;
        if (end != wanted || (end == ARGS_WRONG && strcmp(e.text, want) != 0))
            fail_msg("%s: %d, \"%s\"", rows[i].line, (int)end, e.text);
    }
}

/* --- as getopt_long() reads them ------------------------------------------------------------- */

struct trace_args {
    struct args given;
    char seen[1024];
};

static void note(char seen[1024], const char *name, const char *text)
{
    size_t len = strlen(seen);
    snprintf(seen + len, 1024 - len, "%s=%s;", name, text ? text : "(none)");
}

static bool trace(void *args, const struct args_option *o, const char *text, struct err *e)
{
    (void)e;
    note(((struct trace_args *)args)->seen, o->name, text);
    return true;
}

static const struct args_option trace_options[] = {
    {ARGS_IS_OWN("config", "FILE", trace, NULL, ""), .letter = 'c'},
    {ARGS_IS_OWN("json", NULL, trace, NULL, ""), .letter = 'j'},
    {ARGS_IS_OWN("jobs", NULL, trace, NULL, "")},
    {ARGS_IS_OWN("job", "N", trace, NULL, "")},
    {ARGS_IS_OWN("limit", "N", trace, NULL, "")},
};
static const struct args_command tracer = {
    .name = "trace",
    ARGS_NO_VERB("", "", 0, ARGS_MANY),
    ARGS_OPTIONS(trace_options),
    .size = sizeof(struct trace_args),
};

static enum args_end ask_getopt(int argc, char **argv, char seen[1024])
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"jobs", no_argument, NULL, 'o'},
                                            {"job", required_argument, NULL, 'b'},
                                            {"limit", required_argument, NULL, 'l'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int c;
    *seen = '\0';
    optind = 0;
    opterr = 0;
    while ((c = getopt_long(argc, argv, "c:jh", options, NULL)) != -1) {
        if (c == '?' || c == 'h')
            return c == 'h' ? ARGS_HELP : ARGS_WRONG;
        const char *name = c == 'c'   ? "config"
                           : c == 'j' ? "json"
                           : c == 'o' ? "jobs"
                           : c == 'b' ? "job"
                                      : "limit";
        note(seen, name, c == 'j' || c == 'o' ? NULL : optarg);
    }
    for (int i = optind; i < argc; i++)
        note(seen, "word", argv[i]);
    return ARGS_RUN;
}

static void lines_mean_what_they_meant_to_getopt(void **state)
{
    static const char *const words[] = {
        "--config", "--con",  "--config=x", "--config=", "-c",    "-cx",    "-jc",
        "-jcx",     "-jj",    "--json",     "--js",      "--j",   "--jo",   "--job",
        "--job=",   "--jobs", "--jobs=1",   "--limit",   "--l=5", "--help", "--h",
        "-h",       "-jh",    "--",         "-",         "",      "x",      "5",
        "--nope",   "-x",     "--=x",       "-c=x",      "a=b",   "---",    "-j-"};
    (void)state;
    srand(7);
    for (int round = 0; round < 200000; round++) {
        char text[WORDS_MAX][16], seen[1024];
        char *mine[WORDS_MAX + 1], *theirs[WORDS_MAX + 1];
        int argc = 1 + rand() % 6;
        for (int i = 0; i < argc; i++) {
            snprintf(text[i], sizeof text[i], "%s",
                     i ? words[(size_t)rand() % ARGS_N(words)] : "trace");
            mine[i] = theirs[i] = text[i];
        }
        mine[argc] = theirs[argc] = NULL;
        struct trace_args a;
        struct err e;
        enum args_end wanted = ask_getopt(argc, theirs, seen);
        enum args_end end = args_parse(&tracer, argc, mine, &a, &e);
        for (int i = 0; i < a.given.nwords && end == ARGS_RUN; i++)
            note(a.seen, "word", a.given.words[i]);
        if (end != wanted || strcmp(seen, a.seen) != 0) {
            for (int i = 0; i < argc; i++)
                print_message("\"%s\" ", text[i]);
            fail_msg("%d %s instead of %d %s (%s)", (int)end, a.seen, (int)wanted, seen, e.text);
        }
    }
}

/* --- help ------------------------------------------------------------------------------------ */

static void help_is_the_table(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 4096);
    args_help(&tool, "program tool", &out);
    assert_string_equal(buf_text(&out),
                        "usage: program tool ls   [--json]\n"
                        "       program tool move [--dry-run] [--token same|new] FROM TO\n"
                        "\n"
                        "What it does, and for whom.\n"
                        "Another line.\n"
                        "\n"
                        "  ls                 list them\n"
                        "  move               move them\n"
                        "\n"
                        "  -c, --config FILE  configuration file\n"
                        "  --queue NAME       only this queue\n"
                        "  --json             as JSON\n"
                        "  -h, --help         this text\n"
                        "Moving:\n"
                        "  --dry-run          move nothing\n"
                        "  -l, --limit N      so many\n"
                        "  --older AGE        older ones\n"
                        "  --token same|new   which\n"
                        "  --tag TAG          this tag; repeat for more\n"
                        "  --watch [S]        again and again\n"
                        "\n"
                        "The end.\n");
    buf_free(&out);
}

static void texts_are_wrapped(void **state)
{
    static const struct {
        const char *text, *want;
        size_t indent;
    } rows[] = {
        {"", "\n", 0},
        {"a b\nc", "a b\nc\n", 0},
        {"a\n\nb", "a\n\n  b\n", 2},
        {"123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 [2345 78 "
         "x]",
         "123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789\n[2345 "
         "78 "
         "x]\n",
         0},
    };
    (void)state;
    for (size_t i = 0; i < ARGS_N(rows); i++) {
        struct buf out;
        buf_init(&out, 4096);
        args_wrap(&out, rows[i].text, rows[i].indent);
        assert_string_equal(buf_text(&out), rows[i].want);
        buf_free(&out);
    }
}

/* A character of three bytes takes one column. */
static void ninety_columns_fit(void **state)
{
    (void)state;
    for (size_t second = 45; second <= 46; second++) {
        char text[512] = "";
        struct buf out;
        for (size_t i = 0; i < 44 + second; i++)
            strcat(text, i == 44 ? " …" : "…");
        buf_init(&out, 4096);
        args_wrap(&out, text, 0);
        assert_int_equal(buf_text(&out)[44 * strlen("…")], second == 45 ? ' ' : '\n');
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_reach_their_members),
        cmocka_unit_test(lines_are_taken_or_refused),
        cmocka_unit_test(lines_mean_what_they_meant_to_getopt),
        cmocka_unit_test(help_is_the_table),
        cmocka_unit_test(texts_are_wrapped),
        cmocka_unit_test(ninety_columns_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
