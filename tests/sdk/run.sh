#!/bin/bash
# SPDX-License-Identifier: MIT
# The vendor's SDKs against the stand-in, over TLS and plain HTTP. They are installed into build/sdk as the lock
# file has them; where that cannot be had it says NOT RUN, which is a failure in CI (CI set, and not to false).
# PB_BIN: where another pushbridge-mock stands.
set -euo pipefail
cd "$(dirname "$0")/../.."
src=tests/sdk dir=build/sdk
mkdir -p $dir

not_run() {
    echo "sdk: NOT RUN: $1"
    case ${CI:-false} in false | 0) exit 0 ;; *) exit 1 ;; esac
}
broken() {
    echo "sdk: FAILED: $1"
    exit 1
}

# What npm says when there is no registry to ask, or it does not have the packages.
unreachable='E(NOTFOUND|AI_AGAIN|CONNREFUSED|CONNRESET|TIMEDOUT|NETUNREACH|HOSTUNREACH|RR_SOCKET_TIMEOUT|NOTCACHED|401|403|404|407|429|5[0-9][0-9])|.*CERT.*|UNABLE_TO_.*'
install() {
    local code
    rm -f $dir/installed
    cp $src/package.json $src/package-lock.json $dir/
    if ! (cd $dir && npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=1) >$dir/npm.log 2>&1; then
        code=$(sed -nE 's/^npm (error|ERR!) code ([^ ]+)$/\2/p' $dir/npm.log | head -n 1)
        [[ $code =~ ^($unreachable)$ ]] && not_run "npm cannot fetch the packages of $src/package-lock.json: $code"
        cat $dir/npm.log
        broken "npm ci: ${code:-no code}"
    fi
    cat $src/package.json $src/package-lock.json >$dir/installed
}

command -v node >/dev/null || not_run "no Node.js (Debian: nodejs)"
node_major=$(node -p 'process.versions.node.split(".")[0]')
[ "$node_major" -ge 18 ] || not_run "Node.js $node_major is too old, 18 is needed"
if ! cat $src/package.json $src/package-lock.json | cmp -s - $dir/installed; then
    command -v npm >/dev/null || not_run "no npm, and the packages are not in $dir yet"
    install
fi

run=$(mktemp -d)
pids=()
cleanup() {
    for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$run"
}
trap cleanup EXIT

# start NAME OPTION…: a stand-in; its ready file is NAME
start() {
    local end=$((SECONDS + 20))
    "${PB_BIN:-bin}/pushbridge-mock" --listen 127.0.0.1:0 --control 127.0.0.1:0 --quiet --ready-file "$run/$1" "${@:2}" >"$run/$1.log" 2>&1 &
    pids+=($!)
    until [ -s "$run/$1" ]; do
        { [ $SECONDS -lt $end ] && kill -0 "${pids[-1]}" 2>/dev/null; } || { cat "$run/$1.log"; broken "the stand-in does not start"; }
        read -r -t 0.05 <> <(:) || true
    done
}
start https --tls "$run/tls"
start http

rc=0
env -u http_proxy -u https_proxy -u HTTP_PROXY -u HTTPS_PROXY -u all_proxy -u ALL_PROXY -u NODE_OPTIONS NODE_EXTRA_CA_CERTS="$run/tls/ca.pem" \
    SDK_DIR="$PWD/$dir" node $src/run.js "$run/https" "$run/http" || rc=$?
exit $rc
