#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# check --online
load helper

faketime=/usr/lib/$(uname -m)-linux-gnu/faketime/libfaketime.so.1

setup() {
    clean_env
    credentials
    export PUSHBRIDGE_REDIS_CONNECT_TIMEOUT_MS=300
}
teardown() {
    stop_mock
    stop_redis
}

# The user of conf/redis-acl.conf with further rules, from now on the one that checks.
acl_user() {
    local rules
    read -r -a rules < <(sed -n 's/^user //p' conf/redis-acl.conf)
    redis ACL SETUSER "${rules[0]}" reset "${rules[@]:1}" "$@" >/dev/null
    export PUSHBRIDGE_REDIS_URL=unix://pushbridge:change-me@$redis_dir/s
}

# found LEVEL WHAT WORDS: one line of the output has them
found() {
    grep -E "^$1 +$2" <<<"$out" | grep -qF -- "$3" || { echo "no $1 $2 with \"$3\" in: $out" >&2; return 1; }
}

@test "all is well: every part is there, 0, and no key stays" {
    start_redis --appendonly yes --appendfsync always
    start_mock
    call "$PB" check --online --strict
    expect 0
    [ -z "$err" ]
    for what in redis.role redis.version redis.clock redis.maxmemory-policy redis.persistence redis.replicas \
        redis.rights redis.scripts aliyun.endpoint aliyun.clock; do
        found ok $what ''
    done
    found ok redis.scripts "$(find src/queue/lua -maxdepth 1 -name '*.lua' | wc -l) loaded"
    [ "$(grep -cE '^(warning|error)' <<<"$out")" -eq 0 ]
    [ -z "$(redis KEYS '*')" ]
}

@test "jobs and all keys of workers stay as they are" {
    start_redis
    start_mock
    "$PB" send --code I10001 --school S --id a
    "$PB" send '{"no":"job"}' 2>/dev/null || redis RPUSH $Q '{"no":"job"}' >/dev/null
    "$PB" run --until-empty --timeout 100 2>/dev/null
    "$PB" send --code I10001 --school S --id b
    redis SADD $K:apps a1 >/dev/null
    redis ZADD $K:due 1 AAAAAAAAAAAAAAAA >/dev/null
    local key before after
    # without the worker's readiness mark, which ends by itself after 5 s
    snapshot() { for key in $(redis KEYS '*' | grep -v :ready: | sort); do echo "$key $(redis --raw DUMP "$key" | sha256sum)"; done; }
    before=$(snapshot)
    call "$PB" check --online
    expect 0
    after=$(snapshot)
    [ "$(wc -l <<<"$before")" -gt 6 ]
    diff <(echo "$before") <(echo "$after")
}

@test "the documented user is enough" {
    start_redis
    start_mock
    acl_user
    call "$PB" check --online
    expect 0
    found ok redis.rights commands
    found warning redis.persistence 'not allowed to look'
}

@test "each right that the documented user has is missed when it is gone" {
    start_redis
    start_mock
    local right
    for right in $(grep -o ' +[^ ]*' conf/redis-acl.conf | tr -d ' +'); do
        case $right in
        brpoplpush | asking | cluster* | select | wait) continue ;; # not on this server
        esac
        acl_user "-$right"
        call "$PB" check --online
        grep -E '^(error|warning) +redis.rights' <<<"$out" | grep -qF "+$right" || { echo "$right: $out" >&2; return 1; }
        case $right in
        'client|setname' | lrange | lrem | lset | hstrlen | blpop) [ "$status" -eq 0 ] ;;
        *) [ "$status" -eq 1 ] ;;
        esac
    done
}

@test "rights that only some need: another database, replicas" {
    start_redis
    start_mock
    acl_user -select -wait
    call "$PB" check --online
    expect 0
    PUSHBRIDGE_REDIS_WAIT_REPLICAS=1 call "$PB" check --online
    [ "$status" -eq 1 ]
    found error redis.rights '+wait'
    PUSHBRIDGE_REDIS_URL="unix://pushbridge:change-me@$redis_dir/s?db=2" call "$PB" check --online
    [ "$status" -eq 1 ]
    found error redis.rights '+select'
}

@test "a missing command is named with its key" {
    start_redis
    start_mock
    acl_user -lpush
    call "$PB" check --online
    [ "$status" -eq 1 ]
    found error redis.rights 'lpush on {push:jobs}:check:'
    [ "$(grep -c '^error' <<<"$out")" -eq 1 ]
}

@test "a missing key pattern is named: dead letters, reply lists, the worker's own" {
    start_redis
    start_mock
    acl_user resetkeys '~push:jobs' '~push:results' '~push:reply:*' '~{push:*'
    call "$PB" check --online
    [ "$status" -eq 1 ]
    found error redis.rights 'cannot be written: push:dead ('
    found error redis.rights 'grant ~push:dead'
    [ "$(grep -c '^error' <<<"$out")" -eq 2 ]
    acl_user resetkeys '~push:jobs' '~push:results' '~push:dead' '~{push:*'
    call "$PB" check --online
    [ "$status" -eq 1 ]
    found error redis.rights 'grant ~push:reply:*'
    acl_user resetkeys '~push:*' '~{push:jobs}:check:*'
    call "$PB" check --online
    [ "$status" -eq 1 ]
    found error redis.rights 'cannot be read: {push:jobs}:due, {push:jobs}:batch,'
    found error redis.rights '{push:jobs}:control'
    found error redis.rights 'grant ~{push:jobs}:*'
    acl_user resetkeys '~push:*'
    call "$PB" check --online
    [ "$status" -eq 1 ]
    found error redis.rights 'set on {push:jobs}:check:'
    found warning redis.rights 'not tried'
}

