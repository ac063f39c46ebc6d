#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# cases.sh          lists the cases
# cases.sh CASE     runs one, as root, against the kernel it finds; see lib.sh for its environment
# The same cases run on every back end and every kernel.
# shellcheck disable=SC2217,SC2317 # sleep needs no input; cases and conditions are called by name
set -eu

if [ $# -eq 0 ]; then
    sed -n 's/^case_\([a-z0-9_]*\)() .*/\1/p' "$0"
    exit 0
fi
. "$(dirname "$0")/lib.sh"

# ---- Reading

case_info_needs_no_device() {
    expect_equal "$(ploopu info 101 --json | jq -c '[.schema, .ctid, .version, .virtual_size,
        .cluster_size, .clusters_total, .in_use, (.deltas | length), .partitions[0].fstype,
        .partitions[0].start, .warnings]')" \
        '[1,"101",2,33554432,1048576,32,false,1,"ext4",1048576,[]]'
    expect_equal "$(ploopu info 102 --json | jq -c '[.version, (.deltas | length)]')" '[1,2]'
    expect_equal "$(ploopu info 107 --json | jq -c '[.deltas[].version]')" '[null,1]'
    expect_equal "$(ploopu info 109 --json | jq '.virtual_size')" 1288490188800
    for ctid in 101 102 103 104 105 108; do
        ploopu info $ctid --json | jq -r '.partitions[] | select(.fstype) | .uuid' >"$WORK/ours"
        # libblkid's own program, on the disk that the image was made from.
        ploopu info $ctid --json | jq -r '.partitions[] | select(.fstype) | .start' |
            while read -r start; do
                blkid -p -O "$start" -o value -s UUID "$FIXTURES/raw/$ctid"
            done >"$WORK/theirs"
        cmp "$WORK/ours" "$WORK/theirs" || fail "UUIDs of $ctid"
    done
    expect_equal "$(ploopu list --json | jq '.attachments | length')" 0
}

case_devices_equal_their_sources() {
    for ctid in 101 102 103 104 105 106 107 108; do
        attach $ctid >"$WORK/devices"
        device=$(device_of <"$WORK/devices")
        compare_with_raw "$device" "$FIXTURES/raw/$ctid"
        expect_equal "$(blockdev --getro "$device")" 1
        expect_equal "$(blockdev --getss "$device")" 512
        expect_equal "$(blockdev --getsize64 "$device")" "$(stat -L -c %s "$FIXTURES/raw/$ctid")"
        # Each partition node is the right piece of the disk.
        ploopu attach $ctid --json 2>/dev/null | jq -r '.partitions[] | "\(.device) \(.start) \(.size)"' |
            while read -r node start size; do
                [ "$size" -ge 2048 ] || continue
                cmp -n 1024 "$node" "$FIXTURES/raw/$ctid" 0 "$start" || fail "$node is not at $start"
            done
        ploopu detach "$device"
    done
}

case_file_systems_are_sound() {
    for ctid in 101 102 107; do
        node=$(attach $ctid | sed -n 2p)
        e2fsck -fn "$node" >"$WORK/fsck" 2>&1 || fail "e2fsck $ctid: $(cat "$WORK/fsck")"
        ploopu detach $ctid
    done
    node=$(attach 105 | sed -n 2p)
    xfs_repair -n "$node" >"$WORK/repair" 2>&1 || fail "xfs_repair: $(cat "$WORK/repair")"
    ploopu detach 105
}

# The predecessor's worst fault: every position of an image over 256 GB was wrong.
case_a_large_disk_with_a_long_table() {
    device=$(attach 109 | device_of)
    expect_equal "$(blockdev --getsize64 "$device")" 1288490188800
    file=$(bundle 109)/root.hds
    for position in 0 1048576 614400 644245094400 1287416446976 1287417495552 1288490188288; do
        sector=$((position / 512))
        dd if="$device" bs=512 skip=$sector count=8 status=none >"$WORK/ours"
        qemu-img dd -f parallels -O raw bs=512 skip=$sector count=$((sector + 8)) \
            if="$file" of="$WORK/theirs" 2>/dev/null ||
            fail "qemu-img dd at $position"
        cmp "$WORK/ours" "$WORK/theirs" || fail "wrong bytes at $position"
    done
    expect_equal "$(dd if="$device" bs=1 skip=1287416446976 count=1 status=none | od -An -tx1)" ' a2'
    ploopu detach 109
}

