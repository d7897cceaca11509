/* SPDX-License-Identifier: MIT */
#include "base/metrics.h"

#include <string.h>

#include "base/chars.h"
#include "base/mem.h"
#include "base/text.h"

/* --- the table ------------------------------------------------------------------------------- */

#define SET(id, label, size, words) SIZE_##id = (size) + 1, /* the last one is "other" */
enum {
#include "base/metrics_list.h"
};

#define BUCKETS(id, ...) static const int64_t bounds_##id[] = {__VA_ARGS__};
#include "base/metrics_list.h"

/* A histogram's series is its buckets, the one without a bound, and the sum; others are one value.
 */
#define BUCKETS(id, ...)                                                                           \
    BOUNDS_##id = sizeof bounds_##id / sizeof *bounds_##id,                                        \
    WIDTH_##id = BOUNDS_##id == 1 ? 1 : BOUNDS_##id + 2,
enum {
#include "base/metrics_list.h"
};

enum type { COUNTER, SPARSE, GAUGE, MAYBE, HISTOGRAM };

struct row {
    const char *name, *help;
    enum type type;
    int64_t divisor;
    enum metric_set set[2];
    unsigned size[2]; /* of the sets */
    const int64_t *bounds;
    unsigned nbounds, width;
    size_t offset;
};

