#!/bin/sh
# Runs test programs, three at a time since most of them wait; prints one closing line.
# UNIT_UNDER: the command that runs a program of another machine. UNIT_TITLE: what the closing line is about.
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
export dir
printf '%s\n' "$@" | xargs -P 3 -I {} sh -c 'timeout 600 $UNIT_UNDER {} >"$dir/$(basename {})" 2>&1; echo $? >"$dir/$(basename {}).rc"'
passed=0 failed=0
for t in "$@"; do
    out=$dir/$(basename "$t")
    rc=$(cat "$out.rc")
    n=$(grep -c '^\[       OK \]' "$out")
    f=$(grep '^\[  FAILED  \] [A-Za-z0-9_]*$' "$out" | sort -u | wc -l) # cmocka names them again at the end
    passed=$((passed + n))
    if [ "$rc" -ne 0 ]; then
        [ "$f" -gt 0 ] || f=1
        failed=$((failed + f))
        cat "$out"
    fi
    printf '%-28s %s tests, rc %s\n' "$(basename "$t")" "$n" "$rc"
done
printf '%s: %s passed, %s failed\n' "${UNIT_TITLE:-unit}" "$passed" "$failed"
[ "$failed" -eq 0 ]
