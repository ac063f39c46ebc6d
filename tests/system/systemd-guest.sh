#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The service that runs at boot in the guest of systemd-test.sh. GUEST is on the kernel's command line.
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
boot=$(sed 's/.*GUEST=\([a-z]*\).*/\1/' /proc/cmdline)

fail() {
    echo "FAILED: $*"
    systemctl --no-pager status 'ploopu@*' mnt-101.mount || true
    journalctl --no-pager -b -u 'ploopu@*' -u mnt-101.mount || true
    systemctl --no-block poweroff
    exit 1
}
expect_equal() { [ "$1" = "$2" ] || fail "expected '$2', got '$1'${3:+ ($3)}"; }
state() { systemctl show -P ActiveState "$1"; }
device_named() { ploopu list --json | tr -d '\n' | sed "s/},/\n/g" | sed -n "/\"name\": \"$1\"/s/.*\"device\": \"\([^\"]*\)\".*/\1/p"; }
processes() { systemctl show -P ControlGroup "$1" | sed 's|.*|/sys/fs/cgroup&/cgroup.procs|' | xargs cat 2>/dev/null | wc -l; }

# The line of fstab is mounted.
expect_equal "$(state mnt-101.mount)" active
(cd /mnt/101 && sha256sum --quiet -c /tree.sha256) || fail 'the files below /mnt/101 differ'
# The lines of ploopu.tab are attached.
expect_equal "$(state ploopu@web)" active
expect_equal "$(state ploopu@db)" active
expect_equal "$(state ploopu@wrong)" failed
web=$(device_named web) db=$(device_named db)
expect_equal "$(systemctl show -P StatusText ploopu@web)" \
    "$web is /vz/private/102/root.hdd/DiskDescriptor.xml, by nbd"
expect_equal "$(blkid -p -s TYPE -o value "$db")" ext4
[ "$(processes ploopu@web)" = 3 ] || fail "$(processes ploopu@web) processes of ploopu@web"

if [ "$boot" = second ]; then
    mount "$db" /mnt/other
    expect_equal "$(cat /mnt/other/kept)" 'of the first boot'
    umount /mnt/other
    expect_equal "$(findmnt -n /mnt/other)" ''
    echo 'VERDICT: second: all passed'
    systemctl --no-block poweroff
    exit
fi

# A server that dies is replaced, and systemd doesn't stop the service.
kill -9 "$(sed -n 1p "/sys/fs/cgroup$(systemctl show -P ControlGroup ploopu@web)/cgroup.procs")"
dd if="$web" of=/dev/null bs=1M count=4 status=none
expect_equal "$(state ploopu@web)" active 'a server died'
# Stopping the service of a device in use fails and leaves the device alone.
mount "$db" /mnt/other
systemctl stop ploopu@db || true
expect_equal "$(state ploopu@db)" failed
expect_equal "$(device_named db)" "$db"
echo 3 >/proc/sys/vm/drop_caches
(cd /mnt/other && sha256sum --quiet -c /tree.sha256) || fail 'the files below /mnt/other differ'
# A start finds the device that is still attached.
systemctl start ploopu@db
expect_equal "$(state ploopu@db)" active
expect_equal "$(device_named db)" "$db"
# An umount by systemd frees the device as well, and a second mount by systemd works.
systemctl stop mnt-101.mount
expect_equal "$(ploopu list | grep -c /vz/private/101/)" 0 'after stopping mnt-101.mount'
systemctl start mnt-101.mount
systemctl restart ploopu@web
expect_equal "$(state ploopu@web)" active
# Leaves a mount that an admin made by hand, with unwritten data, for the shutdown.
echo 'of the first boot' >/mnt/other/kept
echo 'VERDICT: first: all passed'
systemctl --no-block poweroff
