#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
load helper

setup() {
    clean_env
    export PREQ_APP_KEY=23456789
}

@test "the reference job as JSON; credentials are not needed" {
    call "$PB" render -c "$MAIN_CONF" --json \
        '{"id":"j1","code":"I10001","school":"S01","tags":["teacher","grade-3"]}'
    expect 0
    jq -e '.job == 1 and .id == "j1" and .app == "default" and .overlap == false
        and (.calls | length) == 1 and (.calls[0] |
            .target == "TAG" and .title == "I10001"
            and .target_value == "{\"and\":[{\"tag\":\"S01\"},{\"or\":[{\"tag\":\"teacher\"},{\"tag\":\"grade-3\"}]}]}"
            and .body == "{\"type\":0,\"message\":\"Arranging Result Changed. (School: S01)\"}"
            and (.token | test("^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"))
            and .parameters.AppKey == "23456789" and .parameters.JobKey == "j1"
            and .parameters.DeviceType == "ANDROID" and .parameters.PushType == "MESSAGE"
            and .parameters.StoreOffline == "true"
            and ((.parameters.ExpireTime | fromdate) - (.parameters.PushTime | fromdate)) == 86400)' <<<"$out"
}

@test "the token does not depend on the time" {
    one=$("$PB" render --json '{"id":"j1","message":"x","school":"S"}' | jq -r '.calls[0].token')
    two=$("$PB" render --json '{"school":"S","id":"j1","message":"x"}' | jq -r '.calls[0].token')
    [ "$one" = "$two" ]
}

@test "readable text" {
    call "$PB" render '{"code":"I20000","school":"S02"}'
    expect 0
    [[ $out == *'job 1: app default, not sent after '* ]]
    [[ $out == *'call 1 of 1: Push to TAG'* ]]
    [[ $out == *'TargetValue      S02'* ]]
}

@test "refusals: reason, member, exit 1, the others are shown" {
    call "$PB" render '{"code":"I10001","school":42}' '{"code":"nope","school":"S"}' '{' \
        '{"code":"I10001","school":"S"}' '{"code":"I10001","school":"S","app":"other"}'
    expect 1
    [[ $out == *'job 1: refused: invalid_job: school'* ]]
    [[ $out == *'job 2: refused: unknown_template: '* ]]
    [[ $out == *'job 3: refused: invalid_json: '* ]]
    [[ $out == *'job 4: app default'* ]]
    [[ $out == *'job 5: refused: invalid_job: app: no app "other"'* ]]
}

@test "refusals as JSON" {
    call "$PB" render --json '{"id":"x","code":"I10001","school":42}'
    expect 1
    jq -e '.job == 1 and .id == "x" and .error.reason == "invalid_job"' <<<"$out"
}

@test "lines of the standard input; empty ones are passed over" {
    out=$(printf '{"message":"a","school":"S"}\n\n{"message":"b","school":"S"}' | "$PB" render --json)
    [ "$(jq -s length <<<"$out")" -eq 2 ]
}

@test "a job over the limit is refused" {
    call "$PB" render "{\"message\":\"$(head -c 66000 /dev/zero | tr '\0' x)\",\"school\":\"S\"}"
    expect 1
    [[ $out == *'refused: invalid_job: job: '*'queue.job_max_bytes'* ]]
}

@test "no app at all is 78" {
    unset PREQ_APP_KEY
    call "$PB" render '{}'
    expect 78 'no app'
}

