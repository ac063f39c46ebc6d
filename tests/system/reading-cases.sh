# SPDX-License-Identifier: GPL-2.0-or-later
# Cases of the contents that devices, mounts and info show.
# run-cases.sh runs them with every back end and kernel; lib.sh lists what a case can use.
# shellcheck shell=sh disable=SC2217,SC2317 # sleep needs no input; cases are called by name

case_doctor_knows_what_works_here() {
    ploopu doctor --json >"$WORK/report"
    jq -e --arg name "$BACKEND" '.can_mount and (.backends[] | select(.name == $name) | .usable)' "$WORK/report" ||
        fail "$(cat "$WORK/report")"
    # Back ends that doctor calls unusable are refused by attach.
    for other in $(jq -r '.backends[] | select(.usable | not) | .name' "$WORK/report"); do
        expect_refusal 69 "$other: .*'ploopu doctor'" ploopu attach 101 --backend "$other"
    done
    # Users other than root can't mount.
    setpriv --reuid 65534 --clear-groups "$PLOOPU" doctor --json >"$WORK/report" && fail 'nobody can mount'
    expect_equal "$(jq -r '.can_mount' "$WORK/report")" false
}

case_devices_equal_their_sources() {
    for ctid in 101 102 103 104 105 106 107 108; do
        attach $ctid >"$WORK/devices"
        device=$(device_of <"$WORK/devices")
        compare_with_raw "$device" "$FIXTURES/raw/$ctid"
        expect_equal "$(blockdev --getro "$device")" 1
        expect_equal "$(blockdev --getss "$device")" 512
        expect_equal "$(blockdev --getsize64 "$device")" "$(stat -L -c %s "$FIXTURES/raw/$ctid")"
        # Each partition node shows the right part of the disk, which must not be all zeros.
        ploopu attach $ctid --json 2>/dev/null >"$WORK/json"
        jq -r '.partitions[] | "\(.device) \(.start) \(.size)"' "$WORK/json" >"$WORK/partitions"
        case $ctid in 104) expected=3 ;; 108) expected=2 ;; *) expected=1 ;; esac
        expect_equal "$(wc -l <"$WORK/partitions")" $expected 'partitions'
        while read -r node start size; do
            # The kernel makes an extended partition's node two sectors long.
            if [ "$size" -le 1048576 ] || [ "$(blockdev --getsize64 "$node")" = 1024 ]; then continue; fi
            cmp -n 1048576 "$node" "$FIXTURES/raw/$ctid" 0 "$start" || fail "$node is not at $start"
            dd if="$node" bs=1M count=1 status=none | tr -d '\0' | grep -qc . || fail "$node is empty"
        done <"$WORK/partitions"
        ploopu detach "$device"
    done
}

# The kernel finds no partition, so ploopu adds the nodes from its own look at the table. On a device with larger blocks
# the kernel finds them, but misreads every other table.
case_h82_a_partition_table_in_other_units() {
    mkdir "$WORK/m"
    for table in 4096 marked; do
        image=$FIXTURES/units/$table
        attach "$image" --json 2>/dev/null >"$WORK/json"
        expect_equal "$(blockdev --getss "$(jq -r .device "$WORK/json")")" 512 'bytes of a block'
        expect_equal "$(jq -c '[.partitions[] | [.number, .start, .size]]' "$WORK/json")" \
            '[[1,1048576,31457280]]'
        node=$(jq -r '.partitions[0].device' "$WORK/json")
        expect_equal "$(blockdev --getsize64 "$node")" 31457280
        cmp -n 31457280 "$node" "$image.raw" 0 1048576 || fail "$node is not at 1 MiB"
        ploopu detach "$(jq -r .device "$WORK/json")"
    done
    jq -r '.warnings[]' "$WORK/json" | grep -q 'XXX PART'
    mount_image -q "$image" "$WORK/m" >/dev/null
    compare_tree "$WORK/m"
    ploopu umount "$WORK/m"
}

