#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Cases of the fuse back end alone; see cases.sh.
# shellcheck disable=SC2217,SC2317 # sleep needs no input; cases are called by name
set -eu

if [ $# -eq 0 ]; then
    sed -n 's/^case_\([a-z0-9_]*\)() .*/\1/p' "$0"
    exit 0
fi
. "$(dirname "$0")/lib.sh"

case_the_disk_as_a_file() {
    file=$(attach 104 --no-loop)
    [ -f "$file" ] || fail "$file is not a file"
    compare_with_raw "$file" "$FIXTURES/raw/104"
    expect_equal "$(losetup -j "$file" | wc -l)" 0
    sleep 1000 <"$file" &
    holder=$!
    expect_refusal 75 "sleep (pid $holder) has it open" ploopu detach "$file"
    kill $holder
    wait $holder || true
    if (: >"$file") 2>/dev/null; then fail 'it can be written to'; fi
    ploopu detach "$file"
    expect_refusal 64 'fuse' ploopu attach 104 --no-loop --backend nbd
}

case_without_root_as_a_file() {
    cp "$PLOOPU" "$WORK/ploopu"
    cp -r "$(bundle 102)" "$WORK/image"
    mkdir "$WORK/xdg"
    chmod -R a+rX "$WORK"
    chown 65534 "$WORK/xdg"
    # The device node of this machine may be root's alone; udev makes it 0666 elsewhere.
    mknod "$WORK/fuse" c 10 229
    chmod 666 "$WORK/fuse"
    mount --bind "$WORK/fuse" /dev/fuse
    nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups env XDG_RUNTIME_DIR="$WORK/xdg" "$@"; }
    file=$(nobody "$WORK/ploopu" attach --backend fuse --no-loop "$WORK/image")
    nobody cmp "$file" "$FIXTURES/raw/102" || fail 'the file differs'
    expect_equal "$(nobody "$WORK/ploopu" list --json | jq -r '.attachments[0].device')" "$file"
    nobody "$WORK/ploopu" detach "$file"
    expect_equal "$(nobody "$WORK/ploopu" list --json | jq '.attachments | length')" 0
    umount /dev/fuse
}

case_"$1"
