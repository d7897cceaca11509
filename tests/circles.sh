#!/bin/sh
# SPDX-License-Identifier: MIT
# Rejects modules that call each other in a circle, read from their objects. What the C library is asked for is no module's,
# though base/oom stands in for its allocation.
# Usage: circles.sh BUILD OBJECT…
build=$1
shift
nm -A -g "$@" | sed "s|^$build/||" | awk '
    { split($0, part, ":"); file = part[1]; n = split($0, word, " "); name = word[n] }
    name ~ /^(malloc|calloc|realloc|posix_memalign)$/ { next }
    word[n - 1] == "U" { used[++uses] = name; by[uses] = file; next }
    { where[file ~ /^mock\//, name] = file }
    END {
        for (i = 1; i <= uses; i++) {
            f = where[by[i] ~ /^mock\//, used[i]]
            if (f == "") f = where[0, used[i]]
            if (f != "" && f != by[i]) print by[i], f
        }
    }' | tsort 2>&1 >/dev/null | sed 's/^tsort: -: input contains a loop:/modules that call each other in a circle:/; s/^tsort: /  /' |
    { ! grep .; }
