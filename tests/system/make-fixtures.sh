#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# make-fixtures.sh DIR: makes the images for the system tests. DIR/raw/CTID is the disk that the device of a container
# must show, DIR/tree the files on it.
set -eu
. "$(dirname "$0")/images.sh"

out=$1
rm -rf "$out"
mkdir -p "$out/raw" "$out/bad"
root=$out/root
make_host "$root"
make_tree "$out/tree"
checksums "$out/tree" >"$out/tree.sha256"

# 101: the usual container: v2, clusters of 1 MiB, GPT, ext4.
make_gpt_disk "$out/raw/101" 32 "$out/tree"
make_container "$root" 101 "$out/raw/101"

# 102: a chain of two v1 deltas made by libploop. In the top, a file was changed and a file added.
cp --sparse=always "$out/raw/101" "$out/raw/102.before"
cp --sparse=always "$out/raw/101" "$out/raw/102"
echo 'written after the snapshot' >"$out/newer"
debugfs -w -f /dev/stdin "$out/raw/102?offset=1048576" >/dev/null 2>&1 <<CMD
rm /etc/motd
write $out/newer /etc/motd
write $out/newer /newer
CMD
make_ploop_chain "$root" 102 expanded "$out/raw/102.before" "$out/raw/102"

rm "$out/newer"
mkdir "$out/older"
mv "$out/raw/102.before" "$out/older/102"

# 103: a file system on the whole disk, whose size is no multiple of the cluster size.
truncate -s $((20 * 1048576 + 5 * 512)) "$out/raw/103"
mke2fs -q -F -t ext4 -d "$out/tree" "$out/raw/103"
make_container "$root" 103 "$out/raw/103"

# 104: MBR; the file system is in a logical partition; clusters of 63 sectors.
truncate -s 32M "$out/raw/104"
printf 'label: dos\nstart=2048, size=2048, type=83\nstart=8192, type=5\nstart=10240, type=83\n' |
    sfdisk -q "$out/raw/104"
mke2fs -q -t ext3 -L logical -d "$out/tree" -E offset=$((10240 * 512)) "$out/raw/104" 26M
make_container "$root" 104 "$out/raw/104" $((63 * 512))

# 105: xfs.
truncate -s 34M "$out/raw/105"
echo 'start=2048' | sfdisk -q --label gpt "$out/raw/105"
cat >"$out/proto" <<PROTO
none
0 0
d--755 0 0
etc d--755 0 0
hostname ---644 0 0 $out/tree/etc/hostname
\$
\$
PROTO
mkfs.xfs --unsupported -q -p "$out/proto" -d "name=$out/xfs,file,size=32m" 2>/dev/null
dd if="$out/xfs" of="$out/raw/105" bs=1M seek=1 conv=notrunc,sparse status=none
rm "$out/xfs"
make_container "$root" 105 "$out/raw/105"

# 106: an ext4 whose journal must be replayed.
cp --sparse=always "$out/raw/101" "$out/raw/106"
debugfs -w -R 'feature needs_recovery' "$out/raw/106?offset=1048576" >/dev/null 2>&1
make_container "$root" 106 "$out/raw/106"

# 107: a raw base under a v1 delta; libploop calls both of them Plain.
make_ploop_chain "$root" 107 raw "$out/older/102" "$out/raw/102"
ln -s 102 "$out/raw/107"

# 108: two file systems, so that the user must choose a partition.
truncate -s 32M "$out/raw/108"
printf 'label: gpt\nstart=2048, size=20480\nstart=22528, size=20480\n' | sfdisk -q "$out/raw/108"
mke2fs -q -t ext4 -d "$out/tree" -E offset=1048576 "$out/raw/108" 10M
mke2fs -q -t ext4 -L second -E offset=$((22528 * 512)) "$out/raw/108" 10M
make_container "$root" 108 "$out/raw/108"

# 109: a disk of 1.2 TB, whose table takes five clusters.
mkdir -p "$root/vz/private/109/root.hdd"
echo >"$root/etc/vz/conf/109.conf"
big=$root/vz/private/109/root.hdd/root.hds
qemu-img create -q -f parallels "$big" 1200G
qemu-io -f parallels -c 'write -q -P 0xa1 0 1M' -c 'write -q -P 0xa2 1199G 2M' \
    -c 'write -q -P 0xa3 600G 1M' -c 'write -q -P 0xa4 1M 1M' "$big"
descriptor $((1200 * 1024 * 2048)) 2048 root.hds >"$root/vz/private/109/root.hdd/DiskDescriptor.xml"

# 111 to 113: disks of crashed containers, whose journals have changes that are in no other place. Their files are those
# of journal/old before the replay and those of journal/new after it.
mkdir "$out/journal"
for state in old new; do
    make_files "$out/journal/$state" $state
    checksums "$out/journal/$state" >"$out/journal/$state.sha256"
done
fs=$out/journal/fs

