/* SPDX-License-Identifier: MIT */
#include "cost/claim.h"

#include <string.h>

enum { ID_SIZE = 8, LETTERS = 26, LOW = 0xFFFF, START = 0x2325, PRIME = 0x1b3, INVERSE = 0x957b };
enum { PLACE = 0x1234, TASK_IDS = 1000 };

/* FNV-1a's sixteen low bits: none of them depends on a higher one. */
static uint32_t add_letter(uint32_t h, char letter)
{
    return ((h ^ (unsigned char)letter) * PRIME) & LOW;
}

/* Two last letters that bring h to PLACE; false: there are none. */
static bool end_at_place(uint32_t h, char end[2])
{
    const uint32_t wanted = (PLACE * INVERSE) & LOW;
    for (end[0] = 'a'; end[0] <= 'z'; end[0]++) {
        uint32_t last = add_letter(h, end[0]) ^ wanted;
        end[1] = (char)last;
        if (last >= 'a' && last <= 'z')
            return true;
    }
    return false;
}

/* The next text of seven letters that falls on PLACE, the hash beginning with h. */
static void next_id(uint32_t h, uint32_t *seed, char id[ID_SIZE])
{
    uint32_t at;
    do {
        uint32_t rest = (*seed)++;
        at = h;
        for (int i = 0; i < ID_SIZE - 3; i++, rest /= LETTERS)
            at = add_letter(at, id[i] = (char)('a' + rest % LETTERS));
    } while (!end_at_place(at, id + ID_SIZE - 3));
    id[ID_SIZE - 1] = '\0';
}

void claim_make(struct claim *c, size_t bytes)
{
    uint32_t seed = 0;
    size_t n = bytes / ID_SIZE, most = sizeof c->ids / sizeof *c->ids;
    n = n < most ? n : most;
    *c = (struct claim){0};
    buf_init(&c->text, n * ID_SIZE);
    for (size_t i = 0; i < n; i++) {
        char id[ID_SIZE];
        next_id((uint32_t)(START + i / TASK_IDS) & LOW, &seed, id);
        buf_add(&c->text, id, sizeof id);
    }
    for (size_t i = 0; i < n; i++)
        c->ids[i] = buf_text(&c->text) + i * ID_SIZE;
    for (size_t from = 0; from < n; from += COALESCE_IDS_MAX, c->n++) {
        size_t some = n - from < COALESCE_IDS_MAX ? n - from : COALESCE_IDS_MAX;
        c->lists[c->n] = (struct job_list){c->ids + from, some};
        c->items[c->n] = (struct coalesce_item){.pos = (unsigned)c->n,
                                                .kind = TARGET_ACCOUNT,
                                                .values = &c->lists[c->n],
                                                .bytes = some * ID_SIZE,
                                                .taskable = true};
    }
}

void claim_free(struct claim *c)
{
    buf_free(&c->text);
}
