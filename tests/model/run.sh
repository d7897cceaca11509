#!/bin/sh
# SPDX-License-Identifier: MIT
# Verifies the queue's model: each search is exhaustive and finds nothing, and each mistake that
# can be switched on is found. FAULTS=255: three jobs with any number of faults.
set -eu
models=$(pwd)/tests/model
out=$(pwd)/build/model

# search NAME SPIN-FLAG…: leaves what pan said in build/model/NAME/log. NEIGHBOURS is the other model.
search() {
    name=$1
    shift
    mkdir -p "$out/$name"
    cd "$out/$name"
    rm -f log ./*.trail
    case " $* " in
    *" -DNEIGHBOURS "*) model=$models/apps.pml ;;
    *) model=$models/queue.pml ;;
    esac
    case " $* " in
    *" -DLIVE "*) kind=-DNOFAIR accept=-a ;;
    *) kind=-DSAFETY accept= ;;
    esac
    # A mistake is found long before optimising would pay.
    case " $* " in
    *" -D$name "*) level=-O0 ;;
    *) level=-O2 ;;
    esac
    spin "$@" -a "$model" >spin.log || fail "spin refuses the model" spin.log
    # Scripts touch what everybody sees: there is nothing for partial order reduction to leave out.
    "${CC:-cc}" "$level" -w -DNOREDUCE -DMEMLIM=4000 "$kind" -o pan pan.c
    ./pan $accept -m500000 -w24 >log 2>&1 || true
}
fail() {
    echo "model: $name: $1" >&2
    cat "$2" >&2
    exit 1
}

# holds NAME TITLE SPIN-FLAG…
holds() {
    title=$2
    name=$1
    shift 2
    search "$name" "$@"
    grep -q 'errors: 0$' log || fail "violated" log
    grep -q '^Full statespace search' log || fail "not a full search" log
    ! grep -Eqi 'search not completed|depth too small|out of memory|memory limit' log ||
        fail "the search was cut short" log
    awk -v title="$title" '
        /states, stored/ { n = $1 } /total actual memory/ { mb = $1 } /elapsed time/ { s = $4 }
        END { printf "holds  %-52s %9d states %5d MB %5.1f s\n", title, n, mb, s }' log
}

# found MISTAKE TITLE SPIN-FLAG…
found() {
    title=$2
    name=$1
    shift 2
    search "$name" "-D$name" "$@"
    how=$(sed -n 's/^pan:1: \(assertion violated .*\|acceptance cycle\) (at depth.*/\1/p' log)
    test -n "$how" || fail "this mistake is not found" log
    printf 'found  %-52s %s\n' "$title" "$how"
}

holds jobs2 '2 jobs, any number of faults' -DJOBS=2
holds jobs3 "3 jobs, ${FAULTS:-2} faults, any number of stops" -DJOBS=3 "-DFAULTS=${FAULTS:-2}"
holds counts1 '1 job, counters and inboxes, any number of faults' -DJOBS=1 -DCOUNTS
holds counts2 '2 jobs, counters and inboxes, any number of stops' -DJOBS=2 -DCOUNTS -DFAULTS=0
holds live1 'ends: 1 job, counters, after any number of faults' -DLIVE -DJOBS=1 -DCOUNTS
holds live2 'ends: 2 jobs, after a fault' -DLIVE -DJOBS=2 -DFAULTS=1
holds apps 'apps: probes, parked lists, turns' -DNEIGHBOURS

found NO_FENCE 'finish and extend without the fence' -DJOBS=2
found NO_SAFE 'a call without a look at safe_until' -DJOBS=2
found NO_RUNID 'reap right after a restart' -DJOBS=2
found NO_MARK 'a second grouping replaces the first' -DJOBS=3 -DFAULTS=1
found PIECEMEAL 'the members of an answered call end in pieces' -DJOBS=3 -DFAULTS=1
found SPLIT_RETRY 'the members of a call wait singly' -DJOBS=3 -DFAULTS=1
found SPLIT_OPEN 'a call that may be out is split' -DJOBS=2
found HALVE_CALL 'a batch is halved within a call' -DJOBS=2
found NO_SETTLE 'an unanswered call is repeated at once' -DJOBS=2
found LATE_CLOCK 'safe_until counts from the answer' -DJOBS=2
found AUDIT_NOW 'audit lets a lease end at once' -DJOBS=2
found AUDIT_WAITING_NOW 'audit lets a retry begin at once' -DJOBS=2
found NO_AUDIT 'nobody audits' -DLIVE -DJOBS=1
found SAME_PROBE 'apps: nobody remembers whose probe failed' -DNEIGHBOURS
found PROBE_INSTEAD 'apps: a due probe keeps others parked' -DNEIGHBOURS
found FULL_STOPS 'apps: a full parked list stops ready jobs' -DNEIGHBOURS
found NO_SWEEP 'apps: deadlines of parked jobs are not looked at' -DNEIGHBOURS