case_a_chain_equals_what_qemu_sees() {
    # QEMU reads the same files, told of their order by hand.
    directory=$(bundle 102)
    top=$(ls "$directory"/root.hdd.*)
    qemu-img convert -O raw --image-opts "driver=parallels,file.filename=$top,backing.driver=parallels,backing.file.filename=$directory/root.hdd" "$WORK/qemu"
    device=$(attach 102 | device_of)
    compare_with_raw "$device" "$WORK/qemu"
    ploopu detach 102
}

# ---- Mounting

case_every_file_of_a_mount_is_right() {
    for ctid in 101 103 104 106; do
        mkdir "$WORK/$ctid"
        mount_image -q $ctid "$WORK/$ctid" >/dev/null
        compare_tree "$WORK/$ctid"
        [ "$(readlink "$WORK/$ctid/home/link")" = ../etc/hostname ] || fail 'a link differs'
        ploopu umount "$WORK/$ctid"
    done
}

case_a_chain_shows_what_was_written_last() {
    mkdir "$WORK/102"
    mount_image 102 "$WORK/102" >/dev/null
    expect_equal "$(cat "$WORK/102/etc/motd")" 'written after the snapshot'
    expect_equal "$(cat "$WORK/102/newer")" 'written after the snapshot'
    cmp "$WORK/102/home/user/random" "$FIXTURES/tree/home/user/random"
    ploopu umount "$WORK/102"
}

case_xfs() {
    mkdir "$WORK/105"
    mount_image 105 "$WORK/105" --json >"$WORK/json"
    expect_equal "$(jq -c '[.fstype, .journal]' "$WORK/json")" '["xfs","clean"]'
    cmp "$WORK/105/etc/hostname" "$FIXTURES/tree/etc/hostname"
    ploopu umount "$WORK/105"
}

case_mounts_are_harmless() {
    mkdir "$WORK/m"
    mount_image 101 "$WORK/m" --json >"$WORK/json"
    expect_equal "$(jq -c '[.journal, .read_only, .overlay, .mountpoint]' "$WORK/json")" \
        "[\"clean\",true,false,\"$WORK/m\"]"
    options=$(awk -v dir="$WORK/m" '$2 == dir { print $4 }' /proc/self/mounts)
    for option in ro nosuid nodev; do
        case ",$options," in *",$option,"*) ;; *) fail "$option is not in $options" ;; esac
    done
    if touch "$WORK/m/x" 2>/dev/null; then fail 'it can be written to'; fi
    expect_refusal 64 'rw' mount_image 101 "$WORK/m" -o rw
    ploopu umount "$WORK/m"
}

case_a_journal_that_is_not_replayed_is_said() {
    mkdir "$WORK/m"
    mount_image 106 "$WORK/m" --json >"$WORK/json"
    expect_equal "$(jq -r .journal "$WORK/json")" skipped
    jq -r '.warnings[]' "$WORK/json" | grep -q 'journal was not replayed'
    jq -r .options "$WORK/json" | grep -q noload
    ploopu umount "$WORK/m"
}

case_one_of_several_partitions() {
    mkdir "$WORK/one" "$WORK/two"
    expect_refusal 64 'partition' mount_image 108 "$WORK/two"
    mount_image 108 "$WORK/one" --partition 1 >/dev/null
    mount_image 108 "$WORK/two" --partition 2 >/dev/null
    expect_equal "$(list_field '.attachments | length')" 1
    expect_equal "$(list_field '.attachments[0].mountpoints | length')" 2
    compare_tree "$WORK/one"
    [ -d "$WORK/two/lost+found" ]
    ploopu -q umount "$WORK/two"
    compare_tree "$WORK/one"
    ploopu umount "$WORK/one"
    expect_equal "$(list_field '.attachments | length')" 0
}

