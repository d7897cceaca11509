/* SPDX-License-Identifier: MIT */
#include "mock/wire/request.h"

#include <string.h>
#include <strings.h>

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "base/mem.h"
#include "base/text.h"

static const char *method_name(const struct evhttp_request *req)
{
    switch (evhttp_request_get_command(req)) {
    case EVHTTP_REQ_GET:
        return "GET";
    case EVHTTP_REQ_POST:
        return "POST";
    default:
        return "OTHER";
    }
}

static void copy_body(struct request *q, struct evhttp_request *req)
{
    struct evbuffer *in = evhttp_request_get_input_buffer(req);
    q->body_len = evbuffer_get_length(in);
    q->body = mem_alloc(q->body_len + 1);
    evbuffer_copyout(in, q->body, q->body_len);
    q->body[q->body_len] = '\0';
}

static bool read_fields(struct request *q, const char *uri)
{
    const char *query = strchr(uri, '?');
    if (query && !fields_parse(&q->fields, query + 1, strlen(query + 1), false))
        return false;
    const char *type = request_header(q, "content-type");
    bool form = type && strncasecmp(type, "application/x-www-form-urlencoded", 33) == 0;
    return !form || fields_parse(&q->fields, q->body, q->body_len, true);
}

static bool path_is_root(const char *uri)
{
    const char *scheme = strstr(uri, "://");
    const char *query = strchr(uri, '?');
    if (scheme && (!query || scheme < query)) {
        uri = strchr(scheme + 3, '/');
        return !uri || uri[1] == '\0' || uri[1] == '?';
    }
    return uri[0] == '/' && (uri[1] == '\0' || uri[1] == '?');
}

/* V3 asks for JSON with a header; V1 with a parameter, whose default is XML. */
static bool json_wanted(const struct request *q)
{
    if (!q->v3) {
        const char *format = fields_get(&q->fields, "Format");
        return format && strcasecmp(format, "JSON") == 0;
    }
    const char *accept = request_header(q, "accept");
    return accept && strstr(accept, "application/json");
}

/* The vendor's older SDKs sign as V1 and send x-acs-action and x-acs-version all the same, so these
 * headers decide only where nothing else says what a call is. */
static bool uses_v3(const struct request *q)
{
    const char *authorization = request_header(q, "authorization");
    if (authorization && text_starts(authorization, "ACS3-"))
        return true;
    if (fields_get(&q->fields, "SignatureVersion") || fields_get(&q->fields, "Action"))
        return false;
    return request_header(q, "x-acs-action") != NULL;
}

void request_find_scheme(struct request *q)
{
    q->v3 = uses_v3(q);
    q->action = q->v3 ? request_header(q, "x-acs-action") : fields_get(&q->fields, "Action");
    q->version = q->v3 ? request_header(q, "x-acs-version") : fields_get(&q->fields, "Version");
    q->wants_json = json_wanted(q);
}

bool request_read(struct request *q, struct evhttp_request *req, size_t url_max, struct refusal *r)
{
    const char *uri = evhttp_request_get_uri(req);
    *q = (struct request){.method = method_name(req)};
    q->headers = evhttp_request_get_input_headers(req);
    copy_body(q, req);
    bool readable = read_fields(q, uri);
    fields_sort(&q->fields);
    request_find_scheme(q);
    if (q->action && strcmp(q->action, "MassPush") == 0)
        tasks_split(&q->tasks, &q->fields);
    if (strlen(uri) > url_max)
        return refusal_set(r, 414, "InvalidParameter", "The URL is too long.");
    if (!readable)
        return refusal_set(r, 400, "InvalidParameter", "Query or form body is malformed.");
    if (!path_is_root(uri))
        return refusal_set(r, 404, "InvalidApi.NotFound", "The path of every action is /.");
    if (strcmp(q->method, "OTHER") == 0)
        return refusal_set(r, 405, "UnsupportedHTTPMethod", "Use GET or POST.");
    return true;
}

void request_free(struct request *q)
{
    tasks_free(&q->tasks);
    fields_free(&q->fields);
    mem_free(q->body);
    q->body = NULL;
}

const char *request_header(const struct request *q, const char *name)
{
    return evhttp_find_header(q->headers, name);
}

bool request_name_is_common(const struct request *q, const char *name)
{
    static const char *const v1_names[] = {
        "Action",           "Version",        "AccessKeyId", "Signature",     "SignatureMethod",
        "SignatureVersion", "SignatureNonce", "Timestamp",   "SecurityToken", "Format"};
    if (text_starts(name, "PushTask.")) /* a MassPush has hundreds of them */
        return false;
    if (strcmp(name, "RegionId") == 0)
        return true;
    for (size_t i = 0; !q->v3 && i < sizeof(v1_names) / sizeof(*v1_names); i++)
        if (strcmp(name, v1_names[i]) == 0)
            return true;
    return false;
}
