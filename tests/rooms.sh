#!/bin/sh
# SPDX-License-Identifier: MIT
# Rejects an include, and a call or other use of a symbol, that the rooms do not allow. Includes are read from src/, symbols
# from the objects: a call may stand behind a declaration of one's own.
# Usage: rooms.sh ROOMS BUILD OBJECT…
rooms=$1 build=$2
shift 2
{
    find src -name '*.[ch]' -exec grep -H '^#include "' {} + | sed 's|^src/\([a-z]*\)/\([^:]*\):#include "\([a-z]*\)/\([^"]*\)".*|include \1 \3 \1/\2 \3/\4|; t; d'
    nm -A -g "$@" | sed "s|^$build/||" | awk '
        { split($0, part, ":"); file = part[1]; n = split($0, word, " "); name = word[n]; kind = word[n - 1]
          room = file; sub("/.*", "", room) }
        kind == "U" { used[++uses] = name; by[uses] = file; from[uses] = room; next }
        { mock = room == "mock"; where[mock, name] = file }
        END {
            for (i = 1; i <= uses; i++) {
                f = where[from[i] == "mock", used[i]]
                if (f == "") f = where[0, used[i]]
                if (f == "") continue
                to = f; sub("/.*", "", to)
                print "symbol", from[i], to, by[i], f " (" used[i] ")"
            }
        }'
} | awk -v rooms="$rooms" '
    BEGIN {
        while ((getline line < rooms) > 0) {
            if (line !~ /^[a-z]+:/) continue
            n = split(line, word, /[: ]+/)
            known[word[1]] = 1
            for (i = 1; i <= n; i++) may[word[1], word[i]] = 1
        }
    }
    !($2 in known) { print "not a room in " rooms ": src/" $2; failed = 1 }
    $2 != $3 && !(($2, $3) in may) { print $1 " that the rooms do not allow: " $4 " -> " $5 " " $6; failed = 1 }
    { seen++ }
    END { if (!seen) { print "nothing was read"; failed = 1 } exit failed }'
