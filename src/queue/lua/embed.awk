# SPDX-License-Identifier: MIT
# Turns each *.lua into "static const char lua_<name>[]", without comment lines and indentation.
# Character by character, because C promises no string literals of more than 4095 bytes.
function finish() { if (name != "") print "    0};" }
FNR == 1 {
    finish()
    name = FILENAME
    sub(/.*\//, "", name); sub(/\.lua$/, "", name)
    print "static const char lua_" name "[] = {"
}
{
    sub(/^[ \t]+/, ""); sub(/[ \t]+$/, "")
    if ($0 == "" || /^--/) next
    line = ""
    for (i = 1; i <= length($0); i++) {
        c = substr($0, i, 1)
        line = line "'" (c == "\\" || c == "'" ? "\\" : "") c "',"
    }
    print "    " line "'\\n',"
}
END { finish() }
