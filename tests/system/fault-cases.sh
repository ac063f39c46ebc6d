# SPDX-License-Identifier: GPL-2.0-or-later
# Cases of faults: damaged, changed and removed images, killed commands, unreadable records.
# run-cases.sh runs them with every back end and kernel; lib.sh lists what a case can use.
# shellcheck shell=sh disable=SC2217,SC2317 # sleep needs no input; cases are called by name

case_r38_the_image_is_never_touched() {
    cp -r "$(bundle 102)" "$WORK/image"
    touch -a -d '2001-01-01' "$WORK"/image/*
    facts() { (cd "$WORK/image" && stat -c '%n %s %X %Y %Z %i' ./*); }
    facts >"$WORK/before"
    # The sums come from the original, since hashing a file reads it.
    (cd "$(bundle 102)" && sha256sum ./*) >"$WORK/sums"
    mkdir "$WORK/m"
    ploopu info "$WORK/image" >/dev/null
    mount_image "$WORK/image" "$WORK/m" >/dev/null
    find "$WORK/m" -type f -exec cat {} + >/dev/null
    cat "$(list_field '.attachments[0].device')" >/dev/null
    ploopu detach "$WORK/image"
    facts >"$WORK/after"
    diff "$WORK/before" "$WORK/after" || fail 'size, times or inodes changed'
    (cd "$WORK/image" && sha256sum --quiet -c "$WORK/sums") || fail 'bytes changed'
}

case_h22_h23_a_cut_image_gives_errors_not_zeros() {
    cp -r "$(bundle 101)" "$WORK/image"
    file=$WORK/image/root.hds
    size=$(stat -c %s "$file")
    cp "$file" "$WORK/whole"
    truncate -s $((size - 2621440)) "$file"
    device=$(attach -q "$WORK/image" | device_of)
    ploopu info "$WORK/image" --json | jq -r '.warnings[]' | grep -q 'reading the missing parts fails'
    bad=0 cluster=0
    while [ $cluster -lt 32 ]; do
        if dd if="$device" bs=64k skip=$((cluster * 16)) count=16 status=none >"$WORK/part" 2>/dev/null; then
            dd if="$FIXTURES/raw/101" bs=1M skip=$cluster count=1 status=none | cmp - "$WORK/part" ||
                fail "wrong bytes in cluster $cluster"
        else
            bad=$((bad + 1))
        fi
        cluster=$((cluster + 1))
    done
    expect_equal $bad 3 'clusters that can not be read'
    ploopu detach "$WORK/image"
}

# A read begins in sound data and goes on into a missing range. Loop drivers up to Linux 6.14 answer it with zeros if
# they read the file through the page cache (docs/KERNEL.md#loop-reading-past-the-page-cache).
case_a_read_across_the_edge_of_damage_is_an_error() {
    cp -r "$(bundle 101)" "$WORK/image"
    file=$WORK/image/root.hds
    truncate -s $(($(stat -c %s "$file") - 2621440)) "$file"
    device=$(attach -q "$WORK/image" | device_of)
    # Damage begins at a cluster, and so at a page: the half page before it is sound.
    ploopu map "$WORK/image" --json >"$WORK/map"
    last=0
    for edge in $(jq '.extents[].start' "$WORK/map") $(seq 1048576 1048576 32505856); do
        if [ "$edge" = 0 ] || [ "$edge" -le "$last" ]; then continue; fi
        last=$edge
        dd if="$device" bs=4096 count=1 skip=$((edge - 512)) iflag=direct,skip_bytes status=none \
            >"$WORK/got" 2>/dev/null || continue
        dd if="$FIXTURES/raw/101" bs=4096 count=1 skip=$((edge - 512)) iflag=skip_bytes status=none |
            cmp - "$WORK/got" || fail "wrong bytes around $edge"
    done
    [ "$last" -gt 0 ] || fail 'nothing was read'
    ploopu detach "$WORK/image"
}

case_r11_an_image_cut_while_attached() {
    cp -r --sparse=never "$(bundle 101)" "$WORK/image"
    file=$WORK/image/root.hds
    cp "$file" "$WORK/whole"
    device=$(attach -q "$WORK/image" | device_of)
    # Truncates the file inside a page of the cluster at 8 MiB: this page and everything after it is lost.
    cluster=$(ploopu map "$WORK/image" --json |
        jq '.extents[] | select(.state == "data") | (8388608 - .offset) as $o |
            select($o >= 0 and $o < .length) | .start + $o')
    truncate -s $((8388608 + 38 * 4096 + 100)) "$file"
    blockdev --flushbufs "$device"
    if cat "$device" >/dev/null 2>&1; then fail 'all of it could still be read'; fi
    pages() { dd if="$1" bs=4k skip=$((cluster / 4096 + $2)) count="$3" iflag="${4-direct}" status=none; }
    pages "$device" 0 38 >"$WORK/there"
    pages "$FIXTURES/raw/101" 0 38 fullblock | cmp - "$WORK/there"
    for page in 38 39 255; do
        if pages "$device" $page 1 >/dev/null 2>&1; then fail "page $page can be read"; fi
    done
    cmp -n 1048576 "$device" "$FIXTURES/raw/101"
    dd if="$WORK/whole" of="$file" bs=1M conv=notrunc status=none
    blockdev --flushbufs "$device"
    compare_with_raw "$device" "$FIXTURES/raw/101"
    ploopu detach "$WORK/image"
}

# Readers get errors and never wrong bytes. When the file is whole again, the mount works again.
case_r11_an_image_cut_and_healed_under_load() {
    cp -r --sparse=never "$(bundle 101)" "$WORK/image"
    cp "$WORK/image/root.hds" "$WORK/whole"
    mkdir "$WORK/m"
    mount_image "$WORK/image" "$WORK/m" >/dev/null
    all_serve() { [ "$BACKEND" != nbd ] || [ "$(servers | wc -l)" = 3 ]; }
    wait_for all_serve
    before=$(servers)
    : >"$WORK/rounds"
    while [ ! -e "$WORK/enough" ]; do
        if dd if="$WORK/m/home/user/random" of="$WORK/read" bs=64k iflag=direct 2>/dev/null; then
            cmp -s "$WORK/read" "$FIXTURES/tree/home/user/random" && echo right || echo wrong
        else
            echo error
        fi >>"$WORK/rounds"
    done &
    reader=$!
    # are RESULT: true if the second round after $known has that result. The first one may have begun before a change.
    are() { [ "$(tail -n +"$((known + 2))" "$WORK/rounds" | head -n 1)" = "$1" ]; }
    expect_rounds() {
        known=$(wc -l <"$WORK/rounds")
        wait_for are "$1"
    }
    expect_rounds right
    truncate -s 3M "$WORK/image/root.hds"
    expect_rounds error
    dd if="$WORK/whole" of="$WORK/image/root.hds" bs=1M conv=notrunc status=none
    expect_rounds right
    : >"$WORK/enough"
    wait $reader
    if grep wrong "$WORK/rounds"; then fail 'wrong bytes'; fi
    compare_tree "$WORK/m"
    expect_equal "$(servers)" "$before" 'they go on'
    ploopu umount "$WORK/m"
}

# expect_change WORDS: expects that list says so about the attached image.
expect_change() {
    expect_equal "$(list_field '.attachments[0] | "\(.state) \(.image_changed)"')" 'serving true'
    list_field '.attachments[0].warnings[]' | grep -q "^$WORK/image/.*: $1" || fail "no '$1': $(ploopu list --json)"
    ploopu list 2>"$WORK/said" | grep -q "^$device *$BACKEND *changed " || fail "$(ploopu list)"
    grep -q "^ploopu: warning: $WORK/image/.*: $1" "$WORK/said" || fail "$(cat "$WORK/said")"
}
expect_no_change() {
    expect_equal "$(list_field '.attachments[0] | "\(.state) \(.image_changed) \(.warnings)"')" 'serving false []'
}

# The server keeps serving the open files, whatever their names lead to now.
case_r12_an_image_that_is_removed_replaced_or_moved() {
    for what in removed replaced moved; do
        cp -r "$(bundle 101)" "$WORK/image"
        device=$(attach "$WORK/image" | device_of)
        expect_no_change
        words='was removed'
        case $what in
        removed) rm -r "$WORK/image" ;;
        replaced)
            cp "$(bundle 103)/root.hds" "$WORK/other"
            mv "$WORK/other" "$WORK/image/root.hds"
            words='was replaced'
            ;;
        moved) mv "$WORK/image" "$WORK/elsewhere" ;;
        esac
        compare_with_raw "$device" "$FIXTURES/raw/101"
        expect_change "$words"
        [ $what = replaced ] || ploopu detach "$WORK/image"
        [ $what != replaced ] || ploopu detach "$device"
        rm -rf "$WORK/image" "$WORK/elsewhere"
    done
}

# The image is written to, as if another host had started the container.
case_r13_h31_an_image_that_is_written_to() {
    cp -r "$(bundle 102)" "$WORK/image"
    mkdir "$WORK/m"
    device=$(attach "$WORK/image" | device_of)
    expect_no_change
    touch -a "$WORK"/image/*
    expect_no_change
    top=$(cd "$WORK/image" && ls root.hdd.*)
    qemu-io -f parallels -c 'write -q -P 7 31M 64k' "$WORK/image/$top"
    words='was modified while attached'
    expect_change "$words"
    # A second attach or mount of the image prints the warning, too.
    attach "$WORK/image" >/dev/null 2>"$WORK/said"
    grep -q "/$top: $words" "$WORK/said" || fail "$(cat "$WORK/said")"
    mount_image "$WORK/image" "$WORK/m" --json >"$WORK/json"
    jq -r '.warnings[]' "$WORK/json" | grep -q "/$top: $words" || fail "$(cat "$WORK/json")"
    ploopu detach "$WORK/image"
    device=$(attach "$WORK/image" 2>"$WORK/said" | device_of)
    if grep "$words" "$WORK/said"; then fail 'it is attached anew'; fi
    expect_no_change
    expect_equal "$(dd if="$device" bs=1M skip=31 count=1 status=none | head -c 1 | od -An -tu1 | tr -d ' ')" 7
    ploopu detach "$WORK/image"
}

# The command is killed while it saves its intent, while the device exists without a full record, and before it tells
# the server to stay.
case_a_killed_command_leaves_nothing() {
    nothing() { [ -z "$(leftovers)" ]; }
    points='rename:1 rename:2'
    [ "$BACKEND" = dm ] || points="$points sendto:1"
    for point in $points; do
        code=0
        strace -qq -o /dev/null -e "trace=${point%:*}" \
            -e "inject=${point%:*}:signal=KILL:when=${point#*:}" \
            "$PLOOPU" --root "$FIXTURES/root" attach --backend "$BACKEND" 101 \
            >"$WORK/out" 2>&1 || code=$?
        expect_equal $code 137 "killed at $point: $(cat "$WORK/out")"
        wait_for nothing
    done
    attach 101 >/dev/null
    ploopu detach 101
}

case_a_mount_that_fails_detaches_again() {
    mkdir "$WORK/m"
    expect_refusal 1 'mounting' mount_image 101 "$WORK/m" -o no-such-option-of-ext4
    expect_equal "$(list_field '.attachments | length')" 0
    attach 101 >/dev/null
    expect_refusal 1 'mounting' mount_image 101 "$WORK/m" -o no-such-option-of-ext4
    expect_equal "$(list_field '.attachments | length')" 1
    ploopu detach 101
}

case_who_is_not_root_is_told_so() {
    cp "$PLOOPU" "$WORK/ploopu"
    cp -r "$(bundle 101)" "$WORK/image"
    mkdir "$WORK/m"
    chmod -R a+rX "$WORK"
    nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups env XDG_RUNTIME_DIR="$WORK/xdg" "$WORK/ploopu" "$@"; }
    nobody info "$WORK/image" >/dev/null
    expect_refusal 77 'only root can create a block device' nobody attach "$WORK/image"
    expect_refusal 77 'only root can mount an image' nobody mount "$WORK/image" "$WORK/m"
    chmod 000 "$WORK/image/root.hds"
    expect_refusal 77 'root.hds' nobody info "$WORK/image"
}

# The device may be in use, so ploopu doesn't remove it unasked.
case_h71_a_record_that_cannot_be_read_hurts_nobody() {
    mkdir "$WORK/m"
    mount_image 101 "$WORK/m" >/dev/null
    device=$(list_field '.attachments[0].device')
    for text in '{"schema": 2}' 'nonsense'; do
        echo "$text" >"$(echo /run/ploopu/*/attachment.json)"
        # The servers of nbd are in a file of their own, so they are still known.
        [ "$BACKEND" = nbd ] && state=serving || state=stale
        expect_equal "$(list_field '.attachments[0] | "\(.device) \(.state)"')" "$device $state"
        compare_tree "$WORK/m"
        expect_refusal 75 "mounted on $WORK/m" ploopu detach "$device"
    done
    umount "$WORK/m"
    ploopu detach "$device"
}

