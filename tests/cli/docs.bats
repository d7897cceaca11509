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

@test "the page of rooms names files that there are, and all rooms" {
    local file
    for file in $(grep -oE '`[a-z_]+(/[a-z_]+)+\.(c|h|lua)`' docs/architecture.md | tr -d '`'); do
        [ -e "src/$file" ] || { echo "src/$file is not there"; false; }
    done
    for file in src/*/; do grep -qE "^\| \`$(basename "$file")/?\` \|" docs/architecture.md || { echo "$file is not named"; false; }; done
}
