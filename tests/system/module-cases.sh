#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What happens around the nbd module. Run in this order, in a guest where it isn't loaded yet.
# shellcheck disable=SC2317 # cases are called by name
set -eu

if [ $# -eq 0 ]; then
    sed -n 's/^case_\([a-z0-9_]*\)() .*/\1/p' "$0"
    exit 0
fi
. "$(dirname "$0")/lib.sh"

case_without_the_module_it_is_said_and_fuse_is_used() {
    expect_refusal 69 "has no module 'nbd'" ploopu attach 101 --backend nbd
    ploopu attach 101 >"$WORK/out" 2>"$WORK/notes"
    grep -q "nbd: this kernel ($(uname -r)) has no module 'nbd': using fuse instead" "$WORK/notes"
    compare_with_raw "$(device_of <"$WORK/out")" "$FIXTURES/raw/101"
    ploopu detach 101
}

case_a_module_that_exists_is_loaded() {
    # /lib/modules as the distribution's own kernel would have it.
    release=$(uname -r)
    mkdir -p /run/lower/modules
    ln -s "/usr/lib/uml/modules/$release" "/run/lower/modules/$release"
    insmod "/usr/lib/uml/modules/$release/kernel/fs/overlayfs/overlay.ko"
    mount -t overlay -o lowerdir=/run/lower:/usr/lib none /usr/lib
    [ ! -e /sys/module/nbd ]
    ploopu attach 101 >"$WORK/out" 2>"$WORK/notes"
    expect_equal "$(cat "$WORK/notes")" ''
    expect_equal "$(list_field '.attachments[0].backend')" nbd
    compare_with_raw "$(device_of <"$WORK/out")" "$FIXTURES/raw/101"
    ploopu detach 101
    umount -l /usr/lib # this shell's own libraries lie there
}

case_"$1"
