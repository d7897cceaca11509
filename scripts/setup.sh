#!/bin/sh
# Installs the Debian packages that building, testing or the demo need, where they are missing.
# Usage: setup.sh build|test
set -eu
build="gcc make pkg-config libc6-dev libhiredis-dev libcurl4-openssl-dev libssl-dev libjansson-dev
libconfig-dev libevent-dev libexpat1-dev redis-server redis-tools curl openssl ca-certificates jq"
tests="python3 faketime clang libclang-rt-14-dev libcmocka-dev bats spin git prometheus
python3-jsonschema python3-redis nodejs node-redis golang-go golang-github-gomodule-redigo-dev php-cli php-redis ruby ruby-redis"
case ${1:-build} in
build) want=$build ;;
test) want="$build $tests" ;;
*) echo "usage: setup.sh build|test" >&2; exit 64 ;;
esac
missing=
for p in $want; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
command -v apt-get >/dev/null || { echo "setup: please install:$missing" >&2; exit 1; }
as_root=
[ "$(id -u)" -eq 0 ] || as_root=sudo
echo "setup: installing$missing"
export DEBIAN_FRONTEND=noninteractive
# The packages of redis and prometheus (for promtool) would start servers at installation.
policy=/usr/sbin/policy-rc.d
made=
[ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null; $as_root chmod 755 $policy; made=1; }
log=$(mktemp)
rc=0
{ $as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1 || rc=$?
[ -z "$made" ] || $as_root rm -f $policy
[ $rc -eq 0 ] || { tail -n 20 "$log" >&2; rm -f "$log"; exit 1; }
rm -f "$log"
