/* SPDX-License-Identifier: MIT
 * Command lines by tables. One table a command says which options and words it takes, and what
 * they mean; it drives the reading, the messages and the help, and whatever else wants to know.
 * Pure: nothing is printed here. */
#ifndef PB_HOST_ARGS_H
#define PB_HOST_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* What an option's value is, and what it sets. */
enum args_kind {
    ARGS_FLAG,     /* bool: true; it has no value */
    ARGS_TEXT,     /* const char *, at least min bytes long; the last one counts */
    ARGS_NUMBER,   /* int64_t within min to max */
    ARGS_DURATION, /* int64_t milliseconds within min to max: 30s, 10m, 1h, 2d; plain: seconds */
    ARGS_CHOICE,   /* int or enum: which of the words of argument ("same|new"), from 0 */
    ARGS_OWN,      /* what read() makes of it */
};

struct args_option {
    char letter; /* 0: none */
    enum args_kind kind;
    bool optional;        /* the value may be left out: the next word is it only where it begins
                           * with a digit; text is then NULL, so the kind is ARGS_OWN */
    bool many;            /* may be given again, for more */
    const char *name;     /* without "--"; NULL: help is the title of those that follow */
    const char *argument; /* what the value is called; NULL: it has none */
    const char *help;     /* one sentence, in lower case and without a full stop */
    size_t at;            /* of the member that it sets */
    int64_t min, max;     /* both included */
    unsigned verbs;       /* that take it: bit i for number i; 0: all */
    bool (*read)(void *args, const struct args_option *o, const char *text, struct err *e);
    const void *own; /* read()'s affair */
};

/* The first word, where a command has several actions; else the one row has no name. */
struct args_verb {
    const char *name;     /* NULL: the command itself */
    const char *synopsis; /* its options, as the line of usage has them */
    const char *words;    /* its words, likewise: "NAME RATE", "[ID…]" */
    int least, most;      /* how many words it takes; ARGS_MANY: any number */
    const char *help;     /* one sentence; NULL: the description says it */
    const void *own;      /* the command's affair */
};
enum { ARGS_MANY = 1 << 30 };

struct args_command {
    const char *name, *title; /* title: one line, for lists of commands */
    const char *about;        /* the description; a new line where one has to be */
    const struct args_verb *verbs;
    const struct args_option *options; /* --help, -h is known without a row */
    size_t nverbs, noptions;
    size_t size;               /* of the struct that is filled: it begins with struct args */
    void (*begin)(void *args); /* sets what is not zero before an option is read; NULL: nothing */
    /* Looks at the whole, after everything was read; NULL: there is nothing more to see. */
    bool (*check)(void *args, struct err *e);
    void (*end)(void *args);           /* frees what begin() and read() made; NULL: nothing */
    void (*appendix)(struct buf *out); /* what stands at the end of the help; NULL: nothing */
};

/* What each command's struct begins with. */
struct args {
    const struct args_command *command;
    const struct args_verb *verb; /* NULL where none was found */
    char **words;                 /* the words behind it, in their order: borrowed of argv */
    int nwords;
};

enum args_end { ARGS_RUN, ARGS_HELP, ARGS_WRONG };
/* Fills args, c->size bytes, from argv[1] on; argv is put in order on the way, and texts are
 * borrowed from it. Long names may be cut where they stay unambiguous; options may come after
 * words; "--" ends them. WRONG with e, which names option, value and limit, and in which nothing
 * can act on a terminal. c->end is to be called in all cases, see args_free(). */
enum args_end args_parse(const struct args_command *c, int argc, char **argv, void *args,
                         struct err *e);
void args_free(const struct args_command *c, void *args);
unsigned args_verb_number(const struct args *given); /* of the verb within its command */
bool args_takes(const struct args *given, const struct args_option *o); /* does the verb? */

/* For a read() of its own: text within o->min to o->max, as ARGS_NUMBER and ARGS_DURATION have it.
 */
MUST_USE bool args_read_number(const struct args_option *o, const char *text, int64_t *out,
                               struct err *e);
MUST_USE bool args_read_duration(const struct args_option *o, const char *text, int64_t *out,
                                 struct err *e);

/* "usage: …", the description, the verbs and all options, lines of at most 90 columns. program:
 * "pushbridge NAME", what the lines of usage begin with. */
void args_help(const struct args_command *c, const char *program, struct buf *out);
/* text in lines of at most 90 columns; each but the first begins with indent blanks, and the first
 * is taken to stand at that column already. */
void args_wrap(struct buf *out, const char *text, size_t indent);

/* Rows of options: {ARGS_IS_FLAG("json", struct ls_args, json, "one JSON object a line")}, further
 * members behind it. A member of another type does not compile. */
#define ARGS_AT(type, member, want) _Generic(((type *)0)->member, want : offsetof(type, member))
#define ARGS_IS_FLAG(name_, type, member, help_)                                                   \
    .name = (name_), .kind = ARGS_FLAG, .help = (help_), .at = ARGS_AT(type, member, bool)
#define ARGS_IS_TEXT(name_, argument_, type, member, help_)                                        \
    .name = (name_), .kind = ARGS_TEXT, .argument = (argument_), .help = (help_),                  \
    .at = ARGS_AT(type, member, const char *)
#define ARGS_IS_NUMBER(name_, argument_, type, member, min_, max_, help_)                          \
    .name = (name_), .kind = ARGS_NUMBER, .argument = (argument_), .help = (help_),                \
    .at = ARGS_AT(type, member, int64_t), .min = (min_), .max = (max_)
#define ARGS_IS_DURATION(name_, argument_, type, member, max_ms, help_)                            \
    .name = (name_), .kind = ARGS_DURATION, .argument = (argument_), .help = (help_),              \
    .at = ARGS_AT(type, member, int64_t), .min = 1, .max = (max_ms)
#define ARGS_IS_CHOICE(name_, words_, type, member, help_)                                         \
    .name = (name_), .kind = ARGS_CHOICE, .argument = (words_), .help = (help_),                   \
    .at = _Generic(((type *)0)->member, int                                                        \
                   : offsetof(type, member), unsigned                                              \
                   : offsetof(type, member))
#define ARGS_IS_OWN(name_, argument_, read_, own_, help_)                                          \
    .name = (name_), .kind = ARGS_OWN, .argument = (argument_), .help = (help_), .read = (read_),  \
    .own = (own_)
#define ARGS_TITLE(text) .help = (text)
/* Members of a command: its tables, or the one row of a command without verbs. */
#define ARGS_OPTIONS(array) .options = (array), .noptions = ARGS_N(array)
#define ARGS_VERBS(array) .verbs = (array), .nverbs = ARGS_N(array)
#define ARGS_NO_VERB(synopsis_, words_, least_, most_)                                             \
    .verbs =                                                                                       \
        &(const struct args_verb){                                                                 \
            .synopsis = (synopsis_), .words = (words_), .least = (least_), .most = (most_)},       \
    .nverbs = 1
#define ARGS_N(array) (sizeof(array) / sizeof *(array))

#endif
