# SPDX-License-Identifier: GPL-2.0-or-later
# Functions that make images with tools of others: sfdisk, mkfs, qemu-img, libploop.
# shellcheck shell=sh
export PATH="$PATH:/usr/sbin:/sbin"

top_guid='{5fbaabe3-6958-40ff-92a7-860e329aab41}'
null_guid='{00000000-0000-0000-0000-000000000000}'

# make_tree DIR: makes files to put on a disk: small files, a large file, links, odd names.
make_tree() {
    mkdir -p "$1/etc" "$1/home/user" "$1/var/empty"
    echo 'container101' >"$1/etc/hostname"
    echo 'Welcome to the container' >"$1/etc/motd"
    seq 1 200000 >"$1/home/user/numbers"
    printf 'x' >"$1/home/user/one byte"
    : >"$1/home/user/empty"
    ln -s ../etc/hostname "$1/home/link"
    dd if=/dev/urandom of="$1/home/user/random" bs=1M count=3 status=none
    i=0
    while [ $i -lt 40 ]; do
        echo "file number $i" >"$1/var/file-$i"
        i=$((i + 1))
    done
}

# checksums DIR: prints the checksums of all files below DIR, in a fixed order.
checksums() {
    (cd "$1" && find . -path ./lost+found -prune -o -type f -print | LC_ALL=C sort |
        tr '\n' '\0' | xargs -0 sha256sum)
}

# make_gpt_disk FILE SIZE_MIB TREE [MKE2FS_OPTION...]: makes a disk with an ext4 partition from 1 MiB on.
make_gpt_disk() {
    gpt_file=$1 gpt_size=$2 gpt_tree=$3
    shift 3
    truncate -s "${gpt_size}M" "$gpt_file"
    echo 'start=2048' | sfdisk -q --label gpt "$gpt_file"
    mke2fs -q -t ext4 -L root -d "$gpt_tree" -E offset=1048576 "$@" "$gpt_file" "$((gpt_size - 2))M"
}

# descriptor SECTORS CLUSTER_SECTORS FILE: prints a DiskDescriptor.xml for a lone image.
descriptor() {
    cat <<XML
<?xml version="1.0"?>
<Parallels_disk_image Version="1.0">
  <Disk_Parameters>
    <Disk_size>$1</Disk_size>
    <Padding>0</Padding>
  </Disk_Parameters>
  <StorageData>
    <Storage>
      <Start>0</Start>
      <End>$1</End>
      <Blocksize>$2</Blocksize>
      <Image>
        <GUID>$top_guid</GUID>
        <Type>Compressed</Type>
        <File>$3</File>
      </Image>
    </Storage>
  </StorageData>
  <Snapshots>
    <TopGUID>$top_guid</TopGUID>
    <Shot>
      <GUID>$top_guid</GUID>
      <ParentGUID>$null_guid</ParentGUID>
    </Shot>
  </Snapshots>
</Parallels_disk_image>
XML
}

# make_host ROOT: makes the configuration of a host, below another root.
make_host() {
    mkdir -p "$1/etc/vz/conf" "$1/vz/private"
    # shellcheck disable=SC2016 # vzctl's own variable
    echo 'VE_PRIVATE="/vz/private/$VEID"' >"$1/etc/vz/vz.conf"
}

# make_container ROOT CTID RAW [CLUSTER_BYTES]: makes a container whose disk is RAW, written by qemu-img.
make_container() {
    bundle=$1/vz/private/$2/root.hdd
    mkdir -p "$bundle"
    echo 'ONBOOT="yes"' >"$1/etc/vz/conf/$2.conf"
    qemu-img convert -f raw -O parallels -o "cluster_size=${4:-1048576}" "$3" "$bundle/root.hds"
    descriptor "$(($(stat -c %s "$3") / 512))" "$((${4:-1048576} / 512))" root.hds \
        >"$bundle/DiskDescriptor.xml"
}

# ploop 1.15 reads past the end of its arguments, which a large environment makes harmless.
ploop_tool() {
    if ! said=$(PADDING=$(printf %8000d 0) ploop "$@" 2>&1); then
        echo "ploop $*: $said" >&2
        return 1
    fi
}