@test "notices: parts, an app's and a template's push, variants per platform" {
    cat >"$BATS_TEST_TMPDIR/n.conf" <<'END'
apps = ( { name = "default"; push_type = "NOTICE"; push = { AndroidNotifyType = "SOUND"; }; },
    { name = "ios"; app_key = "2"; device_type = "iOS"; push_type = "NOTICE"; push = { iOSApnsEnv = "DEV"; }; } );
groups = ( { name = "school"; apps = [ "default", "ios" ]; } );
templates = ( { code = "N"; title = "T"; message = "m {0}"; subtitle = "of {0}"; sound = "bell"; ext = { a = "{0}"; };
    push = { AndroidNotifyType = "BOTH"; }; platforms = ( { platform = "iOS"; sound = "bell.caf"; } ); } );
END
    call "$PB" render -c "$BATS_TEST_TMPDIR/n.conf" --json \
        '{"code":"N","school":"S"}' '{"code":"N","school":"S","app":"ios","push":{"iOSBadge":2}}' \
        '{"id":"g","code":"N","school":"S","app":"school"}'
    expect 0
    jq -se '(.[0].calls[0] | .parameters.AndroidMusic == "bell" and .parameters.AndroidNotifyType == "BOTH"
            and .parameters.AndroidExtParameters == "{\"a\":\"S\"}" and .parameters.iOSSubtitle == null and .app == null)
        and (.[1].calls[0].parameters | .iOSMusic == "bell.caf" and .iOSSubtitle == "of S" and .iOSBadge == "2"
            and .Body == "m S" and .AndroidMusic == null)
        and (.[2] | .app == "school" and ([.calls[] | [.part, .app, .parameters.DeviceType]]
            == [[0,"default","ANDROID"],[1,"ios","iOS"]]) and .calls[0].token != .calls[1].token)' <<<"$out"
    call "$PB" render -c "$BATS_TEST_TMPDIR/n.conf" '{"code":"N","school":"S","app":"school"}'
    expect 0
    [[ $out == *'job 1: app school, '*'call 1 of 2: Push to TAG of app default'*'call 2 of 2: Push to TAG of app ios'* ]]
}

@test "a bad template or app fails check with its line" {
    printf 'templates = (\n  { code = "N"; message = "m";\n    push = { iOSApnsEnv = "TEST"; }; } );\n' >"$BATS_TEST_TMPDIR/b.conf"
    PREQ_ACCESS_KEY_ID=i PREQ_ACCESS_KEY_SECRET=s call "$PB" check -c "$BATS_TEST_TMPDIR/b.conf"
    expect 78 'b.conf:3: push: iOSApnsEnv: must be one of DEV|PRODUCT'
}

# --- calls of several jobs ---

A=0123456789abcdef0123456789abcdef B=1123456789abcdef0123456789abcdef
to() { printf '{"message":"%s","target":{"%s":["%s"]}}' "$1" "$2" "$3"; }
shared() { jq -c 'select(.action)' <<<"$out"; }

@test "jobs of one content share a Push" {
    call "$PB" render --json "$(to m device $A)" "$(to m device $B)"
    expect 0
    [ "$(jq -c 'select(.job) | [.job, .shared.call, .shared.task, (.calls | length)]' <<<"$out" | xargs)" = '[1,1,0,0] [2,1,0,0]' ]
    shared | jq -e --arg ids "$A,$B" '.call == 1 and .action == "Push" and .app == "default" and
        (.tasks | length) == 1 and .tasks[0].jobs == [1, 2] and .tasks[0].target == "DEVICE" and
        .tasks[0].target_value == $ids and .parameters.TargetValue == $ids and
        .token == .parameters.IdempotentToken and .tasks[0].job_key == .parameters.JobKey'
}

