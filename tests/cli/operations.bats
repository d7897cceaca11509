#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# docs/operations.md and conf/alerts.yml against the code and the other pages: what they name exists, and
# no log event of the worker is left out.
load helper

setup() {
    clean_env
    page=docs/operations.md
}

# Prints "LEVEL EVENT" of each call of a log macro of the worker; "- EVENT" where it is chosen at run time.
# Comments in log.h show a line's form with "event=…", which is no name.
source_events() {
    find src -name '*.c' ! -path 'src/mock/*' -exec cat {} + | tr '\n' ' ' |
        grep -oE '(log_(error|warn|info|debug)\( *|log_at\([^"]*)?"event=[a-z_]+' |
        sed -E 's/^log_(error|warn|info|debug)\( *"event=/\1 /; s/^(log_at\([^"]*)?"event=/- /' | sort -u
}

# The page's rows "| `EVENT` | LEVELS | …", as "LEVELS EVENT".
page_events() {
    sed -n '/^## Log events/,/^## /p' $page | sed -nE 's/^\| `([a-z_]+)` \| ([a-z, ]+) \|.*/\2:\1/p'
}

@test "every log event of the worker has its row, and every row its event" {
    source_events | cut -d' ' -f2 | sort -u >"$BATS_TEST_TMPDIR/source"
    page_events | cut -d: -f2 | sort >"$BATS_TEST_TMPDIR/page"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/source")" -gt 30 ]
    diff -u "$BATS_TEST_TMPDIR/source" "$BATS_TEST_TMPDIR/page"
}

@test "every log line spells its event out" {
    [ "$(find src -name '*.c' ! -path 'src/mock/*' -exec cat {} + | grep -c '"event=%')" = 0 ]
}

@test "the levels are those of the code" {
    local level event
    while read -r level event; do
        [ "$level" = - ] || page_events | grep -qE "\\b$level\\b.*:$event\$" ||
            { echo "$event is written at $level" >&2; return 1; }
    done < <(source_events)
}

@test "every metric that the page or the alerts name is in docs/admin.md, and the page links to it" {
    local name
    grep -qF '(admin.md#metrics)' $page
    while read -r name; do
        name=${name%_bucket}
        grep -qF "| \`$name\` |" docs/admin.md || { echo "no metric $name" >&2; return 1; }
    done < <(grep -ohE '\b(pushbridge_[a-z_]*[a-z]|process_[a-z_]*[a-z])\b' $page conf/alerts.yml | sort -u)
}

@test "every option that the page names is in docs/options.md" {
    local name
    while read -r name; do
        grep -qF "| \`$name\` |" docs/options.md || { echo "no option $name" >&2; return 1; }
    done < <(grep -oE '`(redis|queue|retry|aliyun|plan|limits?|circuit|reply|worker|admin|log)\.[a-z_]+' $page |
        tr -d '`' | sort -u)
}

@test "every alert is explained on the page" {
    local name
    while read -r name; do
        grep -qF "\`$name\`" $page || { echo "$name is not explained" >&2; return 1; }
    done < <(sed -nE 's/^ *- alert: //p' conf/alerts.yml)
}

@test "promtool finds nothing wrong with the alerts" {
    promtool check rules conf/alerts.yml
}
