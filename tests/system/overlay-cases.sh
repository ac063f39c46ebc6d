# SPDX-License-Identifier: GPL-2.0-or-later
# Cases of attach --overlay: writable devices of images that are never changed.
# run-cases.sh runs them, with each back end that can write; lib.sh lists what a case can use.
# shellcheck shell=sh disable=SC2154,SC2217,SC2317 # cases are called by name

attach_overlay() { attach --overlay "$@"; }

# make_image: makes the disk $WORK/raw, which has a hole and is no multiple of the cluster size, and its image
# $WORK/image.
make_image() {
    {
        head -c 5242880 /dev/urandom
        head -c 2097152 /dev/zero
        head -c $((1048576 + 5 * 512)) /dev/urandom
    } >"$WORK/raw"
    qemu-img convert -f raw -O parallels -o cluster_size=65536 "$WORK/raw" "$WORK/image"
    cp "$WORK/raw" "$WORK/model"
}

# remember_image: copies the image, and sets times that any read changes.
remember_image() {
    cp -r "$WORK/image" "$WORK/original"
    find "$WORK/image" -exec touch -a -d '2001-01-01' {} +
    facts >"$WORK/before"
}
facts() { find "$WORK/image" -type f -exec stat -c '%n %s %X %Y %Z %i' {} +; }
expect_untouched() {
    facts | diff "$WORK/before" - || fail 'the files of the image were touched'
    diff -r "$WORK/original" "$WORK/image" || fail 'the files of the image were written to'
}

# compare_anew DEVICE FILE: compares them after the kernel has dropped its cache of the device.
compare_anew() {
    blockdev --flushbufs "$1"
    echo 3 >/proc/sys/vm/drop_caches
    cmp "$1" "$2" || fail "$1 differs from $2"
}

# put OFFSET LENGTH [DD_FLAG]: writes random bytes to $device and to the file $WORK/model.
put() {
    head -c "$2" /dev/urandom >"$WORK/piece"
    dd if="$WORK/piece" of="$device" bs=1M oflag="seek_bytes${3:+,$3}" seek="$1" conv=notrunc,fsync status=none
    patch "$WORK/model" "$1" <"$WORK/piece"
}

# zero OFFSET LENGTH COMMAND...: zeroes a range of $device with the command, and of the model.
zero() {
    zero_at=$1 zero_length=$2
    shift 2
    "$@" --force --offset "$zero_at" --length "$zero_length" "$device"
    head -c "$zero_length" /dev/zero | patch "$WORK/model" "$zero_at"
}

# make_room SIZE: mounts a tmpfs, $room, for scratch files.
make_room() {
    room=$WORK/room
    mkdir "$room"
    mount -t tmpfs -o size="$1" none "$room"
}
used() { df --output=used -B 1 "$room" | tail -n 1 | tr -d ' '; }
is_free() { [ "$(used)" = 0 ]; }

case_an_overlay_is_written_to_and_the_image_is_not() {
    make_image
    remember_image
    attach_overlay "$WORK/image" --json >"$WORK/json"
    expect_equal "$(jq -r '"\(.read_only) \(.overlay)"' "$WORK/json")" 'false true'
    expect_equal "$(list_field '.attachments[0].overlay')" true
    device=$(jq -r .device "$WORK/json")
    expect_equal "$(blockdev --getro "$device")" 0

    # Writes whole sectors past the page cache, and any bytes through it. The seed is fixed.
    awk 'BEGIN {
        srand(103)
        for (i = 0; i < 9; ++i) {
            size = 1 + int(rand() * 2 ^ (4 + 2 * i))
            at = int(rand() * (8388608 - size))
            if (i % 2) print int(at / 512) * 512, (1 + int(size / 512)) * 512, "direct"
            else print at, size
        }
    }' >"$WORK/writes"
    # shellcheck disable=SC2086 # words
    while read -r write; do put $write; done <"$WORK/writes"
    put 8388608 $((5 * 512)) direct # the last sectors
    compare_anew "$device" "$WORK/model"

    zero $((3 * 4096)) $((1048576 + 2 * 4096)) blkdiscard
    zero $((4 * 1048576 + 4096)) $((2 * 1048576)) blkdiscard --zeroout
    put $((5 * 1048576 - 512)) 1024 direct # in the middle of the zeroed range
    compare_anew "$device" "$WORK/model"
    ploopu detach "$device"

    # After a detach, nothing that was written stays.
    device=$(attach_overlay "$WORK/image" | device_of)
    compare_anew "$device" "$WORK/raw"
    ploopu detach "$device"
    expect_untouched
}

