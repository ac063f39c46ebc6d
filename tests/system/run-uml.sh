#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# run-uml.sh PLOOPU FIXTURES [PATTERN]: runs all cases in user-mode Linux, a real kernel with nbd and device-mapper.
# Fails if the guest doesn't print all its verdicts. BACKENDS in the environment lists the back ends: module (the cases
# of loading nbd, which must come first), nbd, fuse and dm.
set -eu
BACKENDS=${BACKENDS:-module nbd fuse dm}
here=$(cd "$(dirname "$0")" && pwd)
if [ "${1:-}" != inside ]; then
    exec "$here/isolated.sh" "$0" inside "$@"
fi
shift
log=$TMPDIR/log

# Its memory is a file, which is faster in /dev/shm than in TMPDIR.
env -u TMPDIR timeout --kill-after=10 1700 linux.uml mem=1G rootfstype=hostfs rootflags=/ rw \
    init="$here/uml-guest.sh" "PLOOPU=$1" "FIXTURES=$2" "PATTERN=${3:-.}" \
    "BACKENDS=$(echo "$BACKENDS" | tr ' ' ,)" \
    "KILL_STEP=${KILL_STEP:-1500}" "RACES=${RACES:-40}" "KILLS=${KILLS:-6}" "CYCLES=${CYCLES:-15}" \
    "STALL=${STALL:-0}" \
    uml_dir="$TMPDIR" quiet con=null con0=fd:0,fd:1 </dev/null 2>&1 | tee "$log"
for backend in $BACKENDS; do
    grep -q "^VERDICT: $backend: all [0-9]" "$log" || {
        echo "FAILED: no verdict of $backend from the guest"
        exit 1
    }
done
grep -q '^VERDICT: the guest is done' "$log" || {
    echo 'FAILED: the guest was not done'
    exit 1
}
if grep '^VERDICT:.*failed' "$log"; then exit 1; fi
