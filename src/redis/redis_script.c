/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "redis/redis.h"

enum { HEAD = 3 }; /* EVALSHA, sha, number of keys */

/* A copy of the command, since an answer of NOSCRIPT means sending it again as EVAL. */
struct eval {
    struct redis *redis;
    const struct redis_script *script;
    redis_reply_fn fn;
    void *arg;
    char count[16];
    int argc;
    const char **argv;
    size_t *lens;
};

static void on_eval(void *arg, redisReply *reply)
{
    struct eval *v = arg;
    redis_reply_fn fn = v->fn;
    void *fn_arg = v->arg;
    mem_free(v);
    fn(fn_arg, reply);
}

static void on_evalsha(void *arg, redisReply *reply)
{
    struct eval *v = arg;
    if (!reply || reply->type != REDIS_REPLY_ERROR || !text_starts(reply->str, "NOSCRIPT")) {
        on_eval(v, reply);
        return;
    }
    v->argv[0] = "EVAL";
    v->lens[0] = strlen(v->argv[0]);
    v->argv[1] = v->script->source;
    v->lens[1] = strlen(v->argv[1]);
    redis_command(v->redis, v->argc, v->argv, v->lens, on_eval, v);
}

/* One block: the struct, both arrays, the bytes. lens may be NULL. */
static struct eval *eval_new(int nargs, const char **args, const size_t *lens)
{
    size_t argc = (size_t)nargs + HEAD, bytes = 0;
    for (int i = 0; i < nargs; i++)
        bytes += lens ? lens[i] : strlen(args[i]);
    struct eval *v = mem_alloc(sizeof *v + argc * (sizeof *v->argv + sizeof *v->lens) + bytes);
    v->argc = (int)argc;
    v->argv = (const char **)(void *)(v + 1);
    v->lens = (size_t *)(void *)(v->argv + argc);
    char *at = (char *)(v->lens + argc);
    for (int i = 0; i < nargs; i++) {
        size_t len = lens ? lens[i] : strlen(args[i]);
        memcpy(at, args[i], len);
        v->argv[HEAD + i] = at;
        v->lens[HEAD + i] = len;
        at += len;
    }
    return v;
}

void redis_script_init(struct redis_script *s)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    int ok = EVP_Digest(s->source, strlen(s->source), digest, &len, EVP_sha1(), NULL);
    assert(ok && len == 20);
    (void)ok;
    text_hex(digest, len, s->sha);
}

void redis_eval(struct redis *r, const struct redis_script *s, int nkeys, int nargs,
                const char **args, const size_t *lens, redis_reply_fn fn, void *arg)
{
    struct eval *v = eval_new(nargs, args, lens);
    v->redis = r;
    v->script = s;
    v->fn = fn;
    v->arg = arg;
    snprintf(v->count, sizeof v->count, "%d", nkeys);
    const char *const head[HEAD] = {"EVALSHA", s->sha, v->count};
    for (int i = 0; i < HEAD; i++) {
        v->argv[i] = head[i];
        v->lens[i] = strlen(head[i]);
    }
    redis_command(r, v->argc, v->argv, v->lens, on_evalsha, v);
}
