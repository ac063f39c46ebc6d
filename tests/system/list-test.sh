#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# list-test.sh PLOOPU [COUNT]: tests list --all on a host with many containers. Needs no device and no root. Prints how
# long it took; the time doesn't decide the result.
set -eu
ploopu=$1
count=${2:-500}
# shellcheck source=tests/system/images.sh
. "$(dirname "$0")/images.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
host=$work/host

# CTIDs of odd containers among the many.
missing_area=1
missing_delta=2
simfs=3
no_config=4
odd=4

# make_many: makes a container, and copies its two small files for every other CTID.
make_many() {
    make_host "$host"
    truncate -s 64M "$work/raw"
    printf 'data' | dd of="$work/raw" bs=1M seek=3 conv=notrunc status=none
    make_container "$host" 101 "$work/raw"
    ctid=102
    while [ $ctid -lt $((101 + count - odd)) ]; do
        echo "NAME=\"ct$ctid\"" >"$host/etc/vz/conf/$ctid.conf"
        mkdir -p "$host/vz/private/$ctid"
        echo "$ctid"
        ctid=$((ctid + 1))
    done | xargs -P 2 -I{} cp -r --sparse=always "$host/vz/private/101/root.hdd" "$host/vz/private/{}/"
    echo 'X=1' | tee "$host/etc/vz/conf/$missing_area.conf" "$host/etc/vz/conf/$missing_delta.conf" \
        >"$host/etc/vz/conf/$simfs.conf"
    cp -r "$host/vz/private/101" "$host/vz/private/$missing_delta"
    rm "$host/vz/private/$missing_delta/root.hdd/root.hds"
    mkdir -p "$host/vz/private/$simfs/etc"
    cp -r "$host/vz/private/101" "$host/vz/private/$no_config"
    echo 'X=1' >"$host/etc/vz/conf/0.conf"
    echo 'X=1' >"$host/etc/vz/conf/5.conf.destroyed"
}

# expect_equal GOT WANTED WHAT: fails if GOT differs from WANTED.
expect_equal() {
    [ "$1" = "$2" ] || {
        echo "FAILED: $3: '$1' instead of '$2'"
        exit 1
    }
}

listed() { "$ploopu" --root "$host" list --all "$@"; }

make_many
listed >/dev/null # fills the page cache, so that the state of the cache doesn't matter
start=$(date +%s%N)
listed >"$work/table"
end=$(date +%s%N)
expect_equal "$(wc -l <"$work/table")" $((count + 1)) 'lines of the table'
{
    seq 1 $odd
    seq 101 $((100 + count - odd))
} >"$work/wanted"
listed -Ho CTID >"$work/found"
cmp "$work/wanted" "$work/found" || {
    echo 'FAILED: the container IDs, in their order'
    exit 1
}
listed --json >"$work/json"
expect_equal "$(jq '.containers | length' "$work/json")" "$count" 'containers in JSON'
expect_equal "$(jq '[.containers[] | select(.error != null) | .ctid | tonumber] | tojson' -r "$work/json")" \
    "[$missing_area,$missing_delta]" 'damaged ones'
expect_equal "$(jq '[.containers[] | select(.virtual_size == 67108864 and .clusters_allocated == 1
    and .snapshots == 0 and .in_use == false and .layout == "ploop")] | length' "$work/json")" \
    $((count - odd + 1)) 'sound ones'
expect_equal "$(jq -r '.containers[] | select(.layout == "simfs") | .path' "$work/json")" \
    "$host/vz/private/$simfs" 'the one without a disk'
listed -Hb -o CTID,ALLOC,NAME --sort NAME | tr -s ' ' >"$work/by-name"
first=$(seq 102 $((100 + count - odd)) | LC_ALL=C sort | sed 1q)
expect_equal "$(sed 1q "$work/by-name")" "$first 1048576 ct$first" 'the first by name'
awk "BEGIN { printf \"%d containers, %.3f ms each\\n\", $count, ($end - $start) / 1e6 / $count }"
