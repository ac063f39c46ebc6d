#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# commands.sh PLOOPU [ROUNDS [CLUSTERS]]: info and map of a disk of CLUSTERS clusters of 1 MiB (4 TiB
# of them by default) that lie in the file in shuffled runs of 64, beside qemu-img info on the same
# file. (qemu-img map 7.2 ends with a failed assertion on it.) Prints medians of seconds and of the
# greatest memory.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
ploopu=$(realpath "$1")
rounds=${2:-5}
clusters=${3:-4194304}
work=$(mktemp -d "${TMPDIR:-/tmp}/ploopu-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT

# The file has a header and table of ploop v2; the rest of it is a hole.
perl -e '
    my ($clusters) = @ARGV;
    my $first = int((64 + 4 * $clusters + (1 << 20) - 1) / (1 << 20));
    srand(1);
    my @runs = (0 .. int(($clusters + 63) / 64) - 1);
    for (my $i = $#runs; $i > 0; --$i) { my $j = int(rand($i + 1)); @runs[$i, $j] = @runs[$j, $i]; }
    print pack("a16 V5 Q< V3 Q<", "WithouFreSpacExt", 2, 16, 0, 2048, $clusters, $clusters * 2048,
               0, $first * 2048, 0, 0);
    my $written = 0;
    for my $run (@runs) {
        for (0 .. 63) { print pack("V", $first + $run * 64 + $_) if $written++ < $clusters; }
    }
    ' "$clusters" >"$work/image.hds"
truncate -s $(((clusters + clusters / 262144 + 64) * 1048576)) "$work/image.hds"

# measure NAME COLUMN COMMAND...
measure() {
    name=$1 column=$2
    shift 2
    command time -o "$work/time" -f '%e %M' "$@" >/dev/null
    read -r seconds kib <"$work/time"
    echo "$name ${column}_s $seconds"
    echo "$name ${column}_KiB $kib"
}

number=0
while [ "$number" -lt "$rounds" ]; do
    measure qemu-img info qemu-img info --output=json -f parallels "$work/image.hds"
    measure ploopu info "$ploopu" info --json "$work/image.hds"
    measure ploopu map "$ploopu" map --json "$work/image.hds"
    number=$((number + 1))
done >"$work/results"
"$here/ratios.sh" qemu-img <"$work/results"
