#!/bin/sh
# Runs fuzz targets one after the other for FUZZ_S seconds each; one line of figures for each.
#   run.sh BUILD-FOLDER TARGET…
# It begins with the corpus, with what earlier runs learnt, and with large inputs (seeds.py; for jobs those that WORK makes too).
# What a run learns stays in BUILD-FOLDER/learnt/TARGET, a failing input in BUILD-FOLDER/TARGET-crash-….
dir=$1
shift
failed=0
printf '%-12s %8s %12s %8s %8s  %s\n' target seconds executions edges inputs result
for t in "$@"; do
    learnt=$dir/learnt/$t log=$dir/$t.log
    rm -rf "$dir/seeds/$t"
    mkdir -p "$learnt"
    python3 tests/fuzz/seeds.py "$t" "$dir/seeds/$t" || exit 1
    [ "$t" = job ] && for kind in $("$WORK" kinds); do "$WORK" job "$kind" 48000 >"$dir/seeds/$t/$kind"; done
    dict=tests/fuzz/dict/$t.dict
    set -- -max_total_time="$FUZZ_S" -max_len=65536 -timeout=20 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$dir/$t-"
    [ -e "$dict" ] && set -- "$@" -dict="$dict"
    start=$(date +%s)
    rc=$( { { UBSAN_OPTIONS=print_stacktrace=1 LSAN_OPTIONS=print_suppressions=0 \
                  "$dir/fuzz_$t" "$@" "$learnt" "tests/fuzz/corpus/$t" "$dir/seeds/$t" 2>&1
              echo $? >&3; } | grep -av '^ts=' >"$log"; } 3>&1) # without the log lines of what is tested
    result=ok
    [ "$rc" = 0 ] || { result="FAILED, see $log"; failed=1; }
    printf '%-12s %8s %12s %8s %8s  %s\n' "$t" $(($(date +%s) - start)) \
        "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
        "$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)" \
        "$(sed -n 's/.* corp: \([0-9]*\)\/.*/\1/p' "$log" | tail -n 1)" "$result"
done
exit $failed
