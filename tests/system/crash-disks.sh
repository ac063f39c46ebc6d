#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# crash-disks.sh TREE FS...: makes file systems that lost power. A guest mounts them and writes the files of TREE to
# each; when the first 20 are safe on all of them, the guest is killed while it writes more.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tree=$1
shift
disks=''
number=0
for fs; do
    disks="$disks ubd$number=$fs"
    number=$((number + 1))
done
work=$(mktemp -d "${TMPDIR:-/tmp}/ploopu-crash.XXXXXX")
mkfifo "$work/console"
# shellcheck disable=SC2086 # one word for each disk
env -u TMPDIR linux.uml mem=128M rootfstype=hostfs rootflags=/ rw init="$here/crash-guest.sh" "TREE=$tree" $disks \
    uml_dir="$work" quiet con=null con0=fd:0,fd:1 </dev/null >"$work/console" 2>&1 &
guest=$!
# The guest makes a session of its own, with the processes that write to its disks.
cut_off() { kill -KILL -$guest $guest 2>/dev/null || true; }
trap 'cut_off; rm -r "$work"' EXIT
exec 3<"$work/console"
timeout 60 sed '/files are safe/q' <&3 >"$work/log" || true
cut_off
# Waits until the last process of the guest has closed the console.
timeout 20 cat <&3 >/dev/null
wait $guest || true
if ! grep -q 'files are safe' "$work/log" || grep -q 'CRASH: failed' "$work/log"; then
    echo "the guest that was to crash: $(cat "$work/log")" >&2
    exit 1
fi
