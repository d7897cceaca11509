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
redis() { compose exec -T redis redis-cli "$@"; }
ended() { [ $(($(redis LLEN demo:results) + $(redis LLEN demo:dead))) -ge "$1" ]; }

docker compose config -q
PUSHBRIDGE_COMMIT=$(git rev-parse --short HEAD 2>/dev/null || echo test) && export PUSHBRIDGE_COMMIT
compose build
docker run --rm pushbridge:latest --version | grep -F "$(cat VERSION) ($PUSHBRIDGE_COMMIT)"
compose up -d --wait --scale demo-worker=3 redis mock worker demo-worker
compose run --rm demo-producer
wait_for 20 ended 3
echo "three jobs of the producer have ended: $(redis LLEN demo:results) sent, $(redis LLEN demo:dead) dead"
seq 600 | sed 's/.*/RPUSH demo:jobs {"id":"d&","code":"I10001","school":"S&","tags":["a"]}/; s/"/\\"/g; s/jobs {/jobs "{/; s/}$/}"/' | redis >/dev/null
docker kill "$(compose ps -q demo-worker | head -n 1)" >/dev/null
wait_for 30 ended 603
echo "600 more have ended although one of three workers was killed: $(redis LLEN demo:results) sent, $(redis LLEN demo:dead) dead"
[ "$(redis LLEN demo:results)" -eq 602 ] && [ "$(redis LLEN demo:dead)" -eq 1 ]
echo "docker-test: passed"
