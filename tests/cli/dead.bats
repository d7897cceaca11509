#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
load helper

setup() {
    clean_env
    start_redis
}
teardown() { stop_redis; }

# letter ID REASON [jq expression over the letter]: one that has just died
letter() {
    local now=$(($(date +%s) * 1000))
    jq -nc --arg id "$1" --arg reason "$2" --argjson now "$now" '{id: $id, app: "default", code: "I10001",
        status: "dead", reason: $reason, maybe_sent: false, error: {code: "Bad", message: "m",
        http_status: 400, request_id: "R"}, pushes: [], attempts: 2, crashes: 0, claimed_at: $now,
        done_at: $now, worker: "w", queue: "push:jobs", job: ({id: $id, code: "I10001", school: "S"} | tojson)}
        | '"${3:-.}"
}
# bury [to] LETTER…: into the list, and into the books
bury() {
    redis RPUSH $DEAD "$@" >/dev/null
    redis HINCRBY $K:count dead $# >/dev/null
}
counter() { redis HGET $K:count "$1"; }
dead() { redis LLEN push:dead; }

@test "ls: a table, newest and oldest, with filters" {
    bury "$(letter a expired)" "$(letter b provider_rejected '.app = "x" | .error.code = "Worse"')" \
        "$(letter c expired '.done_at -= 3600000')"
    call "$PB" dead ls
    expect 0
    [ "$(wc -l <<<"$out")" -eq 4 ]
    [[ $(sed -n 2p <<<"$out") == 0*a*expired*default*I10001*Bad*no ]]
    for filter in '--reason provider_rejected' '--app x' '--error Worse' '--id b' '--reason provider_rejected --app x'; do
        [ "$("$PB" dead ls $filter --json | jq -r .id)" = b ]
    done
    [ "$("$PB" dead ls --older 30m --json | jq -r .id)" = c ]
    [ "$("$PB" dead ls --newer 30m --json | jq -r .id | xargs)" = "a b" ]
    [ "$("$PB" dead ls --code I1 --json)" = "" ]
    [ "$("$PB" dead ls --limit 2 --json 2>/dev/null | wc -l)" -eq 2 ]
}

