/* SPDX-License-Identifier: MIT
 * One command to Redis while it is made: a plain one word by word, or a call of a script, whose
 * keys and arguments are filled in by name. */
#ifndef PB_QUEUE_COMMAND_H
#define PB_QUEUE_COMMAND_H

#include "queue/scripts.h"

enum { COMMAND_NUMBER_SIZE = 32 };

/* Texts are borrowed until the command is handed to redis; numbers are kept inside. */
struct command {
    const struct script_shape *shape; /* NULL: a plain one */
    enum script script;
    const char **v; /* NULL: a number, or not filled in yet */
    size_t *lens;   /* of a number: one more than its place in numbers */
    size_t n, cap, nkeys;
    size_t group; /* where the last group begins */
    char (*numbers)[COMMAND_NUMBER_SIZE];
    size_t nnumbers, numbers_cap;
};

/* --- a plain command: words in their order --- */

void command_begin(struct command *c);
void command_add(struct command *c, const char *text);
void command_add_bytes(struct command *c, const char *p, size_t len);
void command_add_int(struct command *c, int64_t n);

/* --- a script: first keys, then arguments, at last groups of arguments --- */

/* keys: a text for each of QUEUE_KEYS_KNOWN; those that the script does not name may be NULL. */
void command_script(struct command *c, enum script which, const char *const *keys);
void command_key(struct command *c, enum queue_key key, const char *text); /* ORPHAN, LIST */
void command_more_key(struct command *c, const char *text); /* one of those that come again */
/* arg: <SCRIPT>_ARGV_…; one that comes again is of the group that was begun last. */
void command_set(struct command *c, unsigned arg, const char *text);
void command_set_bytes(struct command *c, unsigned arg, const char *p, size_t len);
void command_set_int(struct command *c, unsigned arg, int64_t n);
void command_set_real(struct command *c, unsigned arg, double x);
void command_set_bool(struct command *c, unsigned arg, bool yes); /* "1", "0" */
void command_group(struct command *c);
void command_group_of(struct command *c, size_t n); /* where groups are of several lengths */

/* --- sending --- */

/* Sends it, and frees it. Asserts that nothing that a script names was forgotten. */
void command_send(struct command *c, struct redis *r, redis_reply_fn fn, void *arg);
/* A plain one that Redis answers after up to wait_ms. */
void command_send_blocking(struct command *c, struct redis *r, int wait_ms, redis_reply_fn fn,
                           void *arg);
/* One that is not sent. */
void command_free(struct command *c);

#endif
