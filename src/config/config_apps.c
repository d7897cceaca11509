/* SPDX-License-Identifier: MIT */
#include "config/config_apps.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aliyun/sign.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/config_keys.h"

static bool has_default(struct settings *s)
{
    for (size_t i = 0; i < s->napps; i++) {
        const struct setting *name = settings_get(&s->apps[i], "name");
        if (name->text && strcmp(name->text, "default") == 0)
            return true;
    }
    return false;
}

bool config_apps_add_default(struct settings *s, struct err *e)
{
    const struct setting *key = settings_get(&s->general, "aliyun.app_key");
    if (!settings_text(&s->general, "aliyun.app_key") || has_default(s))
        return true;
    if (s->napps == CONFIG_APPS_MAX)
        return err_set(e, "%s: app \"default\" beside %zu in the list of apps, at most %d in all",
                       key->origin, s->napps, CONFIG_APPS_MAX);
    s->apps = mem_resize(s->apps, (s->napps + 1) * sizeof *s->apps);
    struct setting_list *list = &s->apps[s->napps++];
    *list = (struct setting_list){.origin = mem_strdup("built in")};
    setting_list_init(list, &options_app);
    return setting_put(settings_get(list, "name"), "default", "built in", SOURCE_FILE, false, e);
}

/* Message with the app and where it stands. */
static bool refuse_app(struct setting_list *list, const char *what, struct err *e)
{
    return err_set(e, "%s: app \"%s\": %s", list->origin, settings_get(list, "name")->text, what);
}

/* e already says what is wrong. */
static bool refuse_again(struct setting_list *list, struct err *e)
{
    const struct err what = *e;
    return refuse_app(list, what.text, e);
}

static bool inherit_setting(struct setting_list *list, const char *name, const struct setting *from,
                            struct err *e)
{
    struct setting *to = settings_get(list, name);
    if (!from->text || !*from->text || from->source == SOURCE_DEFAULT)
        return true;
    if (!setting_put(to, from->text, from->origin, from->source, false, e))
        return false;
    if (!to->file && to->source == from->source)
        to->file = mem_strdup(from->file);
    return true;
}

/* A token belongs to one key: one from a weaker source than the key's is another key's. */
static bool inherit_credentials(struct setting_list *list, struct settings *s, struct err *e)
{
    const struct setting *id = settings_get(&s->general, "aliyun.access_key_id");
    const struct setting *token = settings_get(&s->general, "aliyun.security_token");
    return inherit_setting(list, "access_key_id", id, e) &&
           inherit_setting(list, "access_key_secret",
                           settings_get(&s->general, "aliyun.access_key_secret"), e) &&
           (token->source < id->source || inherit_setting(list, "security_token", token, e));
}

static bool check_app_name(struct setting_list *list, struct err *e)
{
    if (!settings_is_label(settings_get(list, "name")->text))
        return refuse_app(list, "name: letters, digits, '_', '-' and '.' only", e);
    if (!settings_is_label(settings_get(list, "account")->text))
        return refuse_app(list, "account: letters, digits, '_', '-' and '.' only", e);
    return true;
}

static bool check_app_key(struct setting_list *list, struct err *e)
{
    int64_t n;
    const char *key = settings_get(list, "app_key")->text;
    if (*key && (!isdigit((unsigned char)*key) || !text_int(key, 1, INT64_MAX, &n)))
        return refuse_app(list, "app_key: must be a number, as a string of digits", e);
    return true;
}

