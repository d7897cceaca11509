/* SPDX-License-Identifier: MIT */
#include "http/http_headers.h"

#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    size_t len;
} wanted[HEADER_COUNT] = {
    [HEADER_CONTENT_TYPE] = {"content-type", 12},
    [HEADER_RETRY_AFTER] = {"retry-after", 11},
    [HEADER_ACS_RETRY_AFTER] = {"x-acs-retry-after", 17},
    [HEADER_RATELIMIT_USER] = {"x-ratelimit-user", 16},
    [HEADER_RATELIMIT_USER_API] = {"x-ratelimit-user-api", 20},
    [HEADER_DATE] = {"date", 4},
};

static enum http_header_id find_header(const char *name, size_t len)
{
    for (unsigned i = 0; i < HEADER_COUNT; i++)
        if (wanted[i].len == len && strncasecmp(wanted[i].name, name, len) == 0)
            return (enum http_header_id)i;
    return HEADER_COUNT;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void keep_header(struct http_headers *h, enum http_header_id id, const char *value,
                        const char *end)
{
    while (value < end && is_space(*value))
        value++;
    while (end > value && is_space(end[-1]))
        end--;
    size_t len = (size_t)(end - value);
    if (len >= HEADER_VALUE_SIZE)
        len = HEADER_VALUE_SIZE - 1;
    memcpy(h->values[id], value, len);
    h->values[id][len] = '\0';
    h->seen[id] = true;
}

static void forget_response(struct http_headers *h)
{
    memset(h->seen, 0, sizeof h->seen);
    h->complete = false;
}

void http_headers_reset(struct http_headers *h)
{
    forget_response(h);
    h->bytes = 0;
}

static void take_line(struct http_headers *h, const char *line, size_t len)
{
    if (len > 0 && (line[0] == '\r' || line[0] == '\n'))
        h->complete = true;
    const char *colon = memchr(line, ':', len);
    if (!colon)
        return;
    enum http_header_id id = find_header(line, (size_t)(colon - line));
    if (id != HEADER_COUNT)
        keep_header(h, id, colon + 1, line + len);
}

bool http_headers_read(struct http_headers *h, const char *line, size_t len)
{
    h->bytes += len;
    if (len > 5 && memcmp(line, "HTTP/", 5) == 0)
        forget_response(h);
    else
        take_line(h, line, len);
    return h->bytes <= HEADERS_BYTES_MAX;
}

const char *http_headers_get(const struct http_headers *h, enum http_header_id id)
{
    return h->seen[id] ? h->values[id] : NULL;
}
