/* SPDX-License-Identifier: MIT
 * The provider's parameter table of Push (API reference §3) and a flat list of parameters. */
#ifndef PB_ALIYUN_PARAMS_H
#define PB_ALIYUN_PARAMS_H

#include "base/buf.h"
#include "base/err.h"
#include <jansson.h>

enum param_type { PARAM_STRING, PARAM_INT, PARAM_BOOL, PARAM_DOUBLE, PARAM_TIME, PARAM_JSON };
enum param_platform {
    PLATFORM_ANY = 0,
    PLATFORM_ANDROID = 1,
    PLATFORM_IOS = 2,
    PLATFORM_HARMONY = 4
};

struct param_row {
    const char *name;
    enum param_type type;
    int platforms; /* of enum param_platform, or-ed; 0: any */
    bool required;
    bool reserved;      /* set by pushbridge, not by a job's push object */
    bool list;          /* a comma list of values */
    bool alone;         /* tasks of MassPush do not have it, or not as one text (§4.1) */
    const char *values; /* "A|B|C" or NULL; JSON: "object", "array" or NULL (either) */
    int64_t min, max;   /* INT, DOUBLE: range where min < max; STRING: max bytes, JSON: max
                           elements of an array, where > 0 */
    size_t max_chars;   /* STRING: most code points where > 0 */
};

/* Every parameter of Push, sorted by name in byte order. */
extern const struct param_row params_push[];
extern const size_t params_push_count;
const struct param_row *params_find(const char *name); /* NULL: unknown */

/* One parameter that will be sent; value is decoded UTF-8 text. */
struct param {
    const char *name, *value;
};

/* The usual call has about 20 parameters and needs no allocation; a MassPush of 100 tasks has
 * 1,000, and 12,000 at most. v points into the struct while it is small: never copy or move a
 * struct params. */
enum { PARAMS_INLINE = 32, PARAMS_MAX = 16384, PARAMS_TEXT = 256 };
struct params_text;
struct params {
    struct param *v;
    size_t n, cap;
    struct param small[PARAMS_INLINE];
    char text[PARAMS_TEXT]; /* short values that the list made itself */
    size_t ntext;
    struct params_text *owned; /* longer ones */
};
void params_init(struct params *p);
void params_free(struct params *p);
/* Sets or replaces. name and value are borrowed until params_free(). */
void params_set(struct params *p, const char *name, const char *value);
void params_append(struct params *p, const char *name, const char *value);   /* name is new */
void params_set_copy(struct params *p, const char *name, const char *value); /* copies value */
/* Appends "<prefix><name>", which is new; copies all. */
void params_append_copy(struct params *p, const char *prefix, const char *name, const char *value);
void params_set_int(struct params *p, const char *name, int64_t value);
const char *params_get(const struct params *p, const char *name); /* NULL: absent */
/* Appends all of another list, which must stay as long as this one; names are new. */
void params_borrow(struct params *p, const struct params *from);
/* By name in byte order; names are unique. */
void params_sort(struct params *p);

/* MassPush: how the names of its tasks' parameters begin; a number and a dot follow. */
#define PARAMS_TASK "PushTask."
bool params_is_of_task(const struct param *p);
/* Those of the call itself, without its tasks', sorted. Texts are borrowed from all. */
void params_of_call(const struct params *all, struct params *out);

/* Checks one override from a job's push object (documented name, right type, allowed value) and
 * sets it: integers and booleans become text, an object or array becomes JSON text where the
 * table says PARAM_JSON. Refusals name the parameter: unknown, reserved, wrong type, value. */
MUST_USE bool params_override(struct params *p, const char *name, json_t *value, struct err *e);

/* Where a value's text is not known yet (it holds a template's arguments): is it a parameter that
 * may be set, and a text? */
MUST_USE bool params_takes_text(const char *name, struct err *e);

/* Sets defaults, an object of name → value, like overrides, but leaves out what is not a parameter
 * of one of the platforms. False with e. */
MUST_USE bool params_set_defaults(struct params *p, json_t *defaults, int platforms, struct err *e);

/* Platforms of a DeviceType: of ALL every one, since an AppKey of a single platform may use it. 0:
 * no DeviceType. */
int params_platforms(const char *device_type);
/* The same for parts of a notice, where ALL is an old AppKey of Android and iOS. */
int params_part_platforms(const char *device_type);

/* Checks one value that is text already, as it goes on the wire: type, range, allowed values.
 * Times are "YYYY-MM-DDThh:mm:ssZ". Refusals name the parameter, not the value. */
MUST_USE bool params_check_text(const struct param_row *row, const char *text, struct err *e);
/* Its parts: one of row->values; an object or array as row says (NULL: neither). */
MUST_USE bool params_check_values(const struct param_row *row, const char *text, struct err *e);
MUST_USE bool params_check_json(const struct param_row *row, const json_t *value, struct err *e);

/* Checks that span parameters, after everything is set: platform fits DeviceType, Title and Body
 * not empty where required, Title ≤ 200 bytes, the byte ceilings of §3.6 (payload_max 1800), badge
 * against auto-increment, and what §3 ties together. */
MUST_USE bool params_check(const struct params *p, size_t payload_max, struct err *e);

#endif
