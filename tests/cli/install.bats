#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What `make install` puts in place; systemd's own checks where systemd-analyze is there.
load helper

units() {
    make -s -C "$BATS_TEST_DIRNAME/../.." install DESTDIR="$BATS_TEST_TMPDIR" PREFIX=/usr >/dev/null
    dir=$BATS_TEST_TMPDIR/usr/lib/systemd/system
}

@test "binary, configuration, user and both units" {
    units
    [ -x "$BATS_TEST_TMPDIR/usr/bin/pushbridge" ]
    [ "$(stat -c %a "$BATS_TEST_TMPDIR/etc/pushbridge/pushbridge.conf")" = 640 ]
    grep -q '^u pushbridge' "$BATS_TEST_TMPDIR/usr/lib/sysusers.d/pushbridge.conf"
    grep -qx 'ExecStart=/usr/bin/pushbridge run -c /etc/pushbridge/pushbridge.conf' "$dir/pushbridge.service"
    [ "$(grep -c ADMIN_LISTEN "$dir/pushbridge.service")" = 0 ]
    grep -qx 'Environment=PUSHBRIDGE_ADMIN_LISTEN=127.0.0.1:%i' "$dir/pushbridge@.service"
}

@test "an edited configuration is kept" {
    units
    echo '# mine' >"$BATS_TEST_TMPDIR/etc/pushbridge/pushbridge.conf"
    units
    [ "$(cat "$BATS_TEST_TMPDIR/etc/pushbridge/pushbridge.conf")" = '# mine' ]
}

@test "systemd finds nothing wrong, and little exposed" {
    command -v systemd-analyze >/dev/null || skip "no systemd-analyze"
    units
    # verify wants the program to be where the unit says
    sed -i "s|/usr/bin/|$BATS_TEST_TMPDIR/usr/bin/|" "$dir"/pushbridge*.service
    for unit in pushbridge.service pushbridge@9465.service; do
        run systemd-analyze verify --man=no --recursive-errors=one "$dir/$unit"
        echo "$output"
        [ "$status" -eq 0 ]
        [ "$(grep -ci pushbridge <<<"$output")" = 0 ]
    done
    run systemd-analyze security --offline=true --threshold=20 "$dir/pushbridge.service"
    echo "$output" | tail -n 3
    [ "$status" -eq 0 ]
}
