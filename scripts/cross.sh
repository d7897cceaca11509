#!/bin/bash
# SPDX-License-Identifier: MIT
# Both programs and the unit tests for arm64: Debian's cross compiler builds them, qemu's user mode runs them.
# The libraries come into a sysroot below build/: a foreign architecture added to the machine's own dpkg would
# change it for good, and many -dev packages displace their native twin.
set -euo pipefail
cd "$(dirname "$0")/.."
unset MAKEFLAGS MFLAGS MAKELEVEL # the makes started here share no job server with the one that started us
libraries="libc6-dev libhiredis-dev libcurl4-openssl-dev libssl-dev libjansson-dev libconfig-dev libevent-dev libexpat1-dev
libcmocka-dev"
dir=build/cross
sysroot=$dir/sysroot
log=$dir/log

# not_run WHY: no failure on a machine that cannot, but CI shall not pass by not looking.
not_run() {
    echo "arm64: NOT RUN: $1"
    [ "${CI:-}" != true ]
    exit
}

# apt with lists, cache and status of its own, as if this machine were an arm64 without any package. The sources are the
# machine's own.
foreign_apt() {
    apt-get -qq -o "Dir::State=$PWD/$dir/apt" -o "Dir::State::status=$PWD/$dir/apt/status" -o "Dir::Cache=$PWD/$dir/apt/cache" \
        -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User= "$@"
}

fetch_sysroot() {
    rm -rf $dir/apt $sysroot
    mkdir -p $dir/apt/lists/partial $dir/apt/cache/archives/partial $sysroot
    : >$dir/apt/status
    # Sources that offer no arm64 make update complain; whether all packages were found is what counts.
    foreign_apt update >$log 2>&1 || true
    # shellcheck disable=SC2086 # a list of packages
    foreign_apt install --download-only --no-install-recommends -y $libraries >>$log 2>&1 || return
    find $dir/apt/cache/archives -name '*.deb' -print0 | xargs -0 -P "$(nproc)" -I {} dpkg -x {} $sysroot
    [ -e $sysroot/lib ] || ln -s usr/lib $sysroot/lib # where /usr is merged, base-files has the link
    rm -rf $dir/apt
    echo "$1" >$sysroot/made-of
}

ensure_sysroot() {
    local made_of
    # shellcheck disable=SC2086 # a list of packages
    made_of=$(. /etc/os-release && echo "${VERSION_CODENAME:-}" $libraries)
    [ "$(cat $sysroot/made-of 2>/dev/null)" = "$made_of" ] || fetch_sysroot "$made_of"
}

# Relative paths, so that ccache knows the same work in another checkout.
cross_make() {
    PKG_CONFIG_SYSROOT_DIR=$sysroot PKG_CONFIG_PATH='' \
        PKG_CONFIG_LIBDIR=$sysroot/usr/lib/aarch64-linux-gnu/pkgconfig:$sysroot/usr/share/pkgconfig \
        make -s "-j$(nproc)" WERROR=1 B=build/arm64 AR=aarch64-linux-gnu-ar CC="aarch64-linux-gnu-gcc --sysroot=$sysroot" "$@"
}

[ "$(uname -m)" != aarch64 ] || { echo "arm64: this machine is one, make test is the test"; exit 0; }
mkdir -p $dir
sh scripts/setup.sh cross || not_run "gcc-aarch64-linux-gnu or qemu-user-static is not to be had"
qemu=$(command -v qemu-aarch64-static || command -v qemu-aarch64)
ensure_sysroot || { tail -n 5 $log; not_run "apt's sources have not all libraries for arm64 ($log)"; }
cross_make build/arm64/pushbridge build/arm64/pushbridge-mock unit RUN_UNIT=: >$log 2>&1 || { cat $log; exit 1; }
file build/arm64/pushbridge build/arm64/pushbridge-mock
# Not the component tests, which wait in an event loop: their deadlines are a machine's, not an emulator's.
UNIT_UNDER="$qemu -L $PWD/$sysroot" cross_make unit >$log 2>&1 || { cat $log; exit 1; }
tail -n 1 $log