case_a_file_system_in_an_overlay() {
    cp -r "$(bundle 101)" "$WORK/image"
    remember_image
    mkdir "$WORK/m"
    attach_overlay "$WORK/image" >"$WORK/devices"
    partition=$(sed -n 2p "$WORK/devices")
    expect_equal "$(blockdev --getro "$partition")" 0
    mount -t ext4 "$partition" "$WORK/m"
    grep " $WORK/m ext4 rw," /proc/self/mounts >/dev/null || fail 'it is not writable'
    cp -r "$FIXTURES/tree" "$WORK/m/copy"
    echo changed >"$WORK/m/etc/motd"
    rm "$WORK/m/home/user/random"
    umount "$WORK/m"
    blockdev --flushbufs "$partition"
    echo 3 >/proc/sys/vm/drop_caches
    mount -t ext4 "$partition" "$WORK/m"
    compare_tree "$WORK/m/copy"
    expect_equal "$(cat "$WORK/m/etc/motd")" changed
    [ ! -e "$WORK/m/home/user/random" ] || fail 'what was removed is there'
    umount "$WORK/m"
    e2fsck -fn "$partition" >"$WORK/fsck" 2>&1 || fail "$(cat "$WORK/fsck")"
    ploopu detach "$WORK/image"
    expect_untouched
    partition=$(attach_overlay "$WORK/image" | sed -n 2p)
    mount -t ext4 -o ro "$partition" "$WORK/m"
    compare_tree "$WORK/m"
    umount "$WORK/m"
    ploopu detach "$WORK/image"
}

case_a_scratch_file_has_no_name_and_gives_its_room_back() {
    make_room 32m
    device=$(attach_overlay 103 --overlay-dir "$room" | device_of)
    expect_equal "$(used)" 0 'bytes of room before anything is written'
    dd if=/dev/urandom of="$device" bs=1M seek=4 count=8 oflag=direct status=none
    [ "$(used)" -ge $((8 * 1048576)) ] || fail "it takes $(used) bytes"
    expect_equal "$(ls -A "$room")" '' 'files there'
    blkdiscard --force --offset $((4 * 1048576)) --length $((6 * 1048576)) "$device"
    [ "$(used)" -le $((3 * 1048576)) ] || fail "it still takes $(used) bytes"
    ploopu detach 103
    wait_for is_free
    umount "$room"
}

# fill_up OPTION...: writes more than there is room for, and expects that only these writes fail.
fill_up() {
    cp "$WORK/raw" "$WORK/model"
    device=$(attach_overlay "$WORK/image" "$@" | device_of)
    put 1049088 1048576 direct
    head -c 5242880 /dev/urandom >"$WORK/pieces"
    if dd if="$WORK/pieces" of="$device" bs=64k seek=40 oflag=direct 2>"$WORK/said"; then
        fail "$*: there is room for all of it"
    fi
    # The nbd driver of older kernels turns every error into EIO.
    reason='No space left on device'
    [ "$BACKEND" != nbd ] || reason="$reason\|Input/output error"
    grep -q "$reason" "$WORK/said" || fail "$(cat "$WORK/said")"
    written=$(sed -n 's/+0 records out$//p' "$WORK/said")
    [ "$written" -ge 4 ] || fail "$*: no room after $written pieces"
    head -c $((written * 65536)) "$WORK/pieces" | patch "$WORK/model" $((40 * 65536))
    # A part of the write that failed may be done.
    failed=$(((40 + written) * 65536))
    blockdev --flushbufs "$device"
    cmp -n $failed "$device" "$WORK/model" || fail "$*: differs before what failed"
    cmp -i $((failed + 65536)) "$device" "$WORK/model" || fail "$*: differs after what failed"
    expect_equal "$(list_field '.attachments[0].state')" serving
    # Sectors that have room can be written again, and a discard makes room.
    put 1049088 1048576 direct
    zero $((40 * 65536)) $((written * 65536)) blkdiscard
    put $((7 * 1048576)) $((4 * 65536)) direct
    head -c 65536 /dev/zero | patch "$WORK/model" $failed
    blkdiscard --force --offset $failed --length 65536 "$device"
    compare_anew "$device" "$WORK/model"
    ploopu detach "$device"
}

case_r17_a_full_overlay() {
    make_image
    fill_up --overlay-size 2M
    # The limit is more than the file system has.
    make_room 4m
    fill_up --overlay-dir "$room" --overlay-size 64M
    wait_for is_free
    umount "$room"
}

