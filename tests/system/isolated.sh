#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# isolated.sh COMMAND...: runs it with mounts, processes, /run and a TMPDIR of its own, as root. However it ends, or is
# ended by a signal, its processes, mounts, loop devices and temporary files go.
set -eu
if [ "${1:-}" != inside ]; then
    if [ "$(id -u)" != 0 ]; then
        echo "FAILED: $1 needs root: it makes mounts" >&2
        exit 1
    fi
    TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/ploopu.XXXXXX")
    export TMPDIR
    chmod 755 "$TMPDIR" # for tests that aren't root
    namespace=
    # shellcheck disable=SC2317 # a trap
    clean_up() {
        trap '' INT TERM HUP
        # The first process of a namespace takes all others with it; unshare waits for that.
        [ -z "$namespace" ] || pkill -KILL -P "$namespace" || true
        wait
        losetup -n -l -O NAME,BACK-FILE | grep -F " $TMPDIR/" | cut -d ' ' -f 1 | xargs -r -n 1 losetup -d || true
        rm -rf --one-file-system "$TMPDIR"
    }
    trap clean_up EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    # A shell starts what it doesn't wait for with these two signals ignored.
    env --default-signal=INT,QUIT setpriv --pdeathsig KILL \
        unshare --mount --propagation unchanged --pid --fork --kill-child "$0" inside "$@" &
    namespace=$!
    wait $namespace
    exit
fi
shift
# In a chroot whose / is no mount point, mounts are made private from the root of the namespace.
mount --make-rprivate / 2>/dev/null || nsenter --mount=/proc/self/ns/mnt mount --make-rprivate / || {
    echo 'FAILED: mounts would be seen outside, and / is no mount point here: "mount --bind DIR DIR" before "chroot DIR"' >&2
    exit 1
}
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mkdir -m 1777 /run/lock
exec "$@"
