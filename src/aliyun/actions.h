/* SPDX-License-Identifier: MIT
 * The provider's 33 actions as one table (API reference §3, §4, §7): parameters with type and
 * limits, what an answer holds, whether a call may be repeated. */
#ifndef PB_ALIYUN_ACTIONS_H
#define PB_ALIYUN_ACTIONS_H

#include "aliyun/params.h"

/* What a value, or each element of a comma list, stands for. */
enum action_id {
    ID_NONE,
    ID_DEVICE,  /* 32 digits and lower-case letters */
    ID_ACCOUNT, /* at most 64 bytes */
    ID_ALIAS,   /* at most 128 bytes */
    ID_TAG,     /* at most 128 characters */
    ID_KEY,     /* as KeyType says */
    ID_TARGET,  /* as Target says */
};

struct action_param {
    struct param_row row; /* name NULL ends a list */
    enum action_id id;
    size_t list_max; /* > 0: a comma list of at most so many */
};

enum action_repeat {
    REPEAT_SAFE,  /* the same again changes nothing */
    REPEAT_TOKEN, /* only under its IdempotentToken */
    REPEAT_NEVER, /* pushes, and has no token */
};

/* What an answer holds beside RequestId. Everything NULL: members of the root. */
struct action_answer {
    const char *object;      /* one object in this member */
    const char *list, *item; /* {list: {item: […]}}, or {list: […]} */
    const char *columns[12]; /* members of an element; none: elements are plain values */
};

enum { ACTION_PARAMS_MAX = 12 };
struct action_row {
    const char *name;
    enum action_repeat repeat;
    bool push_params; /* takes every parameter of Push as well: params[] has no row for them */
    bool task_params; /* takes PushTask.N.<parameter of Push>, which belong into the form body */
    struct action_param params[ACTION_PARAMS_MAX];
    struct action_answer answer;
};

/* Sorted by name in byte order. */
extern const struct action_row actions_table[];
extern const size_t actions_count;
const struct action_row *actions_find(const char *name); /* NULL: unknown */
/* A row of params[]; NULL: none of that name. */
const struct action_param *actions_param(const struct action_row *a, const char *name);
bool actions_takes_app_key(const struct action_row *a);

/* Form and length of one id; the message does not repeat it. No commas: they separate. */
MUST_USE bool actions_check_id(enum action_id id, const char *text, struct err *e);
/* The kind that KeyType or Target names; ID_NONE: another word. */
enum action_id actions_id_of(const char *key_type);

/* A whole call without common parameters: every name is known, every value has its type, range
 * and list size, what is required is there, and a push passes params_check(). e names the
 * parameter. */
MUST_USE bool actions_check(const struct action_row *a, const struct params *p, size_t payload_max,
                            struct err *e);

#endif
