/* SPDX-License-Identifier: MIT
 * One pass over lists of dead letters, page by page, however long they are. */
#ifndef PB_CLI_QUEUE_DEAD_WALK_H
#define PB_CLI_QUEUE_DEAD_WALK_H

#include "cli/queue/dead_args.h"
#include "cli/tool.h"

/* A letter that the filter selected; valid until its page has ended. */
struct dead_seen {
    struct queue *queue; /* where it came from; NULL: it does not say, and several share the list */
    struct queue *list;  /* a queue of whose dead list it is */
    int64_t place;       /* when it was seen */
    struct tool_text text;
    struct letter letter; /* root NULL: unreadable, and why says why */
    struct err why;
};

struct dead_visitor {
    /* False ends the walk after this page. */
    bool (*letter)(void *arg, const struct dead_seen *seen);
    /* How many letters were taken out of the page, since what follows has moved up. May be NULL. */
    int64_t (*page_end)(void *arg);
    void *arg;
};

/* Each list once, up to the length that it had at first: what dies meanwhile is not looked at.
 * CLI_FAILED where Redis did not answer. */
int dead_walk(struct tool *t, const struct letter_filter *filter, const struct dead_visitor *v);

#endif
