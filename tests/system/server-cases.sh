# SPDX-License-Identifier: GPL-2.0-or-later
# Cases of the servers, with the back ends that have them.
# run-cases.sh runs them on every kernel; lib.sh lists what a case can use.
# shellcheck shell=sh disable=SC2217,SC2317 # sleep needs no input; cases are called by name

case_the_server_outlives_its_shell() {
    setsid sh -c "\"$PLOOPU\" --root \"$FIXTURES/root\" attach --backend $BACKEND 101 >\"$WORK/out\" 2>&1
        kill -HUP -\$\$" || true
    device=$(grep -v ^ploopu: "$WORK/out" | device_of)
    expect_equal "$(list_field '.attachments[0].state')" serving
    pid=$(list_field '.attachments[0].pid')
    expect_equal "$(cut -d ' ' -f 6 "/proc/$pid/stat")" "$pid" 'its session'
    for fd in 0 1 2; do expect_equal "$(readlink "/proc/$pid/fd/$fd")" /dev/null; done
    compare_with_raw "$device" "$FIXTURES/raw/101"
    ploopu detach 101
}

case_a_dead_server_is_seen_and_cleared_away() {
    device=$(attach 101 | device_of)
    kill_servers
    stale() { [ "$(list_field '.attachments[0].state')" = stale ]; }
    wait_for stale
    expect_equal "$(list_field '.attachments[0].device')" "$device"
    expect_refusal 75 'detach that first' attach 101
    ploopu detach 101
    attach 101 >/dev/null
    ploopu detach 101
}

