# SPDX-License-Identifier: GPL-2.0-or-later
# Cases of several images at once, and of detaching.
# run-cases.sh runs them with every back end and kernel; lib.sh lists what a case can use.
# shellcheck shell=sh disable=SC2217,SC2317 # sleep needs no input; cases are called by name

case_several_images_each_on_its_own_device() {
    for ctid in 101 103 106; do
        attach $ctid >"$WORK/$ctid" &
    done
    wait
    expect_equal "$(cat "$WORK/101" "$WORK/103" "$WORK/106" | sort | uniq -d | wc -l)" 0
    for ctid in 101 103 106; do
        device=$(device_of <"$WORK/$ctid")
        expect_equal "$(list_field ".attachments[] | select(.ctid == \"$ctid\") | .device")" "$device"
        compare_with_raw "$device" "$FIXTURES/raw/$ctid"
    done
    ploopu detach 101 103 106
}

case_one_image_has_one_device() {
    for i in 1 2 3 4 5 6; do
        attach -q 101 >"$WORK/$i" &
    done
    wait
    for i in 2 3 4 5 6; do cmp "$WORK/1" "$WORK/$i"; done
    ln -s "$(bundle 101)" "$WORK/link"
    expect_equal "$(attach -q "$WORK/link" | device_of)" "$(device_of <"$WORK/1")"
    expect_equal "$(list_field '.attachments | length')" 1
    mkdir "$WORK/m"
    mount_image 101 "$WORK/m" >/dev/null
    expect_equal "$(list_field '.attachments | length')" 1
    ploopu detach "$WORK/link"
}

case_completion_offers_what_is_attached() {
    mkdir "$WORK/m"
    mount_image -q 101 "$WORK/m" >/dev/null
    ploopu attach -q 101 >"$WORK/devices"
    printf '%s\n101\n' "$WORK/m" | cat "$WORK/devices" - | sort >"$WORK/wanted"
    "$PLOOPU" __complete -- umount '' | cut -f 1 | sort >"$WORK/offered"
    diff "$WORK/wanted" "$WORK/offered" || fail 'what umount is offered'
    ploopu umount "$WORK/m"
    expect_equal "$("$PLOOPU" __complete -- umount '')" ':files'
}

case_an_image_that_was_replaced_is_not_mistaken() {
    cp -r "$(bundle 101)" "$WORK/image"
    attach "$WORK/image" >/dev/null
    cp "$WORK/image/root.hds" "$WORK/copy" && mv "$WORK/copy" "$WORK/image/root.hds"
    expect_refusal 75 'an older state' attach "$WORK/image"
    ploopu detach "$WORK/image"
    attach "$WORK/image" >/dev/null
    ploopu detach "$WORK/image"
}

case_detach_by_every_name() {
    mkdir "$WORK/m"
    for way in device partition ctid directory descriptor delta mountpoint; do
        mount_image 101 "$WORK/m" --json >"$WORK/json"
        case $way in
        device) target=$(jq -r .device "$WORK/json") ;;
        partition) target=$(jq -r '.partitions[0].device' "$WORK/json") ;;
        ctid) target=101 ;;
        directory) target=$(bundle 101) ;;
        descriptor) target=$(bundle 101)/DiskDescriptor.xml ;;
        delta) target=$(bundle 101)/root.hds ;;
        mountpoint) target=$WORK/m ;;
        esac
        ploopu detach "$target"
        expect_equal "$(list_field '.attachments | length')" 0 "after detach by $way"
    done
    for ctid in 101 103; do attach $ctid >/dev/null; done
    ploopu detach --all
    expect_refusal 66 'this container is not attached' ploopu detach 101
    expect_refusal 66 'not attached or mounted by ploopu' ploopu detach /dev/null
}

case_r20_r21_a_device_in_use_is_refused_and_its_user_named() {
    device=$(attach 101 | device_of)
    node=${device}p1
    mkdir "$WORK/m"

    mount -o ro,noload "$node" "$WORK/m"
    expect_refusal 75 "mounted on $WORK/m" ploopu detach 101
    umount "$WORK/m"

    hold "$node"
    expect_refusal 75 "sleep (pid $holder) has it open" ploopu detach "$device"
    let_go

    spare=$(losetup -f --show -r "$node")
    expect_refusal 75 "used by $spare" ploopu detach 101
    losetup -d "$spare"

    compare_with_raw "$device" "$FIXTURES/raw/101"
    ploopu detach 101
}

case_a_mount_in_use_is_refused_and_its_user_named() {
    mkdir "$WORK/m"
    mount_image 101 "$WORK/m" >/dev/null
    (cd "$WORK/m/etc" && exec sleep 1000) &
    holder=$!
    wait_for grep -q sleep /proc/$holder/comm
    expect_refusal 75 "sleep (pid $holder) uses $WORK/m" ploopu umount "$WORK/m"
    compare_tree "$WORK/m"
    let_go
    ploopu umount "$WORK/m"
}

