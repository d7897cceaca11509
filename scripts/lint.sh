#!/bin/bash
# SPDX-License-Identifier: MIT
# The linters, all or the one named: format, order, shell, tidy, cppcheck. Results are kept by content in build/lint, so that
# the next run looks only at what changed. LINT_FLAGS: how C is compiled.
set -euo pipefail
cd "$(dirname "$0")/.."
llvm=14 # clang-format and clang-tidy of other versions format otherwise and check other things
kept=build/lint
mkdir -p $kept/tidy $kept/cppcheck
find $kept -type f -mtime +30 -delete
export kept LINT_FLAGS

# not_run WHICH WHY: no failure on a machine that cannot, but CI shall not pass by not looking.
not_run() {
    echo "lint: $1 NOT RUN: $2"
    [ "${CI:-}" != true ]
}

# Prints the program's name when the machine has it in the version that the tree is written for.
pinned() {
    if command -v "$1-$llvm"; then return; fi
    [[ $("$1" --version 2>/dev/null) =~ version\ $llvm\. ]] && echo "$1"
}
wrong_version() {
    local found
    found=$("$1" --version 2>/dev/null | grep -o 'version [0-9.]*') || found='not installed'
    echo "needs $1-$llvm, here is: $found"
}

format() {
    local tool
    tool=$(pinned clang-format) || { not_run clang-format "$(wrong_version clang-format)"; return; }
    git ls-files -z '*.c' '*.h' | xargs -0 -n 40 -P "$(nproc)" "$tool" --dry-run -Werror
    echo "lint: clang-format $llvm: clean"
}

order() {
    python3 tests/assert_order.py
    echo "lint: assertions, found before expected: clean"
}

# The bats files and what they load: a test sets and reads variables of its helper, runs in a subshell, and splits words on
# purpose.
shell() {
    command -v shellcheck >/dev/null || { not_run shellcheck "not installed"; return; }
    git ls-files -z '*.sh' scripts .ci | grep -zE '\.(sh|bash)$|^\.ci/' | xargs -0 shellcheck -x -e SC2317,SC2016 # what a trap calls; text for another shell
    git ls-files -z '*.bats' tests/cli | grep -zE '\.(bats|bash)$' |
        xargs -0 -n 4 -P "$(nproc)" shellcheck -x -e SC2154,SC2034,SC2030,SC2031,SC2086,SC2016,SC2001
    echo "lint: shellcheck: clean"
}

# One source, unless it and all that it includes, the list of checks and the flags are as they were when it was clean.
tidy_one() {
    local own=() all mark
    case $1 in
    src/base/fault.c) own=(-DPB_FAULT) ;;
    src/cli/version.c | src/mock/options.c) own=('-DPB_VERSION="0"' '-DPB_COMMIT="0"') ;;
    esac
    # shellcheck disable=SC2086 # a list of flags
    all=$(${CC:-cc} $LINT_FLAGS "${own[@]}" -MM "$1" | sed 's/^[^:]*://; s/\\$//')
    # shellcheck disable=SC2086 # a list of files
    mark=$kept/tidy/$({ "$tidy" --version; echo "$1 $LINT_FLAGS ${own[*]}"; cat .clang-tidy $all; } | sha256sum | cut -c1-40)
    [ ! -e "$mark" ] || { touch "$mark"; return; }
    # shellcheck disable=SC2086
    timeout 300 "$tidy" --quiet "$1" -- $LINT_FLAGS "${own[@]}" >"$mark.log" 2>&1 && rm "$mark.log" && touch "$mark" && return
    cat "$mark.log"
    rm "$mark.log"
    return 1
}

tidy() {
    tidy=$(pinned clang-tidy) || { not_run clang-tidy "$(wrong_version clang-tidy)"; return; }
    export tidy
    export -f tidy_one
    git ls-files -z 'src/*.c' | xargs -0 -n 1 -P "$(nproc)" bash -c 'tidy_one "$1"' -
    echo "lint: clang-tidy $llvm: clean"
}

# It reads no header of the system; those with macros around declarations and blocks are given to it.
macros() {
    printf '#include <%s>\n' sys/queue.h jansson.h | ${CC:-cc} -E -M -x c - | grep -oE '/[^ ]*/(sys/queue|jansson)\.h'
}
# Not taken:
#   variableScope                  C89's blocks are no aim
#   constParameter                 callbacks have the type that is asked for
#   unusedStructMember, ctunullpointer   it stumbles over those macros
#   knownConditionTrueFalse, badBitmaskCheck, CastIntegerToAddressAtReturn   guesses about functions and loops it has not followed;
#                                  the compiler's -Wlogical-op and -Wint-conversion know
quiet="missingIncludeSystem unmatchedSuppression variableScope constParameter unusedStructMember ctunullpointer
knownConditionTrueFalse badBitmaskCheck CastIntegerToAddressAtReturn"
cpp_check() {
    command -v cppcheck >/dev/null || { not_run cppcheck "not installed"; return; }
    local args=() header id
    for header in $(macros); do args+=("--include=$header" "--suppress=*:$header"); done
    for id in $quiet; do args+=("--suppress=$id"); done
    cppcheck -q "-j$(nproc)" --cppcheck-build-dir=$kept/cppcheck --enable=warning,performance,portability,style --inline-suppr \
        --std=c11 -D_GNU_SOURCE -Isrc --error-exitcode=1 "${args[@]}" src
    echo "lint: cppcheck: clean"
}

case ${1:-} in
format | order | shell | tidy) "$1" ;;
cppcheck) cpp_check ;;
'')
    sh scripts/setup.sh lint || echo "lint: not all linters could be installed"
    failed=0
    for one in format order shell cppcheck tidy; do bash scripts/lint.sh $one || failed=1; done
    exit $failed
    ;;
*) echo "usage: lint.sh [format|order|shell|tidy|cppcheck]" >&2; exit 64 ;;
esac
