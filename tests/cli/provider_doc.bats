#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# docs/provider.md against the vendor's list, the tests and the program.
load helper

setup() {
    clean_env
    page=docs/provider.md
}

check() { call python3 tests/support/provider_doc.py "$@"; }

@test "every action and every parameter of Push has a row, and its test exists" {
    check
    [ "$status" -eq 0 ] || { echo "$out" >&2; return 1; }
    [ "$(grep -c '^| `[A-Za-z0-9]*` | .* | `.*` |$' $page)" -eq $((33 + 121)) ]
}

@test "the check finds what is missing, unknown, double, or untested" {
    local bad=$BATS_TEST_TMPDIR/page.md
    sed '/^| `ListTags` /d; s/^| `iOSBadge` /| `iOSBatch` /; /^| `Trim` /p' $page >"$bad"
    check "$bad"
    [ "$status" -eq 1 ]
    [[ $out == *'action ListTags has no row'* ]]
    [[ $out == *'parameter iOSBadge has no row'* ]]
    [[ $out == *"parameter iOSBatch is not on the vendor's list"* ]]
    [[ $out == *'parameter Trim has two rows'* ]]
    sed 's/`manage.bats: app check`/`manage.bats: app chick`/; s/`test_request.c: job_key_fits`/`test_request.c: job_key_fit`/' $page >"$bad"
    check "$bad"
    [[ $out == *'action CheckCertificate: there is no test "manage.bats: app chick"'* ]]
    [[ $out == *'parameter JobKey: there is no test "test_request.c: job_key_fit"'* ]]
}

@test "every command that the page names exists" {
    local command
    while read -r command; do
        read -ra words <<<"$command"
        "$PB" "${words[@]}" --help >/dev/null || { echo "no command $command" >&2; return 1; }
    done < <(grep -oE '`pushbridge [a-z]+( [a-z]+)?' $page | cut -d' ' -f2- | sort -u)
}
