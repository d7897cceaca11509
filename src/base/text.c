/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/chars.h"

bool text_int(const char *text, int64_t min, int64_t max, int64_t *out)
{
    if (!(text[0] == '-' || (text[0] >= '0' && text[0] <= '9')))
        return false;
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (errno || *end || end == text || n < min || n > max)
        return false;
    *out = n;
    return true;
}

bool text_duration(const char *text, int64_t *ms)
{
    static const char letters[] = "smhd";
    static const int64_t units[] = {1000, 1000, 60000, 3600000, 86400000};
    size_t len = strlen(text);
    const char *letter = len ? strchr(letters, text[len - 1]) : NULL;
    char number[16];
    int64_t n;
    if (letter)
        len--;
    if (!len || len >= sizeof number)
        return false;
    memcpy(number, text, len);
    number[len] = '\0';
    if (!text_int(number, 1, 1000000000, &n))
        return false;
    *ms = n * units[letter ? letter - letters + 1 : 0];
    return true;
}

bool text_is_utf8(const char *p, size_t len)
{
    uint32_t code;
    for (size_t i = 0; i < len;) {
        if ((signed char)p[i] >= 0) { /* most are */
            i++;
            continue;
        }
        i += chars_read(p + i, len - i, &code);
        if (code == CHARS_NONE)
            return false;
    }
    return true;
}

size_t text_utf8_chars(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

char *text_number(char *at, uint64_t n)
{
    char *end = at + 1;
    for (uint64_t rest = n / 10; rest; rest /= 10)
        end++;
    *end = '\0';
    for (char *p = end; p > at; n /= 10)
        *--p = (char)('0' + n % 10);
    return end;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int text_hex_byte(const char *p, size_t len)
{
    int high = len >= 2 ? hex_digit(p[0]) : -1, low = high >= 0 ? hex_digit(p[1]) : -1;
    return low < 0 ? -1 : high * 16 + low;
}

void text_hex(const void *p, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *u = p;
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[u[i] >> 4];
        out[2 * i + 1] = digits[u[i] & 15];
    }
    out[2 * len] = '\0';
}

static const char base64_std[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Encodes up to three bytes as up to four characters; returns how many carry data. */
static size_t base64_group(const unsigned char *u, size_t len, const char *alphabet, char out[4])
{
    uint32_t bits =
        (uint32_t)u[0] << 16 | (len > 1 ? (uint32_t)u[1] << 8 : 0) | (len > 2 ? (uint32_t)u[2] : 0);
    for (int i = 0; i < 4; i++)
        out[i] = alphabet[bits >> (18 - 6 * i) & 63];
    return len >= 3 ? 4 : len + 1;
}

void text_base64(struct buf *b, const void *p, size_t len)
{
    const unsigned char *u = p;
    for (size_t i = 0; i < len; i += 3) {
        char group[4];
        size_t n = base64_group(u + i, len - i, base64_std, group);
        buf_add(b, group, n);
        buf_add(b, "==", 4 - n);
    }
}

static int base64_digit(char c)
{
    const char *p = c ? strchr(base64_std, c) : NULL;
    return p ? (int)(p - base64_std) : -1;
}

bool text_base64_decode(struct buf *b, const char *text, size_t len)
{
    if (len % 4)
        return false;
    while (len && text[len - 1] == '=' && len % 4 != 2)
        len--;
    for (size_t i = 0; i < len; i += 4) {
        unsigned bits = 0;
        size_t n = len - i < 4 ? len - i : 4;
        for (size_t k = 0; k < 4; k++) {
            int digit = k < n ? base64_digit(text[i + k]) : 0;
            if (digit < 0)
                return false;
            bits = bits << 6 | (unsigned)digit;
        }
        const char bytes[3] = {(char)(bits >> 16), (char)(bits >> 8), (char)bits};
        buf_add(b, bytes, n - 1);
    }
    return buf_ok(b);
}

void text_base64url(const void *p, size_t len, char *out)
{
    const unsigned char *u = p;
    for (size_t i = 0; i < len; i += 3) {
        char group[4];
        size_t n = base64_group(u + i, len - i, base64_url, group);
        memcpy(out, group, n);
        out += n;
    }
    *out = '\0';
}

bool text_starts(const char *text, const char *prefix)
{
    return !*prefix || (*text == *prefix && strncmp(text, prefix, strlen(prefix)) == 0);
}

bool text_ends(const char *text, const char *suffix)
{
    size_t n = strlen(text), m = strlen(suffix);
    return n >= m && memcmp(text + n - m, suffix, m) == 0;
}

const char *text_element(const char **list, size_t *len)
{
    const char *from = *list + strspn(*list, " ");
    size_t n = strcspn(from, ",");
    *list = from[n] ? from + n + 1 : NULL;
    while (n && from[n - 1] == ' ')
        n--;
    *len = n;
    return from;
}
