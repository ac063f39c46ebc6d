#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# systemd-test.sh DEB FIXTURES ROOT: boots and shuts down a Debian with systemd and the package in user-mode Linux.
# ROOT, the Debian, stays unchanged. Images of fstab and ploopu.tab must be there after boot, systemd must not end
# servers in use, and the shutdown must unmount before it ends servers.
set -eu
if [ "${1:-}" != inside ]; then
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/ploopu-systemd.XXXXXX")
    export WORK
    # Only removes the empty directory: mounts and files below it go with the namespaces.
    trap 'rmdir "$WORK"' EXIT
    unshare --mount --propagation private --pid --fork --kill-child --mount-proc "$0" inside "$@"
    exit
fi
WORK=$TMPDIR/systemd
mkdir "$WORK"
here=$(cd "$(dirname "$0")" && pwd)
deb=$2 fixtures=$3 system=$4
fail() {
    echo "FAILED: $*" >&2
    exit 1
}

mount -t tmpfs tmpfs "$WORK"
mkdir "$WORK/upper" "$WORK/overlay" "$WORK/root"
root=$WORK/root
mount -t overlay overlay -o "lowerdir=$system,upperdir=$WORK/upper,workdir=$WORK/overlay" "$root"

echo 'systemd: install the package'
cp "$deb" "$root/tmp/ploopu.deb"
cp /etc/resolv.conf "$root/etc/"
{
    chroot "$root" apt-get update -qq
    chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends /tmp/ploopu.deb
} >"$WORK/log" 2>&1 || fail "$(cat "$WORK/log")"
mkdir -p "$root/mnt/101" "$root/mnt/other" "$root/lib/modules" "$root/etc/vz"
cp -a /usr/lib/uml/modules/* "$root/lib/modules/"
cp -a "$fixtures/root/etc/vz/." "$root/etc/vz/"
cp -a --sparse=always "$fixtures/root/vz" "$fixtures/tree.sha256" "$root/"
cp "$here/systemd-guest.sh" "$root/"
echo '/vz/private/101/root.hdd /mnt/101 ploopu ro,nofail 0 0' >"$root/etc/fstab"
cat >>"$root/etc/ploopu/ploopu.tab" <<TAB
web 102 snapshot=base
db 103 overlay-file=/var/lib/db.overlay
wrong 999
TAB
cat >"$root/etc/systemd/system/guest.service" <<UNIT
[Unit]
After=ploopu@web.service ploopu@db.service ploopu@wrong.service
Wants=ploopu@web.service ploopu@db.service ploopu@wrong.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/systemd-guest.sh
StandardOutput=tty
StandardError=tty
TTYPath=/dev/console
UNIT
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -s ../guest.service "$root/etc/systemd/system/multi-user.target.wants/guest.service"
for unit in getty@tty1.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done

# boot NAME: boots the guest, and waits until it has powered itself off.
boot() {
    echo "systemd: boot for '$1'"
    env -u TMPDIR timeout --kill-after=10 900 linux.uml mem=512M rootfstype=hostfs "rootflags=$root" rw \
        uml_dir="$TMPDIR" init=/lib/systemd/systemd "GUEST=$1" systemd.show_status=1 con=null con0=fd:0,fd:1 \
        </dev/null >"$WORK/$1.log" 2>&1 || true
    grep -q "VERDICT: $1: all passed" "$WORK/$1.log" || fail "$1: $(cat "$WORK/$1.log")"
    grep -q 'reboot: System halted' "$WORK/$1.log" || fail "$1: it didn't end: $(cat "$WORK/$1.log")"
    # Messages of the kernel and systemd if a device went away under a mount.
    if grep -i -e 'I/O error' -e 'EXT4-fs error' -e 'lost async page write' -e 'Failed unmounting' \
        -e 'nbd.*: Connection timed out' -e 'Could not unmount' "$WORK/$1.log"; then
        fail "$1: a device went before its mounts did"
    fi
}

boot first
# The second boot finds what the overlay file got before the first shutdown.
boot second
echo 'systemd: all passed'
