# SPDX-License-Identifier: GPL-2.0-or-later
# What check says, with debugfs as the judge of which files lie where. Needs no device.
# Run by run-cases.sh; see lib.sh for what a case has.
# shellcheck shell=sh

# lose BLOCK...: makes the table entries of these blocks of 4 KiB of $WORK/raw's partition, which is
# its cluster size, lead nowhere.
lose() {
    for block in "$@"; do
        printf '\377\377\377\377' | dd of="$WORK/root/vz/private/7/root.hdd/root.hds" bs=1 \
            seek=$((64 + 4 * (256 + block))) conv=notrunc status=none
    done
}

judge() { debugfs -R "$1" "$WORK/raw?offset=1048576" 2>/dev/null; }

# block_of PATH N: the Nth block of a file.
block_of() { judge "blocks $1" | tr -s ' \n' '\n' | sed -n "$2p"; }

# check_files: what ploopu says about the files.
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
    # debugfs wants its list in one line.
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
    # A directory: its entries are gone, and with them the names of what is in it.
    lose "$(block_of /home/user 1)" "$(block_of /home/user/random 1)"
    check_files
    expect_equal "$(jq -c '[.files[] | [.path, .part]]' "$WORK/json")" \
        '[["/home/user","directory"],[null,"data"]]'
    # The inodes of two files.
    make_container "$WORK/root" 7 "$WORK/raw" 4096
    inode=$(judge 'stat /var/file-30' | sed -n 's/^Inode: *\([0-9]*\).*/\1/p')
    lose "$(judge "imap <$inode>" | sed -n 's/.*at block \([0-9]*\),.*/\1/p')"
    check_files
    jq -e '.files[] | select(.path == "/var/file-30" and .part == "inode")' "$WORK/json" >/dev/null
    expect_equal "$(jq -c '[.metadata[] | .what, .length]' "$WORK/json")" '["inode table",4096]'
    expect_equal "$(jq -c '[.files[].part] | unique' "$WORK/json")" '["inode"]'
}

# Everything that the file system says about itself in its first group.
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
    # Without any copy it is said which partition it is about.
    lose 32768
    check_files
    jq -e '.warnings[] | select(test("partition 1 can.t be opened"))' "$WORK/json" >/dev/null
    expect_equal "$(jq -c .files "$WORK/json")" '[]'
}

# A map block that consists of pointers to itself, three levels deep: 1024^3 blocks to visit.
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
        printf '\270\013\000\000' # 3000
        i=$((i + 1))
    done | dd of="$WORK/raw" bs=4096 seek=3000 conv=notrunc status=none
    make_host "$WORK/root"
    make_container "$WORK/root" 7 "$WORK/raw" 4096
    printf '\377\377\377\377' | dd of="$WORK/root/vz/private/7/root.hdd/root.hds" bs=1 \
        seek=$((64 + 4 * 3500)) conv=notrunc status=none
    check_files
    jq -e '.warnings[] | select(test("leads in circles"))' "$WORK/json" >/dev/null
}
