#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# scripts/setup.sh on machines that are made up: what apt and dpkg say comes from files, and nothing is installed.
load helper

setup() {
    machine=$BATS_TEST_TMPDIR
    mkdir "$machine/bin"
    touch "$machine/installed" "$machine/offered" # lines: NAME VERSION; '*' is every other name
    for tool in sh sed grep tail tr rm mktemp env cat awk; do ln -s "$(command -v $tool)" "$machine/bin/"; done
    program dpkg-query 'awk -v p="$4" -v f="$3" '"'"'$1 == p || ($1 == "*" && p !~ /clang/) {v = $2; found = 1}
        END {if (!found) exit 1; print (f ~ /Version/ ? v : "install ok installed")}'"'"' '"$machine/installed"
    program apt-cache 'awk -v p="$2" '"'"'$1 == p || ($1 == "*" && p !~ /clang/) {v = $2; found = 1}
        END {if (found) print p ":\n  Installed: (none)\n  Candidate: " v}'"'"' '"$machine/offered"
    program apt-get 'exit 99' # only as root
    program id 'echo 1000'
}

program() { printf '#!/bin/sh\n%s\n' "$2" >"$machine/bin/$1" && chmod +x "$machine/bin/$1"; }
with_sudo() { program sudo 'echo "$@" >>'"$machine/done"'; [ "$1" != tee ] || cat >/dev/null'; }
set_up() { PATH=$machine/bin call sh scripts/setup.sh "$@"; }
installs() { sed -n 's/.*apt-get .* --no-install-recommends //p' "$machine/done"; }

@test "clang's run-time library goes by clang's version, as each suite has it" {
    with_sudo
    for row in "14 1:14.0-55.7~deb12u1" "18 1:18.0-59~exp2" "19 1:19.0-63"; do
        read -r major version <<<"$row"
        echo "* 1" >"$machine/installed"
        printf '* 1\nclang %s\nlibclang-rt-%s-dev 1\n' "$version" "$major" >"$machine/offered"
        rm -f "$machine/done"
        set_up test
        expect 0
        [ "$(installs)" = "clang libclang-rt-$major-dev" ] || { cat "$machine/done" >&2; return 1; }
        echo "clang $version" >>"$machine/installed" # the library alone is missing
        rm "$machine/done"
        set_up test
        [ "$(installs)" = "libclang-rt-$major-dev" ] && [ "$out" = "setup: installing libclang-rt-$major-dev" ]
        echo "libclang-rt-$major-dev 1" >>"$machine/installed"
        rm "$machine/done"
        set_up test
        expect 0
        [ -z "$out$err" ] && [ ! -e "$machine/done" ]
    done
}

@test "a package under its other name counts, and is taken where there is no other" {
    with_sudo
    sed 's/$/ 1/' >"$machine/offered" <<<"pkgconf"
    printf '%s 1\n' gcc make libc6-dev libhiredis-dev libcurl4-openssl-dev libssl-dev libjansson-dev libconfig-dev libevent-dev \
        libexpat1-dev redis-server redis-tools curl openssl ca-certificates tzdata jq >"$machine/installed"
    set_up build
    expect 0
    [ "$(installs)" = pkgconf ]
    rm "$machine/done"
    echo "pkgconf 1" >>"$machine/installed"
    set_up build
    expect 0
    [ ! -e "$machine/done" ]
}

@test "neither root nor sudo: what is missing and what to do" {
    echo "* 1" >"$machine/installed"
    set_up test
    expect 1 'missing: clang libclang-rt-N-dev. Installing needs root, and there is no sudo'
}

@test "a package that apt does not know is named" {
    with_sudo
    echo "* 1" >"$machine/installed"
    echo "clang 1:19.0-63" >"$machine/offered"
    set_up test
    expect 1 'setup: apt knows no package libclang-rt-19-dev'
    [ -z "$(installs)" ]
}

@test "no Debian: what is needed" {
    rm "$machine/bin/apt-get"
    set_up build
    expect 1 'setup: this is no Debian or Ubuntu'
    [[ $err == *libhiredis-dev* ]]
}
