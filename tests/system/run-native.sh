#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# run-native.sh PLOOPU FIXTURES [PATTERN]: runs the fuse cases on this machine's kernel, in a mount and a process
# namespace: the machine's own attachments are out of reach, and leftovers of a broken test go with the namespaces.
set -eu
here=$(dirname "$0")
export PLOOPU="$1" FIXTURES="$2"
exec "$here/isolated.sh" "$here/run-cases.sh" fuse "${3:-}"