# 111: v2, ext4 with the features of today.
truncate -s 16M "$fs"
mke2fs -q -F -t ext4 -O 64bit,metadata_csum -b 4096 -d "$out/journal/old" "$fs"
make_dirty_journal "$fs" 4096 '-c -v 3'
put_on_gpt_disk "$fs" "$out/raw/111"
make_container "$root" 111 "$out/raw/111"
rm "$fs"

# 112: ext3 in a chain of v1 deltas: below, the journal is empty.
truncate -s 16M "$fs"
mke2fs -q -F -t ext3 -b 1024 -d "$out/journal/old" "$fs"
put_on_gpt_disk "$fs" "$out/older/112"
make_dirty_journal "$fs" 1024 ''
cp --sparse=always "$out/older/112" "$out/raw/112"
dd if="$fs" of="$out/raw/112" bs=1M seek=1 conv=notrunc status=none
make_ploop_chain "$root" 112 expanded "$out/older/112" "$out/raw/112"
rm "$fs"

# 113: v1, a file system of 32 bits on the whole disk, the older form of journal checksums.
truncate -s 16M "$out/raw/113"
mke2fs -q -F -t ext4 -O ^64bit,metadata_csum -b 2048 -d "$out/journal/old" "$out/raw/113"
make_dirty_journal "$out/raw/113" 2048 '-c -v 2'
make_v1_container "$root" 113 expanded "$out/raw/113"

# 121 to 123: ext4, ext3 and xfs after a power cut, with 20 files that were synced and others that weren't.
# crash/safe.sha256 has the 20 files, crash/CTID.sha256 the files that e2fsprogs finds after its replay of the journal.
crash=$out/crash
mkdir -p "$crash/tree"
for number in $(seq -w 40); do seq "1$number" "9$number" >"$crash/tree/$number"; done
checksums "$crash/tree" | sed -n 1,20p >"$crash/safe.sha256"
for ctid in 121 122 123; do truncate -s 32M "$crash/$ctid"; done
mke2fs -q -F -t ext4 -O 64bit,metadata_csum -E lazy_itable_init=0 "$crash/121"
mke2fs -q -F -t ext3 "$crash/122"
mkfs.xfs --unsupported -q "$crash/123" 2>/dev/null
"$(dirname "$0")/crash-disks.sh" "$crash/tree" "$crash/121" "$crash/122" "$crash/123"
for ctid in 121 122; do
    cp --sparse=always "$crash/$ctid" "$crash/replayed"
    e2fsck -y -E journal_only "$crash/replayed" >/dev/null 2>&1 || true
    mkdir "$crash/files"
    debugfs -R "rdump / $crash/files" "$crash/replayed" >/dev/null 2>&1
    checksums "$crash/files" >"$crash/$ctid.sha256"
    rm -r "$crash/files"
done
put_on_gpt_disk "$crash/121" "$out/raw/121"
mv "$crash/122" "$out/raw/122"
put_on_gpt_disk "$crash/123" "$out/raw/123"
make_container "$root" 121 "$out/raw/121"
make_v1_container "$root" 122 expanded "$out/raw/122"
make_container "$root" 123 "$out/raw/123"
rm "$crash/121" "$crash/123" "$crash/replayed"

# Disks with a GPT in units of 4096 bytes, which sfdisk can't write: a sound one, and one with the mark of libploop,
# which was about to convert it.
mkdir "$out/units"
truncate -s 32M "$out/units/4096.raw"
printf 'label: gpt\nstart=256, size=7680\n' >"$out/units/script"
printf 'I\n%s\nw\n' "$out/units/script" | fdisk -w never -b 4096 "$out/units/4096.raw" >/dev/null
mke2fs -q -t ext4 -d "$out/tree" -E offset=1048576 "$out/units/4096.raw" 30M
cp --sparse=always "$out/units/4096.raw" "$out/units/marked.raw"
printf 'XXX PART' | dd of="$out/units/marked.raw" bs=4096 seek=1 conv=notrunc status=none
for table in 4096 marked; do
    qemu-img convert -f raw -O parallels "$out/units/$table.raw" "$out/units/$table"
done

# Images that must be refused.
: >"$out/bad/empty"
head -c 40 "$root/vz/private/101/root.hdd/root.hds" >"$out/bad/short"
head -c 4096 "$root/vz/private/109/root.hdd/root.hds" >"$out/bad/cut-table"
head -c 100000 /dev/zero | tr '\0' x >"$out/bad/magic"
qemu-img create -q -f qcow2 "$out/bad/qcow2" 16M
mkfifo "$out/bad/fifo"
mkdir "$out/bad/directory"
truncate -s 8M "$out/bad/blank.raw"
qemu-img convert -f raw -O parallels "$out/bad/blank.raw" "$out/bad/blank"
printf 'label: gpt\nstart=2048\n' | sfdisk -q "$out/bad/blank.raw"
qemu-img convert -f raw -O parallels "$out/bad/blank.raw" "$out/bad/unknown-fs"
mkdir "$out/bad/xml" "$out/bad/missing-delta"
echo '<Parallels_disk_image><Disk_Parameters>' >"$out/bad/xml/DiskDescriptor.xml"
descriptor 65536 2048 gone.hds >"$out/bad/missing-delta/DiskDescriptor.xml"
