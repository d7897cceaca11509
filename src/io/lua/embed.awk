# SPDX-License-Identifier: MIT
# Turns each *.lua into "static const char lua_<name>[]", without comment lines and indentation.
# C promises no longer string literals than 4095 bytes, so a longer script is refused.
function finish() {
    if (name == "") return
    print "    ;"
    if (size > 4095) { print FILENAME ": script over 4095 bytes" > "/dev/stderr"; failed = 1 }
}
FNR == 1 {
    finish()
    name = FILENAME
    sub(/.*\//, "", name); sub(/\.lua$/, "", name)
    print "static const char lua_" name "[] ="
    size = 0
}
{
    sub(/^[ \t]+/, ""); sub(/[ \t]+$/, "")
    if ($0 == "" || /^--/) next
    size += length($0) + 1
    gsub(/\\/, "\\\\"); gsub(/"/, "\\\"")
    print "    \"" $0 "\\n\""
}
END { finish(); exit failed }
