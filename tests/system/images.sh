# SPDX-License-Identifier: GPL-2.0-or-later
# Functions that make images with tools that are not ours: sfdisk, mkfs, qemu-img, libploop.
# shellcheck shell=sh
export PATH="$PATH:/usr/sbin:/sbin"

top_guid='{5fbaabe3-6958-40ff-92a7-860e329aab41}'
null_guid='{00000000-0000-0000-0000-000000000000}'

# make_tree DIR: files to put on a disk: small ones, a large one, links, odd names.
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

# checksums DIR: of every file below DIR, in a fixed order.
checksums() {
    (cd "$1" && find . -path ./lost+found -prune -o -type f -print | LC_ALL=C sort |
        tr '\n' '\0' | xargs -0 sha256sum)
}

# make_gpt_disk FILE SIZE_MIB TREE [MKE2FS_OPTION...]: one ext4 partition from 1 MiB on.
make_gpt_disk() {
    gpt_file=$1 gpt_size=$2 gpt_tree=$3
    shift 3
    truncate -s "${gpt_size}M" "$gpt_file"
    echo 'start=2048' | sfdisk -q --label gpt "$gpt_file"
    mke2fs -q -t ext4 -L root -d "$gpt_tree" -E offset=1048576 "$@" "$gpt_file" "$((gpt_size - 2))M"
}

# descriptor SECTORS CLUSTER_SECTORS FILE: a DiskDescriptor.xml for one image.
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

# make_host ROOT: the configuration of a host, under another root.
make_host() {
    mkdir -p "$1/etc/vz/conf" "$1/vz/private"
    # shellcheck disable=SC2016 # vzctl's own variable
    echo 'VE_PRIVATE="/vz/private/$VEID"' >"$1/etc/vz/vz.conf"
}

# make_container ROOT CTID RAW [CLUSTER_BYTES]: a container whose disk is RAW, written by qemu-img.
make_container() {
    bundle=$1/vz/private/$2/root.hdd
    mkdir -p "$bundle"
    echo 'ONBOOT="yes"' >"$1/etc/vz/conf/$2.conf"
    qemu-img convert -f raw -O parallels -o "cluster_size=${4:-1048576}" "$3" "$bundle/root.hds"
    descriptor "$(($(stat -c %s "$3") / 512))" "$((${4:-1048576} / 512))" root.hds \
        >"$bundle/DiskDescriptor.xml"
}

# ploop 1.15 reads past the end of its arguments: a large environment keeps that harmless.
ploop_tool() {
    if ! said=$(PADDING=$(printf %8000d 0) ploop "$@" 2>&1); then
        echo "ploop $*: $said" >&2
        return 1
    fi
}

# make_ploop_chain ROOT CTID FORMAT RAW_BEFORE RAW_AFTER: a v1 base (or a raw one) that libploop
# made, RAW_BEFORE in it, a snapshot taken by libploop, and what differs in RAW_AFTER on top.
make_ploop_chain() {
    bundle=$1/vz/private/$2/root.hdd
    mkdir -p "$bundle"
    echo 'ONBOOT="yes"' >"$1/etc/vz/conf/$2.conf"
    size=$(stat -c %s "$4")
    ploop_tool init -v 1 -t none -f "$3" -s "$((size / 1048576))M" "$bundle/root.hdd"
    if [ "$3" = raw ]; then
        cp --sparse=always "$4" "$bundle/root.hdd"
    else
        qemu-img convert -n -f raw -O parallels "$4" "$bundle/root.hdd"
    fi
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
