/* SPDX-License-Identifier: MIT */
#include "mock/world/manage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

enum { DAY_MS = 86400000, BEIJING_MS = 8 * 3600000, DAYS_MAX = 31, MONTH_DAYS_MAX = 366 };

/* --- push records --- */

/* What a caller of QueryPushRecords looks for, and the page that he asks for. */
struct records {
    struct deed *deed;
    int64_t start_ms, end_ms, first, last; /* first and last of the page, from 1 */
    int64_t total;
    json_t *list;
};

static const char *status_of(const struct record_task *task, int64_t push_ms, int64_t now_ms)
{
    if (task->cancelled)
        return "CANCELED";
    return push_ms > now_ms ? "WAITING" : "SENT";
}

static bool equals_if_asked(const struct deed *d, const char *name, const char *value)
{
    const char *wanted = manage_get(d, name);
    return !*wanted || strcmp(wanted, value) == 0;
}

static bool keyword_fits(const struct records *r, const struct record_call *c, int task,
                         const char *id)
{
    const char *word = manage_get(r->deed, "Keyword");
    return !*word || strcmp(word, id) == 0 || strstr(record_task_param(c, task, "Title"), word) ||
           strstr(record_task_param(c, task, "Body"), word);
}

static json_t *push_info(const struct records *r, const struct record_call *c, int task,
                         int64_t push_ms, const char *id)
{
    static const char *const names[] = {"PushType", "DeviceType", "Target", "Title", "Body"};
    char time[CLOCK_UTC_SIZE];
    clock_format_utc(push_ms, time);
    json_t *info =
        json_pack("{s:s, s:I, s:s, s:s, s:s}", "MessageId", id, "AppKey",
                  (json_int_t)manage_number(r->deed, "AppKey"), "PushTime", time, "Source", "API",
                  "Status", status_of(&c->tasks[task], push_ms, r->deed->now_ms));
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        json_object_set_new(info, names[i], json_string(record_task_param(c, task, names[i])));
    return info;
}

static void look_at_task(struct records *r, const struct record_call *c, int task)
{
    char id[24];
    int64_t push_ms = c->at_ms + r->deed->provider->clock_skew_ms;
    clock_parse_rfc3339(record_task_param(c, task, "PushTime"), &push_ms);
    snprintf(id, sizeof(id), "%" PRIu64, c->ids.first + (uint64_t)task);
    if (push_ms < r->start_ms || push_ms > r->end_ms || !keyword_fits(r, c, task, id) ||
        !equals_if_asked(r->deed, "PushType", record_task_param(c, task, "PushType")) ||
        !equals_if_asked(r->deed, "Target", record_task_param(c, task, "Target")) ||
        !equals_if_asked(r->deed, "Source", "API"))
        return;
    r->total++;
    if (r->total >= r->first && r->total <= r->last)
        json_array_append_new(r->list, push_info(r, c, task, push_ms, id));
}

static bool read_span(struct deed *d, int64_t *start_ms, int64_t *end_ms)
{
    *start_ms = *end_ms = 0;
    clock_parse_rfc3339(manage_get(d, "StartTime"), start_ms);
    clock_parse_rfc3339(manage_get(d, "EndTime"), end_ms);
    return *start_ms <= *end_ms ||
           refusal_named(d->refusal, "Invalid", "EndTime", ".Format", "It is before StartTime.");
}

