/* SPDX-License-Identifier: MIT
 * The provider's answers: status line, header lines, an empty line, the body, as they come. */
#include "fuzz/fuzz.h"

#include "aliyun/response.h"
#include "base/mem.h"
#include "base/text.h"
#include "http/http_headers.h"

enum { HINT_MAX_MS = 3600 * 1000 };

static void read_headers(struct rest *r, struct http_headers *h)
{
    http_headers_reset(h);
    while (r->p < r->end && !h->complete) {
        const char *newline = memchr(r->p, '\n', rest_len(r));
        const char *next = newline ? newline + 1 : r->end;
        http_headers_read(h, r->p, (size_t)(next - r->p));
        r->p = next;
    }
}

static bool is_success_code(const char *code)
{
    return !*code || strcmp(code, "200") == 0 || strcmp(code, "OK") == 0 ||
           strcmp(code, "Success") == 0 || strcmp(code, "success") == 0;
}

static void check_texts(const struct reply *r)
{
    must(memchr(r->code, '\0', sizeof r->code) && memchr(r->message, '\0', sizeof r->message));
    must(text_is_utf8(r->code, strlen(r->code)));
    must(text_is_utf8(r->message, strlen(r->message)));
    must(text_is_utf8(r->request_id, strlen(r->request_id)));
    must(!strcasestr(r->message, "string to sign"));
}

/* Holds with and without an id: what the API reference says of statuses and codes. */
static void check_class(const struct reply *r, int status)
{
    bool success = status >= 200 && status < 300;
    must(r->http_status == status);
    must(r->class != REPLY_NOT_SENT && r->class != REPLY_UNANSWERED &&
         r->class != REPLY_CERTIFICATE);
    must(r->retry_after_ms >= 0 && r->retry_after_ms <= HINT_MAX_MS);
    must(r->class == REPLY_CLOCK || !r->clock_offset_ms);
    if (r->class == REPLY_SENT)
        must(success && !r->ambiguous);
    else if (success && is_success_code(r->code))
        must(r->class == REPLY_TRANSIENT && r->ambiguous);
    if (strstr(r->code, "Throttling"))
        must(r->class == REPLY_THROTTLED);
    check_texts(r);
}

static void check_ids(const struct reply *r, char (*ids)[32], size_t n)
{
    must((r->class == REPLY_SENT) == (r->message_id[0] != '\0'));
    must((r->class == REPLY_SENT) == (n > 0) && n <= RESPONSE_IDS_MAX);
    for (size_t i = 0; i < n; i++) {
        size_t len = strnlen(ids[i], sizeof ids[i]);
        must(len > 0 && len < sizeof ids[i]);
        for (size_t at = 0; at < len; at++)
            must(ids[i][at] > ' ' && ids[i][at] < 0x7F);
    }
    must(n == 0 || strcmp(ids[0], r->message_id) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rest r = rest_of(data, size);
    char *status = rest_line(&r);
    struct http_headers h;
    struct reply reply, plain;
    static char ids[RESPONSE_IDS_MAX][32];
    size_t nids = 0;
    read_headers(&r, &h);
    const struct response_in in = {.status = (int)strtol(status, NULL, 10),
                                   .body = r.p ? r.p : "",
                                   .len = rest_len(&r),
                                   .content_type = http_headers_get(&h, HEADER_CONTENT_TYPE),
                                   .retry_after = http_headers_get(&h, HEADER_RETRY_AFTER),
                                   .acs_retry_after = http_headers_get(&h, HEADER_ACS_RETRY_AFTER),
                                   .ratelimit_user = http_headers_get(&h, HEADER_RATELIMIT_USER),
                                   .ratelimit_user_api =
                                       http_headers_get(&h, HEADER_RATELIMIT_USER_API),
                                   .date = http_headers_get(&h, HEADER_DATE),
                                   .now_wall_ms = INT64_C(1780000000000)};
    response_read(&in, &reply, ids, &nids);
    check_class(&reply, in.status);
    check_ids(&reply, ids, nids);
    response_read_plain(&in, &plain);
    check_class(&plain, in.status);
    mem_free(status);
    return 0;
}
