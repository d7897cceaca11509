/* SPDX-License-Identifier: MIT */
#include "cli/check/rights.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/check/rights_table.h"
#include "cli/check/trial.h"
#include "fleet/fleet_store.h"
#include "queue/scripts.h"

enum { WORDS_SIZE = 128, ARGS_MAX = 8, NUMBER_SIZE = 16, NAMES_MAX = 512, RANDOM_BYTES = 8 };

/* --- commands -------------------------------------------------------------------------------- */

static enum finding level_of(const struct right *r)
{
    return r->tools ? FINDING_WARNING : FINDING_ERROR;
}

static void report_right(const struct trial *t, const struct right *r, const char *key,
                         const struct answered *a)
{
    char name[RIGHT_NAME_SIZE], advice[RIGHT_NAME_SIZE + 64];
    right_name(r, name);
    snprintf(advice, sizeof advice, "grant +%s: " TRIAL_RULE, name);
    report_add(t->report, level_of(r), "redis.rights",
               a->how == ANSWER_REFUSED_COMMAND ? advice : NULL, "%s%s%s, needed for %s%s: %s",
               name, strstr(r->words, "%k") ? " on " : "", strstr(r->words, "%k") ? key : "",
               r->why, r->tools ? " (tools)" : "", a->why);
}

static struct answered try_right(struct trial *t, const struct right *r, const char *key)
{
    char words[WORDS_SIZE], db[NUMBER_SIZE], *rest = words;
    const char *argv[ARGS_MAX];
    int argc = 0;
    snprintf(words, sizeof words, "%s", r->words);
    snprintf(db, sizeof db, "%d", t->config->redis.db);
    for (char *word; argc < ARGS_MAX && (word = strsep(&rest, " "));)
        argv[argc++] = strcmp(word, "%k") == 0 ? key : strcmp(word, "%d") == 0 ? db : word;
    struct answered a = trial_run(t, argc, argv);
    if (a.how != ANSWER_GRANTED && a.how != ANSWER_NONE)
        report_right(t, r, key, &a);
    return a;
}

/* Without the text nothing else may be tried: it could leave something behind. */
static bool try_commands(struct trial *t, const char *key)
{
    size_t tried = 0, granted = 0;
    for (size_t i = 0; i < rights_table_n; i++) {
        if (!right_needed(&rights_table[i], t->config, link_version(t->link)))
            continue;
        bool ok = try_right(t, &rights_table[i], key).how == ANSWER_GRANTED;
        tried++;
        granted += ok;
        if (i == 0 && !ok)
            return false;
    }
    if (granted == tried)
        report_add(t->report, FINDING_OK, "redis.rights", NULL, "%zu commands tried on %s", tried,
                   key);
    return true;
}

/* --- scripts --------------------------------------------------------------------------------- */

/* Each reads a key before it writes one, and finds a text: it ends there. The arguments are more
 * than any looks at until then. */
static struct answered try_script(struct trial *t, const struct redis_script *s, const char *key)
{
    enum { KEYS = 9, HEAD = 3, ARGS = 16 };
    const char *argv[HEAD + KEYS + ARGS] = {"EVALSHA", s->sha, "9"};
    for (size_t i = 0; i < KEYS; i++)
        argv[HEAD + i] = key;
    for (size_t i = 0; i < ARGS; i++)
        argv[HEAD + KEYS + i] = "0";
    struct answered a = trial_run(t, HEAD + KEYS + ARGS, argv);
    if (!a.no_script)
        return a;
    argv[0] = "EVAL";
    argv[1] = s->source;
    return trial_run(t, HEAD + KEYS + ARGS, argv);
}

static void try_scripts(struct trial *t, const char *key)
{
    struct buf names;
    char why[TRIAL_WHY_SIZE] = "";
    buf_init(&names, NAMES_MAX);
    for (unsigned i = 0; i < SCRIPTS_N; i++) {
        const struct redis_script *s = script_get((enum script)i);
        struct answered a = try_script(t, s, key);
        if (a.how == ANSWER_GRANTED || a.how == ANSWER_NONE)
            continue;
        buf_printf(&names, "%s%s", names.len ? ", " : "", s->name);
        memcpy(why, a.why, sizeof why);
    }
    if (names.len)
        report_add(t->report, FINDING_ERROR, "redis.scripts", TRIAL_RULE, "%s: %s",
                   buf_text(&names), why);
    else if (!t->gone)
        report_add(t->report, FINDING_OK, "redis.scripts", NULL, "%d loaded and run", SCRIPTS_N);
    buf_free(&names);
}

/* --- all of it ------------------------------------------------------------------------------- */

static char *own_key(const char *queue)
{
    unsigned char random[RANDOM_BYTES];
    char kind[sizeof "check:" + 2 * RANDOM_BYTES] = "check:";
    clock_random(random, sizeof random);
    text_hex(random, sizeof random, kind + strlen(kind));
    return fleet_store_key(queue, kind);
}

void rights_try(struct link *l, const struct config *config, size_t first, size_t end,
                struct report *r)
{
    struct trial t = {.link = l, .config = config, .report = r};
    char *key = own_key(config->queue_names[first]);
    for (size_t i = first; i < end; i++)
        trial_keys(&t, config->queue_names[i], i == 0);
    if (try_commands(&t, key))
        try_scripts(&t, key);
    else if (!t.gone)
        report_add(r, FINDING_WARNING, "redis.rights", "mend what is named above, look again",
                   "other commands and the scripts: not tried");
    trial_run(&t, 3, (const char *[]){"EXPIRE", key, "0"}); /* away with it */
    mem_free(key);
}
