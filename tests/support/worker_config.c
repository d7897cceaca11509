/* SPDX-License-Identifier: MIT */
#include "support/worker_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/cmocka.h"

enum { CONFIG_VARS_MAX = 24, CONFIG_VAR_SIZE = 256 };

void worker_config_write(char *path, const char *text)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

void worker_config_load(struct config *c, int provider_port, int redis_port,
                        const char *const *vars, const char *file)
{
    static char text[CONFIG_VARS_MAX][CONFIG_VAR_SIZE]; /* writable, for the type's sake */
    char *env[CONFIG_VARS_MAX + 1], path[] = "/tmp/pushbridge-conf-XXXXXX";
    struct err e;
    size_t n = 0;
    snprintf(text[n++], CONFIG_VAR_SIZE, "PUSHBRIDGE_ALIYUN_ENDPOINT=http://127.0.0.1:%d",
             provider_port ? provider_port : 9);
    snprintf(text[n++], CONFIG_VAR_SIZE, "PUSHBRIDGE_REDIS_URL=redis://127.0.0.1:%d/0",
             redis_port ? redis_port : 6379);
    snprintf(text[n++], CONFIG_VAR_SIZE, "PREQ_ACCESS_KEY_ID=id");
    snprintf(text[n++], CONFIG_VAR_SIZE, "PREQ_ACCESS_KEY_SECRET=secret");
    snprintf(text[n++], CONFIG_VAR_SIZE, "PREQ_APP_KEY=23456789");
    for (; vars && *vars; vars++) {
        size_t at = 0, name = strcspn(*vars, "=");
        while (at < n && strncmp(text[at], *vars, name + 1) != 0)
            at++;
        assert_true(at < CONFIG_VARS_MAX);
        snprintf(text[at], CONFIG_VAR_SIZE, "%s", *vars);
        n += at == n;
    }
    for (size_t i = 0; i < n; i++)
        env[i] = text[i];
    env[n] = NULL;
    if (file)
        worker_config_write(path, file);
    if (!config_load(file ? path : NULL, env, c, &e))
        fail_msg("configuration: %s", e.text);
    if (file)
        unlink(path);
}