/* The newest first. */
enum record_outcome manage_push_records(struct deed *d)
{
    const struct record *m = &d->provider->record;
    int64_t page = manage_number(d, "Page"), size = manage_number(d, "PageSize");
    struct records r = {.deed = d, .list = json_array()};
    page = page ? page : 1;
    size = size ? size : 20;
    r.first = (page - 1) * size + 1;
    r.last = page * size;
    bool ok = read_span(d, &r.start_ms, &r.end_ms);
    for (uint64_t seq = m->next_seq; ok && seq-- > m->oldest_seq;) {
        const struct record_call *c = record_find(m, seq);
        if (record_is_push(c) && strcmp(record_param(c, "AppKey"), manage_get(d, "AppKey")) == 0)
            for (int i = c->task_count; i-- > 0;)
                look_at_task(&r, c, i);
    }
    d->answer =
        json_pack("{s:I, s:I, s:I, s:{s:o}}", "Total", (json_int_t)r.total, "Page",
                  (json_int_t)page, "PageSize", (json_int_t)size, "PushInfos", "PushInfo", r.list);
    return ok ? RECORD_DONE : RECORD_REFUSED;
}

/* --- statistics --- */

/* Everything is received at once, and nobody opens or deletes it. */
static json_t *push_counts(int64_t n)
{
    static const char *const zeros[] = {
        "OpenedCount",    "DeletedCount",           "SmsSentCount",         "SmsSkipCount",
        "SmsFailedCount", "SmsReceiveSuccessCount", "SmsReceiveFailedCount"};
    json_t *o = json_pack("{s:I, s:I, s:I}", "AcceptCount", (json_int_t)n, "SentCount",
                          (json_int_t)n, "ReceivedCount", (json_int_t)n);
    for (size_t i = 0; i < sizeof(zeros) / sizeof(*zeros); i++)
        json_object_set_new(o, zeros[i], json_integer(0));
    return o;
}

/* Receipts of a message, or of the app's messages of [start_ms, end_ms) when id is 0. Without a
 * world a push counts as one receipt. */
static int64_t push_receipts(const struct deed *d, uint64_t id, int64_t start_ms, int64_t end_ms)
{
    int64_t sum = 0, app_key = manage_number(d, "AppKey");
    const struct inbox *b = &d->provider->inbox;
    const struct record *m = &d->provider->record;
    for (size_t i = 0; i < b->count; i++) {
        const struct inbox_message *msg = &b->messages[i];
        if (id ? msg->id == id
               : msg->app_key == app_key && msg->at_ms >= start_ms && msg->at_ms < end_ms)
            sum += msg->cancelled ? 0 : msg->reached;
    }
    for (uint64_t seq = m->oldest_seq; !d->provider->world.seeded && seq < m->next_seq; seq++) {
        const struct record_call *c = record_find(m, seq);
        if (record_is_push(c) && !id && c->at_ms >= start_ms && c->at_ms < end_ms &&
            strcmp(record_param(c, "AppKey"), manage_get(d, "AppKey")) == 0)
            sum += c->task_count;
    }
    return id && !d->provider->world.seeded ? 1 : sum;
}

enum record_outcome manage_stat_by_message(struct deed *d)
{
    struct record_call *c;
    uint64_t id = (uint64_t)manage_number(d, "MessageId");
    const struct record_task *task = record_find_message(&d->provider->record, id, &c);
    if (!task || strcmp(record_param(c, "AppKey"), manage_get(d, "AppKey")) != 0) {
        refusal_named(d->refusal, "Invalid", "MessageId", ".NotFound", "The message is unknown.");
        return RECORD_REFUSED;
    }
    json_t *stat = push_counts(push_receipts(d, id, 0, 0));
    json_object_set_new(stat, "MessageId", json_string(manage_get(d, "MessageId")));
    d->answer = manage_list("PushStats", "PushStat", json_pack("[o]", stat));
    return RECORD_DONE;
}

/* One day's or month's element of a statistic, to be given its Time. */
typedef void add_period(struct deed *d, json_t *list, const char *time, int64_t start_ms,
                        int64_t end_ms);

static void add_stat_element(json_t *list, json_t *element, const char *time)
{
    json_object_set_new(element, "Time", json_string(time));
    json_array_append_new(list, element);
}

static void add_push_stat(struct deed *d, json_t *list, const char *time, int64_t start_ms,
                          int64_t end_ms)
{
    add_stat_element(list, push_counts(push_receipts(d, 0, start_ms, end_ms)), time);
}

