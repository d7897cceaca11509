/* SPDX-License-Identifier: MIT */
#include "base/said.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/chars.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "base/secrets.h"
#include "base/text.h"

enum {
    SIGNATURE_MIN = 16, /* bytes of a value that can be one */
    MASK_FROM = 20,     /* letters and digits in a row that are no word */
    MASK_KEEPS = 4,
    WORD_MAX = 40, /* of an unknown command's name */
};

/* Both are short, or bounded by their reader. */
static bool begins(const char *text, size_t len, const char *with)
{
    if (!len || (*text | 0x20) != (*with | 0x20)) /* nearly always; it is asked at each byte */
        return false;
    size_t n = strlen(with);
    return len >= n && strncasecmp(text, with, n) == 0;
}

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-';
}

/* Bytes of an equals sign at p, also percent-encoded as in a string to sign; 0: none. */
static size_t equals_at(const char *p, size_t len)
{
    static const char *const forms[] = {"=", "%3D", "%253D"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (begins(p, len, forms[i]))
            return strlen(forms[i]);
    return 0;
}

/* --- signatures ------------------------------------------------------------------------------ */

static bool is_sign_char(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("+/=%-_", c));
}

/* The value of a signature behind its name at p: where it begins, 0: none; *n its bytes. */
static size_t signature_at(const char *p, size_t len, size_t *n)
{
    const size_t name = strlen("signature");
    size_t from = name;
    if (!begins(p, len, "signature"))
        return 0;
    from += equals_at(p + from, len - from);
    while (from < len && strchr("\"': ", p[from]) && p[from])
        from++;
    if (from == name) /* the name in a row would be looked at to its end each time */
        return 0;
    *n = 0;
    while (from + *n < len && is_sign_char(p[from + *n]))
        ++*n;
    return *n >= SIGNATURE_MIN ? from : 0;
}

size_t said_keep(char *text, size_t len)
{
    size_t at = 0;
    len = secrets_blank(text, len);
    for (size_t i = 0, n; i < len;) {
        size_t from = signature_at(text + i, len - i, &n);
        if (!from) {
            text[at++] = text[i++];
            continue;
        }
        memmove(text + at, text + i, from);
        memcpy(text + at + from, "***", 3);
        at += from + 3;
        i += from + n;
    }
    text[at] = '\0';
    return at;
}

/* --- quoted requests ------------------------------------------------------------------------- */

/* Where servers begin to quote, and where texts to sign stand. */
static const char *const markers[] = {
    "with args",
    "args beginning",
    "with argument",
    "args:",
    "arguments:",
    "argv",
    "string to sign",
    "stringtosign",
    "string-to-sign",
    "canonicalrequest",
    "canonical request",
    "authorization:",
    "{\"",
    "{'",
    "{\\\"",
    "[\"",
    "[{",
    "*1\\r\\n",
};

/* <Body>, </Body>, <?xml, <!-- */
static bool is_markup(const char *p, size_t len)
{
    return len > 1 && *p == '<' && (isalpha((unsigned char)p[1]) || strchr("/?!", p[1]));
}

/* name=value */
static bool is_pair(const char *p, size_t len, bool inside)
{
    size_t n = 0;
    if (inside || !isalnum((unsigned char)*p))
        return false;
    while (n < len && is_name(p[n]))
        n++;
    size_t equals = n > 1 ? equals_at(p + n, len - n) : 0;
    return equals && n + equals < len && !strchr(" =", p[n + equals]);
}

static bool is_request(const char *p, size_t len, bool inside)
{
    for (size_t i = 0; i < sizeof markers / sizeof markers[0]; i++)
        if (begins(p, len, markers[i]))
            return true;
    return is_markup(p, len) || is_pair(p, len, inside) || begins(p, len, "/?");
}

static size_t find_request(const char *text, size_t len)
{
    size_t at = 0;
    while (at < len && !is_request(text + at, len - at, at && is_name(text[at - 1])))
        at++;
    return at;
}

/* "unknown command 'AUTH' …": what follows the name. len: nothing of the kind. */
static size_t find_unknown(const char *text, size_t len)
{
    static const char *const phrases[] = {
        "unknown command",      "unknown subcommand",   "unknown or unsupported command",
        "unrecognized command", "unrecognised command", "unsupported command",
        "invalid command",      "bad command",          "no such command",
    };
    for (size_t i = 0; i < len; i++)
        for (size_t k = 0; k < sizeof phrases / sizeof phrases[0]; k++) {
            if (!begins(text + i, len - i, phrases[k]))
                continue;
            size_t at = i + strlen(phrases[k]), n = 0;
            while (at < len && strchr(" :'`\"", text[at]) && text[at])
                at++;
            while (at + n < len && n < WORD_MAX && (is_name(text[at + n]) || text[at + n] == '|'))
                n++;
            at += n;
            return at < len && strchr("'`\"", text[at]) && text[at] ? at + 1 : at;
        }
    return len;
}

/* Cuts there; an ellipsis says so where it fits. */
static size_t cut_at(char *text, size_t at, size_t len)
{
    static const char ellipsis[] = " …";
    if (at >= len)
        return len;
    size_t room = len;
    while (at && strchr(" ,:;", text[at - 1]))
        at--;
    size_t n = room - at < sizeof ellipsis - 1 ? 0 : sizeof ellipsis - 1;
    memcpy(text + at, ellipsis, n);
    return at + n;
}

/* --- what is left ---------------------------------------------------------------------------- */

/* scheme://user:password@host */
static size_t hide_users(char *text, size_t len)
{
    size_t at = 0;
    for (size_t i = 0; i < len;) {
        text[at++] = text[i++];
        if (at < 3 || memcmp(text + at - 3, "://", 3) != 0)
            continue;
        size_t end = i, sign = 0;
        for (; end < len && !strchr(" /\"'", text[end]); end++)
            if (text[end] == '@')
                sign = end;
        if (sign < i + 3)
            continue;
        memcpy(text + at, "***", 3);
        at += 3;
        i = sign;
    }
    return at;
}

/* Letters and digits mixed in one long run are no word of any language. */
static size_t mask_runs(char *text, size_t len)
{
    size_t at = 0;
    for (size_t i = 0, n; i < len; i += n) {
        bool digit = false, letter = false;
        for (n = 0; i + n < len && isalnum((unsigned char)text[i + n]); n++) {
            digit |= isdigit((unsigned char)text[i + n]) != 0;
            letter |= isalpha((unsigned char)text[i + n]) != 0;
        }
        bool mask = n >= MASK_FROM && digit && letter;
        size_t keep = mask ? MASK_KEEPS : n ? n : 1;
        memmove(text + at, text + i, keep);
        at += keep;
        memcpy(text + at, "***", mask ? 3 : 0);
        at += mask ? 3 : 0;
        n += !n;
    }
    return at;
}

size_t said_clean(char *text, size_t len)
{
    len = said_keep(text, len);
    size_t request = find_request(text, len), unknown = find_unknown(text, len);
    len = cut_at(text, min_size(request, unknown), len);
    len = mask_runs(text, hide_users(text, len));
    text[len] = '\0';
    return len;
}

const char *said_copy(char *out, size_t room, const char *text)
{
    char *copy = mem_dup(text, strnlen(text, SAID_MAX));
    size_t len = said_clean(copy, strlen(copy));
    len = chars_cut(copy, len, room - 1);
    memcpy(out, copy, len);
    out[len] = '\0';
    mem_free(copy);
    return out;
}
