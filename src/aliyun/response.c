/* SPDX-License-Identifier: MIT */
#include "aliyun/response.h"

#include <expat.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "aliyun/errors.h"
#include "base/chars.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "base/said.h"

enum { BODY_MAX = 1 << 20, HINT_MAX_MS = 3600 * 1000, ID_SIZE = 32 };

/* What both formats are read into. */
struct envelope_fields {
    bool readable; /* the whole body is a well-formed envelope */
    bool bad_id;   /* an id is there that cannot be kept as text */
    char code[96], message[256], request_id[64];
    char ids[RESPONSE_IDS_MAX][ID_SIZE];
    size_t nids; /* how many there are: those beyond RESPONSE_IDS_MAX are not kept */
};

/* --- fields --------------------------------------------------------------------------------- */

/* Copies what fits, without cutting a character in two. */
static void copy_plain_text(char *out, size_t size, const char *text)
{
    size_t len = chars_cut(text, strlen(text), size - 1);
    memcpy(out, text, len);
    out[len] = '\0';
}

/* The same for what the provider, or a gateway before it, says freely. */
static void copy_said(char *out, size_t size, const char *text)
{
    char *copy = mem_dup(text, strnlen(text, SAID_MAX));
    said_keep(copy, strlen(copy));
    copy_plain_text(out, size, copy);
    mem_free(copy);
}

static bool is_id(const char *text)
{
    size_t len = strnlen(text, ID_SIZE);
    if (len == 0 || len == ID_SIZE)
        return false;
    for (; *text; text++)
        if (*text <= 0x20 || *text >= 0x7F)
            return false;
    return true;
}

static void add_answer_id(struct envelope_fields *f, const char *text)
{
    if (!is_id(text))
        f->bad_id = true;
    else if (f->nids++ < RESPONSE_IDS_MAX)
        copy_plain_text(f->ids[f->nids - 1], ID_SIZE, text);
}

/* The provider quotes its own string to sign, which holds the push's text. */
static void set_message(struct envelope_fields *f, const char *text)
{
    copy_said(f->message, sizeof f->message, text);
    char *quoted = strcasestr(f->message, "string to sign");
    if (quoted)
        memcpy(quoted, "…", sizeof "…");
}

/* The SDKs accept Code and code alike. */
static void set_field(struct envelope_fields *f, const char *name, const char *text)
{
    if (strcasecmp(name, "Code") == 0)
        copy_said(f->code, sizeof f->code, text);
    else if (strcasecmp(name, "Message") == 0)
        set_message(f, text);
    else if (strcasecmp(name, "RequestId") == 0)
        copy_said(f->request_id, sizeof f->request_id, text);
    else if (strcasecmp(name, "MessageId") == 0)
        add_answer_id(f, text);
}

/* --- JSON ----------------------------------------------------------------------------------- */

/* NULL where the value is no scalar that keeps its digits. */
static const char *scalar_text(const json_t *value, char digits[24])
{
    if (json_is_string(value)) {
        const char *text = json_string_value(value);
        return strlen(text) == json_string_length(value) ? text : NULL;
    }
    if (!json_is_integer(value))
        return NULL;
    snprintf(digits, 24, "%" PRId64, (int64_t)json_integer_value(value));
    return digits;
}

static void json_id(struct envelope_fields *f, const json_t *value)
{
    char digits[24];
    const char *text = scalar_text(value, digits);
    add_answer_id(f, text ? text : "");
}

/* {"MessageIds":{"MessageId":[…]}} of MassPush, {"MessageIds":[…]} of MassPushV2. */
static void json_ids(struct envelope_fields *f, const json_t *value)
{
    if (json_is_object(value))
        value = json_object_get(value, "MessageId");
    if (!json_is_array(value)) {
        json_id(f, value);
        return;
    }
    for (size_t i = 0; i < json_array_size(value); i++)
        json_id(f, json_array_get(value, i));
}

