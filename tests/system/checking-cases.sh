# SPDX-License-Identifier: GPL-2.0-or-later
# Cases of check. debugfs shows independently which blocks belong to which file. Needs no device.
# run-cases.sh runs them; lib.sh lists what a case can use.
# shellcheck shell=sh

# lose BLOCK...: makes the table entries of these blocks of the partition in $WORK/raw lead nowhere. A block and a
# cluster are 4 KiB.
lose() {
    for block in "$@"; do
        printf '\377\377\377\377' | dd of="$WORK/root/vz/private/7/root.hdd/root.hds" bs=1 \
            seek=$((64 + 4 * (256 + block))) conv=notrunc status=none
    done
}

judge() { debugfs -R "$1" "$WORK/raw?offset=1048576" 2>/dev/null; }

# block_of PATH N: prints the number of the Nth block of a file.
block_of() { judge "blocks $1" | tr -s ' \n' '\n' | sed -n "$2p"; }

# check_files: writes the result of check --files to $WORK/json and its exit code to $code.
check_files() {
    code=0
    "$PLOOPU" --root "$WORK/root" check 7 --files --json >"$WORK/json" || code=$?
    expect_equal $code 2
}

make_damaged_container() {
    make_tree "$WORK/tree"
    ln "$WORK/tree/etc/motd" "$WORK/tree/second name"
    make_gpt_disk "$WORK/raw" 32 "$WORK/tree" -b 4096
    make_host "$WORK/root"
    make_container "$WORK/root" 7 "$WORK/raw" 4096
}

case_check_names_lost_files() {
    make_damaged_container
    free=$(judge 'ffb 1 7000' | sed 's/.*: *//')
    lost="$(block_of /etc/motd 1) $(block_of /home/user/numbers 3) $(block_of /home/user/numbers 4)
        $(block_of /home/user/random 700) $(block_of /var/file-7 1) $(block_of '<8>' 5) $free"
    # shellcheck disable=SC2086 # a list
    lose $lost
    check_files
    jq -r '.files[] | select(.path[0:1] == "/") | "\(.inode)\t\(.path)"' "$WORK/json" |
        sort -u >"$WORK/ours"
    # debugfs takes its list in one line.
    inodes=$(judge "icheck $(echo "$lost" | tr '\n' ' ')" | awk '$2 ~ /^[0-9]+$/ { print $2 }')
    judge "ncheck $(echo "$inodes" | tr '\n' ' ')" | sed 1d | sed 's|//|/|' | sort -u >"$WORK/theirs"
    diff "$WORK/ours" "$WORK/theirs" || fail 'debugfs names other files'
    expect_equal "$(wc -l <"$WORK/ours")" 5
    expect_equal "$(jq -c '[.files[] | select(.path == "(journal)") | .inode, .length]' "$WORK/json")" \
        '[8,4096]'
    expect_equal "$(jq -c '[.files[] | select(.path == "/home/user/numbers") | .part, .start, .length]' \
        "$WORK/json")" "[\"data\",$((1048576 + 4096 * $(block_of /home/user/numbers 3))),8192]"
    expect_equal "$(jq -c '[.unclaimed_bytes, .metadata]' "$WORK/json")" '[4096,[]]'
}

case_check_names_lost_metadata() {
    make_damaged_container
    # A lost block of a directory takes the names of its entries with it.
    lose "$(block_of /home/user 1)" "$(block_of /home/user/random 1)"
    check_files
    expect_equal "$(jq -c '[.files[] | [.path, .part]]' "$WORK/json")" \
        '[["/home/user","directory"],[null,"data"]]'
    # Loses a block with the inodes of two files.
    make_container "$WORK/root" 7 "$WORK/raw" 4096
    inode=$(judge 'stat /var/file-30' | sed -n 's/^Inode: *\([0-9]*\).*/\1/p')
    lose "$(judge "imap <$inode>" | sed -n 's/.*at block \([0-9]*\),.*/\1/p')"
    check_files
    jq -e '.files[] | select(.path == "/var/file-30" and .part == "inode")' "$WORK/json" >/dev/null
    expect_equal "$(jq -c '[.metadata[] | .what, .length]' "$WORK/json")" '["inode table",4096]'
    expect_equal "$(jq -c '[.files[].part] | unique' "$WORK/json")" '["inode"]'
}

# Loses all metadata of the first block group, superblock included.
case_check_takes_a_copy_of_a_lost_superblock() {
    make_damaged_container
    e2fsck -fn "$WORK/raw?offset=1048576" >/dev/null
    rm -rf "$WORK/raw"
    truncate -s 200M "$WORK/raw"
    echo 'start=2048' | sfdisk -q --label gpt "$WORK/raw"
    mke2fs -q -t ext4 -b 4096 -d "$WORK/tree" -E offset=1048576 "$WORK/raw" 198M
    make_container "$WORK/root" 7 "$WORK/raw" 4096
    lose 0 1 "$(block_of /etc/motd 1)"
    check_files
    jq -e '.files[] | select(.path == "/etc/motd")' "$WORK/json" >/dev/null
    jq -e '.warnings[] | select(test("copy at block 32768"))' "$WORK/json" >/dev/null
    expect_equal "$(jq -c '[.metadata[].what]' "$WORK/json")" '["superblock","group descriptors"]'
    # If all copies are lost, the warning names the partition.
    lose 32768
    check_files
    jq -e '.warnings[] | select(test("partition 1 can.t be opened"))' "$WORK/json" >/dev/null
    expect_equal "$(jq -c .files "$WORK/json")" '[]'
}