static int64_t devices_of_type(const struct deed *d, const char *type)
{
    int64_t n = 0, app_key = manage_number(d, "AppKey");
    const struct world *w = &d->provider->world;
    for (size_t i = 0; i < w->device_count; i++)
        n += (!w->devices[i]->app_key || w->devices[i]->app_key == app_key) &&
             (!type || strcmp(w->devices[i]->type, type) == 0);
    return n;
}

static void add_device_stat(struct deed *d, json_t *list, const char *time, int64_t start_ms,
                            int64_t end_ms)
{
    static const char *const types[] = {"iOS", "ANDROID", "HARMONY"};
    const char *wanted = manage_get(d, "DeviceType");
    bool all = !*wanted || strcmp(wanted, "ALL") == 0;
    bool total = strcmp(manage_get(d, "QueryType"), "TOTAL") == 0;
    (void)start_ms;
    (void)end_ms;
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (all || strcmp(wanted, types[i]) == 0)
            add_stat_element(list,
                             json_pack("{s:s, s:I}", "DeviceType", types[i], "Count",
                                       (json_int_t)(total ? devices_of_type(d, types[i]) : 0)),
                             time);
}

static void add_unique_stat(struct deed *d, json_t *list, const char *time, int64_t start_ms,
                            int64_t end_ms)
{
    (void)start_ms;
    (void)end_ms;
    add_stat_element(list, json_pack("{s:I}", "Count", (json_int_t)devices_of_type(d, NULL)), time);
}

static bool begins_month(int64_t day_ms)
{
    char text[CLOCK_UTC_SIZE];
    clock_format_utc(day_ms + BEIJING_MS, text);
    return memcmp(text + 8, "01", 2) == 0;
}

/* Days are Beijing's. A month is told by its first day, or by the span's first. */
static enum record_outcome answer_periods(struct deed *d, add_period *add_one, const char *wrapper,
                                          const char *element)
{
    int64_t start_ms, end_ms;
    char time[CLOCK_UTC_SIZE];
    bool months = strcmp(manage_get(d, "Granularity"), "MONTH") == 0;
    if (!read_span(d, &start_ms, &end_ms))
        return RECORD_REFUSED;
    start_ms -= (start_ms + BEIJING_MS) % DAY_MS;
    if ((end_ms - start_ms) / DAY_MS >= (months ? MONTH_DAYS_MAX : DAYS_MAX)) {
        refusal_set(d->refusal, 400,
                    months ? "InvalidPeriod.ExceedMonth" : "InvalidPeriod.ExceedDays",
                    "The span is too long.");
        return RECORD_REFUSED;
    }
    json_t *list = json_array();
    for (int64_t day_ms = start_ms, next_ms; day_ms <= end_ms; day_ms = next_ms) {
        next_ms = day_ms + DAY_MS;
        while (months && next_ms <= end_ms && !begins_month(next_ms))
            next_ms += DAY_MS;
        clock_format_utc(day_ms > 0 ? day_ms : 0, time);
        add_one(d, list, time, day_ms, next_ms);
    }
    d->answer = manage_list(wrapper, element, list);
    return RECORD_DONE;
}

enum record_outcome manage_stat_by_app(struct deed *d)
{
    if (strcmp(manage_get(d, "Granularity"), "DAY") == 0)
        return answer_periods(d, add_push_stat, "AppPushStats", "AppPushStat");
    refusal_named(d->refusal, "Invalid", "Granularity", ".Format", "Only DAY is supported.");
    return RECORD_REFUSED;
}

enum record_outcome manage_device_stat(struct deed *d)
{
    return answer_periods(d, add_device_stat, "AppDeviceStats", "AppDeviceStat");
}

enum record_outcome manage_unique_device_stat(struct deed *d)
{
    return answer_periods(d, add_unique_stat, "AppDeviceStats", "AppDeviceStat");
}
