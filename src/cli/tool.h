/* SPDX-License-Identifier: MIT
 * What the operator's commands share: the configured queues on one connection, one question at a
 * time, and cells of a table in which nothing of a job can disturb a terminal. */
#ifndef PB_CLI_TOOL_H
#define PB_CLI_TOOL_H

#include "cli/link.h"

struct tool {
    struct link *link;
    const struct config *config;
    struct queue *queues[CONFIG_QUEUES_MAX];
    size_t n;
    struct queue *first; /* of tool_first() */
};

/* Opens the tool's connection, runs fn, closes it. queue NULL: all that are configured. fn's exit
 * status, or, after a message, that of a connection that does not come up. */
int tool_run(const struct config *config, const char *queue,
             int (*fn)(struct tool *t, const void *args), const void *args);
/* The first configured queue, whichever were opened: what all workers share lies on its slot. */
struct queue *tool_first(struct tool *t);

struct tool_text {
    char *p; /* with a NUL behind */
    size_t len;
    bool large; /* the value is too long to be read: p says so, and how long it is */
};
/* A copy of an answer, nested arrays laid flat. */
struct tool_rows {
    bool ok; /* false: Redis did not answer */
    struct tool_text *v;
    size_t n, cap;
};
struct tool_rows tool_peek(struct tool *t, struct queue *q, const struct queue_question *question);
void tool_rows_free(struct tool_rows *r);
int64_t tool_length(struct tool *t, struct queue *q, enum queue_list list, const char *name);
struct tool_rows tool_page(struct tool *t, struct queue *q, enum queue_list list, const char *name,
                           int64_t from, int64_t n);
/* Each worker ever listed that is not forgotten; heartbeat: its end, as Redis has it. Each member
 * that workers hold or that waits for a retry, in no order: one may come twice while others come
 * and go. fn ends it by false; the walk is false where Redis did not answer. */
typedef bool (*tool_worker_fn)(void *arg, const char *name, const char *heartbeat);
bool tool_each_worker(struct tool *t, struct queue *q, tool_worker_fn fn, void *arg);
typedef bool (*tool_member_fn)(void *arg, const char *field, const struct tool_text *text);
bool tool_each_member(struct tool *t, struct queue *q, tool_member_fn fn, void *arg);
bool tool_count(struct tool *t, struct queue *q, struct queue_counts *out);
/* Sets queue_now_ms() right; false after a message. */
bool tool_clock(struct tool *t, struct queue *q);

/* --- text --- */

/* text cut and padded to width columns (0: as long as it is), what could act on a terminal as an
 * escape, NULL and "" as "-". */
void tool_cell(FILE *out, const char *text, size_t width);
size_t tool_columns(const char *text); /* that it takes when it is not cut */
enum { TOOL_AGE_SIZE = 16 };
void tool_age(int64_t ms, char out[TOOL_AGE_SIZE]); /* 12s, 5m, 3h, 2d */
/* The ends of an id that stands for somebody's phone. */
enum { TOOL_MASKED_SIZE = 16 };
void tool_mask(const char *id, char out[TOOL_MASKED_SIZE]);

#endif