#define METRIC(id, name, type, divisor, set, second, buckets, help)                                \
    int64_t id[SIZE_##set * SIZE_##second * WIDTH_##buckets];
struct store {
#include "base/metrics_list.h"
};

static union {
    struct store by_id;
    int64_t v[sizeof(struct store) / sizeof(int64_t)];
} store;

#define METRIC(id, name, type, divisor, set, second, buckets, help)                                \
    {name,                                                                                         \
     help,                                                                                         \
     type,                                                                                         \
     divisor,                                                                                      \
     {SET_##set, SET_##second},                                                                    \
     {SIZE_##set, SIZE_##second},                                                                  \
     bounds_##buckets,                                                                             \
     BOUNDS_##buckets,                                                                             \
     WIDTH_##buckets,                                                                              \
     offsetof(struct store, id) / sizeof(int64_t)},
static const struct row rows[METRIC_COUNT] = {
#include "base/metrics_list.h"
};

#define SET(id, label, size, words) {label, words, (size) + 1},
static const struct {
    const char *label, *words;
    unsigned size;
} sets[SET_COUNT] = {
#include "base/metrics_list.h"
};

enum { VALUES_MAX = 65 };
static char *values[SET_COUNT][VALUES_MAX]; /* names of label values; the last one stays NULL */
static bool ready;

#define SET(id, label, size, words)                                                                \
    _Static_assert((size) < VALUES_MAX, "VALUES_MAX is too small for the set " #id);
#include "base/metrics_list.h"

static void name_words(enum metric_set set)
{
    const char *p = sets[set].words;
    for (unsigned i = 0; p && *p; i++) {
        size_t len = strcspn(p, " ");
        if (i < sets[set].size - 1)
            values[set][i] = mem_dup(p, len);
        p += len + (p[len] == ' ');
    }
}

static void init(void)
{
    ready = true;
    for (unsigned s = 0; s < SET_COUNT; s++)
        name_words(s);
    for (unsigned m = 0; m < METRIC_COUNT; m++)
        if (rows[m].type == MAYBE)
            for (unsigned i = 0; i < rows[m].size[0] * rows[m].size[1]; i++)
                store.v[rows[m].offset + i] = METRIC_ABSENT;
}

/* --- writing --------------------------------------------------------------------------------- */

static unsigned place_of_label(const struct row *row, unsigned side, unsigned i)
{
    unsigned other = row->size[side] - 1;
    return i < other && values[row->set[side]][i] ? i : other;
}

static int64_t *series(enum metric m, unsigned i, unsigned j)
{
    const struct row *row = &rows[m];
    if (!ready)
        init();
    return &store.v[row->offset +
                    (place_of_label(row, 0, i) * row->size[1] + place_of_label(row, 1, j)) *
                        row->width];
}

void metrics_add(enum metric m, int64_t n)
{
    *series(m, METRIC_OTHER, METRIC_OTHER) += n;
}

void metrics_set(enum metric m, int64_t n)
{
    *series(m, METRIC_OTHER, METRIC_OTHER) = n;
}

void metrics_add_at(enum metric m, unsigned i, int64_t n)
{
    *series(m, i, METRIC_OTHER) += n;
}

void metrics_set_at(enum metric m, unsigned i, int64_t n)
{
    *series(m, i, METRIC_OTHER) = n;
}

void metrics_add_pair(enum metric m, unsigned i, unsigned j, int64_t n)
{
    *series(m, i, j) += n;
}

void metrics_set_pair(enum metric m, unsigned i, unsigned j, int64_t n)
{
    *series(m, i, j) = n;
}

void metrics_observe(enum metric m, unsigned i, int64_t value)
{
    const struct row *row = &rows[m];
    int64_t *at = series(m, i, METRIC_OTHER);
    unsigned b = 0;
    while (b < row->nbounds && value > row->bounds[b])
        b++;
    at[b]++;
    at[row->nbounds + 1] += value;
}

/* --- names ----------------------------------------------------------------------------------- */

void metrics_name(enum metric_set set, unsigned i, const char *value)
{
    if (!ready)
        init();
    if (i >= sets[set].size - 1)
        return;
    mem_free(values[set][i]);
    values[set][i] = mem_strdup(value);
    if (!text_is_utf8(value, strlen(value))) /* the page must stay readable */
        for (char *p = values[set][i]; *p; p++)
            *p = (unsigned char)*p < 0x80 ? *p : '?';
}

unsigned metrics_find(enum metric_set set, const char *value)
{
    if (!ready)
        init();
    for (unsigned i = 0; i < sets[set].size - 1; i++)
        if (values[set][i] && strcmp(values[set][i], value) == 0)
            return i;
    return METRIC_OTHER;
}

unsigned metrics_label(enum metric_set set, const char *value)
{
    unsigned at = metrics_find(set, value);
    for (unsigned i = 0; at == METRIC_OTHER && i < sets[set].size - 1; i++)
        if (!values[set][i]) {
            metrics_name(set, i, value);
            at = i;
        }
    return at;
}

/* --- reading --------------------------------------------------------------------------------- */

static int64_t observations(const struct row *row, const int64_t *at)
{
    int64_t n = 0;
    for (unsigned b = 0; b <= row->nbounds; b++)
        n += at[b];
    return n;
}

static int64_t sum_of_row(const struct row *row, const int64_t *at)
{
    if (row->type == HISTOGRAM)
        return observations(row, at);
    return *at == METRIC_ABSENT ? 0 : *at;
}

int64_t metrics_get(enum metric m)
{
    const struct row *row = &rows[m];
    int64_t sum = 0;
    for (unsigned i = 0; i < row->size[0] * row->size[1]; i++)
        sum += sum_of_row(row, &store.v[row->offset + i * row->width]);
    return sum;
}

int64_t metrics_get_at(enum metric m, unsigned i, unsigned j)
{
    const int64_t *at = series(m, i, j);
    return rows[m].type == HISTOGRAM ? observations(&rows[m], at) : *at;
}

const char *metrics_value(enum metric_set set, unsigned i)
{
    return i < sets[set].size - 1 ? values[set][i] : NULL;
}

const char *metrics_title(enum metric m)
{
    return rows[m].name;
}

bool metrics_is_counter(enum metric m)
{
    return rows[m].type == COUNTER || rows[m].type == SPARSE;
}

/* --- the page -------------------------------------------------------------------------------- */

static void put_value(struct buf *out, int64_t n, int64_t divisor)
{
    if (n < 0)
        buf_putc(out, '-');
    uint64_t u = n < 0 ? 0 - (uint64_t)n : (uint64_t)n, d = (uint64_t)divisor;
    buf_printf(out, "%llu", (unsigned long long)(u / d));
    if (u % d == 0)
        return;
    buf_putc(out, '.');
    for (uint64_t rest = u % d; rest; rest %= d) {
        d /= 10;
        buf_putc(out, (char)('0' + rest / d));
    }
}

static void put_label(struct buf *out, char *open, const char *label, const char *value)
{
    buf_putc(out, *open);
    *open = ',';
    buf_printf(out, "%s=\"", label);
    size_t len = strlen(value);
    for (size_t i = 0, n; i < len; i += n) {
        char escape[CHARS_ESCAPE_SIZE];
        uint32_t code;
        n = chars_read(value + i, len - i, &code);
        bool plain = chars_is_plain(code);
        if (code != '\n' && (!plain || code == '"' || code == '\\')) /* it knows no \uXXXX */
            buf_putc(out, '\\');
        if (plain)
            buf_add(out, value + i, n);
        else
            buf_add(out, escape, chars_escape(code, escape));
    }
    buf_putc(out, '"');
}

static bool put_labels(struct buf *out, const struct row *row, const unsigned at[2])
{
    char open = '{';
    for (unsigned side = 0; side < 2; side++) {
        const char *value = values[row->set[side]][at[side]];
        if (row->size[side] > 1)
            put_label(out, &open, sets[row->set[side]].label, value ? value : "other");
    }
    return open == ',';
}

static void put_sample(struct buf *out, const struct row *row, const char *suffix,
                       const unsigned at[2], int64_t n, int64_t divisor)
{
    buf_puts(out, row->name);
    buf_puts(out, suffix);
    if (put_labels(out, row, at))
        buf_putc(out, '}');
    buf_putc(out, ' ');
    put_value(out, n, divisor);
    buf_putc(out, '\n');
}

static void put_histogram(struct buf *out, const struct row *row, const unsigned at[2],
                          const int64_t *v)
{
    int64_t sum = 0;
    for (unsigned b = 0; b <= row->nbounds; b++) {
        sum += v[b];
        buf_printf(out, "%s_bucket", row->name);
        buf_puts(out, put_labels(out, row, at) ? ",le=\"" : "{le=\"");
        if (b < row->nbounds)
            put_value(out, row->bounds[b], row->divisor);
        else
            buf_puts(out, "+Inf");
        buf_printf(out, "\"} %lld\n", (long long)sum);
    }
    put_sample(out, row, "_sum", at, v[row->nbounds + 1], row->divisor);
    put_sample(out, row, "_count", at, sum, 1);
}

/* "other" shows only once it has counted; so does what would be one of very many series. */
static bool is_shown(const struct row *row, const unsigned at[2], const int64_t *v)
{
    bool named = true;
    for (unsigned side = 0; side < 2; side++)
        named &= row->size[side] == 1 || values[row->set[side]][at[side]];
    if (row->type == MAYBE)
        return *v != METRIC_ABSENT;
    if (row->type == SPARSE || (row->type == HISTOGRAM && row->size[0] > 1))
        named = false;
    /* Unused names of a set have never counted, as place_of_label() sends their bumps to "other".
     */
    return named || sum_of_row(row, v) != 0;
}

static void put_series(struct buf *out, const struct row *row, const unsigned at[2], bool *headed)
{
    const int64_t *v = &store.v[row->offset + (at[0] * row->size[1] + at[1]) * row->width];
    static const char *const types[] = {"counter", "counter", "gauge", "gauge", "histogram"};
    if (!is_shown(row, at, v))
        return;
    if (!*headed)
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name,
                   types[row->type]);
    *headed = true;
    if (row->type == HISTOGRAM)
        put_histogram(out, row, at, v);
    else
        put_sample(out, row, "", at, *v, row->divisor);
}

void metrics_render(struct buf *out)
{
    if (!ready)
        init();
    for (unsigned m = 0; m < METRIC_COUNT; m++) {
        const struct row *row = &rows[m];
        bool headed = false;
        for (unsigned i = 0; i < row->size[0]; i++)
            for (unsigned j = 0; j < row->size[1]; j++)
                put_series(out, row, (const unsigned[]){i, j}, &headed);
    }
}
