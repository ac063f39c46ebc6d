#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# completion-test.sh PLOOPU COMPLETION: what bash offers after some words.
set -eu
PATH=$(dirname "$1"):$PATH
# shellcheck source=/dev/null
. "$2"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/etc/vz/conf"
touch "$work"/etc/vz/conf/{0,101,102,205}.conf "$work/etc/vz/conf/ve-basic.conf-sample"
mkdir "$work/etc/vz/names"
ln -s ../conf/205.conf "$work/etc/vz/names/web"
ln -s ../conf/205.conf "$work/etc/vz/names/two words"

# expect WANTED WORD...: the last word is the one being typed.
expect() {
    local wanted=$1
    shift
    COMP_WORDS=(ploopu "$@")
    COMP_CWORD=$#
    _ploopu
    if [[ "${COMPREPLY[*]}" != "$wanted" ]]; then
        echo "FAILED: after 'ploopu $*': '${COMPREPLY[*]}' instead of '$wanted'"
        exit 1
    fi
}

expect 'info map check snapshots attach mount detach umount list' ''
expect 'info' in
expect '101 102' --root "$work" info 10
expect '101 102 205 web' --root "$work" mount ''
expect 'web' --root "$work" info --disk 1 w
expect 'root' info 101 --disk r
expect 'nbd' attach --backend n
expect 'base' mount 101 -s b
expect "$work/etc" mount 101 "$work/e"
expect 'data' map --only d
expect '--partition' mount --p
expect '--no-loop' attach --no
expect '--json' info 101 --j
expect '--all' detach --a
expect 'DEVICE' list -o DE
expect 'CTID,SIZE' list --all -o CTID,SI
expect 'MOUNTPOINT' list --sort MO
expect "$work/etc" --root "$work" info "$work/e"
