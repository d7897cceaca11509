#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# docs/failures.md against the tests: what its table names exists.
load helper

setup() {
    clean_env
    page=docs/failures.md
}

# The table's rows, without head and outer bars.
rows() { sed -n '/^|---/,/^$/p' "$1" | sed -nE 's/^\| (.*) \|$/\1/p'; }

# A function of a Python file that is a scenario.
has_scenario() {
    awk -v name="$2" '/^@scenario/ { run = 1 } /^$/ { run = 0 } index($0, "def " name "(") == 1 && run { found = 1 }
        END { exit !found }' "$1"
}

# exists FILE: NAME, or a program that is one test
exists() {
    local file=${1%%: *} name=${1#*: }
    case $1 in
    tests/chaos:\ *) has_scenario tests/chaos/scenarios.py "$name" ;;
    tests/fault:\ *) grep -q "^def $name(" tests/fault/run.py && sed -n '/^def main/,$p' tests/fault/run.py | grep -q "\b$name(" ;;
    tests/e2e/*.py:\ *) has_scenario "$file" "$name" && grep -q "\"$(basename "$file" .py)\"" tests/e2e/run.py ;;
    tests/unit/*.c:\ * | tests/component/*.c:\ *) grep -qE "\b(cmocka_unit_test[a-z_]*|T)\(${name}[,)]" "$file" ;;
    tests/cli/*.bats:\ \"*\") grep -qF "@test $name {" "$file" ;;
    tests/*.py) [ -f "$1" ] ;;
    *) return 1 ;;
    esac
}

# check PAGE: says what is wrong
check() {
    local row cell ref wrong=0 n=0
    while read -r row; do
        n=$((n + 1))
        cell=${row##* | }
        grep -qE '^([^|]*[^ |] \| ){3}[^|]*$' <<<"$row" || { echo "not four cells: $row"; wrong=1; }
        grep -qE '^`tests/[^`]+`(, `tests/[^`]+`)*$' <<<"$cell" || { echo "no list of tests: $cell"; wrong=1; }
        while read -r ref; do
            exists "$ref" 2>/dev/null || { echo "there is no test $ref"; wrong=1; }
        done < <(grep -oE '`tests/[^`]+`' <<<"$cell" | tr -d '`')
    done < <(rows "$1")
    [ "$n" -ge 30 ] || { echo "only $n rows"; wrong=1; }
    return $wrong
}

@test "every failure has its tests, and they exist" {
    call check $page
    [ "$status" -eq 0 ] || { echo "$out" >&2; return 1; }
    [ "$(rows $page | wc -l)" -eq "$(grep -c '^| [A-Z`]' $page)" ]
}

@test "no failure stands there twice" {
    [ -z "$(rows $page | sed 's/ | .*//' | sort | uniq -d)" ]
}

@test "the check finds what is misnamed, missing, or no test" {
    local bad=$BATS_TEST_TMPDIR/page.md
    sed 's/\(chaos: redis_half\)_open/\1_closed/; s/\(outages.py: redis_full\)/\1er/; s/c: old_server/c: on_wait/
        s/\(fault: poison\)/\1ed/; s/bats: "drop: counted"/bats: "drop"/; s/admin.py: readyz_follows_redis/admin.py: health/
        s,tests/chaos/soak.py,tests/chaos/soap.py,; s/test_config.c:/test_configs.c:/' $page >"$bad"
    call check "$bad"
    [ "$status" -eq 1 ]
    for name in 'chaos: redis_half_closed' 'e2e/outages.py: redis_fuller' 'component/test_queue.c: on_wait' 'fault: poisoned' \
        'cli/dead.bats: "drop"' 'e2e/admin.py: health' 'chaos/soap.py' 'unit/test_configs.c: test_refused_environment'; do
        [[ $out == *"there is no test tests/$name"* ]] || { echo "not found: $name" >&2; return 1; }
    done
    sed 's/^\(| Redis evicts.* | \)`tests.*/\1none |/; s/^| It says ready while [^|]*|/|/' $page >"$bad"
    call check "$bad"
    [[ $out == *'no list of tests: none'* && $out == *'not four cells: '* ]]
    sed '38,$d' $page >"$bad"
    call check "$bad"
    [ "$status" -eq 1 ]
    [ "$out" = 'only 29 rows' ]
}
