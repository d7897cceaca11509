/* SPDX-License-Identifier: MIT
 * Commands that are run to see whether Redis lets us. */
#ifndef PB_CLI_CHECK_TRIAL_H
#define PB_CLI_CHECK_TRIAL_H

#include "cli/check/findings.h"
#include "cli/link.h"

struct trial {
    struct link *link;
    const struct config *config;
    struct report *report;
    bool gone; /* an answer that was reported made more trials pointless */
};

enum answer {
    ANSWER_GRANTED, /* WRONGTYPE and NOSCRIPT too: so far only who may run it comes */
    ANSWER_REFUSED_COMMAND,
    ANSWER_REFUSED_KEY,
    ANSWER_FAILED, /* any other error */
    ANSWER_NONE,
};
enum { TRIAL_WHY_SIZE = 256 };
struct answered {
    enum answer how;
    bool no_script;
    char why[TRIAL_WHY_SIZE]; /* what Redis said */
};
struct answered trial_run(struct trial *t, int argc, const char **argv);

/* What an operator is told to do about a right that is missing. */
#define TRIAL_RULE "conf/redis-acl.conf is what is needed"

/* Every kind of key of a queue: its read and its write. first: it is the first queue, which has the
 * keys of all workers too. */
void trial_keys(struct trial *t, const char *queue, bool first);

#endif