# A file that doesn't fit is incomplete, older files are whole, and sync reports the error.
case_r17_a_mount_whose_overlay_is_full() {
    mkdir "$WORK/m"
    mount_image 101 "$WORK/m" --writable --overlay-dir "$WORK" --overlay-size 1M >/dev/null
    if dd if=/dev/urandom of="$WORK/m/new" bs=64k count=64 conv=fsync 2>"$WORK/said"; then
        fail 'there is room for all of it'
    fi
    grep -q 'No space left on device\|Input/output error\|Read-only file system' "$WORK/said" || fail "$(cat "$WORK/said")"
    is_read_only() { ! touch "$WORK/m/x" || ! sync -f "$WORK/m/x"; }
    wait_for is_read_only 2>/dev/null
    echo 3 >/proc/sys/vm/drop_caches
    (cd "$WORK/m" && sha256sum --quiet -c "$FIXTURES/tree.sha256") || fail 'what was there differs'
    expect_equal "$(list_field '.attachments[0].state')" serving
    ploopu -q umount "$WORK/m"
}

case_half_of_the_room_is_left_to_others() {
    make_image
    make_room 8m
    device=$(attach_overlay "$WORK/image" --overlay-dir "$room" | device_of)
    if dd if=/dev/urandom of="$device" bs=64k oflag=direct 2>/dev/null; then fail 'all of it was taken'; fi
    [ "$(used)" -ge 3670016 ] || fail "only $(used) bytes were taken"
    [ "$(used)" -le 4259840 ] || fail "$(used) bytes were taken"
    ploopu -q detach "$device"
    wait_for is_free
    umount "$room"
}

case_no_place_for_a_scratch_file() {
    # refuse_place CODE WORDS DIR: expects a refusal. run-cases.sh looks for leftovers.
    refuse_place() { expect_refusal "$1" "$3: .*$2" attach_overlay 103 --overlay-dir "$3"; }
    make_room 512k
    refuse_place 1 'No space left on device' "$room"
    mount -o remount,ro "$room"
    refuse_place 1 'Read-only file system' "$room"
    refuse_place 66 'No such file or directory' "$WORK/missing"
    echo >"$WORK/file"
    refuse_place 66 'Not a directory' "$WORK/file"
    umount "$room"
}

case_with_an_overlay_and_without_do_not_mix() {
    device=$(attach_overlay 103 | device_of)
    put_mark() { printf mark | dd of="$device" bs=512 conv=notrunc,fsync status=none; }
    put_mark
    expect_refusal 75 "$device ($BACKEND, with an overlay)" attach 103
    # A second attach with equal options gives the existing device.
    expect_equal "$(attach_overlay -q 103 | device_of)" "$device"
    expect_equal "$(head -c 4 "$device")" mark
    ploopu detach 103
    device=$(attach 103 | device_of)
    expect_refusal 75 "$device ($BACKEND, without an overlay)" attach_overlay 103
    expect_equal "$(blockdev --getro "$device")" 1
    if put_mark 2>/dev/null; then fail 'it was written to'; fi
    ploopu detach 103
}

case_an_overlay_whose_server_was_killed() {
    make_room 16m
    device=$(attach_overlay 103 --overlay-dir "$room" | device_of)
    dd if=/dev/urandom of="$device" bs=1M count=2 oflag=direct status=none
    if is_free; then fail 'nothing was written'; fi
    kill_servers
    stale() { [ "$(list_field '.attachments[0].state')" = stale ]; }
    wait_for stale
    ploopu detach 103
    wait_for is_free
    umount "$room"
}

# attach_kept [OPTION...]: attaches with the overlay file of this case.
attach_kept() { attach "$WORK/image" --overlay-file "$WORK/kept" "$@"; }

case_an_overlay_that_is_kept() {
    make_image
    remember_image
    device=$(attach_kept | device_of)
    expect_equal "$(stat -c '%a' "$WORK/kept")" 600
    put 1048577 3000
    put $((4 * 1048576)) $((2 * 1048576)) direct
    zero $((5 * 1048576)) 65536 blkdiscard
    expect_equal "$(list_field '.attachments[0].overlay_file')" "$WORK/kept"
    # A second attach with this overlay file gives the existing device; with another overlay it is refused.
    expect_equal "$(attach_kept -q | device_of)" "$device"
    expect_refusal 75 "with the overlay of $WORK/kept" attach --overlay "$WORK/image"
    expect_refusal 75 "with the overlay of $WORK/kept" attach "$WORK/image" --overlay-file "$WORK/other"
    [ ! -e "$WORK/other" ] || fail 'a file was made all the same'
    ploopu detach "$device" 2>"$WORK/said"
    grep -q "written data is kept in $WORK/kept" "$WORK/said" || fail "$(cat "$WORK/said")"

    for round in 1 2; do
        device=$(attach_kept | device_of)
        compare_anew "$device" "$WORK/model"
        put $((round * 999999)) 77777
        zero $((round * 65536)) 4096 blkdiscard
        compare_anew "$device" "$WORK/model"
        ploopu -q detach "$device"
    done
    device=$(attach_kept | device_of)
    compare_anew "$device" "$WORK/model"
    ploopu detach "$device"
    expect_untouched
}

