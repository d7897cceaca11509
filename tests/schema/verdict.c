/* SPDX-License-Identifier: MIT
 * What the parser and the target's limits say of each job on the standard input, as one JSON
 * object per line. A job comes as its number of bytes, a newline, and the bytes. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "job/target.h"

static const struct job_limits limits = {10000, 64000, "push:reply:"};

static bool is_accepted(const char *bytes, size_t len, struct refusal *why)
{
    struct job job;
    struct target target = {0};
    bool ok = job_parse(bytes, len, &limits, &job, why);
    if (ok && !target_build(&job, &target_limits_default, &target, &why->err)) {
        why->reason = REASON_INVALID_TARGET;
        ok = false;
    }
    target_free(&target);
    job_free(&job);
    return ok;
}

static void judge(const char *bytes, size_t len)
{
    struct refusal why = {0};
    bool ok = is_accepted(bytes, len, &why);
    /* A quoted name may have been cut inside a character. */
    const char *text = text_is_utf8(why.err.text, strlen(why.err.text)) ? why.err.text : "";
    json_t *line = json_pack("{s:b,s:s,s:s}", "ok", ok, "reason",
                             ok ? "none" : reason_name(why.reason), "text", text);
    if (!line)
        abort();
    json_dumpf(line, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(line);
}

int main(void)
{
    size_t len;
    while (scanf("%zu", &len) == 1 && getchar() == '\n') {
        char *bytes = mem_alloc(len + 1);
        if (fread(bytes, 1, len, stdin) != len)
            abort();
        judge(bytes, len);
        mem_free(bytes);
    }
    return 0;
}
