#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds the images, brings the demo up with three workers, and kills one of them, where a Docker
# engine with Compose v2 answers; says plainly that nothing was run where none does.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! docker info >/dev/null 2>&1 || ! docker compose version >/dev/null 2>&1; then
    echo "docker-test: NOT RUN: no Docker engine with Compose v2 answers here"
    exit 0
fi
compose() { docker compose -p pbtest --profile demo "$@"; }
cleanup() { compose down -v -t 5 >/dev/null 2>&1 || true; }
trap cleanup EXIT
wait_for() {
    local end=$((SECONDS + $1)); shift
    until "$@"; do
        [ $SECONDS -lt $end ] || { echo "docker-test: gave up waiting for: $*" >&2; compose logs --tail 30 >&2; exit 1; }
        read -r -t 0.2 <> <(:) || true
    done
}
# shellcheck disable=SC2016
redis() { compose exec -T redis sh -c 'REDISCLI_AUTH=$(cat /secret/password) exec redis-cli "$@"' redis "$@"; }
# hardened SERVICE UID: what the kernel says of its first process
hardened() {
    local id status line
    id=$(compose ps -q "$1" | sed -n 1p)
    status=$(docker exec "$id" cat /proc/1/status)
    for line in "Uid:[[:space:]]*$2[[:space:]].*" 'CapEff:[[:space:]]*0000000000000000' 'NoNewPrivs:[[:space:]]*1'; do
        grep -qx "$line" <<<"$status" || { echo "docker-test: $1 runs as: $status" >&2; return 1; }
    done
    docker inspect -f '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{index .HostConfig.LogConfig.Config "max-size"}}' "$id" |
        grep -Eq '^true [1-9][0-9]* 64 10m$' || { echo "docker-test: $1 has no limits" >&2; return 1; }
}
ended() { [ $(($(redis LLEN demo:results) + $(redis LLEN demo:dead))) -ge "$1" ]; }

docker compose config -q
PUSHBRIDGE_COMMIT=$(git rev-parse --short HEAD 2>/dev/null || echo test) && export PUSHBRIDGE_COMMIT
compose build
docker run --rm pushbridge:latest --version | grep -F "$(cat VERSION) ($PUSHBRIDGE_COMMIT)"
compose up -d --wait --scale demo-worker=3 redis mock worker demo-worker
hardened redis 999
hardened worker 10001
hardened demo-worker 10001
hardened mock 10001
[[ $(compose exec -T redis redis-cli PING 2>&1) == *NOAUTH* ]] || { echo "docker-test: Redis answers without a password" >&2; exit 1; }
password=$(compose exec -T redis cat /secret/password)
[ "${#password}" -eq 48 ]
for service in redis worker demo-worker; do
    ! docker inspect "$(compose ps -q $service | sed -n 1p)" | grep -qF "$password" || { echo "docker-test: inspect shows the password" >&2; exit 1; }
    ! compose logs "$service" | grep -qF "$password" || { echo "docker-test: the log shows the password" >&2; exit 1; }
done
echo "not root, no capabilities, read-only, limited; Redis asks for a password that nothing shows"
compose run --rm demo-producer
wait_for 20 ended 3
echo "three jobs of the producer have ended: $(redis LLEN demo:results) sent, $(redis LLEN demo:dead) dead"
seq 600 | sed 's/.*/RPUSH demo:jobs {"id":"d&","code":"I10001","school":"S&","tags":["a"]}/; s/"/\\"/g; s/jobs {/jobs "{/; s/}$/}"/' | redis >/dev/null
docker kill "$(compose ps -q demo-worker | sed -n 1p)" >/dev/null
wait_for 30 ended 603
echo "600 more have ended although one of three workers was killed: $(redis LLEN demo:results) sent, $(redis LLEN demo:dead) dead"
[ "$(redis LLEN demo:results)" -eq 602 ] && [ "$(redis LLEN demo:dead)" -eq 1 ]
compose up -d --wait redis worker
[ "$(compose exec -T redis cat /secret/password)" = "$password" ]
echo "docker-test: passed"