# ---- Several at once, and again

case_several_images_each_on_its_own_device() {
    for ctid in 101 103 106; do
        attach $ctid >"$WORK/$ctid" &
    done
    wait
    expect_equal "$(cat "$WORK/101" "$WORK/103" "$WORK/106" | sort | uniq -d | wc -l)" 0
    for ctid in 101 103 106; do
        device=$(device_of <"$WORK/$ctid")
        expect_equal "$(list_field ".attachments[] | select(.ctid == \"$ctid\") | .device")" "$device"
        compare_with_raw "$device" "$FIXTURES/raw/$ctid"
    done
    ploopu detach 101 103 106
}

case_one_image_has_one_device() {
    for i in 1 2 3 4 5 6; do
        attach -q 101 >"$WORK/$i" &
    done
    wait
    for i in 2 3 4 5 6; do cmp "$WORK/1" "$WORK/$i"; done
    ln -s "$(bundle 101)" "$WORK/link"
    expect_equal "$(attach -q "$WORK/link" | device_of)" "$(device_of <"$WORK/1")"
    expect_equal "$(list_field '.attachments | length')" 1
    mkdir "$WORK/m"
    mount_image 101 "$WORK/m" >/dev/null
    expect_equal "$(list_field '.attachments | length')" 1
    ploopu detach "$WORK/link"
}

case_an_image_that_was_replaced_is_not_mistaken() {
    cp -r "$(bundle 101)" "$WORK/image"
    attach "$WORK/image" >/dev/null
    cp "$WORK/image/root.hds" "$WORK/copy" && mv "$WORK/copy" "$WORK/image/root.hds"
    expect_refusal 75 'an older state' attach "$WORK/image"
    ploopu detach "$WORK/image"
    attach "$WORK/image" >/dev/null
    ploopu detach "$WORK/image"
}

# ---- Detaching

case_detach_by_every_name() {
    mkdir "$WORK/m"
    for way in device partition ctid directory descriptor mountpoint; do
        mount_image 101 "$WORK/m" --json >"$WORK/json"
        case $way in
        device) target=$(jq -r .device "$WORK/json") ;;
        partition) target=$(jq -r '.partitions[0].device' "$WORK/json") ;;
        ctid) target=101 ;;
        directory) target=$(bundle 101) ;;
        descriptor) target=$(bundle 101)/DiskDescriptor.xml ;;
        mountpoint) target=$WORK/m ;;
        esac
        ploopu detach "$target"
        expect_equal "$(list_field '.attachments | length')" 0 "after detach by $way"
    done
    for ctid in 101 103; do attach $ctid >/dev/null; done
    ploopu detach --all
    expect_refusal 66 'no container 101 is attached' ploopu detach 101
    expect_refusal 66 'nothing that ploopu' ploopu detach /dev/null
}

case_a_device_in_use_is_refused_and_its_user_named() {
    device=$(attach 101 | device_of)
    node=${device}p1
    mkdir "$WORK/m"

    mount -o ro,noload "$node" "$WORK/m"
    expect_refusal 75 "mounted on $WORK/m" ploopu detach 101
    umount "$WORK/m"

    sleep 1000 <"$node" &
    holder=$!
    expect_refusal 75 "sleep (pid $holder) has it open" ploopu detach "$device"
    kill $holder
    wait $holder || true

    spare=$(losetup -f --show -r "$node")
    expect_refusal 75 "used by $spare" ploopu detach 101
    losetup -d "$spare"

    compare_with_raw "$device" "$FIXTURES/raw/101"
    ploopu detach 101
}

