#!/bin/bash
# SPDX-License-Identifier: MIT
# Everything that `make test` proves, in the order that fails soonest. Steps that build in parallel
# use the machine's cores.
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '\n== %s (%d s so far)\n' "$1" $SECONDS; }
jobs=-j$(nproc)

step "layers: no include points upward; every module has a unit test"
make -s layers covered
step "gcc: build and unit tests, warnings are errors"
make -s $jobs WERROR=1 all >/dev/null
make -s $jobs WERROR=1 unit
step "schemas: refused by both or accepted by both"
make -s $jobs WERROR=1 schema-test
step "clang: everything builds, unit tests included, warnings are errors"
make -s $jobs WERROR=1 CC=clang B=build/clang build/clang/pushbridge build/clang/pushbridge-mock >/dev/null
make -s $jobs WERROR=1 CC=clang B=build/clang unit RUN_UNIT=:
step "ASan and UBSan: unit tests"
make -s $jobs MODE=asan B=build/asan unit
step "command line; beside it the model of the queue, which needs one core"
make -s model FAULTS=1 >build/model.log 2>&1 &
model=$!
trap 'kill $model 2>/dev/null' EXIT # when the command line fails
bats tests/cli
wait $model || { cat build/model.log; exit 1; }
trap - EXIT
cat build/model.log
step "every step: killed at each socket write in turn"
make -s $jobs WERROR=1 MODE=fault B=build/fault build/fault/pushbridge build/fault/pushbridge-mock >/dev/null
python3 tests/fault/run.py
step "the version before this one"
make -s previous
step "end to end, programs built with ASan and UBSan"
make -s $jobs MODE=asan B=build/asan build/asan/pushbridge build/asan/pushbridge-mock >/dev/null
PB_BIN=$PWD/build/asan python3 tests/e2e/run.py
step "end to end"
make -s e2e
step "chaos: the short selection"
make -s chaos-short
printf '\nall passed in %d s\n' $SECONDS
