# SPDX-License-Identifier: GPL-2.0-or-later
# Cases of the dm back end alone.
# run-cases.sh runs them; lib.sh lists what a case can use.
# shellcheck shell=sh disable=SC2154,SC2217,SC2317 # $holder comes from hold; cases are called by name

kernel_name() { basename "$(readlink -f "/sys/dev/block/$(stat -L -c '%Hr:%Lr' "$1")")"; }
# Both make or remove no node if no udev runs.
map_by_hand() { dmsetup create "$1" --readonly --table "$2" 2>/dev/null; }
unmap_by_hand() { dmsetup remove "$1" 2>/dev/null; }

# head_of CLUSTER_SECTORS ENTRIES: prints the header of a v2 image whose disk has ENTRIES clusters.
head_of() {
    printf 'WithouFreSpacExt'
    le 4 2 && le 4 16 && le 4 1 && le 4 "$1" && le 4 "$2" && le 8 $(($1 * $2)) && le 4 0 && le 4 0
    le 4 0 && le 8 0
}

# scattered_image FILE EXPONENT: makes an image with 2^EXPONENT clusters of 4 KiB, all at the same place in the file, so
# that no cluster continues another.
scattered_image() {
    le 4 $((2 * (1 << $2) / 1024)) >"$WORK/table"
    doubled=0
    while [ $doubled -lt "$2" ]; do
        cat "$WORK/table" "$WORK/table" >"$WORK/twice"
        mv "$WORK/twice" "$WORK/table"
        doubled=$((doubled + 1))
    done
    { head_of 8 $((1 << $2)) && cat "$WORK/table"; } >"$1"
    truncate -s $((2 * (1 << $2) * 4)) "$1"
    { printf same && head -c 4092 /dev/zero; } >>"$1"
}

