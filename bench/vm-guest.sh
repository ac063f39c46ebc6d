#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The first process of the guest that vm.sh starts. PLOOPU, IMAGES, ROUNDS and WAYS come from the
# kernel's command line. Prints RESULT lines: TABLE WAY COLUMN VALUE.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mkdir /run/lock /run/disk
export TMPDIR=/run HOME=/run
# The image is on ext4, because it supports direct I/O, as the file systems of real hosts do.
mke2fs -q -F -t ext4 -O ^has_journal -m 0 /dev/ram0
mount -t ext4 /dev/ram0 /run/disk
cp "$IMAGES/image.hds" /run/disk/
image=/run/disk/image.hds
cat $image >/dev/null

result() { echo "RESULT $*"; }

# start WAY: sets $device.
start() {
    case $1 in
    loop) device=$(losetup -r -f --show $image) ;;
    nbd | dm | fuse) device=$("$PLOOPU" attach -q --backend "$1" $image | head -n 1) ;;
    qemu-nbd)
        device=/dev/nbd8
        qemu-nbd -r -f parallels -c $device $image
        ;;
    nbdkit)
        device=/dev/nbd9
        nbdkit -r -U /run/nbdkit.sock -P /run/nbdkit.pid file $image
        nbd-client -unix /run/nbdkit.sock $device >/dev/null 2>&1
        ;;
    esac
    [ -b "$device" ] || { result "missing $1"; return 1; }
    until [ "$(blockdev --getsize64 "$device" 2>/dev/null || echo 0)" -gt 0 ]; do sleep 0.1; done
}

stop() {
    case $1 in
    loop) losetup -d "$device" ;;
    nbd | dm | fuse) "$PLOOPU" detach -q "$device" ;;
    qemu-nbd) qemu-nbd -d "$device" >/dev/null ;;
    nbdkit)
        nbd-client -d "$device" >/dev/null 2>&1
        kill "$(cat /run/nbdkit.pid)"
        rm -f /run/nbdkit.sock
        ;;
    esac
}

# measure WAY COLUMN FIELD FIO_OPTION...: FIELD of fio's terse output.
measure() {
    way=$1 column=$2 field=$3
    shift 3
    value=$(fio --name=x --filename="$device" --readonly --direct=1 --size=256M --minimal "$@" 2>/dev/null |
        cut -d ';' -f "$field")
    result read "$way" "$column" "$value"
}

milliseconds() { echo $(($(date +%s%N) / 1000000)); }

# measure_start WAY: the time from the start of the command until the first partition's node can be opened.
measure_start() {
    begin=$(milliseconds)
    case $1 in
    nbd | dm | fuse) node=$("$PLOOPU" attach -q --backend "$1" $image | sed -n 2p) ;;
    qemu-nbd)
        device=/dev/nbd8 node=/dev/nbd8p1
        qemu-nbd -r -f parallels -c $device $image
        # The kernel reads the partitions when somebody opens the disk after it got its size.
        until { true <$node; } 2>/dev/null; do { true <$device; } 2>/dev/null; done
        ;;
    *) return 0 ;;
    esac
    true <"$node"
    result start "$1" attach_ms $(($(milliseconds) - begin))
    device=${node%p1}
    stop "$1"
}

# measure_server WAY: the memory of the serving process after the reads, and the clock ticks that it uses in 3 idle
# seconds.
measure_server() {
    case $1 in
    nbd | fuse) pid=$("$PLOOPU" list --json | jq ".attachments[0].pid") ;;
    qemu-nbd) pid=$(pidof qemu-nbd) ;;
    *) return 0 ;;
    esac
    before=$(awk '{ print $14 + $15 }' "/proc/$pid/stat")
    sleep 3
    result server "$1" idle_ticks $(($(awk '{ print $14 + $15 }' "/proc/$pid/stat") - before))
    result server "$1" RSS_KiB "$(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status")"
    result server "$1" anonymous_KiB "$(awk '/^RssAnon/ { print $2 }' "/proc/$pid/status")"
}

round() {
    for way in $(echo "$WAYS" | tr , ' '); do
        measure_start "$way"
        start "$way" || continue
        measure "$way" sequential_KBs 7 --rw=read --bs=1M --ioengine=psync
        measure "$way" qd1_IOPS 8 --rw=randread --bs=4k --ioengine=psync --runtime=2 --time_based
        measure "$way" qd16_IOPS 8 --rw=randread --bs=4k --ioengine=libaio --iodepth=16 --runtime=2 \
            --time_based
        measure_server "$way"
        stop "$way"
    done
}

number=0
while [ "$number" -lt "$ROUNDS" ]; do
    round
    number=$((number + 1))
done
result end
echo o >/proc/sysrq-trigger
sleep 60
