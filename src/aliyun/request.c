/* SPDX-License-Identifier: MIT */
#include "aliyun/request.h"

#include <assert.h>
#include <string.h>

#include "aliyun/sign.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

enum { STRING_MAX = 16 << 20 };

static const char audience[] = "TargetValue";

/* --- parameters ----------------------------------------------------------------------------- */

static void set_time_param(struct params *p, const char *name, int64_t ms)
{
    char stamp[CLOCK_UTC_SIZE];
    if (ms <= 0)
        return;
    clock_format_utc(ms, stamp);
    params_set_copy(p, name, stamp);
}

void request_set_audience(const struct plan_call *call, struct params *out)
{
    params_set(out, "Target", target_kind_name(call->kind));
    params_set(out, audience, call->target_value);
}

void request_set_expiry(const struct plan *plan, struct params *out)
{
    set_time_param(out, "ExpireTime", plan->expire_time_ms);
}

static void set_base(const struct app *app, const struct plan *plan, const struct plan_call *call,
                     struct params *out)
{
    params_append(out, "AppKey", app->app_key);
    params_append(out, "PushType", plan->push_type);
    params_append(out, "DeviceType", plan->device_type);
    params_append(out, "Target", target_kind_name(call->kind));
    params_append(out, audience, call->target_value);
    if (app->store_offline)
        params_append(out, "StoreOffline", "true");
    set_time_param(out, "PushTime", plan->push_time_ms);
    request_set_expiry(plan, out);
}

static void set_content(const struct plan *plan, struct params *out)
{
    if (plan->title.len && (plan->own_title || !params_get(out, "Title")))
        params_set(out, "Title", buf_text(&plan->title));
    params_set(out, "Body", buf_text(&plan->body));
}

/* Weakest first: the app's, each layer of the template's, the job's. What an app or a template
 * says about another platform is not meant for this call; a job means what it says. */
static bool set_pushes(const struct job *job, const struct app *app, const struct plan *plan,
                       struct params *out, struct err *e)
{
    int platforms = params_platforms(plan->device_type);
    int part_platforms = params_part_platforms(plan->device_type);
    const char *name;
    json_t *value;
    if (!params_set_defaults(out, app->push, platforms, e))
        return err_prefix(e, "the app's push");
    set_content(plan, out);
    for (size_t i = 0; i < plan->nlayers; i++)
        if (!params_set_defaults(out, plan->layers[i].parts, part_platforms, e) ||
            !params_set_defaults(out, plan->layers[i].push, platforms, e))
            return err_prefix(e, "the template");
    json_object_foreach(job->push, name, value)
    {
        if (!params_override(out, name, value, e))
            return err_prefix(e, "push");
    }
    return true;
}

static bool check_total(const struct params *p, struct err *e)
{
    size_t sum = 0;
    for (size_t i = 0; i < p->n; i++)
        sum += strlen(p->v[i].name) + strlen(p->v[i].value);
    if (sum > WIRE_VALUES_MAX)
        return err_set(e, "parameters: %zu bytes, at most %d", sum, (int)WIRE_VALUES_MAX);
    return true;
}

bool request_params(const struct job *job, const struct app *app, const struct plan *plan,
                    const struct plan_call *call, size_t payload_max, struct params *out,
                    struct err *e)
{
    params_init(out);
    set_base(app, plan, call, out);
    return set_pushes(job, app, plan, out, e) && params_check(out, payload_max, e) &&
           check_total(out, e);
}

/* --- token and JobKey ----------------------------------------------------------------------- */

/* A parameter's name without "PushTask.<number>.". */
static const char *bare_name(const char *name)
{
    if (strncmp(name, PARAMS_TASK, sizeof PARAMS_TASK - 1) != 0)
        return name;
    const char *dot = strchr(name + sizeof PARAMS_TASK - 1, '.');
    return dot ? dot + 1 : name;
}

static bool is_one_of(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (text_eq(name, names[i]))
            return true;
    return false;
}

const char *request_content_name(const char *name)
{
    static const char *const apart[] = {"PushTime", "ExpireTime", "JobKey", "IdempotentToken"};
    name = bare_name(name);
    return is_one_of(name, apart, sizeof apart / sizeof apart[0]) ? NULL : name;
}

/* A NUL ends every item, so no two different lists give the same bytes. */
static void add_item_text(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text) + 1);
}

static void add_content(struct buf *items, const struct param *p)
{
    if (!request_content_name(p->name))
        return;
    add_item_text(items, p->name);
    add_item_text(items, p->value);
}

/* What stands before the audience, or from it on; both where there is none. */
enum { HEAD = 1, TAIL = 2 };

static void write_content(const struct params *params, int what, struct buf *items)
{
    struct params query;
    params_of_call(params, &query);
    buf_init(items, STRING_MAX);
    size_t n = 0;
    while (n < query.n && strcmp(query.v[n].name, audience) < 0)
        n++;
    for (size_t i = what & HEAD ? 0 : n; i < (what & TAIL ? query.n : n); i++)
        add_content(items, &query.v[i]);
    for (size_t i = 0; what & TAIL && i < params->n; i++)
        if (params_is_of_task(&params->v[i]))
            add_content(items, &params->v[i]);
    assert(buf_ok(items));
    params_free(&query);
}

