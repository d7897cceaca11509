# SPDX-License-Identifier: MIT
# What the test scripts share: named steps whose times are told at the end, and commands in the background.
unset MAKEFLAGS MFLAGS MAKELEVEL # the makes started here share no job server with the one that started us
# shellcheck disable=SC2034 # for those who source this
jobs=-j$(nproc)
steps=()
times=()
mkdir -p build

# step TITLE: ends the step before, begins this one
step() {
    times+=("$SECONDS")
    steps+=("$1")
    printf '\n== %s (%d s so far)\n' "$1" $SECONDS
}

# A command in the background: its output waits in build/NAME.log until it is joined.
declare -A besides=()
beside() { # NAME COMMAND…
    "${@:2}" >"build/$1.log" 2>&1 &
    besides[$1]=$!
}
join() { # NAME
    local rc=0
    wait "${besides[$1]}" || rc=$?
    unset "besides[$1]"
    cat "build/$1.log"
    return $rc
}
trap '[ ${#besides[@]} -eq 0 ] || kill "${besides[@]}" 2>/dev/null' EXIT

# quietly COMMAND…: its output only if it fails
quietly() {
    "$@" >build/quietly.log 2>&1 || { cat build/quietly.log; return 1; }
}

# all_passed: what each step took
all_passed() {
    local i
    times+=("$SECONDS")
    printf '\n'
    for i in "${!steps[@]}"; do printf '%5d s  %s\n' $((times[i + 1] - times[i])) "${steps[i]}"; done
    printf 'all passed in %d s\n' $SECONDS
}