case_r21_a_mount_in_another_namespace_is_seen() {
    device=$(attach 101 | device_of)
    mkdir "$WORK/m"
    unshare --mount --propagation unchanged sh -c \
        "mount -o ro,noload ${device}p1 $WORK/m && touch $WORK/ready && exec sleep 1000" &
    holder=$!
    wait_for [ -e "$WORK/ready" ]
    expect_refusal 75 "mounted on $WORK/m in the mount namespace of" ploopu detach 101
    let_go
    ploopu detach 101
}

# A service with a mount namespace of its own gets copies of our mounts, which go with ours.
case_copies_by_propagation_do_not_hinder() {
    mkdir "$WORK/shared"
    mount -t tmpfs tmpfs "$WORK/shared"
    mount --make-shared "$WORK/shared"
    mkdir "$WORK/shared/m"
    unshare --mount --propagation unchanged sh -c \
        "mount --make-slave $WORK/shared && touch $WORK/ready && exec sleep 1000" &
    holder=$!
    wait_for [ -e "$WORK/ready" ]
    mount_image 101 "$WORK/shared/m" >/dev/null
    grep -q "$WORK/shared/m" /proc/$holder/mounts || fail 'there is no copy: the test tests nothing'
    ploopu umount "$WORK/shared/m"
    let_go
    umount "$WORK/shared"
}

case_r21_a_lazy_unmount_is_seen() {
    device=$(attach 101 | device_of)
    mkdir "$WORK/m"
    mount -o ro,noload "${device}p1" "$WORK/m"
    hold "$WORK/m/etc/motd"
    umount -l "$WORK/m"
    expect_refusal 75 'in use by something' ploopu detach 101
    let_go
    ploopu detach 101
}

case_two_mount_points_of_one_image_at_once() {
    mkdir "$WORK/one" "$WORK/two"
    for way in directories device_and_container; do
        mount_image 108 "$WORK/one" --partition 1 >/dev/null
        mount_image -q 108 "$WORK/two" --partition 2 >/dev/null
        if [ $way = directories ]; then
            ploopu -q umount "$WORK/one" "$WORK/two"
        else
            ploopu umount "$(list_field '.attachments[0].device')" 108
        fi
        expect_equal "$(list_field '.attachments | length')" 0 "by $way"
    done
}

case_a_mount_over_ours_is_not_taken_away() {
    mkdir "$WORK/m"
    mount_image 101 "$WORK/m" >/dev/null
    mount -t tmpfs stranger "$WORK/m"
    expect_refusal 75 "stranger is mounted on $WORK/m" ploopu umount "$WORK/m"
    expect_refusal 75 "stranger is mounted on $WORK/m" ploopu detach 101
    grep -q "^stranger $WORK/m " /proc/self/mounts || fail 'the other mount is gone'
    umount "$WORK/m"
    ploopu umount "$WORK/m"
}

# The path of our mount leads to the mount above it, which ploopu must not unmount.
case_a_mount_above_ours_is_not_mistaken() {
    mkdir -p "$WORK/above/m"
    mount_image 101 "$WORK/above/m" >/dev/null
    mount -t tmpfs stranger "$WORK/above"
    mkdir "$WORK/above/m"
    mount -t tmpfs inner "$WORK/above/m"
    expect_refusal 75 'another mount covers' ploopu umount "$WORK/above/m"
    grep -q "^inner $WORK/above/m " /proc/self/mounts || fail 'the other mount is gone'
    umount "$WORK/above/m"
    umount "$WORK/above"
    ploopu umount "$WORK/above/m"
}

# The process has its working directory below the mount point, but not in the mount.
case_who_stands_in_the_covered_directory_does_not_hinder() {
    mkdir "$WORK/m"
    (
        cd "$WORK/m" || exit 1
        mount_image 101 . >/dev/null
        ploopu umount .
    )
    expect_equal "$(list_field '.attachments | length')" 0
}

case_the_same_newest_delta_is_not_the_same_disk() {
    cp -r "$(bundle 102)" "$WORK/image"
    cp "$WORK/image/DiskDescriptor.xml" "$WORK/whole"
    top=$(cd "$WORK/image" && ls root.hdd.*)
    descriptor 65536 2048 "$top" >"$WORK/image/DiskDescriptor.xml"
    attach -q "$WORK/image" >/dev/null
    cp "$WORK/whole" "$WORK/image/DiskDescriptor.xml"
    expect_refusal 75 'without some of its deltas' attach "$WORK/image"
    ploopu detach --all
    compare_with_raw "$(attach "$WORK/image" | device_of)" "$FIXTURES/raw/102"
    ploopu detach "$WORK/image"
}

