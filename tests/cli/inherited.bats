#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What commands inherit from a careless parent: streams that are closed, full or of the wrong kind, signals that are blocked,
# limits that are too small. Each says so in one sentence, or works all the same.
load helper

setup() {
    clean_env
    start_redis
}
teardown() {
    stop_mock
    stop_redis
}

commands() { "$PB" --help | awk '/^  [a-z]/ {print $1}'; }

# refused WORDS COMMAND…: with the streams that the caller set; one sentence, and a failure
refused() {
    local words=$1 rc=0
    shift
    "$@" 2>"$BATS_TEST_TMPDIR/err" || rc=$?
    err=$(cat "$BATS_TEST_TMPDIR/err")
    if [ "$rc" -ne 1 ] || [[ $err != *"$words"* ]] || [ "$(wc -l <<<"$err")" -ne 1 ]; then
        echo "$*: exit $rc: $err" >&2
        return 1
    fi
}

@test "output that is full or closed: every command's help says so" {
    [ "$(commands | wc -l)" -ge 19 ]
    for command in $(commands); do
        refused 'cannot write the output: No space left on device' "$PB" "$command" --help >/dev/full
        refused 'cannot write the output: Bad file descriptor' "$PB" "$command" --help >&-
    done
    refused 'cannot write the output: No space left on device' "$PB" --help >/dev/full
}

@test "output that is full or closed: whatever a command shows" {
    start_mock
    redis RPUSH $Q '{"id":"a","code":"I10001","school":"S"}' >/dev/null
    redis RPUSH $DEAD 'no letter' >/dev/null
    while read -r line; do
        eval "words=($line)"
        refused 'cannot write the output: No space left on device' "$PB" "${words[@]}" </dev/null >/dev/full
        refused 'cannot write the output: Bad file descriptor' "$PB" "${words[@]}" </dev/null >&-
    done <<'END'
version
check
check --online
check --reference
render '{"code":"I10001","school":"S"}'
stats
stats --json
queue ls
queue peek
queue peek --claimed
dead ls
dead ls --json
dead show --at 0
dead drop --unreadable --dry-run
limit ls
pause --for 1s
resume
END
}

@test "a reader that has gone: no death by a signal" {
    set -o pipefail
    local rc=0
    { "$PB" check --reference 2>"$BATS_TEST_TMPDIR/err" || echo "$?" >"$BATS_TEST_TMPDIR/rc"; } | true || rc=$?
    [ ! -s "$BATS_TEST_TMPDIR/rc" ] || [ "$(cat "$BATS_TEST_TMPDIR/rc")" -eq 1 ]
    exec 5> >(exit 0)
    wait $!
    refused 'cannot write the output: Broken pipe' "$PB" check --reference >&5
}

@test "an input that is closed, or a folder, is no empty input" {
    credentials
    refused 'Bad file descriptor' "$PB" render >/dev/null <&-
    refused 'Is a directory' "$PB" render >/dev/null </
    for stream in '<&-' '</'; do
        eval 'call "$PB" tag bind --tag x --key-type DEVICE - '"$stream"
        expect 64 'standard input:0: cannot be read: '
        status=0
        eval '"$PB" send - '"$stream" 2>"$BATS_TEST_TMPDIR/err" || status=$?
        [ "$status" -eq 1 ]
        grep -q 'cannot read the standard input: \(Bad file descriptor\|Is a directory\)' "$BATS_TEST_TMPDIR/err"
    done
    [ "$(redis LLEN $Q)" -eq 0 ]
}

@test "all three streams closed: the worker works, and so does the stand-in" {
    "${PB_BIN:-bin}/pushbridge-mock" --listen 127.0.0.1:0 --control 127.0.0.1:0 --ready-file "$redis_dir/ready" --app-key 23456789 \
        <&- >&- 2>&- 3>&- &
    mock_pid=$!
    local end=$((SECONDS + 120))
    until [ -s "$redis_dir/ready" ]; do
        [ $SECONDS -lt $end ] && kill -0 $mock_pid
        read -r -t 0.02 <> <(:) || true
    done
    local port
    port=$(grep -o 'listen=[0-9]*' "$redis_dir/ready" | cut -d= -f2)
    export PUSHBRIDGE_ALIYUN_ENDPOINT=http://127.0.0.1:$port PREQ_APP_KEY=23456789 \
        PREQ_ACCESS_KEY_ID=mock-id PREQ_ACCESS_KEY_SECRET=mock-secret PUSHBRIDGE_ADMIN_LISTEN=off
    for fd in 0 1 2; do
        [ "$(readlink "/proc/$mock_pid/fd/$fd")" = /dev/null ]
    done
    redis RPUSH $Q '{"id":"a","code":"I10001","school":"S"}' >/dev/null
    "$PB" run --until-empty --timeout 100 <&- >&- 2>&- 3>&-
    [ "$(redis LLEN $RESULTS)" -eq 1 ]
    redis LINDEX $RESULTS 0 | grep -q '"status":"sent"'
}

@test "a limit of file sizes: output and list fail, the worker's log is dropped" {
    start_mock
    refused 'cannot write the output: File too large' bash -c 'ulimit -f 1; exec "$0" check --reference' "$PB" >"$BATS_TEST_TMPDIR/out"
    redis RPUSH $Q '{"id":"a","code":"I10001","school":"S"}' >/dev/null
    bash -c 'ulimit -f 0; exec "$0" run --until-empty --timeout 100' "$PB" 2>"$BATS_TEST_TMPDIR/log"
    [ ! -s "$BATS_TEST_TMPDIR/log" ] && [ "$(redis LLEN $RESULTS)" -eq 1 ]
}

@test "too few descriptors: one sentence" {
    credentials
    for n in 8 10 15; do
        refused "at most $n open files are allowed" bash -c 'ulimit -n "$1"; exec "$0" version' "$PB" $n
    done
    call bash -c 'ulimit -n 22; exec "$0" run' "$PB"
    expect 78 'at most 22 open files are allowed (LimitNOFILE, ulimit -n), a worker with 1 queues needs at least 23'
    call bash -c 'ulimit -S -n 10; exec "$0" version' "$PB" # raised as far as it may be
    expect 0
}
