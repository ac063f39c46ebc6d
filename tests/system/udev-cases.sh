# SPDX-License-Identifier: GPL-2.0-or-later
# Cases with a udev of their own and the rules of this host's packages.
# run-cases.sh runs them with every back end, on kernels that nothing else uses; lib.sh lists what a case can use.
# shellcheck shell=sh disable=SC2154,SC2317 # cases are called by name

monitor='' control=''

# start_udev RULES: starts udev with the file RULES in place of our rules.
start_udev() {
    mkdir -p /run/udev/rules.d
    cp "$1" /run/udev/rules.d/59-ploopu.rules
    trap stop_udev EXIT
    /lib/systemd/systemd-udevd --daemon
    wait_for udevadm control --ping
}

# stop_udev: ends udev and removes its socket, without which libraries believe that udev isn't running.
stop_udev() {
    [ -z "$monitor" ] || kill "$monitor" || true
    [ -z "$control" ] || release_control || true
    # A udev that is asked to exit while it works on events may never exit.
    settle || true
    wait_for no_udev
    rm -rf /run/udev /dev/disk
}
no_udev() {
    pids=$(pgrep udev) || return 0 # its workers, too
    # shellcheck disable=SC2086 # words
    kill -9 $pids 2>/dev/null || true
    return 1
}

settle() { udevadm settle --timeout 20; }

# watch_events: writes everything that udev finds from now on to $WORK/events, even if it vanishes a moment later.
watch_events() {
    udevadm monitor --udev --property >"$WORK/events" 2>&1 &
    monitor=$!
    wait_for grep -q 'UDEV - the event' "$WORK/events"
}

# expect_no_findings: expects that udev reported nothing about the contents of our devices and the devices below them.
expect_no_findings() {
    settle
    kill "$monitor"
    wait "$monitor" || true
    monitor=
    grep -q '^DEVTYPE=disk' "$WORK/events" || fail 'no events'
    if grep "$findings" "$WORK/events"; then fail 'udev looked into a device'; fi
    expect_no_links
}
# expect_no_links: expects no links in /dev/disk, except by the sequence number that the kernel gives every disk.
expect_no_links() { expect_equal "$(find /dev/disk -type l ! -path '*/by-diskseq/*' 2>/dev/null)" ''; }

# Properties that udev finds in the contents of a device, and its orders to systemd.
findings='^ID_FS_\|^ID_PART_\|^SYSTEMD_WANTS'

# property NODE NAME: prints a property of the device.
property() { udevadm info --query property --property "$2" --value "$1"; }

is_watched() { [ -L "/run/udev/watch/$(stat -L -c 'b%Hr:%Lr' "$1")" ]; }

# make_members FILE: makes a disk whose first partition belongs to a volume group and whose second belongs to an array.
make_members() {
    truncate -s 8M "$1"
    printf 'label: dos\nstart=2048, size=8192, type=8e\nstart=10240, type=fd\n' | sfdisk -q "$1"
    # The label of LVM; its third number is the checksum.
    { printf LABELONE && le 8 1 && le 4 3028226606 && le 4 32 && printf 'LVM2 001' &&
        printf ploopuploopuploopuploopuploopupl && le 8 8388608; } | patch "$1" $((1048576 + 512))
    # A superblock of md, version 0.90, array 1, member 1 of 2, at the end of the partition, which is the end of the
    # disk.
    for word in 0xa92b4efc 0 90 0 32 1 0 1 1000 2; do le 4 $((word)); done |
        patch "$1" $((8388608 - 65536))
}

