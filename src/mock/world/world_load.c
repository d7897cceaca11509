/* SPDX-License-Identifier: MIT */
#include "mock/world/world_load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "mock/check/tagexpr.h"

enum { TEXT_BYTES = 256 }; /* of a phone number or device token */

static const char *short_text(const json_t *v, size_t bytes_max)
{
    bool ok = json_is_string(v) && json_string_length(v) && json_string_length(v) <= bytes_max &&
              !strchr(json_string_value(v), ',');
    return ok ? json_string_value(v) : NULL;
}

/* --- tags --- */

static bool tag_pair(struct world *w, const char *tag, const char *key_type, const json_t *key,
                     struct err *e)
{
    char pair[WORLD_PAIR_SIZE];
    if (!*tag || strchr(tag, ',') || text_utf8_chars(tag) > TAGEXPR_NAME_CHARS)
        return err_set(e, "tag %.60s: a name of 1 to %d characters without commas", tag,
                       TAGEXPR_NAME_CHARS);
    if (!json_is_string(key) ||
        !world_pair(key_type, json_string_value(key), json_string_length(key), pair))
        return err_set(e, "tag %.60s: %.20s: a key is malformed or too long", tag, key_type);
    return world_tag(w, tag, pair) ||
           err_set(e, "tags: at most %d, and %d pairs", WORLD_TAGS_MAX, WORLD_PAIRS_MAX);
}

static bool read_tag(struct world *w, const char *tag, json_t *pairs, struct err *e)
{
    const char *key_type;
    json_t *keys, *key;
    size_t i;
    if (!json_is_object(pairs))
        return err_set(e, "tag %.60s: an object with DEVICE, ACCOUNT, ALIAS is expected", tag);
    json_object_foreach(pairs, key_type, keys)
    {
        if (!json_is_array(keys))
            return err_set(e, "tag %.60s: %.20s: a list is expected", tag, key_type);
        json_array_foreach(keys, i, key)
        {
            if (!tag_pair(w, tag, key_type, key, e))
                return false;
        }
    }
    return true;
}

static bool read_tags(struct world *w, json_t *tags, struct err *e)
{
    const char *tag;
    json_t *pairs;
    if (tags && !json_is_object(tags))
        return err_set(e, "tags: an object is expected");
    json_object_foreach(tags, tag, pairs)
    {
        if (!read_tag(w, tag, pairs, e))
            return false;
    }
    return true;
}

/* --- devices --- */

static bool set_device_type(struct world_device *d, const json_t *v, struct err *e)
{
    const char *type = json_string_value(v);
    if (!type ||
        (strcmp(type, "iOS") != 0 && strcmp(type, "ANDROID") != 0 && strcmp(type, "HARMONY") != 0))
        return err_set(e, "type: iOS, ANDROID or HARMONY is expected");
    snprintf(d->type, sizeof(d->type), "%s", type);
    return true;
}

static bool set_account(struct world *w, struct world_device *d, const json_t *v, struct err *e)
{
    const char *account = short_text(v, WORLD_ACCOUNT_BYTES);
    if (!account)
        return err_set(e, "account: 1 to %d bytes without commas", WORLD_ACCOUNT_BYTES);
    world_log_in(w, d, account);
    return true;
}

static bool set_aliases(struct world *w, struct world_device *d, json_t *v, struct err *e)
{
    size_t i;
    json_t *item;
    if (!json_is_array(v))
        return err_set(e, "aliases: a list is expected");
    json_array_foreach(v, i, item)
    {
        const char *alias = short_text(item, WORLD_ALIAS_BYTES);
        if (!alias)
            return err_set(e, "aliases: 1 to %d bytes without commas", WORLD_ALIAS_BYTES);
        if (world_bind_alias(w, d, alias) != WORLD_BOUND)
            return err_set(e, "aliases: at most %d of a device and %d devices of one",
                           WORLD_ALIASES_PER_DEVICE, WORLD_DEVICES_PER_ALIAS);
    }
    return true;
}

static bool set_device_tags(struct world *w, const json_t *device, json_t *v, struct err *e)
{
    size_t i;
    json_t *tag;
    if (!json_is_array(v))
        return err_set(e, "tags: a list is expected");
    json_array_foreach(v, i, tag)
    {
        if (!json_is_string(tag))
            return err_set(e, "tags: a list of texts is expected");
        if (!tag_pair(w, json_string_value(tag), "DEVICE", json_object_get(device, "id"), e))
            return false;
    }
    return true;
}

