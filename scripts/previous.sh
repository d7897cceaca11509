#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the version before this one in build/previous, for the test that runs both on one queue:
# the last commit when there are changes, else the one before it. A tarball and a shallow clone know
# none before them: there this version takes its part, so that the test runs all the same.
set -eu
cd "$(dirname "$0")/.."
unset MAKEFLAGS MFLAGS MAKELEVEL # another tree's make, with jobs of its own
dir=build/previous
commit=
if [ -e .git ]; then # else git would look into a checkout that this tree happens to lie in
    if git diff --quiet HEAD -- src 2>/dev/null; then wanted=HEAD~1; else wanted=HEAD; fi
    commit=$(git rev-parse --verify -q "$wanted") || commit=
fi
if [ -z "$commit" ]; then
    echo "previous version: no commit before this one is known here; this version takes its part"
    rm -rf $dir
    mkdir -p $dir/bin
    ln -s ../../../bin/pushbridge $dir/bin/pushbridge
    exit 0
fi
[ "$(cat $dir/commit 2>/dev/null)" = "$commit" ] && exit 0
rm -rf $dir
mkdir -p $dir
git archive "$commit" | tar -x -C $dir
# Only the worker, and unoptimised: it is built once, to run for seconds.
make -s -C $dir -j"$(nproc)" B=build/release OPT_release=-O0 WARN=-w bin/pushbridge >/dev/null
echo "$commit" >$dir/commit