static void json_member(struct envelope_fields *f, const char *name, const json_t *value)
{
    char digits[24];
    if (strcasecmp(name, "MessageIds") == 0) {
        json_ids(f, value);
    } else if (strcasecmp(name, "MessageId") == 0) {
        json_id(f, value);
    } else {
        const char *text = scalar_text(value, digits);
        if (text)
            set_field(f, name, text);
    }
}

static void read_json(const char *body, size_t len, struct envelope_fields *f)
{
    const char *name;
    json_t *value;
    json_t *root = json_loadb(body, len, JSON_ALLOW_NUL, NULL);
    f->readable = json_is_object(root);
    if (f->readable) {
        json_object_foreach(root, name, value)
        {
            json_member(f, name, value);
        }
    }
    json_decref(root);
}

/* --- XML ------------------------------------------------------------------------------------ */

/* Fields are children of the root, ids may stand one level deeper. Text longer than the buffer is
 * cut: no field needs more. */
struct xml {
    XML_Parser parser;
    struct envelope_fields *f;
    size_t depth;
    bool is_envelope, in_ids, refused;
    bool leaf; /* no child since the last start tag: the element's text is whole */
    char text[512];
    size_t len;
};

static bool is_root(const char *name)
{
    static const char suffix[] = "Response";
    size_t len = strlen(name), n = strlen(suffix);
    return strcmp(name, "Error") == 0 || (len > n && strcmp(name + len - n, suffix) == 0);
}

static void XMLCALL xml_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
    struct xml *x = arg;
    (void)attributes;
    x->depth++;
    x->len = 0;
    x->leaf = true;
    if (x->depth == 1)
        x->is_envelope = is_root(name);
    else if (x->depth == 2)
        x->in_ids = strcasecmp(name, "MessageIds") == 0;
}

static void XMLCALL xml_text(void *arg, const XML_Char *text, int len)
{
    struct xml *x = arg;
    size_t room = sizeof x->text - 1 - x->len;
    size_t n = (size_t)len < room ? (size_t)len : room;
    memcpy(x->text + x->len, text, n);
    x->len += n;
}

static void XMLCALL xml_end(void *arg, const XML_Char *name)
{
    struct xml *x = arg;
    x->text[x->len] = '\0';
    if (x->leaf && x->depth == 2 && !x->in_ids)
        set_field(x->f, name, x->text);
    else if (x->leaf && x->depth == 3 && x->in_ids && strcasecmp(name, "MessageId") == 0)
        add_answer_id(x->f, x->text);
    x->depth--;
    x->len = 0;
    x->leaf = false;
}

/* No answer of the provider has a DOCTYPE, and without one there are no entities to expand. */
static void XMLCALL xml_doctype(void *arg, const XML_Char *name, const XML_Char *system_id,
                                const XML_Char *public_id, int has_internal_subset)
{
    struct xml *x = arg;
    (void)name, (void)system_id, (void)public_id, (void)has_internal_subset;
    x->refused = true;
    XML_StopParser(x->parser, XML_FALSE);
}

static void read_xml(const char *body, size_t len, struct envelope_fields *f)
{
    struct xml x = {.parser = XML_ParserCreate(NULL), .f = f};
    if (!x.parser)
        return;
    XML_SetUserData(x.parser, &x);
    XML_SetElementHandler(x.parser, xml_start, xml_end);
    XML_SetCharacterDataHandler(x.parser, xml_text);
    XML_SetStartDoctypeDeclHandler(x.parser, xml_doctype);
    bool parsed = XML_Parse(x.parser, body, (int)len, 1) == XML_STATUS_OK;
    XML_ParserFree(x.parser);
    if (parsed && x.is_envelope && !x.refused)
        f->readable = true;
    else
        *f = (struct envelope_fields){0};
}

/* --- headers -------------------------------------------------------------------------------- */

/* The decimal number that text begins with, times scale, at most an hour; 0: none. */
static int64_t hint_ms(const char *text, int64_t scale)
{
    int64_t n = 0;
    if (!text)
        return 0;
    text += strspn(text, " \t");
    for (; *text >= '0' && *text <= '9' && n <= HINT_MAX_MS; text++)
        n = n * 10 + (*text - '0');
    n *= scale;
    return n < HINT_MAX_MS ? n : HINT_MAX_MS;
}

