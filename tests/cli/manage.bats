#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# tag, alias, account, device, push, app, call: what they send and what they show
load manage

@test "tag bind: chunks of 1000 keys and 10 tags, repeated keys left out, from file, stdin and arguments" {
    start_provider
    devices 2500 >"$dir/ids"
    devices 3 >>"$dir/ids"
    call "$PB" tag bind --tag "$(seq -s, 12)" --key-type DEVICE --file "$dir/ids"
    expect 0
    [ "$out" = '2500 ids in 6 calls; 3 repeated, left out' ]
    sent 'length == 6 and all(.action == "BindTag") and all(.params.KeyType == "DEVICE") and
        (map(.params.ClientKey / "," | length) == [1000, 1000, 500, 1000, 1000, 500]) and
        (map(.params.TagName / "," | length) == [10, 10, 10, 2, 2, 2]) and
        (map(.params.AppKey) | unique == ["23456789"])'
    [ "$(jq -r 'select(.params.TagName | contains("11")) | .params.ClientKey' "$dir/calls" | tr , '\n' | sort)" = \
        "$(devices 2500 | sort)" ]
    call "$PB" tag bind --tag a --key-type DEVICE - "$D1" < <(devices 2)
    expect 0
    [ "$out" = '2 ids in 1 call; 1 repeated, left out' ]
}

@test "tag unbind" {
    start_provider
    call "$PB" tag unbind --tag a --tag b --key-type alias x y
    expect 0
    sent '.[0].action == "UnbindTag" and .[0].params ==
        {AppKey: "23456789", TagName: "a,b", KeyType: "ALIAS", ClientKey: "x,y"}'
}

@test "tag query: one call per key, the key before each tag; JSON a line a key" {
    start_provider
    call "$PB" tag query --key-type ACCOUNT u1
    expect 0
    [ "$out" = $'test_tag\n男性' ]
    call "$PB" tag query --key-type ACCOUNT u1 u2
    expect 0
    [ "$(awk 'NR > 1 {print $1}' <<<"$out")" = $'u1\nu1\nu2\nu2' ]
    call "$PB" tag query --json --key-type ACCOUNT u1 u2
    [ "$(jq -r '.ClientKey + ":" + .TagInfos.TagInfo[0].TagName' <<<"$out")" = $'u1:test_tag\nu2:test_tag' ]
    sent 'length == 5 and all(.action == "QueryTags")'
}

@test "tag ls, tag rm" {
    start_provider
    call "$PB" tag ls
    expect 0
    [ "$out" = $'vip\ncity_杭州\n90后' ]
    call "$PB" tag rm old older
    expect 0
    [ "$out" = '2 ids in 2 calls' ]
    sent '(map(.action) == ["ListTags", "RemoveTag", "RemoveTag"]) and (map(.params.TagName) == [null, "old", "older"])'
}

@test "alias bind, unbind, query, devices" {
    start_provider
    call "$PB" alias bind --alias "$(seq -s, 11)" $D1 $D2
    expect 0
    [ "$out" = '2 ids in 4 calls' ]
    call "$PB" alias unbind --alias a $D1
    expect 0
    call "$PB" alias unbind --all $D1
    expect 0
    call "$PB" alias query $D1
    expect 0
    [ "$out" = $'alias1\nalias2' ]
    call "$PB" alias devices '小明'
    expect 0
    [ "$out" = f6e43770afb944a1a879b46100000001 ]
    sent 'length == 8 and (.[:4] | all(.action == "BindAlias")) and .[3].params.AliasName == "11" and
        .[4].params.AliasName == "a" and .[5].params.UnbindAll == "true" and .[5].action == "UnbindAlias" and
        .[6].action == "QueryAliases" and .[7].params.Alias == "小明" and .[7].action == "QueryDevicesByAlias"'
}

@test "account devices" {
    start_provider
    call "$PB" account devices u1
    expect 0
    [ "$out" = '' ]
    sent '.[0].action == "QueryDevicesByAccount" and .[0].params.Account == "u1"'
}

@test "device info, device check" {
    start_provider
    call "$PB" device info $D1
    expect 0
    [[ $out == *'PushEnabled '*' true'* ]]
    call "$PB" device check - < <(devices 250)
    expect 0
    [ "$(wc -l <<<"$out")" -eq 251 ]
    [ "$(grep -c ' false$' <<<"$out")" -eq 25 ]
    sent '.[0].action == "QueryDeviceInfo" and (.[1:] | all(.action == "CheckDevices")) and
        (.[1:] | map(.params.DeviceIds / "," | length) == [100, 100, 50])'
}

