/* SPDX-License-Identifier: MIT */
#include "cli/queue/dead_args.h"

#include <getopt.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli/tool.h"

enum { LS_LIMIT = 100, RATE_MAX = 100000 };

static const char help[] =
    "usage: pushbridge dead ls     [FILTER…] [--limit N] [--json]\n"
    "       pushbridge dead show   ID | --at N [--json]\n"
    "       pushbridge dead replay [FILTER… | ID…] [--dry-run] [--limit N] [--rate N/s]\n"
    "                              [--token same|new] [--maybe-sent] --yes\n"
    "       pushbridge dead drop   [FILTER… | ID…] [--dry-run] [--limit N] --yes\n"
    "\n"
    "Dead letters: jobs that ended unsent, with their reason and their original bytes.\n"
    "\n"
    "  -c, --config FILE    configuration file\n"
    "  --queue NAME         one queue's dead letters, and where those go back that name no queue\n"
    "Filters, which all must hold:\n"
    "  --reason REASON      expired, provider_rejected …\n"
    "  --app NAME, --code CODE\n"
    "  --error CODE         the provider's error code\n"
    "  --older AGE, --newer AGE   30s, 10m, 1h, 2d\n"
    "  --id ID              repeat for more; the same as ID as an argument\n"
    "  --unreadable         what is no dead letter at all; only drop takes it away\n"
    "Moving:\n"
    "  --dry-run            show what would be moved, move nothing\n"
    "  --yes                needed for moving, except for replaying jobs named by ID\n"
    "  --limit N            at most N letters (ls: 100)\n"
    "  --rate N/s           replay at most so many a second\n"
    "  --token same         default: within 15 minutes of its first call a job that the provider\n"
    "                       did take is not pushed again; later it is. Not for one that may have\n"
    "                       been sent in a call with other jobs: the token was that call's, not "
    "its own\n"
    "  --token new          pushed in any case\n"
    "  --maybe-sent         also those that may have reached phones already: unless --token same\n"
    "                       comes within those 15 minutes, they may buzz twice\n"
    "  --at N               show the letter at place N of the list, from 0\n"
    "\n"
    "A replayed job starts anew: attempts from zero, a relative deadline (ttl_s) from now, parts "
    "that\n"
    "went out are not sent again, its history is kept. Each letter moves in one atomic step, so "
    "an\n"
    "interrupted replay is simply run again.\n";

enum option_id {
    OPT_CONFIG,
    OPT_HELP,
    OPT_QUEUE,
    OPT_REASON,
    OPT_APP,
    OPT_CODE,
    OPT_ERROR,
    OPT_OLDER,
    OPT_NEWER,
    OPT_ID,
    OPT_UNREADABLE,
    OPT_LIMIT,
    OPT_JSON,
    OPT_AT,
    OPT_DRY_RUN,
    OPT_YES,
    OPT_RATE,
    OPT_TOKEN,
    OPT_MAYBE_SENT,
};

enum {
    ANY = DEAD_LS | DEAD_SHOW | DEAD_REPLAY | DEAD_DROP,
    MANY = DEAD_LS | DEAD_REPLAY | DEAD_DROP,
    MOVES = DEAD_REPLAY | DEAD_DROP,
};

static const struct dead_option {
    const char *name;
    bool value;
    int actions; /* that take it */
} table[] = {
    [OPT_CONFIG] = {"config", true, ANY},
    [OPT_HELP] = {"help", false, ANY},
    [OPT_QUEUE] = {"queue", true, ANY},
    [OPT_REASON] = {"reason", true, MANY},
    [OPT_APP] = {"app", true, MANY},
    [OPT_CODE] = {"code", true, MANY},
    [OPT_ERROR] = {"error", true, MANY},
    [OPT_OLDER] = {"older", true, MANY},
    [OPT_NEWER] = {"newer", true, MANY},
    [OPT_ID] = {"id", true, ANY},
    [OPT_UNREADABLE] = {"unreadable", false, DEAD_LS | DEAD_DROP},
    [OPT_LIMIT] = {"limit", true, MANY},
    [OPT_JSON] = {"json", false, DEAD_LS | DEAD_SHOW},
    [OPT_AT] = {"at", true, DEAD_SHOW},
    [OPT_DRY_RUN] = {"dry-run", false, MOVES},
    [OPT_YES] = {"yes", false, MOVES},
    [OPT_RATE] = {"rate", true, DEAD_REPLAY},
    [OPT_TOKEN] = {"token", true, DEAD_REPLAY},
    [OPT_MAYBE_SENT] = {"maybe-sent", false, DEAD_REPLAY},
};
enum { OPTIONS = sizeof table / sizeof *table };

static int refuse(enum option_id id, const char *what)
{
    return cli_usage("dead", "--%s: %s", table[id].name, what);
}

static void add_id(struct letter_filter *f, const char *id)
{
    f->ids = mem_resize(f->ids, (f->nids + 1) * sizeof *f->ids);
    f->ids[f->nids++] = id;
}

static int set_int(enum option_id id, const char *text, int64_t min, int64_t max, int64_t *out)
{
    return text_int(text, min, max, out) ? CLI_OK : refuse(id, "is not a number in range");
}

static int set_age(enum option_id id, const char *text, int64_t *out)
{
    return tool_duration(text, out) ? CLI_OK : refuse(id, "is not an age such as 30s, 10m, 1h, 2d");
}