# The record is older than a crash of the host, for example, and another process has the ID of the server now.
case_h71_a_process_that_has_the_number_of_a_server() {
    device=$(attach 101 | device_of)
    record=$(echo /run/ploopu/*/attachment.json)
    server=$(list_field '.attachments[0].pid')
    sleep 1000 &
    other=$!
    wait_for grep -q sleep "/proc/$other/comm"
    sed -i "s/\"server\":\[$server,/\"server\":[$other,/" "$record"
    [ "$BACKEND" != nbd ] || echo "$other 123" >"${record%/*}/servers"
    expect_equal "$(list_field '.attachments[0] | "\(.device) \(.state)"')" "$device stale"
    ploopu detach "$device"
    kill -0 "$other" || fail 'a process was killed that is none of ours'
    kill "$other"
    wait "$other" || true
    ended() { ! kill -0 "$server" 2>/dev/null; }
    wait_for ended
}

# A stopped server doesn't end by itself. Once its device is free, detach kills it.
case_a_stopped_server_can_be_detached() {
    attach 101 >/dev/null
    pid=$(list_field '.attachments[0].pid')
    kill -STOP "$pid"
    timeout 60 "$PLOOPU" --root "$FIXTURES/root" detach 101
}

# The driver keeps its devices, so settings for ours must not stay for the next user.
case_the_queue_is_set_for_us_and_then_set_back() {
    settings() { (cd "/sys/block/$1/queue" && head scheduler max_sectors_kb read_ahead_kb); }
    device=$(attach -q 101 | device_of)
    name=${device#/dev/}
    expect_equal "$(cat "/sys/block/$name/queue/read_ahead_kb")" 8192
    grep -q '\[none\]' "/sys/block/$name/queue/scheduler"
    limit=$(cat "/sys/block/$name/queue/max_hw_sectors_kb")
    [ "$limit" -le 4096 ] || limit=4096
    expect_equal "$(cat "/sys/block/$name/queue/max_sectors_kb")" "$limit"
    ploopu detach 101
    echo 128 >"/sys/block/$name/queue/read_ahead_kb"
    settings "$name" >"$WORK/before"
    device=$(attach -q 101 | device_of)
    expect_equal "${device#/dev/}" "$name"
    ploopu detach 101
    settings "$name" | diff "$WORK/before" - || fail 'the settings were not set back'
}

# Written data is read back. umount says that it is discarded, and the next mount doesn't show it.
case_mount_writable() {
    mkdir "$WORK/m"
    cp -r "$(bundle 101)" "$WORK/image"
    sum=$(cat "$WORK"/image/* | sha256sum)
    mount_image "$WORK/image" "$WORK/m" --writable --overlay-dir "$WORK" --json >"$WORK/json"
    expect_equal "$(jq -c '[.read_only, .overlay, .journal]' "$WORK/json")" '[false,true,"clean"]'
    options=$(awk -v dir="$WORK/m" '$2 == dir { print $4 }' /proc/self/mounts)
    for option in rw nosuid nodev; do
        case ",$options," in *",$option,"*) ;; *) fail "$option is not in $options" ;; esac
    done
    cp "$FIXTURES/tree/home/user/random" "$WORK/m/copy"
    rm "$WORK/m/etc/hostname"
    sync -f "$WORK/m/copy"
    echo 3 >/proc/sys/vm/drop_caches
    cmp "$WORK/m/copy" "$FIXTURES/tree/home/user/random"
    ploopu umount "$WORK/m" 2>"$WORK/notes"
    grep -q 'discarded .* of overlay data' "$WORK/notes" || fail "$(cat "$WORK/notes")"
    expect_equal "$(cat "$WORK"/image/* | sha256sum)" "$sum"
    mount_image "$WORK/image" "$WORK/m" >/dev/null
    [ ! -e "$WORK/m/copy" ] || fail 'it is there again'
    cmp "$WORK/m/etc/hostname" "$FIXTURES/tree/etc/hostname"
    ploopu umount "$WORK/m"
}

case_mount_of_what_one_does_not_trust() {
    mkdir "$WORK/m"
    mount_image 101 "$WORK/m" -o noexec,nosymfollow >/dev/null
    options=$(awk -v dir="$WORK/m" '$2 == dir { print $4 }' /proc/self/mounts)
    for option in ro nosuid nodev noexec nosymfollow; do
        case ",$options," in *",$option,"*) ;; *) fail "$option is not in $options" ;; esac
    done
    ploopu umount "$WORK/m"
}

# The kernel can't mount a file system writable while it is mounted read-only.
case_a_writable_mount_beside_a_read_only_one() {
    mkdir "$WORK/m" "$WORK/w"
    cp -r "$(bundle 111)" "$WORK/image"
    mount_image "$WORK/image" "$WORK/m" --overlay-dir "$WORK" >/dev/null
    expect_refusal 75 'read-only' mount_image "$WORK/image" "$WORK/w" --writable
    ploopu umount "$WORK/m" 2>"$WORK/notes"
    [ ! -s "$WORK/notes" ] || fail "nobody wrote: $(cat "$WORK/notes")"
}

# A later mount shows what was written, and ploopu checks it before the kernel reads it.
case_mount_with_an_overlay_that_is_kept() {
    mkdir "$WORK/m"
    cp -r "$(bundle 111)" "$WORK/image"
    sum=$(cat "$WORK"/image/* | sha256sum)
    mount_kept() { mount_image "$WORK/image" "$WORK/m" --overlay-file "$WORK/kept" "$@"; }
    expect_refusal 64 'replayed into that file' mount_kept --journal skip
    mount_kept --json >"$WORK/json"
    expect_equal "$(jq -c '[.read_only, .overlay_file, .journal]' "$WORK/json")" \
        "[true,\"$WORK/kept\",\"replayed\"]"
    ploopu -q umount "$WORK/m"
    # The overlay file has the replayed journal, so nothing is left to replay.
    mount_kept --writable --json >"$WORK/json"
    expect_equal "$(jq -c '[.read_only, .journal]' "$WORK/json")" '[false,"clean"]'
    echo kept >"$WORK/m/file"
    device=$(jq -r .device "$WORK/json")
    ploopu umount "$WORK/m" 2>"$WORK/notes"
    grep -q "written data is kept in $WORK/kept" "$WORK/notes" || fail "$(cat "$WORK/notes")"
    mount_kept >"$WORK/said"
    expect_equal "$(cat "$WORK/m/file")" kept
    ploopu -q umount "$WORK/m"
    # The overlay gets another file system than the image has.
    device=$(attach "$WORK/image" --overlay-file "$WORK/kept" | tail -n 1)
    mkfs.ext4 -q -F -L other "$device"
    ploopu -q detach "$device"
    mount_kept --json >"$WORK/json"
    expect_equal "$(jq -r '.partitions[0].label' "$WORK/json")" other
    [ ! -e "$WORK/m/file" ] || fail 'it is the old one'
    ploopu -q umount "$WORK/m"
    expect_equal "$(cat "$WORK"/image/* | sha256sum)" "$sum"
}

# told WORDS: expects the words in the kernel's log, in a guest only: the guest has no log daemon.
told() { [ -z "${GUEST:-}" ] || dmesg | grep -q "ploopu: .*$1"; }

case_r13_h31_strictly_nothing_is_read_that_was_changed() {
    limit=2000
    [ -z "${GUEST:-}" ] || limit=4000
    cp -r "$(bundle 102)" "$WORK/image"
    device=$(attach "$WORK/image" | device_of)
    expect_refusal 75 'not strictly' attach "$WORK/image" --strict
    ploopu detach "$device"
    device=$(attach "$WORK/image" --strict --json | jq -r 'select(.strict) | .device')
    expect_equal "$(list_field '.attachments[0].strict')" true
    # An attach without --strict takes the device that is there.
    expect_equal "$(attach -q "$WORK/image" | device_of)" "$device"
    reads() {
        echo 3 >/proc/sys/vm/drop_caches
        dd if="$device" of=/dev/null bs=64k count=1 status=none 2>/dev/null
    }
    refuses() { ! reads; }
    reads || fail 'it can be read as long as nothing is changed'
    top=$(cd "$WORK/image" && ls root.hdd.*)
    qemu-io -f parallels -c 'write -q -P 7 31M 64k' "$WORK/image/$top"
    start=$(date +%s%N)
    wait_for refuses
    took=$((($(date +%s%N) - start) / 1000000))
    [ $took -le $limit ] || fail "seen after $took ms"
    wait_for told "/$top: was modified while attached: all reads fail"
    expect_equal "$(list_field '.attachments[0].state')" serving
    list_field '.attachments[0].warnings[]' | grep -q "/$top: was modified.*all reads fail" ||
        fail "$(ploopu list --json)"
    ploopu detach "$device"
}

case_r12_what_becomes_of_an_image_is_in_the_log() {
    cp -r "$(bundle 103)" "$WORK/image"
    attach "$WORK/image" >/dev/null
    printf x >>"$WORK/image/root.hds"
    wait_for told '/image/root.hds: was modified while attached: reads may mix'
    rm "$WORK/image/root.hds"
    wait_for told '/image/root.hds: was removed or replaced'
    ploopu detach "$WORK/image"
}

case_r17_a_full_overlay_is_in_the_log() {
    device=$(attach 103 --overlay --overlay-dir "$WORK" --overlay-size 1M | device_of)
    if dd if=/dev/urandom of="$device" bs=64k count=64 oflag=direct 2>/dev/null; then fail 'there is room'; fi
    wait_for told ': its overlay is full: writes fail'
    ploopu -q detach "$device"
}
