#!/bin/bash
# SPDX-License-Identifier: MIT
# Everything that `make test` proves, in the order that fails soonest. Steps that build in parallel
# use the machine's cores.
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '\n== %s (%d s so far)\n' "$1" $SECONDS; }
jobs=-j$(nproc)
# One command in the background at a time: its output waits in a file until it is joined.
beside() {
    "${@:2}" >"build/$1.log" 2>&1 &
    besides=$!
    trap 'kill $besides 2>/dev/null' EXIT # when what runs beside it fails
}
join() {
    wait $besides || { cat "build/$1.log"; exit 1; }
    trap - EXIT
    cat "build/$1.log"
}

step "layers: no include points upward; every module has a unit test"
make -s layers covered
step "gcc: build and unit tests, warnings are errors"
make -s $jobs WERROR=1 all >/dev/null
make -s $jobs WERROR=1 unit
step "schemas: refused by both or accepted by both"
make -s $jobs WERROR=1 schema-test
step "clang: everything builds, unit tests included, warnings are errors"
clang="$jobs WERROR=1 CC=clang MODE=debug B=build/clang"
make -s $clang build/clang/pushbridge build/clang/pushbridge-mock >/dev/null
make -s $clang unit RUN_UNIT=:
step "ASan and UBSan: unit tests"
make -s $jobs WERROR=1 MODE=asan B=build/asan unit
step "command line; beside it the model of the queue, which needs one core"
beside model make -s model FAULTS=1
bats tests/cli
join model
step "every step: killed at each socket write in turn; beside it the builds for what follows"
make -s $jobs WERROR=1 MODE=fault B=build/fault build/fault/pushbridge build/fault/pushbridge-mock >/dev/null
beside fault python3 tests/fault/run.py
make -s previous
make -s WERROR=1 MODE=asan B=build/asan build/asan/pushbridge build/asan/pushbridge-mock >/dev/null
join fault
step "end to end, programs built with ASan and UBSan"
PB_BIN=$PWD/build/asan python3 tests/e2e/run.py
step "end to end"
E2E_JOBS=3 make -s e2e # most scenarios wait most of the time
step "chaos: the short selection"
make -s chaos-short
printf '\nall passed in %d s\n' $SECONDS
