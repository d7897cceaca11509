#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What a Lua script names at its head is what its code and C may name: src/queue/lua/embed.awk.

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    mkdir part
    awk_file=$BATS_TEST_DIRNAME/../../src/queue/lua/embed.awk
}

made() { # WANT, then a script's lines
    local want=$1
    shift
    printf '%s\n' "$@" > one.lua
    run awk -v want="$want" -f "$awk_file" one.lua
}

text() { # of the script in output, as Redis gets it
    printf '%s' "$output" | sed -n "/^    '/p" | sed "s/^    //; s/'\\\\n',$//; s/'\\\\\\(.\\)',/\\1/g; s/'\\(.\\)',/\\1/g"
}

@test "names become places" {
    made sources '-- KEYS: due batch, parked … (a remark)' '-- ARGV: n, id fence …' '-- REPLY: now taken, batch …' \
        '-- TAKEN.HELD = -2: held' \
        "call(KEYS.due, KEYS.batch, KEYS.parked[i], #KEYS.parked)" \
        'x(ARGV.n, ARGV.id[k], ARGV.fence[k + 1], #ARGV.id, ARGV.id[1])' \
        'reply[REPLY.taken] = TAKEN.HELD + #REPLY'
    [ "$status" = 0 ]
    [ "$(text)" = "call(KEYS[1], KEYS[2], KEYS[2 + i], (#KEYS - 2))
x(ARGV[1], ARGV[2 * k], ARGV[1 + 2 * (k + 1)], (#ARGV - 1) / 2, ARGV[2])
reply[2] = -2 + 2" ]
}

@test "C gets the same names" {
    made names '-- KEYS: due' '-- ARGV: n, id fence …' '-- REPLY: now taken' "-- KIND.SENT = 'S'" 'x(KEYS.due, ARGV.n, ARGV.id[1], ARGV.fence[1])'
    [ "$status" = 0 ]
    for line in 'ONE_ARGV_N = 0,' 'ONE_ARGV_ID = 1,' 'ONE_ARGV_FENCE = 2,' 'ONE_ARGV_WIDTH = 2,' 'ONE_REPLY_TAKEN = 1,' "ONE_KIND_SENT = 'S'," 'SCRIPT_ONE,'; do
        [[ $output == *"$line"* ]]
    done
}

@test "a name that the head does not have ends the build" {
    made sources '-- KEYS: due' 'x(KEYS.due, KEYS.deu)'
    [ "$status" != 0 ]
    [[ $output == *'KEYS.deu is not named at the head'* ]]
    made sources '-- KEYS: due' '-- ARGV: n' 'x(KEYS.due)'
    [ "$status" != 0 ]
    [[ $output == *'one.lua does not use its ARGV.n'* ]]
    made sources '-- KEYS: due due' 'x(KEYS.due)'
    [ "$status" != 0 ]
    [[ $output == *'KEYS.due twice'* ]]
}

@test "one of many has a number, and nothing else has" {
    made sources '-- KEYS: due, parked …' 'x(KEYS.due, KEYS.parked)'
    [ "$status" != 0 ]
    made sources '-- KEYS: due, parked …' 'x(KEYS.due[1], KEYS.parked[1])'
    [ "$status" != 0 ]
}

@test "a part that is not there ends the build" {
    made sources '-- KEYS: due' 'x(KEYS.due)' '--#include nothing'
    [ "$status" != 0 ]
}
