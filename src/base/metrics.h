/* SPDX-License-Identifier: MIT
 * Counters, gauges and histograms of this process. metrics_list.h is the list: a new metric is one
 * row there. Label values are a bounded set each, chosen by index, so that a bump is an array
 * increment; an index without a name counts as "other". */
#ifndef PB_BASE_METRICS_H
#define PB_BASE_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define METRIC(id, ...) METRIC_##id,
enum metric {
#include "base/metrics_list.h"
    METRIC_COUNT
};

#define SET(id, ...) SET_##id,
enum metric_set {
#include "base/metrics_list.h"
    SET_COUNT
};

#define METRIC_OTHER (~0u)      /* as an index */
#define METRIC_ABSENT INT64_MIN /* as a MAYBE gauge's value */

/* For a metric without labels; of one that has some, "other" is meant. */
void metrics_add(enum metric m, int64_t n);
void metrics_set(enum metric m, int64_t n);
/* One label; then two. */
void metrics_add_at(enum metric m, unsigned i, int64_t n);
void metrics_set_at(enum metric m, unsigned i, int64_t n);
void metrics_add_pair(enum metric m, unsigned i, unsigned j, int64_t n);
void metrics_set_pair(enum metric m, unsigned i, unsigned j, int64_t n);
/* value in the metric's stored unit; i is ignored by a histogram without a label. */
void metrics_observe(enum metric m, unsigned i, int64_t value);

/* Names value i of a set that has no words; the text is copied. Beyond the set's size: nothing. */
void metrics_name(enum metric_set set, unsigned i, const char *value);
/* The index of a value; METRIC_OTHER when it is not there. */
unsigned metrics_find(enum metric_set set, const char *value);
/* As metrics_find(), but a new value gets the next free index while there is one. */
unsigned metrics_label(enum metric_set set, const char *value);

int64_t metrics_get(enum metric m); /* sum of all series; a histogram's number of observations */
int64_t metrics_get_at(enum metric m, unsigned i, unsigned j);
const char *metrics_value(enum metric_set set, unsigned i); /* NULL: no such value */
const char *metrics_title(enum metric m);                   /* its name on the page */
bool metrics_is_counter(enum metric m);

void metrics_render(struct buf *out); /* Prometheus text exposition */

#endif
