/* SPDX-License-Identifier: MIT
 * What is to be written when a member ends, by the kinds of ends: what an item holds, and how it
 * stands among the arguments of the finish script. */
#include "queue/queue_core.h"

#include <string.h>

#include "base/mem.h"

void queue_item_free(struct queue_item *item)
{
    mem_free(item->app);
    mem_free(item->ref);
    mem_free(item->value);
    for (size_t i = 0; i < item->nmembers; i++)
        mem_free(item->members[i].envelope);
    mem_free(item->members);
    mem_free(item);
}

/* --- made ------------------------------------------------------------------------------------ */

void queue_item_value(struct queue_item *item, const char *p, size_t len)
{
    item->value = mem_dup(p ? p : "", p ? len : 0);
    item->len = p ? len : 0;
}

void queue_item_wait(struct queue_item *item, int64_t at_ms)
{
    queue_random_id(item->new_id);
    item->new_id[0] = 'w';
    item->at_ms = at_ms;
}

void queue_item_keep(struct queue_item *item, const struct queue_end *end, const char *ref)
{
    switch (end->kind) {
    case END_RETRY:
        queue_item_wait(item, end->at_ms);
        queue_item_member(item, end, ref);
        break;
    case END_PARK:
        item->app = mem_strdup(end->app);
        queue_app_known(item->lease->queue, end->app);
        queue_item_member(item, end, ref);
        break;
    case END_RETURN:
        if (ref)
            item->ref = mem_strdup(strchr(ref, ' ') + 1);
        queue_item_value(item, ref ? NULL : end->bytes, end->len);
        break;
    case END_SENT:
    case END_DUPLICATE:
    case END_DEAD:
        break; /* gone for good */
    }
}

/* --- sent ------------------------------------------------------------------------------------ */

/* Which of them, from 1, is an app's. */
static size_t parked_list(const struct queue_parked_keys *p, const char *app)
{
    size_t i = 0;
    while (i < p->n && strcmp(p->apps[i], app) != 0)
        i++;
    return i + 1;
}

void queue_item_name_list(const struct queue *q, const struct queue_item *item,
                          struct queue_parked_keys *p, struct command *c)
{
    const char *app = item->app;
    if (!app || parked_list(p, app) <= p->n)
        return;
    p->apps[p->n] = app;
    command_more_key(c, p->keys[p->n++] = queue_key(q, "parked", app));
}

void queue_item_begin(struct command *c, const char *kind, size_t n)
{
    command_group_of(c, n);
    command_set(c, FINISH_ARGV_ITEM, kind);
}

static void add_regrouping(const struct queue_item *item, struct command *c)
{
    queue_item_begin(c, item->head, FINISH_REGROUP_FIXED);
    command_set(c, FINISH_ARGV_ITEM + FINISH_REGROUP_ID, item->new_id);
    command_set_int(c, FINISH_ARGV_ITEM + FINISH_REGROUP_AT, item->at_ms);
    command_set_bytes(c, FINISH_ARGV_ITEM + FINISH_REGROUP_GROUPING, item->value, item->len);
    for (size_t i = 0; i < item->nmembers; i++) {
        const struct queue_item_member *m = &item->members[i];
        command_group_of(c, FINISH_MEMBER_FIXED);
        command_set_int(c, FINISH_ARGV_ITEM + FINISH_MEMBER_POSITION, m->pos);
        command_set_int(c, FINISH_ARGV_ITEM + FINISH_MEMBER_CRASHES, m->crashes);
        command_set_bytes(c, FINISH_ARGV_ITEM + FINISH_MEMBER_ENVELOPE, m->envelope, m->len);
    }
}

void queue_item_args(const struct queue_item *item, const struct queue_parked_keys *p,
                     struct command *c)
{
    switch (item->head[0]) {
    case FINISH_KIND_RETRY:
        queue_item_begin(c, item->head, FINISH_RETRY_FIXED);
        command_set(c, FINISH_ARGV_ITEM + FINISH_RETRY_ID, item->new_id);
        command_set_int(c, FINISH_ARGV_ITEM + FINISH_RETRY_AT, item->at_ms);
        command_set_bytes(c, FINISH_ARGV_ITEM + FINISH_RETRY_VALUE, item->value, item->len);
        break;
    case FINISH_KIND_PARK:
        queue_item_begin(c, item->head, FINISH_PARK_FIXED);
        command_set_int(c, FINISH_ARGV_ITEM + FINISH_PARK_LIST, (int64_t)parked_list(p, item->app));
        command_set(c, FINISH_ARGV_ITEM + FINISH_PARK_APP, item->app);
        command_set_bytes(c, FINISH_ARGV_ITEM + FINISH_PARK_VALUE, item->value, item->len);
        break;
    case FINISH_KIND_RETURN:
        queue_item_begin(c, item->head, FINISH_RETURN_FIXED);
        command_set_bytes(c, FINISH_ARGV_ITEM + FINISH_RETURN_BYTES, item->value, item->len);
        command_set(c, FINISH_ARGV_ITEM + FINISH_RETURN_REF, item->ref ? item->ref : "");
        break;
    case FINISH_KIND_MARK:
        queue_item_begin(c, item->head, FINISH_MARK_FIXED);
        command_set_bytes(c, FINISH_ARGV_ITEM + FINISH_MARK_GROUPING, item->value, item->len);
        break;
    case FINISH_KIND_REGROUP:
        add_regrouping(item, c);
        break;
    default:
        queue_item_begin(c, item->head, FINISH_ENDED_FIXED);
        command_set_bytes(c, FINISH_ARGV_ITEM + FINISH_ENDED_OUTCOME, item->value, item->len);
    }
}