/* "N/s" or "N" */
static int set_rate(const char *text, int64_t *out)
{
    char number[16];
    size_t len = strlen(text);
    if (text_ends(text, "/s"))
        len -= 2;
    if (!len || len >= sizeof number)
        return refuse(OPT_RATE, "is not N/s");
    snprintf(number, sizeof number, "%.*s", (int)len, text);
    return set_int(OPT_RATE, number, 1, RATE_MAX, out);
}

static int set_token(const char *text, bool *new_token)
{
    *new_token = strcmp(text, "new") == 0;
    return *new_token || strcmp(text, "same") == 0 ? CLI_OK : refuse(OPT_TOKEN, "is not same, new");
}

static int apply_filter(enum option_id id, const char *text, struct letter_filter *f)
{
    switch (id) {
    case OPT_REASON:
        f->reason = text;
        return CLI_OK;
    case OPT_APP:
        f->app = text;
        return CLI_OK;
    case OPT_CODE:
        f->code = text;
        return CLI_OK;
    case OPT_ERROR:
        f->error = text;
        return CLI_OK;
    case OPT_OLDER:
        return set_age(id, text, &f->older_ms);
    case OPT_NEWER:
        return set_age(id, text, &f->newer_ms);
    case OPT_ID:
        add_id(f, text);
        return CLI_OK;
    default:
        f->unreadable = true;
        return CLI_OK;
    }
}

static int apply(enum option_id id, const char *text, struct dead_args *args)
{
    switch (id) {
    case OPT_CONFIG:
        args->config = text;
        return CLI_OK;
    case OPT_HELP:
        args->help = true;
        return CLI_OK;
    case OPT_QUEUE:
        args->queue = text;
        return *text ? CLI_OK : refuse(id, "must not be empty");
    case OPT_LIMIT:
        return set_int(id, text, 1, INT64_MAX, &args->limit);
    case OPT_JSON:
        args->json = true;
        return CLI_OK;
    case OPT_AT:
        return set_int(id, text, 0, INT64_MAX, &args->place);
    case OPT_DRY_RUN:
        args->dry_run = true;
        return CLI_OK;
    case OPT_YES:
        args->yes = true;
        return CLI_OK;
    case OPT_RATE:
        return set_rate(text, &args->rate_per_s);
    case OPT_TOKEN:
        return set_token(text, &args->new_token);
    case OPT_MAYBE_SENT:
        args->maybe_sent = true;
        return CLI_OK;
    default:
        return apply_filter(id, text, &args->filter);
    }
}

static bool find_action(const char *name, enum dead_action *out)
{
    static const struct {
        const char *name;
        enum dead_action action;
    } actions[] = {
        {"ls", DEAD_LS}, {"show", DEAD_SHOW}, {"replay", DEAD_REPLAY}, {"drop", DEAD_DROP}};
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(name, actions[i].name) == 0) {
            *out = actions[i].action;
            return true;
        }
    return false;
}

static int check_whole(struct dead_args *args)
{
    bool named = args->filter.nids > 0;
    if (args->action == DEAD_SHOW && (args->filter.nids > 1 || named == (args->place >= 0)))
        return cli_usage("dead", "show: one ID, or --at N");
    if (args->action == DEAD_LS && !args->limit)
        args->limit = LS_LIMIT;
    if (!(args->action & MOVES) || args->dry_run || args->yes)
        return CLI_OK;
    if (args->action == DEAD_REPLAY && named)
        return CLI_OK;
    return cli_usage("dead", "--yes is needed (--dry-run shows what would be moved)");
}

static int parse_options(int argc, char **argv, struct dead_args *out)
{
    struct option options[OPTIONS + 1] = {{0}};
    int c, index = 0, code = CLI_OK;
    for (size_t i = 0; i < OPTIONS; i++) {
        options[i].name = table[i].name;
        options[i].has_arg = table[i].value ? required_argument : no_argument;
    }
    optind = 1;
    while (!code && (c = getopt_long(argc, argv, "c:h", options, &index)) != -1) {
        if (c == '?')
            return CLI_USAGE;
        enum option_id id = c == 'c' ? OPT_CONFIG : c == 'h' ? OPT_HELP : (enum option_id)index;
        if (!(table[id].actions & (int)out->action))
            return refuse(id, "is not for this");
        code = apply(id, optarg, out);
    }
    for (int i = optind; !code && i < argc; i++) {
        if (out->action == DEAD_LS)
            return cli_usage("dead", "unexpected argument \"%s\"", argv[i]);
        add_id(&out->filter, argv[i]);
    }
    return code;
}

int dead_args_parse(int argc, char **argv, struct dead_args *out)
{
    *out = (struct dead_args){.action = DEAD_LS, .place = -1};
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        out->help = true;
        return CLI_OK;
    }
    if (argc < 2 || !find_action(argv[1], &out->action))
        return cli_usage("dead", "ls, show, replay or drop is missing (see --help)");
    argv[1] = argv[0]; /* what getopt puts before its messages */
    int code = parse_options(argc - 1, argv + 1, out);
    return code || out->help ? code : check_whole(out);
}

void dead_args_free(struct dead_args *args)
{
    mem_free(args->filter.ids);
}

void dead_args_help(FILE *out)
{
    fputs(help, out);
}
