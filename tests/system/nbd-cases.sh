# SPDX-License-Identifier: GPL-2.0-or-later
# Cases of the nbd back end alone.
# run-cases.sh runs them; lib.sh lists what a case can use.
# shellcheck shell=sh disable=SC2217,SC2317 # sleep needs no input; cases are called by name

case_the_driver_is_told_what_it_must_know() {
    device=$(attach 103 | device_of)
    sysfs=/sys/block/${device##*/}
    case $(cat "$sysfs/backend") in ploopu:????????????????) ;; *) fail 'backend identifier' ;; esac
    expect_equal "$(cat "$sysfs/ro")" 1 'read-only'
    expect_equal "$(cat "$sysfs/size")" $((20 * 2048 + 5)) 'sectors'
    expect_equal "$(cat "$sysfs/queue/logical_block_size")" 512
    expect_equal "$(cat "$sysfs/queue/io_timeout")" 4000 'milliseconds until a request is given up'
    ploopu detach 103
}

case_devices_of_others_are_left_alone() {
    truncate -s 1M "$WORK/raw"
    qemu-nbd -r -f raw -c /dev/nbd0 "$WORK/raw" >/dev/null 2>&1 &
    others=$!
    wait_for [ -e /sys/block/nbd0/pid ]
    device=$(attach 101 | device_of)
    expect_equal "$device" /dev/nbd1
    expect_refusal 66 'not attached or mounted by ploopu' ploopu detach /dev/nbd0
    ploopu detach --all
    expect_equal "$(blockdev --getsize64 /dev/nbd0)" 1048576
    qemu-nbd -d /dev/nbd0 >/dev/null
    wait $others || true
}

# The identifier of the device looks like ours, but there is no record of it: it may belong to a container with a /run
# of its own.
case_h72_a_device_that_seems_to_be_ours() {
    # shellcheck disable=SC2016 # for the inner shell
    unshare --mount sh -c 'mount -t tmpfs tmpfs /run && "$0" --root "$1" attach --backend nbd 103' \
        "$PLOOPU" "$FIXTURES/root" >"$WORK/theirs"
    theirs=$(device_of <"$WORK/theirs")
    grep -q ^ploopu: "/sys/block/${theirs#/dev/}/backend"
    expect_equal "$(list_field '.attachments | length')" 0
    expect_refusal 66 'not attached or mounted by ploopu' ploopu detach "$theirs"
    ours=$(attach 103 | device_of)
    [ "$ours" != "$theirs" ] || fail 'it was taken for ours'
    ploopu detach --all
    compare_with_raw "$theirs" "$FIXTURES/raw/103"
    nbd-client -d "$theirs" >/dev/null
    : <"$theirs"
    gone() { ! pgrep -x ploopu-nbd >/dev/null; }
    wait_for gone
}

# strace -f stays with the server, so it runs in the background.
case_a_driver_that_refuses_is_passed_over() {
    strace -qq -f -o /dev/null -e trace=sendmsg -e inject=sendmsg:error=ENOMEM:when=2 \
        "$PLOOPU" --root "$FIXTURES/root" attach 101 >"$WORK/out" 2>"$WORK/notes" &
    tracer=$!
    attached() { [ "$(list_field '.attachments | length')" = 1 ]; }
    wait_for attached
    expect_equal "$(list_field '.attachments[0].backend')" fuse
    grep -q 'nbd: .*: using fuse instead' "$WORK/notes" || fail "$(cat "$WORK/notes")"
    ploopu detach 101
    wait $tracer || true
}

case_the_demo() {
    "$SOURCES/tests/system/demo.sh" "$PLOOPU" >"$WORK/shown"
    grep -q '^/dev/nbd[0-9]* *nbd *serving 101' "$WORK/shown" || fail "$(cat "$WORK/shown")"
}

# The driver passes over a free device that a process has open.
case_r25_a_free_device_that_somebody_holds() {
    hold /dev/nbd0
    expect_equal "$(attach 101 | device_of)" /dev/nbd1
    compare_with_raw /dev/nbd1 "$FIXTURES/raw/101"
    ploopu detach 101
    let_go
    expect_equal "$(attach 101 | device_of)" /dev/nbd0
    ploopu detach 101
}

# detach holds its exclusive claim until the driver has answered. Otherwise the mount succeeds in between.
case_r22_a_mount_while_the_driver_is_told_to_let_go() {
    mkdir "$WORK/m"
    device=$(attach 103 | device_of)
    strace -qq -o "$WORK/trace" -e trace=sendmsg -e inject=sendmsg:delay_enter=1500000:when=2 \
        "$PLOOPU" --root "$FIXTURES/root" detach 103 &
    detach=$!
    # The first message asks for the number of the netlink family. The second one, which disconnects, is delayed.
    wait_for grep -qs sendmsg "$WORK/trace"
    if mount -o ro,noload "$device" "$WORK/m" 2>"$WORK/said"; then fail 'it was mounted'; fi
    grep -q busy "$WORK/said" || fail "$(cat "$WORK/said")"
    wait $detach
    expect_equal "$(list_field '.attachments | length')" 0
}

case_r21_swap_on_a_device() {
    device=$(attach --overlay --overlay-dir "$WORK" 103 | device_of)
    mkswap "$device" >/dev/null 2>&1
    swapon "$device"
    expect_refusal 75 "used as swap: $device" ploopu detach 103
    swapoff "$device"
    ploopu -q detach 103
}