# make_v1_container ROOT CTID FORMAT RAW: makes a container with a v1 or raw image of libploop's, and writes RAW to it.
make_v1_container() {
    bundle=$1/vz/private/$2/root.hdd
    mkdir -p "$bundle"
    echo 'ONBOOT="yes"' >"$1/etc/vz/conf/$2.conf"
    ploop_tool init -v 1 -t none -f "$3" -s "$(($(stat -c %s "$4") / 1048576))M" "$bundle/root.hdd"
    if [ "$3" = raw ]; then
        cp --sparse=always "$4" "$bundle/root.hdd"
    else
        qemu-img convert -n -f raw -O parallels "$4" "$bundle/root.hdd"
    fi
}

# make_ploop_chain ROOT CTID FORMAT RAW_BEFORE RAW_AFTER: makes such a container with RAW_BEFORE, takes a snapshot with
# libploop, and writes the differences of RAW_AFTER to the top.
make_ploop_chain() {
    make_v1_container "$1" "$2" "$3" "$4"
    size=$(stat -c %s "$4")
    ploop_tool snapshot "$bundle/DiskDescriptor.xml"
    delta=$(ls "$bundle"/root.hdd.*)
    piece=$bundle/piece
    cluster=0
    while [ $((cluster * 1048576)) -lt "$size" ]; do
        dd if="$5" of="$piece" bs=1M skip=$cluster count=1 status=none
        if ! dd if="$4" bs=1M skip=$cluster count=1 status=none | cmp -s - "$piece"; then
            qemu-io -f parallels -c "write -q -s $piece ${cluster}M 1M" "$delta"
        fi
        cluster=$((cluster + 1))
    done
    rm "$piece"
}

# le BYTES NUMBER: prints the number in BYTES bytes, little-endian.
le() {
    le_left=$2 le_count=$1
    while [ "$le_count" -gt 0 ]; do
        # shellcheck disable=SC2059 # an octal escape
        printf "\\$(printf %o $((le_left & 255)))"
        le_left=$((le_left >> 8)) le_count=$((le_count - 1))
    done
}

# patch FILE OFFSET: writes standard input to the file at OFFSET.
patch() { dd of="$1" bs=64k oflag=seek_bytes seek="$2" conv=notrunc status=none; }

# add_bitmap FILE CLUSTER_BYTES BITMAP: appends a format extension to a v2 image, as libploop does, and a dirty bitmap
# whose bits are the file BITMAP. A bit stands for 64 KiB.
add_bitmap() {
    sector=$(($(stat -c %s "$1") / 512))
    {
        le 4 0x252CB34A && le 4 0x20385FAE && le 8 0 && le 4 40 && le 4 0
        dd if="$1" bs=1 skip=36 count=8 status=none # the number of sectors of the disk
        le 4 0x33221100 && le 4 0x77665544 && le 4 0xbbaa9988 && le 4 0xffeeddcc
        le 4 128 && le 4 1 && le 8 $((sector + $2 / 512))
    } >"$1.features"
    truncate -s $(($2 - 24)) "$1.features"
    sum=$(md5sum "$1.features" | cut -c 1-32)
    {
        le 4 0x23DCEA87 && le 4 0xAB234CEF
        for byte in $(echo "$sum" | sed 's/../0x& /g'); do le 1 "$byte"; done
        cat "$1.features"
    } | patch "$1" $((sector * 512))
    rm "$1.features"
    patch "$1" $((sector * 512 + $2)) <"$3"
    truncate -s $((sector * 512 + 2 * $2)) "$1"
    printf v2.1 | patch "$1" 44
    le 8 $sector | patch "$1" 56
}

# make_files DIR WORD: makes 20 small files with contents that depend on WORD, one of which looks like a block of a
# journal, and a file whose contents don't depend on WORD.
make_files() {
    mkdir -p "$1"
    for number in $(seq -w 20); do echo "$2 file $number" >"$1/$number"; done
    { printf '\300\073\071\230' && echo "$2"; } >"$1/20"
    echo same >"$1/same"
}

