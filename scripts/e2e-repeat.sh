#!/bin/bash
# SPDX-License-Identifier: MIT
# The whole end-to-end run again and again, with or without busy loops beside it: a verdict that depends on load
# or luck shows. Ends at the first run that fails.
# Usage: e2e-repeat.sh RUNS [HOGS]
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:?usage: e2e-repeat.sh RUNS [HOGS]} hogs=()
mkdir -p build
trap '[ ${#hogs[@]} -eq 0 ] || kill "${hogs[@]}"' EXIT
for ((i = 0; i < ${2:-0}; i++)); do
    while :; do :; done &
    hogs+=($!)
done
for ((i = 1; i <= runs; i++)); do
    began=$SECONDS log=build/e2e-repeat-$i.log
    python3 tests/e2e/run.py >"$log" 2>&1 || { grep -v '^ok ' "$log"; echo "run $i of $runs failed: $log"; exit 1; }
    printf 'run %2d of %d, %d busy loops beside: %s, %d s, %d late\n' "$i" "$runs" "${#hogs[@]}" "$(tail -n 1 "$log")" \
        $((SECONDS - began)) "$(grep -c '^late' "$log" || true)"
done
