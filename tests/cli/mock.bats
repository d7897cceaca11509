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
    for _ in $(seq 2400); do
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
    for _ in $(seq 2400); do
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

TASK='Target=ACCOUNT&TargetValue=u1&DeviceType=ALL&PushType=NOTICE&Title=T&Body=B'

mass() { # TASKS [EXTRA-PARAMETERS]: the tasks in the form body
    local n body=
    for n in $(seq "$1"); do
        body+="&PushTask.$n.JobKey=job$n&PushTask.$n.${TASK//&/&PushTask.$n.}"
    done
    curl -s -d "${body#&}${3:-}" "http://127.0.0.1:$port/?Action=MassPush&Version=2016-08-01&Format=JSON&AppKey=1${2:-}"
}

@test "mock: a MassPush gives each task an id, and a repeat the same ids" {
    start_mock --no-verify
    run mass 3 "&IdempotentToken=$TOKEN"
    local ids
    ids=$(jq -c .MessageIds.MessageId <<<"$output")
    [ "$(jq 'unique | length' <<<"$ids")" -eq 3 ]
    run mass 3 "&IdempotentToken=$TOKEN"
    [ "$(jq -c .MessageIds.MessageId <<<"$output")" = "$ids" ]
    [ "$(count pushes)" -eq 1 ]
    [ "$(count tasks)" -eq 3 ]
    [ "$(count pushes '?job=job2')" -eq 1 ]
    [ "$(count 'list[0].tasks[1].message_id' '?job=job2')" = "$(jq '.[1]' <<<"$ids")" ]
    run mass 2 '' '&PushTask.2.Colour=red'
    [ "$(jq -r .Code <<<"$output")" = InvalidParameter ]
    [ "$(count tasks)" -eq 3 ]
}

@test "mock: a MassPush beyond its own rate is throttled, and its ids may fall short" {
    start_mock --no-verify --mass-rate 1 --mass-ids short
    local first second
    first=$(mass 2) second=$(mass 2)
    [ "$(jq -r .Code <<<"$second")" = Throttling.Api ] || second=$(mass 2) # a new clock second began
    [ "$(jq '.MessageIds.MessageId | length' <<<"$first")" -eq 1 ]
    [ "$(jq -r .Code <<<"$second")" = Throttling.Api ]
    [ "$(jq -r .Code <<<"$(push '')")" = null ]
}

@test "mock: a world's devices say what they received" {
    local id=0123456789abcdef0123456789abcdef
    echo '{"devices":[{"id":"'$id'","account":"u1"}]}' >"$BATS_TEST_TMPDIR/world.json"
    start_mock --no-verify --world "$BATS_TEST_TMPDIR/world.json"
    [ "$(curl -s "$control/_mock/world" | jq -c '[.devices, .accounts]')" = '[1,1]' ]
    mass 3
    push '&PushTime=2000-01-01T00:00:00Z'
    curl -s "$control/_mock/inbox" | jq -e '.count == 3 and .unreached == 1 and .messages == 4'
    curl -s "$control/_mock/inbox?device=$id" | jq -e '.messages[2].job_key == "job3" and .duplicates == 0'
    curl -s "$control/_mock/inbox?device=x" | jq -e .error
    curl -s -d '{"devices":[{}]}' "$control/_mock/world" | jq -e '.error | startswith("devices[0]: id")'
    [ "$(curl -s "$control/_mock/inbox" | jq .count)" -eq 3 ]
    curl -s -X DELETE "$control/_mock/inbox"
    [ "$(curl -s "$control/_mock/inbox" | jq .count)" -eq 0 ]
    curl -s -X DELETE "$control/_mock/world" | jq -e '.seeded == false'
    curl -s "$control/_mock/inbox" | jq -e .error
}

# The client sends its call and leaves as soon as it hangs: by closing, or by a reset connection.
leave() { # close|reset
    python3 - "$1" "$port" "$control" "/?$COMMON&$PUSH" <<'PY'
import json, socket, struct, sys, time, urllib.request
how, port, control, target = sys.argv[1:]
def in_flight():
    with urllib.request.urlopen(control + "/_mock/record") as answer:
        return json.load(answer)["in_flight"]
def wait_for(n):
    end = time.monotonic() + 10
    while in_flight() != n:
        if time.monotonic() > end:
            sys.exit("%s: not %d in flight" % (how, n))
client = socket.create_connection(("127.0.0.1", int(port)))
client.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % target.encode())
wait_for(1)
if how == "reset":
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
client.close()
wait_for(0)
PY
}

@test "mock: a hanging call ends with its client, also where the connection is reset" {
    start_mock --no-verify
    fault '{"kind":"hang","accepted":true}'
    leave close
    leave reset
    [ "$(count pushes)" -eq 2 ]
    [ "$(count concurrent)" -eq 0 ]
}

@test "mock: a world that cannot be loaded is a failed start" {
    echo '{"devices":[{"id":"x"}]}' >"$BATS_TEST_TMPDIR/world.json"
    run "$MOCK" --listen 127.0.0.1:0 --control 127.0.0.1:0 --world "$BATS_TEST_TMPDIR/world.json"
    [ "$status" -eq 1 ]
    [[ $output == *event=world_failed* ]]
}

@test "mock: management actions change the world, in JSON and in XML" {
    local id=0123456789abcdef0123456789abcdef
    start_mock --no-verify --certificate EXPIRED
    curl -sf -d "{\"devices\":[{\"id\":\"$id\"}]}" "$control/_mock/world"
    api() { # ACTION PARAMETERS
        curl -s "http://127.0.0.1:$port/?Action=$1&Version=2016-08-01&AppKey=1&$2"
    }
    api BindTag "KeyType=DEVICE&ClientKey=$id&TagName=school1,vip"
    api BindAlias "DeviceId=$id&AliasName=anna"
    [[ $(api QueryTags "KeyType=DEVICE&ClientKey=$id") == *'<TagInfos><TagInfo><TagName>school1</TagName></TagInfo><TagInfo><TagName>vip</TagName></TagInfo></TagInfos>'* ]]
    [ "$(api QueryDeviceInfo "DeviceId=$id&Format=JSON" | jq -r '.DeviceInfo | .Alias + " " + .Tags')" = "anna school1,vip" ]
    [ "$(api CheckCertificate Format=JSON | jq -r .ProductionCertInfo.Status)" = EXPIRED ]
    push ''
    [ "$(curl -s "$control/_mock/inbox" | jq -r '.list[0].device')" = "$id" ]
    [ "$(api QueryPushRecords 'Format=JSON&StartTime=2020-01-01T00:00:00Z&EndTime=2099-01-01T00:00:00Z' | jq .Total)" -eq 0 ] # another app's
    [ "$(count "done")" -eq 6 ]
}