# The map block consists of pointers to itself, three levels deep: 1024^3 blocks to visit.
case_check_is_not_led_in_circles() {
    truncate -s 16M "$WORK/raw"
    mke2fs -q -t ext2 -b 4096 "$WORK/raw"
    cat >"$WORK/commands" <<CMD
write /dev/null loop
set_inode_field /loop block[TIND] 3000
set_inode_field /loop block[DIND] 3000
CMD
    debugfs -w -f "$WORK/commands" "$WORK/raw" >/dev/null 2>&1
    i=0
    while [ $i -lt 1024 ]; do
        printf '\270\013\000\000' # block 3000
        i=$((i + 1))
    done | dd of="$WORK/raw" bs=4096 seek=3000 conv=notrunc status=none
    make_host "$WORK/root"
    make_container "$WORK/root" 7 "$WORK/raw" 4096
    printf '\377\377\377\377' | dd of="$WORK/root/vz/private/7/root.hdd/root.hds" bs=1 \
        seek=$((64 + 4 * 3500)) conv=notrunc status=none
    check_files
    jq -e '.warnings[] | select(test("has loops"))' "$WORK/json" >/dev/null
}

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
        # blkid reads the disk from which the image was made.
        ploopu info $ctid --json | jq -r '.partitions[] | select(.fstype) | .start' |
            while read -r start; do
                blkid -p -O "$start" -o value -s UUID "$FIXTURES/raw/$ctid"
            done >"$WORK/theirs"
        cmp "$WORK/ours" "$WORK/theirs" || fail "UUIDs of $ctid"
        [ -s "$WORK/ours" ] || fail "no file system in $ctid"
    done
    expect_equal "$(ploopu list --json | jq '.attachments | length')" 0
}

# QEMU shows independently which ranges of a bitmap are dirty, and which extensions are broken.
case_a_dirty_bitmap_is_what_qemu_sees() {
    image=$WORK/image
    qemu-img create -q -f parallels -o cluster_size=65536 "$image" 100000K
    qemu-io -f parallels -c 'write -q -P 7 1M 128k' "$image"
    { le 4 0x00ff8001 && head -c 190 /dev/zero && le 4 0xffffffff; } >"$WORK/bits"
    add_bitmap "$image" 65536 "$WORK/bits"
    id=00112233-4455-6677-8899-aabbccddeeff
    # qemu-nbd ends with its only client.
    qemu-nbd --fork -r -f parallels --bitmap=$id -k "$WORK/socket" "$image"
    theirs=$(qemu-img map --output=json --image-opts "driver=nbd,server.type=unix,server.path=$WORK/socket,x-dirty-bitmap=qemu:dirty-bitmap:$id" |
        jq '[.[] | select(.data | not) | .length] | add')
    expect_equal "$(ploopu info "$image" --json | jq -c '.deltas[0].extension')" \
        "{\"state\":\"valid\",\"bitmaps\":[{\"id\":\"$id\",\"size\":102400000,\"granularity\":65536,\"bytes_dirty\":$theirs}]}"
    expect_equal "$theirs" $((10 * 65536 + 10 * 65536 + 32768))
    ploopu check "$image" >/dev/null || fail "check of a sound bitmap: $?"
    le 1 1 | patch "$image" $(($(stat -c %s "$image") - 131072 + 1000))
    if qemu-img info -f parallels "$image" >/dev/null 2>&1; then fail 'QEMU takes it for sound'; fi
    expect_equal "$(ploopu info -q "$image" --json | jq -r '.deltas[0].extension.state')" corrupt
    code=0
    ploopu check "$image" --json >"$WORK/json" || code=$?
    expect_equal "$code $(jq -c '[.errors[].kind] + .lost' "$WORK/json")" '2 ["extension"]'
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
        refused 65 'gone.hds' "$bad/missing-delta"
        refused 66 'container 999: its private area' 999
        refused 66 'no such file' ../etc/passwd%
        refused 66 'not a container ID' 00101
        refused 64 "ploopu $command --help" --nonsense
        [ -z "$(leftovers)" ] || fail "$command left: $(leftovers)"
    done
    expect_refusal 65 'no known partition table or file system' mount_image "$FIXTURES/bad/blank" "$WORK/m"
    expect_refusal 65 'no known file system' mount_image "$FIXTURES/bad/unknown-fs" "$WORK/m"
    expect_refusal 66 'mount point does not exist' mount_image 101 "$WORK/none"
    touch "$WORK/file"
    expect_refusal 66 'must be a directory' mount_image 101 "$WORK/file"
    mount -t tmpfs busy "$WORK/m"
    expect_refusal 75 'already mounted there' mount_image 101 "$WORK/m"
    umount "$WORK/m"
}
