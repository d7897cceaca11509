#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# stats, queue, cancel
load helper

setup() {
    clean_env
    start_redis
}
teardown() {
    stop_mock
    stop_redis
}

push() { redis RPUSH $Q "$@" >/dev/null; }
counter() { redis HGET $K:count "$1"; }

@test "queue ls counts, queue peek shows and masks" {
    local now=$(($(date +%s) * 1000))
    push "{\"id\":\"a\",\"code\":\"I10001\",\"school\":\"S1\",\"tags\":[\"t1\",\"t2\"],\"enqueued_at\":$now}" \
        '{"id":"b","message":"secret text","target":{"device":["0123456789abcdef0123456789abcdef","x"]}}' \
        'garbage' $'{"id":"\\u001b[1m","code":"C","target":{"all":true}}'
    call "$PB" queue ls
    expect 0
    [[ $(sed -n 2p <<<"$out") =~ ^push:jobs\ +4\ +0 ]]
    [ "$("$PB" queue ls --json | jq .ready)" -eq 4 ]
    call "$PB" queue peek
    expect 0
    [[ $out == *' a '*'school S1 tags t1,t2'* ]]
    [[ $out == *'device 0123***ef and 1 more'* && $out != *0123456789abcdef* && $out != *secret* ]]
    [[ $out == *'no JSON object, 7 bytes'* && $out != *$'\e'* ]]
    [ "$("$PB" queue peek --limit 2 | wc -l)" -eq 3 ]
    [ "$("$PB" queue peek elsewhere | wc -l)" -eq 1 ]
    [ "$(redis LLEN $Q)" -eq 4 ]
    call "$PB" queue
    expect 64 'which of ls, peek?'
}

@test "stats: one screen, and as JSON" {
    local now=$(($(date +%s) * 1000))
    push "{\"id\":\"a\",\"code\":\"I10001\",\"school\":\"S\",\"enqueued_at\":$((now - 300000))}" '{}'
    redis RPUSH $K:parked:a1 x y >/dev/null
    redis SADD $K:apps a1 >/dev/null
    redis HSET $K:count sent 7 dead 3 >/dev/null
    redis ZADD $K:workers $((now + 60000)) w1 1 w0 >/dev/null
    redis HSET $K:stat w1 "{\"started\":$((now - 7000)),\"sent\":7,\"dead\":3,\"calls\":9,\"in_flight\":2,\"rate\":1.5,\"circuits\":{\"a1\":\"open\"}}" >/dev/null
    redis RPUSH $DEAD '{"id":"x","status":"dead","reason":"expired","job":""}' junk \
        '{"id":"y","status":"dead","reason":"expired","job":""}' >/dev/null
    call "$PB" stats
    expect 0
    [[ $out == *'ready 2 (oldest 5m)'*'parked: a1 2'*'sent 7'*'1 alive, 1 gone'* ]]
    [[ $out == *'w1 '*'up '?*', in flight 2, sent 7 (1.5/s), dead 3, calls 9, circuit of a1 open'* ]]
    [[ $out == *'dead letters in push:dead: 3 (expired 2, unreadable 1)'* ]]
    "$PB" stats --json | jq -e '.queues[0] | .ready == 2 and .parked.a1 == 2 and .workers[0].name == "w1" and
        .workers_gone == 1 and .counters.sent == 7 and .oldest_ms >= 300000'
    "$PB" stats --json | jq -e '.dead[0] | .length == 3 and .scanned == 3 and .reasons.expired == 2'
}

