/* SPDX-License-Identifier: MIT */
#include "pipeline/shared/call_params.h"

#include "base/mem.h"
#include "pipeline/shared/shared_call.h"

bool call_params(const struct call *c, struct params *out, struct err *e)
{
    params_init(out);
    return call_is_shared(c) ? shared_params(c, out, e) : call_lone_params(c, out, e);
}

void call_params_name(const struct call *c, struct params *params)
{
    char token[TOKEN_SIZE], key[TOKEN_SIZE];
    const struct flight *f = call_leader(c);
    const char *name = call_is_shared(c) ? c->id : f->env.uid;
    request_token(params, name, f->env.gen, call_part(c), token);
    params_append_copy(params, "", "IdempotentToken", token);
    if (call_is_shared(c)) {
        shared_name_tasks(c, token, params);
        return;
    }
    request_job_key(f->env.id_given ? f->env.uid : NULL, token, key);
    params_set_copy(params, "JobKey", key);
}

bool call_keep_params(struct call *c)
{
    struct err e;
    struct params *made = mem_alloc(sizeof *made);
    params_init(made);
    if (call_lone_params(c, made, &e)) {
        c->made = made;
        return true;
    }
    params_free(made);
    mem_free(made);
    return false;
}
