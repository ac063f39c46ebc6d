#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The first process of the guest that crash-disks.sh starts and kills. TREE, from the kernel's command line, is a
# directory of numbered files. The guest writes 20 of them to each of its disks, each followed by fsync; then it prints
# a line, and goes on until it is killed.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
# Turns off writeback, so that blocks in a journal are in no other place, however slow this machine is.
echo 0 >/proc/sys/vm/dirty_writeback_centisecs
complain() { echo "CRASH: failed: $*"; }
disks=
for node in /dev/ubd[a-z]; do
    disk=/run/${node##*/}
    mkdir "$disk"
    mount -t "$(blkid -p -o value -s TYPE "$node")" "$node" "$disk" || complain "$node can't be mounted"
    disks="$disks $disk"
done
# write_to DISK NUMBER: writes a file of TREE to the disk, and syncs it.
write_to() { dd if="$TREE/$2" of="$1/$2" conv=fsync status=none || complain "$1/$2 can't be written"; }
for disk in $disks; do
    for number in $(seq -w 20); do write_to "$disk" "$number"; done
done
echo 'CRASH: 20 files are safe'
# Only 20 more files: a full journal begins to write its blocks to their places.
for number in $(seq 21 40); do
    for disk in $disks; do write_to "$disk" "$number"; done
done
sleep 60
echo o >/proc/sysrq-trigger
