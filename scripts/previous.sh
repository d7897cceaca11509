#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the version before this one in build/previous, for the test that runs both on one queue:
# the last commit when there are changes, else the one before it.
set -eu
cd "$(dirname "$0")/.."
if git diff --quiet HEAD -- src 2>/dev/null; then wanted=HEAD~1; else wanted=HEAD; fi
commit=$(git rev-parse --verify -q "$wanted") || {
    echo "previous version: no $wanted in this checkout" >&2
    exit 1
}
dir=build/previous
[ "$(cat $dir/commit 2>/dev/null)" = "$commit" ] && exit 0
rm -rf $dir
mkdir -p $dir
git archive "$commit" | tar -x -C $dir
make -s -C $dir -j"$(nproc)" B=build/release bin/pushbridge >/dev/null
echo "$commit" >$dir/commit