# replace_files FS DIR: replaces the numbered files in the file system FS by the files in DIR.
replace_files() {
    for number in $(seq -w 20); do
        echo "rm $number"
        echo "write $2/$number $number"
    done | debugfs -w -f - "$1" >/dev/null 2>&1
}

# differing_blocks BLOCK_SIZE FILE OTHER: prints the numbers of the blocks that differ.
differing_blocks() {
    { cmp -l "$2" "$3" || true; } | awk -v size="$1" '{ print int(($1 - 1) / size) }' | uniq
}

# copy_blocks BLOCK_SIZE FILE NUMBER...: prints these blocks, one after the other.
copy_blocks() {
    copy_size=$1 copy_from=$2
    shift 2
    for block; do dd if="$copy_from" bs="$copy_size" skip="$block" count=1 status=none; done
}

# make_dirty_journal FS BLOCK_SIZE CHECKSUMS: gives FS, which has the files of make_files, a journal that makes their
# contents new, but only if all rules of the replay are kept: a later transaction replaces the blocks of an earlier one,
# a revoked block isn't written, and a transaction without a commit doesn't count. CHECKSUMS are options of debugfs'
# journal_open.
make_dirty_journal() {
    states=$1.work
    make_files "$states/between" between
    make_files "$states/new" new
    cp "$1" "$states/between.fs"
    replace_files "$states/between.fs" "$states/between"
    cp "$states/between.fs" "$states/new.fs"
    replace_files "$states/new.fs" "$states/new"
    # The superblock in the journal must have this feature, too, as the kernel's has.
    for state in between new; do debugfs -w -R 'feature needs_recovery' "$states/$state.fs" >/dev/null 2>&1; done
    first=$(differing_blocks "$2" "$1" "$states/between.fs")
    # The second transaction must contain every block that the first one changed.
    second=$(printf '%s\n' "$first" "$(differing_blocks "$2" "$states/between.fs" "$states/new.fs")" | sort -nu)
    same=$(debugfs -R 'bmap same 0' "$1" 2>/dev/null)
    # shellcheck disable=SC2086 # numbers
    {
        { copy_blocks "$2" "$states/between.fs" $first && printf "%$2d" 0; } >"$states/first"
        copy_blocks "$2" "$states/new.fs" $second >"$states/second"
        for block in $second; do printf "%$2d" 0; done >"$states/third"
    }
    list() { printf '%s\n' "$1" | paste -sd ,; }
    # Reopens the journal, since debugfs miscalculates the end of a transaction with a revocation.
    debugfs -w -f - "$1" >"$states/log" 2>&1 <<CMD
journal_open $3
journal_write -b $(list "$first"),$same $states/first
journal_write -b $(list "$second") -r $same $states/second
journal_close
journal_open
journal_write -b $(list "$second") -c $states/third
journal_close
CMD
    # e2fsprogs replays the journal in a copy, and must find the file system sound and the files new.
    cp "$1" "$states/replayed.fs"
    e2fsck -y -E journal_only "$states/replayed.fs" >>"$states/log" 2>&1 || true
    mkdir "$states/replayed"
    debugfs -R "rdump / $states/replayed" "$states/replayed.fs" >>"$states/log" 2>&1
    rmdir "$states/replayed/lost+found"
    if ! e2fsck -fn "$states/replayed.fs" >>"$states/log" 2>&1 ||
        ! diff -rq "$states/new" "$states/replayed" >>"$states/log"; then
        echo "$1: its journal can't be replayed: $(cat "$states/log")" >&2
        return 1
    fi
    rm -r "$states"
}

# put_on_gpt_disk FS FILE: makes a disk with the partition FS from 1 MiB on.
put_on_gpt_disk() {
    truncate -s $(($(stat -c %s "$1") + 2097152)) "$2"
    echo 'start=2048' | sfdisk -q --label gpt "$2"
    dd if="$1" of="$2" bs=1M seek=1 conv=notrunc,sparse status=none
}
