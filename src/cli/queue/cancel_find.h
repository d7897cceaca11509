/* SPDX-License-Identifier: MIT
 * Where in a queue is a job with this id? Looked for page by page, however many there are. */
#ifndef PB_CLI_QUEUE_CANCEL_FIND_H
#define PB_CLI_QUEUE_CANCEL_FIND_H

#include "cli/tool.h"

/* A place where the job is; everything is borrowed for the call. */
struct found {
    struct queue *queue;
    bool member;          /* leased or waiting in due: field; else in a list, at a place */
    const char *field;    /* "<batch>:<position>" */
    enum queue_list list; /* READY, INBOX, PARKED */
    const char *name;     /* of the inbox's worker, of the app */
    int64_t place;
    struct tool_text text;    /* the element or member as it is stored */
    struct queue_value value; /* its bytes and envelope; a raw job has an empty envelope */
};
/* True when the element was taken out of its list: those behind it have moved up. */
typedef bool (*found_fn)(void *arg, const struct found *found);
/* False when Redis did not answer. */
bool cancel_find(struct tool *t, struct queue *q, const char *id, found_fn fn, void *arg);

/* The newest outcome of status sent with this id among the last results, or NULL. */
json_t *cancel_find_sent(struct tool *t, struct queue *q, const char *id);
enum { CANCEL_RESULTS_MAX = 100000 };

#endif