@test "stats: pauses, circuits and limits, with no worker alive" {
    local now=$(($(date +%s) * 1000))
    credentials
    export PUSHBRIDGE_LIMIT_EGRESS=here
    call "$PB" stats
    expect 0
    grep -qx 'limit egress@here: 500/s, not in use' <<<"$out"
    [[ $out != *paused* && $out != *circuit* && $out != *all@* ]]
    "$PB" pause --app A
    "$PB" pause --for 10m
    redis HSET $K:control pause:over 5 rate:egress@here 50 \
        circuit:shop "60000 $((now + 60000)) - 0 $((now - 300000)) InvalidAccessKeyId.NotFound" \
        circuit:cafe "4000 1 w1 $((now + 90000)) $((now - 300000)) cannot connect" >/dev/null
    redis HSET $K:flow egress@here "7.5 $now 25 $((now + 90000)) 1 50 50" \
        all@default@ALL '0 1000 2.5 0 0 2.5 1' $'Push@\e[1m' '1 1000 5 0 0 5 1' >/dev/null
    call "$PB" stats
    expect 0
    [[ $out == *'workers: 0 alive'* && $out != *over* && $out != *$'\e'* ]]
    grep -qx 'paused: A, until resume' <<<"$out"
    grep -Eqx 'paused: all apps, (9|10)m more' <<<"$out"
    grep -Eqx 'circuit of shop: open, trouble for [56]m, next probe in [0-9]+s, why: InvalidAccessKeyId.NotFound' <<<"$out"
    grep -Eqx 'circuit of cafe: probing, trouble for [56]m, next probe in [0-9]+s, why: cannot connect' <<<"$out"
    grep -Eqx 'limit egress@here: 50/s \(configured 500/s\), now 25/s, tokens 8, cooling for [0-9]+s' <<<"$out"
    grep -qx 'limit all@default@ALL: 1/s, now 2.5/s, tokens 1' <<<"$out"
    grep -qxF 'limit Push@\u001b[1m: not configured here, now 5/s, tokens 1' <<<"$out"
    grep -Eqx 'limit Push@key-[0-9a-f]+: 16666/s, not in use' <<<"$out"
    "$PB" stats --json | jq -e --argjson now "$now" '
        (.paused | length == 2 and any(.app == "A" and .until == null) and any(.app == null and .until > $now)) and
        (.circuits | length == 2 and any(.app == "shop" and .state == "open" and .since == $now - 300000 and
            .probe_at == $now + 60000 and .why == "InvalidAccessKeyId.NotFound") and
            any(.app == "cafe" and .state == "probing")) and
        (.limits[0] | .name == "egress@here" and .configured == 500 and .override == 50 and .rate == 25 and
            .tokens == 7.5 and .cooling_ms > 0) and
        (.limits | any(.override == null and .rate == null and .tokens == null and .cooling_ms == 0))'
    "$PB" resume --app A
    redis HDEL $K:control circuit:shop circuit:cafe >/dev/null
    "$PB" stats --queue elsewhere --json | jq -e '.circuits == [] and (.paused | length) == 1'
    redis DEL $K:control >/dev/null
    redis SET $K:control text >/dev/null # what cannot be read leaves the rest to be seen
    call "$PB" stats
    expect 0
    [[ $out == *'Redis did not show them'*'dead letters in'* ]]
    "$PB" stats --json | jq -e '.limits == null and .paused == null and .circuits == null'
}

@test "stats --watch: again and again, with rates" {
    "$PB" stats --watch 1 --json >"$BATS_TEST_TMPDIR/watch" 3>&- &
    watch=$!
    local end=$((SECONDS + 120))
    until [ "$(wc -l <"$BATS_TEST_TMPDIR/watch")" -ge 1 ]; do
        [ $SECONDS -lt $end ]
        read -r -t 0.02 <> <(:) || true
    done
    redis HINCRBY $K:count sent 100 >/dev/null
    # in whichever line comes after it, and the line may be half written yet
    until jq -se 'any(.queues[0].rate.sent > 10 and .paused == [] and (.limits | length) > 0)' "$BATS_TEST_TMPDIR/watch"; do
        [ $SECONDS -lt $end ]
        read -r -t 0.05 <> <(:) || true
    done
    kill "$watch"
    wait "$watch" || true
    call "$PB" stats --watch=0
    expect 64 '--watch'
}