@test "a pattern that is only for reading is named" {
    start_redis
    start_mock
    [ "$(redis ACL SETUSER probe '%R~x')" = OK ] || skip 'needs Redis 7'
    acl_user resetkeys '~push:jobs' '~push:dead' '~push:reply:*' '~{push:*' '%R~push:results'
    call "$PB" check --online
    [ "$status" -eq 1 ]
    found error redis.rights 'cannot be written: push:results ('
    [ "$(grep -c '^error' <<<"$out")" -eq 1 ]
}

@test "several queues: the keys of each" {
    start_redis
    start_mock
    acl_user '~jobs:*' '~{jobs:b}*'
    PUSHBRIDGE_QUEUE_NAMES=push:jobs,jobs:b,jobs:c call "$PB" check --online
    [ "$status" -eq 1 ]
    found ok redis.rights 'queue push:jobs'
    found ok redis.rights 'queue jobs:b'
    found error redis.rights '{jobs:c}:due'
}

@test "a policy that evicts is a warning, with --strict an error" {
    start_redis --maxmemory-policy allkeys-lru
    start_mock
    call "$PB" check --online
    expect 0
    found warning redis.maxmemory-policy 'allkeys-lru'
    call "$PB" check --online --strict
    [ "$status" -eq 1 ]
    found error redis.maxmemory-policy 'maxmemory-policy noeviction'
}

@test "persistence: what can be lost is said" {
    start_redis --save ''
    start_mock
    call "$PB" check --online
    found warning redis.persistence 'no snapshots: a restart of Redis loses all'
    redis CONFIG SET save '60 1' >/dev/null
    call "$PB" check --online
    found warning redis.persistence 'since the last snapshot'
    redis CONFIG SET appendonly yes >/dev/null
    redis CONFIG SET appendfsync everysec >/dev/null
    call "$PB" check --online
    expect 0
    found warning redis.persistence 'everysec: a power cut loses the last second'
    PUSHBRIDGE_REDIS_MAY_FORGET=true call "$PB" check --online
    found ok redis.persistence 'redis.may_forget is set'
    redis CONFIG SET appendfsync no >/dev/null
    PUSHBRIDGE_REDIS_MAY_FORGET=true call "$PB" check --online
    found warning redis.persistence 'appendfsync no'
}

@test "fewer replicas than are waited for" {
    start_redis
    start_mock
    PUSHBRIDGE_REDIS_WAIT_REPLICAS=1 call "$PB" check --online
    [ "$status" -eq 1 ]
    found error redis.replicas '0 online of 0, redis.wait_replicas = 1'
}

@test "a replica is not a master" {
    start_redis --replicaof 127.0.0.1 1
    start_mock
    call "$PB" check --online
    [ "$status" -eq 1 ]
    found error redis.role 'the server is a replica, not a master'
    found ok aliyun.endpoint ''
}

@test "a server that is full says so, and nothing is left behind" {
    start_redis --maxmemory 1
    start_mock
    call "$PB" check --online
    [ "$status" -eq 1 ]
    found error redis.rights 'OOM'
    [ -z "$(redis KEYS '*')" ]
}

@test "nobody there: the reason, no password" {
    start_redis
    start_mock
    export PUSHBRIDGE_REDIS_URL=redis://u:very-secret@127.0.0.1:1/0
    call "$PB" check --online
    [ "$status" -eq 1 ]
    found error redis.connection 'Redis at 127.0.0.1 is not reachable'
    [[ $out$err != *very-secret* ]]
    export PUSHBRIDGE_REDIS_URL=unix://u:very-secret@$redis_dir/s
    call "$PB" check --online
    [ "$status" -eq 1 ]
    found error redis.connection 'WRONGPASS'
    [[ $out$err != *very-secret* ]]
}

@test "the provider is down, or its certificate is none" {
    start_redis
    start_mock --tls "$redis_dir"
    export PUSHBRIDGE_ALIYUN_ENDPOINT=${mock/http:/https:}
    call "$PB" check --online
    [ "$status" -eq 1 ]
    found error aliyun.endpoint 'see aliyun.ca_file'
    PUSHBRIDGE_ALIYUN_CA_FILE=$redis_dir/ca.pem call "$PB" check --online
    expect 0
    stop_mock
    call "$PB" check --online
    [ "$status" -eq 1 ]
    found error aliyun.endpoint 'see aliyun.endpoint'
    found ok redis.scripts ''
}

@test "the provider is asked for no push, and its clock is read" {
    start_redis
    start_mock --clock-skew-s 30
    call "$PB" check --online
    expect 0
    found warning aliyun.clock 'NTP'
    call "$PB" check --online --strict
    [ "$status" -eq 1 ]
    found error aliyun.clock '+'
    curl -s "$control/_mock/record" | jq -e '.pushes == 0'
    stop_mock
    start_mock --clock-skew-s -1000
    call "$PB" check --online
    [ "$status" -eq 1 ]
    found error aliyun.clock '-'
}

# Redis' allocator does not bear libfaketime, so it is the worker's machine that is wrong.
@test "the clock of Redis is off: a warning, with --strict an error" {
    [ -e "$faketime" ] || skip 'needs libfaketime'
    start_redis
    start_mock
    faked() { LD_PRELOAD=$faketime FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME=+5s "$@"; }
    [[ ${PB_BIN:-} != *asan* ]] || skip 'the sanitizer wants to be first'
    call faked "$PB" check --online
    expect 0
    grep -Eq '^warning redis.clock +-(4\.9|5\.[0-9])' <<<"$out" # the look itself takes its time
    call faked "$PB" check --online --strict
    [ "$status" -eq 1 ]
    found error redis.clock 'NTP'
}
