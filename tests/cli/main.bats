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

@test "version and --version agree" {
    call "$PB" version
    expect 0
    [[ $out == "pushbridge "* ]]
    [ "$("$PB" --version)" = "$out" ]
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
