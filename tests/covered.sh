#!/bin/sh
# SPDX-License-Identifier: MIT
# Every module has a unit or component test of its name, or one whose opening comment names it: "(a, b)".
# Usage: covered.sh MODULE…, each "folder/name"; tests of the stand-in are called test_mock_….
words() { # FILE…: names of tests, and the words of their opening comments
    for t in "$@"; do
        basename "$t" .c | sed 's/^test_//; s/^mock_//'
        awk '/\*\// || !/^(\/\*|\/\/| \*)/ {print; exit} {print}' "$t"
    done | tr -cs 'a-z0-9_' '\n'
}
mock=$(words tests/unit/test_mock_*.c tests/component/test_mock_*.c)
# shellcheck disable=SC2046 # names of tests have no spaces
client=$(words $(find tests/unit tests/component -name 'test_*.c' ! -name 'test_mock_*'))
missing=0
for module in "$@"; do
    case $module in mock/*) known=$mock ;; *) known=$client ;; esac
    printf '%s\n' "$known" | grep -qx "${module##*/}" || {
        echo "no unit or component test names the module $module"
        missing=1
    }
done
exit $missing
