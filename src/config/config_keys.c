/* SPDX-License-Identifier: MIT */
#include "config/config_keys.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/secrets.h"
#include "config/config_url.h"
#include "config/settings/settings_env.h"

enum { PROFILES_MAX = 256 * 1024, PATH_SIZE = 1024 };

static bool is_true(const struct setting_list *list, const char *name)
{
    const char *text = settings_get(list, name)->text;
    return *text == 't' || *text == '1';
}

static bool was_said(const struct setting_list *list, const char *name)
{
    return settings_get(list, name)->source != SOURCE_DEFAULT && settings_text(list, name);
}

bool config_keys_default_file(char **env, struct settings *s)
{
    struct setting *file = settings_get(&s->general, "aliyun.credentials_file");
    const char *home = settings_env_find(env, "HOME");
    char path[PATH_SIZE];
    if (*file->text || !home)
        return true;
    int n = snprintf(path, sizeof path, "%s/.alibabacloud/credentials", home);
    if (n < 0 || n >= PATH_SIZE)
        return true;
    mem_free(file->text);
    file->text = mem_strdup(path);
    return true;
}

/* --- endpoints ------------------------------------------------------------------------------- */

static bool refuse_credentials(const struct setting_list *list, const char *name, const char *what,
                               struct err *e)
{
    return err_set(e, "%s: %s: %s", settings_get(list, name)->origin, name, what);
}

/* What STS is called in the region, without an address of its own. */
static bool regional_sts(const struct setting_list *general, char *out, size_t size, struct err *e)
{
    static const char name[] = "aliyun.sts_region";
    const char *region = settings_text(general, name);
    bool vpc = is_true(general, "aliyun.sts_vpc");
    for (const char *p = region; p && *p; p++)
        if (!isalnum((unsigned char)*p) && *p != '-')
            return refuse_credentials(general, name, "letters, digits and '-' only", e);
    snprintf(out, size, "https://sts%s%s%s.aliyuncs.com", vpc && region ? "-vpc" : "",
             region ? "." : "", region ? region : "");
    return true;
}

bool config_keys_endpoints(struct config *c, const struct settings *s, struct err *e)
{
    static const char sts[] = "aliyun.sts_endpoint", metadata[] = "aliyun.metadata_endpoint";
    const struct setting_list *general = &s->general;
    const char *said = settings_text(general, sts);
    struct config_url url;
    struct err what;
    char regional[128];
    if (!said && !regional_sts(general, regional, sizeof regional, e))
        return false;
    if (!config_url_read(said ? said : regional, NULL, &url, &what))
        return refuse_credentials(general, sts, what.text, e);
    c->sts_endpoint = mem_strdup(url.whole);
    c->sts_verify = !c->insecure || !url.loopback;
    if (!config_url_read(settings_text(general, metadata), "100.100.100.200", &url, &what))
        return refuse_credentials(general, metadata, what.text, e);
    c->metadata_endpoint = mem_strdup(url.whole);
    return true;
}

/* --- which source ---------------------------------------------------------------------------- */

/* Members of an app that stand for a general option of the same name. */
static const char *const inherited[] = {
    "profile",           "credentials_file", "ecs_role",          "role_arn",
    "oidc_provider_arn", "oidc_token_file",  "role_session_name",
};

static void inherit_general(struct setting_list *list, const struct setting_list *general)
{
    for (size_t i = 0; i < sizeof inherited / sizeof inherited[0]; i++) {
        char name[OPTION_VARIABLE_SIZE];
        snprintf(name, sizeof name, "aliyun.%s", inherited[i]);
        struct setting *to = settings_get(list, inherited[i]);
        if (to->source == SOURCE_DEFAULT)
            setting_copy(to, settings_get(general, name));
    }
}

bool config_keys_any(const struct setting_list *list)
{
    return settings_text(list, "access_key_id") || settings_text(list, "access_key_secret") ||
           settings_text(list, "security_token");
}

/* The default chain of the provider's SDKs, without what this program does not support: the first
 * that is there. The metadata service is no guess: it is asked where somebody wanted it. */
