#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# slow-disk.sh PLOOPU [ROUNDS]: reads 128 MiB of an image that nothing has cached, from a disk that
# answers each request after 10 ms, in user-mode Linux (one processor): the file itself, nbd, dm and
# qemu-nbd. Prints medians of milliseconds. As root.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ $$ -ne 1 ]; then
    work=$(mktemp -d "${TMPDIR:-/tmp}/ploopu-bench.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    qemu-img create -q -f parallels "$work/image.hds" 136M
    qemu-io -f parallels -c 'write -q -P 7 0 136M' "$work/image.hds"
    timeout --kill-after=10 300 linux.uml mem=1G rootfstype=hostfs rootflags=/ rw \
        init="$here/slow-disk.sh" "PLOOPU=$(realpath "$1")" "IMAGE=$work/image.hds" "ROUNDS=${2:-5}" \
        uml_dir="$work" quiet con=null con0=fd:0,fd:1 </dev/null >"$work/log" 2>&1 || true
    grep -q '^RESULT qemu-nbd' "$work/log" || {
        tail -n 20 "$work/log"
        echo 'FAILED: the guest did not come to its end' >&2
        exit 1
    }
    tr -d '\r' <"$work/log" | sed -n 's/^RESULT //p' | "$here/ratios.sh" file
    exit
fi

# The rest of the script runs as the first process of the guest.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mkdir /run/lock /run/disk
modules=/usr/lib/uml/modules/$(uname -r)/kernel/drivers
for module in block/loop block/nbd md/dm-mod md/dm-delay md/dm-zero; do insmod "$modules/$module.ko"; done
truncate -s 160M /run/memory
loop=$(losetup -f --show /run/memory)
mke2fs -q -F -t ext4 -O ^has_journal -m 0 "$loop" 2>/dev/null
dmsetup create --noudevsync slow --table "0 $(blockdev --getsz "$loop") delay $loop 0 10 $loop 0 0"
dmsetup mknodes
mount -t ext4 /dev/mapper/slow /run/disk
copy=/run/disk/image.hds
cp "$IMAGE" $copy

# measure WAY FILE
measure() {
    sync
    echo 3 >/proc/sys/vm/drop_caches
    begin=$(date +%s%N)
    dd if="$2" of=/dev/null bs=1M count=128 status=none
    echo "RESULT $1 cold_ms $((($(date +%s%N) - begin) / 1000000))"
}

while [ "$ROUNDS" -gt 0 ]; do
    measure file $copy
    for way in nbd dm; do
        device=$("$PLOOPU" attach -q --backend $way $copy | head -n 1)
        measure $way "$device"
        "$PLOOPU" detach -q "$device"
    done
    qemu-nbd -r -f parallels -c /dev/nbd8 $copy
    until [ "$(blockdev --getsize64 /dev/nbd8)" -gt 0 ]; do sleep 0.1; done
    measure qemu-nbd /dev/nbd8
    qemu-nbd -d /dev/nbd8 >/dev/null
    ROUNDS=$((ROUNDS - 1))
done
echo o >/proc/sysrq-trigger
sleep 60
