#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# pause, resume and limit: what they write for all workers, and what they refuse.
load helper

control() { redis --raw HGET $K:control "$1"; }

setup() {
    clean_env
    credentials
    export PUSHBRIDGE_LIMIT_EGRESS=here
    start_redis
}
teardown() { stop_redis; }

@test "pause and resume, all and one app" {
    call "$PB" pause
    expect 0
    [ "$out" = "paused: all apps, until resume" ]
    [ "$(control 'pause:*')" = 0 ]
    call "$PB" pause --app shop
    expect 0
    [ "$(control pause:shop)" = 0 ]
    call "$PB" resume
    expect 0
    [ "$out" = "resumed: all apps" ]
    [ -z "$(control 'pause:*')" ] && [ "$(control pause:shop)" = 0 ]
    call "$PB" resume --app shop
    [ "$out" = "resumed: shop" ]
    call "$PB" resume --app shop
    expect 0
    [ "$out" = "was not paused: shop" ]
    [ "$(control v)" -eq 5 ]
}

@test "a pause for a time ends on Redis' clock" {
    call "$PB" pause --for 10m
    expect 0
    [ "$out" = "paused: all apps, for 10m" ]
    local left=$(($(control 'pause:*') - $(redis TIME | head -n 1) * 1000))
    [ $left -gt 590000 ] && [ $left -le 601000 ]
}

@test "pause refuses what it does not understand" {
    for time in soon 0s -5m 31d 1w; do
        call "$PB" pause --for "$time"
        expect 64 '--for'
    done
    call "$PB" pause --app 'a b'
    expect 64 '--app'
    call "$PB" pause shop
    expect 64 'unexpected argument "shop"'
    call "$PB" resume --for 5m
    expect 64 "unknown option '--for'"
    [ "$(redis EXISTS $K:control)" -eq 0 ]
}

@test "limit ls shows what is configured, set and reset change it" {
    call "$PB" limit ls
    expect 0
    grep -Eq '^egress@here +500 +- +- +- +-$' <<<"$out"
    grep -Eq '^Push@key-[0-9a-f]{8} +16666 ' <<<"$out"
    [[ $out != *LTAI* ]]
    call "$PB" limit set egress@here 50
    expect 0
    [ "$out" = "egress@here: 50 per second" ]
    [ "$(control rate:egress@here)" = 50 ]
    redis HSET $K:flow egress@here '7.5 1000 25 99999999999999 1 50 50' >/dev/null
    call "$PB" limit ls
    grep -Eq '^egress@here +500 +50 +25 +8 +[0-9]{5,}$' <<<"$out"
    call "$PB" limit reset egress@here
    expect 0
    [ -z "$(control rate:egress@here)" ] && [ "$(redis HLEN $K:flow)" -eq 0 ]
    call "$PB" limit set egress@here 0
    [ "$out" = "egress@here: no limit" ]
}

@test "limit refuses unknown names and rates" {
    call "$PB" limit
    expect 64 'which of ls, set, reset?'
    call "$PB" limit raise
    expect 64 '"raise" is none of'
    call "$PB" limit set egress@here
    expect 64 'limit set: NAME RATE is expected'
    call "$PB" limit set egress@here fast
    expect 64 '"fast" is not a whole number'
    call "$PB" limit set egress@here 0.5
    expect 64 '"0.5" is not a whole number of calls per second, 0 to 10000000'
    call "$PB" limit set egress@there 5
    expect 1 'there is no limit "egress@there"'
    call "$PB" limit reset Push@nobody
    expect 1 'no limit'
}

@test "without Redis: 1" {
    stop_redis
    redis_pid=
    export PUSHBRIDGE_REDIS_CONNECT_TIMEOUT_MS=300
    call "$PB" pause
    [ "$status" -eq 1 ] && [[ $err == *"is not reachable"* ]]
    call "$PB" limit ls
    [ "$status" -eq 1 ] && [[ $err == *"is not reachable"* ]]
}
