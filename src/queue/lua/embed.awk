# SPDX-License-Identifier: MIT
# Makes C of the Lua scripts. -v want=names: an enum of the scripts, and of what each says by name; -v want=sources: their
# texts, without comment lines and indentation, and their shapes. A line "--#include NAME" stands for part/NAME.lua.
#
# A script's head names what it takes and answers, and code says these names; C has them as CLAIM_ARGV_LEASE_MS and so on:
#   -- KEYS: ready due, parked … (those after a comma come again and again; what stands in brackets is a remark)
#   -- ARGV: n lease_ms, id fence …
#   -- REPLY: now taken          any other word in capitals: places in a table of that kind
#   -- TAKEN.HELD = -1           a value
# KEYS.due becomes KEYS[2], KEYS.parked[i] KEYS[2 + i], #KEYS.parked (#KEYS - 2), ARGV.fence[i] ARGV[2 + 2 * i],
# REPLY.taken 2, #REPLY 2, TAKEN.HELD -1. A key has the name that it has in enum queue_key.
function fail(text) {
    print FILENAME ":" FNR ": " text > "/dev/stderr"
    failed = 1
    exit 1
}

# --- heads ---

function declare(record, list,    i, n, word, more) {
    gsub(/\([^)]*\)|…/, "", list)
    sub(/,/, " , ", list)
    if (!(record in fixed)) {
        records[++nrecords] = record
        fixed[record] = width[record] = 0
    }
    n = split(list, word, " ")
    more = width[record]
    for (i = 1; i <= n; i++) {
        if (word[i] == ",") {
            more = 1
            continue
        }
        if ((record, word[i]) in place) fail(record "." word[i] " twice")
        names[++nnames] = record SUBSEP word[i]
        place[record, word[i]] = more ? width[record]++ : fixed[record]++
        again[record, word[i]] = more
    }
}

function constant(line,    dot, eq, record, word) {
    dot = index(line, "."); eq = index(line, " = ")
    record = substr(line, 1, dot - 1)
    word = substr(line, dot + 1, eq - dot - 1)
    line = substr(line, eq + 3)
    sub(/:? .*/, "", line)
    value[record, word] = line
    constants[++nconstants] = record SUBSEP word
}

# --- code ---

function at(record, word, i,    base) {
    if (!again[record, word]) return place[record, word] + 1
    base = fixed[record] + place[record, word] + 1 - width[record]
    if (i ~ /^[0-9]+$/) return base + width[record] * i
    if (i !~ /^[a-z_]+$/) i = "(" i ")"
    if (width[record] > 1) i = width[record] " * " i
    return base == 0 ? i : base < 0 ? i " - " (-base) : base " + " i
}

function count(record, array) {
    if (!array) return fixed[record]
    if (fixed[record] == 0) array = "#" record
    else array = "(#" record " - " fixed[record] ")"
    return width[record] > 1 ? array " / " width[record] : array
}