case_a_mount_in_use_is_refused_and_its_user_named() {
    mkdir "$WORK/m"
    mount_image 101 "$WORK/m" >/dev/null
    (cd "$WORK/m/etc" && exec sleep 1000) &
    holder=$!
    wait_for grep -q sleep /proc/$holder/comm
    expect_refusal 75 "sleep (pid $holder) uses $WORK/m" ploopu umount "$WORK/m"
    compare_tree "$WORK/m"
    kill $holder
    wait $holder || true
    ploopu umount "$WORK/m"
}

case_a_mount_in_another_namespace_is_seen() {
    device=$(attach 101 | device_of)
    mkdir "$WORK/m"
    unshare --mount --propagation private sh -c \
        "mount -o ro,noload ${device}p1 $WORK/m && touch $WORK/ready && exec sleep 1000" &
    holder=$!
    wait_for [ -e "$WORK/ready" ]
    expect_refusal 75 "mounted on $WORK/m in the mount namespace of" ploopu detach 101
    kill $holder
    wait $holder || true
    ploopu detach 101
}

# Services with a namespace of their own get copies of our mounts, and lose them with ours.
case_copies_by_propagation_do_not_hinder() {
    mkdir "$WORK/shared"
    mount -t tmpfs tmpfs "$WORK/shared"
    mount --make-shared "$WORK/shared"
    mkdir "$WORK/shared/m"
    unshare --mount --propagation slave sh -c "touch $WORK/ready && exec sleep 1000" &
    holder=$!
    wait_for [ -e "$WORK/ready" ]
    mount_image 101 "$WORK/shared/m" >/dev/null
    grep -q "$WORK/shared/m" /proc/$holder/mounts || fail 'there is no copy: the test tests nothing'
    ploopu umount "$WORK/shared/m"
    kill $holder
    wait $holder || true
    umount "$WORK/shared"
}

case_a_lazy_unmount_is_seen() {
    device=$(attach 101 | device_of)
    mkdir "$WORK/m"
    mount -o ro,noload "${device}p1" "$WORK/m"
    sleep 1000 <"$WORK/m/etc/motd" &
    holder=$!
    umount -l "$WORK/m"
    expect_refusal 75 'in use by something' ploopu detach 101
    kill $holder
    wait $holder || true
    ploopu detach 101
}

# ---- What must not happen

