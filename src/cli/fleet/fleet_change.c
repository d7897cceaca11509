/* SPDX-License-Identifier: MIT */
#include "cli/fleet/fleet_change.h"

#include <assert.h>

#include "base/mem.h"
#include "fleet/fleet_store.h"
#include "queue/scripts.h"

enum { PAIRS_MAX = 8, HEAD = 5 };

struct change {
    const char *command;
    int64_t *found;
    bool ok;
};

static void on_fleet_changed(void *arg, redisReply *reply)
{
    struct change *c = arg;
    c->ok = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements >= CONTROL_REPLY_FIXED;
    if (c->ok)
        *c->found = reply->element[CONTROL_REPLY_FOUND]->integer;
    else
        cli_line(stderr, "pushbridge %s: %s", c->command,
                 reply && reply->str ? reply->str : "Redis did not answer: try again");
}

bool fleet_change(struct link *l, const struct config *config, const char *command,
                  const char *const *pairs, size_t n, int64_t *found)
{
    assert(n <= PAIRS_MAX);
    char *key = fleet_store_key(config->queue_names[0], "control");
    const char *argv[HEAD + 2 * PAIRS_MAX] = {"EVAL", script_get(SCRIPT_CONTROL)->source, "1", key,
                                              "-1"};
    struct change change = {.command = command, .found = found};
    for (size_t i = 0; i < 2 * n; i++)
        argv[HEAD + i] = pairs[i];
    link_command(l, (int)(HEAD + 2 * n), argv, NULL, 0, on_fleet_changed, &change);
    mem_free(key);
    return change.ok;
}