@test "mixed contents share a MassPush; what cannot goes alone; refusals stay" {
    call "$PB" render --json "$(to a device $A)" '{"message":"a","school":"S"}' "$(to b account u1)" '{' \
        "$(to a device $B)" "$(to a device $A)"
    expect 1
    # the same phone again is a push of its own
    shared | jq -e '.action == "MassPush" and [.tasks[].jobs] == [[1, 5], [3], [6]] and
        [.tasks[].title] == ["default", "default", "default"] and .parameters["PushTask.2.TargetValue"] == "u1" and
        (.parameters | has("TargetValue") | not)'
    jq -se 'map(select(.job)) | map(.job) == [1, 2, 3, 4, 5, 6] and (.[1] | .shared == null and (.calls | length) == 1) and
        .[3].error.reason == "invalid_json" and .[5].shared == {call: 1, task: 2}' <<<"$out"
    call "$PB" render "$(to a device $A)" "$(to b account u1)" "$(to a device $B)"
    expect 0
    [[ $out == *'job 3: app default, not sent after '*'; in shared call 1, task 1'* ]]
    [[ $out == *'shared call 1: MassPush, app default, jobs: 3, tasks: 2; the token is an example'*IdempotentToken* ]]
    [[ $out == *'task 1: jobs 1, 3'*"TargetValue      $A,$B"*'task 2: jobs 2'*'TargetValue      u1'* ]]
}

@test "tags are merged only where that is asked for" {
    local one='{"message":"m","school":"S","tags":["a","b"]}' two='{"message":"m","school":"S","tags":["b","c"]}'
    local other='{"message":"m","school":"T","tags":["b","c"]}'
    call "$PB" render --json "$one" "$two" "$other"
    expect 0
    [ -z "$(shared)" ] && [ "$(jq -s 'map(.calls | length) | add' <<<"$out")" -eq 3 ]
    PUSHBRIDGE_PLAN_MERGE_TAGS=true call "$PB" render --json "$one" "$two" "$other"
    expect 0
    shared | jq -e '.action == "Push" and .tasks[0].jobs == [1, 2] and .tasks[0].target == "TAG" and
        (.tasks[0].target_value | fromjson) == {and: [{tag: "S"}, {or: [{tag: "a"}, {tag: "b"}, {tag: "c"}]}]}'
}

@test "jobs with an id share only where they are known otherwise; off is off" {
    local one two
    one=$(to m device $A | jq -c '.id = "one"')
    two=$(to m device $B | jq -c '.id = "two"')
    local off=PUSHBRIDGE_PLAN_COALESCE=false
    for with in PUSHBRIDGE_QUEUE_DEDUP_S=899 "$off PUSHBRIDGE_PLAN_COALESCE_IDS=true"; do
        out=$(env $with "$PB" render --json "$one" "$two")
        [ -z "$(shared)" ] && [ "$(jq -s 'map(.calls[0].parameters.JobKey) | join(" ")' <<<"$out")" = '"one two"' ]
    done
    for with in PUSHBRIDGE_QUEUE_DEDUP_S=900 PUSHBRIDGE_PLAN_COALESCE_IDS=true; do
        out=$(env $with "$PB" render --json "$one" "$two")
        [ "$(shared | jq -c '.tasks[0].jobs')" = '[1,2]' ]
    done
    # the token of a job with an id of its own is no example
    [ "$("$PB" render --json "$one" "$two" | jq -r 'select(.job == 1).calls[0].token')" = \
        "$("$PB" render --json "$one" | jq -r '.calls[0].token')" ]
}

@test "deadlines further apart than the slack do not share a call" {
    call "$PB" render --json "$(to m device $A | jq -c '.ttl_s = 600')" "$(to m device $B | jq -c '.ttl_s = 630')" \
        "$(to m device ${B/1/2} | jq -c '.ttl_s = 700')"
    expect 0
    shared | jq -e '[.tasks[].jobs] == [[1, 2]]'
    jq -se '(map(select(.job == 1))[0].deadline) as $first | map(select(.action))[0].parameters.ExpireTime == $first' <<<"$out"
}

@test "a long input is grouped by 200, in its order" {
    out=$(for i in $(seq 450); do to m device "$(printf %032d "$i")"; echo; done | "$PB" render --json)
    [ "$(shared | jq -c '[.call, (.tasks[0].jobs | length), .tasks[0].jobs[0]]' | xargs)" = '[1,200,1] [2,200,201] [3,50,401]' ]
    [ "$(jq -s 'map(select(.job).job) == [range(1; 451)]' <<<"$out")" = true ]
}
