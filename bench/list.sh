#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# list.sh PLOOPU [ROUNDS [ATTACHED [CONTAINERS]]]: processor time of `list` with ATTACHED images (40 by
# default) beside one image, as root with loop devices and as nobody with files; and of `list --all` of
# CONTAINERS containers (2000), as root beside nobody. Both sides of a ratio take turns. Needs root; works
# in a mount and a process namespace of its own. Prints medians, in milliseconds for one command, then
# the least and the greatest figure of each, and the load of the machine before and after.
set -eu
if [ "$(id -u)" != 0 ]; then
    echo 'list.sh: needs root' >&2
    exit 77
fi
if [ "${1:-}" != inside ]; then
    exec unshare --mount --propagation private --pid --fork --kill-child --mount-proc "$0" inside "$@"
fi
here=$(cd "$(dirname "$0")" && pwd)
program=$(realpath "$2")
rounds=${3:-5}
attached=${4:-40}
containers=${5:-2000}
# shellcheck source=tests/system/images.sh
. "$here/../tests/system/images.sh"
# A locale would add as much time as a measured command takes.
unset LC_ALL LANG
mount -t tmpfs tmpfs /run
work=$(mktemp -d "${TMPDIR:-/var/tmp}/ploopu-bench.XXXXXX")
cleanup() {
    as_root "$work/ploopu" detach -q --all || true
    as_nobody "$work/ploopu" detach -q --all || true
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# The user nobody must be able to read the program and the images, wherever the clone is.
chmod 755 "$work"
install -m 755 "$program" "$work/ploopu"
install -d -o nobody -m 700 "$work/runtime"
as_root() { "$@"; }
as_nobody() {
    setpriv --reuid nobody --regid nogroup --clear-groups \
        env XDG_RUNTIME_DIR="$work/runtime" "$@"
}

# measure USER WAY COLUMN REPEATS ARGUMENT...: what one of REPEATS commands costs. One shell starts them
# all, so that nothing else is in the figure.
measure() {
    user=$1 way=$2 column=$3 repeats=$4
    shift 4
    # shellcheck disable=SC2016 # words of the shell that is started
    "as_$user" bash -c 'TIMEFORMAT="%3U %3S" repeats=$1; shift
        time for ((i = 0; i < repeats; i++)); do "$@" >/dev/null || exit 1; done' \
        bash "$repeats" "$work/ploopu" "$@" 2>"$work/time"
    awk -v way="$way" -v column="$column" -v repeats="$repeats" '
        NF != 2 { exit 1 }
        { printf "%s %s %.3f\n", way, column, ($1 + $2) * 1000 / repeats }' "$work/time"
}

# report BASE: prints the ratios of the lines in results to BASE.
report() {
    "$here/ratios.sh" "$1" <"$work/results"
    sort -k1,2 -k3n "$work/results" | awk '
        function spread() { if (key != "") printf "%s: %s to %s ms\n", key, least, greatest }
        $1 " " $2 != key { spread(); key = $1 " " $2; least = $3 }
        { greatest = $3 }
        END { spread() }'
}

# attach_up_to COUNT: the containers 101 and on, as devices for root and as files for nobody.
attach_up_to() {
    ctid=101
    while [ $ctid -lt $((101 + $1)) ]; do
        as_root "$work/ploopu" --root "$work/host" attach -q --backend fuse $ctid >/dev/null
        as_nobody "$work/ploopu" --root "$work/host" attach -q --backend fuse --no-loop $ctid >/dev/null
        ctid=$((ctid + 1))
    done
}

# measure_list WAY COUNT: list with as many attached.
measure_list() {
    attach_up_to "$2"
    measure root "$1" root_ms 20 list
    measure nobody "$1" nobody_ms 20 list
    for user in root nobody; do
        [ "$("as_$user" "$work/ploopu" list -Ho DEVICE | wc -l)" = "$2" ] || {
            echo "list.sh: $user does not see $2 attachments" >&2
            exit 1
        }
        "as_$user" "$work/ploopu" detach -q --all
    done
}

echo "load: $(cut -d ' ' -f 1-3 /proc/loadavg)"
make_host "$work/host"
make_tree "$work/tree"
make_gpt_disk "$work/raw" 32 "$work/tree"
make_container "$work/host" 101 "$work/raw"
# shellcheck disable=SC2016 # words of the shells that are started
seq 102 $((100 + attached)) | xargs -I{} sh -c 'cp -r --sparse=always "$1/vz/private/101" "$1/vz/private/{}" &&
    cp "$1/etc/vz/conf/101.conf" "$1/etc/vz/conf/{}.conf"' sh "$work/host"
number=0
while [ $number -lt "$rounds" ]; do
    measure_list one 1
    measure_list "$attached" "$attached"
    number=$((number + 1))
done >"$work/results"
report one

make_host "$work/many"
truncate -s 64M "$work/raw"
make_container "$work/many" 101 "$work/raw"
# shellcheck disable=SC2016 # words of the shells that are started
seq 102 $((100 + containers)) | xargs -P 2 -I{} sh -c 'cp -r --sparse=always "$1/vz/private/101" "$1/vz/private/{}" &&
    cp "$1/etc/vz/conf/101.conf" "$1/etc/vz/conf/{}.conf"' sh "$work/many"
number=0
while [ $number -lt "$rounds" ]; do
    measure nobody nobody all_ms 1 --root "$work/many" list --all
    measure root root all_ms 1 --root "$work/many" list --all
    number=$((number + 1))
done >"$work/results"
report nobody
echo "load: $(cut -d ' ' -f 1-3 /proc/loadavg)"