@test "ls: hundreds of letters, page by page; 100 unless told" {
    local one
    one=$(letter j# expired)
    for i in $(seq 300); do echo "${one//j#/j$i}"; done >"$BATS_TEST_TMPDIR/all"
    sed 's/\\/\\\\/g; s/"/\\"/g; s/.*/RPUSH push:dead "&"/' "$BATS_TEST_TMPDIR/all" | redis >/dev/null
    [ "$(dead)" -eq 300 ]
    call "$PB" dead ls --json
    expect 0 'the first 100'
    [ "$(wc -l <<<"$out")" -eq 100 ]
    [ "$("$PB" dead ls --json --limit 1000 | cmp - "$BATS_TEST_TMPDIR/all" && echo same)" = same ]
}

@test "ls: what is no dead letter is shown, not lost" {
    bury "$(letter a expired)" 'not JSON' '{"status":"sent","id":"x"}' $'\e[31m\xff' ''
    call "$PB" dead ls
    expect 0
    [ "$(grep -c 'unreadable:' <<<"$out")" -eq 4 ]
    call "$PB" dead ls --unreadable --json
    [ "$(jq -r '.bytes_b64 | @base64d' <<<"$out" | head -n 1)" = 'not JSON' ]
    call "$PB" dead show --at 3
    expect 0
    [[ $out == *'\u001b[31m\xff'* ]]
    call "$PB" dead replay --yes
    expect 0
    [[ $out == *'1 replayed'*'4 left: unreadable'* ]]
    call "$PB" dead drop --reason expired --yes
    [ "$(dead)" -eq 4 ]
    call "$PB" dead drop --unreadable --yes
    expect 0
    [ "$(dead)" -eq 0 ] && [ "$(counter dropped)" -eq 4 ]
}

@test "show: one letter in full, with the job's own bytes" {
    bury "$(letter a expired '.job = "{\"id\":  \"a\"}\n\u001b[1m"')" "$(letter b expired 'del(.job) | .job_b64 = "/wBh"')"
    call "$PB" dead show a
    expect 0
    [[ $out == *'"reason": "expired"'*'job, 17 bytes:'*'{"id":  "a"}'*'\u001b[1m'* ]]
    call "$PB" dead show b
    [[ $out == *'job, 3 bytes:'*'\xff\u0000a'* ]]
    [ "$("$PB" dead show a --json)" = "$(redis --raw LINDEX $DEAD 0)" ]
    call "$PB" dead show c
    expect 1 'no dead letter has that id'
    call "$PB" dead show --at 7
    expect 1 'no letter stands there'
}

@test "replay: back into the queue, with its history and a clean slate" {
    bury "$(letter a expired '.pushes = [{message_id: "7", request_id: "R", part: 1}] | .gen = 1')"
    call "$PB" dead replay a
    expect 0
    [ "$out" = '1 replayed' ] && [ "$(dead)" -eq 0 ]
    [ "$(counter replayed)" -eq 1 ] && [ "$(counter delayed)" -eq 1 ] && [ "$(counter dead)" -eq 1 ]
    [ "$(redis ZCARD $K:due)" -eq 1 ]
    value=$(redis --raw HVALS $K:member)
    [[ $value == '0 '*'{"id":"a","code":"I10001","school":"S"}' ]]
    jq -es '.[0] | .uid == "a" and .gen == 1 and .replayed and .attempts == null and .t0 > 0 and
        .pushes == [[1, "7", "R"]] and (.history | length) == 1 and .history[0].reason == "expired" and
        .history[0].error == "Bad" and .history[0].attempts == 2' <<<"${value#* * }"
}

@test "replay: a new token is the next generation" {
    bury "$(letter a expired)" "$(letter b expired '.gen = 4')"
    "$PB" dead replay --token new --yes
    [ "$(redis --raw HVALS $K:member | grep -o 'gen":[0-9]*' | tr -d '"' | sort | xargs)" = 'gen:1 gen:5' ]
}

@test "replay: what may have been sent needs a word" {
    bury "$(letter a ambiguous '.maybe_sent = true')" "$(letter b expired)"
    call "$PB" dead replay --yes
    expect 0
    [[ $out == *'1 replayed'*'1 left: may have reached phones (--maybe-sent'* ]]
    call "$PB" dead replay a
    expect 1 'nothing was moved'
    call "$PB" dead replay a --maybe-sent
    expect 0
    [ "$(dead)" -eq 0 ]
    # not before the time of its last call is over and has settled, and for good a job that may have been sent
    redis --raw HVALS $K:member | grep -q '"uid":"a".*"given_up":true'
    redis --raw ZRANGE $K:due 0 -1 WITHSCORES | grep -v '^w' | sort -n | xargs |
        { read -r first last; [ $((last - first)) -gt 5000 ]; }
}

@test "replay: what may have been sent in a call with others cannot keep its token" {
    local in_call='.call = "AAAAAAAAAAAAAAAA.0" | .task = 1'
    bury "$(letter a ambiguous ".maybe_sent = true | $in_call")" "$(letter b expired "$in_call")" \
        "$(letter c ambiguous '.maybe_sent = true')"
    call "$PB" dead replay --maybe-sent --dry-run
    [[ $out == *'2 would be replayed'*'1 left: whose call was shared with other jobs'* ]]
    call "$PB" dead replay --maybe-sent --token same --yes
    expect 0
    [[ $out == *'2 replayed'*'1 left: whose call was shared with other jobs'*'--token new'* ]]
    call "$PB" dead replay a --maybe-sent
    expect 1 'nothing was moved'
    call "$PB" dead replay a --token new
    expect 1 'nothing was moved'
    [[ $out == *'1 left: may have reached phones'* ]]
    call "$PB" dead replay a --token new --maybe-sent
    expect 0
    [ "$(dead)" -eq 0 ]
    redis --raw HVALS $K:member | grep '"uid":"a"' | grep -v '"call"' | grep '"gen":1' | grep -q '"given_up":true'
    bury "$(letter d ambiguous ".maybe_sent = true | $in_call")"
    [ "$("$PB" dead drop d --yes)" = '1 dropped' ]
}

@test "moving asks for --yes, and --dry-run moves nothing" {
    bury "$(letter a expired)"
    for words in 'replay' 'replay --reason expired' 'drop' 'drop a'; do
        call "$PB" dead $words
        expect 64 '--yes is needed'
    done
    call "$PB" dead replay --dry-run
    expect 0
    [[ $out == *' a '*'1 would be replayed'* ]]
    call "$PB" dead drop --dry-run
    [[ $out == *'1 would be dropped'* ]]
    [ "$(dead)" -eq 1 ] && [ -z "$(counter replayed)$(counter dropped)" ]
}

@test "drop: counted" {
    bury "$(letter a expired)" "$(letter b provider_rejected)" "$(letter c expired)"
    call "$PB" dead drop --reason expired --yes
    expect 0
    [ "$out" = '2 dropped' ] && [ "$(dead)" -eq 1 ] && [ "$(counter dropped)" -eq 2 ]
    call "$PB" dead drop x --yes
    expect 1 'no dead letter has that id'
}

@test "--limit and --rate bound a replay" {
    # shellcheck disable=SC2046 # one letter a word
    bury $(for i in $(seq 40); do letter "j$i" expired; done)
    [ "$("$PB" dead replay --yes --limit 5)" = '5 replayed' ]
    local began=$EPOCHREALTIME
    [ "$("$PB" dead replay --yes --limit 11 --rate 20/s)" = '11 replayed' ]
    took=$((${EPOCHREALTIME/./} - ${began/./}))
    [ "$took" -ge 450000 ]
    [ "$(dead)" -eq 24 ] && [ "$(counter replayed)" -eq 16 ]
}

@test "an oversize job goes back once the limit allows it" {
    redis HSET $K:oversize u-0 "$(printf 'x%.0s' $(seq 100))" >/dev/null
    bury "$(letter u-0 invalid_job 'del(.job) | .job_ref = "{push:jobs}:oversize u-0"')"
    PUSHBRIDGE_QUEUE_JOB_MAX_BYTES=99 call "$PB" dead replay u-0
    expect 0
    [[ $out == *'0 replayed'*'1 left: longer than queue.job_max_bytes still'* ]]
    call "$PB" dead replay u-0
    expect 0
    [ "$(redis HLEN $K:oversize)" -eq 0 ]
    redis --raw HVALS $K:member | grep -q 'xxxxx$'
}

@test "several queues on one list: each letter knows its own" {
    export PUSHBRIDGE_QUEUE_NAMES=push:jobs,other
    bury "$(letter a expired)" "$(letter b expired '.queue = "other"')" "$(letter c expired 'del(.queue)')" \
        "$(letter d expired '.queue = "gone"')"
    call "$PB" dead replay --yes
    [[ $out == *'2 replayed'*'2 left: of a queue that is not configured'* ]]
    [ "$(counter replayed)" -eq 1 ] && [ "$(redis HGET '{other}:count' replayed)" -eq 1 ]
    call "$PB" dead replay c --queue other
    expect 0
    [ "$(redis HGET '{other}:count' replayed)" -eq 2 ]
}

@test "lists of their own: all are looked through" {
    export PUSHBRIDGE_QUEUE_NAMES=q1,q2 PUSHBRIDGE_QUEUE_DEAD='%q:dead'
    redis RPUSH q1:dead "$(letter a expired '.queue = "q1"')" >/dev/null
    redis RPUSH q2:dead "$(letter b expired '.queue = "q2"')" >/dev/null
    [ "$("$PB" dead ls --json | jq -r .id | xargs)" = 'a b' ]
    [ "$("$PB" dead replay --yes)" = '2 replayed' ]
    [ "$(redis ZCARD '{q1}:due')" -eq 1 ] && [ "$(redis ZCARD '{q2}:due')" -eq 1 ]
}

@test "wrong usage names the option" {
    call "$PB" dead
    expect 64 'which of ls, show, replay, drop?'
    call "$PB" dead ls --older soon
    expect 64 '--older: "soon" is not a time like 30s, 10m, 1h, 2d'
    call "$PB" dead ls --yes
    expect 64 '--yes: is for replay, drop'
    call "$PB" dead replay --token old --yes
    expect 64 '--token: "old" is none of same|new'
    call "$PB" dead replay --rate 0/s --yes
    expect 64 '--rate'
    call "$PB" dead show
    expect 64 'one ID, or --at N'
    call "$PB" dead ls x
    expect 64 'unexpected argument'
}
