#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# native.sh PLOOPU [ROUNDS [MIB]]: sequential O_DIRECT reads of 1 MiB of an image that the host has
# cached and FUSE has not seen: the fuse back end beside a loop device on the file, on this kernel.
# As root. Prints medians.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
ploopu=$(realpath "$1")
rounds=${2:-5}
mib=${3:-1024}
work=$(mktemp -d "${TMPDIR:-/var/tmp}/ploopu-bench.XXXXXX")
device=
trap '[ -z "$device" ] || losetup -d "$device" || true; "$ploopu" detach -q "$work/image.hds" 2>/dev/null ||
    true; rm -rf "$work"' EXIT
qemu-img create -q -f parallels "$work/image.hds" "${mib}M"
qemu-io -f parallels -c "write -q -P 7 0 ${mib}M" "$work/image.hds"
cat "$work/image.hds" >/dev/null

measure() {
    value=$(fio --name=x --filename="$2" --readonly --direct=1 --size="${mib}M" --minimal --rw=read --bs=1M \
        --ioengine=psync | cut -d ';' -f 7)
    echo "$1 sequential_KBs $value"
}

number=0
while [ "$number" -lt "$rounds" ]; do
    device=$(losetup -r -f --show "$work/image.hds")
    measure loop "$device"
    losetup -d "$device"
    device=
    measure fuse "$("$ploopu" attach -q --backend fuse "$work/image.hds" | head -n 1)"
    "$ploopu" detach -q "$work/image.hds"
    number=$((number + 1))
done >"$work/results"
"$here/ratios.sh" loop <"$work/results"