case_an_overlay_file_of_another_image_or_state() {
    make_image
    ploopu -q detach "$(attach_kept | device_of)"
    expect_refusal 65 "$WORK/kept: belongs to $WORK/image" attach 103 --overlay-file "$WORK/kept"
    cp "$WORK/image" "$WORK/again"
    expect_refusal 65 'belongs to' attach "$WORK/again" --overlay-file "$WORK/kept"
    cp -p "$WORK/image" "$WORK/again"
    ploopu -q detach "$(attach "$WORK/again" --overlay-file "$WORK/kept" | device_of)"
    touch "$WORK/image"
    expect_refusal 65 'in another state, and would corrupt' attach_kept
    [ -e "$WORK/kept" ] || fail 'the file is gone'
}

case_what_cannot_be_an_overlay_file() {
    make_image
    refuse_file() { expect_refusal "$1" "$3.*$2" attach 103 --overlay-file "$3"; }
    refuse_file 66 'No such file or directory' "$WORK/missing/file"
    refuse_file 65 'is not a regular file' "$WORK"
    refuse_file 65 'is not an overlay file' "$WORK/image"
    : >"$WORK/empty"
    refuse_file 65 'is not an overlay file' "$WORK/empty"
    mkfifo "$WORK/fifo"
    refuse_file 65 'is not a regular file' "$WORK/fifo"
    cmp "$WORK/raw" "$WORK/model"
    make_room 512k
    refuse_file 1 'No space left on device' "$room/file"
    mount -o remount,ro "$room"
    refuse_file 1 'Read-only file system' "$room/file"
    umount "$room"
    # An attach that fails leaves no overlay file.
    if ploopu attach --backend dm 103 --overlay-file "$WORK/none" 2>"$WORK/said"; then
        fail 'dm makes writable devices'
    fi
    [ ! -e "$WORK/none" ] || fail 'a file was made'
    # An overlay file can't be used for two images at once.
    device=$(attach_kept | device_of)
    cp -p "$WORK/image" "$WORK/again"
    expect_refusal 75 "$WORK/kept: is in use" attach "$WORK/again" --overlay-file "$WORK/kept"
    ploopu -q detach "$device"
    chmod o+w "$WORK/kept"
    expect_refusal 65 'everybody may write to it' attach_kept
}

case_a_kept_overlay_whose_server_was_killed() {
    make_image
    device=$(attach_kept | device_of)
    put 1048576 1048576 direct # put flushes the device
    kill_servers
    stale() { [ "$(list_field '.attachments[0].state')" = stale ]; }
    wait_for stale
    ploopu detach "$device" 2>"$WORK/said"
    grep -q "$WORK/kept: its server ended before all data was saved" "$WORK/said" || fail "$(cat "$WORK/said")"
    device=$(attach_kept 2>"$WORK/said" | device_of)
    grep -q 'after the last sync may be missing' "$WORK/said" || fail "$(cat "$WORK/said")"
    compare_anew "$device" "$WORK/model"
    put 3145728 4096
    ploopu -q detach "$device"
    device=$(attach_kept 2>"$WORK/said" | device_of)
    if grep -q missing "$WORK/said"; then fail 'it was closed'; fi
    compare_anew "$device" "$WORK/model"
    ploopu -q detach "$device"
}

# Sectors that found room are kept, although later writes failed.
case_a_kept_overlay_that_is_full() {
    make_image
    make_room 4m
    device=$(attach "$WORK/image" --overlay-file "$room/kept" --overlay-size 64M | device_of)
    put 1048576 1048576 direct
    head -c 8388608 /dev/zero | tr '\0' x >"$WORK/pieces"
    if dd if="$WORK/pieces" of="$device" bs=64k oflag=direct,seek_bytes seek=2097152 2>"$WORK/said"; then
        fail 'there is room for all of it'
    fi
    written=$(sed -n 's/+0 records out$//p' "$WORK/said")
    ploopu -q detach "$device"
    # A sector without room shows the image's contents. From the first failure on, a sector may be either.
    head -c $((written * 65536)) "$WORK/pieces" | patch "$WORK/model" 2097152
    device=$(attach "$WORK/image" --overlay-file "$room/kept" | device_of)
    cmp -n $((2097152 + written * 65536)) "$device" "$WORK/model" || fail 'what was written is not there'
    ploopu -q detach "$device"
    umount "$room"
}
