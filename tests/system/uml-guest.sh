#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The first process of the guest that run-uml.sh starts. PLOOPU, FIXTURES, PATTERN, BACKENDS (separated by commas) and
# the variables that limit cases come from the kernel's command line. The guest writes only to its own memory.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
here=$(dirname "$0")
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mkdir /run/lock /run/scratch
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
export TMPDIR=/run/scratch GUEST=1
modules=/usr/lib/uml/modules/$(uname -r)/kernel
insmod "$modules/drivers/block/loop.ko"
insmod "$modules/fs/fuse/fuse.ko"
for backend in $(echo "$BACKENDS" | tr , ' '); do
    case $backend in
    module) "$here/run-cases.sh" module "$PATTERN" || break ;;
    nbd)
        [ -e /sys/module/nbd ] || insmod "$modules/drivers/block/nbd.ko"
        "$here/run-cases.sh" nbd "$PATTERN" || break
        ;;
    fuse)
        # run-native.sh runs the kill cases of fuse, where they are faster.
        KILL_STEP=0 "$here/run-cases.sh" fuse "$PATTERN"
        ;;
    dm)
        [ -e /sys/class/misc/device-mapper ] || insmod "$modules/drivers/md/dm-mod.ko"
        # Some cases put a failing disk below an image on nbd.
        [ -e /sys/module/nbd ] || insmod "$modules/drivers/block/nbd.ko"
        [ -e /sys/module/dm_zero ] || insmod "$modules/drivers/md/dm-zero.ko"
        # dm needs direct I/O, which neither hostfs nor the tmpfs of this kernel has.
        truncate -s 900M /run/disk
        mke2fs -q -F -t ext4 /run/disk
        mkdir /run/ext4
        mount -o loop /run/disk /run/ext4
        cp -a --sparse=always "$FIXTURES" /run/ext4/fixtures
        # Except for the device, these cases are those of nbd, so fewer points are enough.
        [ "$KILL_STEP" -lt 1000 ] || KILL_STEP=$((2 * KILL_STEP))
        TMPDIR=/run/ext4 FIXTURES=/run/ext4/fixtures "$here/run-cases.sh" dm "$PATTERN" || break
        ;;
    esac
done
if dmesg | grep -e 'Oops' -e 'BUG:' -e 'WARNING:'; then
    echo 'VERDICT: the kernel complained: failed'
fi
echo 'VERDICT: the guest is done'
echo o >/proc/sysrq-trigger
sleep 60
