# SPDX-License-Identifier: GPL-2.0-or-later
# Cases with a udev of their own, and the rules that this host's packages have.
# run-cases.sh runs them with every back end, on kernels that nothing else uses; lib.sh lists what a case can use.
# shellcheck shell=sh disable=SC2154,SC2317 # cases are called by name

monitor='' control=''

# start_udev RULES: those are ours.
start_udev() {
    mkdir -p /run/udev/rules.d
    cp "$1" /run/udev/rules.d/59-ploopu.rules
    trap stop_udev EXIT
    /lib/systemd/systemd-udevd --daemon
    wait_for udevadm control --ping
}

# Libraries believe that it runs as long as /run/udev has its socket.
stop_udev() {
    [ -z "$monitor" ] || kill "$monitor" || true
    [ -z "$control" ] || release_control || true
    # Asked to exit while it has events to work on, it can stay for good.
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

# watch_events: all that udev finds out from now on, to $WORK/events, also what is gone a moment later.
watch_events() {
    udevadm monitor --udev --property >"$WORK/events" 2>&1 &
    monitor=$!
    wait_for grep -q 'UDEV - the event' "$WORK/events"
}

# expect_no_findings: it told nobody anything of what is in a device, one below ours included.
expect_no_findings() {
    settle
    kill "$monitor"
    wait "$monitor" || true
    monitor=
    grep -q '^DEVTYPE=disk' "$WORK/events" || fail 'no events'
    if grep "$findings" "$WORK/events"; then fail 'udev looked into a device'; fi
    expect_no_links
}
# Those by the number that the kernel gives every disk aren't meant.
expect_no_links() { expect_equal "$(find /dev/disk -type l ! -path '*/by-diskseq/*' 2>/dev/null)" ''; }

# What udev knows from looking into a device, and what it then has systemd do.
findings='^ID_FS_\|^ID_PART_\|^SYSTEMD_WANTS'

# property NODE NAME
property() { udevadm info --query property --property "$2" --value "$1"; }

is_watched() { [ -L "/run/udev/watch/$(stat -L -c 'b%Hr:%Lr' "$1")" ]; }

# make_members FILE: a disk whose first partition belongs to a volume group and its second to an array.
make_members() {
    truncate -s 8M "$1"
    printf 'label: dos\nstart=2048, size=8192, type=8e\nstart=10240, type=fd\n' | sfdisk -q "$1"
    # Its checksum is the third number.
    { printf LABELONE && le 8 1 && le 4 3028226606 && le 4 32 && printf 'LVM2 001' &&
        printf ploopuploopuploopuploopuploopupl && le 8 8388608; } | patch "$1" $((1048576 + 512))
    # Version 0.90, array 1, member 1 of 2, at the end, which is that of the image as well.
    for word in 0xa92b4efc 0 90 0 32 1 0 1 1000 2; do le 4 $((word)); done |
        patch "$1" $((8388608 - 65536))
}

# control FILE: gives it to a device that isn't ours, $control, of the driver that the back end uses.
control() {
    if [ "$BACKEND" = nbd ]; then
        control=/dev/nbd0
        qemu-nbd -r -f raw -c $control "$1" >/dev/null 2>&1 &
        others=$!
        wait_for [ -e /sys/block/nbd0/pid ]
        : <$control # which makes the partitions
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

# expect_kept_away IMAGE: nothing of it gets to the host, as long as it is attached and after that.
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
    # One of this host's has the same UUID: the link is its own before, beside and after ours.
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
    # Nor is it there for a moment.
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

# What each of two lines of defence does without the other one.
case_r28_h81_each_defence_by_itself() {
    case $BACKEND in
    nbd)
        # The event comes before the attribute is there, always.
        sed -e '/^ATTRS{backend}/d' -e 's/TEST!="backend", TEST!="..\/backend", //' \
            -e 's/ [^ ]*%[kP]\/backend//g' "$SOURCES/packaging/59-ploopu.rules" >"$WORK/rules"
        grep -q '^ATTRS{pid}.*comm", GOTO' "$WORK/rules" || fail "$(cat "$WORK/rules")"
        ! grep -q '^[^#].*backend' "$WORK/rules" || fail "$(cat "$WORK/rules")"
        ;;
    dm)
        # There is no file of ours, or it comes too late: what we tell udev through device-mapper.
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
