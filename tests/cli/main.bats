#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
load helper

setup() { clean_env; }

@test "no command: help on stderr, 64" {
    call "$PB"
    [ "$status" -eq 64 ] && [ -z "$out" ] && [[ $err == usage:* ]]
}

@test "--help, -h and help: 0, on stdout" {
    for word in --help -h help; do
        call "$PB" $word
        [ "$status" -eq 0 ] && [[ $out == usage:* ]] && [ -z "$err" ]
    done
}

@test "an unknown command is named, 64" {
    call "$PB" deliver
    expect 64 'unknown command "deliver"'
}

@test "version and --version agree: the release and the commit" {
    call "$PB" version
    expect 0
    [[ $out == "pushbridge $(cat VERSION) ("?*")"$'\n'* ]]
    [ "$("$PB" --version)" = "$out" ]
    [[ $("${PB_BIN:-bin}/pushbridge-mock" --version) == "pushbridge-mock $(cat VERSION) ("?*")" ]]
}

@test "a tarball, without history and inside another checkout, knows its version and its commit" {
    if ! git rev-parse -q --verify HEAD >/dev/null; then skip "no history here to make a tarball from"; fi
    tree=$BATS_TEST_TMPDIR/outer/pushbridge
    mkdir -p "$tree"
    git -C "$BATS_TEST_TMPDIR/outer" init -q
    git archive HEAD | tar -x -C "$tree"
    make -s -C "$tree" build/release/version.stamp
    [ "$(cat "$tree/build/release/version.stamp")" = "$(git show HEAD:VERSION) $(git rev-parse --short=7 HEAD)" ]
}

@test "one version everywhere: VERSION, the change log, the image" {
    version=$(cat VERSION)
    [[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[a-z]+\.[0-9]+)?$ ]]
    grep -q "^## \[$version\]" CHANGELOG.md
    grep -q "image.version=\"$version\"" docker/Dockerfile
}

@test "every command has --help, 0" {
    for command in run check render send health version; do
        call "$PB" $command --help
        [ "$status" -eq 0 ] && [[ $out == "usage: pushbridge $command"* ]] && [ -z "$err" ]
    done
}

@test "an unknown option is named in one line, 64" {
    for command in run check render send health; do
        call "$PB" $command --colour
        expect 64 "'--colour'"
    done
}

@test "an option without its value is named, 64" {
    for command in run check render send health; do
        call "$PB" $command --config
        expect 64 "'--config'"
    done
}

@test "an argument that nobody wants is named, 64" {
    for command in run check send health version; do
        call "$PB" $command extra
        expect 64 '"extra"'
    done
}

@test "a wrong configuration is 78 for every command" {
    credentials
    export PUSHBRIDGE_QUEUE_CONCURRENCY=0
    for command in run check "render {}" "send --code I10001 --school S" health; do
        call "$PB" $command
        expect 78 'PUSHBRIDGE_QUEUE_CONCURRENCY: queue.concurrency: 0 is not within 1 to 4096'
    done
}

@test "output that cannot be written is a failure" {
    credentials
    status=0
    "$PB" check >/dev/full 2>/dev/null || status=$?
    [ "$status" -eq 1 ]
}
