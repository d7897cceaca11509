#!/bin/sh
# SPDX-License-Identifier: MIT
# Every module has a unit test of its name, or one whose opening comment names it: "(a, b)".
# Usage: covered.sh MODULE…, each "folder/name"; the stand-in's tests are in tests/mock.
words() { # FOLDER: names of test files, and the words of their opening comments
    for t in "$1"/test_*.c; do
        basename "$t" .c | sed 's/^test_//; s/^mock_//'
        awk '/\*\// || !/^(\/\*|\/\/| \*)/ {print; exit} {print}' "$t"
    done | tr -cs 'a-z0-9_' '\n'
}
unit=$(words tests/unit) mock=$(words tests/mock) missing=0
for module in "$@"; do
    case $module in mock/*) known=$mock ;; *) known=$unit ;; esac
    printf '%s\n' "$known" | grep -qx "${module##*/}" || {
        echo "no unit test names the module $module"
        missing=1
    }
done
exit $missing