# The kernel's own scan makes 252 nodes for this table.
case_h80_a_partition_table_without_end() {
    truncate -s 64M "$WORK/raw"
    printf 'label: dos\nstart=2048, type=5\nstart=4096, size=2048, type=83\n' | sfdisk -q "$WORK/raw"
    # The extended record refers to itself.
    printf '\005' | patch "$WORK/raw" $((2048 * 512 + 462 + 4))
    printf '\000\010\000\000' | patch "$WORK/raw" $((2048 * 512 + 462 + 12))
    qemu-img convert -f raw -O parallels "$WORK/raw" "$WORK/image"
    if [ "$BACKEND" = nbd ]; then
        expect_refusal 65 'too many partitions' attach "$WORK/image"
        ploopu attach "$WORK/image" >"$WORK/devices" 2>"$WORK/notes"
        grep -q 'nbd: .*too many partitions.*: using .* instead' "$WORK/notes" || fail "$(cat "$WORK/notes")"
    else
        attach "$WORK/image" >"$WORK/devices"
    fi
    expect_equal "$(wc -l <"$WORK/devices")" 3 "devices: $(cat "$WORK/devices")"
    device=$(device_of <"$WORK/devices")
    compare_with_raw "$device" "$WORK/raw"
    while read -r node; do [ -b "$node" ] || fail "$node"; done <"$WORK/devices"
    case $device in
    /dev/loop*)
        expect_equal "$(find "/sys/block/${device#/dev/}/" -maxdepth 1 -name 'loop*p*' | wc -l)" 2 'partitions'
        ;;
    esac
    ploopu detach "$device"
    sed 1d "$WORK/devices" >"$WORK/partitions"
    while read -r node; do [ ! -e "$node" ] || fail "$node stays"; done <"$WORK/partitions"
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

# In a predecessor of ploopu every position of an image over 256 GB was wrong.
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
    # QEMU reads these files; the test tells it their order.
    directory=$(bundle 102)
    top=$(ls "$directory"/root.hdd.*)
    qemu-img convert -O raw --image-opts "driver=parallels,file.filename=$top,backing.driver=parallels,backing.file.filename=$directory/root.hdd" "$WORK/qemu"
    device=$(attach 102 | device_of)
    compare_with_raw "$device" "$WORK/qemu"
    ploopu detach 102
}

# The live state and the snapshot below it are attached side by side, and each is right.
case_a_snapshot_beside_the_live_state() {
    live=$(attach 102 | device_of)
    older=$(attach -s base 102 | device_of)
    [ "$live" != "$older" ] || fail 'one device for two states'
    compare_with_raw "$live" "$FIXTURES/raw/102"
    compare_with_raw "$older" "$FIXTURES/older/102"
    guid=$(ploopu snapshots 102 --json | jq -r '.snapshots[0].guid')
    expect_equal "$(list_field ".attachments[] | select(.snapshot == \"$guid\") | .device")" "$older"
    # The path of the delta names that state, too.
    expect_equal "$(attach -q "$(bundle 102)/root.hdd" | device_of)" "$older"
    mkdir "$WORK/m"
    mount_image 102 "$WORK/m" --snapshot "$(echo "$guid" | cut -c 2-9)" >/dev/null
    compare_tree "$WORK/m"
    ploopu detach 102
    expect_equal "$(list_field '.attachments | length')" 0
}

