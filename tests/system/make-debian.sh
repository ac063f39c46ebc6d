#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# make-debian.sh DIR: installs a Debian of this host's release, from its mirror, as small as a Debian with systemd can
# be. Does nothing if it is there already.
set -eu
[ ! -e "$1/complete" ] || exit 0
. /etc/os-release
mirror=$(sed -n 's/^URIs: *//p; s/^deb \(\[[^]]*\] \)\?\(http[^ ]*\) .*/\2/p' \
    /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | head -n 1)
rm -rf "$1"
mkdir -p "$(dirname "$1")"
debootstrap --variant=minbase --include=systemd-sysv,dbus,udev,kmod "$VERSION_CODENAME" "$1" \
    "${mirror:-http://deb.debian.org/debian}" >"$1.log" 2>&1 || {
    tail -n 20 "$1.log" >&2
    exit 1
}
: >"$1/complete"
