# SPDX-License-Identifier: MIT
# What the tests of the management commands share: a provider of canned answers that holds every call to the
# vendor's list (tests/support/standin.py), and the stand-in with a world.
load helper

D1=a64ae296f3b04a58a05b30c900000001
D2=a64ae296f3b04a58a05b30c900000002

setup() {
    clean_env
    credentials
    dir=$BATS_TEST_TMPDIR
    export PUSHBRIDGE_RETRY_BASE_MS=10 PUSHBRIDGE_RETRY_CAP_MS=50
}
teardown() {
    if [ -n "${mock_pid:-}" ]; then stop_mock; fi
    if [ -n "${provider_pid:-}" ] && kill "$provider_pid"; then wait "$provider_pid" 2>/dev/null || true; fi
}

# The stand-in that checks signatures and keeps a world.
start_world() {
    redis_dir=$dir
    start_mock "$@"
    dir=$BATS_TEST_TMPDIR
}

# start_provider [--fail N=KIND]…
start_provider() {
    python3 tests/support/standin.py "$dir/ready" "$dir/calls" "$@" 2>"$dir/provider.log" 3>&- &
    provider_pid=$!
    local end=$((SECONDS + 120))
    until [ -s "$dir/ready" ]; do
        [ $SECONDS -lt $end ] || { cat "$dir/provider.log" >&2; return 1; }
        read -r -t 0.02 <> <(:) || true
    done
    PUSHBRIDGE_ALIYUN_ENDPOINT=http://127.0.0.1:$(<"$dir/ready")
    export PUSHBRIDGE_ALIYUN_ENDPOINT
}

calls() { wc -l <"$dir/calls"; }
# sent FILTER: of all calls, as a jq array; and the vendor's list has nothing against any
sent() { jq -es "(map(.problems) | flatten | length == 0) and ($1)" "$dir/calls" >/dev/null ||
    { cat "$dir/calls" >&2; return 1; }; }

devices() { seq -f 'a64ae296f3b04a58a05b30c9%08.0f' "$1"; }
