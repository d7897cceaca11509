/* SPDX-License-Identifier: MIT */
#include "config/config.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "queue/queue.h"

enum { KEY_MAX = 1 << 20 }; /* a text of 256 bytes that is all "%q", of a name of 4096 */

const struct config_app *config_app_find(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->napps; i++)
        if (strcmp(c->apps[i].app.name, name) == 0)
            return &c->apps[i];
    return NULL;
}

const struct config_group *config_group_find(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->ngroups; i++)
        if (strcmp(c->groups[i].name, name) == 0)
            return &c->groups[i];
    return NULL;
}

char *config_queue_key(const char *text, const char *queue)
{
    struct buf b;
    buf_init(&b, KEY_MAX);
    const char *p = text;
    for (const char *q; (q = strstr(p, "%q")); p = q + 2) {
        bool tag = q > p && q[-1] == '{' && q[2] == '}' && queue_has_tag(queue);
        buf_add(&b, p, (size_t)(q - p) - tag);
        buf_puts(&b, queue);
        q += tag;
    }
    buf_puts(&b, p);
    assert(buf_ok(&b)); /* else two queues' lists would be one */
    return buf_take(&b);
}
