/* SPDX-License-Identifier: MIT
 * From a call-to-be to its parameters, token and JobKey. Pure. */
#ifndef PB_ALIYUN_REQUEST_H
#define PB_ALIYUN_REQUEST_H

#include "aliyun/params.h"
#include "aliyun/wire.h"
#include "job/plan.h"

enum { TOKEN_SIZE = 37 };

/* Parameters of one call, without common ones: app defaults, message, target, times, over them the
 * template's parameters and over those the job's push object; checked. False with e (invalid_job).
 * params_free() in both cases. Everything in out is borrowed from the arguments or owned by out. */
MUST_USE bool request_params(const struct job *job, const struct app *app, const struct plan *plan,
                             const struct plan_call *call, size_t payload_max, struct params *out,
                             struct err *e);

/* Makes the parameters of one call of a plan those of another: they differ in nothing else. */
void request_set_audience(const struct plan_call *call, struct params *out);

/* ExpireTime as the plan has it now. */
void request_set_expiry(const struct plan *plan, struct params *out);

/* IdempotentToken: UUIDv5(own namespace; AppKey, uid, gen, part, SHA-256 of the parameters without
 * PushTime, ExpireTime, JobKey, IdempotentToken, a task's included). params must not hold the token
 * yet. uid: of the job, or of the call of several. */
void request_token(const struct params *params, const char *uid, int64_t gen, unsigned part,
                   char token[TOKEN_SIZE]);

/* SHA-256, in hex, of the parameters that go into a token. */
void request_digest(const struct params *params, char hex[65]);

/* The same of each of a plan's calls: what stands before their audience is hashed once. */
struct request_common;
struct request_common *request_common_new(const struct params *params);
void request_common_digest(const struct request_common *common, const struct params *params,
                           char hex[65]);
void request_common_free(struct request_common *common); /* NULL: nothing */
/* A parameter's name without "PushTask.<number>."; NULL where the parameter goes into no token. */
const char *request_content_name(const char *name);

/* SHA-256 of what two jobs must have in common to share a task of a call: the parameters without
 * TargetValue, ExpireTime, JobKey and IdempotentToken, and of more. */
void request_content(const struct params *params, const char *more, unsigned char out[32]);

/* "PushTask.<number>.": what a task's parameters begin with. */
enum { TASK_PREFIX_SIZE = 32 };
void request_task_prefix(unsigned number, char out[TASK_PREFIX_SIZE]);

/* Adds a task of MassPush: its parameters as PushTask.<number>.<name>, without AppKey. number
 * counts from 1. Copies (API reference §4.1). */
void request_add_task(struct params *call, unsigned number, const struct params *task);
/* False when MassPush does not take all of a Push's parameters as they are: those of SMS, the
 * newest ones of vendors, OPPO's maps. */
bool request_taskable(const struct params *params);

/* JobKey: the job's id where it fits (≤ 32 of [A-Za-z0-9_-]), else the token's 32 hex digits. */
void request_job_key(const char *id, const char *token, char key[TOKEN_SIZE]);

#endif