# control FILE: shows the file on a device that isn't ours, $control, of the driver that the back end uses.
control() {
    if [ "$BACKEND" = nbd ]; then
        control=/dev/nbd0
        qemu-nbd -r -f raw -c $control "$1" >/dev/null 2>&1 &
        others=$!
        wait_for [ -e /sys/block/nbd0/pid ]
        : <$control # opening it makes the kernel look for partitions
    else
        control=$(losetup --find --show --read-only --partscan "$1")
    fi
    settle
}
release_control() {
    if [ "$BACKEND" = nbd ]; then
        qemu-nbd -d "$control" >/dev/null
    else
        losetup -d "$control"
    fi
}
end_control() {
    release_control
    control=
    if [ "$BACKEND" = nbd ]; then
        wait "$others" || true
        wait_for [ ! -e /sys/block/nbd0/nbd0p1 ] # udev has a look, and the kernel, too, then
    fi
    settle
}

# expect_kept_away IMAGE: expects that the host uses nothing in the image, while it is attached and afterwards.
expect_kept_away() {
    attach "$1" >"$WORK/devices"
    settle
    while read -r node; do
        udevadm info --query property "$node" >"$WORK/known"
        for flag in UDEV_DISABLE_PERSISTENT_STORAGE_RULES_FLAG=1 UDISKS_IGNORE=1 SYSTEMD_READY=0; do
            grep -qx $flag "$WORK/known" || fail "$node: not $flag: $(cat "$WORK/known")"
        done
        if grep "$findings" "$WORK/known"; then fail "$node: udev looked into it"; fi
        ! is_watched "$node" || fail "$node is watched"
    done <"$WORK/devices"
    ploopu detach --all
    settle
}

case_h81_what_an_image_claims_to_be_stays_in_it() {
    start_udev "$SOURCES/packaging/59-ploopu.rules"
    uuid=$(blkid -p -s UUID -o value -O 1048576 "$FIXTURES/raw/101")
    link=/dev/disk/by-uuid/$uuid
    # A file system of this host has that UUID: it has the link before, beside and after our device.
    control "$FIXTURES/raw/101"
    expect_equal "$(readlink -f "$link")" "${control}p1"
    expect_equal "$(property "${control}p1" ID_FS_TYPE)" ext4
    is_watched "${control}p1"
    attach 101 >/dev/null
    settle
    expect_equal "$(readlink -f "$link")" "${control}p1" beside
    end_control
    [ ! -L "$link" ] || fail "$link went to $(readlink -f "$link")"
    ploopu detach --all
    # Not even for a moment does udev report anything.
    watch_events
    for image in 101 103; do expect_kept_away $image; done
    expect_no_findings
}

case_h81_no_volume_group_or_array_is_put_together() {
    start_udev "$SOURCES/packaging/59-ploopu.rules"
    make_members "$WORK/raw"
    qemu-img convert -f raw -O parallels "$WORK/raw" "$WORK/image"
    control "$WORK/raw"
    expect_equal "$(property "${control}p1" ID_FS_TYPE)" LVM2_member
    expect_equal "$(property "${control}p2" ID_FS_TYPE)" linux_raid_member
    end_control
    watch_events
    expect_kept_away "$WORK/image"
    expect_no_findings
}

# Each of two defences works without the other one.
case_r28_h81_each_defence_by_itself() {
    case $BACKEND in
    nbd)
        # The event always comes before the attribute, so only the name of the process is left.
        sed -e '/^ATTRS{backend}/d' -e 's/TEST!="backend", TEST!="..\/backend", //' \
            -e 's/ [^ ]*%[kP]\/backend//g' "$SOURCES/packaging/59-ploopu.rules" >"$WORK/rules"
        grep -q '^ATTRS{pid}.*comm", GOTO' "$WORK/rules" || fail "$(cat "$WORK/rules")"
        ! grep -q '^[^#].*backend' "$WORK/rules" || fail "$(cat "$WORK/rules")"
        ;;
    dm)
        # Without our rules, or if they come too late, the flags that ploopu passes through device-mapper are left.
        : >"$WORK/rules"
        ;;
    *) return ;;
    esac
    start_udev "$WORK/rules"
    attach 101 >"$WORK/devices"
    settle
    expect_no_links
    while read -r node; do expect_equal "$(property "$node" ID_FS_TYPE)" '' "$node"; done <"$WORK/devices"
    ploopu detach 101
    settle
}
