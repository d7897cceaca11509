#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What commands print passes one filter (src/cli/cli.h): nothing else writes a text that is not its own.
load helper

setup() { clean_env; }

# Calls of FUNCTIONS in the commands' sources, one a line, whole: "FILE: call(…)".
calls() {
    local file
    for file in src/cli/*.c src/cli/*/*.c; do
        [ "$file" = src/cli/cli.c ] ||
            tr '\n' ' ' <"$file" | grep -oE "(^|[^a-z_])($1)\([^;]*;" | sed "s|^|$file: |"
    done
}

@test "no command formats a text past the filter" {
    run bash -c "$(declare -f calls); calls 'f?printf|v?dprintf' | grep -E '%[-*.0-9]*s'"
    [ -z "$output" ] || { echo "$output"; false; }
}

@test "no command writes bytes or JSON past the filter" {
    run bash -c "$(declare -f calls); calls 'json_dumpf|json_dumpfd|fwrite|vfprintf' | grep -v 'cmd_render.c: .*fwrite(buf_text(&o->buf)'"
    [ -z "$output" ] || { echo "$output"; false; }
}

@test "an argument that steers a terminal is shown, not obeyed" {
    for arguments in $'\e[2J' $'queue \e[2J' $'stats \xc2\x9b2J' $'pause --for \xe2\x80\xae' $'limit set \xe2\x81\xa6 x'; do
        read -ra words <<<"$arguments"
        call "$PB" "${words[@]}"
        [ "$status" -ne 0 ]
        ! LC_ALL=C grep -qP '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80\xae|\xe2\x81\xa6' <<<"$err" || { cat -v <<<"$err"; false; }
    done
    call "$PB" $'\e[2J'
    expect 64 'unknown command "\u001b[2J"'
    call "$PB" stats $'\xe2\x80\xaex'
    expect 64 'unexpected argument "\u202ex"'
}
