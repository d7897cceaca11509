#!/bin/sh
# Runs unit test programs one after the other; prints one closing line.
passed=0 failed=0
for t in "$@"; do
    out=$("$t" 2>&1) && rc=0 || rc=$?
    n=$(printf '%s\n' "$out" | grep -c '^\[       OK \]')
    f=$(printf '%s\n' "$out" | grep -c '^\[  FAILED  \] [A-Za-z0-9_]*$')
    passed=$((passed + n))
    if [ "$rc" -ne 0 ]; then
        [ "$f" -gt 0 ] || f=1
        failed=$((failed + f))
        printf '%s\n' "$out"
    fi
    printf '%-28s %s tests, rc %s\n' "$(basename "$t")" "$n" "$rc"
done
printf 'unit: %s passed, %s failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
