/* SPDX-License-Identifier: MIT */
#include "cli/queue/dead_args.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum { LS_LIMIT = 100, RATE_MAX = 100000 };
enum {
    MANY = 1 << DEAD_LS | 1 << DEAD_REPLAY | 1 << DEAD_DROP,
    LOOKS = 1 << DEAD_LS | 1 << DEAD_SHOW,
    MOVES = 1 << DEAD_REPLAY | 1 << DEAD_DROP,
};

static void add_named_id(struct letter_filter *f, const char *id)
{
    f->ids = mem_resize(f->ids, (f->nids + 1) * sizeof *f->ids);
    f->ids[f->nids++] = id;
}

static bool read_id(void *args, const struct args_option *o, const char *text, struct err *e)
{
    (void)o;
    (void)e;
    add_named_id(&((struct dead_args *)args)->filter, text);
    return true;
}

/* "N/s" or "N" */
static bool read_rate(void *args, const struct args_option *o, const char *text, struct err *e)
{
    char number[16] = "";
    size_t len = strlen(text) - (text_ends(text, "/s") ? 2 : 0);
    memcpy(number, text, len < sizeof number ? len : 0); /* what is longer is none */
    return args_read_number(o, number, &((struct dead_args *)args)->rate_per_s, e);
}

static void begin_dead(void *args)
{
    ((struct dead_args *)args)->place = -1;
}

static bool check_dead(void *args, struct err *e)
{
    struct dead_args *a = args;
    const struct args *given = args;
    a->action = (enum dead_action)args_verb_number(given);
    for (int i = 0; i < given->nwords; i++)
        add_named_id(&a->filter, given->words[i]);
    bool named = a->filter.nids > 0;
    if (a->action == DEAD_SHOW && (a->filter.nids > 1 || named == (a->place >= 0)))
        return err_set(e, "one ID, or --at N");
    if (a->action == DEAD_LS && !a->limit)
        a->limit = LS_LIMIT;
    if (!(MOVES & 1 << a->action) || a->dry_run || a->yes)
        return true;
    return (a->action == DEAD_REPLAY && named) ||
           err_set(e, "--yes is needed (--dry-run shows what would be moved)");
}

static void free_dead_args(void *args)
{
    mem_free(((struct dead_args *)args)->filter.ids);
}

static const struct args_verb verbs[] = {
    [DEAD_LS] = {"ls", "[FILTER…] [--limit N] [--json]", "", 0, 0, NULL, NULL},
    [DEAD_SHOW] = {"show", "[--json]", "ID | --at N", 0, ARGS_MANY, NULL, NULL},
    [DEAD_REPLAY] = {"replay",
                     "[FILTER…] [--dry-run] [--limit N] [--rate N/s] [--token same|new] "
                     "[--maybe-sent] --yes",
                     "[ID…]", 0, ARGS_MANY, NULL, NULL},
    [DEAD_DROP] = {"drop", "[FILTER…] [--dry-run] [--limit N] --yes", "[ID…]", 0, ARGS_MANY, NULL,
                   NULL},
};
static const struct args_option options[] = {
    CLI_CONFIG_OPTION,
    {ARGS_IS_TEXT("queue", "NAME", struct dead_args, queue,
                  "one queue's dead letters, and where those go back that name no queue"),
     .min = 1},
    {ARGS_IS_FLAG("json", struct dead_args, json, "one JSON object a line"), .verbs = LOOKS},
    {ARGS_IS_NUMBER("at", "N", struct dead_args, place, 0, INT64_MAX,
                    "show the letter at place N of the list, from 0"),
     .verbs = 1 << DEAD_SHOW},
    {ARGS_TITLE("Filters, which all must hold:")},
    {ARGS_IS_TEXT("reason", "REASON", struct dead_args, filter.reason,
                  "expired, provider_rejected …"),
     .verbs = MANY},
    {ARGS_IS_TEXT("app", "NAME", struct dead_args, filter.app, "the job's app"), .verbs = MANY},
    {ARGS_IS_TEXT("code", "CODE", struct dead_args, filter.code, "the job's template"),
     .verbs = MANY},
    {ARGS_IS_TEXT("error", "CODE", struct dead_args, filter.error, "the provider's error code"),
     .verbs = MANY},
    {ARGS_IS_DURATION("older", "AGE", struct dead_args, filter.older_ms, INT64_MAX,
                      "died longer ago: 30s, 10m, 1h, 2d"),
     .verbs = MANY},
    {ARGS_IS_DURATION("newer", "AGE", struct dead_args, filter.newer_ms, INT64_MAX, "died since"),
     .verbs = MANY},
    {ARGS_IS_OWN("id", "ID", read_id, NULL, "the same as ID as an argument"), .many = true},
    {ARGS_IS_FLAG("unreadable", struct dead_args, filter.unreadable,
                  "what is no dead letter at all; only drop takes it away"),
     .verbs = 1 << DEAD_LS | 1 << DEAD_DROP},
    {ARGS_TITLE("Moving:")},
    {ARGS_IS_FLAG("dry-run", struct dead_args, dry_run, "show what would be moved, move nothing"),
     .verbs = MOVES},
    {ARGS_IS_FLAG("yes", struct dead_args, yes,
                  "needed for moving, except for replaying jobs named by ID"),
     .verbs = MOVES},
    {ARGS_IS_NUMBER("limit", "N", struct dead_args, limit, 1, INT64_MAX,
                    "at most N letters (ls: 100)"),
     .verbs = MANY},
    {ARGS_IS_OWN("rate", "N/s", read_rate, NULL, "replay at most so many a second"), .min = 1,
     .max = RATE_MAX, .verbs = 1 << DEAD_REPLAY},
    {ARGS_IS_CHOICE("token", "same|new", struct dead_args, token,
                    "same, the default: within 15 minutes of its first call a job that the "
                    "provider did take is not pushed again; later it is. Not for one that may have "
                    "been sent in a call with other jobs: the token was that call's, not its own. "
                    "new: pushed in any case"),
     .verbs = 1 << DEAD_REPLAY},
    {ARGS_IS_FLAG("maybe-sent", struct dead_args, maybe_sent,
                  "also those that may have reached phones already: unless --token same comes "
                  "within those 15 minutes, they may buzz twice"),
     .verbs = 1 << DEAD_REPLAY},
};
const struct args_command dead_args = {
    .name = "dead",
    .title = "look at dead letters, get them back, drop them",
    .about =
        "Dead letters: jobs that ended unsent, with their reason and their original bytes.\n\n"
        "A replayed job starts anew: attempts from zero, a relative deadline (ttl_s) from now, "
        "parts that went out are not sent again, its history is kept. Each letter moves in one "
        "atomic step, so an interrupted replay is simply run again.",
    ARGS_VERBS(verbs),
    ARGS_OPTIONS(options),
    .size = sizeof(struct dead_args),
    .begin = begin_dead,
    .check = check_dead,
    .end = free_dead_args,
};
