# SPDX-License-Identifier: GPL-2.0-or-later
# Functions for the cases of the system tests. A case has the variables PLOOPU (the program), FIXTURES (from
# make-fixtures.sh), BACKEND (nbd, dm or fuse) and WORK (an empty scratch directory for the case).
# shellcheck shell=sh disable=SC2012,SC2217,SC2317 # sleep needs no input
export PATH="$PATH:/usr/sbin:/sbin"
. "$SOURCES/tests/system/images.sh"

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

ploopu() { "$PLOOPU" --root "$FIXTURES/root" "$@"; }
attach() { ploopu attach --backend "$BACKEND" "$@"; }
mount_image() { ploopu mount --backend "$BACKEND" "$@"; }
bundle() { echo "$FIXTURES/root/vz/private/$1/root.hdd"; }

# wait_for CONDITION...: runs the command until it succeeds, for at most 20 seconds.
wait_for() {
    deadline=$(($(date +%s) + 20))
    until "$@"; do
        [ "$(date +%s)" -lt $deadline ] || fail "in vain: $*"
        sleep 0.05
    done
}

# hold FILE: starts a process, $holder, and returns when the process has the file open.
hold() {
    sleep 1000 <"$1" &
    holder=$!
    wait_for grep -q sleep /proc/$holder/comm
}

# let_go: ends the process $holder.
let_go() {
    kill "$holder"
    wait "$holder" || true
}

expect_equal() { [ "$1" = "$2" ] || fail "expected '$2', got '$1'${3:+ ($3)}"; }

# expect_refusal CODE WORDS COMMAND...: expects that the command fails with that exit code, and prints these words in
# one line.
expect_refusal() {
    expected=$1 words=$2
    shift 2
    code=0
    "$@" >"$WORK/stdout" 2>"$WORK/stderr" || code=$?
    [ "$code" = "$expected" ] || fail "$*: exit code $code, expected $expected: $(cat "$WORK/stderr")"
    grep -q -e "$words" "$WORK/stderr" || fail "$*: no '$words' in: $(cat "$WORK/stderr")"
    grep -v -e 'warning:' -e 'instead$' "$WORK/stderr" >"$WORK/errors" || true
    expect_equal "$(wc -l <"$WORK/errors")" 1 "lines of: $(cat "$WORK/errors")"
}

# The first line that attach prints is the device.
device_of() { head -n 1; }

compare_with_raw() {
    qemu-img compare -q -f raw -F raw "$1" "$2" || fail "$1 differs from $2"
    cmp "$1" "$2" || fail "$1 differs from $2"
}

# compare_tree DIR: expects that every file is as it was when the disk was made.
compare_tree() {
    (cd "$1" && sha256sum --quiet -c "$FIXTURES/tree.sha256") || fail "files below $1 differ"
    expect_equal "$(find "$1" -path "$1/lost+found" -prune -o -type f -print | wc -l)" \
        "$(wc -l <"$FIXTURES/tree.sha256")" "files below $1"
}

list_field() { ploopu list --json | jq -r "$1"; }

# servers: prints the process IDs of all servers; for nbd, of supervisor, standby and worker.
servers() {
    awk '/^Name:/ { name = $2 } /^State:/ && name ~ /^ploopu-(nbd|fuse)/ && $2 != "Z" {
        split(FILENAME, path, "/"); print path[3] }' /proc/[0-9]*/status 2>/dev/null || true
}
# kill_servers: kills all servers at once, since a server that dies alone is replaced.
kill_servers() { wait_for no_servers; }
no_servers() {
    pids=$(servers)
    [ -n "$pids" ] || return 0
    # shellcheck disable=SC2086 # words
    kill -9 $pids 2>/dev/null || true
    return 1
}

# leftovers: prints everything that ploopu has left on this host. It should print nothing.
leftovers() {
    ploopu list --json | jq -r '.attachments[] | "attached: \(.device)"'
    grep -l . /sys/block/nbd*/backend 2>/dev/null | sed 's/^/connected: /' || true
    ls -d /sys/block/nbd*/nbd*p* 2>/dev/null | sed 's/^/stale partition: /' || true
    # Loop devices have no namespace: one on a file that neither exists nor is mounted here belongs to somebody else.
    grep '^/run/ploopu/' /sys/block/loop*/loop/backing_file 2>/dev/null | while IFS= read -r loop; do
        file=${loop#*:}
        [ ! -e "${file%/disk}" ] && ! grep -q " $file " /proc/self/mounts || echo "loop: $loop"
    done
    # Loop devices of the dm back end are below device-mapper, on the images themselves.
    grep -e "^$FIXTURES/" -e "^$WORK/" /sys/block/loop*/loop/backing_file 2>/dev/null | sed 's/^/loop: /' || true
    if [ -e /sys/class/misc/device-mapper ]; then
        dmsetup info -c --noheadings -o name,uuid | grep PLOOPU- | sed 's/^/mapped: /' || true
    fi
    ls /dev/mapper 2>/dev/null | sed -n '/^ploopu-/s/^/node: /p'
    for partition in /sys/block/loop*/loop*p*; do
        [ ! -e "$partition" ] || [ -e "${partition%/*}/loop/backing_file" ] ||
            echo "stale partition: $partition"
    done
    grep -e ploopu -e "$WORK/" /proc/self/mounts | sed 's/^/mounted: /' || true
    servers | sed 's/^/process: /'
    ls /run/ploopu 2>/dev/null | sed '/^lock$/d; s/^/record: /'
}

# clean_by_force: removes everything after a failed case, so that the next case starts from nothing.
clean_by_force() {
    kill_servers
    grep -e "$WORK/" /proc/self/mounts | awk '{ print $2 }' | sort -r | xargs -r -n 1 umount -l || true
    for device in /sys/block/nbd*; do
        [ ! -e "$device/backend" ] || nbd-client -d "/dev/${device##*/}" >/dev/null || true
        # The next open of the device removes its partitions.
        [ ! -b "/dev/${device##*/}" ] || : <"/dev/${device##*/}" || true
    done
    if [ -e /sys/class/misc/device-mapper ]; then
        # A device above another one has the longer name, so it comes first in reverse order.
        dmsetup info -c --noheadings -o name | grep '^ploopu-' | sort -r | xargs -r -n 1 dmsetup remove --force || true
        rm -f /dev/mapper/ploopu-*
    fi
    for device in /sys/block/loop*/loop; do
        grep -q '^/run/ploopu/' "$device/backing_file" 2>/dev/null || continue
        device=${device%/loop}
        losetup -d "/dev/${device##*/}" || true
    done
    grep ' /run/ploopu[/ ]' /proc/self/mounts | awk '{ print $2 }' | xargs -r -n 1 umount -l || true
    rm -rf /run/ploopu || true
}
