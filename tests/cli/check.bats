#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
load helper

setup() {
    clean_env
    conf=$BATS_TEST_TMPDIR/test.conf
}

@test "the shipped configuration runs as it stands with PREQ_*" {
    credentials
    call "$PB" check -c "$MAIN_CONF"
    expect 0
    [[ $out == *'apps.default.push_delay_s = 5 '* ]]
    [[ $out == *'apps.default.app_key = "23456789" '*'# PREQ_APP_KEY'* ]]
    [[ $out == *"queue.concurrency = 64 "*"# $MAIN_CONF:"* ]]
    [[ $out == *'queue.lease_ms = 9000 '*'# default'* ]]
}

@test "secrets are masked" {
    credentials
    export PUSHBRIDGE_REDIS_URL=redis://user:very-secret@127.0.0.1/0
    call "$PB" check
    expect 0
    [[ $out != *very-secret* ]] && [[ $out != *test-id* ]]
}

@test "nothing set: 78 and the way out" {
    call "$PB" check
    expect 78 'set PREQ_APP_KEY'
}

@test "an unknown option: file and line" {
    credentials
    printf 'queue: {\n  consurrency = 3;\n};\n' >"$conf"
    call "$PB" check -c "$conf"
    expect 78 "$conf:2: queue.consurrency: unknown option"
}

@test "a file that is not there" {
    call "$PB" check -c /does/not/exist
    expect 78 '/does/not/exist: No such file'
}

@test "a configuration that is no file, or includes one: 78 and why" {
    credentials
    mkfifo "$BATS_TEST_TMPDIR/fifo"
    ln -s / "$BATS_TEST_TMPDIR/link"
    for row in "/: Is a directory" "$BATS_TEST_TMPDIR/link: Is a directory" "$BATS_TEST_TMPDIR/fifo: not a regular file" \
        "/dev/zero: not a regular file" "/proc/self/mem: Input/output error"; do
        call timeout 10 "$PB" check -c "${row%%: *}"
        expect 78 "$row"
        call timeout 10 "$PB" run -c "${row%%: *}"
        expect 78 "$row"
    done
    for name in / "$MAIN_CONF" "$BATS_TEST_TMPDIR/fifo" '*.conf' test.conf ''; do
        printf 'queue: { concurrency = 3; };\n@include "%s"\n' "$name" >"$conf"
        call timeout 10 "$PB" check -c "$conf"
        expect 78 "$conf:2: @include: a configuration is one file"
    done
}

@test "an unknown variable" {
    credentials
    PUSHBRIDGE_QUEUE_NAME=x call "$PB" check
    expect 78 'PUSHBRIDGE_QUEUE_NAME: no option has this variable'
}

@test "a secret in both forms" {
    credentials
    PREQ_ACCESS_KEY_SECRET_FILE=/x call "$PB" check
    expect 78 'PREQ_ACCESS_KEY_SECRET_FILE'
}

@test "a CA file that cannot be read" {
    credentials
    PUSHBRIDGE_ALIYUN_CA_FILE=/does/not/exist call "$PB" check
    expect 78 'aliyun.ca_file: /does/not/exist'
}

@test "--reference is docs/options.md and needs no configuration" {
    diff <("$PB" check --reference) docs/options.md
}

@test "--strict goes with --online" {
    call "$PB" check --strict
    expect 64 '--strict goes with --online'
}
