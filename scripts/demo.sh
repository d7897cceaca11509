#!/bin/bash
# SPDX-License-Identifier: MIT
# The main job for real, on this machine, without an account: Redis, the provider's stand-in over
# TLS, one worker, a few jobs from plain redis-cli, and what became of each.
set -euo pipefail
cd "$(dirname "$0")/.."
unset MAKEFLAGS MFLAGS MAKELEVEL # what is built here is built on all cores
sh scripts/setup.sh build

# build LOG: shows how far it is, on a terminal; what the compiler said only if it fails
build() {
    local log=$1 total line n=0
    total=$(make -n V=1 all | grep -c ' -c -o ') || true
    make "-j$(nproc)" all 2>&1 | tee "$log" | while read -r line; do
        case $line in CC*) n=$((n + 1)) ;; esac
        [ ! -t 1 ] || printf '\rbuild: %d of %d files ' "$n" "$total"
    done || { printf '\n'; cat "$log" >&2; return 1; }
    [ ! -t 1 ] || printf '\r\033[K'
    echo "build: bin/pushbridge $(cat VERSION) and bin/pushbridge-mock, $total files compiled in $SECONDS s ($log)"
}

SECONDS=0
mkdir -p build
build build/demo-build.log
dir=$(mktemp -d)
pids=()
cleanup() {
    for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$dir"
}
trap cleanup EXIT

# wait_for SECONDS COMMAND…: until the command succeeds
wait_for() {
    local end=$((SECONDS + $1)); shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || { echo "demo: gave up waiting for: $*" >&2; tail -n 5 "$dir"/*.log >&2; exit 1; }
        read -r -t 0.05 <> <(:) || true
    done
}

echo "start: redis-server, pushbridge-mock with TLS"
sock=$dir/redis.sock
redis-server --port 0 --unixsocket "$sock" --dir "$dir" --save '' --appendonly yes >"$dir/redis.log" 2>&1 &
pids+=($!)
redis() { redis-cli -s "$sock" "$@"; }
wait_for 10 redis ping

bin/pushbridge-mock --listen 127.0.0.1:0 --control 127.0.0.1:0 --tls "$dir/tls" --ready-file "$dir/ready" >"$dir/mock.log" 2>&1 &
pids+=($!)
wait_for 10 test -s "$dir/ready"
port=$(sed 's/listen=\([0-9]*\).*/\1/' "$dir/ready")
control=$(sed 's/.*control=\([0-9]*\).*/\1/' "$dir/ready")

export PUSHBRIDGE_REDIS_URL=unix://$sock PUSHBRIDGE_ALIYUN_ENDPOINT=https://localhost:$port \
    PUSHBRIDGE_ALIYUN_CA_FILE=$dir/tls/ca.pem PUSHBRIDGE_ADMIN_LISTEN=off \
    PREQ_ACCESS_KEY_ID=mock-id PREQ_ACCESS_KEY_SECRET=mock-secret PREQ_APP_KEY=23456789

echo "enqueue: seven jobs, with plain redis-cli"
tags=$(for i in $(seq 35); do printf '"class-%d",' "$i"; done)
jobs=(
    '{"id":"init","code":"I10000","school":"S01"}'
    '{"id":"changed","code":"I10001","school":"S01","tags":["teacher","grade-3"]}'
    '{"id":"restart","code":"I20000","school":"S02","tags":["admin"]}'
    '{"id":"expression","message":"Buses leave at 4","target":{"tag":{"and":[{"tag":"S01"},{"not":{"tag":"boarder"}}]}}}'
    '{"id":"tags-35","code":"I10001","school":"S01","tags":['"${tags%,}"']}'
    '{"id":"devices","message":"Hello","target":{"device":["0123456789abcdef0123456789abcdef","fedcba9876543210fedcba9876543210"]}}'
    '{"id":"broken","code":"I10001","school":42}'
)
for job in "${jobs[@]}"; do
    echo "  redis-cli RPUSH push:jobs '${job:0:110}$([ ${#job} -gt 110 ] && echo …)'"
    redis RPUSH push:jobs "$job" >/dev/null
done

echo "run: one worker until the queue is empty, against https://localhost:$port"
bin/pushbridge run --until-empty --timeout 60 2>"$dir/worker.log" || { tail "$dir/worker.log" >&2; exit 1; }

echo
echo "What the provider accepted:"
curl -fsS --noproxy '*' "http://127.0.0.1:$control/_mock/record?list=1&full=1" >"$dir/calls.json"
jq -r '[.. | objects | select(has("parameters")) | .parameters][] |
    "  \(.JobKey[0:12] | . + " " * (12 - length))  \(.Target)  \(.TargetValue | if length > 78 then .[0:77] + "…" else . end)\n                \(.Title): \(.Body)"' "$dir/calls.json"
echo
echo "Outcomes (LRANGE push:results 0 -1):"
printf '  %-12s %-10s %-8s %-9s %s\n' job code status attempts 'pushes (part: message id)'
redis LRANGE push:results 0 -1 | jq -r '[.id, .code // "-", .status, (.attempts|tostring), ([.pushes[] | "\(.part): \(.message_id)"] | join(", "))] | @tsv' |
    while IFS=$'\t' read -r id code status attempts pushes; do
        printf '  %-12s %-10s %-8s %-9s %s\n' "$id" "$code" "$status" "$attempts" "$pushes"
    done
echo
echo "Dead letters (LRANGE push:dead 0 -1):"
redis LRANGE push:dead 0 -1 | jq -r '"  \(.id)  \(.reason): \(.error.message)\n  original bytes: \(.job)"'
sent=$(redis LLEN push:results) dead=$(redis LLEN push:dead)
echo
echo "$sent sent, $dead dead; nothing is left in Redis but these lists."
[ "$sent" -eq 6 ] && [ "$dead" -eq 1 ]
