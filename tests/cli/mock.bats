#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# pushbridge-mock from the outside, with curl.

MOCK=${PUSHBRIDGE_MOCK:-bin/pushbridge-mock}
COMMON='Action=Push&Version=2016-08-01&Format=JSON'
PUSH='AppKey=123456&PushType=MESSAGE&DeviceType=ANDROID&Target=TAG&TargetValue=school1&Title=T&Body=B'
TOKEN=5e0a3b62-55d4-4b5e-9d0c-6a2f4b7c1d10

setup() {
    mock_pid=
}

teardown() {
    if [ -n "$mock_pid" ]; then
        kill "$mock_pid" 2>/dev/null || true
        wait "$mock_pid" || true
    fi
}

# Starts the mock on free ports and waits until it says that it listens.
start_mock() {
    "$MOCK" --listen 127.0.0.1:0 --control 127.0.0.1:0 --ready-file "$BATS_TEST_TMPDIR/ready" \
        --quiet "$@" 3>&- &
    mock_pid=$!
    for _ in $(seq 200); do
        [ -e "$BATS_TEST_TMPDIR/ready" ] && break
        read -rt 0.05 <> <(:) || true
    done
    local ports
    ports=$(cat "$BATS_TEST_TMPDIR/ready")
    [[ $ports =~ ^listen=([0-9]+)\ control=([0-9]+)$ ]]
    port=${BASH_REMATCH[1]} control=http://127.0.0.1:${BASH_REMATCH[2]}
}

push() { # EXTRA-PARAMETERS
    curl -s "http://127.0.0.1:$port/?$COMMON&$PUSH$1"
}

fault() { # JSON
    curl -sf -o "$BATS_TEST_TMPDIR/fault" -d "$1" "$control/_mock/faults"
}

count() { # MEMBER [QUERY]
    curl -s "$control/_mock/record$2" | jq ".$1"
}

@test "mock: help and version succeed, nonsense is a usage error" {
    run "$MOCK" --help
    [ "$status" -eq 0 ]
    [[ $output == *--token-changed* ]]
    run "$MOCK" --version
    [ "$status" -eq 0 ]
    run "$MOCK" --nonsense
    [ "$status" -eq 64 ]
    run "$MOCK" --listen nowhere
    [ "$status" -eq 64 ]
    run "$MOCK" surplus
    [ "$status" -eq 64 ]
}

@test "mock: a push is answered with an id of 17 digits and recorded" {
    start_mock --no-verify
    run push '&JobKey=job-1'
    [[ $(jq -r .MessageId <<<"$output") =~ ^[0-9]{17}$ ]]
    [ "$(count pushes)" -eq 1 ]
    [ "$(count 'list[0].parameters.Title' '?job=job-1&full=1')" = '"T"' ]
}

@test "mock: a wrong parameter is refused with the provider's code" {
    start_mock --no-verify
    run push '&JobKey=with.dot'
    [ "$(jq -r .Code <<<"$output")" = InvalidJobKey.Format ]
    run push '&Colour=red'
    [ "$(jq -r .Code <<<"$output")" = InvalidParameter ]
    [ "$(count pushes)" -eq 0 ]
    [ "$(count refused)" -eq 2 ]
}

@test "mock: the V1 signature is checked, and a nonce is good once" {
    start_mock --access-key testid:testsecret
    local stamp query text signature url
    stamp=$(date -u +%Y-%m-%dT%H%%3A%M%%3A%SZ)
    query="AccessKeyId=testid&Action=Push&AppKey=123456&Body=B&DeviceType=ANDROID&Format=JSON"
    query+="&PushType=MESSAGE&SignatureMethod=HMAC-SHA1&SignatureNonce=n1&SignatureVersion=1.0"
    query+="&Target=TAG&TargetValue=school1&Timestamp=$stamp&Title=T&Version=2016-08-01"
    text="GET&%2F&$(jq -rn --arg q "$query" '$q | @uri')"
    signature=$(printf %s "$text" | openssl dgst -sha1 -hmac 'testsecret&' -binary | base64)
    url="http://127.0.0.1:$port/?$query&Signature=$(jq -rn --arg s "$signature" '$s | @uri')"
    run curl -s "${url/Title=T/Title=X}"
    [ "$(jq -r .Code <<<"$output")" = SignatureDoesNotMatch ]
    run curl -s "$url"
    [ "$(jq -r .Code <<<"$output")" = null ]
    run curl -s "$url"
    [ "$(jq -r .Code <<<"$output")" = SignatureNonceUsed ]
    run push ''
    [ "$(jq -r .Code <<<"$output")" = MissingAccessKeyId ]
}

@test "mock: a repeated token gets the first id and is pushed once" {
    start_mock --no-verify
    local first
    first=$(push "&IdempotentToken=$TOKEN" | jq -r .MessageId)
    [ "$(push "&IdempotentToken=$TOKEN" | jq -r .MessageId)" = "$first" ]
    [ "$(count pushes "?token=$TOKEN")" -eq 1 ]
    [ "$(count suppressed "?token=$TOKEN")" -eq 1 ]
    [ "$(curl -s "$control/_mock/duplicates" | jq -c .)" = '{"tokens":[],"jobs":[]}' ]
}

@test "mock: overlapping calls with one token are both pushed, and named as duplicates" {
    start_mock --no-verify
    fault '{"kind":"hang","accepted":true,"count":1}'
    push "&JobKey=j&IdempotentToken=$TOKEN" &
    local first=$!
    for _ in $(seq 200); do
        [ "$(count pushes)" -eq 1 ] && break
    done
    push "&JobKey=j&IdempotentToken=$TOKEN"
    kill "$first"
    [ "$(count concurrent "?token=$TOKEN")" -eq 1 ]
    [ "$(curl -s "$control/_mock/duplicates" | jq '.tokens[0].pushes')" -eq 2 ]
    [ "$(curl -s "$control/_mock/duplicates" | jq '.jobs[0].pushes')" -eq 2 ]
}

@test "mock: faults hit as often as asked" {
    start_mock --no-verify
    fault '{"kind":"throttle","count":1,"headers":{"x-acs-retry-after":"1500"}}'
    run curl -si "http://127.0.0.1:$port/?$COMMON&$PUSH"
    [[ $output == *"x-acs-retry-after: 1500"* ]]
    [[ $output == *Throttling.User* ]]
    fault '{"kind":"drop_after_accept","count":1}'
    run push ''
    [ "$status" -eq 52 ]
    run push ''
    [ "$(jq -r .Code <<<"$output")" = null ]
    [ "$(count pushes)" -eq 2 ]
    run fault '{"kind":"meteorite"}'
    [ "$status" -ne 0 ]
}

@test "mock: TLS with its own authority, used again at the next start" {
    local dir=$BATS_TEST_TMPDIR/tls
    start_mock --no-verify --tls "$dir" --tls-name mock
    run curl -s --cacert "$dir/ca.pem" --resolve "mock:$port:127.0.0.1" \
        "https://mock:$port/?$COMMON&$PUSH"
    [ "$status" -eq 0 ]
    [ "$(jq -r .Code <<<"$output")" = null ]
    kill "$mock_pid"
    wait "$mock_pid"
    cp "$dir/ca.pem" "$BATS_TEST_TMPDIR/before.pem"
    rm "$BATS_TEST_TMPDIR/ready"
    start_mock --no-verify --tls "$dir"
    cmp "$dir/ca.pem" "$BATS_TEST_TMPDIR/before.pem"
}
