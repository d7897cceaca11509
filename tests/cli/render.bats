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
