#!/bin/sh
# SPDX-License-Identifier: MIT
# Verifies the queue's model exhaustively and shows that each mutant is found.
# Usage: run.sh [JOBS]   (2 by default: 20 s; 3 needs far more time and memory)
set -eu
jobs=${1:-2}
model=$(pwd)/tests/model/queue.pml
mkdir -p build/model
cd build/model

# check NAME FLAGS…: leaves what pan said in NAME.log
check() {
    name=$1; shift
    spin -DJOBS="$jobs" "$@" -a "$model" >/dev/null
    ${CC:-cc} -O2 -DSAFETY -DCOLLAPSE -w -o "pan-$name" pan.c
    "./pan-$name" -m5000000 -w24 >"$name.log" 2>&1 || true
}
fail() { echo "model: $1"; cat "$2"; exit 1; }

check correct
grep -q 'errors: 0' correct.log || fail "the model is violated" correct.log
grep -q 'max search depth too small\|out of memory\|Search not completed' correct.log &&
    fail "the search is not exhaustive" correct.log
printf 'model: 2 workers, %s jobs: %s states, no error, exhaustive\n' "$jobs" "$(awk '/states, stored/{print $1}' correct.log)"

for mutant in NO_FENCE NO_SAFE NO_RUNID; do
    check $mutant -D$mutant
    grep -q 'errors: 1' $mutant.log || fail "$mutant is not found" $mutant.log
    printf 'model: without the check (%s): found at depth %s\n' $mutant "$(sed -n 's/.*(at depth \([0-9]*\)).*/\1/p' $mutant.log | head -n 1)"
done
