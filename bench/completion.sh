#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# completion.sh PLOOPU [ROUNDS [CONTAINERS]]: how long the program takes to offer CONTAINERS (2000 by
# default) and as many names, beside its start alone. Prints medians of milliseconds.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
ploopu=$(realpath "$1")
rounds=${2:-21}
containers=${3:-2000}
host=$(mktemp -d "${TMPDIR:-/tmp}/ploopu-bench.XXXXXX")
trap 'rm -rf "$host"' EXIT

mkdir -p "$host/etc/vz/conf" "$host/etc/vz/names" "$host/vz/private"
for ctid in $(seq 101 $((100 + containers))); do
    echo "NAME=ct$ctid" >"$host/etc/vz/conf/$ctid.conf"
    ln -s "../conf/$ctid.conf" "$host/etc/vz/names/ct$ctid"
    mkdir "$host/vz/private/$ctid"
done

# measure NAME COMMAND...
measure() {
    name=$1
    shift
    start=$(date +%s%N)
    "$@" >"$host/out"
    echo "$name ms $(($(date +%s%N) - start))" | awk '{ printf "%s %s %.3f\n", $1, $2, $3 / 1e6 }'
}

number=0
while [ "$number" -lt "$rounds" ]; do
    measure start "$ploopu" --version
    measure verbs "$ploopu" __complete -- ''
    measure containers "$ploopu" __complete -- --root "$host" info ''
    number=$((number + 1))
done >"$host/results"
[ "$(wc -l <"$host/out")" = $((2 * containers)) ] || {
    echo 'completion.sh: some were not offered' >&2
    exit 1
}
"$here/ratios.sh" start <"$host/results"