@test "push cancel, push stat" {
    start_provider
    call "$PB" push cancel 12345678901234567
    expect 0
    call "$PB" push stat 510427
    expect 0
    [[ $(sed -n 2p <<<"$out") =~ ^510427\ +120\ +100\ +60\ +30\ +10\ +0\ +- ]]
    sent '.[0].action == "CancelPush" and .[0].params.MessageId == "12345678901234567" and
        .[1].action == "QueryPushStatByMsg"'
}

@test "push records: the last day, page by page up to the limit" {
    start_provider --total 250
    call "$PB" push records --since 2h --until now --type notice --target ALL --source API --keyword hello
    expect 0 '100 of 250; --limit N shows more'
    [ "$(wc -l <<<"$out")" -eq 101 ]
    call "$PB" push records --limit 230
    [ "$(tail -n 1 <<<"$out" | awk '{print $1}')" = 230 ]
    [ "$(wc -l <<<"$out")" -eq 231 ]
    call "$PB" push records --limit 1000 --json
    expect 0
    [ "$(jq -s 'map(.PushInfos.PushInfo | length)' -c <<<"$out")" = '[100,100,50]' ]
    sent '.[0].params.PushType == "NOTICE" and .[0].params.Keyword == "hello" and .[0].params.PageSize == "100" and
        (.[1:4] | map(.params.Page) == ["1", "2", "3"]) and
        ((.[0].params.EndTime | fromdate) - (.[0].params.StartTime | fromdate) | . == 7200 or . == 7201) and
        ((.[1].params.EndTime | fromdate) - (.[1].params.StartTime | fromdate) | . == 86400 or . == 86401)'
}

@test "app check" {
    start_provider
    call "$PB" app check
    expect 0
    [[ $out == *'ProductionCertInfo.Status '*' OK'*'2027-03-01T00:00:00Z'* ]]
    sent '.[0].action == "CheckCertificate" and .[0].params == {AppKey: "23456789"}'
}

@test "app check: a certificate that has expired or was revoked is said, and fails" {
    local certificate
    for certificate in EXPIRED REVOKED; do
        start_world --certificate $certificate
        call "$PB" app check
        expect 1 "pushbridge app check: the certificate of production: $certificate"
        [[ $out == *"ProductionCertInfo.Status "*" $certificate"* ]]
        stop_mock
    done
    start_world --certificate NOT_CONFIGURED
    call "$PB" app check
    expect 0
}

# ACTION and parameters, one call a line.
all_actions() {
    local push="Target=DEVICE TargetValue=$D1 DeviceType=ANDROID PushType=MESSAGE Title=t Body=b"
    local simple="Target=DEVICE TargetValue=$D1 Title=t Body=b JobKey=j" period
    period='StartTime=2026-03-01T00:00:00Z EndTime=2026-03-02T00:00:00Z'
    cat <<LIST
BindAlias DeviceId=$D1 AliasName=a,b
BindPhone DeviceId=$D1 PhoneNumber=13300000000
BindTag ClientKey=$D1 KeyType=DEVICE TagName=t
CancelPush MessageId=510427
CheckCertificate
CheckDevice DeviceId=$D1
CheckDevices DeviceIds=$D1,$D2
CompleteContinuouslyPush MessageId=510427
ContinuouslyPush MessageId=510427 Target=ACCOUNT TargetValue=u1,u2
ListSummaryApps
ListTags
MassPush $(printf ' PushTask.1.%s' $push; printf ' PushTask.2.%s' $push)
MassPushV2 PushTasks=[{"Target":{"Type":"ALL"},"Message":{"Title":"t","Body":"b"}}]
Push $push IdempotentToken=00000000-0000-4000-8000-000000000001
PushMessageToAndroid $simple StoreOffline=true
PushMessageToiOS $simple
PushNoticeToAndroid $simple ExtParameters={}
PushNoticeToiOS $simple ApnsEnv=DEV
PushV2 PushTask={"Target":{"Type":"ALL"},"Message":{"Title":"t","Body":"b"}}
QueryAliases DeviceId=$D1
QueryDeviceInfo DeviceId=$D1
QueryDeviceStat $period QueryType=NEW DeviceType=iOS
QueryDevicesByAccount Account=u1
QueryDevicesByAlias Alias=a
QueryPushRecords $period Page=2 PageSize=1
QueryPushStatByApp $period Granularity=DAY
QueryPushStatByMsg MessageId=510427
QueryTags ClientKey=u1 KeyType=ACCOUNT
QueryUniqueDeviceStat $period Granularity=MONTH
RemoveTag TagName=t
UnbindAlias DeviceId=$D1 UnbindAll=true
UnbindPhone DeviceId=$D1
UnbindTag ClientKey=u1 KeyType=ACCOUNT TagName=t
LIST
}

