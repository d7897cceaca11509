# Rejects an include of a module that stands after the including one in MODULES; the mock may
# include only the foundation and itself.
BEGIN {
    n = split(modules, list, " ")
    for (i = 1; i <= n; i++) rank[list[i]] = i
}
function module(path) { sub(/^src\//, "", path); sub(/\.[ch]$/, "", path); return path }
/^#include "/ {
    split($0, part, "\"")
    to = module(part[2]); from = module(FILENAME)
    if (from ~ /^mock\//) { if (to !~ /^(base|mock)\//) bad(from, to); next }
    if (from ~ /^cli\//) next
    if (to ~ /^(cli|mock)\//) { bad(from, to); next }
    if (to in rank && !(from in rank)) { print FILENAME ": module is not in MODULES"; failed = 1 }
    else if (to in rank && rank[to] > rank[from]) bad(from, to)
}
function bad(from, to) { print "upward include: " from " -> " to; failed = 1 }
END { exit failed }
