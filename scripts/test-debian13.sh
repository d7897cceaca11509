#!/bin/bash
# SPDX-License-Identifier: MIT
# The README's two commands on a fresh Debian 13, made by debootstrap in build/debian13 (kept there, with the
# packages that setup.sh has put in; remove it to begin anew), on a clone of the last commit. Says plainly where nothing
# could be run. Mounts and processes end with their namespaces.
# Usage: test-debian13.sh [COMMAND…]   (by default "make demo" and "make test")
# DEBIAN13_MIRROR: where Debian is, if this machine's own apt sources don't say.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$PWD/build/debian13
root=$dir/root
# A failure in CI (CI set, and not to false).
not_run() {
    echo "test-debian13: NOT RUN: $*"
    case ${CI:-false} in false | 0) exit 0 ;; *) exit 1 ;; esac
}
fail() { echo "test-debian13: FAILED: $*" >&2; exit 1; }

# Addresses in this machine's apt sources, of both forms.
apt_addresses() {
    [ -z "${DEBIAN13_MIRROR:-}" ] || { echo "$DEBIAN13_MIRROR"; return; }
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null |
        awk '$1 == "URIs:" {for (i = 2; i <= NF; i++) print $i}
            $1 == "deb" {for (i = 2; i <= NF; i++) if ($i ~ /^[a-z+]+:\//) {print $i; break}}' | grep -E '^(https?|file):/' | sort -u
}

# The first of them that has the suite, asked as apt asks (its proxy, its certificates).
find_mirror() {
    local address
    for address in $(apt_addresses); do
        if /usr/lib/apt/apt-helper download-file "${address%/}/dists/trixie/InRelease" "$dir/InRelease" >/dev/null 2>&1 &&
            grep -qx 'Origin: Debian' "$dir/InRelease" && grep -q "^Architectures:.* $arch\b" "$dir/InRelease"; then
            echo "$address"
            return
        fi
    done
}

# A mirror over https needs certificates before apt can fetch any, and this machine's own, if it trusts others.
make_root() {
    local mirror more=
    mirror=$(find_mirror)
    [ -n "$mirror" ] || not_run "no apt source of this machine has trixie for $arch (DEBIAN13_MIRROR=ADDRESS names one)"
    [[ $mirror != https:* ]] || more=--include=ca-certificates
    echo "test-debian13: making a fresh Debian 13"
    rm -rf "$root" "$root.new"
    debootstrap --variant=minbase $more trixie "$root.new" "$mirror" >"$dir/debootstrap.log" 2>&1 ||
        { tail -n 5 "$dir/debootstrap.log" >&2; fail "debootstrap"; }
    [ -z "$more" ] || cp /etc/ssl/certs/ca-certificates.crt "$root.new/etc/ssl/certs/"
    apt-config dump | grep -E '^Acquire::(http|https)::Proxy' >"$root.new/etc/apt/apt.conf.d/90proxy" || true
    [ -s "$root.new/etc/hosts" ] || printf '127.0.0.1 localhost\n::1 localhost\n' >"$root.new/etc/hosts" # as the installer does
    mv "$root.new" "$root"
}

# What the commands get: the last commit with its history, which one test needs; of a tarball all that is in it.
put_source() {
    rm -rf "$root/root/pushbridge"
    if [ -e .git ]; then
        git diff --quiet HEAD || echo "test-debian13: note: changes that are not committed are not in it"
        git clone -q --no-local . "$root/root/pushbridge"
    else
        mkdir -p "$root/root/pushbridge"
        tar -c --exclude=./build --exclude=./bin . | tar -x -C "$root/root/pushbridge"
    fi
}

# A command in the root: namespaces of its own for mounts and processes, this machine's network, a bare environment.
inside() {
    # shellcheck disable=SC2016 # for the shell within
    unshare --mount --pid --fork --kill-child --propagation private bash -c '
        set -e
        mount -t proc proc "$1/proc"
        mount --rbind /sys "$1/sys"
        mount --rbind /dev "$1/dev"
        mount -t tmpfs tmpfs "$1/tmp"
        exec chroot "$1" /usr/bin/env -i HOME=/root TERM=dumb PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -c "cd \"\$HOME\"; $2"' \
        bash "$root" "$1"
}

# One command of the README: its output, how long it took and how many lines it printed.
run() {
    local log=$dir/${1// /-}.log rc=0 began=$SECONDS
    printf '\ntest-debian13: %s\n' "$1"
    inside "cd pushbridge && $1" 2>&1 | tee "$log" || rc=$?
    summary+=$(printf 'test-debian13: %-12s %4d s, %5d lines, status %d' "$1" $((SECONDS - began)) "$(wc -l <"$log")" $rc)$'\n'
    [ $rc -eq 0 ] || { printf '\n%s' "$summary"; fail "$1"; }
}

[ "$(id -u)" -eq 0 ] || not_run "it needs root, for debootstrap and mounts"
arch=$(dpkg --print-architecture 2>/dev/null) || not_run "this is no Debian or Ubuntu"
sh scripts/setup.sh debootstrap || not_run "debootstrap is not to be had"
[ -e /usr/share/debootstrap/scripts/trixie ] || not_run "this debootstrap does not know trixie"
unshare --mount --pid --fork --propagation private mount -t tmpfs tmpfs /mnt 2>/dev/null || not_run "this machine forbids mounts"
mkdir -p "$dir"
[ -d "$root" ] || make_root
inside 'export DEBIAN_FRONTEND=noninteractive; apt-get -qq update && apt-get -qq install -y --no-install-recommends make' \
    >"$dir/make.log" 2>&1 || { tail -n 5 "$dir/make.log" >&2; fail "apt-get install make"; }
put_source
summary=
[ $# -gt 0 ] || set -- "make demo" "make test"
for command; do run "$command"; done
printf '\n%s' "$summary"
# shellcheck disable=SC2016 # for the shell within
inside '. /etc/os-release
    echo "test-debian13: passed on $PRETTY_NAME," \
        $(dpkg-query -W -f "\${Package} \${Version} " gcc clang libconfig-dev libhiredis-dev redis-server python3 2>/dev/null)'