case_what_lies_in_a_mount_is_named_before_anything_goes() {
    mkdir "$WORK/one" "$WORK/two"
    mount_image 108 "$WORK/one" --partition 1 >/dev/null
    mount_image -q 108 "$WORK/two" --partition 2 >/dev/null

    mount -t tmpfs stranger "$WORK/one/var/empty"
    expect_refusal 75 "stranger is mounted on $WORK/one/var/empty" ploopu detach 108
    umount "$WORK/one/var/empty"

    spare=$(losetup -f --show -r "$WORK/one/home/user/random")
    expect_refusal 75 "used by $spare" ploopu detach 108
    losetup -d "$spare"

    # Both mounts are still there.
    expect_equal "$(list_field '.attachments[0].mountpoints | length')" 2
    compare_tree "$WORK/one"
    ploopu detach 108
}

case_one_image_mounted_inside_another() {
    mkdir "$WORK/m"
    mount_image 101 "$WORK/m" >/dev/null
    mount_image 103 "$WORK/m/var/empty" >/dev/null
    expect_refusal 75 "is mounted on $WORK/m/var/empty" ploopu umount "$WORK/m"
    compare_tree "$WORK/m/var/empty"
    ploopu detach 101 103
    mount_image 101 "$WORK/m" >/dev/null
    mount_image 103 "$WORK/m/var/empty" >/dev/null
    ploopu detach --all
}

# A mount that fails detaches its device, unless another process has begun to use the device meanwhile. Slow locks give
# the other process time for that.
case_others_are_not_hurt_by_a_mount_that_fails() {
    mkdir "$WORK/m" "$WORK/n"
    strace -qq -o "$WORK/trace" -e trace=flock -e inject=flock:delay_enter=500000:when=2+ \
        "$PLOOPU" --root "$FIXTURES/root" -q mount --backend "$BACKEND" 101 "$WORK/n" \
        -o no-such-option-of-ext4 >/dev/null 2>&1 &
    wait_for grep -qs flock "$WORK/trace"
    mount_image -q 101 "$WORK/m" >/dev/null 2>"$WORK/said" || fail "$(cat "$WORK/said")"
    wait
    compare_tree "$WORK/m"
    ploopu umount "$WORK/m"
}

case_one_root_has_many_names() {
    "$PLOOPU" --root "$FIXTURES/./root/" attach --backend "$BACKEND" 101 >/dev/null
    "$PLOOPU" --root "$FIXTURES/root" detach 101
}

case_r27_partition_nodes_are_gone_when_detach_returns() {
    for round in 1 2 3; do
        attach 108 >"$WORK/devices"
        expect_equal "$(wc -l <"$WORK/devices")" 3 "devices in round $round"
        # A process that opens a partition last can make the kernel look for partitions again.
        while read -r node; do cmp -n 4096 "$node" "$node"; done <"$WORK/devices"
        ploopu detach 108
        for node in $(tail -n +2 "$WORK/devices"); do
            if [ -e "$node" ] || [ -e "/sys/class/block/${node##*/}" ]; then fail "$node stays"; fi
        done
    done
}

# used_up: prints the devices, locks and records of this host.
used_up() {
    find /sys/block -type l | wc -l
    wc -l </proc/locks
    find /run/ploopu | wc -l
}
files_open() { cut -f 1 /proc/sys/fs/file-nr; }
memory_used() { awk '/^(SUnreclaim|KernelStack|PageTables|Percpu):/ { sum += $2 } END { print sum }' /proc/meminfo; }

# CYCLES is the number of cycles.
case_r42_attached_and_detached_over_and_over() {
    cycle() {
        attach -q 108 >/dev/null
        ploopu -q detach 108
    }
    for _ in 1 2 3; do cycle; done
    used_up >"$WORK/before"
    files=$(files_open) memory=$(memory_used)
    round=0
    while [ $round -lt "${CYCLES:-300}" ]; do
        cycle
        round=$((round + 1))
    done
    expect_equal "$(ls /run/ploopu)" lock
    # Other processes use the kernel of a host, too, so the counts are compared in a guest only.
    [ -n "${GUEST:-}" ] || return 0
    used_up | diff "$WORK/before" - || fail 'devices, locks, files in /run/ploopu'
    # The kernel's count of open files is wrong by up to 32 for each processor.
    more=$(($(files_open) - files))
    [ $more -le $((32 + ${CYCLES:-300} / 2)) ] || fail "$more more files are open after ${CYCLES:-300} cycles"
    more=$(($(memory_used) - memory))
    [ $more -le 1024 ] || fail "the kernel has $more KiB more in use after ${CYCLES:-300} cycles"
}
