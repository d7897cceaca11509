#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
load helper

# An admin endpoint: /livez is well, everything else is not; "mute" accepts and says nothing; so
# does "stopped", which has the socket of `health`, too.
serve() {
    mkfifo "$BATS_TEST_TMPDIR/port"
    python3 - "$1" "$BATS_TEST_TMPDIR/port" 3>&- <<'PY' &
import socket, sys
s = socket.create_server(("127.0.0.1", 0))
if sys.argv[1] == "stopped":
    own = socket.socket(socket.AF_UNIX)
    own.bind("\0pushbridge/admin/127.0.0.1:%d" % s.getsockname()[1])
    own.listen()
with open(sys.argv[2], "w") as f:
    print(s.getsockname()[1], file=f)
kept = []
while True:
    c, _ = s.accept()
    if sys.argv[1] != "speak":
        kept.append(c)
        continue
    well = c.recv(4096).startswith(b"GET /livez ")
    c.sendall(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % (b"200 OK" if well else b"503 Not well"))
    c.close()
PY
    server=$!
    read -r port <"$BATS_TEST_TMPDIR/port"
    export PUSHBRIDGE_ADMIN_LISTEN=127.0.0.1:$port
}

setup() { clean_env; }
teardown() { [ -z "${server:-}" ] || kill "$server"; }

@test "well is 0; needs no credentials" {
    serve speak
    call "$PB" health
    expect 0
    [ -z "$out$err" ]
}

@test "an address that means everywhere is asked on loopback" {
    serve speak
    PUSHBRIDGE_ADMIN_LISTEN=0.0.0.0:$port call "$PB" health
    expect 0
}

@test "--ready asks /readyz" {
    serve speak
    call "$PB" health --ready
    expect 1 '/readyz at 127.0.0.1:'
}

@test "nobody there is 1" {
    serve speak
    kill "$server"; wait "$server" || true; server=
    call "$PB" health
    expect 1 'nothing answers'
}

@test "one who says nothing is 1, and not waited for without end" {
    serve mute
    call timeout 100 "$PB" health
    expect 1
}

@test "so of a worker that stands still, which is there" {
    serve stopped
    call timeout 100 "$PB" health
    expect 1 'says nothing in time'
}

@test "an endpoint that is off is 1" {
    PUSHBRIDGE_ADMIN_LISTEN=off call "$PB" health
    expect 1 'admin.listen is "off"'
}
