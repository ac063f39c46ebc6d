#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The first process of the guest that case_r37 of crash-cases.sh starts and kills. The kernel's command line has WORK,
# the directory of the image and the overlay file, and CUT, the number of this start.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mkdir /run/lock /run/m
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
complain() { echo "POWER: failed: $*"; }
insmod "/usr/lib/uml/modules/$(uname -r)/kernel/drivers/block/nbd.ko" max_part=16
"$PLOOPU" -q mount "$WORK/image" /run/m --writable --overlay-file "$WORK/kept/overlay" --backend nbd >/dev/null ||
    complain 'it cannot be mounted'
[ "$(find /run/m -maxdepth 1 -name 'synced.*' | wc -l)" = "$((CUT - 1))" ] ||
    complain "of what was synced before the cuts there is $(ls /run/m)"
echo "$CUT" >"/run/m/synced.$CUT"
sync -f "/run/m/synced.$CUT" || complain 'it cannot be synced'
echo 'POWER: all of it is at work'
while :; do
    cat /run/m/home/user/random >/run/m/copy || complain 'it cannot be written'
    sync -f /run/m/copy || complain 'it cannot be synced'
done
