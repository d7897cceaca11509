/* SPDX-License-Identifier: MIT */
#include "base/chars.h"

#include <string.h>

/* Length of the sequence that the lead byte opens, 0 where it cannot open one. */
static size_t sequence_length(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xC2 && lead <= 0xDF)
        return 2;
    if (lead >= 0xE0 && lead <= 0xEF)
        return 3;
    return lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
}

static bool is_scalar(uint32_t code, size_t n)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; /* below it: overlong */
    bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    return code >= least[n] && code <= 0x10FFFF && !surrogate;
}

size_t chars_read(const char *p, size_t len, uint32_t *code)
{
    const unsigned char *u = (const unsigned char *)p;
    size_t n = sequence_length(*u);
    *code = CHARS_NONE;
    if (n == 1)
        *code = *u;
    if (n < 2 || n > len)
        return 1;
    uint32_t value = *u & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((u[i] & 0xC0) != 0x80)
            return 1;
        value = value << 6 | (u[i] & 0x3F);
    }
    if (!is_scalar(value, n))
        return 1;
    *code = value;
    return n;
}

bool chars_is_plain(uint32_t code)
{
    static const struct {
        uint32_t from, to;
    } barred[] = {
        {0x00, 0x1F},     {0x7F, 0x9F},     {0x061C, 0x061C},         {0x200E, 0x200F},
        {0x2028, 0x202E}, {0x2066, 0x2069}, {CHARS_NONE, CHARS_NONE},
    };
    for (size_t i = 0; i < sizeof barred / sizeof barred[0]; i++)
        if (code <= barred[i].to)
            return code < barred[i].from;
    return true;
}

size_t chars_cut(const char *text, size_t len, size_t max)
{
    if (len <= max)
        return len;
    size_t at = 0;
    for (uint32_t code; at < max;) {
        size_t n = chars_read(text + at, len - at, &code);
        if (at + n > max)
            break;
        at += n;
    }
    return at;
}

void chars_trim(char *text)
{
    size_t len = strlen(text);
    uint32_t code;
    for (size_t i = len > 3 ? len - 3 : 0; i < len; i++) {
        bool lead = ((unsigned char)text[i] & 0xC0) == 0xC0;
        chars_read(text + i, len - i, &code);
        if (lead && code == CHARS_NONE && sequence_length((unsigned char)text[i]) > len - i)
            text[len = i] = '\0';
    }
}

size_t chars_escape(uint32_t code, char out[CHARS_ESCAPE_SIZE])
{
    static const char shorts[] = "\nn\rr\tt", hex[] = "0123456789abcdef";
    const char *found = code && code < 0x20 ? strchr(shorts, (int)code) : NULL;
    if (found) {
        memcpy(out, (const char[]){'\\', found[1], '\0'}, 3);
        return 2;
    }
    if (code == CHARS_NONE)
        code = 0xFFFD;
    memcpy(out, "\\u", 2); /* not by snprintf(): a job may be nothing else */
    for (size_t i = 0; i < 4; i++)
        out[2 + i] = hex[code >> (12 - 4 * i) & 15];
    out[6] = '\0';
    return 6;
}
