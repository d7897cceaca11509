#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the packages that building, testing or another job needs, where they are missing: on Debian 12, 13 and Ubuntu 24.04.
# Says nothing where nothing is missing.
# Usage: setup.sh build|test|sdk|cross|lint|debootstrap
# shellcheck disable=SC2086,SC2015 # lists of packages; fail does not return
set -eu
build="gcc make pkg-config|pkgconf libc6-dev libhiredis-dev libcurl4-openssl-dev libssl-dev libjansson-dev
libconfig-dev libevent-dev libexpat1-dev redis-server redis-tools curl openssl ca-certificates tzdata jq"
tests="python3 iproute2 faketime valgrind clang libclang-rt-N-dev libcmocka-dev bats spin git prometheus
python3-jsonschema python3-redis nodejs node-redis golang-go golang-github-gomodule-redigo-dev php-cli php-redis ruby ruby-redis"
case ${1:-build} in
build) want=$build ;;
test) want="$build $tests" ;;
cross) want="$build gcc-aarch64-linux-gnu qemu-user-static|qemu-user file" ;;
sdk) want="nodejs"; command -v npm >/dev/null || want="$want npm" ;; # Debian's npm is large, and often another is there
lint) want="$build clang-format-14|clang-format clang-tidy-14|clang-tidy cppcheck shellcheck" ;;
debootstrap) want="debootstrap debian-archive-keyring util-linux" ;;
*) echo "usage: setup.sh build|test|sdk|cross|lint|debootstrap" >&2; exit 64 ;;
esac
fail() { echo "setup: $*" >&2; exit 1; }

installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }
offered() { apt-cache policy "$1" 2>/dev/null | grep -q '^  Candidate: [0-9]'; }

# clang's run-time library carries clang's major version in its name, which differs from suite to suite.
clang_major() {
    v=$(dpkg-query -W -f '${Version}' clang 2>/dev/null) && [ -n "$v" ] ||
        v=$(apt-cache policy clang 2>/dev/null | sed -n 's/^  Candidate: \([0-9].*\)/\1/p')
    v=${v#*:}
    printf %s "${v%%.*}"
}

# The names that this machine has for an entry of the list, the preferred one first.
names() {
    case $1 in
    libclang-rt-N-dev) echo "libclang-rt-$(clang_major)-dev" ;;
    *) echo "$1" | tr '|' ' ' ;;
    esac
}

# Which entries are not installed, under any of their names.
find_missing() {
    for entry in $want; do
        found=
        for name in $(names "$entry"); do
            if installed "$name"; then found=1; fi
        done
        [ -n "$found" ] || printf '%s ' "$entry"
    done
}

# The packages to install for the entries that are missing: asked after the lists are fresh.
find_packages() {
    for entry in $missing; do
        found=
        for name in $(names "$entry"); do
            [ -n "$found" ] || ! offered "$name" || found=$name
        done
        [ -n "$found" ] || fail "apt knows no package $(names "$entry") (Debian 12, Debian 13 and Ubuntu 24.04 with universe have one)"
        printf '%s ' "$found"
    done
}

# Its output is shown only when it fails. Waits for another apt, which a machine that has just started often runs.
apt() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1 ||
        { tail -n 20 "$log" >&2; fail "apt-get $1 failed"; }
}

# The packages of redis and prometheus (for promtool) would start servers at installation.
policy=/usr/sbin/policy-rc.d
made=
clean_up() {
    [ -z "$made" ] || $as_root rm -f $policy
    rm -f "$log"
}
forbid_servers() {
    [ -e $policy ] && return
    made=1
    printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
    $as_root chmod 755 $policy
}

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    # shellcheck disable=SC2086 # words on one line
    fail "this is no Debian or Ubuntu; what is needed, by Debian's names:" $want
fi
missing=$(find_missing)
[ -n "$missing" ] || exit 0
as_root=
if [ "$(id -u)" -ne 0 ]; then
    as_root=sudo
    command -v sudo >/dev/null || fail "missing: ${missing% }. Installing needs root, and there is no sudo: run this as root once (make setup-build, make setup-test)"
fi
log=$(mktemp)
trap clean_up EXIT
trap 'exit 1' HUP INT TERM
apt update
packages=$(find_packages)
echo "setup: installing ${packages% }"
forbid_servers
# shellcheck disable=SC2086 # a list of names
apt install -y --no-install-recommends $packages