static enum credentials_kind find_kind(const struct setting_list *list,
                                       const struct setting_list *general, bool may_ask)
{
    const char *file = settings_text(list, "credentials_file");
    if (config_keys_any(list))
        return CREDENTIALS_STATIC;
    if (settings_text(list, "role_arn") && settings_text(list, "oidc_provider_arn") &&
        settings_text(list, "oidc_token_file"))
        return CREDENTIALS_OIDC;
    if (file && access(file, R_OK) == 0)
        return CREDENTIALS_PROFILE;
    may_ask = may_ask || settings_text(list, "ecs_role");
    if (may_ask && !is_true(general, "aliyun.ecs_metadata_disabled"))
        return CREDENTIALS_ECS;
    return CREDENTIALS_STATIC;
}

static enum credentials_kind kind_of(const char *word)
{
    switch (*word) {
    case 'p':
        return CREDENTIALS_PROFILE;
    case 'e':
        return CREDENTIALS_ECS;
    case 'o':
        return CREDENTIALS_OIDC;
    default:
        return CREDENTIALS_STATIC;
    }
}

/* What the entry says itself is stronger than aliyun.credentials. */
static const char *own_word(const struct setting_list *list, bool own_keys)
{
    const char *word = settings_get(list, "credentials")->text;
    if (strcmp(word, "inherit") != 0)
        return word;
    if (own_keys)
        return "static";
    if (was_said(list, "profile") || was_said(list, "credentials_file"))
        return "profile";
    if (was_said(list, "ecs_role"))
        return "ecs";
    return was_said(list, "role_arn") || was_said(list, "oidc_token_file") ? "oidc" : NULL;
}

void config_keys_settle(struct setting_list *list, const struct settings *s, bool own_keys,
                        struct config_app *app)
{
    const struct setting_list *general = &s->general;
    const struct setting *word = settings_get(general, "aliyun.credentials");
    const char *own = own_word(list, own_keys);
    inherit_general(list, general);
    const char *said = own ? own : word->text;
    bool wanted = own || word->source != SOURCE_DEFAULT;
    app->source = (struct credentials_source){
        .kind = strcmp(said, "auto") == 0 ? find_kind(list, general, wanted) : kind_of(said),
        .id = settings_text(list, "access_key_id"),
        .secret = settings_text(list, "access_key_secret"),
        .token = settings_text(list, "security_token"),
        .files = {settings_get(list, "access_key_id")->file,
                  settings_get(list, "access_key_secret")->file,
                  settings_get(list, "security_token")->file},
        .profile = settings_text(list, "profile"),
        .file = settings_text(list, "credentials_file"),
        .role = settings_text(list, "ecs_role"),
        .role_arn = settings_text(list, "role_arn"),
        .session = settings_text(list, "role_session_name"),
        .provider_arn = settings_text(list, "oidc_provider_arn"),
        .token_file = settings_text(list, "oidc_token_file"),
    };
}

/* --- whether it can be used ------------------------------------------------------------------ */

bool config_keys_profile(const struct credentials_source *s, struct profile *out, struct err *e)
{
    struct buf text;
    *out = (struct profile){0};
    if (!s->file)
        return err_set(e, "credentials_file is missing, and there is no HOME to look below");
    bool ok = settings_read_whole(s->file, PROFILES_MAX, &text, e);
    if (ok && !profile_read(buf_text(&text), text.len, s->profile, out, e))
        ok = err_prefix(e, s->file);
    if (ok) {
        secrets_add(out->source.secret);
        secrets_add(out->source.token);
    }
    buf_wipe(&text);
    buf_free(&text);
    return ok;
}

bool config_keys_check(const struct config_app *app, struct err *e)
{
    const struct credentials_source *s = &app->source;
    struct profile profile;
    bool ok = true;
    switch (s->kind) {
    case CREDENTIALS_PROFILE:
        ok = config_keys_profile(s, &profile, e);
        profile_free(&profile);
        break;
    case CREDENTIALS_OIDC:
        if (!s->role_arn)
            ok = err_set(e, "role_arn is missing: set it here or as ALIBABA_CLOUD_ROLE_ARN");
        else if (!s->provider_arn)
            ok = err_set(e, "oidc_provider_arn is missing: set it here or as "
                            "ALIBABA_CLOUD_OIDC_PROVIDER_ARN");
        else if (!s->token_file)
            ok = err_set(e, "oidc_token_file is missing: set it here or as "
                            "ALIBABA_CLOUD_OIDC_TOKEN_FILE");
        break;
    case CREDENTIALS_STATIC:
    case CREDENTIALS_ECS:
    case CREDENTIALS_ROLE:
        break;
    }
    return ok;
}