case_every_file_of_a_mount_is_right() {
    for ctid in 101 103 104 106; do
        mkdir "$WORK/$ctid"
        mount_image -q $ctid "$WORK/$ctid" --journal skip >/dev/null
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

# Set-user-ID programs, device nodes and links of an image have no effect on a mount, unless the user allows them.
case_h77_setuid_programs_device_nodes_and_links() {
    mkdir "$WORK/tree" "$WORK/m"
    cp "$(command -v id)" "$WORK/tree/id"
    chmod 4755 "$WORK/tree/id"
    mknod "$WORK/tree/zero" c 1 5
    chmod 666 "$WORK/tree/zero"
    echo secret >"$WORK/secret"
    ln -s "$WORK/secret" "$WORK/tree/link"
    truncate -s 8M "$WORK/raw"
    mke2fs -q -F -t ext4 -d "$WORK/tree" "$WORK/raw"
    qemu-img convert -f raw -O parallels "$WORK/raw" "$WORK/image"
    user_of_program() { setpriv --reuid=65534 --regid=65534 --clear-groups "$WORK/m/id" -u; }

    mount_image "$WORK/image" "$WORK/m" >/dev/null
    expect_equal "$(user_of_program)" 65534
    if head -c 1 "$WORK/m/zero" >/dev/null 2>&1; then fail 'a device node can be opened'; fi
    ploopu umount "$WORK/m"
    mount_image "$WORK/image" "$WORK/m" -o noexec,nosymfollow >/dev/null
    if user_of_program 2>/dev/null; then fail 'it was run'; fi
    if cat "$WORK/m/link" 2>/dev/null; then fail 'a link was followed'; fi
    expect_equal "$(readlink "$WORK/m/link")" "$WORK/secret"
    ploopu umount "$WORK/m"

    # Shows that the checks above can fail.
    mount_image "$WORK/image" "$WORK/m" -o suid,dev >/dev/null 2>&1
    expect_equal "$(user_of_program)" 0
    expect_equal "$(head -c 1 "$WORK/m/zero" | wc -c)" 1
    expect_equal "$(cat "$WORK/m/link")" secret
    ploopu umount "$WORK/m"
}

case_h78_a_rare_file_system_is_not_mounted() {
    mkdir "$WORK/m"
    truncate -s 4M "$WORK/raw"
    mkfs.minix "$WORK/raw" >/dev/null
    qemu-img convert -f raw -O parallels "$WORK/raw" "$WORK/image"
    expect_refusal 65 'holds minix: only ext2' mount_image "$WORK/image" "$WORK/m"
    expect_refusal 64 'give one type' mount_image "$WORK/image" "$WORK/m" -t auto
    expect_equal "$(list_field '.attachments | length')" 0
    if grep " $WORK/m " /proc/self/mounts; then fail 'it is mounted'; fi
}

# Such variables must neither print debugging output, nor name another fstab, nor remove the safe mount options.
case_h69_variables_that_libraries_heed() {
    mkdir "$WORK/m"
    env LIBMOUNT_DEBUG=all LIBMOUNT_FORCE_MOUNT2=always LIBMOUNT_FSTAB="$WORK/fstab" \
        LIBBLKID_DEBUG=all LIBSMARTCOLS_DEBUG=all BLKID_FILE="$WORK/cache" TMPDIR="$WORK/none" \
        "$PLOOPU" --root "$FIXTURES/root" mount --backend "$BACKEND" 101 "$WORK/m" \
        >"$WORK/stdout" 2>"$WORK/stderr"
    if grep -e libmount: -e libblkid: -e libsmartcols: "$WORK/stderr"; then fail 'they were heeded'; fi
    expect_equal "$(wc -l <"$WORK/stdout")" 1
    grep -q " $WORK/m ext4 ro,nosuid,nodev," /proc/self/mounts
    ploopu umount "$WORK/m"
}

# Labels are escaped wherever they are shown, and no node, name or record is named after them.
case_h83_a_label_of_any_bytes() {
    mkdir "$WORK/m"
    truncate -s 8M "$WORK/raw"
    # shellcheck disable=SC2016 # nothing of it is run
    mke2fs -q -F -t ext4 -L "$(printf 'a\033[2J\n$(x)/../b')" "$WORK/raw"
    qemu-img convert -f raw -O parallels "$WORK/raw" "$WORK/image"
    for format in --json ''; do
        # shellcheck disable=SC2086 # none or one word
        ploopu info $format "$WORK/image" >"$WORK/shown"
        # shellcheck disable=SC2016 # nothing of it is run
        grep -q '\\x1b\[2J\\*x0a$(x)/../b' "$WORK/shown" || fail "$(cat "$WORK/shown")"
        expect_equal "$(tr -d '\n -~' <"$WORK/shown" | wc -c)" 0 'control characters'
    done
    mount_image "$WORK/image" "$WORK/m" >"$WORK/shown"
    expect_equal "$(cat "$WORK/shown" /run/ploopu/*/attachment.json | grep -c '2J')" 0
    ploopu umount "$WORK/m"
}

case_a_journal_that_is_not_replayed_is_said() {
    mkdir "$WORK/m"
    mount_image 106 "$WORK/m" --json --journal skip >"$WORK/json"
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
