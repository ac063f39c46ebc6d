#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Cases of the nbd back end alone; see cases.sh.
# shellcheck disable=SC2317 # cases are called by name
set -eu

if [ $# -eq 0 ]; then
    sed -n 's/^case_\([a-z0-9_]*\)() .*/\1/p' "$0"
    exit 0
fi
. "$(dirname "$0")/lib.sh"

case_the_driver_is_told_what_it_must_know() {
    device=$(attach 103 | device_of)
    sysfs=/sys/block/${device##*/}
    case $(cat "$sysfs/backend") in ploopu:????????????????) ;; *) fail 'backend identifier' ;; esac
    expect_equal "$(cat "$sysfs/ro")" 1 'read-only'
    expect_equal "$(cat "$sysfs/size")" $((20 * 2048 + 5)) 'sectors'
    expect_equal "$(cat "$sysfs/queue/logical_block_size")" 512
    expect_equal "$(cat "$sysfs/queue/io_timeout")" 5000 'milliseconds until a request is given up'
    ploopu detach 103
}

case_devices_of_others_are_left_alone() {
    truncate -s 1M "$WORK/raw"
    qemu-nbd -r -f raw -c /dev/nbd0 "$WORK/raw" >/dev/null 2>&1 &
    others=$!
    wait_for [ -e /sys/block/nbd0/pid ]
    device=$(attach 101 | device_of)
    expect_equal "$device" /dev/nbd1
    expect_refusal 66 'nothing that ploopu' ploopu detach /dev/nbd0
    ploopu detach --all
    expect_equal "$(blockdev --getsize64 /dev/nbd0)" 1048576
    qemu-nbd -d /dev/nbd0 >/dev/null
    wait $others || true
}

case_"$1"
