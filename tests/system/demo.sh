#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# demo.sh PLOOPU: makes the container of an old host below a temporary root, and looks into it with the back end that
# this kernel offers. Leaves nothing behind.
set -eu
. "$(dirname "$0")/images.sh"

ploopu=$1
work=$(mktemp -d "${TMPDIR:-/tmp}/ploopu-demo.XXXXXX")
clean_up() {
    "$ploopu" -q --root "$work/host" detach 101 2>/dev/null || true
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# shown COMMAND...: prints a command as a user types it, and runs it.
shown() {
    printf '\n$ ploopu --root %s' "$work/host"
    printf ' %s' "$@"
    printf '\n'
    "$ploopu" --root "$work/host" "$@"
}

echo "Making container 101 below $work/host: GPT, ext4, written by qemu-img"
make_tree "$work/tree"
checksums "$work/tree" >"$work/sums"
make_host "$work/host"
make_gpt_disk "$work/raw" 64 "$work/tree"
make_container "$work/host" 101 "$work/raw"
mkdir "$work/mnt"

shown info 101
shown mount 101 "$work/mnt"

record=$(grep -l -e "$work/" /run/ploopu/*/attachment.json)
server=$(sed 's/.*"server":\[\([0-9]*\),.*/\1/' "$record")
id=${record%/*}
id=${id##*/}

printf '\n$ ls -l %s\n' "$work/mnt"
ls -l "$work/mnt"
printf '\n$ cat %s\n' "$work/mnt/etc/motd"
cat "$work/mnt/etc/motd"
printf '\n$ sha256sum -c   (%s files against the tree they came from)\n' "$(wc -l <"$work/sums")"
(cd "$work/mnt" && sha256sum --quiet -c "$work/sums")
echo 'all equal'

shown list
shown detach "$work/mnt"
shown list
# Searches for the id of this attachment, since other images may be attached, too.
left=$(
    grep -s -e "$work/" -e "$id" /proc/self/mounts /sys/block/*/loop/backing_file /sys/block/*/backend || true
    grep -s '^State:' "/proc/$server/status" | grep -v Z || true
    find /run/ploopu -name "$id"
)
if [ -n "$left" ]; then
    echo "the demo left something behind: $left" >&2
    exit 1
fi
printf '\nNothing is left: no device, no mount, no process.\n'
