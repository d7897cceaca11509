/* SPDX-License-Identifier: MIT */
#include "cli/manage/ids.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "cli/cli.h"

void ids_init(struct ids *ids)
{
    *ids = (struct ids){0};
    buf_init(&ids->text, IDS_BYTES_MAX);
}

void ids_free(struct ids *ids)
{
    buf_free(&ids->text);
    mem_free(ids->at);
    mem_free(ids->table);
    *ids = (struct ids){0};
}

const char *ids_get(const struct ids *ids, size_t i)
{
    return buf_text(&ids->text) + ids->at[i];
}

void ids_join(const struct ids *ids, size_t first, size_t n, struct buf *out)
{
    for (size_t i = first; i < first + n; i++) {
        if (i > first)
            buf_putc(out, ',');
        buf_puts(out, ids_get(ids, i));
    }
}

/* --- each once ------------------------------------------------------------------------------- */

/* The id's place in the table, or the free one where it belongs. slots is a power of two. */
static size_t id_slot(const struct ids *ids, const char *text)
{
    uint64_t h = hash_text(text);
    size_t i = (size_t)(h ^ h >> 32) & (ids->slots - 1);
    while (ids->table[i] && strcmp(ids_get(ids, ids->table[i] - 1), text) != 0)
        i = (i + 1) & (ids->slots - 1);
    return i;
}

static void grow_ids(struct ids *ids)
{
    if (ids->n == ids->cap) {
        ids->cap = ids->cap ? 2 * ids->cap : 64;
        ids->at = mem_resize(ids->at, ids->cap * sizeof *ids->at);
    }
    if (2 * ids->n < ids->slots)
        return;
    mem_free(ids->table);
    ids->slots = ids->slots ? 2 * ids->slots : 256;
    ids->table = mem_zalloc(ids->slots * sizeof *ids->table);
    for (size_t i = 0; i < ids->n; i++)
        ids->table[id_slot(ids, ids_get(ids, i))] = (uint32_t)(i + 1);
}

static bool check_form(const struct ids_form *form, const char *text, struct err *e)
{
    if (!actions_check_id(form->row ? ID_NONE : form->id, text, e))
        return false;
    return !form->row || params_check_text(form->row, text, e);
}

bool ids_add(struct ids *ids, const struct ids_form *form, const char *text, struct err *e)
{
    if (!check_form(form, text, e))
        return false;
    grow_ids(ids);
    size_t slot = id_slot(ids, text), at = ids->text.len;
    if (ids->table[slot]) {
        ids->repeated++;
        return true;
    }
    if (ids->n == IDS_MAX)
        return err_set(e, "more than %d different ones", (int)IDS_MAX);
    buf_add(&ids->text, text, strlen(text) + 1);
    if (!buf_ok(&ids->text))
        return err_set(e, "more than %d bytes together", (int)IDS_BYTES_MAX);
    ids->at[ids->n++] = at;
    ids->table[slot] = (uint32_t)ids->n;
    return true;
}

/* --- where they come from -------------------------------------------------------------------- */

bool ids_add_list(struct ids *ids, const struct ids_form *form, const char *text, struct err *e)
{
    char one[IDS_LINE_MAX];
    for (;; text++) {
        size_t len = strcspn(text, ",");
        if (len >= sizeof one)
            return err_set(e, "an element of %zu bytes", len);
        memcpy(one, text, len);
        one[len] = '\0';
        if (!ids_add(ids, form, one, e))
            return false;
        text += len;
        if (!*text)
            return true;
    }
}

/* Without blanks around it; NULL: nothing is left, or it holds a NUL. */
static char *trim_id(struct buf *line)
{
    char *p = line->data, *end = p + line->len;
    while (p < end && strchr(" \t\r", *p) && *p)
        p++;
    while (end > p && strchr(" \t\r", end[-1]) && end[-1])
        end--;
    *end = '\0';
    return p < end ? p : NULL;
}

static bool add_id_line(struct ids *ids, const struct ids_form *form, struct buf *line,
                        struct err *e)
{
    if (!buf_ok(line))
        return err_set(e, "longer than %d bytes", (int)IDS_LINE_MAX);
    if (line->len && memchr(line->data, '\0', line->len))
        return err_set(e, "holds a NUL");
    char *text = line->len ? trim_id(line) : NULL;
    return !text || ids_add(ids, form, text, e);
}

bool ids_add_file(struct ids *ids, const struct ids_form *form, const char *path, struct err *e)
{
    struct buf line;
    char place[300];
    size_t n = 0;
    bool ok = true, is_stdin = strcmp(path, "-") == 0;
    FILE *in = is_stdin ? stdin : fopen(path, "re");
    if (!in)
        return err_set(e, "%.200s: %s", path, strerror(errno));
    buf_init(&line, IDS_LINE_MAX);
    while (ok && cli_read_line(in, &line)) {
        n++;
        ok = add_id_line(ids, form, &line, e);
    }
    snprintf(place, sizeof place, "%.200s:%zu", is_stdin ? "standard input" : path, n);
    if (!ok)
        err_prefix(e, place);
    else if (ferror(in))
        ok = err_set(e, "%s: cannot be read: %s", place, strerror(errno));
    buf_free(&line);
    if (!is_stdin)
        fclose(in);
    return ok;
}
