/* SPDX-License-Identifier: MIT */
#include "mock/wire/answer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static const char host_id[] = "cloudpush.aliyuncs.com";

static void add_xml(struct buf *b, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '&':
            buf_puts(b, "&amp;");
            break;
        case '<':
            buf_puts(b, "&lt;");
            break;
        case '>':
            buf_puts(b, "&gt;");
            break;
        case '\n': /* an error text quotes a string of several lines */
            buf_puts(b, "&#10;");
            break;
        default:
            buf_putc(b, *text);
        }
}

static void add_json_member(struct buf *b, const char *name, const char *text)
{
    buf_printf(b, "%s\"%s\":", b->len > 1 ? "," : "", name);
    buf_json(b, text, strlen(text));
}

static void add_xml_element(struct buf *b, const char *name, const char *text)
{
    buf_printf(b, "<%s>", name);
    add_xml(b, text);
    buf_printf(b, "</%s>", name);
}

static void add_answer_member(struct buf *b, bool json, const char *name, const char *text)
{
    if (json)
        add_json_member(b, name, text);
    else
        add_xml_element(b, name, text);
}

static void open_answer(struct buf *b, bool json, const char *root)
{
    if (json)
        buf_putc(b, '{');
    else
        buf_printf(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><%s>", root);
}

static void close_answer(struct buf *b, bool json, const char *root)
{
    if (json)
        buf_putc(b, '}');
    else
        buf_printf(b, "</%s>", root);
}

void answer_new_request_id(char out[ANSWER_ID_SIZE])
{
    unsigned char u[16];
    clock_random(u, sizeof(u));
    u[6] = (unsigned char)((u[6] & 0x0F) | 0x40);
    u[8] = (unsigned char)((u[8] & 0x3F) | 0x80);
    snprintf(out, ANSWER_ID_SIZE,
             "%02X%02X%02X%02X-%02X%02X-%02X%02X-%02X%02X-%02X%02X%02X%02X%02X%02X", u[0], u[1],
             u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14],
             u[15]);
}

static void add_json_members(struct buf *out, const json_t *members)
{
    char *text = json_dumps(members, JSON_COMPACT | JSON_EMBED);
    if (text && *text) {
        buf_putc(out, ',');
        buf_puts(out, text);
    }
    free(text);
}

static void add_xml_members(struct buf *out, json_t *object);

static void add_xml_value(struct buf *out, const char *name, json_t *value)
{
    if (json_is_string(value)) {
        add_xml_element(out, name, json_string_value(value));
        return;
    }
    buf_printf(out, "<%s>", name);
    if (json_is_object(value))
        add_xml_members(out, value);
    else if (json_is_integer(value))
        buf_int(out, json_integer_value(value));
    else if (json_is_boolean(value))
        buf_puts(out, json_is_true(value) ? "true" : "false");
    buf_printf(out, "</%s>", name);
}

static void add_xml_members(struct buf *out, json_t *object)
{
    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
        const char *name = json_object_iter_key(at);
        json_t *value = json_object_iter_value(at);
        if (!json_is_array(value))
            add_xml_value(out, name, value);
        for (size_t i = 0; i < json_array_size(value); i++)
            add_xml_value(out, name, json_array_get(value, i));
    }
}

void answer_success(struct buf *out, bool json, const char *action, const char *request_id,
                    json_t *members)
{
    char root[64];
    snprintf(root, sizeof(root), "%.40sResponse", action);
    open_answer(out, json, root);
    add_answer_member(out, json, "RequestId", request_id);
    if (members && json)
        add_json_members(out, members);
    else if (members)
        add_xml_members(out, members);
    close_answer(out, json, root);
}

void answer_error(struct buf *out, bool json, const char *request_id, const char *code,
                  const char *text)
{
    char link[256];
    snprintf(link, sizeof(link),
             "https://api.aliyun.com/troubleshoot?q=%.90s&product=Push&requestId=%s", code,
             request_id);
    open_answer(out, json, "Error");
    add_answer_member(out, json, "RequestId", request_id);
    add_answer_member(out, json, "HostId", host_id);
    add_answer_member(out, json, "Code", code);
    add_answer_member(out, json, "Message", text);
    add_answer_member(out, json, "Recommend", link);
    close_answer(out, json, "Error");
}

void answer_bad_gateway(struct buf *out)
{
    buf_puts(out, "<html><head><title>502 Bad Gateway</title></head>\n"
                  "<body><center><h1>502 Bad Gateway</h1></center></body></html>\n");
}

void answer_garbage(struct buf *out)
{
    buf_puts(out, "{\"MessageId\":\"1174754");
}
