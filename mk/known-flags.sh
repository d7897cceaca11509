#!/bin/sh
# SPDX-License-Identifier: MIT
# Prints those of the given flags that the compiler takes without a word: gcc and clang, 12 and 19, amd64 and
# arm64 each know others.
# Usage: known-flags.sh COMPILER FLAG…, where COMPILER may be several words ("ccache gcc")
compiler=$1
shift
for flag; do
    # shellcheck disable=SC2086 # a compiler of several words
    if echo 'int main(void) { return 0; }' | $compiler -Werror "$flag" -x c -c -o /dev/null - 2>/dev/null; then
        echo "$flag"
    fi
done
