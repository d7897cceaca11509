/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/visible.h"

/* Of what is shown at once; the longest is a dead letter. */
enum { TEXT_MAX = 64 * 1024 * 1024 };

bool cli_load(const char *file, bool calls, struct config *out)
{
    struct err e;
    bool ok = calls ? config_load(file, NULL, out, &e) : config_load_tool(file, NULL, out, &e);
    if (!ok)
        cli_line(stderr, "pushbridge: %s", e.text);
    log_threshold = LOG_WARN;
    return ok;
}

/* --- what is shown --------------------------------------------------------------------------- */

static void __attribute__((format(printf, 2, 0))) show(FILE *out, const char *fmt, va_list ap)
{
    struct buf shown;
    va_list again;
    va_copy(again, ap);
    int need = vsnprintf(NULL, 0, fmt, ap);
    buf_init(&shown, TEXT_MAX);
    if (need > 0) {
        char *p = mem_alloc((size_t)need + 1);
        vsnprintf(p, (size_t)need + 1, fmt, again);
        visible_add(&shown, p, (size_t)need);
        mem_free(p);
    }
    va_end(again);
    fwrite(buf_text(&shown), 1, shown.len, out);
    buf_free(&shown);
}

void cli_put(FILE *out, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    show(out, fmt, ap);
    va_end(ap);
}

void cli_line(FILE *out, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    show(out, fmt, ap);
    va_end(ap);
    putc('\n', out);
}

static int add_chunk(const char *text, size_t len, void *out)
{
    buf_add(out, text, len);
    return 0;
}

void cli_json(FILE *out, const json_t *value, size_t flags)
{
    struct buf text, shown;
    buf_init(&text, TEXT_MAX);
    buf_init(&shown, TEXT_MAX);
    json_dump_callback(value, add_chunk, &text, flags);
    visible_json(&shown, buf_text(&text), text.len);
    fwrite(buf_text(&shown), 1, shown.len, out);
    buf_free(&text);
    buf_free(&shown);
}

void cli_json_line(FILE *out, const char *json, size_t len)
{
    struct buf shown;
    buf_init(&shown, 6 * len + 1);
    visible_json(&shown, json, len);
    for (size_t i = 0; i < shown.len; i++)
        if ((unsigned char)shown.data[i] < 0x20)
            shown.data[i] = ' '; /* between values */
    fwrite(buf_text(&shown), 1, shown.len, out);
    putc('\n', out);
    buf_free(&shown);
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

bool cli_input_ok(void)
{
    if (!ferror(stdin))
        return true;
    cli_line(stderr, "pushbridge: cannot read the standard input: %s", strerror(errno));
    return false;
}

static int output_fault;

bool cli_flush(void)
{
    if (fflush(stdout) == 0)
        return true;
    output_fault = output_fault ? output_fault : errno;
    return false;
}

int cli_output_fault(void)
{
    if (cli_flush() && ferror(stdout) && !output_fault)
        output_fault = EIO; /* by a write whose reason nobody kept */
    return output_fault;
}
