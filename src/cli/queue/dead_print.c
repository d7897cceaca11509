/* SPDX-License-Identifier: MIT */
#include "cli/queue/dead_print.h"

#include <inttypes.h>
#include <stdio.h>

void dead_print_head(void)
{
    puts("AT       ID                       REASON             APP        CODE       ERROR"
         "                    AGE   TRIES MAYBE SENT");
}

void dead_print_row(const struct dead_seen *s)
{
    const struct letter *l = &s->letter;
    char place[24], age[TOOL_AGE_SIZE], tries[24];
    snprintf(place, sizeof place, "%" PRId64, s->place);
    tool_cell(stdout, place, 8);
    if (!l->root) {
        tool_cell(stdout, "unreadable:", 11);
        tool_cell(stdout, s->why.text, 0);
        putchar('\n');
        return;
    }
    tool_age(queue_now_ms(s->list) - l->done_at_ms, age);
    snprintf(tries, sizeof tries, "%" PRId64, l->attempts);
    tool_cell(stdout, l->id, 24);
    tool_cell(stdout, l->reason, 18);
    tool_cell(stdout, l->app, 10);
    tool_cell(stdout, l->code, 10);
    tool_cell(stdout, l->error_code, 24);
    tool_cell(stdout, age, 5);
    tool_cell(stdout, tries, 5);
    puts(l->maybe_sent ? "yes" : "no");
}