@test "call: every action, signed and as the vendor's list has it" {
    start_provider
    local -a words
    while read -ra words; do
        call "$PB" call "${words[@]}"
        [ "$status" -eq 0 ] || { echo "${words[0]}: $err" >&2; return 1; }
    done < <(all_actions)
    [ "$(jq -r .action "$dir/calls")" = "$(jq -r '.actions | keys[]' tests/vectors/api-metadata.json)" ]
    sent 'length == 33 and all(.[]; (.action == "ListSummaryApps") != (.params.AppKey == "23456789"))'
    sent 'map(select(.action == "MassPush")) | .[0] | .in_body and (.params.IdempotentToken | length == 36) and
        .params["PushTask.2.TargetValue"] == "'$D1'"'
    PUSHBRIDGE_ALIYUN_SIGNATURE=v1 call "$PB" call --json ListTags
    expect 0
    [ "$(jq -r '.TagInfos.TagInfo[2].TagName' <<<"$out")" = 90后 ]
    call "$PB" call RemoveTag TagName=t
    [[ $out == 'done (request '* ]]
}

@test "call: what the table does not allow is refused before anything is sent" {
    start_provider
    call "$PB" call BindTags
    expect 64 '"BindTags" is no action'
    call "$PB" call BindTag ClientKey=u KeyType=ACCOUNT
    expect 64 'TagName: required by BindTag'
    call "$PB" call ListTags Page=1
    expect 64 'Page: not a parameter of ListTags'
    call "$PB" call CancelPush MessageId=abc
    expect 64 'MessageId: not an integer'
    call "$PB" call ListTags AppKey=1
    expect 64 'see --app'
    call "$PB" call CancelPush MessageId=1 MessageId=2
    expect 64 'given twice'
    call "$PB" call CancelPush MessageId
    expect 64 'not NAME=VALUE'
    call "$PB" call Push Target=ALL TargetValue=ALL DeviceType=ANDROID PushType=MESSAGE Title=t Body=b iOSBadge=1
    expect 64 'a parameter of iOS'
    [ "$(calls)" -eq 0 ]
}

@test "a world: what is bound is found, what is unbound is gone, a scheduled push is taken back" {
    local signature
    for signature in v3 v1; do
        start_world
        export PUSHBRIDGE_ALIYUN_SIGNATURE=$signature
        "$PB" tag bind --tag a,b --key-type DEVICE --file <(devices 1500) | grep -q '^1500 ids in 2 calls$'
        "$PB" alias bind --alias x $D1
        [ "$("$PB" tag ls | sort)" = $'a\nb' ]
        [ "$("$PB" tag query --key-type DEVICE $D2 | sort)" = $'a\nb' ]
        [ "$("$PB" alias devices x)" = $D1 ]
        "$PB" device info $D1 | grep -q '^Alias  *x$'
        "$PB" tag unbind --tag a --key-type DEVICE $D2
        [ "$("$PB" tag query --key-type DEVICE $D2)" = b ]
        "$PB" tag rm a
        [ "$("$PB" tag ls)" = b ]
        "$PB" alias unbind --all $D1
        [ -z "$("$PB" alias query $D1)" ]
        "$PB" app check
        local id at
        at=$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)
        id=$("$PB" call --json Push Target=TAG TargetValue=b DeviceType=ANDROID PushType=MESSAGE Title=t Body=b \
            PushTime="$at" | jq -r .MessageId)
        "$PB" push cancel "$id"
        call "$PB" push cancel "$id"
        expect 1 'InvalidMessageId.NotFound'
        stop_mock
    done
}

@test "a world: account devices finds the devices of an account" {
    start_world
    curl -sf -d '{"devices":[{"id":"'$D1'","account":"u1"},{"id":"'$D2'","account":"u2"},
        {"id":"a64ae296f3b04a58a05b30c900000003","account":"u1"}]}' "$control/_mock/world"
    call "$PB" account devices u1
    expect 0
    [ "$(sort <<<"$out")" = $D1$'\n'a64ae296f3b04a58a05b30c900000003 ]
    call "$PB" account devices u2 u3
    expect 0
    [ "$(awk 'NR > 1 {print $1, $2}' <<<"$out")" = "u2 $D2" ]
}

@test "help names each command" {
    local group
    for group in tag alias account device push app; do
        "$PB" "$group" --help | grep -q "usage: pushbridge $group"
        "$PB" --help | grep -q "^  $group "
    done
    [ "$("$PB" call --help | sed '1,/^Actions:/d' | tr -d ' ')" = "$(jq -r '.actions | keys[]' tests/vectors/api-metadata.json)" ]
    call "$PB" tag bind --help
    expect 0
    call "$PB" push
    expect 64 'which of cancel, records, stat?'
    call "$PB" push resend
    expect 64 'is none of cancel, records, stat'
}
