#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The management commands when something is wrong: ids, answers, the provider, the configuration
load manage

@test "bad ids are refused with place and limit before anything is sent" {
    start_provider
    { devices 3; echo short; } >"$dir/ids"
    call "$PB" tag bind --tag a --key-type DEVICE --file "$dir/ids"
    expect 64 "$dir/ids:4: 5 bytes: a device id has 32"
    call "$PB" account devices - < <(printf '%065d\n' 0)
    expect 64 'standard input:1: 65 bytes: an account has at most 64'
    call "$PB" alias devices a,b
    expect 64 'argument 1: holds a comma'
    call "$PB" tag bind --tag "$(printf '%0129d' 0)" --key-type DEVICE $D1
    expect 64 '--tag: 129 characters: a tag has at most 128'
    call "$PB" tag rm --file "$dir/none"
    expect 64 'No such file'
    call "$PB" tag rm </dev/null
    expect 64 'no ids'
    [ "$(calls)" -eq 0 ]
}

@test "a failure in the middle says how far it came, and --resume goes on there" {
    start_provider --fail 3=refuse
    devices 5000 >"$dir/ids"
    local command=(tag bind --tag a --key-type DEVICE --file "$dir/ids" --resume "$dir/place")
    call "$PB" "${command[@]}"
    expect 1 'ClientKey 2001 to 3000: InvalidParameter: no such thing'
    [[ $err == *'2 of 5 calls done, the same command goes on there'* ]]
    call "$PB" tag unbind --tag a --key-type DEVICE --file "$dir/ids" --resume "$dir/place"
    expect 1 'belongs to another command'
    [ "$(calls)" -eq 3 ]
    call "$PB" "${command[@]}"
    expect 0
    [ "$out" = '5000 ids in 3 calls after 2 of an earlier run' ]
    [ ! -e "$dir/place" ]
    [ "$(jq -r .params.ClientKey "$dir/calls" | sed 3d | tr , '\n')" = "$(devices 5000)" ]
}

@test "--resume after a kill: nothing is left out" {
    start_provider --fail 3=hang
    devices 4000 >"$dir/ids"
    local command=(tag bind --tag a --key-type DEVICE --file "$dir/ids" --resume "$dir/place")
    "$PB" "${command[@]}" 2>/dev/null 3>&- &
    local pid=$! end=$((SECONDS + 120))
    until [ "$(calls)" -eq 3 ]; do
        [ $SECONDS -lt $end ]
        read -r -t 0.02 <> <(:) || true
    done
    kill -9 $pid
    wait $pid || true
    call "$PB" "${command[@]}"
    expect 0
    [ "$out" = '4000 ids in 2 calls after 2 of an earlier run' ]
    [ "$(jq -r .params.ClientKey "$dir/calls" | sed 3d | tr , '\n')" = "$(devices 4000)" ]
}

@test "--keep-going: what is refused is told, the rest goes on" {
    start_provider --fail 2=refuse
    call "$PB" alias query --keep-going $D1 $D2 a64ae296f3b04a58a05b30c900000003
    expect 1 "DeviceId $D2: InvalidParameter"
    [ "$(grep -c alias1 <<<"$out")" -eq 2 ]
    call "$PB" tag rm --keep-going x
    expect 0
}

@test "throttling is waited out, errors of the provider are repeated, then 69" {
    start_provider --fail 1=throttle --fail 2=500 --fail 3=throttle --fail 5+=500
    call "$PB" tag ls
    expect 0
    [ "$(calls)" -eq 4 ]
    call "$PB" tag ls
    expect 69 'InternalError: try again'
    [ "$(calls)" -eq 7 ]
}

@test "no provider, garbage, a lost answer: 69; what pushes without a token is never repeated" {
    start_provider --fail 1+=reset
    call "$PB" tag rm x
    expect 69 'it may have been done'
    [ "$(calls)" -eq 3 ]
    call "$PB" call PushMessageToAndroid Target=ALL TargetValue=ALL Title=t Body=b
    expect 69 'it may have been done'
    [ "$(calls)" -eq 4 ]
    PUSHBRIDGE_ALIYUN_SETTLE_MS=100 call "$PB" call Push Target=ALL TargetValue=ALL DeviceType=ANDROID \
        PushType=MESSAGE Title=t Body=b
    expect 69
    [ "$(calls)" -eq 7 ]
    [ "$(jq -r 'select(.action == "Push") | .params.IdempotentToken' "$dir/calls" | sort -u | wc -l)" -eq 1 ]
    kill "$provider_pid" && wait "$provider_pid" 2>/dev/null || true
    provider_pid=
    call "$PB" tag ls
    expect 69
    [[ $err != *'may have been done'* ]]
}

@test "an answer in XML, or one that cannot be read" {
    start_provider --fail 1=xml --fail 2=xml --fail 3+=garbage
    call "$PB" tag ls
    expect 0
    [ "$out" = vip ]
    call "$PB" tag query --key-type ACCOUNT u
    expect 0
    [ "$out" = $'test_tag\na&b' ]
    call "$PB" tag ls
    expect 69 'success without a readable answer'
}