void request_digest(const struct params *params, char hex[65])
{
    struct buf items;
    write_content(params, HEAD | TAIL, &items);
    sign_sha256_hex(buf_text(&items), items.len, hex);
    buf_free(&items);
}

struct request_common {
    struct sign_begun *head;
};

struct request_common *request_common_new(const struct params *params)
{
    struct request_common *common = mem_alloc(sizeof *common);
    struct buf items;
    write_content(params, HEAD, &items);
    common->head = sign_sha256_begin(buf_text(&items), items.len);
    buf_free(&items);
    return common;
}

void request_common_digest(const struct request_common *common, const struct params *params,
                           char hex[65])
{
    struct buf items;
    write_content(params, TAIL, &items);
    sign_sha256_end(common->head, buf_text(&items), items.len, hex);
    buf_free(&items);
}

void request_common_free(struct request_common *common)
{
    if (common)
        sign_begun_free(common->head);
    mem_free(common);
}

void request_content(const struct params *params, const char *more, unsigned char out[32])
{
    static const char *const own[] = {"TargetValue", "ExpireTime", "JobKey", "IdempotentToken"};
    struct buf items;
    buf_init(&items, STRING_MAX);
    for (size_t i = 0; i < params->n; i++)
        if (!is_one_of(params->v[i].name, own, sizeof own / sizeof own[0])) {
            add_item_text(&items, params->v[i].name);
            add_item_text(&items, params->v[i].value);
        }
    add_item_text(&items, more);
    assert(buf_ok(&items));
    sign_sha256(buf_text(&items), items.len, out);
    buf_free(&items);
}

void request_task_prefix(unsigned number, char out[TASK_PREFIX_SIZE])
{
    stpcpy(text_number(stpcpy(out, PARAMS_TASK), number), ".");
}

void request_add_task(struct params *call, unsigned number, const struct params *task)
{
    char prefix[TASK_PREFIX_SIZE];
    request_task_prefix(number, prefix);
    for (size_t i = 0; i < task->n; i++)
        if (strcmp(task->v[i].name, "AppKey") != 0)
            params_append_copy(call, prefix, task->v[i].name, task->v[i].value);
}

/* Does MassPush not take the parameter? Those that it does not take all begin with "Android" or
 * "Sms", which is asked first because it is cheap. */
static bool is_alone(const char *name)
{
    if (!text_starts(name, "Android") && !text_starts(name, "Sms"))
        return false;
    const struct param_row *row = params_find(name);
    return row && row->alone;
}

bool request_taskable(const struct params *params)
{
    for (size_t i = 0; i < params->n; i++)
        if (is_alone(params->v[i].name))
            return false;
    return true;
}

static void format_uuid5(const unsigned char digest[20], char out[TOKEN_SIZE])
{
    unsigned char u[16];
    char hex[33];
    memcpy(u, digest, sizeof u);
    u[6] = (unsigned char)((u[6] & 0x0F) | 0x50);
    u[8] = (unsigned char)((u[8] & 0x3F) | 0x80);
    text_hex(u, sizeof u, hex);
    for (const char *from = hex; *from; from++) {
        if (from == hex + 8 || from == hex + 12 || from == hex + 16 || from == hex + 20)
            *out++ = '-';
        *out++ = *from;
    }
    *out = '\0';
}

void request_token(const struct params *params, const char *uid, int64_t gen, unsigned part,
                   char token[TOKEN_SIZE])
{
    /* Changing this constant, or what follows it, gives every waiting call a new token. */
    static const unsigned char namespace_id[16] = {0x7e, 0x05, 0x31, 0xed, 0xe3, 0x8a, 0x40, 0x53,
                                                   0x83, 0x62, 0x70, 0xe1, 0xc5, 0x0c, 0x67, 0x99};
    char content[65];
    unsigned char digest[20];
    struct buf name;
    const char *app_key = params_get(params, "AppKey");
    assert(app_key && !params_get(params, "IdempotentToken"));
    request_digest(params, content);
    buf_init(&name, 4096);
    buf_add(&name, namespace_id, sizeof namespace_id);
    add_item_text(&name, app_key);
    add_item_text(&name, uid);
    buf_int(&name, gen);
    buf_putc(&name, ':');
    buf_int(&name, part);
    add_item_text(&name, "");
    buf_puts(&name, content);
    assert(buf_ok(&name));
    sign_sha1(buf_text(&name), name.len, digest);
    buf_free(&name);
    format_uuid5(digest, token);
}

void request_job_key(const char *id, const char *token, char key[TOKEN_SIZE])
{
    static const char fit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t len = id ? strspn(id, fit) : 0;
    if (len && len <= 32 && !id[len]) {
        memcpy(key, id, len + 1);
        return;
    }
    for (; *token; token++)
        if (*token != '-')
            *key++ = *token;
    *key = '\0';
}