case_devices_are_called_as_kpartx_would() {
    attach 101 >"$WORK/devices"
    expect_equal "$(cat "$WORK/devices")" '/dev/mapper/ploopu-101
/dev/mapper/ploopu-101p1'
    id=$(basename /run/ploopu/*[0-9a-f])
    expect_equal "$(dmsetup info -c --noheadings -o uuid ploopu-101)" "PLOOPU-$id"
    expect_equal "$(dmsetup info -c --noheadings -o uuid ploopu-101p1)" "part1-PLOOPU-$id"
    expect_equal "$(lsblk -n -o TYPE /dev/mapper/ploopu-101p1)" part
    expect_equal "$(lsblk -n -o RO /dev/mapper/ploopu-101p1 | tr -d ' ')" 1
    # Names for other states of a container, and for images without a container.
    guid=$(ploopu snapshots 102 --json | jq -r '.snapshots[0].guid')
    expect_equal "$(attach -s base 102 | device_of)" "/dev/mapper/ploopu-102-$(echo "$guid" | cut -c 2-9)"
    mkdir -p "$WORK/my old web/root.hdd"
    cp "$(bundle 103)"/* "$WORK/my old web/root.hdd"
    expect_equal "$(attach "$WORK/my old web" | device_of)" /dev/mapper/ploopu-myoldweb
    cp "$(bundle 103)/root.hds" "$WORK/single.hds"
    expect_equal "$(attach "$WORK/single.hds" | device_of)" /dev/mapper/ploopu-single
    ploopu detach --all
}

case_a_name_that_is_taken() {
    map_by_hand ploopu-101 '0 8 error'
    map_by_hand ploopu-103p1 '0 8 error'
    expect_equal "$(attach 101 | device_of)" /dev/mapper/ploopu-101-2
    expect_equal "$(attach 103 | device_of)" /dev/mapper/ploopu-103-2
    compare_with_raw /dev/mapper/ploopu-101-2 "$FIXTURES/raw/101"
    expect_refusal 66 'not attached or mounted by ploopu' ploopu detach /dev/mapper/ploopu-101
    ploopu detach --all
    for name in ploopu-101 ploopu-103p1; do unmap_by_hand $name; done
    rm -f /dev/mapper/ploopu-101 /dev/mapper/ploopu-103p1
}

# The UUID of the device looks like ours, but there is no record of it.
case_h72_a_device_that_seems_to_be_ours() {
    dmsetup create theirs --uuid PLOOPU-0123456789abcdef --table '0 16 zero'
    expect_equal "$(list_field '.attachments | length')" 0
    node=/dev/$(dmsetup info -c --noheadings -o blkdevname theirs)
    expect_refusal 66 'not attached or mounted by ploopu' ploopu detach "$node"
    attach 101 >/dev/null
    ploopu detach --all
    expect_equal "$(blockdev --getsz "$node")" 16
    dmsetup remove theirs
}

case_detach_by_the_names_of_the_kernel() {
    for node in /dev/mapper/ploopu-101 /dev/mapper/ploopu-101p1; do
        attach 101 >/dev/null
        ploopu detach "/dev/$(kernel_name $node)"
        expect_equal "$(list_field '.attachments | length')" 0
    done
}

case_no_process_remains() {
    processes() { pgrep -c ploopu || true; }
    attach 101 2>"$WORK/said" >/dev/null
    expect_equal "$(processes)" 0
    expect_equal "$(cat "$WORK/said")" ''
    expect_equal "$(list_field '.attachments[0] | "\(.backend) \(.state) \(.pid)"')" 'dm serving null'
    ploopu detach 101
}

case_runs_of_clusters_are_one_target() {
    qemu-img convert -f raw -O parallels -o cluster_size=4096 "$FIXTURES/raw/101" "$WORK/fine"
    attach "$WORK/fine" >/dev/null
    targets=$(dmsetup table ploopu-fine | wc -l)
    clusters=$(ploopu info "$WORK/fine" --json | jq .clusters_allocated)
    [ $((targets * 10)) -lt "$clusters" ] || fail "$targets targets for $clusters clusters"
    # The sectors that were checked come from memory: they split an extent at both ends of the disk and where the
    # partition begins.
    extents=$(ploopu map "$WORK/fine" --json | jq '.extents | length')
    [ "$targets" -le $((extents + 6)) ] || fail "$targets targets for $extents extents"
    ploopu detach "$WORK/fine"
    # Each file with data of the disk has a loop device, and so has the memory with the checked sectors.
    attach 107 >/dev/null
    expect_equal "$(find "/sys/block/$(kernel_name /dev/mapper/ploopu-107)/slaves/" -name 'loop*' | wc -l)" 3
    ploopu detach 107
    # A disk without data needs no loop device.
    qemu-img create -q -f parallels "$WORK/nothing" 8M
    device=$(attach "$WORK/nothing" | device_of)
    expect_equal "$(dmsetup table ploopu-nothing)" '0 16384 zero '
    cmp -n 8388608 "$device" /dev/zero
    ploopu detach "$device"
}

case_every_cluster_size() {
    for size in 512 1536 4096 32256 65536 2097152; do
        qemu-img convert -f raw -O parallels -o cluster_size=$size "$FIXTURES/raw/103" "$WORK/$size"
        device=$(attach "$WORK/$size" | device_of)
        compare_with_raw "$device" "$FIXTURES/raw/103"
        ploopu detach "$device"
        rm "$WORK/$size"
    done
}

case_too_many_targets_are_declined() {
    scattered_image "$WORK/fits" 16
    device=$(attach "$WORK/fits" | device_of)
    # The checked 64 KiB at each end of the disk, 16 clusters, are one target.
    expect_equal "$(dmsetup table ploopu-fits | wc -l)" $((65536 - 2 * 15))
    expect_equal "$(dd if="$device" bs=4096 skip=65535 count=1 status=none | head -c 4)" same
    ploopu detach "$device"
    scattered_image "$WORK/scattered" 17
    expect_refusal 1 'needs 131042 targets, more than 65536' attach "$WORK/scattered"
    ploopu attach "$WORK/scattered" --backend fuse --no-loop >/dev/null
    ploopu detach "$WORK/scattered"
}

case_auto_goes_on_where_dm_declines() {
    refuse_nbd='inject=sendmsg:error=ENOMEM:when=2'
    scattered_image "$WORK/scattered" 17
    strace -qq -f -o /dev/null -e trace=sendmsg -e "$refuse_nbd" \
        "$PLOOPU" attach "$WORK/scattered" >"$WORK/out" 2>"$WORK/notes" &
    tracer=$!
    attached() { [ "$(list_field '.attachments | length')" = 1 ]; }
    wait_for attached
    expect_equal "$(list_field '.attachments[0].backend')" fuse
    grep -q 'nbd: .*; dm: .*needs 131042 targets.*: using fuse instead' "$WORK/notes" || fail "$(cat "$WORK/notes")"
    ploopu detach "$WORK/scattered"
    wait $tracer || true
    strace -qq -f -o /dev/null -e trace=sendmsg -e "$refuse_nbd" \
        "$PLOOPU" --root "$FIXTURES/root" attach 101 >"$WORK/out" 2>"$WORK/notes"
    expect_equal "$(device_of <"$WORK/out")" /dev/mapper/ploopu-101
    grep -q 'nbd: .*: using dm instead' "$WORK/notes" || fail "$(cat "$WORK/notes")"
    ploopu detach 101
}

case_with_an_overlay_it_is_declined() {
    expect_refusal 64 'dm: makes read-only devices only, without an overlay' attach 101 --overlay
    expect_refusal 64 'dm: .*--strict' attach 101 --strict
    # strace -f stays with the server, so it runs in the background.
    strace -qq -f -o /dev/null -e trace=sendmsg -e inject=sendmsg:error=ENOMEM:when=2 \
        "$PLOOPU" --root "$FIXTURES/root" attach 101 --overlay >"$WORK/out" 2>"$WORK/notes" &
    tracer=$!
    attached() { [ "$(list_field '.attachments | length')" = 1 ]; }
    wait_for attached
    expect_equal "$(list_field '.attachments[0] | "\(.backend) \(.overlay)"')" 'fuse true'
    ploopu detach 101
    wait $tracer || true
    grep -q 'nbd: .*; dm: makes read-only devices only.*: using fuse instead' "$WORK/notes" || fail "$(cat "$WORK/notes")"
}

# Without direct I/O the loop driver turns read errors into zeros.
case_without_direct_io_it_is_declined() {
    mkdir "$WORK/tmpfs"
    mount -t tmpfs none "$WORK/tmpfs"
    cp "$(bundle 101)/root.hds" "$WORK/tmpfs/image"
    expect_refusal 69 "image: its file system has no direct I/O in blocks of 512 bytes" attach "$WORK/tmpfs/image"
    umount "$WORK/tmpfs"
}

case_a_raw_base_that_ends_inside_a_sector_is_declined() {
    cp -r "$(bundle 107)" "$WORK/image"
    truncate -s -100 "$WORK/image/root.hdd"
    expect_refusal 1 'is not a multiple of 512 bytes' attach "$WORK/image"
}

case_it_can_not_be_written_to() {
    attach 101 >"$WORK/devices"
    while read -r device; do
        expect_equal "$(blockdev --getro "$device")" 1
        if dd if=/dev/zero of="$device" bs=512 count=1 conv=fsync 2>/dev/null; then fail "$device took it"; fi
    done <"$WORK/devices"
    compare_with_raw /dev/mapper/ploopu-101 "$FIXTURES/raw/101"
    ploopu detach 101
}

# sectors FILE FIRST COUNT: prints sectors, read past the page cache if FILE is a device.
sectors() {
    direct=
    [ ! -b "$1" ] || direct=iflag=direct
    # shellcheck disable=SC2086 # one word or none
    dd if="$1" bs=512 skip="$2" count="$3" status=none $direct
}

expect_sectors() {
    sectors "$1" "$3" "$4" >"$WORK/ours"
    sectors "$2" "$3" "$4" | cmp - "$WORK/ours" || fail "sectors from $3 on"
}

# cluster_at OFFSET: prints the first disk sector of the cluster that begins at OFFSET of the file.
cluster_at() {
    ploopu map "$WORK/image" --json |
        jq --argjson at "$1" '.extents[] | select(.state == "data") | ($at - .offset) as $o |
            select($o >= 0 and $o < .length) | (.start + $o) / 512'
}

# The file is truncated inside a sector, before it is attached and while it is attached.
case_a_file_that_ends_inside_a_sector() {
    cp -r "$(bundle 101)" "$WORK/image"
    first=$(cluster_at 8388608)
    for when in before while; do
        # No holes: in a hole the file system gives the driver zeros past the end, too.
        cp --sparse=never "$(bundle 101)/root.hds" "$WORK/image/root.hds"
        [ $when = before ] || device=$(attach -q "$WORK/image" | device_of)
        truncate -s $((8388608 + 301 * 512 + 100)) "$WORK/image/root.hds"
        [ $when = while ] || device=$(attach -q "$WORK/image" | device_of)
        expect_sectors "$device" "$FIXTURES/raw/101" "$first" 301
        expect_sectors "$device" "$FIXTURES/raw/101" $((first - 2048)) 2048
        # Requests for the sector alone, and together with its neighbours.
        for range in '301 1' '302 1' '300 2' '2047 1' '293 16'; do
            # shellcheck disable=SC2086 # two words
            if sectors "$device" $((first + ${range% *})) ${range#* } >/dev/null 2>&1; then
                fail "$when: of sectors $range all can be read"
            fi
        done
        ploopu detach "$device"
    done
}

# The disk below the file system of the image has a bad block.
case_a_bad_block_below_the_image() {
    truncate -s 64M "$WORK/disk"
    below=$(losetup -f --show "$WORK/disk")
    dmsetup create bad --table "0 131072 linear $below 0" 2>/dev/null
    node=/dev/$(dmsetup info -c --noheadings -o blkdevname bad)
    mke2fs -q -t ext4 -b 4096 "$node"
    mkdir "$WORK/image"
    mount "$node" "$WORK/image"
    cp --sparse=never "$(bundle 101)"/* "$WORK/image"
    sync
    first=$(cluster_at 8388608)
    # The second page of that cluster goes bad: 8 sectors after its first sector.
    block=$(filefrag -b512 -e "$WORK/image/root.hds" |
        awk '{ gsub("[.:]", " ") } $1 ~ /^[0-9]+$/ && $2 <= 16392 && $3 >= 16392 { print $4 + 16392 - $2; exit }')
    device=$(attach "$WORK/image" | device_of)
    {
        echo "0 $block linear $below 0"
        echo "$block 8 error"
        echo "$((block + 8)) $((131072 - block - 8)) linear $below $((block + 8))"
    } | dmsetup load bad
    dmsetup resume bad 2>/dev/null
    expect_sectors "$device" "$FIXTURES/raw/101" "$first" 8
    expect_sectors "$device" "$FIXTURES/raw/101" $((first + 16)) 2032
    for sector in 8 15; do
        if sectors "$device" $((first + sector)) 1 >/dev/null 2>&1; then fail "sector $sector can be read"; fi
    done
    ploopu detach "$device"
    umount "$WORK/image"
    dmsetup remove bad 2>/dev/null
    losetup -d "$below"
}

case_r21_devices_of_others_above_ours() {
    for BACKEND in dm nbd; do
        devices=$(attach 101 | xargs)
        for device in $devices; do
            map_by_hand stranger "0 2048 linear $device 0"
            expect_refusal 75 'used by /dev/dm-[0-9]* (stranger)' ploopu detach 101
            compare_with_raw "${devices%% *}" "$FIXTURES/raw/101"
            cmp -n 1048576 "${devices##* }" "$FIXTURES/raw/101" 0 1048576
            unmap_by_hand stranger
        done
        rm -f /dev/mapper/stranger
        ploopu detach 101
    done
}

# If another process opens the disk while it is detached, the removed partitions come back.
case_who_comes_between_finds_all_of_it() {
    device=$(attach 101 | device_of)
    strace -qq -o /dev/null -e trace=ioctl -e inject=ioctl:delay_enter=200000 \
        "$PLOOPU" --root "$FIXTURES/root" detach 101 2>"$WORK/said" &
    detach=$!
    wait_for [ ! -e "${device}p1" ]
    hold "$device"
    code=0
    wait $detach || code=$?
    expect_equal $code 75
    grep -q "sleep (pid $holder) has it open" "$WORK/said" || fail "$(cat "$WORK/said")"
    cmp -n 1048576 "${device}p1" "$FIXTURES/raw/101" 0 1048576 || fail 'the partition is gone'
    let_go
    ploopu detach 101
}

case_devices_that_others_removed() {
    attach 101 >/dev/null
    for name in ploopu-101p1 ploopu-101; do unmap_by_hand $name; done
    expect_equal "$(list_field '.attachments | length')" 0
    [ ! -e /dev/mapper/ploopu-101 ] || fail 'its node stays'
    # Attaching again brings back a single partition.
    attach 101 >/dev/null
    unmap_by_hand ploopu-101p1
    expect_equal "$(list_field '.attachments[0].state')" serving
    attach -q 101 >"$WORK/devices"
    cmp -n 1048576 "$(sed -n 2p "$WORK/devices")" "$FIXTURES/raw/101" 0 1048576
    ploopu detach 101
}

case_a_table_that_others_exchanged() {
    attach 101 >/dev/null
    dmsetup wipe_table ploopu-101 2>/dev/null
    expect_equal "$(list_field '.attachments[0].state')" stale
    expect_refusal 75 'its table was exchanged' attach 101
    ploopu detach 101
}

# Kills attach at every second ioctl, since all of them take a minute.
case_an_attach_killed_at_any_ioctl() {
    nothing() { [ -z "$(leftovers)" ]; }
    call=1 code=137
    while [ $code = 137 ]; do
        code=0
        strace -qq -o /dev/null -e trace=ioctl -e inject=ioctl:signal=KILL:when=$call \
            "$PLOOPU" --root "$FIXTURES/root" attach 101 --backend dm >"$WORK/out" 2>&1 || code=$?
        # The last ioctls come after the attachment is complete.
        if [ "$(list_field '.attachments | length')" = 1 ]; then
            cmp -n 1048576 /dev/mapper/ploopu-101p1 "$FIXTURES/raw/101" 0 1048576
            ploopu detach 101
            break
        fi
        wait_for nothing
        call=$((call + 2))
    done
    [ $call -gt 8 ] || fail "only $call ioctls: the test tests nothing"
}

# After a kill, the device can be used, or a second detach removes it.
case_a_detach_killed_at_any_ioctl() {
    nothing() { [ -z "$(leftovers)" ]; }
    call=1 code=137
    while [ $code = 137 ]; do
        attach 101 >/dev/null
        code=0
        strace -qq -o /dev/null -e trace=ioctl -e inject=ioctl:signal=KILL:when=$call \
            "$PLOOPU" --root "$FIXTURES/root" detach 101 >"$WORK/out" 2>&1 || code=$?
        if [ $code = 137 ]; then
            node=$(attach -q 101 | sed -n 2p)
            cmp -n 1048576 "$node" "$FIXTURES/raw/101" 0 1048576 || fail "killed at $call"
            ploopu detach 101
        fi
        wait_for nothing
        call=$((call + 2))
    done
    expect_equal $code 0 "$(cat "$WORK/out")"
    [ $call -gt 8 ] || fail "only $call ioctls: the test tests nothing"
}

case_the_demo() {
    sed 's/ mount 101/ mount --backend dm 101/' "$SOURCES/tests/system/demo.sh" >"$WORK/demo.sh"
    cp "$SOURCES/tests/system/images.sh" "$WORK"
    sh "$WORK/demo.sh" "$PLOOPU" >"$WORK/shown"
    grep -q '^/dev/mapper/ploopu-101 *dm *serving 101' "$WORK/shown" || fail "$(cat "$WORK/shown")"
}

case_all_its_devices_read_ahead() {
    attach -q 102 >"$WORK/nodes"
    while read -r node; do
        expect_equal "$(blockdev --getra "$node")" 16384 "$node"
    done <"$WORK/nodes"
    ploopu detach 102
}

# make_disk_below FEATURES: makes a disk for the image, mounted on $WORK/fs: the device-mapper device "below", over
# $loop.
make_disk_below() {
    truncate -s 80M "$WORK/disk"
    loop=$(losetup -f --show "$WORK/disk")
    echo "0 163840 linear $loop 0" | dmsetup create below
    dmsetup mknodes below # there is no udev
    trap remove_disk_below EXIT
    mke2fs -q -t ext4 -b 4096 -O "$1" /dev/mapper/below
    mkdir "$WORK/fs"
    mount /dev/mapper/below "$WORK/fs"
    cp -r "$(bundle 101)" "$WORK/fs/image"
    sync
}

remove_disk_below() {
    dmsetup resume below || true
    ploopu -q detach --all || true
    umount "$WORK/fs" || true
    dmsetup remove below
    dmsetup mknodes
    losetup -d "$loop"
}

# failing_disk TABLE_LINE...: gives the disk below the image a new table.
failing_disk() {
    printf '%s\n' "$@" | dmsetup load below
    dmsetup suspend --nolockfs below
    dmsetup resume below
    echo 3 >/proc/sys/vm/drop_caches
}

# This case tests all back ends. It is here because device-mapper makes the failing disk.
case_r14_a_failing_disk_is_an_error_for_just_its_sectors() {
    make_disk_below ^has_journal
    # Finds the place of the block that is to fail in the file, on the disk below, and on the container's disk.
    file_block=1283
    block=$(debugfs -R "bmap /image/root.hds $file_block" /dev/mapper/below 2>/dev/null)
    start=$(ploopu map "$WORK/fs/image" --json | jq "[.extents[] | select(.state == \"data\" and
        .offset <= $file_block * 4096 and .offset + .length > $file_block * 4096)][0] |
        .start + $file_block * 4096 - .offset")
    umount "$WORK/fs"
    mount -o ro /dev/mapper/below "$WORK/fs"
    whole="0 163840 linear $loop 0"
    for BACKEND in nbd dm fuse; do
        device=$(attach -q "$WORK/fs/image" | device_of)
        failing_disk "0 $((block * 8)) linear $loop 0" "$((block * 8)) 8 error" \
            "$((block * 8 + 8)) $((163840 - block * 8 - 8)) linear $loop $((block * 8 + 8))"
        blockdev --flushbufs "$device"
        for flags in skip_bytes skip_bytes,direct; do
            for at in -4096 4096; do
                dd if="$device" bs=4096 count=1 skip=$((start + at)) iflag=$flags status=none |
                    cmp -n 4096 -i 0:$((start + at)) - "$FIXTURES/raw/101"
            done
            for size in 4096 262144; do
                if dd if="$device" bs=$size count=1 skip=$((start + 4096 - size)) iflag=fullblock,$flags \
                    of=/dev/null status=none 2>/dev/null; then
                    fail "$BACKEND: $size bytes with a failing block in them could be read ($flags)"
                fi
            done
        done
        expect_equal "$(list_field '.attachments[0].state')" serving
        failing_disk "$whole"
        blockdev --flushbufs "$device"
        compare_with_raw "$device" "$FIXTURES/raw/101"
        ploopu detach "$WORK/fs/image"
    done
}

# The disk hangs for STALL seconds, and longer than the driver waits: workers hang one after the other, and readers
# notice only a pause.
case_r15_r32_a_disk_that_hangs() {
    . "$SOURCES/tests/system/supervisor-cases.sh"
    make_disk_below ^has_journal
    BACKEND=nbd
    device=$(attach -q "$WORK/fs/image" | device_of)
    server worker >"$WORK/workers"
    dmsetup suspend --nolockfs below
    echo 3 >/proc/sys/vm/drop_caches
    for at in 1 8 16; do
        dd if="$device" of="$WORK/$at.read" bs=1M count=1 skip=$at iflag=direct 2>"$WORK/$at.said" &
        echo $! >"$WORK/$at.reader"
    done
    start=$(date +%s)
    hangs_on() {
        noted worker >>"$WORK/workers"
        [ "$(sort -u "$WORK/workers" | wc -l)" -lt 3 ] || [ "$(date +%s)" -lt $((start + ${STALL:-0})) ]
    }
    while hangs_on; do sleep 0.2; done
    expect_equal "$(timeout 10 "$PLOOPU" list --json | jq -r '.attachments[0].state')" serving
    dmsetup resume below
    for at in 1 8 16; do
        wait "$(cat "$WORK/$at.reader")" || fail "an error at $at MiB: $(cat "$WORK/$at.said")"
        cmp -n 1048576 -i "0:$((at * 1048576))" "$WORK/$at.read" "$FIXTURES/raw/101" || fail "wrong bytes at $at MiB"
    done
    blockdev --flushbufs "$device"
    compare_with_raw "$device" "$FIXTURES/raw/101"
    ploopu detach "$WORK/fs/image"
}