@test "apps: --app, the only one, credentials that are missing" {
    start_provider
    cat >"$dir/two.conf" <<'CONF'
apps = (
  { name = "a"; app_key = "111"; device_type = "ANDROID"; },
  { name = "b"; app_key = "222"; device_type = "iOS"; }
);
CONF
    unset PREQ_APP_KEY
    call "$PB" tag ls -c "$dir/two.conf" --app b
    expect 0
    sent '.[0].params.AppKey == "222"'
    call "$PB" tag ls -c "$dir/two.conf"
    expect 78 'which app? --app NAME'
    call "$PB" tag ls -c "$dir/two.conf" --app c
    expect 78 '"c" is not configured'
    unset PREQ_ACCESS_KEY_SECRET PREQ_ACCESS_KEY_ID
    call "$PB" call ListTags -c "$dir/two.conf" --app a
    expect 78 'AccessKey is not configured'
    call "$PB" tag ls -c "$dir/none.conf"
    expect 78
    [ "$(calls)" -eq 1 ]
}

@test "a progress bar on a terminal, and nowhere else" {
    start_provider
    devices 5 >"$dir/ids"
    call "$PB" alias bind --alias a --file "$dir/ids"
    expect 0
    [ -z "$err" ]
    python3 - "$PB" alias bind --alias a --file "$dir/ids" >"$dir/terminal" <<'PY'
import os, pty, sys
pty.spawn(sys.argv[1:], lambda fd: os.read(fd, 1024))
PY
    grep -q '\[######\.*\] 1/5 calls' "$dir/terminal"
    grep -q '5 ids in 5 calls' "$dir/terminal"
}

@test "secrets stay out of outputs" {
    start_provider --fail 1+=500
    call "$PB" tag ls
    [ "$status" -eq 69 ]
    [[ "$out$err" != *very-secret* && "$out$err" != *LTAI-test-id* ]]
}

# The keys of an instance's role, and no others.
role_keys() {
    unset PREQ_ACCESS_KEY_ID PREQ_ACCESS_KEY_SECRET
    export PUSHBRIDGE_ALIYUN_CREDENTIALS=ecs PUSHBRIDGE_ALIYUN_METADATA_ENDPOINT=$control
}
keys() { curl -sf "$control/_mock/credentials" | jq -e "$1" >/dev/null; }
record() { curl -sf "$control/_mock/record" | jq -e "$1" >/dev/null; }

# remove_tags [NAME=VALUE]: two calls, of which the first hangs for a while; meanwhile all keys that were handed out
# end, and the metadata service is told NAME=VALUE.
remove_tags() {
    curl -sf -d '{"kind":"latency","latency_ms":1500,"count":1}' "$control/_mock/faults" >/dev/null
    status=0
    "$PB" tag rm a b >"$dir/out" 2>"$dir/err" 3>&- &
    local pid=$! end=$((SECONDS + 120))
    until record '.in_flight == 1'; do
        [ $SECONDS -lt $end ]
        read -r -t 0.02 <> <(:) || true
    done
    curl -sf -X DELETE "$control/_mock/credentials" >/dev/null
    [ -z "${1:-}" ] || curl -sf -X POST "$control/_mock/credentials?$1" >/dev/null
    wait $pid || status=$?
    out=$(cat "$dir/out")
    err=$(cat "$dir/err")
}

@test "temporary keys that are refused are exchanged once, and the call is made again" {
    start_world --imds any
    role_keys
    remove_tags
    expect 0
    [ "$out" = '2 ids in 2 calls' ]
    keys '.imds_keys == 2 and .issued == 2 and .expired_calls == 1'
    record '.calls == 3 and .done == 2 and .refused == 1'
}

@test "temporary keys that are refused while there are no others: the refusal is said at once" {
    start_world --imds any
    role_keys
    remove_tags imds=off
    expect 1 'TagName b: InvalidSecurityToken.Expired'
    [[ $err == *'1 of 2 calls done' ]]
    record '.calls == 2 and .refused == 1'
    stop_mock
    start_world --access-key sts:secret:token
    unset PUSHBRIDGE_ALIYUN_CREDENTIALS
    PREQ_ACCESS_KEY_ID=sts PREQ_ACCESS_KEY_SECRET=secret PUSHBRIDGE_ALIYUN_SECURITY_TOKEN=another call "$PB" tag ls
    expect 1 InvalidSecurityToken
    record '.calls == 1'
}

@test "temporary keys are exchanged before their end" {
    start_world --imds any
    role_keys
    call "$PB" tag rm a b c
    expect 0
    keys '.imds_keys == 1'
    curl -sf -X DELETE "$control/_mock/credentials" >/dev/null
    curl -sf -X POST "$control/_mock/credentials?life_s=20" >/dev/null # less than the minute before the end
    call "$PB" tag rm a b c
    expect 0
    keys '.imds_keys == 5 and .expired_calls == 0'
}