/* "Limit:500,Remain:0,TimeLeft:700,Reset:1234" */
static int64_t time_left_ms(const char *text)
{
    static const char key[] = "TimeLeft:";
    const char *found = text ? strcasestr(text, key) : NULL;
    return found ? hint_ms(found + strlen(key), 1) : 0;
}

static int64_t retry_hint_ms(const struct response_in *in)
{
    int64_t own =
        max_int(hint_ms(in->acs_retry_after, 1),
                max_int(time_left_ms(in->ratelimit_user), time_left_ms(in->ratelimit_user_api)));
    return max_int(own, hint_ms(in->retry_after, 1000));
}

static int64_t clock_offset_ms(const struct response_in *in)
{
    int64_t theirs;
    if (!in->date || !clock_parse_http_date(in->date, &theirs))
        return 0;
    return theirs - in->now_wall_ms;
}

/* --- classification ------------------------------------------------------------------------- */

/* The first byte decides: the gateway answers XML to a request for JSON, and proxies label
 * anything as anything. */
static void read_body(const struct response_in *in, struct envelope_fields *f)
{
    size_t i = 0;
    *f = (struct envelope_fields){0};
    if (in->len > BODY_MAX)
        return;
    while (i < in->len && strchr(" \t\r\n", in->body[i]) && in->body[i])
        i++;
    if (i < in->len && in->body[i] == '{')
        read_json(in->body + i, in->len - i, f);
    else if (i < in->len && in->body[i] == '<')
        read_xml(in->body + i, in->len - i, f);
}

static bool is_success_code(const char *code)
{
    return !*code || strcmp(code, "200") == 0 || strcmp(code, "OK") == 0 ||
           strcasecmp(code, "success") == 0;
}

static void classify_error(const struct response_in *in, struct reply *out)
{
    struct error_class c = errors_classify(out->code, in->status);
    out->class = c.class;
    out->ambiguous = c.ambiguous;
    out->goes_on = c.goes_on;
    out->scope = c.scope;
    out->retry_after_ms = retry_hint_ms(in);
    if (c.class == REPLY_CLOCK)
        out->clock_offset_ms = clock_offset_ms(in);
}

/* A success that says nothing readable: the push was most likely accepted. */
static void classify_success(const struct envelope_fields *f, bool readable, struct reply *out)
{
    out->class = readable ? REPLY_SENT : REPLY_TRANSIENT;
    out->ambiguous = out->goes_on = !readable;
    if (!readable)
        copy_plain_text(out->message, sizeof out->message, "success without a readable answer");
    else if (f->nids)
        copy_plain_text(out->message_id, sizeof out->message_id, f->ids[0]);
}

static void read_reply(const struct response_in *in, bool need_id, struct envelope_fields *f,
                       struct reply *out)
{
    read_body(in, f);
    *out = (struct reply){.http_status = in->status};
    copy_plain_text(out->request_id, sizeof out->request_id, f->request_id);
    copy_plain_text(out->code, sizeof out->code, f->code);
    copy_plain_text(out->message, sizeof out->message, f->message);
    bool success = in->status >= 200 && in->status < 300 && is_success_code(f->code);
    if (success)
        classify_success(f, f->readable && (!need_id || (f->nids && !f->bad_id)), out);
    else
        classify_error(in, out);
}

void response_read(const struct response_in *in, struct reply *out, char (*ids)[32], size_t *nids)
{
    struct envelope_fields f;
    read_reply(in, true, &f, out);
    size_t n = out->class == REPLY_SENT ? f.nids : 0;
    if (ids && n)
        memcpy(ids, f.ids, (n < RESPONSE_IDS_MAX ? n : RESPONSE_IDS_MAX) * sizeof f.ids[0]);
    if (nids)
        *nids = n;
}

void response_read_plain(const struct response_in *in, struct reply *out)
{
    struct envelope_fields f;
    read_reply(in, false, &f, out);
}
