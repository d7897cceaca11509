#!/bin/sh
# SPDX-License-Identifier: MIT
# How large functions, files and folders of src/ are, and how many functions have a name that another one has: prints the
# figures, and fails where one is beyond its bound and its line is among the CHECKs.
# Usage: sizes.sh [functions|files|folders|names]…; -v before them names what is largest, and each name that repeats
verbose=0
[ "${1:-}" != -v ] || { verbose=1; shift; }
find src -name '*.[ch]' | sort | xargs awk -v checks=" $* " -v verbose=$verbose '
    # A body has its braces at the margin, each alone: clang-format sees to that.
    FNR == 1 { open = 0; files++; folder = FILENAME; sub("/[^/]*$", "", folder); in_folder[folder]++ }
    { in_file[FILENAME] = FNR }
    /^[a-z_A-Z].*\(/ && !/;$/ { first = FNR; name = $0; sub(/^__attribute__\(\(.*\)\) /, "", name); sub(/\(.*/, "", name); sub(/.*[ *]/, "", name) }
    /^\{$/ { open = 1 }
    /^\}$/ && open { n++; lines = FNR - first + 1; of_lines[lines]++; have[name]++; where[name] = where[name] " " FILENAME; open = 0
                     if (lines > most) { most = lines; longest = name } }

    function quantile(part,    lines, sum) { for (lines = 0; sum <= n * part && lines < most; ) sum += of_lines[++lines]; return lines }
    function bound(check, holds, text) {
        printf "%-10s %s\n", check, text
        if (!holds && index(checks, " " check " ")) { print check ": beyond the bound" > "/dev/stderr"; failed = 1 }
    }
    END {
        median = quantile(0.5); ninety = quantile(0.9)
        bound("functions", median <= 10 && ninety <= 20 && most <= 60, \
            n " functions; lines: median " median " (10 at most), nine in ten up to " ninety " (20), longest " most " (60)" (verbose ? ": " longest : ""))
        for (f in in_file) if (in_file[f] > largest) { largest = in_file[f]; file = f }
        bound("files", largest <= 500, files " files; the largest has " largest " lines (500)" (verbose ? ": " file : ""))
        for (f in in_folder) if (f !~ /^src\/mock/ && in_folder[f] > fullest) { fullest = in_folder[f]; folder = f }
        bound("folders", fullest <= 35, "besides the stand-in, the fullest has " fullest " files (35)" (verbose ? ": " folder : ""))
        for (f in have) if (have[f] > 1 && f != "main") { again += have[f]; if (verbose) print f ":" where[f] | "sort" }
        close("sort")
        bound("names", again < n / 20, sprintf("%d of %d functions have a name that another has: %.1f %% (5)", again, n, 100 * again / n))
        exit failed
    }'