case_the_image_is_never_touched() {
    cp -r "$(bundle 102)" "$WORK/image"
    touch -a -d '2001-01-01' "$WORK"/image/*
    facts() { (cd "$WORK/image" && stat -c '%n %s %X %Y %Z %i' ./*); }
    facts >"$WORK/before"
    # Hashing reads, so the sums come from the original.
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

case_a_cut_image_gives_errors_not_zeros() {
    cp -r "$(bundle 101)" "$WORK/image"
    file=$WORK/image/root.hds
    size=$(stat -c %s "$file")
    cp "$file" "$WORK/whole"
    truncate -s $((size - 2621440)) "$file"
    device=$(attach -q "$WORK/image" | device_of)
    ploopu info "$WORK/image" --json | jq -r '.warnings[]' | grep -q 'reading what is missing gives EIO'
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

case_an_image_cut_while_attached() {
    cp -r "$(bundle 101)" "$WORK/image"
    file=$WORK/image/root.hds
    cp "$file" "$WORK/whole"
    device=$(attach -q "$WORK/image" | device_of)
    truncate -s 8M "$file"
    if cat "$device" >/dev/null 2>&1; then fail 'all of it could still be read'; fi
    cmp -n 1048576 "$device" "$FIXTURES/raw/101"
    dd if="$WORK/whole" of="$file" bs=1M conv=notrunc status=none
    blockdev --flushbufs "$device"
    compare_with_raw "$device" "$FIXTURES/raw/101"
    ploopu detach "$WORK/image"
}

case_an_image_that_is_deleted_can_be_read_and_detached() {
    cp -r "$(bundle 101)" "$WORK/image"
    device=$(attach "$WORK/image" | device_of)
    rm -r "$WORK/image"
    compare_with_raw "$device" "$FIXTURES/raw/101"
    ploopu detach "$WORK/image"
}

case_the_server_outlives_its_shell() {
    setsid sh -c "\"$PLOOPU\" --root \"$FIXTURES/root\" attach --backend $BACKEND 101 >\"$WORK/out\" 2>&1
        kill -HUP -\$\$" || true
    device=$(grep -v ^ploopu: "$WORK/out" | device_of)
    expect_equal "$(list_field '.attachments[0].state')" serving
    pid=$(list_field '.attachments[0].pid')
    expect_equal "$(cut -d ' ' -f 6 "/proc/$pid/stat")" "$pid" 'its session'
    for fd in 0 1 2; do expect_equal "$(readlink "/proc/$pid/fd/$fd")" /dev/null; done
    compare_with_raw "$device" "$FIXTURES/raw/101"
    ploopu detach 101
}

case_a_dead_server_is_seen_and_cleared_away() {
    device=$(attach 101 | device_of)
    pid=$(list_field '.attachments[0].pid')
    kill -9 "$pid"
    stale() { [ "$(list_field '.attachments[0].state')" = stale ]; }
    wait_for stale
    expect_equal "$(list_field '.attachments[0].device')" "$device"
    expect_refusal 75 'detach that first' attach 101
    ploopu detach 101
    attach 101 >/dev/null
    ploopu detach 101
}

# Killed where its intent is being written down, where the device exists but is not written down,
# and where all is done but the server hasn't been told to keep it.
case_a_killed_command_leaves_nothing() {
    nothing() { [ -z "$(leftovers)" ]; }
    for point in rename:1 rename:2 sendto:1; do
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

case_bad_input_is_one_line_and_leaves_nothing() {
    mkdir "$WORK/m"
    for command in info attach mount; do
        extra=
        [ $command != mount ] || extra=$WORK/m
        refused() {
            words=$2 code=$1
            shift 2
            # shellcheck disable=SC2086
            expect_refusal "$code" "$words" ploopu $command "$1" $extra
        }
        bad=$FIXTURES/bad
        refused 66 'no such file' /no/such/image
        refused 65 'is empty' "$bad/empty"
        refused 65 'truncated' "$bad/short"
        refused 65 'm_Size' "$bad/cut-table"
        refused 65 'not a ploop image' "$bad/magic"
        refused 65 'qcow2' "$bad/qcow2"
        refused 65 'neither a regular file' "$bad/fifo"
        refused 66 'DiskDescriptor.xml' "$bad/directory"
        refused 65 'not well-formed XML' "$bad/xml"
        refused 66 'gone.hds' "$bad/missing-delta"
        refused 66 'container 999: its private area' 999
        refused 66 'no such file' ../etc/passwd%
        refused 66 'not a container ID' 00101
        refused 64 'ploopu --help' --nonsense
        [ -z "$(leftovers)" ] || fail "$command left: $(leftovers)"
    done
    expect_refusal 65 'neither a partition table nor a file system' mount_image "$FIXTURES/bad/blank" "$WORK/m"
    expect_refusal 65 'no file system that is known' mount_image "$FIXTURES/bad/unknown-fs" "$WORK/m"
    expect_refusal 66 'mount point does not exist' mount_image 101 "$WORK/none"
    touch "$WORK/file"
    expect_refusal 66 'must be a directory' mount_image 101 "$WORK/file"
    mount -t tmpfs busy "$WORK/m"
    expect_refusal 75 'mounted there already' mount_image 101 "$WORK/m"
    umount "$WORK/m"
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
    expect_refusal 77 'only root can make a block device' nobody attach "$WORK/image"
    expect_refusal 77 'only root can make a block device' nobody mount "$WORK/image" "$WORK/m"
    chmod 000 "$WORK/image/root.hds"
    expect_refusal 77 'root.hds' nobody info "$WORK/image"
}

case_"$1"
