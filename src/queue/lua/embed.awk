# SPDX-License-Identifier: MIT
# Turns each *.lua into "static const char lua_<name>[]", without comment lines and indentation. A line "--#include NAME"
# stands for part/NAME.lua.
# Character by character, because C promises no string literals of more than 4095 bytes.
function finish() { if (name != "") print "    0};" }
function embed(line,    out, i, c) {
    sub(/^[ \t]+/, "", line); sub(/[ \t]+$/, "", line)
    if (line == "" || line ~ /^--/) return
    out = ""
    for (i = 1; i <= length(line); i++) {
        c = substr(line, i, 1)
        out = out "'" (c == "\\" || c == "'" ? "\\" : "") c "',"
    }
    print "    " out "'\\n',"
}
function include(part,    line, lines) {
    sub(/[^\/]*$/, "part/" part ".lua", folder)
    while ((getline line < folder) > 0) { embed(line); lines++ }
    close(folder)
    if (!lines) { print "nothing to include: " folder > "/dev/stderr"; failed = 1; exit 1 }
}
FNR == 1 {
    finish()
    name = FILENAME
    sub(/.*\//, "", name); sub(/\.lua$/, "", name)
    print "static const char lua_" name "[] = {"
}
/^--#include / { folder = FILENAME; include($2); next }
{ embed($0) }
END { if (failed) exit 1; finish() }
