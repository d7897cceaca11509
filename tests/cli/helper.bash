# SPDX-License-Identifier: MIT
# What the command line's tests share: a clean environment, a Redis of their own, short words.
PB=${PB_BIN:-bin}/pushbridge
MAIN_CONF=conf/pushbridge.conf
# The names in Redis by which tests look behind the queue's back; what a command prints is compared with the literal.
Q=push:jobs K="{$Q}" RESULTS=push:results DEAD=push:dead

clean_env() {
    local name
    for name in $(compgen -e | grep -E '^(PUSHBRIDGE_|PREQ_|ALIBABA_CLOUD_)'); do
        unset "$name"
    done
    cd "$BATS_TEST_DIRNAME/../.." || return 1
}

credentials() {
    export PREQ_ACCESS_KEY_ID=LTAI-test-id PREQ_ACCESS_KEY_SECRET=very-secret PREQ_APP_KEY=23456789
}

# Runs, keeping both streams apart: $status, $out, $err.
call() {
    status=0
    "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
    out=$(cat "$BATS_TEST_TMPDIR/out")
    err=$(cat "$BATS_TEST_TMPDIR/err")
}

# expect STATUS [WORDS of the error]: and an error is one line
expect() {
    [ "$status" -eq "$1" ] || { echo "status $status instead of $1: $out / $err" >&2; return 1; }
    if [ $# -gt 1 ]; then
        [[ $err == *"$2"* ]] || { echo "no \"$2\" in: $err" >&2; return 1; }
        [ "$(wc -l <<<"$err")" -eq 1 ] || { echo "more than one line: $err" >&2; return 1; }
    fi
}

start_redis() {
    redis_dir=$(mktemp -d /tmp/pb-cli-XXXXXX)
    "${REDIS_SERVER:-redis-server}" --port 0 --unixsocket "$redis_dir/s" --dir "$redis_dir" --save '' "$@" \
        >"$redis_dir/log" 2>&1 3>&- &
    redis_pid=$!
    local end=$((SECONDS + 120))
    until redis ping >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        read -r -t 0.02 <> <(:) || true
    done
    export PUSHBRIDGE_REDIS_URL=unix://$redis_dir/s
}

stop_redis() {
    [ -n "${redis_pid:-}" ] || return 0
    kill -9 "$redis_pid" # while it writes its first AOF it takes no TERM, and never would
    wait "$redis_pid" 2>/dev/null || true
    rm -rf "$redis_dir"
}

redis() {
    redis-cli -s "$redis_dir/s" "$@"
}

# The stand-in with further options; its files lie beside Redis'.
start_mock() {
    "${PB_BIN:-bin}/pushbridge-mock" --listen 127.0.0.1:0 --control 127.0.0.1:0 --ready-file "$redis_dir/ready" \
        --app-key 23456789 "$@" >"$redis_dir/mock.log" 2>&1 3>&- &
    mock_pid=$!
    local end=$((SECONDS + 120))
    until [ -s "$redis_dir/ready" ]; do
        [ $SECONDS -lt $end ] || return 1
        read -r -t 0.02 <> <(:) || true
    done
    local ports
    ports=$(<"$redis_dir/ready")
    mock=http://127.0.0.1:$(grep -o 'listen=[0-9]*' <<<"$ports" | cut -d= -f2)
    control=http://127.0.0.1:$(grep -o 'control=[0-9]*' <<<"$ports" | cut -d= -f2)
    export PUSHBRIDGE_ALIYUN_ENDPOINT=$mock PUSHBRIDGE_ADMIN_LISTEN=off PREQ_ACCESS_KEY_ID=mock-id \
        PREQ_ACCESS_KEY_SECRET=mock-secret PREQ_APP_KEY=23456789
}

stop_mock() {
    [ -n "${mock_pid:-}" ] || return 0
    kill "$mock_pid"
    wait "$mock_pid" 2>/dev/null || true
    rm -f "$redis_dir/ready"
    mock_pid=
}
