#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the command line's tests, several files at a time since most of them wait. Usage: run.sh [FILE…]. A file's output is kept
# apart and shown in one piece when it failed; the last line is the sum.
cd "$(dirname "$0")/../.." || exit 1
[ $# -gt 0 ] || set -- tests/cli/*.bats
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
export dir
# The longest first; what is new comes after them.
slow='mock online manage_faults ops dead manage send'
ordered=
for name in $slow; do
    for file in "$@"; do
        [ "${file##*/}" != "$name.bats" ] || ordered="$ordered $file"
    done
done
for file in "$@"; do
    case " $ordered " in *" $file "*) ;; *) ordered="$ordered $file" ;; esac
done
# shellcheck disable=SC2016,SC2086
printf '%s\n' $ordered | xargs -P "${BATS_FILES:-4}" -I {} sh -c '
    began=$(date +%s%N) out=$dir/$(basename {})
    bats --tap {} >"$out" 2>&1
    rc=$?
    passed=$(grep -c "^ok " "$out") failed=$(grep -c "^not ok " "$out")
    # a file that cannot be run is one failure
    [ $rc -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
    echo "$passed $failed" >"$out.sum"
    [ "$failed" -eq 0 ] || cat "$out"
    printf "%-4s  %-24s %3s tests %4s s\n" "$([ "$failed" -eq 0 ] && echo ok || echo FAIL)" "$(basename {})" "$passed" \
        "$(( ($(date +%s%N) - began) / 1000000000 ))"'
cat "$dir"/*.sum | awk '{ passed += $1; failed += $2 } END { printf "bats: %d passed, %d failed\n", passed, failed; exit failed > 0 || !passed }'
