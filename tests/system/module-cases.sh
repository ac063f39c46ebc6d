# SPDX-License-Identifier: GPL-2.0-or-later
# Cases of kernel modules, in this order, on a kernel where only loop and fuse are loaded.
# run-cases.sh runs them; lib.sh lists what a case can use.
# shellcheck shell=sh disable=SC2217,SC2317 # sleep needs no input; cases are called by name

case_r26_without_the_module_it_is_said_and_fuse_is_used() {
    expect_refusal 69 "has no module 'nbd'" ploopu attach 101 --backend nbd
    ploopu doctor --json >"$WORK/report"
    expect_equal "$(jq -r '.backends[] | "\(.name) \(.usable)"' "$WORK/report" | tr '\n' ' ')" 'nbd false dm false fuse true '
    ploopu attach 101 >"$WORK/out" 2>"$WORK/notes"
    grep -q "nbd: this kernel ($(uname -r)) has no module 'nbd'; dm: this kernel ($(uname -r)) has no module 'dm_mod': using fuse instead" "$WORK/notes"
    compare_with_raw "$(device_of <"$WORK/out")" "$FIXTURES/raw/101"
    ploopu detach 101
}

case_r26_a_module_that_exists_is_loaded() {
    # Makes /lib/modules look like that of the distribution's kernel.
    release=$(uname -r)
    mkdir -p /run/lower/modules
    ln -s "/usr/lib/uml/modules/$release" "/run/lower/modules/$release"
    insmod "/usr/lib/uml/modules/$release/kernel/fs/overlayfs/overlay.ko"
    mount -t overlay -o lowerdir=/run/lower:/usr/lib none /usr/lib
    ploopu doctor --json >"$WORK/report"
    expect_equal "$(jq -r '.backends[0] | "\(.usable) \(.reason)"' "$WORK/report")" "true module 'nbd' will be loaded"
    [ ! -e /sys/module/nbd ]
    ploopu attach 101 >"$WORK/out" 2>"$WORK/notes"
    expect_equal "$(cat "$WORK/notes")" ''
    expect_equal "$(list_field '.attachments[0].backend')" nbd
    [ "$(cat /sys/module/nbd/parameters/max_part)" -ge 16 ] || fail "max_part: $(cat /sys/module/nbd/parameters/max_part)"
    compare_with_raw "$(device_of <"$WORK/out")" "$FIXTURES/raw/101"
    ploopu detach 101
    [ ! -e /sys/module/dm_mod ]
    expect_refusal 69 'no direct I/O in blocks of 512 bytes' ploopu attach 101 --backend dm
    [ -e /sys/module/dm_mod ]
    [ -e /sys/module/dm_zero ]
    umount -l /usr/lib # lazily, because this shell uses libraries in it
}

# The driver finds no partitions then: ploopu adds and removes them.
case_r26_a_driver_loaded_without_partitions() {
    rmmod nbd 2>/dev/null || true
    insmod "/usr/lib/uml/modules/$(uname -r)/kernel/drivers/block/nbd.ko" max_part=0
    ploopu attach 101 >"$WORK/devices"
    compare_with_raw "$(device_of <"$WORK/devices")" "$FIXTURES/raw/101"
    [ -b "$(sed -n 2p "$WORK/devices")" ] || fail 'no partition node'
    ploopu detach 101
    [ ! -e "$(sed -n 2p "$WORK/devices")" ] || fail 'the partition node stays'
    rmmod nbd 2>/dev/null || true
}

# The driver creates devices when they are asked for.
case_r26_a_driver_loaded_without_devices() {
    insmod "/usr/lib/uml/modules/$(uname -r)/kernel/drivers/block/nbd.ko" nbds_max=0 max_part=16
    [ ! -e /dev/nbd0 ]
    ploopu attach 101 >"$WORK/devices"
    compare_with_raw "$(device_of <"$WORK/devices")" "$FIXTURES/raw/101"
    [ -b "$(sed -n 2p "$WORK/devices")" ] || fail 'no partition node'
    ploopu detach 101
    rmmod nbd 2>/dev/null || true
}
