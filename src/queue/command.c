/* SPDX-License-Identifier: MIT */
#include "queue/command.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

void command_begin(struct command *c)
{
    memset(c, 0, sizeof *c);
}

void command_free(struct command *c)
{
    mem_free(c->v);
    mem_free(c->lens);
    mem_free(c->numbers);
    command_begin(c);
}

/* The place of the first of n more. */
static size_t more_words(struct command *c, size_t n)
{
    size_t at = c->n;
    if (!n)
        return at; /* memset() takes no NULL */
    if (c->n + n > c->cap) {
        c->cap = 2 * (c->n + n) > 32 ? 2 * (c->n + n) : 32;
        c->v = mem_resize(c->v, c->cap * sizeof *c->v);
        c->lens = mem_resize(c->lens, c->cap * sizeof *c->lens);
    }
    memset(c->v + at, 0, n * sizeof *c->v);
    memset(c->lens + at, 0, n * sizeof *c->lens);
    c->n += n;
    return at;
}

static void put_word_bytes(struct command *c, size_t at, const char *p, size_t len)
{
    assert(p && !c->v[at] && !c->lens[at]);
    c->v[at] = p;
    c->lens[at] = len;
}

/* Room for the text of a number that stands there. */
static char *put_word_number(struct command *c, size_t at)
{
    assert(!c->v[at] && !c->lens[at]);
    if (c->nnumbers == c->numbers_cap) {
        c->numbers_cap = c->numbers_cap ? 2 * c->numbers_cap : 16;
        c->numbers = mem_resize(c->numbers, c->numbers_cap * sizeof *c->numbers);
    }
    c->lens[at] = ++c->nnumbers;
    return c->numbers[c->nnumbers - 1];
}

static void put_word_int(struct command *c, size_t at, int64_t n)
{
    snprintf(put_word_number(c, at), COMMAND_NUMBER_SIZE, "%" PRId64, n);
}

/* --- plain ----------------------------------------------------------------------------------- */

void command_add_bytes(struct command *c, const char *p, size_t len)
{
    put_word_bytes(c, more_words(c, 1), p, len);
}

void command_add(struct command *c, const char *text)
{
    command_add_bytes(c, text, strlen(text));
}

void command_add_int(struct command *c, int64_t n)
{
    put_word_int(c, more_words(c, 1), n);
}

/* --- scripts --------------------------------------------------------------------------------- */

void command_script(struct command *c, enum script which, const char *const *keys)
{
    command_begin(c);
    c->shape = script_shape(which);
    c->script = which;
    c->nkeys = c->shape->nkeys;
    more_words(c, c->nkeys);
    for (size_t i = 0; i < c->nkeys; i++)
        if (c->shape->keys[i] < QUEUE_KEYS_KNOWN)
            put_word_bytes(c, i, keys[c->shape->keys[i]], strlen(keys[c->shape->keys[i]]));
}

void command_key(struct command *c, enum queue_key key, const char *text)
{
    size_t i = 0;
    while (c->shape->keys[i] != key)
        i++;
    assert(i < c->shape->nkeys);
    put_word_bytes(c, i, text, strlen(text));
}

void command_more_key(struct command *c, const char *text)
{
    assert(c->shape->more_keys && c->n == c->nkeys);
    command_add(c, text);
    c->nkeys++;
}

/* The first argument ends the keys. */
static void begin_args(struct command *c)
{
    if (c->n == c->nkeys)
        more_words(c, c->shape->nargs);
}

static size_t place_of_arg(struct command *c, unsigned arg)
{
    begin_args(c);
    size_t at = arg < c->shape->nargs ? c->nkeys + arg : c->group + arg - c->shape->nargs;
    assert(at < c->n && (arg < c->shape->nargs || c->group));
    return at;
}

void command_set_bytes(struct command *c, unsigned arg, const char *p, size_t len)
{
    put_word_bytes(c, place_of_arg(c, arg), p, len);
}

void command_set(struct command *c, unsigned arg, const char *text)
{
    command_set_bytes(c, arg, text, strlen(text));
}

void command_set_int(struct command *c, unsigned arg, int64_t n)
{
    put_word_int(c, place_of_arg(c, arg), n);
}

void command_set_real(struct command *c, unsigned arg, double x)
{
    snprintf(put_word_number(c, place_of_arg(c, arg)), COMMAND_NUMBER_SIZE, "%.9g", x);
}

void command_set_bool(struct command *c, unsigned arg, bool yes)
{
    command_set(c, arg, yes ? "1" : "0");
}

void command_group_of(struct command *c, size_t n)
{
    assert(c->shape->width);
    begin_args(c);
    c->group = more_words(c, n);
}

void command_group(struct command *c)
{
    command_group_of(c, c->shape->width);
}

/* --- sending --------------------------------------------------------------------------------- */

/* Puts the numbers in their places. */
static void end_words(struct command *c)
{
    for (size_t i = 0; i < c->n; i++) {
        if (c->v[i])
            continue;
        assert(c->lens[i]); /* a key or an argument that was not filled in */
        c->v[i] = c->numbers[c->lens[i] - 1];
        c->lens[i] = strlen(c->v[i]);
    }
    assert(!c->shape || c->n >= c->nkeys + c->shape->nargs);
}

void command_send(struct command *c, struct redis *r, redis_reply_fn fn, void *arg)
{
    end_words(c);
    if (c->shape)
        redis_eval(r, script_get(c->script), (int)c->nkeys, (int)c->n, c->v, c->lens, fn, arg);
    else
        redis_command(r, (int)c->n, c->v, c->lens, fn, arg);
    command_free(c);
}

void command_send_blocking(struct command *c, struct redis *r, int wait_ms, redis_reply_fn fn,
                           void *arg)
{
    end_words(c);
    redis_command_blocking(r, (int)c->n, c->v, c->lens, wait_ms, fn, arg);
    command_free(c);
}