function resolve(token,    hash, dot, open, record, word, i, array, text) {
    hash = sub(/^#/, "", token)
    dot = index(token, ".")
    if (!dot) return !hash ? token : token in fixed && token !~ /^(KEYS|ARGV)$/ ? count(token, 0) : "#" token
    record = substr(token, 1, dot - 1)
    word = substr(token, dot + 1)
    if ((open = index(word, "["))) {
        i = substr(word, open + 1, length(word) - open - 1)
        word = substr(word, 1, open - 1)
    }
    if ((record, word) in value) return value[record, word]
    if (!((record, word) in place)) fail(record "." word " is not named at the head")
    if (hash && !again[record, word] || !hash && again[record, word] != (open > 0)) fail(token " is not one of many, or is")
    used[record, word] = 1
    array = record == "KEYS" || record == "ARGV"
    if (hash) return count(record, array)
    text = at(record, word, i)
    return array ? record "[" text "]" : text ~ / / ? "(" text ")" : text
}

function replace(line,    out, token, before) {
    out = ""
    while (match(line, /#?[A-Z][A-Z_]*([.][A-Za-z_0-9]+(\[[^][]*\])?)?/)) {
        before = substr(line, RSTART - 1, RSTART > 1)
        token = substr(line, RSTART, RLENGTH)
        out = out substr(line, 1, RSTART - 1) (before ~ /[A-Za-z0-9_]/ ? token : resolve(token))
        line = substr(line, RSTART + RLENGTH)
    }
    return out line
}

# Character by character, because C promises no string literals of more than 4095 bytes.
function embed(line,    out, i, c) {
    sub(/^[ \t]+/, "", line); sub(/[ \t]+$/, "", line)
    if (line == "" || line ~ /^--/) return
    line = replace(line)
    if (want != "sources") return
    out = ""
    for (i = 1; i <= length(line); i++) {
        c = substr(line, i, 1)
        out = out "'" (c == "\\" || c == "'" ? "\\" : "") c "',"
    }
    print "    " out "'\\n',"
}

function include(part,    folder, line, lines) {
    folder = FILENAME
    sub(/[^\/]*$/, "part/" part ".lua", folder)
    while ((getline line < folder) > 0) { embed(line); lines++ }
    close(folder)
    if (!lines) fail("nothing to include: " folder)
}

# --- what C is given ---

function print_names(    i, part, script) {
    script = toupper(name)
    print "enum {"
    for (i = 1; i <= nnames; i++) {
        split(names[i], part, SUBSEP)
        if (part[1] != "KEYS")
            print "    " script "_" part[1] "_" toupper(part[2]) " = " place[names[i]] + (again[names[i]] ? fixed[part[1]] : 0) ","
    }
    for (i = 1; i <= nrecords; i++)
        if (records[i] != "KEYS") print "    " script "_" records[i] "_FIXED = " fixed[records[i]] ", " script "_" records[i] "_WIDTH = " width[records[i]] ","
    for (i = 1; i <= nconstants; i++) {
        split(constants[i], part, SUBSEP)
        print "    " script "_" part[1] "_" part[2] " = " value[constants[i]] ","
    }
    print "};"
}

function note_shape(    i, part, keys, n) {
    for (i = 1; i <= nnames; i++) {
        split(names[i], part, SUBSEP)
        if (part[1] != "KEYS" || again[names[i]]) continue
        keys = keys (n++ ? ", " : "") "QUEUE_KEY_" toupper(part[2])
    }
    shapes = shapes sprintf("    [SCRIPT_%s] = {.keys = {%s}, .nkeys = %d, .more_keys = %d, .nargs = %d, .width = %d},\n",
        toupper(name), keys == "" ? 0 : keys, n, width["KEYS"], fixed["ARGV"], width["ARGV"])
    table = table sprintf("    [SCRIPT_%s] = {.name = \"%s\", .source = lua_%s},\n", toupper(name), name, name)
    all = all "    SCRIPT_" toupper(name) ",\n"
}

function finish(    i) {
    if (name == "") return
    for (i = 1; i <= nnames; i++)
        if (names[i] ~ /^(KEYS|ARGV)/ && !(names[i] in used)) {
            sub(SUBSEP, ".", names[i])
            fail(name ".lua does not use its " names[i])
        }
    if (want == "sources") print "    0};"
    else print_names()
    note_shape()
}

FNR == 1 {
    finish()
    name = FILENAME
    sub(/.*\//, "", name); sub(/\.lua$/, "", name)
    nrecords = nnames = nconstants = 0
    split("", fixed); split("", width); split("", place); split("", again); split("", value); split("", used)
    declare("KEYS", ""); declare("ARGV", "")
    if (want == "sources") print "static const char lua_" name "[] = {"
}
/^--#include / { include($2); next }
/^-- [A-Z]+: / { word = $2; sub(/:$/, "", word); sub(/^-- [A-Z]+: /, ""); declare(word, $0); next }
/^-- [A-Z]+\.[A-Z_]+ = / { sub(/^-- /, ""); constant($0); next }
{ embed($0) }
END {
    if (failed) exit 1
    finish()
    if (want == "names")
        print "enum script {\n" all "    SCRIPTS_N,\n};"
    else {
        print "static struct redis_script table[SCRIPTS_N] = {\n" table "};"
        print "static const struct script_shape shapes[SCRIPTS_N] = {\n" shapes "};"
    }
}
