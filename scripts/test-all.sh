#!/bin/bash
# SPDX-License-Identifier: MIT
# What CI runs after `make test`: other compilers and machines, sanitizers, faults. The order is that which fails
# soonest.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/steps.bash

step "lint: format, shellcheck, clang-tidy, cppcheck"
make -s lint
step "clang: everything builds, tests included, warnings are errors"
clang=("$jobs" WERROR=1 CC=clang MODE=debug B=build/clang)
quietly make "${clang[@]}" build/clang/pushbridge build/clang/pushbridge-mock
quietly make "${clang[@]}" unit component RUN_UNIT=:
step "ASan and UBSan: unit and component tests"
asan=("$jobs" WERROR=1 MODE=asan B=build/asan)
quietly make "${asan[@]}" unit component RUN_UNIT=:
make -s "${asan[@]}" unit
make -s "${asan[@]}" component
step "throttling: the real script and worker against quotas, in virtual time"
make -s throttle-sim
step "the model of the queue and of apps beside each other"
make -s model FAULTS=1
step "work: jobs of up to 1 MiB cost no more instructions than their size allows"
make -s work-test LARGE=1
step "arm64: both programs cross-built, unit tests under qemu"
make -s test-arm64
step "the vendor's SDKs against the stand-in"
sh scripts/setup.sh sdk
make -s sdk-test
step "every step: killed at each socket write in turn; beside it the builds for what follows"
quietly make "$jobs" WERROR=1 MODE=fault B=build/fault build/fault/pushbridge build/fault/pushbridge-mock
beside fault python3 tests/fault/run.py
make -s previous
quietly make "${asan[@]}" build/asan/pushbridge build/asan/pushbridge-mock
join fault
step "end to end, programs built with ASan and UBSan"
PB_BIN=$PWD/build/asan python3 tests/e2e/run.py
step "chaos: the short selection"
make -s chaos-short
step "Debian 13: the README's two commands on a fresh one"
make -s test-debian13
all_passed
