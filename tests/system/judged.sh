#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# judged.sh DISK_CAT CHAIN_WRITER [SEEDS]: compares our bytes of a disk with those of qemu-img and of libploop's offline
# merge. At the first difference, prints the parameters of the chain and exits with 1. Uses no device. Runs in a mount
# namespace, since libploop looks for the parameters of its module below /sys/module.
set -eu
if [ "${1:-}" != inside ]; then
    exec "$(dirname "$0")/isolated.sh" "$0" inside "$@"
fi
. "$(dirname "$0")/images.sh"

disk_cat=$2 chain_writer=$3 seeds=${4:-100}
work=$(mktemp -d "${TMPDIR:-/tmp}/ploopu-judged.XXXXXX")
mount -t tmpfs tmpfs /sys/module
mkdir -p /sys/module/ploop/parameters
echo 1 >/sys/module/ploop/parameters/large_disk_support

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# same FILE FILE WHAT: compares two disks; counts them, or ends the test if they differ.
same() {
    size_of_one=$(stat -c %s "$1")
    [ "$size_of_one" = "$(stat -c %s "$2")" ] || fail "$3: one has $size_of_one bytes"
    if [ "$size_of_one" -lt 16777216 ]; then
        difference=$(cmp "$1" "$2" 2>&1) || fail "$3: $difference"
    else # qemu-img is faster with holes
        difference=$(qemu-img compare -f raw -F raw "$1" "$2" 2>&1) || fail "$3: $difference"
    fi
    compared=$((compared + 1))
    bytes=$((bytes + size_of_one))
}

# told WHAT: prints how much was compared since the last call.
compared=0 bytes=0
told() {
    [ $compared -gt 0 ] || fail "$1: nothing was compared"
    echo "$1: $compared disks, $bytes bytes"
    compared=0 bytes=0
}

# ours BUNDLE GUID FILE WHAT: writes our bytes of a state to FILE.
ours() {
    rm -f "$3"
    "$disk_cat" "$1/DiskDescriptor.xml" "$3" "$2" || fail "$4: disk_cat"
}

# chain_of BUNDLE FORMAT FILE...: prints the chain in the syntax of QEMU; the base comes first.
chain_of() {
    chain_bundle=$1 driver=$2 chain=
    shift 2
    for file in "$@"; do
        chain="{\"driver\":\"${driver%ploop}\",\"file\":{\"driver\":\"file\",\"filename\":\
\"$chain_bundle/$file\"}${chain:+,\"backing\":$chain}}"
        driver=parallels
    done
    echo "json:$chain"
}

# judge_by_qemu BUNDLE GUID WHAT FORMAT FILE...: compares our bytes of a state with QEMU's bytes of the chain.
judge_by_qemu() {
    judged=$1 guid=$2 what=$3 format=$4
    shift 4
    [ "$format" = raw ] || format=parallels
    ours "$judged" "$guid" "$work/ours" "$what"
    rm -f "$work/theirs"
    qemu-img convert -O raw "$(chain_of "$judged" "$format" "$@")" "$work/theirs" || fail "$what"
    same "$work/ours" "$work/theirs" "$what: snapshot $guid: ploopu and qemu-img"
}

# judge_chain SEED [KEY=NUMBER...]: compares the states of a random chain: the live state, its branch, and a snapshot.
judge_chain() {
    rm -rf "$work/chain"
    "$chain_writer" "$work/chain" "$@"
    lines=$(wc -l <"$work/chain/shots")
    sed -n "$(((lines + 3) / 4))p; \$p" "$work/chain/shots" >"$work/some"
    [ "$lines" -lt 3 ] || sed -n "$((lines - 1))p" "$work/chain/shots" >>"$work/some"
    while read -r shot base files; do
        # shellcheck disable=SC2086 # a list
        judge_by_qemu "$work/chain" "$shot" "chain_writer DIR $*" "$base" $files
    done <"$work/some"
}

# field BUNDLE GUID ELEMENT: prints the element File of the image, or ParentGUID of the shot, with that GUID.
field() {
    tr -d ' \t\n' <"$1/DiskDescriptor.xml" | sed 's/<Image>/\n/g; s/<Shot>/\n/g' |
        sed -n "s/^<GUID>$2<.*<$3>\([^<]*\)<.*/\1/p"
}

# judge_libploop_shot FORMAT GUID WHAT: compares a state of libploop's bundle with QEMU, by the chain of ParentGUIDs.
judge_libploop_shot() {
    at=$2 files=
    while [ "$at" != "$null_guid" ]; do
        files="$(field "$bundle" "$at" File) $files"
        at=$(field "$bundle" "$at" ParentGUID)
    done
    # shellcheck disable=SC2086 # a list
    judge_by_qemu "$bundle" "$2" "$3" "$1" $files
    mv "$work/ours" "$work/before.$2"
}