static bool check_complete(struct setting_list *list, const struct config_app *app, struct err *e)
{
    if (!settings_text(list, "app_key"))
        return refuse_app(list,
                          strcmp(settings_get(list, "name")->text, "default") == 0
                              ? "app_key is missing: set it here or as PREQ_APP_KEY"
                              : "app_key is missing",
                          e);
    if (app->source.kind != CREDENTIALS_STATIC)
        return config_keys_check(app, e) || refuse_again(list, e);
    if (!settings_text(list, "access_key_id"))
        return refuse_app(
            list,
            "access_key_id is missing: set aliyun.access_key_id, PREQ_ACCESS_KEY_ID or "
            "the app's own",
            e);
    if (!settings_text(list, "access_key_secret"))
        return refuse_app(list,
                          "access_key_secret is missing: set aliyun.access_key_secret, "
                          "PREQ_ACCESS_KEY_SECRET or the app's own",
                          e);
    return true;
}

static bool settle_app(struct setting_list *list, struct settings *s, bool calls,
                       struct config_app *app, struct err *e)
{
    bool own_keys = config_keys_any(list);
    bool is_default = strcmp(settings_get(list, "name")->text, "default") == 0;
    if (!check_app_name(list, e))
        return false;
    if (is_default &&
        !inherit_setting(list, "app_key", settings_get(&s->general, "aliyun.app_key"), e))
        return false;
    if (!own_keys && !inherit_credentials(list, s, e))
        return false;
    config_keys_settle(list, s, own_keys, app);
    return check_app_key(list, e) && (!calls || check_complete(list, app, e));
}

static int compare_app_names(const void *a, const void *b)
{
    struct setting_list x = *(const struct setting_list *)a, y = *(const struct setting_list *)b;
    return strcmp(settings_get(&x, "name")->text, settings_get(&y, "name")->text);
}

/* Sorted, so that the order in the file does not change the configuration's digest. */
static bool sort_apps(struct settings *s, struct err *e)
{
    if (s->napps)
        qsort(s->apps, s->napps, sizeof *s->apps, compare_app_names);
    for (size_t i = 1; i < s->napps; i++)
        if (compare_app_names(&s->apps[i - 1], &s->apps[i]) == 0)
            return refuse_app(&s->apps[i], "is there twice", e);
    return true;
}

/* A quota belongs to an account, which the key stands for, or what temporary keys are asked with;
 * the key itself is never shown. */
static void label_account(struct config_app *app)
{
    char hex[65];
    const struct credentials_source *s = &app->source;
    const char *const by_kind[] = {[CREDENTIALS_STATIC] = s->id,
                                   [CREDENTIALS_PROFILE] = s->profile,
                                   [CREDENTIALS_ECS] = s->role,
                                   [CREDENTIALS_OIDC] = s->role_arn};
    const char *id = by_kind[s->kind] ? by_kind[s->kind] : "";
    sign_sha256_hex(id, strlen(id), hex);
    if (app->account)
        snprintf(app->account_label, sizeof app->account_label, "%s", app->account);
    else
        snprintf(app->account_label, sizeof app->account_label, "key-%.8s", hex);
}

bool config_apps_read(struct config *c, struct settings *s, bool calls, struct err *e)
{
    if (!s->napps && calls)
        return err_set(e, "no app: set PREQ_APP_KEY, aliyun.app_key or a list of apps");
    if (!sort_apps(s, e))
        return false;
    assert(s->napps <= CONFIG_APPS_MAX);
    c->apps = s->napps ? mem_zalloc(s->napps * sizeof *c->apps) : NULL;
    c->napps = s->napps;
    for (size_t i = 0; i < s->napps; i++) {
        struct setting_list *list = &s->apps[i];
        if (!settle_app(list, s, calls, &c->apps[i], e))
            return false;
        for (size_t k = 0; k < list->table->n; k++)
            option_store(&list->table->rows[k], list->v[k].text, &c->apps[i]);
        if (!quiet_parse(c->apps[i].app.quiet_text, &c->apps[i].app.quiet, e))
            return refuse_again(list, e);
        if (json_object_get(list->push, "Body"))
            return refuse_app(list, "push: Body: a job or its template says it", e);
        c->apps[i].app.push = list->push;
        label_account(&c->apps[i]);
    }
    return true;
}
