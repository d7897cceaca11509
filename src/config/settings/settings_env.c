/* SPDX-License-Identifier: MIT */
#include "config/settings/settings_env.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

enum { NAME_SIZE = 128 };

/* Variables that an orchestrator sets by itself for a service of such a name. */
static bool is_service_link(const char *name, const char *value)
{
    const char *port = strstr(name, "_PORT_");
    return strstr(name, "_SERVICE_HOST") || strstr(name, "_SERVICE_PORT") ||
           (port && port[6] >= '0' && port[6] <= '9') ||
           (text_ends(name, "_PORT") && strstr(value, "://"));
}

static enum setting_source source_of(const char *variable)
{
    if (text_starts(variable, "PUSHBRIDGE_"))
        return SOURCE_OWN;
    return text_starts(variable, "PREQ_") ? SOURCE_PREQ : SOURCE_ALIBABA;
}

/* Is name the variable, or its _FILE form? */
static bool variable_matches(const struct option_row *o, const char *variable, const char *name,
                             bool *twin)
{
    size_t len = variable ? strlen(variable) : 0;
    if (!len || strncmp(name, variable, len) != 0)
        return false;
    *twin = (o->flags & OPTION_TWIN) && strcmp(name + len, "_FILE") == 0;
    return !name[len] || *twin;
}

static int find_variable(const char *name, bool *twin)
{
    for (size_t i = 0; i < options_general.n; i++) {
        const struct option_row *o = &options_general.rows[i];
        char own[OPTION_VARIABLE_SIZE];
        option_variable(o, own);
        if (variable_matches(o, own, name, twin) ||
            variable_matches(o, o->aliases[0], name, twin) ||
            variable_matches(o, o->aliases[1], name, twin))
            return (int)i;
    }
    return -1;
}

/* The SDKs take "true" in any case for yes and all else for no, so nobody's start fails of it. */
static const char *as_sdk(const struct option_row *o, enum setting_source source, const char *value)
{
    if (o->type != OPTION_BOOL || source != SOURCE_ALIBABA)
        return value;
    return strcasecmp(value, "true") == 0 || strcmp(value, "1") == 0 ? "true" : "false";
}

static bool read_variable(struct settings *s, const char *name, const char *value, struct err *e)
{
    bool twin = false;
    int i = find_variable(name, &twin);
    if (i >= 0)
        return setting_put(&s->general.v[i],
                           as_sdk(&options_general.rows[i], source_of(name), value), name,
                           source_of(name), twin, e);
    if (text_starts(name, "PUSHBRIDGE_") && strcmp(name, "PUSHBRIDGE_CONFIG") != 0 &&
        !is_service_link(name, value))
        return err_set(e, "%s: no option has this variable", name);
    return true;
}

bool settings_env_read(char **env, struct settings *s, struct err *e)
{
    for (; *env; env++) {
        const char *equals = strchr(*env, '=');
        size_t len = equals ? (size_t)(equals - *env) : 0;
        char name[NAME_SIZE];
        bool ours = text_starts(*env, "PUSHBRIDGE_") || text_starts(*env, "PREQ_") ||
                    text_starts(*env, "ALIBABA_CLOUD_");
        if (!ours || !equals || !equals[1])
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(len < NAME_SIZE ? len : NAME_SIZE - 1), *env);
        if (!read_variable(s, name, equals + 1, e))
            return false;
    }
    return true;
}

const char *settings_env_find(char **env, const char *name)
{
    size_t len = strlen(name);
    for (; *env; env++)
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=' && (*env)[len + 1])
            return *env + len + 1;
    return NULL;
}
