#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# hostile-test.sh PLOOPU [limited]: tests hostile images. Each verb that only reads must end soon, with an exit code
# that the case allows and at most one line of error, and with "limited" in 64 MiB of memory (not for sanitizers).
set -eu
ploopu=$1
memory=unlimited
[ "${2:-}" != limited ] || memory=$((64 << 20))
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/system/images.sh
. "$(dirname "$0")/images.sh"
runs=0

# shellcheck disable=SC2059 # the format is the byte
byte() { printf "\\$(printf %03o "$1")"; }
le32() { for shift in 0 8 16 24; do byte $((($1 >> shift) & 255)); done; }
le64() { le32 $(($1 & 0xffffffff)) && le32 $((($1 >> 32) & 0xffffffff)); }

# header [NAME=VALUE...]: prints a header of 64 bytes with magic $version, by default for a sound disk of 8 clusters of
# 8 sectors.
header() {
    magic=$version type=2 cluster=8 entries=8 sectors=64 in_use=0 first=8 flags=0 extension=0
    for setting; do eval "$setting"; done
    printf %s "$magic"
    le32 "$type" && le32 16 && le32 0 && le32 "$cluster" && le32 "$entries" && le64 "$sectors"
    le32 "$in_use" && le32 "$first" && le32 "$flags" && le64 "$extension"
}

# image NAME SIZE [NAME=VALUE...]: makes a sparse file of SIZE bytes with such a header.
image() {
    file=$work/$1
    size=$2
    shift 2
    header "$@" >"$file"
    truncate -s "$size" "$file"
}

# expect CODES FILE: runs info, map and check, and expects one of these exit codes.
expect() {
    for verb in info map check; do
        code=0
        timeout 20 prlimit --data="$memory" "$ploopu" $verb -q "$2" >"$work/out" 2>"$work/err" || code=$?
        runs=$((runs + 1))
        case " $1 " in *" $code "*) ;; *)
            echo "$verb $2: exit code $code, not one of: $1: $(head -c 1000 "$work/err")" >&2
            exit 1
            ;;
        esac
        [ "$(wc -l <"$work/err")" -le 1 ] || {
            echo "$verb $2: $(cat "$work/err")" >&2
            exit 1
        }
    done
}

refused='2 65' # info and map refuse, check reports damage
sound='0 3'    # a header without data: check may find leaks
damaged='0 2'

bad_geometry() {
    # H01: truncated files.
    : >"$work/empty"
    expect "$refused" "$work/empty"
    for size in 1 15 16 17 63; do
        image short $size
        expect "$refused" "$work/short"
    done
    image header-only 64
    expect "$refused" "$work/header-only"
    # H02, H04: files of another kind.
    image flipped 65536 magic=w${version#W}
    expect "$refused" "$work/flipped"
    image type 65536 type=3
    expect "$refused" "$work/type"
    # H05 to H07: bad cluster sizes.
    for cluster in 0 131073 2147483648 4294967295; do
        image cluster 65536 cluster=$cluster
        expect "$refused" "$work/cluster"
    done
    for cluster in 1 63 65 2047; do
        image cluster 1048576 cluster=$cluster
        expect "$sound" "$work/cluster"
    done
    # H08 to H12: bad counts and sizes.
    image no-table 65536 entries=0
    expect "$sound" "$work/no-table"
    image nothing 65536 entries=0 sectors=0
    expect "$sound" "$work/nothing"
    for entries in 4294967295 1073741825 16369; do
        image table 65536 entries=$entries
        expect "$refused" "$work/table"
    done
    image iotests 2147483648 entries=536870896 sectors=$((536870896 * 8))
    expect "$refused" "$work/iotests"
    image uncovered 65536 sectors=6400000
    expect "$sound" "$work/uncovered"
    for sectors in $(((1 << 39) + 1)) $(((1 << 62) - 1)) -1; do
        image huge 65536 cluster=131072 sectors=$sectors
        expect "$huge" "$work/huge"
    done
}

odd_fields() {
    # H15, H17, H18: odd fields.
    for first in 0 1 3 4294967295; do
        image first 65536 first=$first
        expect "$sound" "$work/first"
    done
    for in_use in 0x746F6E59 1 0x32326470; do
        image in-use 65536 in_use=$((in_use))
        expect "$sound" "$work/in-use"
    done
    image conversion 65536 flags=2
    expect "$refused" "$work/conversion"
    image flags 65536 flags=4294967281
    expect "$sound" "$work/flags"
    # H19: an extension at odd places.
    for extension in 1 9223372036854775807 -1; do
        image extension 65536 extension=$extension
        expect '0 2 3' "$work/extension"
    done
    # H21, H22, H25: bad entries.
    for entry in 1 1000000 4294967295; do
        image entry 4096
        { header && le32 0 && le32 "$entry"; } | dd of="$work/entry" conv=notrunc status=none
        expect "$damaged" "$work/entry"
    done
}

# H13: a size has 32 bits in version 1; the upper 32 bits don't count.
for version in WithoutFreeSpace WithouFreSpacExt; do
    huge=$refused
    [ $version != WithoutFreeSpace ] || huge=$sound
    bad_geometry
    odd_fields
done
# H30: an unused tail of 3 GiB; H38: the longest file that the file system allows.
image tail 3221225472
expect "$sound" "$work/tail"
image longest 8796093018112
expect "$sound" "$work/longest"
expect "$refused" /proc/self/status
expect "1 $refused" /sys/kernel/uevent_seqnum # claims a size of 4096 bytes
# H10: an empty table of 2^26 entries, alone and in a chain of 64.
clusters=$((1 << 26))
mkdir "$work/many"
images='' shots='' parent=$null_guid
for i in $(seq 1 64); do
    image "many/$i" $((1 << 30)) entries=$clusters sectors=$(((clusters - 1) * 8))
    guid=$(printf '{%08x-0000-0000-0000-000000000001}' "$i")
    images="$images<Image><GUID>$guid</GUID><Type>Compressed</Type><File>$i</File></Image>"
    shots="$shots<Shot><GUID>$guid</GUID><ParentGUID>$parent</ParentGUID></Shot>"
    parent=$guid
done
cat >"$work/many/DiskDescriptor.xml" <<XML
<Parallels_disk_image><Disk_Parameters><Disk_size>$(((clusters - 1) * 8))</Disk_size></Disk_Parameters>
<StorageData><Storage><Blocksize>8</Blocksize>$images</Storage></StorageData>
<Snapshots><TopGUID>$guid</TopGUID>$shots</Snapshots></Parallels_disk_image>
XML
expect "$sound" "$work/many"
# A full table of 2^22 equal entries takes 8 bytes more for each cluster.
[ $memory = unlimited ] || memory=$((memory + (8 << 22)))
header magic=WithoutFreeSpace cluster=2048 entries=4194304 sectors=4294965248 >"$work/full"
yes "$(printf '\001')" | head -c 16777216 >>"$work/full"
truncate -s $((200 << 30)) "$work/full"
expect "$damaged" "$work/full"

echo "$runs runs of hostile images, each as it should be"
