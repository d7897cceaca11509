#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# One parser reads the arguments of all commands (src/host/args.h): what holds for each of them.
load helper

# A command that gets as far as its configuration ends there.
setup() {
    clean_env
    export PUSHBRIDGE_QUEUE_CONCURRENCY=0
}

commands() { "$PB" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p'; }
# Each command and each of its verbs, one a line.
lines() {
    local command
    for command in $(commands); do
        "$PB" "$command" --help | sed -nE "s/^(usage:|      ) pushbridge $command( +[a-z]+)?( .*)?$/$command\2/p"
    done
}
# COMMAND: its options as the help has them.
options() { "$PB" "$1" --help | sed -nE 's/^  (-[a-z], )?--([a-z-]+).*/\2/p'; }

# expect_usage WORDS of the error: 64, and one line in which nothing steers a terminal
expect_usage() {
    expect 64 "$1"
    [[ $err == *' --help)' ]] || { echo "no way to the help: $err" >&2; return 1; }
    ! LC_ALL=C grep -qP '[\x00-\x09\x0b-\x1f\x7f]' <<<"$err" || { cat -v <<<"$err" >&2; return 1; }
}

@test "--help names every option of the tables, 0" {
    local command
    for command in $(commands); do
        call "$PB" "$command" --help
        expect 0
        [[ $out == "usage: pushbridge $command"* && $out == *'--help '* && -z $err ]]
        [ "$("$PB" "$command" -h)" = "$out" ]
        options "$command"
    done | sort -u >"$BATS_TEST_TMPDIR/shown"
    { cat src/cli/*.c src/cli/*/*.c src/cli/cli.h | tr -d '\n' | grep -oE '(ARGS_IS_[A-Z]+|SETTING)\( *"[a-z-]+"' |
        sed 's/.*"\(.*\)"/\1/'; echo help; } | sort -u | diff - "$BATS_TEST_TMPDIR/shown"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/shown")" -gt 50 ]
}

@test "an option that the help names is known, also cut short" {
    local command option
    for command in $(commands); do
        for option in $(options "$command"); do
            call "$PB" "$command" "--$option" --help
            [ "$status" -eq 0 ] || [[ $err != *'unknown option'* ]] || { echo "$command $option: $err" >&2; return 1; }
        done
    done
    call "$PB" run --until
    expect 78
    call "$PB" run --timeout=5 --until
    expect 78
    call "$PB" tag query --key ACCOUNT x
    expect 78
}

@test "an unknown option is named, whatever is in it" {
    local words
    while read -ra words; do
        call "$PB" "${words[@]}" --colour
        expect_usage "unknown option '--colour'"
        call "$PB" "${words[@]}" --colour=red
        expect_usage "unknown option '--colour'"
        call "$PB" "${words[@]}" -x
        expect_usage "unknown option '-x'"
        call "$PB" "${words[@]}" $'--\e[2J\r'
        expect_usage "unknown option '--\\u001b[2J\\r'"
        call "$PB" "${words[@]}" $'-\e'
        expect_usage "unknown option '-\\u001b'"
    done < <(lines)
}

@test "a value that is missing, or one too many, is named" {
    local command
    for command in $(commands); do
        [ "$command" != version ] || continue
        call "$PB" "$command" --config
        expect_usage "option '--config' needs its FILE"
        call "$PB" "$command" -c
        expect_usage "option '--config' needs its FILE"
        call "$PB" "$command" --help=me
        expect_usage "option '--help' takes no value"
    done
}

@test "a number out of its bounds is named with them" {
    local line words
    while read -r line; do
        IFS='|' read -r line limits <<<"$line"
        read -ra words <<<"$line"
        local value
        for value in -1 99999999999999999999 x $'\e[2J' ''; do
            call "$PB" "${words[@]:0:${#words[@]}-1}" "${words[-1]}=$value"
            expect_usage "is not $limits"
            [[ $err == *" ${words[-1]}: \""* ]]
        done
    done <<'LINES'
run --until-empty --timeout|a number from 1 to 86400
send --code a --wait --timeout|a number from 1 to 86400
stats --watch|a number from 1 to 3600
queue peek --limit|a number from 1
dead ls --limit|a number from 1
dead show --at|a number from 0
dead replay --rate|a number from 1 to 100000
dead ls --older|a time like
pause --for|a time like 30s, 10m, 1h, 2d, at most 30d
push records --limit|a number from 1 to 1000000
LINES
}

@test "an argument too many is named" {
    local line words
    while read -r line; do
        read -ra words <<<"$line"
        call "$PB" "${words[@]}" $'ex\etra'
        expect_usage 'unexpected argument "ex\u001btra"'
    done <<'LINES'
run
check
send
send -
health
dead ls
stats
queue ls
queue peek q
cancel id
pause
resume
limit ls
limit set a 1
limit reset a
tag ls
push records
app check
version
LINES
}

@test "a verb that is missing or wrong is named with those there are" {
    local command verbs
    for command in dead queue limit tag alias account device push app; do
        verbs=$(lines | sed -n "s/^$command  *//p" | paste -sd, | sed 's/,/, /g')
        call "$PB" "$command"
        expect_usage "which of $verbs?"
        call "$PB" "$command" $'\e'
        expect_usage "\"\\u001b\" is none of $verbs"
    done
}
