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

# The glossary of CONTRIBUTING has the words in their place. The stand-in, which shares nothing with the rest, has words of its own.
@test "words that were given up are in no function's name" {
    local given_up="company stock requeue breaker quarantine reap steal" word found failed=0
    names=$(find src -path src/mock -prune -o -name '*.[ch]' -exec grep -hoE '^[a-z].*[ *][a-z0-9_]+\(' {} + | sed 's/($//; s/.*[ *]//' | sort -u)
    [ "$(wc -l <<<"$names")" -gt 1500 ] # it does find them
    for word in $given_up; do
        found=$(grep -E "(^|_)${word}s?(_|$)" <<<"$names") || continue
        printf 'not "%s": %s\n' "$word" "$found"
        failed=1
    done
    [ $failed = 0 ]
}

@test "the glossary has each word once, and no word that it gives up" {
    local words given_up
    words=$(sed -n '/^| word | what it means/,/^$/p' CONTRIBUTING.md | sed -n '3,$p' | cut -d'|' -f2 | tr ',' '\n' | tr -d ' ' | grep .)
    [ "$(wc -l <<<"$words")" -ge 25 ] && [ -z "$(sort <<<"$words" | uniq -d)" ]
}
