#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# run-native.sh PLOOPU FIXTURES [PATTERN]: runs the fuse cases on this machine's kernel, in a mount and a process
# namespace: the machine's own attachments are out of reach, and leftovers of a broken test go with the namespaces.
set -eu
if [ "$(id -u)" != 0 ]; then
    echo 'FAILED: the system tests need root' >&2
    exit 1
fi
if [ "${1:-}" != inside ]; then
    exec unshare --mount --propagation private --pid --fork --kill-child --mount-proc "$0" inside "$@"
fi
export PLOOPU="$2" FIXTURES="$3"
mount -t tmpfs tmpfs /run
exec "$(dirname "$0")/run-cases.sh" fuse "${4:-}"
