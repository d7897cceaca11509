#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The pages as a whole.
load helper

setup() { clean_env; }

@test "every relative link of the pages leads to a file and a heading" {
    python3 tests/support/doc_links.py ./*.md docs/*.md
}

@test "a dead link is found" {
    mkdir "$BATS_TEST_TMPDIR/d"
    printf '# A b\n[x](#a-b) [y](#c) [z](none.md)\n' >"$BATS_TEST_TMPDIR/d/p.md"
    run python3 tests/support/doc_links.py "$BATS_TEST_TMPDIR/d/p.md"
    [ "$status" -eq 1 ] && [ "${#lines[@]}" -eq 2 ]
}
