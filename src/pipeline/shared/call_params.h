/* SPDX-License-Identifier: MIT
 * The parameters of a call, lone or shared, and how the provider tells it from others. */
#ifndef PB_PIPELINE_SHARED_CALL_PARAMS_H
#define PB_PIPELINE_SHARED_CALL_PARAMS_H

#include "pipeline/call.h"

/* Without token and JobKey. False with e (invalid_job). params_free() in both cases, before the
 * call's flights are freed. */
MUST_USE bool call_params(const struct call *c, struct params *out, struct err *e);
/* Adds what tells the call from others, its token, and its jobs from each other in the provider's
 * receipts: a JobKey, of a lone call its job's given id where that fits, else the token's digits.
 */
void call_params_name(const struct call *c, struct params *params);

/* Makes a lone call's parameters and keeps them with it, so that they are made once. False where
 * they cannot be made. */
MUST_USE bool call_keep_params(struct call *c);

#endif
