#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# package-test.sh DEB FIXTURES [ROOT]: tests a user's steps with the package, from installing to purging it, on this
# kernel and below ROOT, a Debian system that stays unchanged. debootstrap made ROOT, and apt gets the dependencies of
# the package. Without ROOT, the test uses this host's system.
set -eu
if [ "${1:-}" != inside ]; then
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/ploopu-package.XXXXXX")
    export WORK
    # Only removes the empty directory: mounts and files below it go with the namespaces.
    trap 'rmdir "$WORK"' EXIT
    unshare --mount --propagation private --pid --fork --kill-child --mount-proc "$0" inside "$@"
    exit
fi
WORK=$TMPDIR/package
mkdir "$WORK"
SOURCES=$(cd "$(dirname "$0")/../.." && pwd)
deb=$2 FIXTURES=$3 system=${4:-/}
export SOURCES FIXTURES DEBIAN_FRONTEND=noninteractive
. "$SOURCES/tests/system/lib.sh"

# bind DIR WHERE: shows a directory of this host read-only at WHERE.
bind() {
    mount --bind "$1" "$2"
    mount -o remount,bind,ro "$2"
}

if ! grep -qw overlay /proc/filesystems && ! modprobe -q overlay; then
    echo 'SKIPPED: the test of the package: this kernel has no overlay file system'
    exit 0
fi
mount -t tmpfs tmpfs "$WORK"
mkdir "$WORK/upper" "$WORK/overlay" "$WORK/root"
root=$WORK/root
mount -t overlay overlay -o "lowerdir=$system,upperdir=$WORK/upper,workdir=$WORK/overlay" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
bind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/mnt"
mkdir -p "$root/mnt/101" "$root/vz" "$root/etc/vz"
cp -a "$FIXTURES/root/etc/vz/." "$root/etc/vz/"
bind "$FIXTURES/root/vz" "$root/vz"
: >"$root/etc/fstab"

here() { chroot "$root" "$@"; }
PLOOPU=$WORK/ploopu-there
printf '#!/bin/sh\nexec chroot %s ploopu "$@"\n' "$root" >"$PLOOPU"
chmod +x "$PLOOPU"
there() { "$PLOOPU" "$@"; }
attachments() { there list --json | jq '.attachments | length'; }
expect_nothing() { expect_equal "$(attachments)$(servers)" 0; }
expect_mounted() { compare_tree "$root/mnt/101"; }
step() { echo "package: $*"; }

# newer DEB: makes a copy of the package with a higher version.
newer() {
    dpkg-deb -R "$1" "$WORK/newer"
    sed -i 's/^Version: .*/&+newer/' "$WORK/newer/DEBIAN/control"
    dpkg-deb --root-owner-group -Znone -b "$WORK/newer" "$root/tmp/newer.deb" >/dev/null
}

step "install below $system"
cp "$deb" "$root/tmp/ploopu.deb"
if [ "$system" = / ]; then
    here dpkg -i /tmp/ploopu.deb >"$WORK/log" 2>&1 || fail "$(cat "$WORK/log")"
else
    cp /etc/resolv.conf "$root/etc/"
    { here apt-get update -qq && here apt-get install -y -qq --no-install-recommends /tmp/ploopu.deb; } \
        >"$WORK/log" 2>&1 || fail "$(cat "$WORK/log")"
fi
expect_equal "$(stat -c '%a %U' "$root/run/ploopu")" '700 root'
expect_equal "ploopu $(dpkg-deb -f "$deb" Version)" "$(there --version)-1"

step 'first use: info, mount(8), umount(8)'
there info 101 | grep -q 'ext4 *root' || fail 'info shows no ext4'
here mount -t ploopu.ext4 /vz/private/101/root.hdd /mnt/101
expect_mounted
here umount /mnt/101
here mount -t ploopu /vz/private/101/root.hdd /mnt/101
expect_mounted
expect_equal "$(findmnt -n -o FSTYPE,VFS-OPTIONS "$root/mnt/101")" 'ext4   ro,nosuid,nodev,relatime'
here umount /mnt/101
expect_nothing
here mount -t ploopu 101 /mnt/101 -o noexec,ploopu.backend=fuse,ploopu.journal=skip
findmnt -n -o VFS-OPTIONS "$root/mnt/101" | grep -q noexec || fail 'noexec is lost'
there umount /mnt/101
expect_nothing
expect_refusal 1 "ploopu.frob: unknown option of ploopu" here mount -t ploopu 101 /mnt/101 -o ploopu.frob
expect_refusal 32 'container 999' here mount -t ploopu 999 /mnt/101
here mount -t ploopu 101 /mnt/101 -o ploopu.writable
echo changed >"$root/mnt/101/new" || fail 'it is not writable'
here umount /mnt/101

step 'a line of fstab'
echo '/vz/private/101/root.hdd /mnt/101 ploopu defaults,nofail,_netdev,x-systemd.device-timeout=5 0 0' >"$root/etc/fstab"
here mount -a
expect_mounted
here mount -a
expect_equal "$(attachments)" 1 'after mount -a once more'
hold "$root/mnt/101/etc/motd"
expect_refusal 32 "in use: sleep (pid $holder)" here umount /mnt/101
expect_mounted
let_go 2>/dev/null
here umount /mnt/101
expect_nothing

step 'a name in ploopu.tab'
echo 'web 101 backend=fuse' >>"$root/etc/ploopu/ploopu.tab"
here systemctl enable ploopu@web 2>/dev/null
there attach --tab web >/dev/null
expect_equal "$(there list --json | jq -r '.attachments[0].name')" web
there detach --tab web
there detach -q --tab web
expect_nothing

step 'an upgrade while it is mounted'
newer "$deb"
here mount /mnt/101
server=$(servers)
here dpkg -i /tmp/newer.deb >"$WORK/log" 2>&1 || fail "$(cat "$WORK/log")"
expect_equal "$(servers)" "$server"
readlink "/proc/$server/exe" | grep -q deleted || fail "$(readlink "/proc/$server/exe"): was not replaced"
echo 3 >/proc/sys/vm/drop_caches
expect_mounted
expect_equal "$(there list --json | jq -r '.attachments[0].state')" serving
grep -q '^web 101' "$root/etc/ploopu/ploopu.tab" || fail 'the upgrade lost ploopu.tab'
grep -q 'ploopu reload' "$WORK/log" || fail "nothing is said of the old server: $(cat "$WORK/log")"

step 'removal while it is mounted'
if here dpkg -r ploopu >"$WORK/log" 2>&1; then fail 'it was removed'; fi
grep -q "ploopu detach --all" "$WORK/log" || fail "$(cat "$WORK/log")"
grep -q '/vz/private/101/root.hdd' "$WORK/log" || fail "$(cat "$WORK/log")"
expect_equal "$(servers)" "$server"
expect_mounted
# The new program detaches what the old program attached.
here umount /mnt/101
expect_nothing

step 'removal and purge'
here dpkg -r ploopu >"$WORK/log" 2>&1 || fail "$(cat "$WORK/log")"
grep -q '^web 101' "$root/etc/ploopu/ploopu.tab" || fail 'the removal took ploopu.tab'
here dpkg -P ploopu >"$WORK/log" 2>&1 || fail "$(cat "$WORK/log")"
expect_equal "$(find "$WORK/upper/etc" "$WORK/upper/usr" "$WORK/upper/var" "$root/run" -name '*ploopu*')" ''
echo 'package: all steps passed'
