/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <stdarg.h>

#include "base/log.h"

bool cli_load(const char *file, bool calls, struct config *out)
{
    struct err e;
    bool ok = calls ? config_load(file, NULL, out, &e) : config_load_tool(file, NULL, out, &e);
    if (!ok)
        fprintf(stderr, "pushbridge: %s\n", e.text);
    log_threshold = LOG_WARN;
    return ok;
}

int cli_usage(const char *command, const char *fmt, ...)
{
    va_list ap;
    fprintf(stderr, "pushbridge %s: ", command);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    return CLI_USAGE;
}

bool cli_read_line(FILE *in, struct buf *out)
{
    int c;
    buf_reset(out);
    while ((c = getc_unlocked(in)) != EOF && c != '\n')
        if (buf_ok(out))
            buf_putc(out, (char)c);
    return c != EOF || out->len;
}
