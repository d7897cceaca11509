/* SPDX-License-Identifier: MIT
 * The mock's reading of a query or form body, and its checks of what it found there. */
#include "fuzz/fuzz.h"

#include "base/clock.h"
#include "mock/check/mass.h"
#include "mock/check/names.h"
#include "mock/check/push.h"

enum { TEXT_MAX = 1 << 20 };
static const struct push_rules rules = {
    .app_keys = {"1"}, .app_key_count = 0, .accounts_max = 1000};

static void write(const struct fields *f, struct buf *out)
{
    for (size_t i = 0; i < f->count; i++) {
        if (i)
            buf_putc(out, '&');
        fields_encode(out, f->items[i].name);
        buf_putc(out, '=');
        fields_encode(out, f->items[i].value);
    }
}

static void check_same(const struct fields *a, const struct fields *b)
{
    must(a->count == b->count);
    for (size_t i = 0; i < a->count; i++)
        must(strcmp(a->items[i].name, b->items[i].name) == 0 &&
             strcmp(a->items[i].value, b->items[i].value) == 0);
}

/* Encoded as signatures want it, and read again, it is the same. */
static void check_round_trip(const struct fields *f)
{
    struct buf text;
    struct fields again = {0};
    buf_init(&text, TEXT_MAX);
    write(f, &text);
    must(buf_ok(&text));
    must(fields_parse(&again, buf_text(&text), text.len, true));
    fields_sort(&again);
    check_same(f, &again);
    fields_free(&again);
    buf_free(&text);
}

static void check_lookups(const struct fields *f)
{
    bool twice = false;
    for (size_t i = 0; i < f->count; i++) {
        must(fields_get(f, f->items[i].name));
        must(i == 0 || strcmp(f->items[i - 1].name, f->items[i].name) <= 0);
        twice |= i && strcmp(f->items[i - 1].name, f->items[i].name) == 0;
    }
    must(twice == (fields_repeated(f) != NULL));
}

static void check_push(const struct fields *f, bool v3)
{
    const struct request q = {.method = "POST", .v3 = v3, .wants_json = true, .fields = *f};
    struct refusal r = {0};
    bool ok = push_check(&rules, &q, INT64_C(1780000000000), &r);
    must(ok == (r.status == 0) && ok == (r.code[0] == '\0'));
}

static void check_mass(const struct fields *f)
{
    struct request q = {.method = "POST", .v3 = true, .wants_json = true, .fields = *f};
    struct refusal r = {0};
    tasks_split(&q.tasks, f);
    must(mass_check(&rules, &q, INT64_C(1780000000000), &r) == (r.status == 0));
    tasks_free(&q.tasks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fields f = {0};
    if (fields_parse(&f, size ? (const char *)data : "", size, true)) {
        fields_sort(&f);
        check_round_trip(&f);
        check_lookups(&f);
        check_push(&f, true);
        check_push(&f, false);
        check_mass(&f);
    }
    fields_free(&f);
    return 0;
}
