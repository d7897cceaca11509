/* SPDX-License-Identifier: MIT */
#include "job/written/foreign.h"

#include <stdbool.h>
#include <string.h>

/* --- bytes ----------------------------------------------------------------------------------- */

struct beginning {
    const char *bytes;
    size_t len;
    const char *name;
};
#define BEGINS(bytes, name)                                                                        \
    {                                                                                              \
        bytes, sizeof(bytes) - 1, name                                                             \
    }

static const struct beginning beginnings[] = {
    BEGINS("\xac\xed\x00\x05", "Java's serialization"),
    BEGINS("\x1f\x8b", "gzip"),
    BEGINS("\x78\x9c", "zlib"),
    BEGINS("\x28\xb5\x2f\xfd", "zstd"),
    BEGINS("\x80\x02", "Python's pickle"),
    BEGINS("\x80\x03", "Python's pickle"),
    BEGINS("\x80\x04", "Python's pickle"),
    BEGINS("\x80\x05", "Python's pickle"),
    BEGINS("\x04\x08", "Ruby's Marshal"),
    BEGINS("\xef\xbb\xbf", "JSON behind a byte order mark"),
    BEGINS("\xff\xfe", "UTF-16"),
    BEGINS("\xfe\xff", "UTF-16"),
    BEGINS("{\0", "UTF-16"),
    BEGINS("\0{", "UTF-16"),
    BEGINS("{'", "Python's repr of a dict"),
    BEGINS("%7B%22", "JSON encoded for a URL"),
    BEGINS("%7b%22", "JSON encoded for a URL"),
    BEGINS("<?xml", "XML"),
};

static bool is_figure(char c)
{
    return c >= '0' && c <= '9';
}

/* a:1:{…} or O:8:"… */
static bool is_php(const char *bytes, size_t len)
{
    size_t at = 2;
    if (len < 5 || !strchr("aO", bytes[0]) || bytes[1] != ':')
        return false;
    while (at < len && is_figure(bytes[at]))
        at++;
    return at > 2 && at + 1 < len && bytes[at] == ':' &&
           bytes[at + 1] == (bytes[0] == 'a' ? '{' : '"');
}

/* A map whose first key is a text. */
static bool is_message_pack(const char *bytes, size_t len)
{
    const unsigned char *p = (const unsigned char *)bytes;
    return len >= 2 && p[0] >= 0x81 && p[0] <= 0x8f &&
           ((p[1] >= 0xa1 && p[1] <= 0xbf) || p[1] == 0xd9);
}

static bool is_of_base64(char c)
{
    return is_figure(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' ||
           c == '/' || c == '-' || c == '_';
}

/* That of {" or of { and a line end, and nothing else in it. */
static bool is_base64(const char *bytes, size_t len)
{
    while (len && (bytes[len - 1] == '\n' || bytes[len - 1] == '\r'))
        len--;
    for (int pads = 0; pads < 2 && len && bytes[len - 1] == '='; pads++)
        len--;
    if (len < 8 || (memcmp(bytes, "eyJ", 3) != 0 && memcmp(bytes, "ewo", 3) != 0 &&
                    memcmp(bytes, "ew0K", 4) != 0))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!is_of_base64(bytes[i]))
            return false;
    return true;
}

const char *foreign_bytes(const char *bytes, size_t len)
{
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (len >= beginnings[i].len && memcmp(bytes, beginnings[i].bytes, beginnings[i].len) == 0)
            return beginnings[i].name;
    if (is_php(bytes, len))
        return "PHP's serialize()";
    if (is_message_pack(bytes, len))
        return "MessagePack";
    return is_base64(bytes, len) ? "base64 of JSON" : NULL;
}

/* --- JSON ------------------------------------------------------------------------------------ */

/* The first member is none of ours. */
static const struct {
    const char *name, *members[3];
} envelopes[] = {
    {"a Sidekiq job", {"class", "args", "jid"}},
    {"a Faktory job", {"jobtype", "args", "jid"}},
    {"a Resque job", {"class", "args", NULL}},
    {"an Active Job", {"job_class", "job_id", "arguments"}},
    {"a Celery message", {"body", "headers", "properties"}},
    {"a Celery message", {"task", "args", "kwargs"}},
    {"a Dramatiq message", {"actor_name", "queue_name", "args"}},
    {"a Laravel job", {"displayName", "job", "data"}},
    {"a Machinery task", {"UUID", "RoutingKey", "Args"}},
    {"a CloudEvent", {"specversion", "source", "type"}},
    {"a MassTransit message", {"messageType", "messageId", "message"}},
    {"JSON with Java's class names", {"@class", NULL, NULL}},
};

static bool has_all(const json_t *object, const char *const *members)
{
    for (size_t i = 0; i < 3 && members[i]; i++)
        if (!json_object_get(object, members[i]))
            return false;
    return true;
}

static const char *envelope_of(const json_t *object, const char **member)
{
    for (size_t i = 0; i < sizeof envelopes / sizeof *envelopes; i++)
        if (has_all(object, envelopes[i].members)) {
            *member = envelopes[i].members[0];
            return envelopes[i].name;
        }
    return NULL;
}

static const char *list_of(const json_t *list)
{
    const json_t *first = json_array_get(list, 0), *second = json_array_get(list, 1);
    if (json_array_size(list) == 2 && json_is_string(first) && json_is_object(second))
        return "JSON with Java's class names";
    if (json_array_size(list) == 3 && json_is_array(first) && json_is_object(second))
        return "the body of a Celery message";
    return json_object_get(first, "code") || json_object_get(first, "message")
               ? "several jobs in one list"
               : NULL;
}

static const char *text_of(const char *text, size_t len)
{
    size_t blanks = strspn(text, " \t\r\n");
    return text[blanks] == '{' ? "JSON in JSON text" : foreign_bytes(text, len);
}

const char *foreign_value(const json_t *value, const char **member)
{
    *member = NULL;
    if (json_is_object(value))
        return envelope_of(value, member);
    if (json_is_array(value))
        return list_of(value);
    return json_is_string(value) ? text_of(json_string_value(value), json_string_length(value))
                                 : NULL;
}
