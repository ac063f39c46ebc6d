#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# counts-test.sh PLOOPU: how often commands open the files of a host, and how many processes they start. Opens that only
# name a file (O_PATH) don't count. Prints a line for each command.
set -eu
ploopu=$1
# shellcheck source=tests/system/images.sh
. "$(dirname "$0")/images.sh"
work=$(mktemp -d "${TMPDIR:-/tmp}/ploopu-counts.XXXXXX")
trap 'rm -rf "$work"' EXIT
host=$work/host

make_host "$host"
make_tree "$work/tree"
make_gpt_disk "$work/raw" 32 "$work/tree"
make_container "$host" 101 "$work/raw"
make_container "$host" 102 "$work/raw"
# The last clusters, which hold files, are gone.
truncate -s -4M "$host/vz/private/102/root.hdd/root.hds"
many=$work/many
make_host "$many"
truncate -s 8M "$work/small"
make_container "$many" 101 "$work/small"
for ctid in $(seq 102 140); do
    cp -r "$many/vz/private/101" "$many/vz/private/$ctid"
    cp "$many/etc/vz/conf/101.conf" "$many/etc/vz/conf/$ctid.conf"
done

# opens PATTERN: how many successful opens for reading led to a file whose path has it.
opens() { grep -E "^[0-9]+ +open(at2?)?\\(.* = [0-9]+<.*$1>" "$work/trace" | grep -vc O_PATH || true; }

# count LABEL ROOT COMMAND...: traces it, and prints what it did.
count() {
    label=$1 root=$2
    shift 2
    strace -f -qq -y -e trace=openat,openat2,open,clone,clone3,fork,vfork -o "$work/trace" \
        "$ploopu" --root "$root" "$@" >"$work/out" 2>&1 || true
    descriptors=$(opens 'DiskDescriptor\.xml')
    globals=$(opens 'vz/vz\.conf')
    configs=$(opens 'conf/[0-9]+\.conf')
    forks=$(grep -E '(clone3?|v?fork)\(' "$work/trace" | grep -vc -e ' = -1 ' -e CLONE_THREAD || true)
    echo "$label: descriptor $descriptors, vz.conf $globals, CTID.conf $configs, forks $forks"
}

count 'info 101' "$host" info 101
count 'check 101' "$host" check 101
count 'check --files of a cut image' "$host" check --files 102
count 'list' "$host" list
count 'list --all of 40 containers' "$many" list --all
