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

@test "the walk's page names files and functions that there are, at most 9 and 2,000 lines, and all that they call" {
    python3 tests/support/walk_page.py
}

@test "what is not so on the walk's page is found" {
    local page=$BATS_TEST_TMPDIR/walk.md
    wrong() { # SED, WHAT IS SAID
        sed "$1" docs/walk.md >"$page"
        ! cmp -s "$page" docs/walk.md || { echo "changes nothing: $1"; return 1; }
        run python3 tests/support/walk_page.py "$page"
        [ "$status" -eq 1 ] && [[ "$output" == *"$2"* ]] || { echo "$1: $output"; return 1; }
    }
    wrong 's/`queue_claim()` asks/`queue_clame()` asks/' 'queue_clame() is not defined in queue/queue_claim.c'
    wrong 's/`call_move()`/`admit()`/' 'admit() is not defined in pipeline/call.c'
    wrong 's|^4. `pipeline/call.c`|4. `pipeline/cull.c`|' 'there is no pipeline/cull.c'
    wrong 's|^5. `pipeline/admit.c`|5. `pipeline/again.c`|' 'admit() is not defined'
    wrong '/^| `pipeline.legs.c`/d' 'legs_plan() of pipeline/legs.c, which the page does not tell of'
    wrong 's/| `base`, `host`,/| `base`, `host`, `mock`,/' 'mock is told of, and nothing of it is used'
    wrong '/^9\. /i 10. `pipeline/again.c`: more' '10 files, at most 9'
    cp -r src "$BATS_TEST_TMPDIR/src"
    yes '/* long */' | head -500 >>"$BATS_TEST_TMPDIR/src/pipeline/admit.c"
    run python3 tests/support/walk_page.py docs/walk.md docs/walk.txt "$BATS_TEST_TMPDIR/src"
    [ "$status" -eq 1 ] && [[ "$output" == *" lines, at most 2000" ]]
}

@test "the walk's picture is what its source makes, and its functions are where it says" {
    python3 scripts/walk-picture.py docs/walk.txt | diff - docs/walk.svg
    sed 's/settle_reply()/settle_nothing()/' docs/walk.txt >"$BATS_TEST_TMPDIR/p"
    run python3 tests/support/walk_page.py docs/walk.md "$BATS_TEST_TMPDIR/p"
    [ "$status" -eq 1 ] && [[ "$output" == *"settle_nothing() is not defined in pipeline/settle.c"* ]]
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
