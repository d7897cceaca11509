/* SPDX-License-Identifier: MIT */
#include "config/config_secrets.h"

#include "base/secrets.h"
#include "base/text.h"

static void learn_list(const struct setting_list *list)
{
    for (size_t i = 0; i < list->table->n; i++) {
        const struct option_row *o = &list->table->rows[i];
        if (o->flags & OPTION_SECRET)
            secrets_add(list->v[i].text);
        else if (o->flags & OPTION_URL)
            secrets_add_url(list->v[i].text);
        else if (text_ends(o->name, "username"))
            secrets_add_name(list->v[i].text);
    }
}

void config_learn_secrets(const struct settings *s)
{
    learn_list(&s->general);
    for (size_t i = 0; i < s->napps; i++)
        learn_list(&s->apps[i]);
}
