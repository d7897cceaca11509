#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
load helper

setup() {
    clean_env
    start_redis
}
teardown() { stop_redis; }

# A worker's stand-in: takes one job and answers to its reply_to.
answer() {
    local job
    job=$(redis --raw BLPOP $Q 10 | tail -n 1)
    redis RPUSH "$(jq -r .reply_to <<<"$job")" "$1" >/dev/null
}

@test "every option has its place in the job" {
    call "$PB" send --code I10001 --school S01 --tag teacher --tag grade-3 --id j1 --app default \
        --param room=5 --param 'text=a=b' --push iOSBadge=3 --push Title=7 --push AndroidOpenType=URL \
        --delay-s 5 --ttl-s 60 --locale zh-CN --type 1
    expect 0
    redis --raw LINDEX $Q 0 | jq -e '
        (.enqueued_at | type) == "number" and del(.enqueued_at) == {code: "I10001", school: "S01",
            tags: ["teacher", "grade-3"], id: "j1", app: "default", params: {room: "5", text: "a=b"},
            push: {iOSBadge: 3, Title: "7", AndroidOpenType: "URL"}, delay_s: 5, ttl_s: 60,
            locale: "zh-CN", type: 1}'
}

@test "literal text and explicit targets" {
    "$PB" send --message hi --title T --target-device "$(printf %032d 1)" --target-device "$(printf %032d 2)"
    "$PB" send --message hi --target-account a
    "$PB" send --message hi --target-alias a --queue other
    "$PB" send --message hi --target-tag plain
    "$PB" send --message hi --target-tag '{"and":[{"tag":"a"},{"not":{"tag":"b"}}]}'
    "$PB" send --message hi --target-all --type functional
    [ "$(redis LLEN $Q)" -eq 5 ]
    redis --raw LINDEX other 0 | jq -e '.target == {alias: ["a"]}'
    redis --raw LRANGE $Q 0 -1 | jq -se '[.[].target] == [{device: ["00000000000000000000000000000001", "00000000000000000000000000000002"]}, {account: ["a"]},
        {tag: "plain"}, {tag: {and: [{tag: "a"}, {not: {tag: "b"}}]}}, {all: true}]'
}

@test "a job that a worker would refuse is not queued" {
    call "$PB" send --code I10001 --message x --school S
    expect 64 'invalid_job: code and message'
    call "$PB" send --code I10001
    expect 64 'invalid_target'
    call "$PB" send --message x --school S --push AppKey=1
    expect 64 'AppKey'
    call "$PB" send --message x --school S --delay-s -1
    expect 64 'delay_s'
    [ "$(redis LLEN $Q)" -eq 0 ]
}

@test "wrong usage names the option" {
    call "$PB" send
    expect 64 '--code or --message'
    call "$PB" send --code I10001 --delay-s soon
    expect 64 '--delay-s: "soon" is not an integer'
    call "$PB" send --code I10001 --param room
    expect 64 '--param: "room" must be NAME=VALUE'
    call "$PB" send --code A --code B
    expect 64 '--code: is given twice'
    call "$PB" send --code A --timeout 3
    expect 64 '--timeout needs --wait'
    call "$PB" send --code A --wait --timeout 0
    expect 64 '--timeout: "0" is not a number from 1 to 86400'
    call "$PB" send --code A -
    expect 64 '-: takes no job options'
    call "$PB" send --message $'\xff' --school S
    expect 64 '--message: is not UTF-8'
}

@test "lines: bytes are kept, wrong ones are named and skipped" {
    printf '{"code":"I10001", "school":"S"}\n\n{"cod":1}\n{"code":"I20000","school":"S"}' >"$BATS_TEST_TMPDIR/in"
    call "$PB" send - <"$BATS_TEST_TMPDIR/in"
    [ "$status" -eq 1 ] && [[ $err == *'line 3: invalid_job: '*'2 queued in push:jobs'* ]]
    [ "$(redis --raw LINDEX $Q 0)" = '{"code":"I10001", "school":"S"}' ]
    [ "$(redis LLEN $Q)" -eq 2 ]
}

@test "a thousand lines" {
    for i in $(seq 1000); do echo "{\"id\":\"j$i\",\"code\":\"I10001\",\"school\":\"S\"}"; done | "$PB" send -
    [ "$(redis LLEN $Q)" -eq 1000 ]
    redis --raw LINDEX $Q 999 | grep -q j1000
}

@test "a line over the limit is skipped, the next one is read" {
    { head -c 70000 /dev/zero | tr '\0' x; echo; echo '{"code":"I10001","school":"S"}'; } >"$BATS_TEST_TMPDIR/in"
    call "$PB" send - <"$BATS_TEST_TMPDIR/in"
    [ "$status" -eq 1 ] && [[ $err == *'line 1: longer than 65536 bytes'* ]]
    [ "$(redis LLEN $Q)" -eq 1 ]
}

@test "--wait: sent is 0, and the outcome is printed" {
    answer '{"id":"x","status":"sent","pushes":[]}' 3>&- &
    worker=$!
    call "$PB" send --code I10001 --school S --wait --timeout 100
    expect 0
    [ "$out" = '{"id":"x","status":"sent","pushes":[]}' ]
    wait "$worker"
}

@test "--wait: dead is 1" {
    answer '{"id":"x","status":"dead","reason":"expired"}' 3>&- &
    worker=$!
    call "$PB" send --code I10001 --school S --wait --timeout 100
    expect 1
    jq -e '.reason == "expired"' <<<"$out"
    wait "$worker"
}

@test "--wait: nobody there is 75" {
    call "$PB" send --code I10001 --school S --wait --timeout 1
    expect 75 '1 of 1 outcomes did not come within 1 s'
}

@test "--wait with lines waits for all of them" {
    { answer '{"status":"sent"}'; answer '{"status":"duplicate"}'; } 3>&- &
    worker=$!
    printf '{"code":"I10001","school":"S"}\n{"code":"I20000","school":"S"}\n' >"$BATS_TEST_TMPDIR/in"
    call "$PB" send --wait --timeout 100 - <"$BATS_TEST_TMPDIR/in"
    expect 0
    [ "$(wc -l <<<"$out")" -eq 2 ]
    wait "$worker"
}

@test "--wait with lines: a job's own reply_to cannot be kept" {
    echo '{"code":"I10001","school":"S","reply_to":"push:reply:me"}' >"$BATS_TEST_TMPDIR/in"
    call "$PB" send --wait --timeout 1 - <"$BATS_TEST_TMPDIR/in"
    expect 1 'line 1: reply_to'
    [ "$(redis LLEN $Q)" -eq 0 ]
}

@test "a queue that is no list: Redis' word, 1" {
    redis SET $Q x >/dev/null
    call "$PB" send --code I10001 --school S
    expect 1 WRONGTYPE
}

@test "Redis not reachable: 1 within the connect time" {
    PUSHBRIDGE_REDIS_URL=unix:///does/not/exist PUSHBRIDGE_REDIS_CONNECT_TIMEOUT_MS=200 \
        call "$PB" send --code I10001 --school S
    [ "$status" -eq 1 ] && [[ $err == *'Redis at /does/not/exist is not reachable'* ]]
}
