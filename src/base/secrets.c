/* SPDX-License-Identifier: MIT */
#include "base/secrets.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

enum {
    SECRET_MIN = 3,
    QUOTED_BELOW = 4, /* so short: between quotes only */
    WORD_BELOW = 8,
    PREFIX_MIN = 12, /* of a longer one, or … */
    TAIL_MIN = 4,    /* … at the end of a text that was cut */
    PART_MAX = 1025, /* longer is no option's value */
};

static struct secret {
    char *text;
    size_t len;
    bool as_word;
} known[SECRETS_MAX];
static size_t nknown, oldest;
static bool begins[256]; /* whether any begins with the byte */

static void add_secret(const char *text, size_t len, bool as_word)
{
    if (len < SECRET_MIN)
        return;
    for (size_t i = 0; i < nknown; i++)
        if (known[i].len == len && memcmp(known[i].text, text, len) == 0)
            return;
    struct secret *s = &known[nknown < SECRETS_MAX ? nknown++ : oldest++ % SECRETS_MAX];
    if (s->text)
        mem_wipe(s->text, s->len);
    mem_free(s->text);
    *s = (struct secret){mem_dup(text, len), len, as_word || len < WORD_BELOW};
    begins[(unsigned char)*text] = true;
}

void secrets_add(const char *secret)
{
    if (secret)
        add_secret(secret, strlen(secret), false);
}

void secrets_add_name(const char *name)
{
    if (name && strcmp(name, "default") != 0)
        add_secret(name, strlen(name), true);
}

/* --- URLs ------------------------------------------------------------------------------------ */

/* Percent-decoded; returns its length. */
static size_t decode_percent(const char *p, size_t len, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < len; n++) {
        int c = p[i] == '%' ? text_hex_byte(p + i + 1, len - i - 1) : -1;
        out[n] = c >= 0 ? (char)c : p[i];
        i += c >= 0 ? 3 : 1;
    }
    return n;
}

static void add_url_part(const char *p, size_t len, bool name)
{
    char decoded[PART_MAX];
    add_secret(p, len, name);
    add_secret(decoded, decode_percent(p, len, decoded), name);
    mem_wipe(decoded, sizeof decoded);
}

/* As a proxy gets both. */
static void add_basic(const char *p, size_t len)
{
    char decoded[PART_MAX];
    struct buf basic;
    buf_init(&basic, 2 * PART_MAX);
    text_base64(&basic, decoded, decode_percent(p, len, decoded));
    secrets_add(buf_text(&basic));
    buf_wipe(&basic);
    buf_free(&basic);
    mem_wipe(decoded, sizeof decoded);
}

void secrets_add_url(const char *url)
{
    const char *start = strstr(url, "://");
    start = start ? start + 3 : url;
    const char *at = strrchr(start, '@');
    size_t len = at ? (size_t)(at - start) : 0;
    if (!len || len >= PART_MAX)
        return;
    const char *colon = memchr(start, ':', len);
    size_t name = colon ? (size_t)(colon - start) : len;
    add_url_part(start, name, colon != NULL);
    if (colon)
        add_url_part(colon + 1, len - name - 1, false);
    add_basic(start, len);
}

/* --- looking --------------------------------------------------------------------------------- */

/* Bytes of text that stand for c, 0: none do. */
static size_t stands_for(const char *p, size_t len, char c)
{
    if (*p == '%')
        for (size_t i = 1; i + 1 < len; i += 2) { /* %2F, %252F, … */
            if (text_hex_byte(p + i, len - i) == (unsigned char)c)
                return i + 2;
            if (p[i] != '2' || p[i + 1] != '5')
                break;
        }
    if (*p == c || (*p == '+' && c == ' '))
        return 1;
    if (*p != '\\' || len < 2)
        return 0;
    if (p[1] == c)
        return 2;
    if (p[1] == 'x' && text_hex_byte(p + 2, len - 2) == (unsigned char)c)
        return 4;
    bool unicode = len >= 6 && p[1] == 'u' && p[2] == '0' && p[3] == '0';
    return unicode && text_hex_byte(p + 4, 2) == (unsigned char)c ? 6 : 0;
}

static bool is_word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_quote(char c)
{
    return c == '\'' || c == '"' || c == '`';
}

/* The text's first word in capitals is the code of an error. */
static bool is_code(const char *text, size_t len)
{
    size_t n = 0;
    while (n < len && (isupper((unsigned char)text[n]) || text[n] == '_'))
        n++;
    return n == len;
}

static bool stands_alone(const char *text, size_t len, size_t from, size_t n, size_t of)
{
    bool end = from + n == len;
    if (of < QUOTED_BELOW)
        return from && !end && is_quote(text[from - 1]) && is_quote(text[from + n]);
    if (from ? is_word_char(text[from - 1]) : is_code(text, n))
        return false;
    return end || !is_word_char(text[from + n]);
}

/* Bytes of text from there that are the secret or the beginning of it; 0: none. */
static size_t match(const struct secret *s, const char *text, size_t len, size_t from)
{
    size_t at = from, n = 0;
    for (size_t m; n < s->len && at < len; n++, at += m)
        if (!(m = stands_for(text + at, len - at, s->text[n])))
            break;
    if (n == s->len)
        return !s->as_word || stands_alone(text, len, from, at - from, n) ? at - from : 0;
    bool cut = at == len && n >= TAIL_MIN;
    return !s->as_word && (n >= PREFIX_MIN || cut) ? at - from : 0;
}

static size_t longest(const char *text, size_t len, size_t from)
{
    size_t found = 0;
    char c = text[from];
    if (!begins[(unsigned char)c] && c != '%' && c != '\\' && c != '+')
        return 0;
    for (size_t i = 0; i < nknown; i++) {
        size_t n = match(&known[i], text, len, from);
        if (n > found)
            found = n;
    }
    return found;
}

size_t secrets_blank(char *text, size_t len)
{
    size_t at = 0;
    for (size_t i = 0; nknown && i < len;) {
        size_t n = longest(text, len, i);
        if (!n) {
            text[at++] = text[i++];
            continue;
        }
        memcpy(text + at, "***", 3); /* none is shorter */
        at += 3;
        i += n;
    }
    return nknown ? at : len;
}

void secrets_forget(void)
{
    for (size_t i = 0; i < nknown; i++) {
        mem_wipe(known[i].text, known[i].len);
        mem_free(known[i].text);
    }
    memset(known, 0, sizeof known);
    memset(begins, 0, sizeof begins);
    nknown = oldest = 0;
}