static bool set_device_text(char **out, const json_t *v, const char *name, struct err *e)
{
    const char *text = short_text(v, TEXT_BYTES);
    if (!text || *out)
        return err_set(e, "%s: 1 to %d bytes without commas", name, TEXT_BYTES);
    *out = mem_strdup(text);
    return true;
}

static bool set_device_member(struct world *w, struct world_device *d, json_t *device,
                              const char *name, json_t *v, struct err *e)
{
    if (strcmp(name, "id") == 0)
        return true;
    if (strcmp(name, "type") == 0)
        return set_device_type(d, v, e);
    if (strcmp(name, "account") == 0)
        return set_account(w, d, v, e);
    if (strcmp(name, "aliases") == 0)
        return set_aliases(w, d, v, e);
    if (strcmp(name, "tags") == 0)
        return set_device_tags(w, device, v, e);
    if (strcmp(name, "phone") == 0)
        return set_device_text(&d->phone, v, name, e);
    if (strcmp(name, "token") == 0)
        return set_device_text(&d->token, v, name, e);
    if (strcmp(name, "offline") == 0) {
        d->offline = json_is_true(v);
        return json_is_boolean(v) || err_set(e, "offline: true or false is expected");
    }
    if (strcmp(name, "app_key") == 0) {
        d->app_key = json_integer_value(v);
        return d->app_key > 0 || err_set(e, "app_key: a positive integer is expected");
    }
    return err_set(e, "%.40s: unknown member", name);
}

static bool read_device(struct world *w, json_t *device, struct err *e)
{
    const char *name, *id = json_string_value(json_object_get(device, "id"));
    json_t *value;
    if (!id || !world_id_ok(id, strlen(id)))
        return err_set(e, "id: %d digits and lower-case letters are expected", WORLD_DEVICE_ID_LEN);
    if (world_find(w, id))
        return err_set(e, "id: given twice");
    struct world_device *d = world_add(w, id);
    if (!d)
        return err_set(e, "at most %d devices", WORLD_DEVICES_MAX);
    json_object_foreach(device, name, value)
    {
        if (!set_device_member(w, d, device, name, value, e))
            return false;
    }
    return true;
}

static bool read_devices(struct world *w, json_t *list, struct err *e)
{
    size_t i;
    json_t *device;
    char place[40];
    if (!json_is_array(list))
        return err_set(e, "devices: a list is expected");
    json_array_foreach(list, i, device)
    {
        if (read_device(w, device, e))
            continue;
        snprintf(place, sizeof(place), "devices[%zu]", i);
        return err_prefix(e, place);
    }
    return true;
}

static bool read_root(struct world *w, json_t *root, struct err *e)
{
    const char *name;
    json_t *value;
    json_object_foreach(root, name, value)
    {
        if (strcmp(name, "devices") != 0 && strcmp(name, "tags") != 0)
            return err_set(e, "%.40s: unknown member", name);
    }
    return read_devices(w, json_object_get(root, "devices"), e) &&
           read_tags(w, json_object_get(root, "tags"), e);
}

bool world_load(struct world *w, const char *json, size_t len, struct err *e)
{
    struct world made;
    json_error_t why;
    json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, &why);
    if (!root)
        return err_set(e, "line %d: %s", why.line, why.text);
    world_init(&made);
    bool ok = read_root(&made, root, e);
    made.seeded = true;
    json_decref(root);
    if (!ok) {
        world_free(&made);
        return false;
    }
    world_free(w);
    *w = made;
    return true;
}

bool world_load_file(struct world *w, const char *path, struct err *e)
{
    char chunk[65536];
    struct buf text;
    size_t n;
    FILE *f = fopen(path, "r");
    if (!f)
        return err_set(e, "%s", strerror(errno));
    buf_init(&text, WORLD_TEXT_MAX);
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        buf_add(&text, chunk, n);
    bool whole = !ferror(f) && buf_ok(&text);
    fclose(f);
    bool ok = whole ? world_load(w, buf_text(&text), text.len, e)
                    : err_set(e, "cannot be read, or is larger than %d bytes", WORLD_TEXT_MAX);
    buf_free(&text);
    return ok;
}