# A later ploopu may have more back ends: this one must not remove its records.
case_h71_a_record_of_an_unknown_back_end_is_kept() {
    attach 101 >/dev/null
    record=$(echo /run/ploopu/*/attachment.json)
    # The record says that the later back end has no server.
    sed -i.kept "s/\"backend\":\"$BACKEND\"/\"backend\":\"later\"/; s/\"server\":\[[0-9,]*\]/\"server\":[0,0]/" "$record"
    ploopu list >/dev/null
    [ -e "$record" ] || fail 'it was removed'
    mv "$record.kept" "$record"
    ploopu detach 101
}

case_a_second_device_when_asked_for() {
    first=$(attach 103 | device_of)
    expect_equal "$(attach -q 103 | device_of)" "$first"
    second=$(attach --new 103 | device_of)
    [ "$first" != "$second" ] || fail 'it is the same'
    expect_equal "$(list_field '.attachments | length')" 2
    ploopu detach "$first"
    compare_with_raw "$second" "$FIXTURES/raw/103"
    expect_equal "$(attach -q 103 | device_of)" "$second"
    attach --new 103 >/dev/null
    ploopu detach 103
    expect_equal "$(list_field '.attachments | length')" 0
}

# detach is killed when it tells the kernel to free the device, and while it waits for the server. After that the device
# can be used again, or a second detach removes it.
case_a_killed_detach_can_be_repeated() {
    mkdir "$WORK/m"
    nothing() { [ -z "$(leftovers)" ]; }
    case $BACKEND in
    nbd) points='sendmsg:2 pidfd_open:1' ;;
    dm) points='unlink:1 unlink:2 pidfd_open:1' ;;
    *) points='umount2:1 pidfd_open:1' ;;
    esac
    for point in $points; do
        attach 101 >/dev/null
        code=0
        strace -qq -o /dev/null -e "trace=${point%:*}" \
            -e "inject=${point%:*}:signal=KILL:when=${point#*:}" \
            "$PLOOPU" --root "$FIXTURES/root" detach 101 || code=$?
        expect_equal $code 137 "killed at $point"
        mount_image -q 101 "$WORK/m" >/dev/null
        compare_tree "$WORK/m"
        ploopu detach 101
        wait_for nothing
    done
}

case_h70_a_run_directory_that_somebody_else_made() {
    refused() {
        for command in 'attach 101' 'list' 'detach --all'; do
            # shellcheck disable=SC2086 # words
            expect_refusal 77 '/run/ploopu: must be a directory that you own' ploopu $command
        done
    }
    [ ! -d /run/ploopu ] || mv /run/ploopu "$WORK/ours"
    mkdir -m 700 /run/ploopu
    chown 65534 /run/ploopu
    refused
    chown 0 /run/ploopu
    chmod 755 /run/ploopu
    refused
    rmdir /run/ploopu
    mkdir -m 700 "$WORK/elsewhere"
    ln -s "$WORK/elsewhere" /run/ploopu
    refused
    expect_equal "$(ls -A "$WORK/elsewhere")" '' 'what was made in it'
    rm /run/ploopu
    [ ! -d "$WORK/ours" ] || mv "$WORK/ours" /run/ploopu
}

# attach refuses an empty disk and says why.
case_h08_an_empty_disk() {
    { printf WithouFreSpacExt && le 4 2 && le 4 16 && le 4 0 && le 4 8 && le 32 0; } >"$WORK/image"
    expect_equal "$(ploopu info "$WORK/image" --json | jq .virtual_size)" 0
    expect_refusal 65 'the disk is empty (0 sectors)' attach "$WORK/image"
    expect_equal "$(list_field '.attachments | length')" 0
}

case_r18_a_full_run_directory() {
    [ -d /run/ploopu ] || mkdir -m 700 /run/ploopu
    mount -t tmpfs -o size=64k,mode=0700 small /run/ploopu
    mkdir "$WORK/m"
    dd if=/dev/zero of=/run/ploopu/filler bs=4k 2>/dev/null || true
    expect_refusal 1 'No space left' attach 101
    expect_equal "$(find /run/ploopu -mindepth 1 ! -name lock ! -name filler)" '' 'left after a failure'
    rm /run/ploopu/filler
    mount_image 101 "$WORK/m" >/dev/null
    dd if=/dev/zero of=/run/ploopu/filler bs=4k 2>/dev/null || true
    ploopu umount "$WORK/m"
    umount /run/ploopu
}

case_r18_a_read_only_run_directory() {
    [ -d /run/ploopu ] || mkdir -m 700 /run/ploopu
    mount -t tmpfs -o mode=0700 small /run/ploopu
    mkdir "$WORK/m" "$WORK/n"
    mount_image 101 "$WORK/m" >/dev/null
    mount_image -q 101 "$WORK/n" >/dev/null
    attach 103 >/dev/null
    mount -o remount,ro /run/ploopu
    expect_refusal 1 'Read-only file system' attach 106
    expect_equal "$(list_field '.attachments | length')" 2
    ploopu umount "$WORK/m"
    ploopu umount "$WORK/n"
    ploopu detach 103
    expect_equal "$(list_field '.attachments | length')" 0
    # The record goes as soon as the directory is writable again.
    mount -o remount,rw /run/ploopu
    ploopu list >/dev/null
    expect_equal "$(ls /run/ploopu)" lock
    umount /run/ploopu
}

case_closed_standard_streams() {
    "$PLOOPU" --root "$FIXTURES/root" attach --backend "$BACKEND" 101 <&- >&- 2>&- || true
    compare_with_raw "$(list_field '.attachments[0].device')" "$FIXTURES/raw/101"
    ploopu detach 101
}

case_overlapping_partitions() {
    mkdir "$WORK/image" "$WORK/m"
    truncate -s 16M "$WORK/raw"
    echo 'start=2048, size=20480, type=83' | sfdisk -q --label dos "$WORK/raw"
    # The second partition (type 83, sectors 4096 to 6143) is inside the first one.
    printf '\000\000\000\000\203\000\000\000\000\020\000\000\000\010\000\000' |
        dd of="$WORK/raw" bs=1 seek=462 conv=notrunc status=none
    mke2fs -q -t ext4 -E offset=1048576 "$WORK/raw" 10M
    qemu-img convert -f raw -O parallels "$WORK/raw" "$WORK/image/root.hds"
    descriptor 32768 2048 root.hds >"$WORK/image/DiskDescriptor.xml"
    attach "$WORK/image" >"$WORK/devices" 2>"$WORK/notes"
    compare_with_raw "$(device_of <"$WORK/devices")" "$WORK/raw"
    # A kernel that reads the table itself accepts the overlap; if ploopu adds the partitions, the kernel refuses it.
    if [ "$(wc -l <"$WORK/devices")" != 3 ]; then
        grep -q 'partition 2 overlaps another one: it has no node' "$WORK/notes" || fail "$(cat "$WORK/notes")"
    fi
    mount_image -q "$WORK/image" "$WORK/m" --partition 1 >/dev/null
    ploopu detach "$WORK/image"
}

# The mount shows the contents of the log, the image stays unchanged, and a mount without the log prints a warning.
case_the_log_of_an_xfs() {
    mkdir "$WORK/image" "$WORK/m"
    cp --sparse=always "$FIXTURES/raw/105" "$WORK/raw"
    loop=$(losetup -f --show -o 1048576 --sizelimit $((32 * 1048576)) "$WORK/raw")
    mount -t xfs "$loop" "$WORK/m"
    echo new >"$WORK/m/written-by-a-container-that-crashed"
    xfs_io -c fsync "$WORK/m/written-by-a-container-that-crashed"
    xfs_io -x -c shutdown "$WORK/m"
    umount "$WORK/m"
    losetup -d "$loop"
    qemu-img convert -f raw -O parallels "$WORK/raw" "$WORK/image/root.hds"
    descriptor $((34 * 2048)) 2048 root.hds >"$WORK/image/DiskDescriptor.xml"
    sum=$(sha256sum <"$WORK/image/root.hds")
    mount_image "$WORK/image" "$WORK/m" --json --journal skip >"$WORK/json"
    expect_equal "$(jq -c '[.fstype, .journal, .overlay]' "$WORK/json")" '["xfs","skipped",false]'
    jq -r '.warnings[]' "$WORK/json" | grep -q 'journal was not replayed'
    cmp "$WORK/m/etc/hostname" "$FIXTURES/tree/etc/hostname"
    [ ! -e "$WORK/m/written-by-a-container-that-crashed" ] || fail 'it is there without the log'
    ploopu umount "$WORK/m"
    [ "$BACKEND" != dm ] || return 0
    mount_image "$WORK/image" "$WORK/m" --json >"$WORK/json"
    expect_equal "$(jq -c '[.fstype, .journal, .overlay]' "$WORK/json")" '["xfs","replayed",true]'
    expect_equal "$(cat "$WORK/m/written-by-a-container-that-crashed")" new
    if touch "$WORK/m/x" 2>/dev/null; then fail 'it can be written to'; fi
    ploopu umount "$WORK/m"
    expect_equal "$(sha256sum <"$WORK/image/root.hds")" "$sum"
}