@test "cancel: a ready job becomes a dead letter, others stay" {
    push '{"id":"a","code":"I10001","school":"S"}' '{"id":"\u0062","code":"I10001","school":"S","meta":{"k":1},"reply_to":"push:reply:b"}' \
        '{"id":"c","code":"I10001","school":"ab"}'
    call "$PB" cancel b
    expect 0
    [ "$out" = 'cancelled in push:jobs' ]
    [ "$(redis LLEN $Q)" -eq 2 ] && [ "$(counter dead)" -eq 1 ]
    redis --raw LINDEX $DEAD 0 | jq -e '.id == "b" and .status == "dead" and .reason == "cancelled" and
        .maybe_sent == false and .meta == {k: 1} and .attempts == 0 and .queue == "push:jobs" and
        (.job | contains("\\u0062"))'
    [ "$(redis LINDEX push:reply:b 0)" = "$(redis LINDEX $DEAD 0)" ]
    call "$PB" cancel b
    expect 1 'no job with that id'
    "$PB" dead replay b
    [ "$(counter replayed)" -eq 1 ]
    call "$PB" cancel b
    expect 0
    [ "$(counter delayed)" -eq 0 ] && [ "$(counter dead)" -eq 2 ] && [ "$(redis EXISTS $K:batch)" -eq 0 ]
    redis --raw LINDEX $DEAD 0 | jq -e '.reason == "cancelled" and .history[0].reason == "cancelled"'
}

@test "cancel: deep in a long queue, every one of that id" {
    for i in $(seq 500); do echo "{\"id\":\"j$((i % 250))\",\"code\":\"I10001\",\"school\":\"S\"}"; done | "$PB" send - 2>/dev/null
    call "$PB" cancel j200
    expect 0
    [ "$(wc -l <<<"$out")" -eq 2 ]
    [ "$(redis LLEN $Q)" -eq 498 ] && [ "$(redis LLEN $DEAD)" -eq 2 ]
    [ "$(redis --raw LRANGE $Q 0 -1 | grep -c '"j200"')" -eq 0 ]
}

@test "cancel: parked ones too; one that a worker holds is left alone" {
    redis SADD $K:apps default >/dev/null
    redis RPUSH $K:parked:default '2 11 {"uid":"p"}{"code":"I10001","school":"S"}' >/dev/null
    redis HSET $K:batch AAAAAAAAAAAAAAAA 'fence L 1 1 w 1 0 d' 'AAAAAAAAAAAAAAAA#' 1 >/dev/null
    redis HSET $K:member AAAAAAAAAAAAAAAA:0 '0 0 {"id":"l","code":"I10001","school":"S"}' >/dev/null
    redis ZADD $K:due 1 AAAAAAAAAAAAAAAA >/dev/null
    call "$PB" cancel p
    expect 0
    [ "$(redis LLEN $K:parked:default)" -eq 0 ]
    redis --raw LINDEX $DEAD 0 | jq -e '.id == "p" and .crashes == 2'
    call "$PB" cancel l
    expect 1 'a worker holds it'
    [ "$(redis HLEN $K:member)" -eq 1 ] && [ "$(redis LLEN $DEAD)" -eq 1 ]
}

# waiting MORE: three jobs wait for the repetition of the call that they share
waiting() {
    local now=$(($(date +%s) * 1000)) w=wAAAAAAAAAAAAAAA i=0 e digest
    digest=$("$PB" check | sed -nE 's/^digest = ([0-9a-f]+).*/\1/p')
    redis HSET $K:batch $w "fence W $now $now w 3 0 $digest" $w# 3 $w! "1 3 P:AAAAAAAAAAAAAAAA.0:0,1,2" >/dev/null
    for id in a b c; do
        e="{\"uid\":\"$id\",\"id_given\":true,\"call\":\"AAAAAAAAAAAAAAAA.0\",\"tasks\":1,\"attempts\":1,\"t0\":$now,\"first_sent\":$now$1}"
        redis HSET $K:member $w:$i "0 ${#e} $e{\"id\":\"$id\",\"message\":\"m\",\"target\":{\"account\":[\"$id\"]}}" >/dev/null
        i=$((i + 1))
    done
    redis HINCRBY $K:count delayed 3 >/dev/null
    redis ZADD $K:due $((now - 1)) $w >/dev/null
}
sent() { redis --raw LRANGE $RESULTS 0 -1; }