# scribble FORMAT COUNT: writes pieces of at most half a cluster to random places of the live state.
random=1 byte=1
scribble() {
    commands=
    for _ in $(seq "$2"); do
        random=$(((random * 1103515245 + 12345) & 0x7fffffff))
        length=$((512 + random / 7 % (cluster * 256) / 512 * 512))
        commands="$commands -c 'write -q -P $byte $((random % (size * 512 - length) / 512 * 512)) $length'"
        byte=$((byte % 255 + 1))
    done
    eval "qemu-io -f $1 $commands" "'$bundle/$(field "$bundle" "$top_guid" File)'"
}

shot_guid() { echo "{0000000$1-0000-0000-0000-000000000000}"; }
ploop_shot() { ploop_tool "$1" -u "$(shot_guid "$2")" "$bundle/DiskDescriptor.xml"; }

# judge_libploop VERSION CLUSTER FORMAT: makes a disk with snapshots 1 - 2 - { 3, 4 - live } with libploop. After
# libploop has merged some, the other states must be unchanged, for us and for QEMU.
judge_libploop() {
    bundle=$work/libploop cluster=$2 size=$(($2 * 10))
    what="libploop v$1, clusters of $2 sectors, $3"
    rm -rf "$bundle" "$work"/before.*
    mkdir "$bundle"
    ploop_tool init -v "$1" -t none -f "$3" -b "$2" -s $size "$bundle/root.hdd"
    base=parallels
    [ "$3" != raw ] || base=raw
    scribble $base 3
    for shot in 1 2 3; do
        ploop_shot snapshot $shot
        scribble parallels 2
    done
    ploop_shot snapshot-switch 2
    scribble parallels 2
    ploop_shot snapshot 4
    scribble parallels 1
    guids="$(shot_guid 1) $(shot_guid 2) $(shot_guid 3) $(shot_guid 4) $top_guid"
    for each in $guids; do judge_libploop_shot $base "$each" "$what"; done

    ploop_shot snapshot-merge 2 # into 1, under the name of 2
    for each in $(shot_guid 2) $(shot_guid 3) $(shot_guid 4) $top_guid; do
        ours "$bundle" "$each" "$work/ours" "$what"
        same "$work/ours" "$work/before.$each" "$what: $each after a merge below it"
    done
    ploop_shot snapshot-delete 3
    ploop_tool snapshot-merge -A "$bundle/DiskDescriptor.xml"
    ours "$bundle" top "$work/ours" "$what"
    same "$work/ours" "$work/before.$top_guid" "$what: the live state after all merges"
    judge_libploop_shot $base "$top_guid" "$what"
}

# judge_merge SEED KEY=NUMBER...: compares a random chain with the file into which libploop merges it.
judge_merge() {
    rm -rf "$work/chain"
    "$chain_writer" "$work/chain" "$@"
    ours "$work/chain" top "$work/before" "$*"
    branch=$(sed -n '$s/ .*//p' "$work/chain/shots")
    if [ "$branch" != "$top_guid" ]; then
        ploop_tool snapshot-delete -u "$branch" "$work/chain/DiskDescriptor.xml"
    fi
    ploop_tool snapshot-merge -A "$work/chain/DiskDescriptor.xml"
    ours "$work/chain" top "$work/ours" "$*"
    same "$work/ours" "$work/before" "chain_writer DIR $*: before and after libploop's merge"
}

for version in 1 2; do
    for sectors in 63 64 2048 131072; do
        # Large clusters get only a few chains: files have holes, but every byte is compared.
        clusters=$((sectors == 131072 ? 2 : 20))
        for depth in 1 2 5 150; do
            for raw in 0 1; do
                judge_chain $depth version=$version cluster_sectors=$sectors depth=$depth \
                    clusters=$clusters raw_base=$raw
            done
        done
    done
done
told 'matrix by qemu-img: v1, v2; 63, 64, 2048, 131072 sectors; 1, 2, 5, 150 deltas; raw bases'

seed=1000
while [ $seed -lt $((1000 + seeds)) ]; do
    judge_chain $seed
    seed=$((seed + 1))
done
told "$seeds random chains by qemu-img"

for version in 1 2; do
    for sectors in 64 128 512 2048 8192; do judge_libploop $version $sectors expanded; done
    for format in raw preallocated; do judge_libploop $version 128 $format; done
done
told 'disks that libploop made, with its snapshots, branches and merges'

seed=2000
while [ $seed -lt 2040 ]; do
    judge_merge $seed by_libploop=1 cluster_sectors=64 clusters=$((1 + seed % 20)) \
        depth=$((2 + seed % 7))
    seed=$((seed + 1))
done
told 'random chains that libploop merged'