@test "cancel: a call of several that may be out stays whole" {
    start_mock
    waiting ',"unanswered":"1"'
    call "$PB" queue peek --claimed
    expect 0
    [ "$(grep -c ' account \*\*\* .* call AAAAAAAAAAAAAAAA.0, task 1 of 1$' <<<"$out")" -eq 3 ]
    [ "$("$PB" queue peek --claimed --limit 2 | wc -l)" -eq 3 ]
    call "$PB" queue ls --claimed
    expect 64 'is for peek'
    call "$PB" cancel b
    expect 1 'it shares a call with other jobs'
    [ "$(redis LLEN $DEAD)" -eq 0 ] && [ "$(redis HLEN $K:member)" -eq 3 ]
    "$PB" run --until-empty --timeout 100 2>"$BATS_TEST_TMPDIR/log"
    sent | jq -se 'length == 3 and (map(.pushes[0].message_id) | unique | length) == 1'
    curl -s "$control/_mock/record" | jq -e '.pushes == 1'
}

@test "cancel: where their call was refused, the others go on without it" {
    start_mock
    waiting ''
    call "$PB" cancel b
    expect 0
    redis --raw LINDEX $DEAD 0 | jq -e '.id == "b" and .maybe_sent == false and .reason == "cancelled"'
    "$PB" run --until-empty --timeout 100 2>"$BATS_TEST_TMPDIR/log"
    sent | jq -se 'map(.id) | sort == ["a", "c"]'
    curl -s "$control/_mock/record" | jq -e '.pushes == 2'
}

@test "cancel: a scheduled push that other jobs share needs a word" {
    start_mock
    export PUSHBRIDGE_PLAN_COALESCE_IDS=true
    for i in $(seq 40); do
        echo "{\"id\":\"j$i\",\"message\":\"m\",\"delay_s\":3600,\"target\":{\"account\":[\"u$i\"]}}"
    done | "$PB" send - 2>/dev/null
    "$PB" run --until-empty --timeout 100 2>"$BATS_TEST_TMPDIR/log"
    local one
    one=$(sent | jq -r 'select(.pushes[0].task != null).id' | tail -n 1)
    [ -n "$one" ]
    call "$PB" cancel "$one"
    expect 1 'other jobs may share it (--with-others'
    curl -s "$control/_mock/record" | jq -e '.done == 0'
    call "$PB" cancel "$one" --with-others
    expect 0
    [[ $out == 'cancelled at the provider: message '* ]]
}

@test "cancel: a scheduled push, at the provider" {
    start_mock
    push '{"id":"later","code":"I10001","school":"S","delay_s":3600}' '{"id":"now","code":"I10001","school":"S"}'
    "$PB" run --until-empty --timeout 100 2>"$BATS_TEST_TMPDIR/log"
    [ "$(redis LLEN $RESULTS)" -eq 2 ]
    call "$PB" cancel later
    expect 0
    [[ $out == 'cancelled at the provider: message '* ]]
    [ "$(curl -s "$control/_mock/record?list=1" | jq '[.list[] | select(.cancelled)] | length')" -eq 1 ]
    call "$PB" cancel later
    expect 1 'InvalidMessageId.NotFound'
    PUSHBRIDGE_ALIYUN_SIGNATURE=v1 call "$PB" cancel now
    expect 1 'InvalidMessageId.NotFound'
    curl -s "$control/_mock/record" | jq -e '.pushes == 2 and .done == 1 and .refused == 2'
    unset PREQ_APP_KEY
    PREQ_APP_KEY='' call "$PB" cancel later
    [ "$status" -eq 1 ]
}

@test "help names each command" {
    for command in dead stats queue cancel; do
        "$PB" "$command" --help | grep -q "usage: pushbridge $command"
        "$PB" --help | grep -q "  $command "
    done
}
